"""Networks as scikit-learn classifiers of videos."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.feature_extraction.validation import check_videos
from skvideo3d.video.limits import MAX_PIXELS
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sources import VideoSegment

from .labels import check_labels
from .recipes import TrainingRecipe

if TYPE_CHECKING:
    import torch

    from skvideo3d.feature_extraction import C3DTransformer, I3DTransformer

__all__ = ["VideoClassifier"]


class VideoClassifier(ClassifierMixin, BaseEstimator):
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "network": [str, HasMethods(["forward", "parameters"])],
        "weights": [str, os.PathLike, None],
        "recipe": [str, TrainingRecipe],
        "freeze": [str, None],
        "input_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "clip_len": [Interval(Integral, 1, None, closed="left"), None],
        "preprocessing": [Preprocessing, None],
        "network_params": [Mapping, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="left"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "class_weight": [StrOptions({"balanced"}), Mapping, None],
        "validation": [Interval(Real, 0, 1, closed="neither"), HasMethods(["split"]), None],
        "n_test_clips": [Interval(Integral, 1, None, closed="left")],
        "fps": [Interval(Real, 0, None, closed="neither"), None],
        "on_error": [StrOptions({"raise", "nan"})],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "device": [str, None],
        "n_jobs": [Integral, None],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "max_bytes": [Interval(Integral, 0, None, closed="left"), None],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_minutes": [Interval(Real, 0, None, closed="left")],
        "accelerator": [HasMethods(["prepare"]), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "timeout": [Interval(Real, 0, None, closed="right"), None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        network: str | torch.nn.Module = "c3d",
        *,
        weights: str | os.PathLike[str] | None = None,
        recipe: str | TrainingRecipe = "ucf101-study",
        freeze: str | None = None,
        input_size: int | tuple[int, int] | None = None,
        clip_len: int | None = None,
        preprocessing: Preprocessing | None = None,
        network_params: Mapping[str, Any] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        validation: Any = None,
        n_test_clips: int = 10,
        fps: float | None = None,
        on_error: Literal["raise", "nan"] = "raise",
        precision: Literal["float32", "bfloat16"] = "float32",
        device: str | None = None,
        n_jobs: int | None = None,
        memory: Any = None,
        max_bytes: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 15.0,
        accelerator: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        timeout: float | None = 1800.0,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.network = network
        self.weights = weights
        self.recipe = recipe
        self.freeze = freeze
        self.input_size = input_size
        self.clip_len = clip_len
        self.preprocessing = preprocessing
        self.network_params = network_params
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.validation = validation
        self.n_test_clips = n_test_clips
        self.fps = fps
        self.on_error = on_error
        self.precision = precision
        self.device = device
        self.n_jobs = n_jobs
        self.memory = memory
        self.max_bytes = max_bytes
        self.checkpoint = checkpoint
        self.checkpoint_minutes = checkpoint_minutes
        self.accelerator = accelerator
        self.random_state = random_state
        self.verbose = verbose
        self.timeout = timeout
        self.max_pixels = max_pixels

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Sequence[Any], y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train the network."""
        check_skorch()
        from .estimation import estimate

        videos = check_videos(X)
        labels = check_labels(y, len(videos))
        check_consistent_length(labels, groups)
        classes = np.unique(labels)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs videos of at least 2 classes; all {len(videos)} "
                f"have the one class {classes[0].item()!r}."
            )
        found = estimate(self, videos, labels, classes, groups, self._draw_seed())
        self.classes_ = classes
        self.network_ = found.network
        self.score_layer_ = found.start.score_layer
        self.preprocessing_ = found.start.preprocessing
        self.clip_len_ = found.start.clip_len
        self.recipe_ = found.recipe
        self.seed_ = found.seed
        self.history_ = found.history
        self.n_epochs_ = len(found.history)
        self.best_epoch_ = _best_epoch(found.history)
        self.net_ = found.net
        self.failures_ = [(place, _mention(videos[place]), why) for place, why in found.failures]
        self.losses_ = [(place, _mention(videos[place]), why) for place, why in found.losses]
        self._warn("trained on", len(videos))
        return self

    def predict_proba(self, X: Sequence[Any]) -> NDArray[np.float32]:
        """Give the probability of each class, the mean over the clips of a video."""
        check_is_fitted(self)
        self._validate_params()
        check_skorch()
        from .predicting import probabilities

        videos = check_videos(X)
        found = probabilities(self, videos)
        self.failures_ = [(place, _mention(videos[place]), why) for place, why in found.failures]
        self.losses_ = [(place, _mention(videos[place]), why) for place, why in found.losses]
        self._warn("classified", len(videos))
        return found.values

    def predict(self, X: Sequence[Any]) -> NDArray[Any]:
        """Give the class of each video."""
        values = self.predict_proba(X)
        failed = np.flatnonzero(np.isnan(values).any(axis=1))
        if len(failed):
            names = ", ".join(str(video) for _, video, _ in self.failures_[:5])
            raise VideoDecodeError(
                f"{len(failed)} of {len(values)} videos cannot be read, and there is no label to "
                f"give them: {names}{' ...' if len(failed) > 5 else ''}. Leave them out, or use "
                "predict_proba, whose rows of NaN tell which they are."
            )
        return self.classes_[values.argmax(axis=1)]

    def top_k_score(self, X: Sequence[Any], y: ArrayLike, k: int = 5) -> float:
        """Give the share of videos whose class is among the k most probable."""
        labels = check_labels(y, len(check_videos(X)))
        values = self.predict_proba(X)
        if np.isnan(values).any():
            self.predict(X)
        best = np.argsort(-values, axis=1, kind="stable")[:, :k]
        return float(np.mean((self.classes_[best] == labels[:, None]).any(axis=1)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def _draw_seed(self) -> int:
        if isinstance(self.random_state, Integral):
            seed = int(self.random_state)
        else:
            seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self._seed_given = seed
        return seed

    def _warn(self, what: str, n_videos: int) -> None:
        if self.failures_:
            warnings.warn(
                f"{len(self.failures_)} of {n_videos} videos could not be {what}; failures_ says "
                f"why. First: {self.failures_[0][2]}",
                UserWarning,
                stacklevel=3,
            )
        if self.losses_:
            warnings.warn(
                f"{len(self.losses_)} of {n_videos} videos could be read only in part, and "
                f"losses_ says what was lost. First: {self.losses_[0][2]}",
                UserWarning,
                stacklevel=3,
            )


def check_skorch() -> None:
    """Say what is missing for training."""
    try:
        import skorch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"VideoClassifier needs skorch, which cannot be imported ({error}): "
            "pip install 'skvideo3d[train]'."
        ) from error


def _best_epoch(history: Sequence[Mapping[str, float]]) -> int | None:
    accuracies = [row["valid_accuracy"] for row in history if "valid_accuracy" in row]
    return int(np.argmax(accuracies)) + 1 if accuracies else None


def _mention(video: Any) -> Any:
    """Stand for an array, which a fitted classifier must not carry along, by its shape."""
    inner = video.video if isinstance(video, VideoSegment) else video
    return f"array of shape {tuple(inner.shape)}" if hasattr(inner, "shape") else video
