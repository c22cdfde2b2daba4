"""Clips of the generated world, and what happens in them."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .actors import FACINGS, Actor
from .acts import ACTS
from .degradation import degrade
from .motions import CAMERAS, HEADINGS, MOTIONS, Path, camera
from .moving_textures import MOVING_TEXTURES
from .postures import POSTURE_TASKS
from .surfaces import film_surface
from .textures import TEXTURES
from .things import Thing
from .views import on_screen

__all__ = [
    "COLOURS",
    "NO_ANSWER",
    "TASKS",
    "WORLD",
    "GeneratedClip",
    "colour_of",
    "generate_clip",
]

WORLD = 4
"""Raised whenever a change of the code changes clips: no training goes on in another world."""

NO_ANSWER = -100
"""The label of a question that a clip does not answer; torch's losses skip it."""

#: What the mean colour of all pixels is nearest to.
COLOURS = ("red", "yellow", "green", "cyan", "blue", "magenta", "grey")

#: What is asked of a clip, and the possible answers.
TASKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "act": tuple(ACTS),
        "motion": tuple(MOTIONS),
        "camera": tuple(CAMERAS),
        "surface": (*TEXTURES, *MOVING_TEXTURES),
        "heading": HEADINGS,
        "facing": FACINGS,
        "pace": ("slow", "medium", "fast"),
        "travel": ("none", "right", "left"),
        **POSTURE_TASKS,
        "figures": ("none", "one", "more"),
        "order": ("kept", "reversed", "shuffled"),
        "colour": COLOURS,
    }
)

# How often there are none, one, two, three figures; things where there are no figures, and with
# them: without clutter, and with all of it.
_FIGURES = ((0.1, 0.9, 0.0, 0.0), (0.2, 0.6, 0.13, 0.07))
_THINGS_ALONE = ((0.0, 1.0, 0.0, 0.0), (0.1, 0.5, 0.25, 0.15))
_THINGS_BESIDE = ((1.0, 0.0, 0.0, 0.0), (0.5, 0.3, 0.12, 0.08))
_STILL_CAMERA = (0.6, 0.35)
_FOLLOWED = (0.0, 0.4)  # share of the clips with figures where the camera goes along with the first
_SQUEEZED = (0.0, 0.4)  # share that is narrower than it was filmed, as C3D's resizing does
_NOTICED = 0.05  # heights of the frame by which a camera that goes along is no longer what it was
_REVERSED, _SHUFFLED = 0.1, 0.05
# Acts in which a figure turns, or lies; and those without a beat.
_WITHOUT_FACING = ("turn round", "fall over", "push-up", "sit-up", "crawl", "swim")
_WITHOUT_PACE = ("stand", "bend", "sit down or stand up", "fall over")
_ABOUT_LEGS = ("posture", "legs")  # not asked where both knees are below the picture
_PACES = (0.35, 0.75)  # turns of an act in a clip from which on it is of medium pace, and fast
_GOES, _STAYS = 0.08, 0.04  # heights of the frame: more is travel, less is none
_RATE = 25.0  # frames a second, up to a factor of exp(0.5)
_PALEST = 12.0  # difference of the largest and smallest channel below which a colour is grey


@dataclass(frozen=True)
class GeneratedClip:
    """A clip and what happens in it.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, height, width, 3), uint8
        RGB.
    labels : dict of str to int
        For every task of `TASKS` the place of the right answer, or `NO_ANSWER`.
    """

    frames: NDArray[np.uint8]
    labels: dict[str, int]


def generate_clip(
    seed: int | tuple[int, ...],
    *,
    n_frames: int = 16,
    size: tuple[int, int] = (112, 112),
    clutter: float = 1.0,
) -> GeneratedClip:
    """Draw a clip of the generated world.

    Before a still or moving surface, which a camera looks at in one of nine ways, there are none to
    three figures, each at one of the acts, and none to three textured things, each in a motion of
    its own. Bodies, clothes, views, distances, pace, light, blur, noise and compression vary.

    Parameters
    ----------
    seed : int or tuple of int
        Of the clip; the same seed gives the same clip.
    n_frames : int, default=16
    size : (int, int), default=(112, 112)
        Height and width in pixels.
    clutter : float, default=1.0
        How much there may be of what makes clips hard to read: several figures and things, moving
        cameras, close views, bad film. Of 0 there is one figure or thing, well seen; a clip has up
        to this share.

    Returns
    -------
    GeneratedClip

    Examples
    --------
    >>> clip = generate_clip(3, size=(48, 48))
    >>> clip.frames.shape
    (16, 48, 48, 3)
    >>> TASKS["act"][clip.labels["act"]]
    'walk'
    """
    rng = np.random.default_rng(seed)
    clutter *= float(np.sqrt(rng.random()))
    seconds = np.arange(n_frames) / _RATE * np.exp(rng.uniform(-0.5, 0.5))
    labels = dict.fromkeys(TASKS, NO_ANSWER) | {"order": TASKS["order"].index("kept")}
    shown, size = size, (size[0], _width_of_film(rng, size[1], _mixed(_SQUEEZED, clutter)))

    n_figures = int(rng.choice(4, p=_mixed(_FIGURES, clutter)))
    figures = [Actor.drawn(rng, seconds, size[1] / size[0], clutter) for _ in range(n_figures)]
    figures.sort(key=lambda figure: figure.tall, reverse=True)
    labels["figures"] = min(n_figures, 2)
    labels["camera"] = _mostly_the_first(rng, len(CAMERAS), _mixed(_STILL_CAMERA, clutter))
    view = camera(TASKS["camera"][labels["camera"]], rng, seconds)
    if figures and rng.random() < _mixed(_FOLLOWED, clutter):
        view.x += figures[0].way[:, 0]
        view.y += figures[0].way[:, 1] / 2
        if np.ptp(figures[0].way, axis=0).max() > _NOTICED:
            labels["camera"] = NO_ANSWER

    if figures:
        labels |= _about(figures[0], view, size)
    frames, surface = film_surface(rng, seconds, size, view)
    labels["surface"] = TASKS["surface"].index(surface)

    n_things = rng.choice(4, p=_mixed(_THINGS_BESIDE if figures else _THINGS_ALONE, clutter))
    things = [Thing.drawn(rng, seconds, small=bool(figures)) for _ in range(n_things)]
    things.sort(key=lambda thing: thing.size, reverse=True)
    if things:
        labels["motion"] = TASKS["motion"].index(things[0].motion)
        labels["heading"] = things[0].path.heading if things[0].path.heading >= 0 else NO_ANSWER

    # What is asked about, the largest of its kind, hides others more often than they hide it.
    layers: list[tuple[float, Actor | Thing]] = [
        *((0.7 - 0.2 * n, figure) for n, figure in enumerate(figures)),
        *((float(rng.random()) - 0.1 * n, thing) for n, thing in enumerate(things)),
    ]
    for _, layer in sorted(layers, key=lambda item: item[0]):
        layer.add_to(frames, view, rng)
    if size != shown:
        resized = [Image.fromarray(frame).resize(shown[::-1]) for frame in frames]
        frames = np.stack([np.asarray(picture) for picture in resized])
    frames = degrade(frames, rng, clutter)
    labels["colour"] = colour_of(frames)
    frames = _reordered(frames, rng, labels)
    return GeneratedClip(np.ascontiguousarray(frames), labels)


def _about(figure: Actor, view: Path, size: tuple[int, int]) -> dict[str, int]:
    """Answer what is asked about a figure, as far as the frames show it."""
    found = {"act": TASKS["act"].index(figure.act), **figure.postures}
    if figure.act not in _WITHOUT_FACING:
        found["facing"] = figure.facing
    if figure.act not in _WITHOUT_PACE:
        found["pace"] = int(np.searchsorted(_PACES, figure.turns))
    across = figure.way[-1, 0] - figure.way[0, 0]
    if abs(across) < _STAYS:
        found["travel"] = TASKS["travel"].index("none")
    elif abs(across) > _GOES:
        found["travel"] = TASKS["travel"].index("right" if across > 0 else "left")
    knees = (figure.joints[f"{side} knee"] for side in ("left", "right"))
    if all(on_screen(knee, view, size)[:, 1].mean() > size[0] for knee in knees):
        found |= dict.fromkeys(_ABOUT_LEGS, NO_ANSWER)
    return found


def _reordered(
    frames: NDArray[np.uint8], rng: np.random.Generator, labels: dict[str, int]
) -> NDArray[np.uint8]:
    """Turn the time of some clips round, or lose it, with the answers that it gave."""
    draw = rng.random()
    if draw >= _REVERSED + _SHUFFLED:
        return frames
    order = "reversed" if draw < _REVERSED else "shuffled"
    # What is done backwards is still that act; where it went and how the camera moved is not.
    kept = {"surface", "colour"}
    if order == "reversed":
        kept |= {"act", "facing", "figures", *POSTURE_TASKS}
    for task in TASKS.keys() - kept:
        labels[task] = NO_ANSWER
    labels["order"] = TASKS["order"].index(order)
    return frames[::-1] if order == "reversed" else frames[rng.permutation(len(frames))]


def _mixed(shares: Any, clutter: float) -> Any:
    """Go from what is there without clutter to what is there with all of it."""
    plain, full = np.asarray(shares)
    return plain + clutter * (full - plain)


def colour_of(frames: NDArray[np.uint8]) -> int:
    """Find the place in `COLOURS` of the mean colour of frames.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, height, width, 3), uint8, RGB

    Returns
    -------
    int

    Examples
    --------
    >>> COLOURS[colour_of(np.full((1, 1, 1, 3), [90, 200, 80], np.uint8))]
    'green'
    """
    mean = np.array([frames[..., channel].mean() for channel in range(3)])
    if np.ptp(mean) < _PALEST:
        return COLOURS.index("grey")
    return round(colorsys.rgb_to_hsv(*mean)[0] * 6) % 6


def _width_of_film(rng: np.random.Generator, width: int, share: float) -> int:
    """Draw the width before frames are squeezed: up to that of 16:9 in 4:3."""
    return round(width * rng.uniform(1, 4 / 3)) if rng.random() < share else width


def _mostly_the_first(rng: np.random.Generator, n: int, share: float) -> int:
    return 0 if rng.random() < share else int(rng.integers(1, n))
