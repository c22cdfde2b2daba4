"""A transformer as a function of a batch of rows, for systems that hand out batches to workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any, Literal, NamedTuple
from warnings import warn

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .base import VideoTransformer
from .c3d import C3DTransformer
from .engine import Resources, describe
from .extraction import Outcome
from .frames import FrameTransformer
from .i3d import I3DTransformer
from .rows import rows_of
from .settings import block_sizes
from .spec import DescriptorSpec
from .validation import check_videos, recognise_videos, with_position

__all__ = ["VideoExtractor"]

_ADDED = ("descriptor", "error", "loss")
_TRANSFORMERS: dict[str, type[C3DTransformer | I3DTransformer | FrameTransformer]] = {
    "c3d": C3DTransformer,
    "i3d": I3DTransformer,
    "study": C3DTransformer,
    "frame": FrameTransformer,
}


class VideoExtractor:
    """Add descriptors to batches of paths, in any process of any machine.

    It is what Ray Data's ``map_batches`` calls, Spark's ``mapInPandas``, a Dask bag or a plain
    loop. It pickles in kilobytes, without weights, and the network is loaded when the first batch
    comes, once in a process. Weights are found by path, or by name in the process's own weights
    folder, and must have the content that they had where the extractor was made.

    Parameters
    ----------
    spec : C3DTransformer, I3DTransformer, FrameTransformer or DescriptorSpec
        What to compute. Of a transformer everything counts but `on_error`, `n_jobs` and `verbose`;
        one with `n_components` must be fitted, and its PCA goes along. A `DescriptorSpec` gives
        pooled layers side by side, without a norm. Settings are checked here, and published weights
        fetched, so that what is wrong shows before any worker starts.
    column : str, default="path"
        Name of the column with the videos, in batches that have columns.
    on_error : {"nan", "raise"}, default="nan"
        What a video that cannot be described becomes: a row of NaN with the reason, or an error.
        Among millions of videos some always fail, so this is not the transformer's default.

    Raises
    ------
    TypeError
        If `spec` is none of these.
    ValueError
        If a setting is not usable.
    NotFittedError
        If the transformer has `n_components`, or random weights without a seed, and is not fitted.
    CheckpointError, DownloadError
        If the weights are not what they should be, or not there.

    Notes
    -----
    Whatever has columns comes back as what it was, with three more:

    - "descriptor": (n_features,) float32 a row. An array of shape (n_rows, n_features) in a mapping
      of arrays, lists of fixed size in Arrow tables, objects in pandas.
    - "error": why the row is NaN; empty if it is not.
    - "loss": what of the video could not be read; empty if nothing is known to be lost.

    A sequence of videos without columns gives what `transform` gives, rows of NaN and a warning for
    those that failed included. An empty batch gives an empty result of the same form.

    Examples
    --------
    >>> import numpy as np
    >>> from skvideo3d import C3DTransformer
    >>> from skvideo3d.feature_extraction import VideoExtractor
    >>> extract = VideoExtractor(C3DTransformer(weights=None, random_state=0))
    >>> batch = extract({"path": np.array(["gone.mp4"]), "label": np.array([3])})
    >>> list(batch), batch["descriptor"].shape
    (['path', 'label', 'descriptor', 'error', 'loss'], (1, 4096))
    >>> print(batch["error"][0])
    '...gone.mp4' does not exist...

    With Ray, one network for each of 8 actors, which have 4 cores each::

        ray.data.read_parquet("videos.parquet").map_batches(
            VideoExtractor,
            fn_constructor_args=(C3DTransformer(memory="/shared/descriptors"),),
            batch_size=32,
            num_cpus=4,
            compute=ray.data.ActorPoolStrategy(size=8),
        ).write_parquet("descriptors")
    """

    def __init__(
        self,
        spec: VideoTransformer | DescriptorSpec,
        *,
        column: str = "path",
        on_error: Literal["nan", "raise"] = "nan",
    ) -> None:
        if on_error not in ("nan", "raise"):
            raise ValueError(f"on_error={on_error!r}; use 'nan' or 'raise'.")
        if isinstance(spec, VideoTransformer):
            self._transformer, self._spec = _checked(spec)
        elif isinstance(spec, DescriptorSpec):
            self._transformer, self._spec = _plain_transformer(spec), spec
        else:
            raise TypeError(
                f"spec is a {type(spec).__name__}; give a C3DTransformer, an I3DTransformer or a "
                "DescriptorSpec. Of a pipeline, give the step that describes videos."
            )
        self.column = column
        self.on_error = on_error

    def __call__(self, batch: Any) -> Any:
        """Describe the videos of a batch.

        Parameters
        ----------
        batch : mapping of str to array, pandas DataFrame, pyarrow Table or sequence of videos
            A video is all that it is for a transformer; None and NaN are failures.

        Returns
        -------
        dict, DataFrame, Table or ndarray of shape (n_videos, n_features), float32
            See the class.

        Raises
        ------
        ValueError
            If the batch has no such column, or has one of the new columns already.
        TypeError
            If an item is no video at all, such as a number.
        VideoDecodeError
            If a video cannot be described and `on_error` is "raise".
        CheckpointError
            If this machine does not have the weights.
        """
        if isinstance(batch, Mapping):
            self._check_names(batch)
            found = self._describe(list(batch[self.column]))
            return {**batch, **dict(zip(_ADDED, found, strict=True))}
        if hasattr(batch, "assign") and hasattr(batch, "columns"):  # pandas
            self._check_names(batch.columns)
            found = self._describe(list(batch[self.column]))
            return batch.assign(
                descriptor=_objects(found.rows), error=found.errors, loss=found.losses
            )
        if hasattr(batch, "append_column"):  # Arrow's tables and record batches
            return self._describe_arrow(batch)
        found = self._describe([] if _is_empty(batch) else check_videos(batch))
        for texts, what in (
            (found.errors, "could not be described, and their rows are NaN"),
            (found.losses, "could be read only in part"),
        ):
            said = [text for text in texts if text]
            if said:
                warn(f"{len(said)} of {len(texts)} videos {what}. First: {said[0]}", stacklevel=2)
        return found.rows

    def __repr__(self) -> str:
        layers = "+".join(self._spec.layers)
        return (
            f"VideoExtractor({type(self._transformer).__name__} {layers}, column={self.column!r}, "
            f"on_error={self.on_error!r})"
        )

    def _check_names(self, names: Any) -> None:
        if self.column not in names:
            raise ValueError(
                f"The batch has no column {self.column!r}, only {', '.join(map(repr, names))}; "
                "pass column= the one that has the paths."
            )
        taken = [name for name in _ADDED if name in names]
        if taken:
            raise ValueError(
                f"The batch has a column {taken[0]!r} already; rename it, or drop it if it comes "
                "from an earlier run."
            )

    def _describe_arrow(self, batch: Any) -> Any:
        import pyarrow

        self._check_names(batch.schema.names)
        found = self._describe(batch.column(self.column).to_pylist())
        # No null: a row of NaN is a value of the same size as the others.
        flat = pyarrow.array(found.rows.reshape(-1))
        columns = (
            pyarrow.FixedSizeListArray.from_arrays(flat, found.rows.shape[1]),
            pyarrow.array(found.errors, type=pyarrow.string()),
            pyarrow.array(found.losses, type=pyarrow.string()),
        )
        for name, values in zip(_ADDED, columns, strict=True):
            batch = batch.append_column(name, values)
        return batch

    def _describe(self, videos: Sequence[Any]) -> _Described:
        sizes = block_sizes(self._spec)
        sources, unusable = recognise_videos(videos, self.on_error)
        present = [(i, source) for i, source in enumerate(sources) if source is not None]
        outcomes = {i: Outcome(i, {}, error) for i, error in unusable}

        def take(outcome: Outcome) -> None:
            position = present[outcome.index][0]
            if outcome.error is not None and self.on_error == "raise":
                raise with_position(outcome.error, position) from outcome.error
            outcomes[position] = outcome

        describe([source for _, source in present], self._spec, self._resources(), take)
        done = [outcomes[i] for i in range(len(videos))]
        rows = rows_of(done, sizes, self._transformer.norm)
        return _Described(
            self._transformer._project(rows),
            _texts([str(outcome.error or "") for outcome in done]),
            _texts([outcome.loss for outcome in done]),
        )

    def _resources(self) -> Resources:
        # Asked for where the batch is: a worker may have a GPU that this process's maker had not.
        # Whoever calls is one worker of many already.
        return replace(self._transformer._resources(), n_jobs=1)


class _Described(NamedTuple):
    rows: NDArray[np.float32]
    errors: NDArray[np.str_]
    losses: NDArray[np.str_]


def _checked(transformer: VideoTransformer) -> tuple[VideoTransformer, DescriptorSpec]:
    """Find the spec of a transformer, and keep of it what a worker needs beside that."""
    if transformer.n_components is not None:
        check_is_fitted(transformer, "pca_")
    transformer._validate_params()
    kept = type(transformer)(**transformer.get_params(deep=False))
    if transformer.n_components is not None:
        kept.pca_ = transformer.pca_
    return kept, transformer._spec()


def _plain_transformer(spec: DescriptorSpec) -> VideoTransformer:
    if spec.pooling is None:
        raise ValueError("A spec with pooling=None has no one row a video; use 'mean' or 'max'.")
    return _TRANSFORMERS[spec.weights.architecture](norm=None)


def _texts(texts: Sequence[str]) -> NDArray[np.str_]:
    # Arrow's texts are UTF-8; other bytes of a path become \\xff.
    return np.array(
        [text.encode(errors="backslashreplace").decode() for text in texts], dtype=np.str_
    )


def _objects(rows: NDArray[np.float32]) -> NDArray[np.object_]:
    # pandas would take an empty list for numbers, and numpy a list of rows for a table.
    column = np.empty(len(rows), dtype=object)
    for place, row in enumerate(rows):
        column[place] = row
    return column


def _is_empty(batch: Any) -> bool:
    return isinstance(batch, Sized) and not isinstance(batch, (str, bytes)) and len(batch) == 0
