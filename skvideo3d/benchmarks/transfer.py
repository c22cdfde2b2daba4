"""Whether what a network has learnt carries over to real videos: it against baselines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skvideo3d.datasets import load_video_folder

from .candidates import METRICS, Candidate, Comparison, compare
from .colour_histogram import ColourHistogram
from .compared_c3d import MAXED, ComparedC3D
from .describing import OnError
from .evaluation import default_classifier
from .options import Options
from .recognition import data_use, note_largest_class, work_counts
from .results import BenchmarkResult

__all__ = ["transfer"]

_NOTES = (
    "low and high bound the accuracy on groups not seen (95 %; Korn & Graubard 1998). sd is that "
    "of the seeds; the best of them was chosen on these very videos.",
    "lead: points by which the first network is ahead at the same layer (of histograms: at its "
    "first layer), bounded by lead low and lead high (95 %, paired).",
)


def transfer(
    root: str | os.PathLike[str],
    weights: str | os.PathLike[str] = "compact",
    *,
    layers: Sequence[str] = ("fc6", "pool5", MAXED),
    n_seeds: int = 5,
    n_full_size: int = 1,
    pattern: str | None = None,
    labels: str | None = None,
    groups: str | None = None,
    classes: Sequence[str] | None = None,
    scale: bool = True,
    C: float = 1.0,
    clip_stride: int | None = None,
    fps: float | None = None,
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32",
    device: str | None = None,
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    r"""Measure what a trained C3D is worth on labelled videos, against networks nobody trained.

    One group of videos (a person, a recording) at a time is left out; a linear SVM learns from the
    descriptors of the others. The same is done with random weights in the same shape and
    preprocessing, with random weights of the full size, and with colour histograms.

    Parameters
    ----------
    root : path-like
        Folder of the videos.
    weights : str or path-like, default="compact"
        A published name or a checkpoint of C3D.
    layers : sequence of str, default=("fc6", "pool5", "pool5-max")
        Layers that `C3DTransformer` knows, and "pool5-max": the largest value of each map of pool5
        in a clip, averaged over the clips.
    n_seeds : int, default=5
        Random networks of the same shape, with seeds 0, 1, ...; 0 leaves them out.
    n_full_size : int, default=1
        Random networks of the full size; 0 leaves them out.
    pattern, labels, groups, classes, follow_links
        See `skvideo3d.datasets.load_video_folder`; without any of the first three, the pattern is
        "auto".
    scale : bool, default=True
        Whether every feature is scaled to mean 0 and variance 1 over the training videos of a fold.
        Rows of a random network hardly differ (cosines of 0.98), so that the SVM cannot tell them
        apart as they are, and any trained network would seem to be far ahead.
    C : float, default=1.0
        Of the SVM.
    clip_stride : int, default=None
        Frames from a clip to the next; None is half a clip, of the network's own length.
    fps, precision, device
        See `C3DTransformer`.
    on_error, memory, n_jobs, verbose
        See `ucf101`.

    Returns
    -------
    BenchmarkResult
        In percent: "accuracy" over all videos, of several seeds their mean, with their standard
        deviation in "sd"; "low" and "high" bound it (95 %, `share_interval`); "lead" is by how much
        the given weights are ahead of a baseline at the same layer (of histograms: at the first of
        `layers`), bounded by "lead low" and "lead high" (95 %, paired, `difference_interval`).

    Raises
    ------
    ValueError
        If the folder has no labelled videos, fewer than two classes or groups, or a group without
        which a class is all that is left; or an argument has no meaning.
    CheckpointError
        If the weights are not those of a C3D.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import transfer
    >>> result = transfer("data/KTH", "mine.safetensors", memory="work")  # doctest: +SKIP
    """
    _check_counts(n_seeds=n_seeds, n_full_size=n_full_size, clip_stride=clip_stride)
    if (pattern, labels, groups) == (None, None, None):
        pattern = "auto"
    videos = load_video_folder(
        root,
        pattern=pattern,
        labels=labels,
        groups=groups,
        classes=classes,
        follow_links=follow_links,
    )
    _check_videos(videos, root)
    folds = list(LeaveOneGroupOut().split(videos.target, videos.target, videos.groups))
    options = Options.of(
        classifier=_classifier(C, scale=scale),
        memory=memory,
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    options.check(videos.target, folds, videos.groups)
    networks = _Networks(
        tuple(dict.fromkeys(layers)),
        clip_stride,
        {"fps": fps, "precision": precision, "device": device},
    )
    store = None if memory is None else Path(memory) / "descriptors"
    candidates = [
        *networks.given_and_alike(weights, n_seeds),
        *networks.full_size(n_full_size),
        Candidate("colour histograms", (ColourHistogram(memory=store, verbose=verbose),)),
    ]
    found = compare(candidates, videos, folds, options)
    result = _result(found, videos, options, Path(os.path.abspath(root)))
    asked = {"clip_stride": clip_stride, "fps": fps, "precision": precision}
    result.settings = {"weights": os.fspath(weights)} | asked | result.settings
    return result


def _check_counts(n_seeds: int, n_full_size: int, clip_stride: int | None) -> None:
    for words, count, smallest in (
        ("n_seeds={} (--seeds)", n_seeds, 0),
        ("n_full_size={} (--full-size)", n_full_size, 0),
        ("clip_stride={} (--clip-stride)", clip_stride, 1),
    ):
        if count is not None and count < smallest:
            raise ValueError(f"{words.format(count)}: give {smallest} or more.")


def _check_videos(videos: Bunch, root: str | os.PathLike[str]) -> None:
    if "groups" not in videos:
        raise ValueError(
            "labels= (--labels) without groups= (--groups): say what videos have in common, such "
            "as the person, or pass pattern= (--pattern), which finds both."
        )
    for what, names in (("class", videos.target_names), ("group", videos.group_names)):
        if len(names) < 2:
            raise ValueError(
                f"all videos below {str(root)!r} are of one {what}, {names[0]!r}; leaving one "
                "group out at a time needs two classes and two groups at least. Mend the pattern."
            )


def _classifier(C: float, *, scale: bool) -> Any:
    if not C > 0:
        raise ValueError(f"C={C!r} (--C): give a positive number.")
    svm = default_classifier().set_params(C=C)
    return Pipeline([("scaler", StandardScaler()), ("svm", svm)]) if scale else svm


@dataclass(frozen=True)
class _Networks:
    """The networks to compare: the same layers of each."""

    layers: tuple[str, ...]
    clip_stride: int | None
    others: dict[str, Any]

    def given_and_alike(self, weights: str | os.PathLike[str], n_seeds: int) -> list[Candidate]:
        """Give the trained network, and random ones that differ in their values alone."""
        from skvideo3d.models.checkpoints import resolve_weights

        given = resolve_weights(weights, "c3d")
        config: dict[str, Any] = dict(given.config)
        clip_len = config["input_size"][0]
        trained = self._candidate(
            Path(weights).stem, [{"weights": os.fspath(weights)}], clip_len=clip_len
        )
        if not n_seeds:
            return [trained]
        if not {"fc8", "prob"} & set(self.layers):
            # Drawn last: what is kept of the other layers serves networks for any classes.
            config["num_classes"] = None
        seeds = [{"config": config, "random_state": seed} for seed in range(n_seeds)]
        recipe = given.preprocessing
        return [
            trained,
            self._candidate("random", seeds, clip_len=clip_len, preprocessing=recipe),
        ]

    def full_size(self, n_seeds: int) -> list[Candidate]:
        """Give random networks as `C3DTransformer` has them."""
        seeds = [{"random_state": seed} for seed in range(n_seeds)]
        return [self._candidate("full-size random", seeds)] if seeds else []

    def _candidate(
        self, name: str, members: list[dict[str, Any]], *, clip_len: int = 16, **common: Any
    ) -> Candidate:
        layer = tuple(dict.fromkeys("pool5" if name == MAXED else name for name in self.layers))
        describers = [
            ComparedC3D(
                layer=layer,
                with_maxima=MAXED in self.layers,
                clip_len=clip_len,
                clip_stride=self.clip_stride or max(1, clip_len // 2),
                **self.others,
                **common,
                **member,
            )
            for member in members
        ]
        return Candidate(name, tuple(describers), self.layers)


def _result(found: Comparison, videos: Bunch, options: Options, root: Path) -> BenchmarkResult:
    described = found.described
    usable = described.usable
    labels, sizes = np.unique(videos.target[usable], return_counts=True)
    names = [videos.target_names[label] for label in labels]
    n_groups = len(np.unique(videos.groups[usable]))
    settings = options.settings(described, root)
    for name in ("describer", "n_features", "random_weights"):
        del settings[name]
    return BenchmarkResult(
        benchmark=f"transfer/{root.name}",
        title=(
            f"{root.name}: {len(usable)} videos, {len(labels)} classes, "
            f"one of {n_groups} groups left out at a time"
        ),
        metrics=METRICS,
        rows=found.rows,
        data=data_use(videos, described),
        settings=settings | {"weights_sha256": found.weights},
        times=found.times,
        counts=work_counts(described),
        notes=[*_NOTES, *note_largest_class(videos.target[usable], videos.target_names)],
        chance=100 / len(labels),
        predictions=found.predictions,
        confusion={"labels": names, "matrix": found.confusion.tolist()},
        class_counts=dict(zip(names, sizes.tolist(), strict=True)),
        per_class={
            name: 100 * float(hits / size)
            for name, hits, size in zip(names, found.confusion.diagonal(), sizes, strict=True)
        },
    )
