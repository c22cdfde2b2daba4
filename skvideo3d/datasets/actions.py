"""What the actions of the generated videos do: paths through a space of states without edges.

Where things are in a frame (position, orientation, size, pose of every figure, light) is a point on
a torus, and every coordinate starts at a uniformly random place. An action only adds a path to that
start, so the state at any one frame is uniform too, whatever the action: a frame by itself is drawn
from the same distribution in every class, and only change over time can tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIONS", "LIMBS", "States", "action_states"]

LIMBS = 4
"""Limbs of a figure: two arms, then two legs."""

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class States:
    """Where everything in a video is, frame by frame; every coordinate is in turns, [0, 1).

    Attributes
    ----------
    x, y : ndarray of shape (n_objects, n_frames)
        Position, as a fraction of the frame's width and height; what leaves on one side comes
        back on the other.
    angle : ndarray of shape (n_objects, n_frames)
        Orientation, clockwise on the screen.
    zoom : ndarray of shape (n_objects, n_frames)
        Size, from the smallest (0) to the largest (1), where an object fades and starts again.
    limbs : ndarray of shape (n_objects, n_frames, 4)
        Where each limb is on its loop.
    light : ndarray of shape (n_frames,)
        Where the light is in its cycle.
    """

    x: _Array
    y: _Array
    angle: _Array
    zoom: _Array
    limbs: _Array
    light: _Array


@dataclass(frozen=True)
class _Take:
    # How one video performs its action; drawn alike for every action, so that it tells nothing.
    seconds: _Array  # (n_frames,)
    pace: _Array  # (n_objects, 1) relative speed
    cycle: _Array  # (n_objects, 1) where a periodic motion begins
    limb_pace: _Array  # (n_objects, 1, 4)
    tilt: float  # of the direction, in radians
    reach: float  # relative amplitude
    side: float  # -1 or 1, for actions that go either way


_Path = dict[str, _Array]
_Action = Callable[[_Take], _Path]


def _hold(take: _Take) -> _Path:
    return {}


def _translate(dx: float, dy: float) -> _Action:
    def path(take: _Take) -> _Path:
        way = 0.7 * take.pace * take.seconds  # frame heights
        cos, sin = np.cos(take.tilt), np.sin(take.tilt)
        return {"x": way * (dx * cos - dy * sin), "y": way * (dx * sin + dy * cos)}

    return path


def _rotate(turns_per_second: float) -> _Action:
    def path(take: _Take) -> _Path:
        return {"angle": turns_per_second * take.pace * take.seconds}

    return path


def _zoom(ranges_per_second: float) -> _Action:
    def path(take: _Take) -> _Path:
        # One pace for all: sizes start evenly spread, and must stay so to tell nothing.
        return {
            "zoom": ranges_per_second * take.pace[:1] * np.tile(take.seconds, (len(take.pace), 1))
        }

    return path


def _oscillate(dx: float, dy: float) -> _Action:
    def path(take: _Take) -> _Path:
        phase = 1.2 * take.pace * take.seconds + take.cycle
        way = 0.16 * take.reach * np.sin(2 * np.pi * phase)
        cos, sin = np.cos(take.tilt), np.sin(take.tilt)
        return {"x": way * (dx * cos - dy * sin), "y": way * (dx * sin + dy * cos)}

    return path


def _bounce(take: _Take) -> _Path:
    phase = (1.3 * take.pace * take.seconds + take.cycle) % 1.0
    height = 0.32 * take.reach * 4 * phase * (1 - phase)  # a throw from the floor back to it
    return {"x": 0.2 * take.side * take.pace * take.seconds, "y": -height}


def _move_limbs(*moving: int) -> _Action:
    def path(take: _Take) -> _Path:
        turns = 1.2 * take.pace[..., None] * take.limb_pace * take.seconds[None, :, None]
        return {"limbs": turns * np.isin(np.arange(LIMBS), moving)}

    return path


def _flicker(take: _Take) -> _Path:
    return {"light": 2.0 * take.pace[0] * take.seconds}


ACTIONS: Mapping[str, _Action] = MappingProxyType(
    {
        "translate_left": _translate(-1, 0),
        "translate_right": _translate(1, 0),
        "rotate_clockwise": _rotate(0.5),
        "zoom_in": _zoom(0.8),
        "oscillate_vertically": _oscillate(0, 1),
        "bounce": _bounce,
        "wave_arms": _move_limbs(0, 1),
        "still": _hold,
        "translate_up": _translate(0, -1),
        "translate_down": _translate(0, 1),
        "rotate_counterclockwise": _rotate(-0.5),
        "zoom_out": _zoom(-0.8),
        "oscillate_horizontally": _oscillate(1, 0),
        "kick_legs": _move_limbs(2, 3),
        "dance": _move_limbs(0, 1, 2, 3),
        "flicker": _flicker,
    }
)
"""The actions by name; the first few are the ones that differ most."""


def action_states(
    action: str,
    rng: np.random.Generator,
    *,
    n_objects: int,
    n_frames: int,
    fps: float,
    aspect: float,
) -> States:
    """Where everything is in every frame of one performance of an action.

    The numbers drawn do not depend on the action: the same `rng` gives every action the same first
    frame.

    Parameters
    ----------
    action : str
        A name in `ACTIONS`.
    rng : numpy.random.Generator
        Decides the start, the speed and how the action is performed.
    n_objects, n_frames : int
        Objects that move, and frames to move them for.
    fps : float
        Frames per second; speeds are fixed per second.
    aspect : float
        Width of the frame over its height, so that speeds are the same along both.

    Returns
    -------
    States
        All coordinates in [0, 1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> states = action_states("rotate_clockwise", rng, n_objects=2, n_frames=25, fps=25, aspect=1)
    >>> states.angle.shape, bool((states.x == states.x[:, :1]).all())
    ((2, 25), True)
    """
    start = rng.random((n_objects, 3))
    # Sizes are spread evenly over the range, so that never more than one object is fading.
    zoom = rng.random() + np.arange(n_objects) / n_objects
    limbs = rng.random((n_objects, 1, LIMBS))
    light = rng.random()
    take = _Take(
        seconds=np.arange(n_frames) / fps,
        pace=2 ** rng.uniform(-0.5, 0.5) * rng.uniform(0.85, 1.15, (n_objects, 1)),
        cycle=rng.random((n_objects, 1)),
        limb_pace=rng.uniform(0.7, 1.3, (n_objects, 1, LIMBS)),
        tilt=np.radians(rng.uniform(-12, 12)),
        reach=rng.uniform(0.8, 1.2),
        side=float(rng.choice([-1.0, 1.0])),
    )
    path = ACTIONS[action](take)

    def walk(coordinate: str, origin: _Array, shape: tuple[int, ...], unit: float = 1.0) -> _Array:
        way = path.get(coordinate, np.zeros(shape)) / unit
        time = -1 if len(shape) == 1 else 1
        # The difference first: it is exactly nothing in the first frame.
        return np.asarray((origin + (way - way.take([0], axis=time))) % 1.0)

    rigid = (n_objects, n_frames)
    return States(
        x=walk("x", start[:, :1], rigid, aspect),
        y=walk("y", start[:, 1:2], rigid),
        angle=walk("angle", start[:, 2:], rigid),
        zoom=walk("zoom", zoom[:, None], rigid),
        limbs=walk("limbs", limbs, (*rigid, LIMBS)),
        light=walk("light", np.array([light]), (n_frames,)),
    )
