"""What both transformers share: parameters, validation, pooling and PCA, scikit-learn's rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_is_fitted

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models.checkpoints import Weights, foresee_weights, resolve_weights
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.preprocessing import Preprocessing

from .callbacks import CallbackSupportMixin, FitTask, with_callbacks
from .clips import ClipDescriptors, join_layers
from .engine import Resources, are_stored, describe
from .extraction import Outcome
from .progress import ProgressBar
from .random_weights import has_random_weights
from .rows import Norm, rows_of
from .settings import block_sizes, make_spec, side_by_side
from .spec import DescriptorSpec, Pooling, Stream
from .unreadable import tell_unreadable
from .validation import check_videos, recognise_videos, with_position

__all__ = ["VideoTransformer"]


class VideoTransformer(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Base of the transformers; use `C3DTransformer` or `I3DTransformer`."""

    _architecture: ClassVar[Literal["c3d", "i3d", "frame"]]
    _default_batch_size: ClassVar[int]
    _default_gpu_batch_size: ClassVar[int]

    _doc_link_module = "skvideo3d"
    _doc_link_template = (
        "https://skvideo3d.readthedocs.io/en/stable/api.html#{estimator_module}.{estimator_name}"
    )

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "weights": [str, os.PathLike, None],
        "layer": [str, tuple, list],
        "clip_len": [Interval(Integral, 1, None, closed="left")],
        "clip_stride": [Interval(Integral, 1, None, closed="left")],
        "fps": [Interval(Real, 0, None, closed="neither"), None],
        "pooling": [StrOptions({"mean", "max"})],
        "norm": [StrOptions({"l1", "l2", "max"}), None],
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            None,
        ],
        "whiten": ["boolean"],
        "preprocessing": [Preprocessing, None],
        "short_video": [StrOptions({"loop", "repeat_last", "error"})],
        "on_error": [StrOptions({"raise", "nan"})],
        "timeout": [Interval(Real, 0, None, closed="right"), None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
        "precision": [StrOptions({"float32", "bfloat16", "float16", "auto"})],
        "device": [str, tuple, list, None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "n_jobs": [Integral, None],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        weights: Any,
        *,
        layer: str | Sequence[str],
        clip_len: int,
        clip_stride: int,
        fps: float | None,
        pooling: Pooling,
        norm: Norm,
        n_components: float | None,
        whiten: bool,
        preprocessing: Preprocessing | None,
        short_video: Literal["loop", "repeat_last", "error"],
        on_error: Literal["raise", "nan"],
        timeout: float | None,
        max_pixels: int,
        precision: Literal["float32", "bfloat16", "float16", "auto"],
        device: str | Sequence[str] | None,
        batch_size: int | None,
        n_jobs: int | None,
        memory: Any,
        random_state: int | np.random.RandomState | None,
        verbose: int,
    ) -> None:
        self.weights = weights
        self.layer = layer
        self.clip_len = clip_len
        self.clip_stride = clip_stride
        self.fps = fps
        self.pooling = pooling
        self.norm = norm
        self.n_components = n_components
        self.whiten = whiten
        self.preprocessing = preprocessing
        self.short_video = short_video
        self.on_error = on_error
        self.timeout = timeout
        self.max_pixels = max_pixels
        self.precision = precision
        self.device = device
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Sequence[Any], y: Any = None) -> Self:
        """Check the settings and the weights; with `n_components`, learn the PCA.

        Without `n_components` no video is opened.

        Parameters
        ----------
        X : sequence of videos
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, a layer, the clip length or X is not usable.
        VideoDecodeError
            If a video cannot be read and `on_error` is "raise".
        CheckpointError, DownloadError
            If the weights are not what they should be, or not there.
        """
        videos = check_videos(X)
        task = FitTask(self, X, y, len(videos) if self.n_components is not None else 0)
        self._fit_settings()
        if self.n_components is not None:
            self._fit_pca(self._describe(videos, lambda _: task.video_done()))
        else:
            recognise_videos(videos, on_error="nan")  # things that are no videos are refused
        task.end()
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Sequence[Any], y: Any = None) -> NDArray[np.float32]:
        """Fit and transform, describing every video once.

        Parameters
        ----------
        X : sequence of videos
        y : ignored

        Returns
        -------
        ndarray of shape (n_videos, n_features), float32
        """
        videos = check_videos(X)
        task = FitTask(self, X, y, len(videos))
        self._fit_settings()
        descriptors = self._describe(videos, lambda _: task.video_done())
        if self.n_components is not None:
            self._fit_pca(descriptors)
        task.end()
        return self._project(descriptors)

    def transform(self, X: Sequence[Any]) -> NDArray[np.float32]:
        """Describe videos.

        Parameters
        ----------
        X : sequence of videos

        Returns
        -------
        ndarray of shape (n_videos, n_features), float32
            A row for each video, in the order of X.

        Raises
        ------
        NotFittedError
            If `n_components` is set, or the weights are random without a fixed seed, and the
            transformer is not fitted.
        VideoDecodeError
            If a video cannot be read and `on_error` is "raise"; the message names it.
        """
        if self.n_components is not None:
            check_is_fitted(self, "pca_")
        self._validate_params()
        return self._project(self._describe(check_videos(X)))

    def transform_clips(self, X: Sequence[Any]) -> list[ClipDescriptors]:
        """Describe every clip of every video, before pooling, normalisation and PCA.

        Parameters
        ----------
        X : sequence of videos

        Returns
        -------
        list of ClipDescriptors
            One for each video; without clips for those that failed under ``on_error="nan"``.
        """
        self._validate_params()
        videos = check_videos(X)
        spec = replace(self._spec(), pooling=None)
        n_features = sum(block_sizes(spec).values())
        outcomes = self._outcomes(videos, spec)
        none = ClipDescriptors(
            np.empty((0, n_features), dtype=np.float32), np.empty(0, int), np.empty(0)
        )
        return [join_layers(outcome.layers) if outcome.layers else none for outcome in outcomes]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = self.n_components is not None
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        # Neither transform_clips, which leaves failures_, nor a fit that broke off is a fit.
        return hasattr(self, "feature_blocks_") and (
            self.n_components is None or hasattr(self, "pca_")
        )

    @property
    def _n_features_out(self) -> int:
        if self.n_components is not None:
            return int(self.pca_.n_components_)
        # Raises AttributeError before fit: a repr or dir() must never go and fetch weights.
        return _width(self.feature_blocks_)

    def _fit_settings(self) -> None:
        # transform may add no attribute, and a fit that breaks off may keep no earlier PCA.
        self.failures_: list[tuple[int, Any, str]] = []
        self.losses_: list[tuple[int, Any, str]] = []
        self.__dict__.pop("pca_", None)
        self.__dict__.pop("seed_", None)
        if has_random_weights(self):
            self.seed_ = self._draw_seed()
        spec = self._spec(fitting=True)
        self.weights_sha256_ = _hashes(spec)
        self.feature_blocks_ = side_by_side(block_sizes(spec))

    def _draw_seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _fit_pca(self, descriptors: NDArray[np.float32]) -> None:
        usable = descriptors[np.isfinite(descriptors).all(axis=1)]
        if len(usable) < 2 or (
            isinstance(self.n_components, Integral) and self.n_components > min(usable.shape)
        ):
            raise ValueError(
                f"n_components={self.n_components} needs at least 2 videos, and as many videos and "
                f"features as components: there are {len(usable)} usable videos "
                f"(n_samples={len(descriptors)}) with {usable.shape[1]} features; lower "
                "n_components or fit on more videos."
            )
        self.pca_ = PCA(self.n_components, whiten=self.whiten, random_state=self.random_state).fit(
            usable
        )

    def _project(self, descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.n_components is None:
            return descriptors
        usable = np.isfinite(descriptors).all(axis=1)
        projected = np.full((len(descriptors), self._n_features_out), np.nan, dtype=np.float32)
        if usable.any():
            projected[usable] = self.pca_.transform(descriptors[usable])
        return projected

    def _describe(
        self, videos: Sequence[Any], on_video: Callable[[Outcome], None] = lambda _: None
    ) -> NDArray[np.float32]:
        spec = self._spec()
        return rows_of(self._outcomes(videos, spec, on_video), block_sizes(spec), self.norm)

    def _are_stored(self, videos: Sequence[Any]) -> list[bool]:
        sources, _ = recognise_videos(videos, on_error="nan")
        present = [source for source in sources if source is not None]
        found = iter(are_stored(present, self._spec(), self._resources()))
        return [source is not None and next(found) for source in sources]

    def _outcomes(
        self,
        videos: Sequence[Any],
        spec: DescriptorSpec,
        on_video: Callable[[Outcome], None] = lambda _: None,
    ) -> list[Outcome]:
        sources, unusable = recognise_videos(videos, self.on_error)
        outcomes = {i: Outcome(i, {}, error) for i, error in unusable}
        present = [(i, source) for i, source in enumerate(sources) if source is not None]
        description = f"{type(self).__name__} {'+'.join(spec.layers)}"
        with ProgressBar(len(videos), description, enabled=bool(self.verbose)) as bar:

            def take(outcome: Outcome) -> None:
                position = present[outcome.index][0]
                if outcome.error is not None and self.on_error == "raise":
                    raise with_position(outcome.error, position) from outcome.error
                outcomes[position] = outcome
                bar.update(outcome.cost.n_clips)
                on_video(outcome)

            describe([source for _, source in present], spec, self._resources(), take)
        self.failures_, self.losses_ = tell_unreadable(
            videos,
            {i: str(found.error) for i, found in outcomes.items() if found.error is not None},
            {i: found.loss for i, found in outcomes.items() if found.loss},
            "described; their rows are NaN and",
            stacklevel=4,
        )
        return [outcomes[i] for i in range(len(videos))]

    def _spec(self, *, fitting: bool = False) -> DescriptorSpec:
        spec = make_spec(self, self._seed())
        sha256, fitted = _hashes(spec), getattr(self, "weights_sha256_", None)
        if not fitting and fitted is not None and sha256 != fitted:
            raise CheckpointError(
                f"{type(self).__name__} was fitted with weights {fitted}, but "
                f"weights={self.weights!r} are now {sha256}; restore them, or fit again."
            )
        return spec

    def _foresee_streams(self) -> tuple[Stream, ...] | None:
        """Say what published weights will be, before anything is fetched; None for others."""
        assert self._architecture != "frame"  # which has hooks of its own
        weights = foresee_weights(self.weights, self._architecture)
        return None if weights is None else (self._stream(weights),)

    def _resolve_streams(self, seed: int | None) -> tuple[Stream, ...]:
        """Find the weights, and what goes before them."""
        assert self._architecture != "frame"
        weights = resolve_weights(
            self.weights, self._architecture, seed=seed, preprocessing=self.preprocessing
        )
        return (self._stream(weights),)

    def _stream(self, weights: Weights) -> Stream:
        return Stream(weights, self.preprocessing or weights.preprocessing)

    def _used_weights(self) -> list[Any]:
        """List the weights as they were given, those of each network that runs."""
        return [self.weights]

    def _seed(self) -> int | None:
        if not has_random_weights(self):
            return None
        if hasattr(self, "seed_"):
            return int(self.seed_)
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        raise NotFittedError(
            f"This {type(self).__name__} has random weights without a fixed seed: fit it first, or "
            "pass random_state=0 (any int)."
        )

    def _best_batch_size(self) -> int:
        from .devices import are_processors, usable_devices  # torch

        if are_processors(usable_devices(self.device)):
            return self._default_batch_size
        return self._default_gpu_batch_size

    def _resources(self) -> Resources:
        location = getattr(self.memory, "location", self.memory)
        return Resources(
            store_folder=None if location is None else os.path.abspath(os.fspath(location)),
            device=self.device,
            batch_size=self.batch_size or self._best_batch_size(),
            n_jobs=self.n_jobs,
            limits=ReadingLimits(
                None if self.timeout is None else float(self.timeout), int(self.max_pixels)
            ),
        )


def _hashes(spec: DescriptorSpec) -> str | dict[str, str]:
    streams = spec.streams
    if len(streams) == 1:
        return streams[0].weights.sha256
    return {stream.name: stream.weights.sha256 for stream in streams}


def _width(blocks: dict[str, slice]) -> int:
    return max(int(block.stop) for block in blocks.values())
