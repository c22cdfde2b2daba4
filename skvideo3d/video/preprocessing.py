"""From decoded frames to network input: one frozen recipe for each set of weights."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from operator import index
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skvideo3d.caffe import read_blob
from skvideo3d.exceptions import CheckpointError

from .resizing import resize_bilinear, resized_shape

__all__ = [
    "C3D_PREPROCESSING",
    "COMPACT_PREPROCESSING",
    "I3D_PREPROCESSING",
    "IMAGENET_PREPROCESSING",
    "MeanCube",
    "Preprocessing",
    "in_units",
    "scale_of_row",
]


@dataclass(frozen=True)
class MeanCube:
    """The mean clip of a training set, kept in a file and read when first needed.

    Two cubes are equal when their numbers are; the path only says where to find them.

    Parameters
    ----------
    path : str
        A Caffe ``.binaryproto``, a ``.npy``, or a ``.safetensors`` file with a tensor named
        ``preprocessing.mean``; the array has shape (3, frames, height, width), channels in the
        network's order, in the units of the pixels.
    sha256 : str
        Of the array as float32 in C order, in hexadecimal.
    """

    path: str = field(compare=False)
    sha256: str

    @classmethod
    def from_file(cls, path: str | Path) -> MeanCube:
        """Describe the cube in a file.

        Parameters
        ----------
        path : path-like
            See the class.

        Returns
        -------
        MeanCube

        Raises
        ------
        CheckpointError
            If there is no such file, or it holds no array of shape (3, frames, height, width).
        """
        status = os.stat(path)
        return cls(str(path), _described(str(path), status.st_size, status.st_mtime_ns))

    def array(self) -> NDArray[np.float32]:
        """Read the cube.

        Returns
        -------
        ndarray of shape (3, frames, height, width), float32
            Read-only; read from the file once in a process.

        Raises
        ------
        CheckpointError
            If the file is gone, or holds other numbers than when the cube was described.
        """
        return _verified_cube(self.path, self.sha256)


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a frame between the decoder and the network.

    A frame is resized as an 8-bit image (bilinear, bit for bit as OpenCV does it), its centre is
    cropped, its channels are ordered, and each value x becomes ``scale * x - mean``.

    Parameters
    ----------
    resize : int or (int, int)
        Length of the shorter side in pixels, or (height, width) ignoring the aspect ratio.
    crop : (int, int)
        Height and width of the centre crop in pixels; offsets are rounded down, as Caffe does.
    channel_order : {"rgb", "bgr"}
        Order of the channels that the network was trained on.
    scale : float or tuple of float
        Factor on the pixel values 0..255: one for all, or a value a channel, in the network's
        channel order.
    mean : tuple of float or MeanCube
        Subtracted after scaling: a value a channel, in the network's channel order, or a mean clip
        of the resized (not yet cropped) frames.

    Raises
    ------
    ValueError
        If the crop does not fit into the resized frame, or a value is not one of those above.

    Examples
    --------
    >>> C3D_PREPROCESSING.crop
    (112, 112)
    >>> frame = np.zeros((240, 320, 3), dtype=np.uint8)
    >>> C3D_PREPROCESSING.prepare_frame(frame).shape
    (112, 112, 3)
    """

    resize: int | tuple[int, int]
    crop: tuple[int, int]
    channel_order: Literal["rgb", "bgr"] = "rgb"
    scale: float | tuple[float, ...] = 1.0
    mean: tuple[float, ...] | MeanCube = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        # Recipes from JSON or numpy come with lists and numpy's numbers; a recipe is hashable.
        for name, kind in (("resize", index), ("crop", index), ("mean", float), ("scale", float)):
            value = getattr(self, name)
            try:
                if not isinstance(value, MeanCube):
                    plain = tuple(map(kind, value)) if np.ndim(value) else kind(value)
                    object.__setattr__(self, name, plain)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}={value!r}: {error}.") from error
        sides = self.resize if isinstance(self.resize, tuple) else (self.resize, self.resize)
        if len(sides) != 2 or min(sides) < 1:
            raise ValueError(f"resize={self.resize!r}: give one positive int or (height, width).")
        if not isinstance(self.crop, tuple) or len(self.crop) != 2 or min(self.crop) < 1:
            raise ValueError(f"crop={self.crop!r}: give (height, width) in pixels.")
        if self.crop[0] > sides[0] or self.crop[1] > sides[1]:
            raise ValueError(
                f"crop={self.crop!r} does not fit into frames resized to {self.resize!r}; "
                "make resize at least as large as crop."
            )
        if self.channel_order not in ("rgb", "bgr"):
            raise ValueError(f"channel_order={self.channel_order!r}: use 'rgb' or 'bgr'.")
        if np.shape(self.scale) not in ((), (3,)):
            raise ValueError(
                f"scale={self.scale!r}: give one number, or one value for each of 3 channels."
            )
        if not isinstance(self.mean, MeanCube) and np.shape(self.mean) != (3,):
            raise ValueError(f"mean={self.mean!r}: give one value for each of 3 channels.")

    def prepare_frame(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop one frame.

        Parameters
        ----------
        frame : ndarray of shape (height, width, 3), uint8, RGB

        Returns
        -------
        ndarray of shape (crop height, crop width, 3), uint8, RGB
        """
        height, width, _ = frame.shape
        size = resized_shape(height, width, self.resize)
        return resize_bilinear(frame, size, self.crop_window(size))

    def prepare_clips(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Order channels, scale and subtract the mean.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, frames, crop height, crop width, 3), uint8, RGB
            Of frames that `prepare_frame` returned.

        Returns
        -------
        ndarray of shape (n_clips, 3, frames, crop height, crop width), float32
            A view of channels-last memory.
        """
        values = np.empty(clips.shape, np.float32)
        mean = _mean_of_crop(self)
        scale = scale_of_row(self)
        # A frame at a time stays in the cache, and its rows without the channel axis are long
        # enough for numpy to be fast on them.
        for clip, clip_values in zip(clips, values, strict=True):
            frames = np.broadcast_to(mean, (len(clip), *mean.shape[1:]))
            for frame, frame_values, frame_mean in zip(clip, clip_values, frames, strict=True):
                if self.channel_order == "bgr":
                    for channel in range(3):
                        frame_values[..., channel] = frame[..., 2 - channel]
                else:
                    frame_values[...] = frame
                rows = frame_values.reshape(self.crop[0], -1)
                if scale is not None:
                    rows *= scale
                rows -= frame_mean
        return values.transpose(0, 4, 1, 2, 3)

    def check_clip_len(self, clip_len: int) -> None:
        """Refuse clips that the mean cube does not fit.

        Parameters
        ----------
        clip_len : int
            Frames in a clip.

        Raises
        ------
        ValueError
            If the mean is a cube of another length or for frames of another size.
        """
        if not isinstance(self.mean, MeanCube):
            return
        frames, *size = self.mean.array().shape[1:]
        if frames != clip_len:
            raise ValueError(
                f"clip_len={clip_len} does not fit the mean cube of these weights, which has "
                f"{frames} frames; use clip_len={frames}, or pass preprocessing= with a "
                "per-channel mean such as skvideo3d.video.C3D_PREPROCESSING."
            )
        if tuple(size) != self.resize:
            raise ValueError(
                f"The mean cube {self.mean.path!r} is for frames of {size[0]}x{size[1]} pixels, "
                f"but resize={self.resize!r}; set resize={tuple(size)!r} or use another mean."
            )

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain values for JSON; a mean cube as its sha256."""
        values = asdict(self)
        if isinstance(self.mean, MeanCube):
            values["mean"] = {"sha256": self.mean.sha256}
        return values

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], cube_path: str | Path | None = None
    ) -> Preprocessing:
        """Rebuild a recipe from `to_dict`.

        Parameters
        ----------
        values : mapping
        cube_path : path-like, optional
            Where the mean cube is, for a recipe that has one.

        Returns
        -------
        Preprocessing
        """
        values = dict(values)
        if isinstance(values["mean"], Mapping):
            if cube_path is None:
                raise ValueError("This recipe has a mean cube: pass cube_path.")
            values["mean"] = MeanCube(str(cube_path), values["mean"]["sha256"])
        return cls(**values)

    def fingerprint(self) -> str:
        """Give a text that is equal for equal recipes and different for different ones."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def crop_window(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Find the rows and columns of a resized frame that are cropped.

        Parameters
        ----------
        size : (int, int)
            Height and width of the resized frame.

        Returns
        -------
        (slice, slice)
        """
        top, left = (size[0] - self.crop[0]) // 2, (size[1] - self.crop[1]) // 2
        return slice(top, top + self.crop[0]), slice(left, left + self.crop[1])


# Pixels without a scale reach from -101 to 165. Random weights that keep the size of what they are
# given then see gradients of the first layer that no usual learning rate is small enough for.
_PIXELS_TO_UNITS = 1 / 64


def in_units(recipe: Preprocessing) -> Preprocessing:
    """Scale pixels that are not scaled to about unit variance, for weights that nobody trained.

    Parameters
    ----------
    recipe : Preprocessing
        With a scale or a mean cube it is the answer.

    Returns
    -------
    Preprocessing

    Examples
    --------
    >>> in_units(C3D_PREPROCESSING).scale
    0.015625
    """
    if recipe.scale != 1 or isinstance(recipe.mean, MeanCube):
        return recipe
    mean = tuple(value * _PIXELS_TO_UNITS for value in recipe.mean)
    return replace(recipe, scale=_PIXELS_TO_UNITS, mean=mean)


# Tran et al. 2015, section 3.1, and the authors' released feature-extraction prototxt; the mean is
# the per-channel average of the Sports-1M cube.
C3D_PREPROCESSING = Preprocessing(
    resize=(128, 171), crop=(112, 112), channel_order="bgr", mean=(90.25, 97.66, 101.41)
)

# Of the compact network, which began with random weights.
COMPACT_PREPROCESSING = in_units(C3D_PREPROCESSING)

# Carreira & Zisserman 2017, section 2.5: shorter side 256, centre 224, pixels in [-1, 1].
I3D_PREPROCESSING = Preprocessing(
    resize=256, crop=(224, 224), channel_order="rgb", scale=2 / 255, mean=(1.0, 1.0, 1.0)
)

# What torchvision's and most other ImageNet networks were trained on: [0, 1], then each channel
# normalised by the training set's mean and standard deviation.
IMAGENET_PREPROCESSING = Preprocessing(
    resize=256,
    crop=(224, 224),
    channel_order="rgb",
    scale=(1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)),
    mean=(0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225),
)


def scale_of_row(recipe: Preprocessing) -> NDArray[np.float32] | None:
    """Give the factors on a row of pixels of the crop.

    Parameters
    ----------
    recipe : Preprocessing

    Returns
    -------
    ndarray of shape () or (crop width times channels,), float32, or None
        None where nothing is scaled.

    Examples
    --------
    >>> scale_of_row(C3D_PREPROCESSING) is None
    True
    >>> scale_of_row(Preprocessing(8, (4, 2), scale=(1.0, 2.0, 4.0)))
    array([1., 2., 4., 1., 2., 4.], dtype=float32)
    """
    scale = np.array(recipe.scale, np.float32)
    if np.all(scale == 1):
        return None
    return scale if scale.ndim == 0 else np.tile(scale, recipe.crop[1])


@lru_cache(maxsize=8)
def _mean_of_crop(recipe: Preprocessing) -> NDArray[np.float32]:
    """Mean as (frames or 1, rows or 1, columns times channels)."""
    if isinstance(recipe.mean, MeanCube):
        cube = recipe.mean.array()
        rows, columns = recipe.crop_window(cube.shape[2:])
        mean = cube[:, :, rows, columns].transpose(1, 2, 3, 0)
        return mean.reshape(*mean.shape[:2], -1)
    return np.tile(np.array(recipe.mean, np.float32), recipe.crop[1])[None, None]


@lru_cache(maxsize=4)
def _verified_cube(path: str, sha256: str) -> NDArray[np.float32]:
    cube = _read_cube(path)
    if _fingerprint(cube) != sha256:
        raise CheckpointError(
            f"{path!r} holds another mean cube than when it was described; restore the file, or "
            "describe the new one with MeanCube.from_file."
        )
    cube.flags.writeable = False
    return cube


@lru_cache(maxsize=16)
def _described(path: str, size: int, mtime_ns: int) -> str:
    """Hash the cube in a file, anew when the file has changed: every fit and transform asks."""
    return _fingerprint(_read_cube(path))


def _read_cube(path: str) -> NDArray[np.float32]:
    suffix = Path(path).suffix
    if not Path(path).is_file():
        raise CheckpointError(
            f"There is no mean cube file at {path!r}. Put it there, describe another with "
            "MeanCube.from_file, or pass preprocessing= with a mean for each channel."
        )
    try:
        if suffix == ".npy":
            # Mapped: a header cannot claim more than the file has.
            cube: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
        elif suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, framework="np") as file:
                is_there = "preprocessing.mean" in file.keys()  # noqa: SIM118
                cube = file.get_tensor("preprocessing.mean") if is_there else np.empty(0)
        else:
            cube = read_blob(path)
    except CheckpointError:
        raise
    except Exception as error:  # damage makes the readers fail in any way
        raise CheckpointError(
            f"{path!r} cannot be read as a mean cube: {str(error)[:200]}. Fetch or write it again."
        ) from None
    if cube.ndim == 5 and cube.shape[0] == 1:
        cube = cube[0]
    if cube.ndim != 4 or cube.shape[0] != 3 or cube.dtype.kind not in "fiu" or not cube.size:
        raise CheckpointError(
            f"{path!r} holds an array of shape {cube.shape} and type {cube.dtype}; a mean cube is "
            "of numbers and has shape (3, frames, height, width)."
        )
    # A copy: the file may still be mapped, and others may overwrite it.
    cube = np.array(cube, dtype=np.float32, order="C")
    if not np.isfinite(cube).all():
        raise CheckpointError(f"{path!r}: the mean cube has values that are not finite.")
    return cube


def _fingerprint(cube: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(cube, dtype=np.float32).tobytes()).hexdigest()
