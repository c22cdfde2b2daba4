"""How deep kernels should be in time: the C3D paper's study, trained on one's own videos."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from skvideo3d.datasets.layout import Missing
from skvideo3d.feature_extraction.devices import usable_device
from skvideo3d.models.names import NETWORKS, network_named
from skvideo3d.video.folders import mark_as_ours
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.sources import as_source

from .architecture_report import ArchitectureReport, NetworkTrainings
from .architecture_videos import StudyVideos, generated_videos, own_videos
from .describing import OnError, Scratch, say
from .surroundings import machine, versions

if TYPE_CHECKING:
    from skvideo3d.training import TrainingRecipe, VideoClassifier
    from skvideo3d.training.networks import NetworkStart

__all__ = ["DEPTHS", "SIZES", "architecture"]

DEPTHS: Final = (
    "study-depth-1",
    "study-depth-3",
    "study-depth-5",
    "study-depth-7",
    "study-increasing",
    "study-decreasing",
)
"""The networks of sections 3.1 and 3.2."""

SIZES: Final = ("net-64", "net-128", "net-256")
"""Those of appendix A."""

# The paper's recipe is for the hundred thousand clips of an epoch of UCF101: on some thousands,
# its rate falls before networks that see motion alone have begun to learn.
_GENERATED_RECIPE: Final = {
    "lr": 1e-3,  # with 3e-3 some seeds end with one class for all clips
    "max_epochs": 16,
    "batch_size": 16,
    "optimizer": "adamw",
    "weight_decay": 1e-2,
}

_LOOKED_AT: Final = (
    "The test videos are looked at after every epoch, as for the paper's figure 2; no choice is "
    "made by them, and the figures are those of the last epoch."
)


@dataclass(frozen=True)
class _Scale:
    """How large a study is, where its caller does not say."""

    width: float
    input_size: int | None
    max_epochs: int | None
    n_videos: int


_GENERATED: Final = "generated"
_WHOLE: Final = _Scale(width=1.0, input_size=None, max_epochs=None, n_videos=1600)
_QUICK: Final = _Scale(width=1 / 8, input_size=32, max_epochs=2, n_videos=64)


def architecture(
    root: str | os.PathLike[str] = "generated",
    networks: Sequence[str] = DEPTHS,
    *,
    width: float | None = None,
    input_size: int | None = None,
    recipe: str | TrainingRecipe | None = None,
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weight_decay: float | None = None,
    n_seeds: int = 1,
    n_test_clips: int = 10,
    precision: Literal["float32", "bfloat16"] = "float32",
    device: str | None = None,
    n_videos: int | None = None,
    split: int = 1,
    lists: str | os.PathLike[str] | None = None,
    missing: Missing = "raise",
    classes: int | Sequence[str] | None = None,
    labels: str | None = None,
    groups: str | None = None,
    pattern: str | None = None,
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    quick: bool = False,
    verbose: int = 0,
) -> ArchitectureReport:
    r"""Train networks that differ in the temporal depth of their kernels, under one budget.

    The same videos, clips, recipe and seeds for each network; a grid search over
    `VideoClassifier` trains them on one split, whose test videos are looked at after every epoch.

    Parameters
    ----------
    root : path-like, default="generated"
        UCF101, recognised by its lists; a folder of videos, as `load_video_folder` takes it, of
        which a fifth is tested on; or the word, for generated videos whose classes no single frame
        gives away (a folder of that name is "./generated").
    networks : sequence of str, default=DEPTHS
        Names that `VideoClassifier` knows: the six of the paper's section 3.2, or ``SIZES`` of its
        appendix A.
    width : float, default=None
        Factor on filters and hidden units; None is 1.
    input_size : int, default=None
        Height and width of the clips, frames resized in proportion; None is what each network is
        for.
    recipe : str or TrainingRecipe, default=None
        None is "ucf101-study", the paper's, and for generated videos one by AdamW (1e-3 at first,
        falling as a cosine, 16 epochs of batches of 16), which learns from thousands of clips.
    max_epochs, batch_size, lr, weight_decay
        Replace the recipe's.
    n_seeds : int, default=1
        Each network is trained from the seeds 0, 1, ...
    n_test_clips : int, default=10
        Clips of each test video.
    precision, device
        See `VideoClassifier`.
    n_videos : int, default=None
        To train on, of generated ones; None is 1600. A quarter as many are tested on.
    split, lists, missing
        Of UCF101; see `load_ucf101`.
    classes, labels, groups, pattern, follow_links
        See `load_video_folder`. Of generated videos `classes` are actions that a mirror leaves what
        they are, since half of the clips are mirrored.
    on_error : {"drop", "raise"}, default="drop"
        What becomes of unreadable videos.
    memory : path-like, default=None
        Folder for decoded frames, generated videos and checkpoints: with it, videos are decoded
        once for all networks and runs, and a study that was stopped goes on where it was. None is
        a temporary one.
    n_jobs : int, default=None
        Processes that decode and generate videos.
    quick : bool, default=False
        Small networks, clips and few epochs, where they are not given: to see that all works, not
        to learn from.
    verbose : int, default=0
        If not 0, tells on stderr what is done.

    Returns
    -------
    ArchitectureReport

    Raises
    ------
    ValueError
        If an argument has no meaning, or the videos cannot be split.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".
    TrainingDivergedError
        If a loss becomes NaN or infinite.
    ImportError
        If skorch is not installed.

    Examples
    --------
    >>> from skvideo3d.benchmarks import architecture
    >>> report = architecture("data/UCF101", memory="work")  # doctest: +SKIP
    >>> print(report)  # doctest: +SKIP
    """
    from skvideo3d.training.classifier import VideoClassifier
    from skvideo3d.training.engine import check_skorch

    check_skorch("The study of architectures")
    networks = _check_networks(networks, input_size)
    if n_seeds < 1:
        raise ValueError(f"n_seeds={n_seeds!r} (--seeds): give 1 or more.")
    if recipe is not None:
        from skvideo3d.training.recipes import find_recipe

        recipe = find_recipe(recipe)
    scale = _QUICK if quick else _WHOLE
    if input_size is None and not set(networks) & set(SIZES):
        input_size = scale.input_size
    scratch = Scratch() if memory is None else None
    home = Path(scratch.folder if scratch else os.path.abspath(memory))  # type: ignore[arg-type]
    study = _Study(
        networks=networks,
        width=scale.width if width is None else width,
        input_size=input_size,
        home=home,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    is_generated = os.fspath(root) == _GENERATED
    source = _GENERATED if is_generated else os.path.abspath(root)
    classifier = VideoClassifier(
        networks[0],
        recipe=recipe or _recipe(source),
        input_size=input_size,
        network_params={"width": study.width},
        max_epochs=scale.max_epochs if max_epochs is None else max_epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        n_test_clips=n_test_clips,
        precision=precision,
        device=device,
        n_jobs=n_jobs,
        memory=home,
        checkpoint=None if scratch else home / "checkpoints",
        verbose=verbose,
    )
    study.check(classifier)
    mark_as_ours(home)
    began = time.perf_counter()
    if is_generated:
        videos = generated_videos(
            home / _GENERATED,
            scale.n_videos if n_videos is None else n_videos,
            study.largest_frame(),
            classes=classes,
            n_jobs=n_jobs,
        )
    else:
        videos = own_videos(
            root,
            split=split,
            classes=classes,
            lists=lists,
            missing=missing,
            follow_links=follow_links,
            labels=labels,
            groups=groups,
            pattern=pattern,
        )
    videos = study.readable(videos, on_error)
    read = time.perf_counter() - began
    classifier.set_params(validation=PredefinedSplit(videos.test_fold))
    trainings = study.train(classifier, videos, range(n_seeds))
    n_classes = len(np.unique(videos.labels))
    return ArchitectureReport(
        title=f"Kernel depths in time: {videos.title}",
        networks=trainings,
        data=videos.data,
        chance=100 / n_classes,
        settings=_settings(source, classifier, videos, n_seeds),
        notes=[videos.note, _LOOKED_AT],
        times={"videos": read, "training and testing": time.perf_counter() - began - read},
    )


def _recipe(source: str) -> str | TrainingRecipe:
    from skvideo3d.training import Cosine, TrainingRecipe

    if source != _GENERATED:
        return "ucf101-study"
    return TrainingRecipe(schedule=Cosine(), **_GENERATED_RECIPE)  # type: ignore[arg-type]


def _check_networks(networks: Sequence[str], input_size: int | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys([networks] if isinstance(networks, str) else networks))
    known = [name for name, entry in NETWORKS.items() if entry.architecture == "study"]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        what = f"{unknown[0]!r} is none of the study" if unknown else "there is none"
        raise ValueError(f"networks (--networks): {what}; choose from {', '.join(known)}.")
    if input_size is not None and set(names) & set(SIZES):
        raise ValueError(
            f"input_size={input_size!r} (--input-size): {', '.join(SIZES)} differ in nothing but "
            "their input size; leave it out, or leave them out."
        )
    return names


@dataclass(frozen=True)
class _Study:
    """Networks of one width, and where their frames are kept."""

    networks: tuple[str, ...]
    width: float
    input_size: int | None
    home: Path
    n_jobs: int | None
    verbose: int

    def start(self, network: str, n_classes: int) -> NetworkStart:
        """Build a network as the classifier does, to know it before it is trained."""
        from skvideo3d.training.networks import NetworkWish, start_network

        size = None if self.input_size is None else (self.input_size, self.input_size)
        wish = NetworkWish(n_classes, seed=0, input_size=size, params={"width": self.width})
        return start_network(network, wish)

    def check(self, classifier: VideoClassifier) -> None:
        """Refuse what cannot be trained, which a fit would do after videos are read."""
        classifier._validate_params()
        usable_device(classifier.device)
        for name in self.networks:
            network_named(name, device="meta", width=self.width)

    def largest_frame(self) -> tuple[int, int]:
        """Give height and width of the frames that the largest input is cut from."""
        sizes = [resize for resize in self._resizes() if isinstance(resize, tuple)]
        return max(sizes)

    def readable(self, videos: StudyVideos, on_error: OnError) -> StudyVideos:
        """Decode all videos once, for all networks, and leave out those that cannot be."""
        from skvideo3d.training import FrameStore, VideoClassifier

        limits = ReadingLimits(VideoClassifier().timeout, VideoClassifier().max_pixels)
        failures: dict[int, str] = {}
        losses: dict[int, str] = {}
        if self.verbose:
            say(f"Reading {len(videos.videos)} videos.")
        for resize in self._resizes():
            with FrameStore(self.home / "frames", resize=resize, limits=limits) as store:
                kept = store.fill(
                    [as_source(video) for video in videos.videos],
                    on_error="raise" if on_error == "raise" else "nan",
                    n_jobs=self.n_jobs,
                )
            failures |= {at: str(video.error) for at, video in enumerate(kept) if video.error}
            losses |= {at: video.loss for at, video in enumerate(kept) if video.loss}
        return videos.without(failures, losses)

    def train(
        self, classifier: VideoClassifier, videos: StudyVideos, seeds: Sequence[int]
    ) -> tuple[NetworkTrainings, ...]:
        """Train each network from each seed, and take down how it went."""
        everything = np.arange(len(videos.videos))
        search = GridSearchCV(
            classifier,
            {"network": list(self.networks), "random_state": list(seeds)},
            scoring=_HistoryScorer(bool(self.verbose)),
            # The classifier itself keeps the test videos apart, as its `validation`.
            cv=[(everything, videos.test)],
            refit=False,
            error_score="raise",
        ).fit(videos.videos, videos.labels)
        found = _histories(search.cv_results_)
        n_classes = len(np.unique(videos.labels))
        return tuple(
            self._trainings(name, n_classes, {seed: found[name, seed] for seed in seeds})
            for name in self.networks
        )

    def _trainings(
        self, name: str, n_classes: int, histories: dict[int, list[dict[str, float]]]
    ) -> NetworkTrainings:
        from skvideo3d.models import parameter_counts

        start = self.start(name, n_classes)
        network: Any = start.network
        return NetworkTrainings(
            network=name,
            kernel_depths=network.kernel_depths,
            clip=(start.clip_len, *start.preprocessing.crop),
            parameters=sum(parameter_counts(network).values()),
            histories=histories,
        )

    def _resizes(self) -> list[int | tuple[int, int]]:
        small = replace(self, width=1 / 64)  # frames do not depend on it
        return list(dict.fromkeys(small.start(n, 2).preprocessing.resize for n in self.networks))


@dataclass(frozen=True)
class _HistoryScorer:
    """Gives a grid search all that a fitted classifier noted, as the numbers it can keep."""

    tells: bool

    def __call__(self, classifier: VideoClassifier, X: Any, y: Any) -> dict[str, float]:
        del X, y  # the classifier has tested on them after every epoch
        last = classifier.history_[-1]
        if self.tells:
            say(
                f"{classifier.network}, seed {classifier.seed_}: clips "
                f"{100 * last['valid_accuracy']:.1f} %, videos "
                f"{100 * last['valid_video_accuracy']:.1f} %."
            )
        return {
            f"{name} {row['epoch']}": float(value)
            for row in classifier.history_
            for name, value in row.items()
        }


def _histories(results: dict[str, Any]) -> dict[tuple[str, int], list[dict[str, float]]]:
    """Make histories of what `_HistoryScorer` gave."""
    start = "split0_test_"
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for number, params in enumerate(results["params"]):
        rows: dict[int, dict[str, float]] = {}
        for key, values in results.items():
            if key.startswith(start):
                name, epoch = key.removeprefix(start).split(" ")
                value = float(values[number])
                is_count = name in ("epoch", "n_clips")
                rows.setdefault(int(epoch), {})[name] = int(value) if is_count else value
        found[params["network"], params["random_state"]] = [rows[epoch] for epoch in sorted(rows)]
    return found


def _settings(
    source: str, classifier: VideoClassifier, videos: StudyVideos, n_seeds: int
) -> dict[str, Any]:
    import torch

    from skvideo3d.training.recipes import find_recipe

    given = classifier.get_params()
    told = ("max_epochs", "batch_size", "lr", "weight_decay", "input_size", "n_test_clips")
    return {
        "data": source,
        "n_train": len(videos.train),
        "n_test": len(videos.test),
        "classes": sorted(set(videos.labels.tolist())),
        "width": given["network_params"]["width"],
        "seeds": list(range(n_seeds)),
        "recipe": repr(find_recipe(given["recipe"])),
        "instead of the recipe's": {name: given[name] for name in told if given[name] is not None},
        "precision": given["precision"],
        "versions": versions("skorch"),
        "machine": machine(given["device"] or ("cuda" if torch.cuda.is_available() else "cpu")),
    }
