"""C3D as it is compared: trained, or random in any shape; its maps as they are, or maxed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from skvideo3d.feature_extraction.c3d import C3DTransformer
from skvideo3d.feature_extraction.extraction import Outcome
from skvideo3d.feature_extraction.rows import rows_of
from skvideo3d.feature_extraction.settings import block_sizes, side_by_side

if TYPE_CHECKING:
    from skvideo3d.feature_extraction.spec import DescriptorSpec, Stream

__all__ = ["MAXED", "ComparedC3D", "max_of_maps"]

MAXED: Final = "pool5-max"
"""A name for what pool5 leaves if each of its maps is replaced by its largest value."""


class ComparedC3D(C3DTransformer):
    """A `C3DTransformer` with networks of any shape, and maps of pool5 reduced to their maxima.

    Clips are kept apart in the store, since the largest value of a clip is not that of a mean.

    Parameters
    ----------
    weights : str, path-like or None, default=None
        As in `C3DTransformer`.
    config : dict or None, default=None
        For random weights, arguments of the constructor of `skvideo3d.models.C3D`.
    with_maxima : bool, default=False
        Whether a block ``pool5-max`` comes after those of `layer`, which must have pool5.
    **parameters
        Those of `C3DTransformer`.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        with_maxima: bool = False,
        **parameters: Any,
    ) -> None:
        super().__init__(weights, **parameters)
        self.config = config
        self.with_maxima = with_maxima

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted([*C3DTransformer._get_param_names(), "config", "with_maxima"])

    def _resolve_streams(self, seed: int | None) -> tuple[Stream, ...]:
        from skvideo3d.models.checkpoints import resolve_weights

        if self.weights is not None:
            return super()._resolve_streams(seed)
        weights = resolve_weights(
            None, "c3d", seed=seed, config=self.config, preprocessing=self.preprocessing
        )
        return (self._stream(weights),)

    def _spec(self, *, fitting: bool = False) -> DescriptorSpec:
        spec = super()._spec(fitting=fitting)
        return replace(spec, pooling=None) if self.with_maxima else spec

    def _fit_settings(self) -> None:
        super()._fit_settings()
        self.feature_blocks_ = side_by_side(self._sizes(self._spec()))

    def _sizes(self, spec: DescriptorSpec) -> dict[str, int]:
        sizes = block_sizes(spec)
        return {**sizes, MAXED: _n_maps(spec)} if self.with_maxima else sizes

    def _describe(
        self, videos: Sequence[Any], on_video: Callable[[Outcome], None] = lambda _: None
    ) -> NDArray[np.float32]:
        if not self.with_maxima:
            return super()._describe(videos, on_video)
        spec = self._spec()
        n_maps = _n_maps(spec)

        def pool(outcome: Outcome) -> None:
            # At once, and in place: the clips of all videos together may fill the memory.
            for name, clips in list(outcome.layers.items()):
                if clips.dtype.names is None:
                    continue  # the same video again
                values = clips["features"]
                outcome.layers[name] = _mean(values)
                if name == "pool5":
                    outcome.layers[MAXED] = _mean(max_of_maps(values, n_maps))
            on_video(outcome)

        return rows_of(self._outcomes(videos, spec, pool), self._sizes(spec), self.norm)


def max_of_maps(values: NDArray[np.float32], n_maps: int) -> NDArray[np.float32]:
    """Reduce maps to their largest values.

    Parameters
    ----------
    values : ndarray of shape (n_clips, n_maps * n_places), float32
        Maps in Caffe's order, (map, frame, row, column).
    n_maps : int

    Returns
    -------
    ndarray of shape (n_clips, n_maps), float32

    Examples
    --------
    >>> max_of_maps(np.array([[0, 3, 1, 2, 4, 0]], dtype=np.float32), n_maps=2)
    array([[3., 4.]], dtype=float32)
    """
    largest: NDArray[np.float32] = values.reshape(len(values), n_maps, -1).max(axis=2)
    return largest


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _n_maps(spec: DescriptorSpec) -> int:
    from skvideo3d.models.checkpoints import build_network

    network: Any = build_network(spec.weights)  # without memory
    return int(network.conv5b.out_channels)
