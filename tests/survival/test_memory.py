"""A long video under a ceiling of memory, and files that would go through it."""

import os
import subprocess
import sys

import av
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")

_PROGRAM = """
import resource, sys
import numpy as np
from skvideo3d import C3DTransformer

video, weights, stride = sys.argv[1:]
c3d = C3DTransformer(weights=weights, clip_stride=int(stride), verbose=0).fit([video])
c3d.transform([np.zeros((40, 60, 80, 3), np.uint8)])  # the network's own: weights and its work
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
limit = used + int(1.5e9)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))  # the reading process inherits it
row, = c3d.transform([video])
print(np.isfinite(row).all(), len(c3d.losses_), len(row))
"""


@pytest.mark.slow
def test_half_an_hour_of_video_needs_no_more_memory_than_the_limit(tmp_path, small_c3d):
    path = tmp_path / "long.mp4"
    n_frames = 30 * 60 * 25
    rng = np.random.default_rng(0)
    pictures = [
        av.VideoFrame.from_ndarray(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8), "rgb24")
        for _ in range(8)
    ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 120, 90, "yuv420p"
        stream.gop_size = 25
        for n in range(n_frames):
            picture = pictures[n // 25 % 8]
            picture.pts = n
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    # All frames decoded and kept would be 1.46 GB before they are resized.
    assert n_frames * 90 * 120 * 3 > 1.4e9
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path), str(small_c3d), "400"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[:2] == ["True", "0"]
