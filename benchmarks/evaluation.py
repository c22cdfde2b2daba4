"""What evaluations cost on this machine: each figure beside a plain version in the same run.

    python benchmarks/evaluation.py [VIDEO] [--json FILE]

Leave-one-out of 420 descriptors of 4096 values, similarities of 6000 pairs, and windows of a video
described one after the other. Without VIDEO, one is generated.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import normalize

from skvideo3d import VideoSegment
from skvideo3d.benchmarks.describing import Described
from skvideo3d.benchmarks.evaluation import default_classifier, evaluate
from skvideo3d.datasets import make_action_videos
from skvideo3d.feature_extraction.similarities import pair_similarities
from skvideo3d.video.sharing import share_readings
from skvideo3d.video.sources import as_source


def seconds_of(function):
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def leave_one_out(n_plain=12):
    """YUPENN's size: ours over all folds, the classifier on all 4096 columns over some."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(14), 30)
    centres = rng.random((14, 4096))
    rows = np.maximum(0.1 * centres[y] + rng.normal(size=(420, 4096)), 0)
    rows = normalize(rows).astype(np.float32)
    folds = [(np.delete(np.arange(420), i), np.array([i])) for i in range(420)]
    ours, outcomes = seconds_of(lambda: evaluate(Described(rows, None), y, folds))

    def plain():
        return [
            clone(default_classifier()).fit(rows[train], y[train]).predict(rows[test])[0]
            for train, test in folds[:n_plain]
        ]

    whole, expected = seconds_of(plain)
    same = [outcome.predictions[0] for outcome in outcomes[:n_plain]] == expected
    return {
        "ours, seconds": ours,
        f"plain, seconds (from {n_plain} folds)": whole * 420 / n_plain,
        "ratio": whole * 420 / n_plain / ours,
        "same predictions": same,
    }


def similarities(n_plain=300):
    """ASLAN's size: ours over all pairs, one formula after the other over some."""
    rng = np.random.default_rng(0)
    rows = np.maximum(rng.normal(size=(3697, 4096)), 0).astype(np.float32)
    first = rng.integers(0, len(rows), 6000)
    second = (first + rng.integers(1, len(rows), 6000)) % len(rows)  # another one
    ours, found = seconds_of(lambda: pair_similarities(rows, first, second))
    some = list(zip(first[:n_plain], second[:n_plain], strict=True))
    whole, expected = seconds_of(lambda: [formulas(rows[a], rows[b]) for a, b in some])
    return {
        "ours, seconds": ours,
        f"plain, seconds (from {n_plain} pairs)": whole * 6000 / n_plain,
        "ratio": whole * 6000 / n_plain / ours,
        "largest relative difference": float(np.max(np.abs(found[:n_plain] / expected - 1))),
    }


def formulas(x1, x2):
    """Compute the formulas as they are written, for one pair."""
    x1, x2 = x1.astype(np.float64), x2.astype(np.float64)
    u1, u2 = x1 / np.linalg.norm(x1), x2 / np.linalg.norm(x2)
    either = (x1 + x2) > 0
    both, total = (x1 * x2)[either], (x1 + x2)[either]
    logs = np.log(np.maximum([u1, u2], np.finfo(np.float32).tiny))
    return [
        np.sum(x1 * x2),
        np.sqrt(np.sum(x1 * x2)),
        np.sqrt(np.sum(np.sqrt(x1) * np.sqrt(x2))),
        np.sqrt(np.sum(both / total)),
        np.sum(x1 * x2) / (np.linalg.norm(x1) * np.linalg.norm(x2)),
        np.sqrt(np.sum((x1 - x2)[either] ** 2 / total)),
        np.sum(np.abs(x1 - x2)),
        np.sqrt(np.sum((np.sqrt(x1) - np.sqrt(x2)) ** 2)),
        np.sqrt(np.sum((u1 - u2) ** 2)),
        (np.sum(u1 * (logs[0] - logs[1])) + np.sum(u2 * (logs[1] - logs[0]))) / 2,
        np.sum(np.sqrt(np.maximum(u1, u2)[either]) / np.sqrt((u1 + u2)[either])),
        np.sum(np.minimum(u1, u2)) / (np.sum(u1) * np.sum(u2)),
    ]


def windows(video):
    """Windows of 16 frames every 8, of one file: one decoding against one for each window."""
    n_frames = sum(1 for _ in as_source(video).frames())
    sources = [as_source(VideoSegment(video, i, i + 16)) for i in range(0, n_frames - 15, 8)]

    def shared():
        with share_readings(sources) as readings:
            return [[frame.pixels for frame in source.frames()] for source in readings]

    def plain():
        return [[frame.pixels for frame in source.frames()] for source in sources]

    ours, found = seconds_of(shared)
    slow, expected = seconds_of(plain)
    return {
        "frames": n_frames,
        "windows": len(sources),
        "ours, seconds": ours,
        "plain, seconds": slow,
        "ratio": slow / ours,
        "same pixels": bool(np.array_equal(found, expected)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.video is None:
            made = make_action_videos(1, classes=1, n_groups=1, n_frames=400, gop=12, folder=folder)
            args.video = made.data[0]
        figures = {
            "leave-one-out, 420 x 4096, 14 classes": leave_one_out(),
            "similarities, 6000 pairs of 4096": similarities(),
            "windows of one video": windows(args.video),
        }
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors")
    for title, values in figures.items():
        print(title)
        for name, value in values.items():
            print(f"  {name}: {value:.3g}" if isinstance(value, float) else f"  {name}: {value}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
