"""What a frame costs before the network sees it, in CPU time: each stage beside a plain version.

    python benchmarks/reading.py [VIDEO ...] [--json FILE]

Without VIDEO, a generated one is used. The network needs all cores, so what counts is the CPU
seconds of all threads, not the time that passes. Times are the best of a few runs.
"""

import argparse
import json
import sys
import tempfile
import time

import numpy as np

from skvideo3d.datasets import make_action_videos
from skvideo3d.video import C3D_PREPROCESSING, I3D_PREPROCESSING
from skvideo3d.video.readers import read_file
from skvideo3d.video.resizing import resized_shape

RECIPES = {
    "C3D": (C3D_PREPROCESSING, 16),
    "I3D": (I3D_PREPROCESSING, 64),
}


def cpu_ms(function, n_frames, repeats=5):
    """Least CPU time of the whole process, in ms a frame."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        seconds.append(time.process_time() - began)
    return 1e3 * min(seconds) / n_frames


def decode_plainly(path):
    """As PyAV's own examples do it."""
    import av

    with av.open(path) as container:
        return [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]


def resize_plainly(frame, size, window):
    """Do the same integer arithmetic by whole-array indexing, keeping nothing between frames."""

    def taps(source, target, is_border_whole):
        position = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
        first = np.floor(position).astype(int)
        weight = position - first.astype(np.float32)
        if is_border_whole:
            weight[(first < 0) | (first >= source - 1)] = 0
        low = np.rint((1 - weight) * 2048).astype(np.int32)
        high = np.rint(weight * 2048).astype(np.int32)
        return np.clip(first, 0, source - 1), np.clip(first + 1, 0, source - 1), low, high

    top, bottom, upper, lower = (v[window[0]] for v in taps(frame.shape[0], size[0], False))
    left, right, before, after = (v[window[1]] for v in taps(frame.shape[1], size[1], True))
    pixels = frame.astype(np.int32)
    across = pixels[:, left] * before[:, None] + pixels[:, right] * after[:, None] >> 4
    down = (across[top] * upper[:, None, None] >> 16) + (
        across[bottom] * lower[:, None, None] >> 16
    )
    return (down + 2 >> 2).astype(np.uint8)


def prepare_plainly(recipe, clips):
    values = clips.astype(np.float32) * np.float32(recipe.scale)
    ordered = values[..., ::-1] if recipe.channel_order == "bgr" else values
    return (ordered - np.array(recipe.mean, np.float32)).transpose(0, 4, 1, 2, 3)


def row(stage, ours, plain, n_frames, opencv=None):
    result = {
        "stage": stage,
        "ms CPU a frame": cpu_ms(ours, n_frames),
        "plain": cpu_ms(plain, n_frames),
        "OpenCV": cpu_ms(opencv, n_frames) if opencv is not None else None,
    }
    result["times faster"] = result["plain"] / result["ms CPU a frame"]
    return result


def rows(path):
    try:
        import cv2
    except ImportError:
        cv2 = None
    else:
        cv2.setNumThreads(1)

    def decode_with_opencv():
        capture = cv2.VideoCapture(path)
        while capture.read()[0]:
            pass

    frames = [frame.pixels for frame in read_file(path)]
    yield row(
        "decode",
        lambda: sum(1 for _ in read_file(path)),
        lambda: decode_plainly(path),
        len(frames),
        decode_with_opencv if cv2 else None,
    )
    frames = frames[:32]
    for name, (recipe, clip_len) in RECIPES.items():
        size = resized_shape(*frames[0].shape[:2], recipe.resize)
        window = tuple(
            slice((a - b) // 2, (a - b) // 2 + b) for a, b in zip(size, recipe.crop, strict=True)
        )
        prepared = [recipe.prepare_frame(frame) for frame in frames]
        for frame, expected in zip(frames, prepared, strict=True):
            np.testing.assert_array_equal(resize_plainly(frame, size, window), expected)
        yield row(
            f"resize, {name}",
            lambda r=recipe: [r.prepare_frame(frame) for frame in frames],
            lambda s=size, w=window: [resize_plainly(frame, s, w) for frame in frames],
            len(frames),
            (lambda s=size: [cv2.resize(frame, s[::-1]) for frame in frames]) if cv2 else None,
        )
        clips = np.resize(np.stack(prepared), (1, clip_len, *recipe.crop, 3))
        np.testing.assert_array_equal(recipe.prepare_clips(clips), prepare_plainly(recipe, clips))
        yield row(
            f"prepare_clips, {name}",
            lambda r=recipe, c=clips: r.prepare_clips(c),
            lambda r=recipe, c=clips: prepare_plainly(r, c),
            clip_len,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*", metavar="VIDEO")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = (
            arguments.videos
            or make_action_videos(
                1, n_frames=100, size=(240, 320), random_state=0, folder=folder
            ).data
        )
        results = {str(path): list(rows(str(path))) for path in paths}
    for path, stages in results.items():
        print(path)
        print(f"{'ms CPU a frame':<22}{'ours':>8}{'plain':>8}{'ratio':>8}{'OpenCV':>8}")
        for stage in stages:
            opencv = f"{stage['OpenCV']:8.3f}" if stage["OpenCV"] is not None else " " * 8
            print(
                f"{stage['stage']:<22}{stage['ms CPU a frame']:8.3f}{stage['plain']:8.3f}"
                f"{stage['times faster']:8.1f}{opencv}"
            )
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)


if __name__ == "__main__":
    sys.exit(main())
