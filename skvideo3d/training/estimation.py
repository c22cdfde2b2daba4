"""What a fit of a `VideoClassifier` does, from videos and labels to a trained network."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from joblib import cpu_count
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.feature_extraction.devices import usable_device
from skvideo3d.feature_extraction.progress import ProgressBar
from skvideo3d.feature_extraction.validation import recognise_videos
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.sources import VideoSource

from .checkpoints import rows_of, unwrapped
from .clips import TrainingClips, VideoClips
from .fitting import FitSettings, train
from .frame_store import FrameStore, KeptVideo
from .identity import find_checkpoint, known_by
from .jitter import Jitter
from .labels import LabelledVideos, check_sides, split_off, weights_of_classes
from .networks import NetworkStart, NetworkWish, freeze_up_to, start_network
from .recipes import TrainingRecipe, find_recipe

if TYPE_CHECKING:
    from .classifier import VideoClassifier

__all__ = ["Estimate", "estimate", "open_store"]

# Processes that cut clips for a GPU: each does hundreds a second.
_MOST_WORKERS = 8


@dataclass(frozen=True)
class Estimate:
    """What a fit found.

    Parameters
    ----------
    network : Module
        On the CPU, in evaluation mode.
    start : NetworkStart
    recipe : TrainingRecipe
        With the numbers that were used.
    history : list of dict
    failures, losses : dict of int to str
        Positions and reasons.
    validated : ndarray of shape (n_validated,)
        Positions of the videos that were left out to validate on.
    net : ClipNet
    seed : int
    """

    network: torch.nn.Module
    start: NetworkStart
    recipe: TrainingRecipe
    history: list[dict[str, float]]
    failures: dict[int, str]
    losses: dict[int, str]
    validated: NDArray[np.intp]
    net: Any
    seed: int


def estimate(classifier: VideoClassifier, given: LabelledVideos, seed: int) -> Estimate:
    """Train the network of a classifier.

    Parameters
    ----------
    classifier : VideoClassifier
        For its parameters.
    given : LabelledVideos
    seed : int

    Returns
    -------
    Estimate
    """
    labels, classes = given.labels, given.classes
    recipe = _recipe(classifier)
    device = usable_device(classifier.device)
    if device != (classifier.device or device):
        warnings.warn(
            f"device={classifier.device!r}: this machine has no CUDA; training on the CPU.",
            UserWarning,
            stacklevel=4,
        )
    if classifier.freeze and classifier.weights is None and isinstance(classifier.network, str):
        warnings.warn(
            f"freeze={classifier.freeze!r} without weights=: the layers up to it stay random. Pass "
            "weights= to keep what somebody trained.",
            UserWarning,
            stacklevel=4,
        )
    start = _start(classifier, recipe, len(classes), seed)
    recipe = replace(recipe, sampling=replace(recipe.sampling, clip_len=start.clip_len))
    frozen = freeze_up_to(
        start.network, classifier.freeze, (start.clip_len, *start.preprocessing.crop)
    )
    sources, unusable = recognise_videos(given.videos, classifier.on_error)
    split = split_off(classifier.validation, labels, given.groups, seed)
    known = known_by(
        classifier, recipe, start, given=given, sources=sources, split=split, seed=seed
    )
    find_checkpoint(classifier, recipe, known)  # another training's is refused before hours pass
    failures: dict[int, SkVideo3DError] = dict(unusable)
    with open_store(classifier, start.preprocessing.resize) as store:
        kept = _kept(classifier, store, sources, recipe, failures)
        present = np.array(sorted(kept))
        _check_classes(given, present, failures)
        known |= {"unreadable videos": repr(sorted(failures))}
        path, state = find_checkpoint(classifier, recipe, known)
        if state is not None:
            seed = state.seed
            if isinstance(classifier.validation, Real):  # the splits of splitters are compared
                split = split_off(classifier.validation, labels, given.groups, seed)
        train_part, valid_part = (part[np.isin(part, present)] for part in split)
        check_sides(classifier.validation, labels, train_part, valid_part, n_lost=len(failures))
        codes = np.searchsorted(classes, labels)
        weights = weights_of_classes(classifier.class_weight, classes, labels[train_part])
        clips = TrainingClips(
            store,
            [kept[place] for place in train_part],
            codes[train_part],
            sampling=recipe.sampling,
            jitter=Jitter(start.preprocessing.crop, recipe.flip) if recipe.jitter else None,
            preprocessing=start.preprocessing,
            seed=seed,
        )
        valid_clips = None
        if len(valid_part):
            valid_clips = VideoClips(
                store,
                [kept[place] for place in valid_part],
                codes[valid_part],
                clip_len=start.clip_len,
                n_clips=classifier.n_test_clips,
                preprocessing=start.preprocessing,
                short_video=recipe.sampling.short_video,
            )
        if classifier.verbose and _is_main_process(classifier):
            print(_plan(classifier, start, len(clips), labels[train_part]), file=sys.stderr)
        settings = FitSettings(
            recipe=recipe,
            seed=seed,
            frozen=frozen,
            class_weight=None if weights is None else torch.from_numpy(weights),
            precision=classifier.precision,
            device=device,
            n_workers=_workers(device),
            accelerator=classifier.accelerator,
            checkpoint=path,
            known_by=known,
            state=state,
            checkpoint_seconds=60.0 * classifier.checkpoint_minutes,
            name=type(classifier).__name__,
            verbose=bool(classifier.verbose),
        )
        net = train(start, settings, clips, valid_clips)
    net.train_split = None  # which holds the frames
    trained: Any = unwrapped(net)
    network = trained.to("cpu", memory_format=torch.contiguous_format).eval()
    return Estimate(
        network=network,
        start=start,
        recipe=recipe,
        history=rows_of(net),
        failures={place: str(error) for place, error in failures.items()},
        losses={place: video.loss for place, video in kept.items() if video.loss},
        validated=valid_part,
        net=net,
        seed=seed,
    )


def _is_main_process(classifier: VideoClassifier) -> bool:
    return classifier.accelerator is None or bool(classifier.accelerator.is_main_process)


def _plan(
    classifier: VideoClassifier, start: NetworkStart, n_clips: int, labels: NDArray[Any]
) -> str:
    """Say what there is to learn, from how much, and what a guess would be worth."""
    n_learnt = sum(p.numel() for p in start.network.parameters() if p.requires_grad)
    _, counts = np.unique(labels, return_counts=True)
    return (
        f"{type(classifier).__name__}: {n_learnt:,} parameters to learn from {n_clips:,} clips an "
        f"epoch, of {len(labels):,} videos; to call all of them by the most frequent class is "
        f"right for {counts.max() / counts.sum():.1%}."
    )


def open_store(classifier: VideoClassifier, resize: int | tuple[int, int]) -> FrameStore:
    """Open the frames of a classifier's `memory`, or temporary ones.

    Parameters
    ----------
    classifier : VideoClassifier
    resize : int or (int, int)

    Returns
    -------
    FrameStore
    """
    location = getattr(classifier.memory, "location", classifier.memory)
    return FrameStore(
        None if location is None else os.path.join(os.fspath(location), "frames"),
        resize=resize,
        fps=classifier.fps,
        max_bytes=classifier.max_bytes,
        limits=ReadingLimits(
            None if classifier.timeout is None else float(classifier.timeout),
            int(classifier.max_pixels),
        ),
    )


def _workers(device: str) -> int:
    """Choose how many processes cut clips: beside a GPU several, beside the CPU none."""
    if torch.device(device).type == "cpu":
        return 0
    return max(0, min(_MOST_WORKERS, int(cpu_count()) - 1))


def _recipe(classifier: VideoClassifier) -> TrainingRecipe:
    given = {
        name: getattr(classifier, name)
        for name in ("lr", "weight_decay", "batch_size")
        if getattr(classifier, name) is not None
    }
    if classifier.max_epochs is not None:
        given |= {"max_epochs": classifier.max_epochs, "max_iterations": None}
    return replace(find_recipe(classifier.recipe), **given)


def _start(
    classifier: VideoClassifier, recipe: TrainingRecipe, n_classes: int, seed: int
) -> NetworkStart:
    size = classifier.input_size
    wish = NetworkWish(
        n_classes=n_classes,
        seed=seed,
        weights=classifier.weights,
        clip_len=classifier.clip_len,
        default_clip_len=recipe.sampling.clip_len,
        input_size=None if size is None else _height_and_width(size),
        preprocessing=classifier.preprocessing,
        params=dict(classifier.network_params or {}),
    )
    return start_network(classifier.network, wish)


def _height_and_width(size: int | Sequence[int]) -> tuple[int, int]:
    sides = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, Integral) and side > 0 for side in sides):
        raise ValueError(f"input_size={size!r}: give one number of pixels, or (height, width).")
    return int(sides[0]), int(sides[1])


def _kept(
    classifier: VideoClassifier,
    store: FrameStore,
    sources: Sequence[VideoSource | None],
    recipe: TrainingRecipe,
    failures: dict[int, SkVideo3DError],
) -> dict[int, KeptVideo]:
    """Decode the videos; those that fail join the failures."""
    places = [place for place, source in enumerate(sources) if source is not None]
    name = f"{type(classifier).__name__} reads"
    with ProgressBar(len(sources), name, enabled=bool(classifier.verbose)) as bar:
        videos = store.fill(
            [source for source in sources if source is not None],
            sampling=recipe.sampling,
            on_error=classifier.on_error,
            n_jobs=classifier.n_jobs,
            on_video=lambda _: bar.update(0),
        )
    kept = {}
    for place, video in zip(places, videos, strict=True):
        if video.error is None:
            kept[place] = video
        else:
            failures[place] = video.error
    return kept


def _check_classes(
    given: LabelledVideos, present: NDArray[np.intp], failures: dict[int, SkVideo3DError]
) -> None:
    if not len(present):
        raise VideoDecodeError(
            f"None of the {len(given.videos)} videos can be read. The first: "
            f"{failures[min(failures)]}"
        )
    lacking = sorted(set(given.classes.tolist()) - set(given.labels[present].tolist()))
    if lacking:
        raise VideoDecodeError(
            f"No video of class {lacking[0]!r} can be read; leave the class out, or mend its "
            f"videos. The first that failed: {failures[min(failures)]}"
        )
