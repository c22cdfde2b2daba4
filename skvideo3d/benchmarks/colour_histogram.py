"""The baseline that knows colours alone: neither motion, nor shape, nor where anything is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from tqdm import tqdm

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.feature_extraction.entries import StoredValue
from skvideo3d.feature_extraction.store import (
    DescriptorStore,
    entry_key,
    open_store,
    video_digest,
)
from skvideo3d.feature_extraction.validation import recognise_videos
from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.preprocessing import C3D_PREPROCESSING
from skvideo3d.video.reading import VideoReader, make_reader
from skvideo3d.video.sources import VideoSource

__all__ = ["ColourHistogram"]

# Raised whenever a change of the code changes histograms, so that stored ones are not mixed up.
_ALGORITHM = 1


class ColourHistogram(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Videos to colour histograms.

    Every frame is resized to 128 x 171 pixels, as for C3D. Each pixel falls into one of `n_bins` x
    `n_bins` x `n_bins` boxes of equal size of red, green and blue. What a row holds is the square
    root of the share of the video's pixels in each box, so that rows have length 1 and their inner
    products are Bhattacharyya's coefficient (Hellinger's kernel).

    Parameters
    ----------
    n_bins : int, default=8
        Boxes along each colour.
    memory : path-like or None, default=None
        Folder in which histograms are kept, that of descriptors for example.
    timeout : float or None, default=1800.0
        Seconds that reading a video may take.
    verbose : int, default=0
        If not 0, draws a bar on stderr.

    Attributes
    ----------
    failures_ : list of (int, object, str)
        Position, video and reason of those that could not be read in the last call; their rows are
        NaN.
    losses_ : list of (int, object, str)
        Position, video and what was lost of those that could be read only in part.

    Examples
    --------
    Half of the pixels red, half blue:

    >>> video = np.zeros((3, 128, 171, 3), dtype=np.uint8)
    >>> video[:, :64, :, 0] = video[:, 64:, :, 2] = 255
    >>> row = ColourHistogram(n_bins=2).fit_transform([video])[0]
    >>> row.round(1)
    array([0. , 0.7, 0. , 0. , 0.7, 0. , 0. , 0. ], dtype=float32)
    """

    def __init__(
        self,
        n_bins: int = 8,
        *,
        memory: str | os.PathLike[str] | None = None,
        timeout: float | None = 1800.0,
        verbose: int = 0,
    ) -> None:
        self.n_bins = n_bins
        self.memory = memory
        self.timeout = timeout
        self.verbose = verbose

    def fit(self, X: Sequence[Any], y: Any = None) -> Self:
        """Do nothing: there is nothing to learn.

        Parameters
        ----------
        X : sequence of videos
        y : ignored

        Returns
        -------
        self
        """
        return self

    def transform(self, X: Sequence[Any]) -> NDArray[np.float32]:
        """Count colours.

        Parameters
        ----------
        X : sequence of videos

        Returns
        -------
        ndarray of shape (n_videos, n_bins ** 3), float32
        """
        videos = list(X)
        sources, unusable = recognise_videos(videos, on_error="nan")
        failures = {position: str(error) for position, error in unusable}
        losses: dict[int, str] = {}
        present = [(i, source) for i, source in enumerate(sources) if source is not None]
        limits = ReadingLimits(self.timeout, DEFAULT_LIMITS.max_pixels)
        recipe = ClipRecipe(1, 1, None, "loop", C3D_PREPROCESSING, whole=True)
        reader = make_reader([source for _, source in present], recipe, limits)
        rows = np.full((len(videos), self.n_bins**3), np.nan, dtype=np.float32)
        store = None if self.memory is None else open_store(os.path.abspath(self.memory))
        try:
            for place, (position, source) in enumerate(
                tqdm(present, desc="ColourHistogram", unit="video", disable=not self.verbose)
            ):
                try:
                    found = self._known_or_counted(store, reader, place, source)
                except SkVideo3DError as error:
                    failures[position] = str(error)
                    continue
                rows[position] = found.values
                if found.loss:
                    losses[position] = found.loss
        finally:
            reader.close()
        self.failures_ = [(i, videos[i], reason) for i, reason in sorted(failures.items())]
        self.losses_ = [(i, videos[i], loss) for i, loss in sorted(losses.items())]
        return rows

    def _known_or_counted(
        self, store: DescriptorStore | None, reader: VideoReader, place: int, source: VideoSource
    ) -> StoredValue:
        key = ""
        if store is not None:
            digest = video_digest(source.identity())
            key = entry_key(digest, f"{type(self).__name__}|{_ALGORITHM}|{self.n_bins}")
            known = store.get(key)
            if known is not None:
                return known
            store.note_reading(source.name)
        losses = Losses(source.name)
        counts = np.zeros(self.n_bins**3)
        for clip in reader.read(place, ReadingCost(), losses):
            counts += _counted(clip.frames[0].pixels, self.n_bins)
        row = np.sqrt(counts / counts.sum()).astype(np.float32)
        if store is not None:
            store.put(key, row, losses.text())
        return StoredValue(row, losses.text())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def _n_features_out(self) -> int:
        return int(self.n_bins**3)


def _counted(pixels: NDArray[np.uint8], n_bins: int) -> NDArray[np.int64]:
    red, green, blue = np.moveaxis(pixels.astype(np.intp) * n_bins // 256, -1, 0)
    return np.bincount(((red * n_bins + green) * n_bins + blue).ravel(), minlength=n_bins**3)
