"""Everything that determines the numbers of a descriptor, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from skvideo3d.video.clips import ClipRecipe
from skvideo3d.video.limits import MAX_PIXELS
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sampling import ShortVideo

if TYPE_CHECKING:
    from skvideo3d.flow import OpticalFlow
    from skvideo3d.models.checkpoints import Weights

__all__ = ["JOINT_LAYERS", "DescriptorSpec", "Pooling", "Precision", "Stream"]

# Raised whenever a change of the code changes descriptors, so that stored ones are not mixed up.
_ALGORITHM = 3

Pooling = Literal["mean", "max"]
Precision = Literal["float32", "bfloat16", "float16"]

# Of two streams: the scores are added (Carreira & Zisserman 2017, section 2.5), and what follows.
JOINT_LAYERS = ("logits", "prob")


@dataclass(frozen=True)
class Stream:
    """A network, and what it looks at.

    Parameters
    ----------
    weights : Weights
        The network and the content of its weights.
    preprocessing : Preprocessing
        From frames to network input; of flow, the sizes.
    flow : OpticalFlow or None
        How the flow that it looks at is computed; None for a network that sees frames.
    """

    weights: Weights
    preprocessing: Preprocessing
    flow: OpticalFlow | None = None

    @property
    def name(self) -> str:
        """What it looks at: "rgb" or "flow"."""
        return "rgb" if self.flow is None else "flow"


@dataclass(frozen=True)
class DescriptorSpec:
    """How to turn a video into numbers; what workers receive and what the store hashes.

    Parameters
    ----------
    weights : Weights
        The network and the content of its weights.
    layers : tuple of str
        Layers to read, in the order of the descriptor. Of two streams, a layer of one is called
        "rgb/avg_pool" or "flow/avg_pool"; "logits" is the sum of both, "prob" its softmax.
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
    flow : OpticalFlow or None
        For a network that looks at optical flow.
    second : Stream or None
        Another network that sees the same clips.
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
    flow: OpticalFlow | None = None
    second: Stream | None = None

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The networks, one or two, and what each looks at."""
        first = Stream(self.weights, self.preprocessing, self.flow)
        return (first,) if self.second is None else (first, self.second)

    def clip_recipe(self, max_pixels: int = MAX_PIXELS) -> ClipRecipe:
        """Say how videos become clips for this.

        Parameters
        ----------
        max_pixels : int, optional
            Larger frames are refused.

        Returns
        -------
        ClipRecipe
        """
        return ClipRecipe(
            clip_len=self.clip_len,
            clip_stride=self.clip_stride,
            fps=self.fps,
            short_video=self.short_video,
            preprocessing=self.preprocessing,
            max_pixels=max_pixels,
        )

    def split(self, layer: str) -> tuple[tuple[Stream, ...], str]:
        """Tell which streams a layer of the descriptor comes from, and its name in their networks.

        Parameters
        ----------
        layer : str
            One of `layers`.

        Returns
        -------
        streams : tuple of Stream
        name : str
        """
        stream, slash, name = layer.rpartition("/")
        if self.second is None or not slash:
            return self.streams, layer
        return tuple(each for each in self.streams if each.name == stream), name

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
        found = {}
        for layer in self.layers:
            streams, name = self.split(layer)
            # A layer of one of two streams is what it would be without the other.
            found[layer] = "|".join([name, *(self._fingerprint(stream) for stream in streams)])
        return found

    def _fingerprint(self, stream: Stream) -> str:
        weights = stream.weights
        values = (
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
        )
        recipe = stream.preprocessing
        if stream.flow is None:
            return "|".join(map(repr, (*values, recipe.fingerprint())))
        sizes = (recipe.resize, recipe.crop)  # the rest is for pixels
        return "|".join(map(repr, (*values, sizes, stream.flow.fingerprint())))
