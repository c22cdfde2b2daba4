"""How things and cameras move: paths over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAMERAS", "HEADINGS", "MOTIONS", "Path", "camera", "motion"]

Times = NDArray[np.float64]

#: Directions of a translation on the screen, from the right counter-clockwise.
HEADINGS = ("right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right")


@dataclass
class Path:
    """Where something is, how it is turned, and how large.

    Parameters
    ----------
    x, y : ndarray of shape (n_frames,)
        In heights of the frame, from its centre, to the right and down.
    angle : ndarray of shape (n_frames,)
        In radians, clockwise on the screen.
    size : ndarray of shape (n_frames,)
        Factor.
    heading : int
        Place in `HEADINGS` of the way that it goes; -1 for a motion without one.
    """

    x: Times
    y: Times
    angle: Times
    size: Times
    heading: int = -1


def motion(kind: str, rng: np.random.Generator, seconds: Times) -> Path:
    """Draw the path of a thing.

    Parameters
    ----------
    kind : str
        One of `MOTIONS`.
    rng : Generator
    seconds : ndarray of shape (n_frames,)
        The path passes its own place in the middle of them.

    Returns
    -------
    Path

    Examples
    --------
    >>> path = motion("translate", np.random.default_rng(0), np.arange(16) / 25)
    >>> HEADINGS[path.heading]
    'up-right'
    """
    path = _still(seconds - seconds.mean())
    path.x += rng.uniform(-0.35, 0.35)
    path.y += rng.uniform(-0.3, 0.3)
    path.angle += rng.uniform(0, 2 * np.pi)
    path.size *= np.exp(rng.uniform(-0.4, 0.7))
    MOTIONS[kind](rng, seconds - seconds.mean(), path)
    return path


def camera(kind: str, rng: np.random.Generator, seconds: Times) -> Path:
    """Draw the path of a camera: what it looks at, its tilt and its zoom.

    Parameters
    ----------
    kind : str
        One of `CAMERAS`.
    rng : Generator
    seconds : ndarray of shape (n_frames,)

    Returns
    -------
    Path
    """
    path = _still(seconds - seconds.mean())
    CAMERAS[kind](rng, seconds - seconds.mean(), path)
    return path


def _still(times: Times) -> Path:
    zero = np.zeros_like(times)
    return Path(zero.copy(), zero.copy(), zero.copy(), zero + 1.0)


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _rest(rng: np.random.Generator, t: Times, path: Path) -> None:
    del rng, t, path


def _translate(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.heading = int(rng.integers(8))
    angle = path.heading * np.pi / 4 + rng.uniform(-0.3, 0.3)
    speed = rng.uniform(0.25, 1.2)
    path.x += speed * t * np.cos(angle)
    path.y -= speed * t * np.sin(angle)


def _accelerate(rng: np.random.Generator, t: Times, path: Path) -> None:
    """Set off, or come to rest."""
    path.heading = int(rng.integers(8))
    angle = path.heading * np.pi / 4 + rng.uniform(-0.3, 0.3)
    forward = t - t[0] if rng.random() < 0.5 else t - t[-1]
    way = np.sign(forward) * forward**2 * rng.uniform(1.0, 2.5)
    path.x += way * np.cos(angle)
    path.y -= way * np.sin(angle)


def _swing_across(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.x += rng.uniform(0.08, 0.25) * np.sin(_phase(rng, t, 0.8, 2.2))


def _swing_up(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.y += rng.uniform(0.08, 0.25) * np.sin(_phase(rng, t, 0.8, 2.2))


def _circle(rng: np.random.Generator, t: Times, path: Path) -> None:
    phase = _sign(rng) * _phase(rng, t, 0.6, 1.6)
    radius = rng.uniform(0.08, 0.25)
    path.x += radius * np.cos(phase)
    path.y += radius * np.sin(phase)


def _bounce(rng: np.random.Generator, t: Times, path: Path) -> None:
    """Fall and jump off the ground; time cannot be turned round where it loses height."""
    phase = (rng.random() + t * rng.uniform(1.0, 2.2)) % 1.0
    path.y -= rng.uniform(0.2, 0.6) * 4 * phase * (1 - phase) - 0.2
    path.x += rng.uniform(-0.5, 0.5) * t


def _fall(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.y += (t - t[0]) ** 2 * rng.uniform(1.5, 4.0) - 0.3
    path.x += rng.uniform(-0.5, 0.5) * t


def _rotate(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.angle += _sign(rng) * rng.uniform(1.5, 6.0) * t


def _rock(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.angle += rng.uniform(0.3, 0.8) * np.sin(_phase(rng, t, 0.8, 2.2))


def _grow(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.size *= np.exp(rng.uniform(0.6, 1.8) * t)


def _shrink(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.size *= np.exp(-rng.uniform(0.6, 1.8) * t)


def _pulse(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.size *= np.exp(rng.uniform(0.15, 0.4) * np.sin(_phase(rng, t, 0.8, 2.2)))


def _wander(rng: np.random.Generator, t: Times, path: Path) -> None:
    """Zigzag: another way at every corner."""
    corners = np.cumsum(rng.normal(0, 0.15, (2, len(t) // 3 + 2)), axis=1)
    places = np.linspace(0, corners.shape[1] - 1, len(t))
    path.x += np.interp(places, np.arange(corners.shape[1]), corners[0])
    path.y += np.interp(places, np.arange(corners.shape[1]), corners[1])


def _phase(rng: np.random.Generator, t: Times, slowest: float, fastest: float) -> Times:
    return 2 * np.pi * (rng.random() + t * rng.uniform(slowest, fastest))


MOTIONS: Mapping[str, Callable[[np.random.Generator, Times, Path], None]] = MappingProxyType(
    {
        "rest": _rest,
        "translate": _translate,
        "accelerate": _accelerate,
        "swing across": _swing_across,
        "swing up and down": _swing_up,
        "circle": _circle,
        "bounce": _bounce,
        "fall": _fall,
        "rotate": _rotate,
        "rock": _rock,
        "grow": _grow,
        "shrink": _shrink,
        "pulse": _pulse,
        "wander": _wander,
    }
)


def _pan(x: float, y: float) -> Callable[[np.random.Generator, Times, Path], None]:
    def pan(rng: np.random.Generator, t: Times, path: Path) -> None:
        speed = rng.uniform(0.15, 1.0)
        path.x += x * speed * t
        path.y += y * speed * t

    return pan


def _zoom_in(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.size *= np.exp(rng.uniform(0.2, 1.0) * t)


def _zoom_out(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.size *= np.exp(-rng.uniform(0.2, 1.0) * t)


def _roll(rng: np.random.Generator, t: Times, path: Path) -> None:
    path.angle += _sign(rng) * rng.uniform(0.3, 1.2) * t


def _shake(rng: np.random.Generator, t: Times, path: Path) -> None:
    """Hold the camera in a hand."""
    amount = rng.uniform(0.006, 0.03)
    steps = rng.normal(0, amount, (3, len(t)))
    x, y, angle = (np.convolve(values, [0.25, 0.5, 0.25], mode="same") for values in steps)
    path.x += x
    path.y += y
    path.angle += angle


CAMERAS: Mapping[str, Callable[[np.random.Generator, Times, Path], None]] = MappingProxyType(
    {
        "rest": _rest,
        "pan right": _pan(1, 0),
        "pan left": _pan(-1, 0),
        "pan up": _pan(0, -1),
        "pan down": _pan(0, 1),
        "zoom in": _zoom_in,
        "zoom out": _zoom_out,
        "roll": _roll,
        "shake": _shake,
    }
)
