"""What descriptors cost on this machine: each figure beside a plain version in the same run.

    python benchmarks/descriptors.py [VIDEO ...] [--json FILE]

Without VIDEO, generated ones are used. Times are the best of a few runs, on a shared machine the
least disturbed one.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.datasets import make_action_videos
from skvideo3d.feature_extraction.network import run_network
from skvideo3d.models import load_weights, save_weights
from skvideo3d.video import Preprocessing
from skvideo3d.video.resizing import resize_bilinear

SMALL = {"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": None}
# ru_maxrss would carry over the peak of the process that started this one.
PEAK = """
import sys
from skvideo3d import C3DTransformer
C3DTransformer(sys.argv[1]).transform([sys.argv[2]])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def best(function, repeats=3):
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def network_row(name, transformer, paths):
    """Plain eager network on contiguous tensors, ours on the same clips, and files to rows."""
    spec = transformer._spec()
    rng = np.random.default_rng(0)
    size = (spec.clip_len, *spec.preprocessing.crop, 3)
    batch = transformer._default_batch_size
    clips = rng.integers(0, 256, (batch, *size), dtype=np.uint8)
    plain = load_weights(None, name, seed=0)
    values = torch.from_numpy(spec.preprocessing.prepare_clips(clips)).contiguous()
    with torch.inference_mode():
        expected = plain.describe(values, spec.layers)
        slow = min(
            best(lambda: plain.describe(values[:1].contiguous(), spec.layers)),
            best(lambda: plain.describe(values, spec.layers)) / batch,
        )
    result = run_network(clips, spec)
    fast = best(lambda: run_network(clips, spec)) / batch
    error = max(
        float(np.abs(result[k] - expected[k].numpy()).max() / expected[k].abs().max())
        for k in result
    )
    n_clips = sum(len(c.start_frame) for c in transformer.transform_clips(paths))
    whole = best(lambda: transformer.transform(paths), repeats=1)
    return {
        "plain, s/clip": slow,
        "ours, s/clip": fast,
        "speed-up": slow / fast,
        "relative error": error,
        "files to rows, s/clip": whole / n_clips,
        "share of the network's speed": fast * n_clips / whole,
        "s/video": whole / len(paths),
        "clips/video": n_clips / len(paths),
    }


def store_row(folder):
    save_weights(load_weights(None, "c3d", seed=0, config=SMALL), folder / "small.safetensors")
    videos = make_action_videos(
        20, n_frames=16, size=(64, 64), random_state=0, folder=folder / "store-videos"
    )
    recipe = Preprocessing(resize=(36, 48), crop=(32, 32))
    describer = C3DTransformer(
        folder / "small.safetensors", preprocessing=recipe, memory=folder / "store"
    )
    paths = videos.data
    computed = best(lambda: describer.transform(paths), repeats=1)
    from skvideo3d.feature_extraction.extraction import look_up
    from skvideo3d.feature_extraction.store import DescriptorStore, open_store
    from skvideo3d.video.sources import as_source

    spec = describer._spec()
    warm = open_store(str(folder / "store"))
    sources = [as_source(path) for path in paths]
    in_memory = best(lambda: [look_up(s, spec, warm) for s in sources], 20) / len(paths)
    from_disk = best(
        lambda: [look_up(s, spec, DescriptorStore(warm.folder)) for s in sources], 5
    ) / len(paths)
    call = best(lambda: describer.transform(paths), 5)
    return {
        "computed, ms/video (small network)": 1e3 * computed / len(paths),
        "from memory, us/video": 1e6 * in_memory,
        "from disk, us/video": 1e6 * from_disk,
        "a call on 20 known videos, ms": 1e3 * call,
    }


def memory_row(folder):
    """Peak memory of a process that describes a video, and one a hundred times longer."""
    save_weights(
        load_weights(None, "c3d", seed=0, config=SMALL),
        folder / "m.safetensors",
        preprocessing=Preprocessing(resize=(36, 48), crop=(32, 32)),
    )
    peaks = []
    for n_frames in (100, 10_000):
        made = make_action_videos(
            1,
            n_frames=n_frames,
            random_state=0,
            size=(120, 160),
            gop=25,
            folder=folder / f"long-{n_frames}",
        )
        output = subprocess.run(
            [sys.executable, "-c", PEAK, folder / "m.safetensors", made.data[0]],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        peaks.append(int(output) / 1024)
    return {
        "100 frames, MiB": peaks[0],
        "10000 frames, MiB": peaks[1],
        "ratio": peaks[1] / peaks[0],
    }


def resize_row():
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    crop = (slice(8, 120), slice(29, 141))
    ours = best(lambda: [resize_bilinear(frame, (128, 171), crop) for _ in range(50)]) / 50
    row = {"ours, ms/frame": 1e3 * ours}
    try:
        import cv2
    except ImportError:
        return row
    theirs = best(lambda: [cv2.resize(frame, (171, 128)) for _ in range(50)]) / 50
    return row | {"OpenCV (SIMD), ms/frame": 1e3 * theirs, "ratio": theirs / ours}


def import_row():
    code = (
        "import time; import sklearn.decomposition, sklearn.preprocessing; b=time.perf_counter();"
    )
    code += "import skvideo3d; print(time.perf_counter() - b)"
    runs = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(3)
    ]
    return {"import skvideo3d beyond scikit-learn's, s": min(runs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = (
            args.videos
            or make_action_videos(
                4, n_frames=128, size=(240, 320), random_state=0, folder=folder / "videos"
            ).data
        )
        rows = {
            "C3D float32, fc6": lambda: network_row(
                "c3d", C3DTransformer(None, random_state=0), paths
            ),
            "I3D float32, avg_pool": lambda: network_row(
                "i3d", I3DTransformer(None, random_state=0), paths
            ),
            "store": lambda: store_row(folder),
            "peak memory": lambda: memory_row(folder),
            "resize 240x320 to 128x171, cropped": resize_row,
            "import": import_row,
        }
        machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
        print(f"{machine}, {torch.get_num_threads()} threads; {len(paths)} videos")
        results = {"machine": machine}
        for title, measure in rows.items():
            results[title] = measure()
            print(f"\n{title}")
            for key, value in results[title].items():
                print(f"  {key:<42}{value:.3g}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
