"""Pairs of videos as rows of similarities, to tell whether both show the same."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context, clone
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from skvideo3d.video.sources import VideoSegment

from .similarities import SIMILARITIES, pair_similarities

__all__ = ["PairSimilarityTransformer"]

_EXPECTED = "X is a sequence of pairs of videos, such as [('a.mp4', 'b.mp4'), ('a.mp4', 'c.mp4')]."

_WHOLE = {"descriptor": slice(None)}


class PairSimilarityTransformer(TransformerMixin, BaseEstimator):
    """Compare the two videos of each pair in 12 ways, by their descriptors.

    For every layer of the describer it gives the 12 (dis)similarities of the ASLAN paper [1]_, as
    C3D's evaluation on action similarity does with prob, fc7, fc6 and pool5: 48 numbers [2]_. They
    differ in scale: standardise them before a linear classifier.

    Every video is described once, however many pairs it is in.

    Parameters
    ----------
    describer : transformer of videos
        A `C3DTransformer`, `I3DTransformer`, a union or pipeline with such, or anything that gives
        a row of numbers for a video; cloned. If its rows are layers side by side, as its
        ``feature_blocks_``, or those of a union's members or a pipeline's last step, tell, each is
        compared on its own; otherwise the whole rows are.

    Attributes
    ----------
    describer_ : transformer
        The fitted describer.
    feature_blocks_ : dict of str to slice
        The columns of the output that belong to each layer.
    failures_ : list of (int, object, str)
        Position, video and reason of each video that the describer could not read in the last call,
        one for each pair that it is in, as the describer's own ``failures_`` tells (a union or
        pipeline has none). Under its ``on_error="nan"``, such pairs are rows of NaN.
    losses_ : list of (int, object, str)
        The same for videos that could be read only in part, and what was lost.

    See Also
    --------
    skvideo3d.benchmarks.aslan : The evaluation on the ASLAN data set.

    References
    ----------
    .. [1] Kliper-Gross, Hassner, Wolf, "The action similarity labeling challenge", TPAMI 34(3),
       2012, table 3.
    .. [2] Tran et al., "Learning spatiotemporal features with 3D convolutional networks", ICCV
       2015, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skvideo3d import PairSimilarityTransformer
    >>> rng = np.random.default_rng(0)
    >>> a, b, c = rng.integers(0, 256, (3, 16, 24, 32, 3), dtype=np.uint8)
    >>> colours = FunctionTransformer(lambda videos: np.stack([v.mean((0, 1, 2)) for v in videos]))
    >>> compare = PairSimilarityTransformer(colours).fit([(a, b), (b, c), (a, c), (a, a)])
    >>> compare.transform([(a, a)])[0, 6].item()
    0.0
    >>> compare.get_feature_names_out()[6]
    'descriptor_l1_distance'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "describer": [HasMethods(["fit", "fit_transform", "transform"])],
    }

    def __init__(self, describer: Any) -> None:
        self.describer = describer

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Sequence[Any], y: Any = None) -> Self:
        """Fit the describer on the videos of the pairs.

        Parameters
        ----------
        X : sequence of pairs of videos
            List of pairs, array of shape (n_pairs, 2), or table of two columns.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If X is no sequence of pairs.
        """
        videos, first, second = _different_videos(X)
        self.describer_ = clone(self.describer).fit(videos, y=None)
        self.feature_blocks_ = self._own_blocks()
        self.failures_ = self._of_pairs("failures_", first, second)
        self.losses_ = self._of_pairs("losses_", first, second)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: Sequence[Any], y: Any = None) -> NDArray[np.float64]:
        """Fit and transform, describing every video once.

        Parameters
        ----------
        X : sequence of pairs of videos
        y : ignored

        Returns
        -------
        ndarray of shape (n_pairs, 12 * n_blocks), float64
        """
        videos, first, second = _different_videos(X)
        self.describer_ = clone(self.describer)
        rows = self.describer_.fit_transform(videos, y=None)
        self.feature_blocks_ = self._own_blocks()
        return self._compare(videos, rows, first, second)

    def transform(self, X: Sequence[Any]) -> NDArray[np.float64]:
        """Compare the videos of pairs.

        Parameters
        ----------
        X : sequence of pairs of videos

        Returns
        -------
        ndarray of shape (n_pairs, 12 * n_blocks), float64

        Raises
        ------
        NotFittedError
            If the transformer is not fitted.
        VideoDecodeError
            If a video cannot be read and the describer does not go on without it.
        """
        check_is_fitted(self)
        videos, first, second = _different_videos(X)
        return self._compare(videos, self.describer_.transform(videos), first, second)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name the columns by layer and similarity.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects
            Such as "fc6_cosine".
        """
        check_is_fitted(self)
        return np.array(
            [f"{block}_{name}" for block in self.feature_blocks_ for name in SIMILARITIES],
            dtype=object,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "feature_blocks_")

    def _own_blocks(self) -> dict[str, slice]:
        width = len(SIMILARITIES)
        return {
            name: slice(number * width, (number + 1) * width)
            for number, name in enumerate(_layers(self.describer_) or _WHOLE)
        }

    def _compare(
        self, videos: list[Any], rows: Any, first: NDArray[np.intp], second: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        rows = np.asarray(rows)
        if rows.ndim != 2 or len(rows) != len(videos):
            raise ValueError(
                f"{self.describer_!r} gave an array of shape {rows.shape} for {len(videos)} "
                "videos; a describer gives one row of numbers for each."
            )
        layers = _layers(self.describer_) or _WHOLE
        self.failures_ = self._of_pairs("failures_", first, second)
        self.losses_ = self._of_pairs("losses_", first, second)
        return np.hstack(
            [pair_similarities(rows[:, columns], first, second) for columns in layers.values()]
        )

    def _of_pairs(
        self, attribute: str, first: NDArray[np.intp], second: NDArray[np.intp]
    ) -> list[tuple[int, Any, str]]:
        reasons = {i: (video, why) for i, video, why in getattr(self.describer_, attribute, [])}
        return [
            (pair, *reasons[video])
            for pair, both in enumerate(zip(first.tolist(), second.tolist(), strict=True))
            for video in dict.fromkeys(both)
            if video in reasons
        ]


def _layers(describer: Any) -> dict[str, slice] | None:
    """Find the layers that stand side by side in a describer's rows; None if that is unknown."""
    if isinstance(describer, FeatureUnion):
        return _layers_of_union(describer)
    if isinstance(describer, Pipeline):
        return _layers(describer[-1])
    blocks = getattr(describer, "feature_blocks_", None)
    # With a PCA the columns are components of all layers together.
    if blocks is None or getattr(describer, "n_components", None) is not None:
        return None
    return dict(blocks)


def _layers_of_union(union: FeatureUnion) -> dict[str, slice] | None:
    layers, begin = {}, 0
    for name, member in union.transformer_list:
        if member == "drop":
            continue
        blocks = _layers(member)
        if blocks is None:
            return None
        for layer, columns in blocks.items():
            layers[f"{name}__{layer}"] = slice(begin + columns.start, begin + columns.stop)
        begin = max(columns.stop for columns in layers.values())
    return layers or None


def _different_videos(X: Any) -> tuple[list[Any], NDArray[np.intp], NDArray[np.intp]]:
    """Give the different videos of pairs, and where each pair's two are among them."""
    videos: list[Any] = []
    places: dict[Hashable, int] = {}
    positions = []
    for pair in _pairs(X):
        for video in pair:
            key = _key(video)
            if key not in places:
                places[key] = len(videos)
                videos.append(video)
            positions.append(places[key])
    if not videos:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required. {_EXPECTED}"
        )
    both = np.array(positions, dtype=np.intp).reshape(-1, 2)
    return videos, both[:, 0], both[:, 1]


def _pairs(X: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(X, (str, bytes, os.PathLike, VideoSegment, dict)) or not hasattr(X, "__len__"):
        raise TypeError(f"{_EXPECTED} Got {type(X).__name__}.")
    if hasattr(X, "columns"):
        if len(X.columns) != 2:
            raise ValueError(f"{_EXPECTED} Got a table of {len(X.columns)} columns: choose two.")
        X = X.to_numpy()
    for position, pair in enumerate(X):
        is_one = isinstance(pair, (str, bytes, os.PathLike, VideoSegment, dict, set))
        shape = getattr(pair, "shape", None)
        # An array of two videos has five axes, or one if it holds objects; four are one video's.
        is_one = is_one or (shape is not None and len(shape) not in (1, 5))
        if is_one or not hasattr(pair, "__len__") or len(pair) != 2:
            what = f"{len(pair)} things" if hasattr(pair, "__len__") and not is_one else repr(pair)
            raise ValueError(f"{_EXPECTED} Item {position} of X is no pair: {what[:80]}.")
        yield pair[0], pair[1]


def _key(video: Any) -> Hashable:
    if isinstance(video, VideoSegment):
        return (_key(video.video), video.start, video.stop, video.unit)
    if isinstance(video, (str, os.PathLike)):
        return os.path.abspath(os.fspath(video))
    return id(video)
