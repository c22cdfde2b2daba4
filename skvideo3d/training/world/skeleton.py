"""A body of fourteen limbs: from the angles of its joints to points in space."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Body", "Pose", "joints"]

Values = NDArray[np.float64]
_LEFT, _RIGHT = 0, 1


@dataclass(frozen=True)
class Body:
    """Lengths of a body, in its height, and half widths of its parts.

    Parameters
    ----------
    trunk, neck, head, upper_arm, forearm, hand, thigh, shin, foot : float
        Lengths; of the head the radius.
    shoulders, hips : float
        Half widths.
    limb : float
        Half width of an upper arm; the others follow from it.
    """

    trunk: float = 0.30
    neck: float = 0.05
    head: float = 0.065
    upper_arm: float = 0.17
    forearm: float = 0.15
    hand: float = 0.06
    thigh: float = 0.24
    shin: float = 0.24
    foot: float = 0.09
    shoulders: float = 0.11
    hips: float = 0.075
    limb: float = 0.03

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Body:
        """Draw a build: tall or short, slender or broad."""
        ordinary = cls()
        build = float(np.exp(rng.normal(0, 0.2)))
        values = {
            name: value * float(np.exp(rng.normal(0, 0.08)))
            for name, value in vars(ordinary).items()
        }
        for name in ("shoulders", "hips", "limb"):
            values[name] *= build
        return cls(**values)


@dataclass
class Pose:
    """Angles of the joints over time, in radians; all zero is standing with arms down.

    Parameters
    ----------
    n_frames : int
    turns : float
        How often an act is gone through.
    lean, tilt, twist : ndarray of shape (n_frames,)
        Of the trunk: forwards, to the left, and of the shoulders against the hips.
    turn : ndarray of shape (n_frames,)
        Of the whole body about the vertical, to its left.
    pitch : ndarray of shape (n_frames,)
        Of the whole body about its lateral axis: pi/2 lies on its front.
    forward, sideways, up : ndarray of shape (n_frames,)
        Where the hips are, in body heights.
    nod : ndarray of shape (n_frames,)
        Of the head, forwards.
    shoulder, spread, elbow, inward : ndarray of shape (2, n_frames)
        Of the left and right arm: the upper arm forwards and away from the trunk, the forearm
        against it forwards, and across the chest.
    hip, stride, knee : ndarray of shape (2, n_frames)
        Of the left and right leg: the thigh forwards and away, the shin back against it.
    """

    n_frames: int
    turns: float = 0.0
    lean: Values = field(init=False)
    tilt: Values = field(init=False)
    twist: Values = field(init=False)
    turn: Values = field(init=False)
    pitch: Values = field(init=False)
    forward: Values = field(init=False)
    sideways: Values = field(init=False)
    up: Values = field(init=False)
    nod: Values = field(init=False)
    shoulder: Values = field(init=False)
    spread: Values = field(init=False)
    elbow: Values = field(init=False)
    inward: Values = field(init=False)
    hip: Values = field(init=False)
    stride: Values = field(init=False)
    knee: Values = field(init=False)

    SINGLE = ("lean", "tilt", "twist", "turn", "pitch", "forward", "sideways", "up", "nod")
    PAIRED = ("shoulder", "spread", "elbow", "inward", "hip", "stride", "knee")

    def __post_init__(self) -> None:
        for name in self.SINGLE:
            setattr(self, name, np.zeros(self.n_frames))
        for name in self.PAIRED:
            setattr(self, name, np.zeros((2, self.n_frames)))

    def mirror(self) -> None:
        """Exchange left and right."""
        for name in self.PAIRED:
            setattr(self, name, getattr(self, name)[::-1].copy())
        for name in ("tilt", "twist", "turn", "sideways"):
            setattr(self, name, -getattr(self, name))


def joints(pose: Pose, body: Body) -> dict[str, Values]:
    """Find where the joints are.

    Parameters
    ----------
    pose : Pose
    body : Body

    Returns
    -------
    dict of str to ndarray of shape (n_frames, 3)
        Forwards, to the left, and up, in body heights, from the place of the hips when standing.

    Examples
    --------
    Standing, the hands hang beside the thighs:

    >>> found = joints(Pose(1), Body())
    >>> found["left hand"].round(2)
    array([[ 0.  ,  0.14, -0.1 ]])
    """
    zero = np.zeros(pose.n_frames)
    trunk = _direction(pose.lean, pose.tilt)
    found = {"hips": np.stack([zero, zero, zero], 1)}
    found["neck"] = body.trunk * trunk
    head = _direction(pose.lean + pose.nod, pose.tilt)
    found["head"] = found["neck"] + (body.neck + body.head) * head
    # Of the hair: above the face and behind it.
    found["crown"] = found["head"] + body.head * (
        0.35 * head - 0.4 * _direction(pose.lean + pose.nod + np.pi / 2, zero)
    )
    for side, name in ((_LEFT, "left"), (_RIGHT, "right")):
        out = 1.0 if side == _LEFT else -1.0
        across = np.stack([-np.sin(pose.twist), np.cos(pose.twist), zero], 1)
        # A trunk that tilts to its left lowers the left shoulder.
        across[:, 2] = -np.sin(pose.tilt)
        shoulder = found["neck"] - 0.02 * trunk + out * body.shoulders * across
        spread = out * (pose.spread[side] + 0.08)
        upper = -_direction(-(pose.shoulder[side] + 0.3 * pose.lean), -spread)
        elbow = shoulder + body.upper_arm * upper
        bent = pose.shoulder[side] + 0.3 * pose.lean + pose.elbow[side]
        lower = -_direction(-bent, -(spread - out * pose.inward[side]))
        hand = elbow + body.forearm * lower
        found[f"{name} shoulder"], found[f"{name} elbow"] = shoulder, elbow
        found[f"{name} wrist"] = hand
        found[f"{name} hand"] = hand + body.hand * lower
        hip = found["hips"] + out * body.hips * np.array([0.0, 1.0, 0.0])
        thigh = -_direction(-pose.hip[side], -out * (pose.stride[side] + 0.03))
        knee = hip + body.thigh * thigh
        shin = -_direction(-(pose.hip[side] - pose.knee[side]), -out * (pose.stride[side] + 0.02))
        ankle = knee + body.shin * shin
        toes = np.stack([np.cos(pose.hip[side] - pose.knee[side]), zero, zero - 0.25], 1)
        found[f"{name} hip"], found[f"{name} knee"] = hip, knee
        found[f"{name} ankle"] = ankle
        found[f"{name} toes"] = ankle + body.foot * toes
    return {name: _placed(points, pose) for name, points in found.items()}


def _direction(forwards: Values, leftwards: Values) -> Values:
    """Turn the upward direction forwards and to the left."""
    return np.stack(
        [
            np.sin(forwards) * np.cos(leftwards),
            np.sin(leftwards),
            np.cos(forwards) * np.cos(leftwards),
        ],
        axis=1,
    )


def _placed(points: Values, pose: Pose) -> Values:
    forward, left, up = points.T
    forward, up = (
        forward * np.cos(pose.pitch) + up * np.sin(pose.pitch),
        up * np.cos(pose.pitch) - forward * np.sin(pose.pitch),
    )
    forward, left = (
        forward * np.cos(pose.turn) - left * np.sin(pose.turn),
        forward * np.sin(pose.turn) + left * np.cos(pose.turn),
    )
    return np.stack([forward + pose.forward, left + pose.sideways, up + pose.up], axis=1)
