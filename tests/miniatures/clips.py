"""Real video files of a few frames whose looks tell their class, mostly."""

from pathlib import Path

import numpy as np


def write_clip(path, label, seed, *, n_frames=20, size=(32, 48), noise=12.0):
    """Write a file in which the class is a colour pattern, under noise of its own.

    The suffix of `path` decides the container; .avi is MPEG-4, as UCF101's files are.
    """
    import av

    rng = np.random.default_rng([label, seed])
    pattern = np.random.default_rng(label).integers(30, 226, (4, 6, 3)).repeat(8, 0).repeat(8, 1)
    shift = rng.normal(0, noise, pattern.shape)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    container = av.open(str(path), "w")
    stream = container.add_stream("mpeg4" if path.suffix == ".avi" else "libx264", rate=25)
    stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
    for _ in range(n_frames):
        pixels = pattern + shift + rng.normal(0, noise, pattern.shape)
        pixels = pixels[: size[0], : size[1]].clip(0, 255).astype(np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(stream.encode())
    container.close()
    return str(path)
