"""How optical flow is computed, clipped and kept: one frozen recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .opencv import OPENCV_METHODS, opencv_method

__all__ = ["FlowFunction", "OpticalFlow"]

FlowFunction = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Any]

_BOUNDS = (0.01, 65504.0)  # the greatest that float16 holds
_LEAST_NORMAL = 2.0**-14  # of float16
# Changed with anything that changes the flow of these methods: kept flow is found by it.
_FINGERPRINTS = {"tvl1": "tvl1, OpenCV's defaults", "dis": "dis, OpenCV's preset medium"}


@dataclass(frozen=True)
class OpticalFlow:
    """How optical flow between consecutive frames is computed, clipped and kept.

    Carreira & Zisserman 2017 give their flow network the TV-L1 flow of grey frames at 25 a second,
    clipped to 20 pixels and divided by them. These are the defaults here; the frame rate is the
    transformer's.

    Parameters
    ----------
    method : {"tvl1", "dis"} or callable, default="tvl1"
        "tvl1" and "dis" are OpenCV's (``pip install 'skvideo3d[flow]'``): TV-L1 is what the
        published weights were trained on, DIS some eighty times faster. A callable gets the
        previous and the following frame, both uint8 (height, width, 3), RGB, resized but not
        cropped, and returns their flow in pixels, (height, width, 2), of any floating-point type,
        a NumPy array or a torch tensor: the pixel at column x and row y of the previous frame is
        at x + ``flow[y, x, 0]`` and y + ``flow[y, x, 1]`` in the following one.
    bound : float, default=20.0
        In pixels. Flow is clipped to [-bound, bound] and, for the network, divided by it.
    precision : {"float32", "float16", "uint8"}, default="float32"
        In which the clipped flow is held before the network sees it: 8, 4 or 2 bytes a pixel.
        With "float16", motion under 0.00006 pixels becomes zero. "uint8" are 255 equal steps from
        -bound to bound, as flow is commonly published in images; none of the 256 values is zero:
        no motion becomes half a step, 0.078 pixels at bound 20.
    keep : bool, default=False
        Whether the flow of every video is kept in the transformer's `memory` folder, so that
        other networks, layers and clips need not compute it again. What is kept there is used
        whether this is set or not. Does not change the numbers.
    name : str, optional
        By which a callable is known where descriptors or flow are kept; give another one when the
        callable changes. The methods that are built in have none.
    thread_safe : bool, default=False
        Whether the callable may be called by several threads at once; otherwise calls wait for
        each other. The methods that are built in always run in parallel.

    Raises
    ------
    ValueError
        If a value is not one of those above.

    Notes
    -----
    The built-in methods compute the same bits in any thread; versions of OpenCV differ. On
    generated motion of two pixels 4.10 and 5.0 were 0.01 pixels apart on average by TV-L1 and 0.003
    by DIS. What is kept is not computed again for that.

    Examples
    --------
    >>> flow = OpticalFlow("dis", precision="uint8")
    >>> motion = np.array([[[0.0, -3.5], [25.0, 1.0]]], dtype=np.float32)
    >>> flow.encode(motion)
    array([[[128, 105], [255, 134]]], dtype=uint8)
    >>> flow.decode(flow.encode(motion))
    array([[[ 0.078..., -3.529...], [20. , 1.019...]]], dtype=float32)
    >>> OpticalFlow().network_input(motion)
    array([[[ 0. , -0.175], [ 1. , 0.05 ]]], dtype=float32)
    """

    # Callables need not be hashable; that recipes of different ones have the same hash is no harm.
    method: Literal["tvl1", "dis"] | FlowFunction = field(default="tvl1", hash=False)
    bound: float = 20.0
    precision: Literal["float32", "float16", "uint8"] = "float32"
    keep: bool = False
    name: str | None = None
    thread_safe: bool = False

    def __post_init__(self) -> None:
        is_built_in = isinstance(self.method, str) and self.method in OPENCV_METHODS
        if not is_built_in and not callable(self.method):
            raise ValueError(
                f"method={self.method!r}: use 'tvl1', 'dis' or a function of two frames that "
                "returns their flow."
            )
        try:
            object.__setattr__(self, "bound", float(self.bound))
        except (TypeError, ValueError) as error:
            raise ValueError(f"bound={self.bound!r}: {error}.") from error
        if not _BOUNDS[0] <= self.bound <= _BOUNDS[1]:  # NaN is in no range
            raise ValueError(
                f"bound={self.bound!r}: give pixels, from {_BOUNDS[0]} to {_BOUNDS[1]:.0f}."
            )
        if self.precision not in ("float32", "float16", "uint8"):
            raise ValueError(f"precision={self.precision!r}: use 'float32', 'float16' or 'uint8'.")
        for option in ("keep", "thread_safe"):
            if not isinstance(getattr(self, option), bool | np.bool_):
                raise ValueError(f"{option}={getattr(self, option)!r}: use True or False.")
        if self.name is not None and (not isinstance(self.name, str) or not self.name.strip()):
            raise ValueError(f"name={self.name!r}: give a text that is not empty, or None.")
        if is_built_in and (self.name is not None or self.thread_safe):
            raise ValueError(
                f"method={self.method!r} is built in: name and thread_safe are for callables."
            )

    @property
    def is_parallel(self) -> bool:
        """Whether several threads may compute flow at once."""
        return isinstance(self.method, str) or self.thread_safe

    # Nothing in a recipe changes, and a network that computes flow may not let itself be copied:
    # scikit-learn's clone copies what is not an estimator.
    def __deepcopy__(self, memo: dict[int, Any]) -> OpticalFlow:
        return self

    @classmethod
    def from_any(cls, value: str | FlowFunction | OpticalFlow) -> OpticalFlow:
        """Take a recipe, or make the one of a method.

        Parameters
        ----------
        value : OpticalFlow, {"tvl1", "dis"} or callable

        Returns
        -------
        OpticalFlow

        Raises
        ------
        ValueError
            If it is none of these.

        Examples
        --------
        >>> OpticalFlow.from_any("dis") == OpticalFlow(method="dis")
        True
        """
        return value if isinstance(value, cls) else cls(method=value)  # type: ignore[arg-type]

    def check(self) -> None:
        """Find out whether the method can run here, before any video is opened.

        Raises
        ------
        ImportError
            If OpenCV is missing, or is a build without the method; names what to install.
        """
        if isinstance(self.method, str):
            opencv_method(self.method)

    def encode(self, flow: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Clip flow and bring it into the precision it is held in.

        Parameters
        ----------
        flow : ndarray of shape (..., height, width, 2), of finite floating-point numbers
            In pixels.

        Returns
        -------
        ndarray of the same shape, of type `precision`
        """
        clipped: NDArray[Any] = np.clip(flow, -self.bound, self.bound)
        if self.precision == "float16":
            # NumPy takes thirty times as long over numbers that float16 holds as subnormal ones.
            clipped = np.where(np.abs(clipped) < _LEAST_NORMAL, np.float16(0), clipped)
        if self.precision != "uint8":
            return clipped.astype(self.precision)
        # As dense_flow computes it: in double precision, halves to the even neighbour.
        steps = 255 * (clipped.astype(np.float64) + self.bound) / (2 * self.bound)
        steps = np.rint(steps, out=steps)
        return steps.astype(np.uint8)

    def decode(self, held: NDArray[Any]) -> NDArray[np.float32]:
        """Read the flow that `encode` held.

        Parameters
        ----------
        held : ndarray of shape (..., height, width, 2), of type `precision`

        Returns
        -------
        ndarray of the same shape, float32
            In pixels, from -bound to bound.

        Raises
        ------
        ValueError
            If it is of another type: held by another recipe.
        """
        if held.dtype != self.precision:
            raise ValueError(
                f"Flow held as {held.dtype} was given to a recipe of precision={self.precision!r}; "
                "decode it with the recipe that encoded it."
            )
        if self.precision == "uint8":
            values = ((np.arange(256) / 255 * 2 - 1) * self.bound).astype(np.float32)
            flow: NDArray[np.float32] = values[held]
            return flow
        # A bound that float16 does not hold may have been rounded up.
        bound = np.float32(self.bound)
        return np.clip(held.astype(np.float32), -bound, bound)

    def network_input(self, held: NDArray[Any]) -> NDArray[np.float32]:
        """Give the values that a network sees.

        Parameters
        ----------
        held : ndarray of shape (..., height, width, 2), of type `precision`
            What `encode` returned.

        Returns
        -------
        ndarray of the same shape, float32
            The flow divided by `bound`, in [-1, 1].
        """
        return self.decode(held) / np.float32(self.bound)

    def fingerprint(self) -> str:
        """Give a text that is equal for recipes of equal numbers and different for others.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the method is a callable without a name.
        """
        if isinstance(self.method, str):
            known_as = {"method": _FINGERPRINTS[self.method]}
        elif self.name is not None:
            known_as = {"callable": self.name}
        else:
            raise ValueError(
                f"What is computed from the flow of {callable_name(self)} cannot be kept: nothing "
                "tells this callable from another. Name it and its settings, as in "
                "OpticalFlow(method=f, name='raft-large-c_t_v2'), or use memory=None."
            )
        return json.dumps(
            {**known_as, "bound": self.bound, "precision": self.precision}, sort_keys=True
        )


def callable_name(flow: OpticalFlow) -> str:
    """Give what to call a recipe's callable in an error."""
    function = flow.method
    return repr(flow.name or getattr(function, "__qualname__", type(function).__qualname__))
