"""Everything that determines the numbers of a descriptor, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sampling import ShortVideo

if TYPE_CHECKING:
    from skvideo3d.models.checkpoints import Weights

__all__ = ["DescriptorSpec", "Pooling", "Precision"]

# Raised whenever a change of the code changes descriptors, so that stored ones are not mixed up.
_ALGORITHM = 3

Pooling = Literal["mean", "max"]
Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class DescriptorSpec:
    """How to turn a video into numbers; what workers receive and what the store hashes.

    Parameters
    ----------
    weights : Weights
        The network and the content of its weights.
    layers : tuple of str
        Layers to read, in the order of the descriptor.
    clip_len, clip_stride : int
        In frames.
    fps : float or None
        Frame rate to resample to; None keeps every frame.
    short_video : {"loop", "repeat_last", "error"}
        See `skvideo3d.video.sampling.iter_clips`.
    pooling : {"mean", "max"} or None
        How the clips of a video become one vector; None keeps them apart.
    precision : {"float32", "bfloat16", "float16"}
        In which the network computes.
    preprocessing : Preprocessing
        From frames to network input.
    """

    weights: Weights
    layers: tuple[str, ...]
    clip_len: int
    clip_stride: int
    fps: float | None
    short_video: ShortVideo
    pooling: Pooling | None
    precision: Precision
    preprocessing: Preprocessing

    def fingerprints(self) -> dict[str, str]:
        """Give for each layer a text that is equal exactly for equal settings.

        Returns
        -------
        dict of str to str
            A layer's numbers do not depend on the others, so each has its own.
        """
        return self._fingerprints

    @cached_property  # asked for once a video
    def _fingerprints(self) -> dict[str, str]:
        weights = self.weights
        rest = "|".join(
            map(
                repr,
                (
                    _ALGORITHM,
                    weights.architecture,
                    weights.config,
                    weights.sha256,
                    self.clip_len,
                    self.clip_stride,
                    None if self.fps is None else float(self.fps),
                    self.short_video,
                    self.pooling,
                    self.precision,
                    self.preprocessing.fingerprint(),
                ),
            )
        )
        return {layer: f"{layer}|{rest}" for layer in self.layers}
