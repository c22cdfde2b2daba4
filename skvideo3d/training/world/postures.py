"""What a body does, whatever the act is called: how it is held, and which limbs move."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .skeleton import Body, Pose, joints

__all__ = ["POSTURE_TASKS", "posture_answers"]

Values = NDArray[np.float64]

#: What is asked about how a body is held and moves, and the possible answers.
POSTURE_TASKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "posture": ("upright", "bent", "low", "lying"),
        "hands": ("hanging", "before the trunk", "above the head"),
        "arms": ("still", "one moves", "both move"),
        "legs": ("still", "one moves", "both move"),
    }
)

_SIDES = ("left", "right")
# In body heights: by how much a hand moves against its shoulder, a foot against its hip.
_ARMS_MOVE, _LEGS_MOVE = 0.15, 0.12
# How high the hips are, in lengths of a leg: on a chair half. Cosines of a trunk to the vertical.
_LOW, _LYING = 0.6, 0.5
_BENT, _FLAT = 0.8, 0.5
_LOWEST = 0.2  # the part of a clip in which a body is lowest


def posture_answers(pose: Pose, body: Body) -> dict[str, int]:
    """Say how a body is held, and which of its limbs move.

    Of a posture the lowest counts, of the hands the higher one, on average over the clip. Limbs
    move against the hips and their axes: who turns round or falls over need not move any.

    Parameters
    ----------
    pose : Pose
    body : Body

    Returns
    -------
    dict of str to int
        For every task of `POSTURE_TASKS` the place of the right answer.

    Examples
    --------
    >>> from skvideo3d.training.world.skeleton import Body, Pose
    >>> pose = Pose(16)
    >>> pose.shoulder[0] = 3.0  # radians: one arm is raised
    >>> found = posture_answers(pose, Body())
    >>> {task: POSTURE_TASKS[task][answer] for task, answer in found.items()}
    {'posture': 'upright', 'hands': 'above the head', 'arms': 'still', 'legs': 'still'}
    """
    held = joints(pose, body)
    hips, neck = held["hips"], held["neck"]
    lower_foot = np.minimum(held["left ankle"], held["right ankle"])[:, 2]
    leg = sum(
        np.linalg.norm(held[f"left {end}"] - held[f"left {start}"], axis=1).mean()
        for start, end in (("hip", "knee"), ("knee", "ankle"))
    )
    # Cosine of the trunk's angle to the vertical; how high the hips are, in lengths of a leg.
    trunk = (neck - hips)[:, 2] / np.linalg.norm(neck - hips, axis=1)
    height = (hips[:, 2] - lower_foot) / leg
    highest = np.maximum(held["left hand"], held["right hand"])[:, 2]
    above_head = (highest - held["head"][:, 2]).mean() > 0
    above_waist = (highest - (hips + neck)[:, 2] / 2).mean() > 0
    own = joints(_upright(pose), body)
    moving_arms, moving_legs = (
        sum(_extent(own[f"{side} {end}"] - own[f"{side} {root}"]) > least for side in _SIDES)
        for root, end, least in (("shoulder", "hand", _ARMS_MOVE), ("hip", "ankle", _LEGS_MOVE))
    )
    return {
        "posture": _posture(
            float(np.quantile(trunk, _LOWEST)), float(np.quantile(height, _LOWEST))
        ),
        "hands": 2 if above_head else int(above_waist),
        "arms": int(moving_arms),
        "legs": int(moving_legs),
    }


def _upright(pose: Pose) -> Pose:
    """Give the pose of a body that neither turns nor lies down."""
    upright = copy(pose)
    upright.turn, upright.pitch = np.zeros((2, pose.n_frames))
    return upright


def _posture(trunk: float, height: float) -> int:
    if height < _LYING and trunk < _FLAT:
        return 3
    if height < _LOW:
        return 2
    return int(trunk < _BENT)


def _extent(points: Values) -> float:
    """Diagonal of the box in which a point moves."""
    return float(np.linalg.norm(np.ptp(points, axis=0)))
