"""Figures at their acts, seen from somewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .acts import ACTS, perform
from .figures import Clothes, draw_figure
from .motions import Path
from .postures import posture_answers
from .skeleton import Body, joints
from .views import cover, on_screen

__all__ = ["FACINGS", "Actor"]

Values = NDArray[np.float64]

#: Where a figure looks, a quarter turn from each other.
FACINGS = ("right", "viewer", "left", "away")

_CLOSE_VIEWS = 0.25  # share of figures of which the upper half fills the frame, in full clutter
_NEARER = 0.4  # by which a figure grows for each of the frame's heights that it comes nearer


@dataclass(frozen=True)
class Actor:
    """A figure, its act, and where its joints are on a plane before the camera.

    Parameters
    ----------
    act : str
        One of `ACTS`.
    yaw : float
        Where it looks, in radians: 0 to the right, pi/2 to the viewer.
    tall : float
        Its height, in heights of the frame.
    turns : float
        How often it goes through its act.
    growth : ndarray of shape (n_frames,)
        Factor on its height: what comes nearer grows.
    way : ndarray of shape (n_frames, 2)
        How it gets about, to the right and down, in heights of the frame.
    joints : dict of str to ndarray of shape (n_frames, 2)
        To the right and down, in heights of the frame.
    nearness : dict of str to ndarray of shape (n_frames,)
    postures : dict of str to int
        Answers to what `POSTURE_TASKS` asks.
    body : Body
    clothes : Clothes
    """

    act: str
    yaw: float
    tall: float
    turns: float
    growth: Values
    way: Values
    joints: dict[str, Values]
    nearness: dict[str, Values]
    postures: dict[str, int]
    body: Body
    clothes: Clothes

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, seconds: Values, aspect: float, clutter: float = 1.0
    ) -> Actor:
        """Draw a figure.

        Parameters
        ----------
        rng : Generator
        seconds : ndarray of shape (n_frames,)
        aspect : float
            Width of the frame in its heights.
        clutter : float, default=1.0
            Share of the close views that there may be.

        Returns
        -------
        Actor
        """
        act = str(rng.choice(list(ACTS)))
        body = Body.drawn(rng)
        pose = perform(act, rng, seconds)
        found = joints(pose, body)
        yaw, pitch = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.12)
        tall = float(np.exp(rng.uniform(np.log(0.45), np.log(1.1))))
        lowered = 0.0
        if rng.random() < clutter * _CLOSE_VIEWS:
            tall *= rng.uniform(1.3, 2.4)
            lowered = 0.25 * tall
        reach = max(0.05, aspect / 2 - 0.15)
        place = np.array([rng.uniform(-reach, reach), rng.normal(0, 0.08) + lowered])
        # What travels is at its place in the middle of the clip.
        middle = found["hips"].mean(axis=0)
        came = (found["hips"] - middle) @ [np.sin(yaw), -np.cos(yaw), 0.0]
        growth = 1 / (1 - np.clip(_NEARER * tall * came, -0.5, 0.5))
        flat, nearness = {}, {}
        for name, points in found.items():
            forward, left, up = (points - [*middle[:2], 0.0]).T
            near = forward * np.sin(yaw) - left * np.cos(yaw)
            across = forward * np.cos(yaw) + left * np.sin(yaw)
            down = near * np.sin(pitch) - up * np.cos(pitch)
            flat[name] = place + tall * growth[:, None] * np.stack([across, down], axis=1)
            nearness[name] = near
        way = flat["hips"] - flat["hips"].mean(axis=0)
        return cls(
            act=act,
            yaw=yaw,
            tall=tall,
            turns=pose.turns,
            growth=growth,
            way=way,
            joints=flat,
            nearness=nearness,
            postures=posture_answers(pose, body),
            body=body,
            clothes=Clothes.drawn(rng),
        )

    @property
    def facing(self) -> int:
        """Place in `FACINGS` of the nearest to where it looks."""
        return round(self.yaw / (np.pi / 2)) % len(FACINGS)

    def add_to(self, frames: NDArray[np.uint8], view: Path, rng: np.random.Generator) -> None:
        """Draw it over frames.

        Parameters
        ----------
        frames : ndarray of shape (n_frames, height, width, 3), uint8
            Changed.
        view : Path
            Of the camera.
        rng : Generator
            Of light and cloth.
        """
        size = frames.shape[1:3]
        seen = {name: on_screen(points, view, size) for name, points in self.joints.items()}
        scale = self.tall * self.growth * view.size * size[0]
        layers = draw_figure(
            seen, self.nearness, self.body, self.clothes, scale=scale, size=size, rng=rng
        )
        cover(frames, layers)
