"""``skvideo3d demo``: the main job from video files to accuracies, offline, in two minutes."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError

if TYPE_CHECKING:
    from sklearn.utils import Bunch

__all__ = ["add_parser", "run"]

_ACTIONS = ["translate_left", "rotate_clockwise", "oscillate_vertically", "still"]
_N_PLACES = 6
_N_FRAMES = 24  # two clips of 16 that overlap by 8
_GRID = {"c3dtransformer__n_components": [4, 8], "linearsvc__C": [1.0, 10.0]}


@dataclass(frozen=True)
class _Findings:
    videos: Bunch
    motion: NDArray[np.int64]  # predictions of leave-one-out
    place: NDArray[np.int64]
    best: dict[str, Any]
    best_score: float
    n_fits: int
    n_read: Counter[str]  # how often each video was opened in this run
    seconds: dict[str, float]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "demo",
        help="generate videos, describe and classify them, write a report",
        description="Generate small video files, describe them with the small C3D that comes with "
        "the package, classify the descriptors by leave-one-out and grid search, write a report.",
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("skvideo3d-demo"), help="default: skvideo3d-demo"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask for.

    Parameters
    ----------
    args : argparse.Namespace

    Returns
    -------
    int
        Exit status: 0, or 1 with the reason on stderr.
    """
    try:
        findings = _find(args.folder)
    except (SkVideo3DError, OSError) as error:
        print(f"skvideo3d demo: {error}", file=sys.stderr)
        return 1
    has_picture = _draw(findings, args.folder / "demo.png")
    report = _report(findings, has_picture)
    (args.folder / "report.md").write_text(report, encoding="utf-8")
    print(f"\n{report}\nWritten to {args.folder / 'report.md'}")
    return 0


def _find(folder: Path) -> _Findings:
    from sklearn.model_selection import GridSearchCV, LeaveOneOut, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    from skvideo3d import C3DTransformer
    from skvideo3d.datasets import make_action_videos
    from skvideo3d.feature_extraction.store import open_store

    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name] = time.perf_counter() - clock
        clock = time.perf_counter()

    print(f"1. Generating videos in {folder / 'videos'}")
    videos = make_action_videos(
        _N_PLACES * len(_ACTIONS),
        classes=_ACTIONS,
        n_groups=_N_PLACES,
        n_frames=_N_FRAMES,
        random_state=0,
        folder=folder / "videos",
    )
    lap("generate")
    memory = (folder / "descriptors").absolute()
    store = open_store(str(memory))
    read_before = len(store.readings())

    print("2. Describing them: the compact C3D, fc6 averaged over clips of 16 frames")
    describer = C3DTransformer("compact", memory=memory, verbose=1)
    model = make_pipeline(describer, LinearSVC(C=10.0, random_state=0))
    describer.fit_transform(videos.data)
    describer.set_params(verbose=0)
    lap("describe")

    print("3. Leave-one-out over the whole pipeline, for the motion and for the place")
    motion = cross_val_predict(model, videos.data, videos.target, cv=LeaveOneOut())
    place = cross_val_predict(model, videos.data, videos.groups, cv=LeaveOneOut())
    lap("leave-one-out")

    print("4. Grid search over PCA size and C, two processes")
    search = GridSearchCV(model, _GRID, cv=3, n_jobs=2).fit(videos.data, videos.target)
    lap("grid search")
    return _Findings(
        videos=videos,
        motion=motion,
        place=place,
        best=search.best_params_,
        best_score=float(search.best_score_),
        n_fits=3 * len(search.cv_results_["params"]) + 1 + 2 * len(videos.data),
        n_read=Counter(store.readings()[read_before:]),
        seconds=seconds,
    )


def _report(findings: _Findings, has_picture: bool) -> str:
    videos = findings.videos
    n_videos = len(videos.data)
    times = ", ".join(f"{name} {value:.1f} s" for name, value in findings.seconds.items())
    components = findings.best["c3dtransformer__n_components"]
    lines = [
        "# skvideo3d demo",
        "",
        "**The network is the compact one that comes with the package**, a C3D of a quarter of",
        "the width that was trained on generated clips alone. This shows that the parts work",
        "together, not how good C3D is: for descriptors that know people and places use",
        "published weights (`skvideo3d weights list`), or train your own (`skvideo3d train`).",
        "",
        f"{n_videos} generated H.264 files of {_N_FRAMES} frames: {len(_ACTIONS)} motions "
        f"({', '.join(videos.target_names)}) in {_N_PLACES} places.",
        "",
        "| leave-one-out, LinearSVC on fc6 | accuracy | chance |",
        "|---|---|---|",
        f"| which place | {np.mean(findings.place == videos.groups):.2f} | {1 / _N_PLACES:.2f} |",
        f"| which motion | {np.mean(findings.motion == videos.target):.2f} "
        f"| {1 / len(_ACTIONS):.2f} |",
        "",
        f"Grid search for the motion, 3 folds: best accuracy {findings.best_score:.2f} with "
        f"{components} PCA components and C = {findings.best['linearsvc__C']:g}.",
        "",
        _decoding(findings),
        "",
        f"Time: {times}.",
    ]
    if has_picture:
        lines += ["", "![Frames and descriptors](demo.png)"]
    else:
        lines += ["", "For a picture, install matplotlib: `pip install 'skvideo3d[plot]'`."]
    return "\n".join(lines) + "\n"


def _decoding(findings: _Findings) -> str:
    n_videos, counts = len(findings.videos.data), findings.n_read
    fits = f"{findings.n_fits} fits of the pipeline in three processes"
    if not counts:
        return f"Videos decoded in {fits}: none; an earlier run left their descriptors here."
    often = "once each" if max(counts.values()) == 1 else f"up to {max(counts.values())} times"
    return f"Videos decoded in {fits}: {len(counts)} of {n_videos}, {often}."


def _draw(findings: _Findings, path: Path) -> bool:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    from sklearn.decomposition import PCA

    from skvideo3d import C3DTransformer
    from skvideo3d.video.sources import as_source

    videos = findings.videos
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    ((left, right),) = figure.subfigures(1, 2, width_ratios=(1.15, 1), squeeze=False)
    shown = [0, _N_FRAMES // 3, 2 * _N_FRAMES // 3, _N_FRAMES - 1]
    axes = left.subplots(len(_ACTIONS), len(shown))
    left.suptitle("One place, four motions")
    for row, (name, video) in enumerate(zip(videos.target_names, videos.data, strict=False)):
        frames = [frame.pixels for frame in as_source(video).frames()]
        for axis, number in zip(axes[row], shown, strict=True):
            axis.imshow(frames[number])
            axis.set(xticks=[], yticks=[])
        axes[row, 0].set_ylabel(name.replace("_", "\n"), fontsize=8)
    for axis, number in zip(axes[-1], shown, strict=True):
        axis.set_xlabel(f"frame {number}", fontsize=8)

    describer = C3DTransformer("compact", memory=(path.parent / "descriptors").absolute())
    plane = PCA(2).fit_transform(describer.fit_transform(videos.data))
    axis = right.subplots()
    markers = "o^sDvP"
    for label, name in enumerate(videos.target_names):
        chosen = videos.target == label
        axis.scatter(
            *plane[chosen].T,
            c=videos.groups[chosen],
            cmap="tab10",
            vmin=0,
            vmax=9,
            marker=markers[label],
            label=name,
        )
    axis.set(
        title="fc6 of the compact C3D:\ncolour is the place, shape the motion",
        xlabel="first principal component",
        ylabel="second",
    )
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=100)
    return True
