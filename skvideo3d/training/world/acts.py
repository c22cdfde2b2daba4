"""What figures do: walking, waving, boxing and more, as joint angles over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .skeleton import Pose
from .takes import TURN, Take

__all__ = ["ACTS", "perform"]

Values = NDArray[np.float64]


def perform(act: str, rng: np.random.Generator, seconds: Values) -> Pose:
    """Draw a performance of an act.

    Parameters
    ----------
    act : str
        One of `ACTS`.
    rng : Generator
        Draws pace, strength, where in the cycle it begins, which side is the active one, and how
        the rest of the body stirs.
    seconds : ndarray of shape (n_frames,)

    Returns
    -------
    Pose

    Examples
    --------
    >>> pose = perform("walk", np.random.default_rng(0), np.arange(16) / 25)
    >>> bool(pose.forward[-1] > pose.forward[0])
    True
    """
    pose = Pose(len(seconds))
    play, slowest, fastest = ACTS[act]
    pace = np.exp(rng.uniform(np.log(slowest), np.log(fastest)))
    play(Take(rng.random() + pace * seconds, seconds, rng), pose)
    pose.turns = float(pace * (seconds[-1] - seconds[0]))
    for name in (*Pose.SINGLE[:4], "nod", *Pose.PAIRED):
        angles = getattr(pose, name)
        # Nobody stands or moves exactly alike.
        angles += rng.normal(0, 0.07, (*angles.shape[:-1], 1))
        angles += 0.04 * np.sin(
            TURN * (rng.random((*angles.shape[:-1], 1)) + rng.uniform(0.3, 1.5) * seconds)
        )
    pose.knee = np.maximum(pose.knee, 0.0)
    pose.elbow = np.maximum(pose.elbow, 0.0)
    if rng.random() < 0.5:
        pose.mirror()
    return pose


def _stand(take: Take, pose: Pose) -> None:
    if take.rng.random() < 0.5:
        pose.shoulder += take.between(0, 0.5)
        pose.elbow += take.between(0, 1.8)
        pose.inward += take.between(0, 0.9)
    pose.nod += take.swing(0, 0.2)


def _gait(take: Take, pose: Pose, leg: float, arm: float, knee: float) -> None:
    for side, lag in ((0, 0.0), (1, 0.5)):
        wave = np.sin(TURN * (take.phase + lag))
        pose.hip[side] = leg * wave
        lift = np.maximum(0, np.cos(TURN * (take.phase + lag)))
        pose.knee[side] = 0.1 + knee * lift
        pose.shoulder[side] = -arm * wave
    pose.twist += 0.15 * np.sin(TURN * take.phase)
    pose.up += 0.015 * np.cos(2 * TURN * take.phase)


def _walk(take: Take, pose: Pose) -> None:
    _gait(take, pose, take.between(0.35, 0.55), take.between(0.1, 0.6), take.between(0.5, 0.9))
    pose.elbow += take.between(0.1, 0.4)
    pose.forward += take.between(0.6, 1.0) * take.seconds


def _run(take: Take, pose: Pose) -> None:
    _gait(take, pose, take.between(0.7, 1.1), take.between(0.6, 1.1), take.between(1.2, 2.0))
    pose.elbow += take.between(1.2, 1.8)
    pose.lean += take.between(0.1, 0.35)
    pose.up += 0.03 * np.abs(np.sin(TURN * take.phase))
    pose.forward += take.between(1.4, 2.8) * take.seconds


def _jog(take: Take, pose: Pose) -> None:
    _gait(take, pose, take.between(0.4, 0.7), take.between(0.3, 0.6), take.between(0.9, 1.3))
    pose.elbow += take.between(1.0, 1.6)
    pose.lean += take.between(0.05, 0.2)
    pose.up += 0.025 * np.abs(np.sin(TURN * take.phase))
    pose.forward += take.between(0.9, 1.5) * take.seconds


def _march(take: Take, pose: Pose) -> None:
    hip, knee, arm = take.between(1.0, 1.5), take.between(1.2, 1.7), take.between(0.4, 1.0)
    for side, lag in ((0, 0.0), (1, 0.5)):
        lift = np.maximum(0, np.sin(TURN * (take.phase + lag)))
        pose.hip[side] = hip * lift
        pose.knee[side] = knee * lift
        pose.shoulder[1 - side] = arm * lift
    pose.elbow += take.between(0.2, 1.4)


def _sidestep(take: Take, pose: Pose) -> None:
    wave = take.beat(0.3, 0.5)
    pose.stride[0], pose.stride[1] = wave, 0.3 * wave
    pose.knee += 0.3 + take.beat(0.1, 0.4)
    pose.up += take.beat(0.02, 0.07) - 0.05
    pose.sideways += take.between(0.5, 1.2) * take.seconds
    pose.elbow += take.between(0.2, 1.5)


def _wave_one(take: Take, pose: Pose) -> None:
    pose.spread[0] = take.between(1.2, 2.2) + take.swing(0.0, 0.4)
    pose.elbow[0] = take.between(0.1, 0.5)
    pose.inward[0] = -take.between(0.2, 0.9) + take.swing(0.6, 1.1)
    pose.shoulder[0] = take.between(-0.1, 0.5)


def _wave_both(take: Take, pose: Pose) -> None:
    for side in (0, 1):
        pose.spread[side] = take.between(1.2, 1.8) + take.swing(0.6, 1.1)
        pose.elbow[side] = take.between(0.0, 0.3)


def _clap(take: Take, pose: Pose) -> None:
    wide = take.beat(0.5, 1.0)
    for side in (0, 1):
        pose.shoulder[side] = take.between(0.6, 1.2)
        pose.spread[side] = 0.1 + wide
        pose.elbow[side] = take.between(0.4, 0.9)
        pose.inward[side] = 0.75 - 0.2 * wide


def _box(take: Take, pose: Pose) -> None:
    for side, lag in ((0, 0.0), (1, 0.5)):
        punch = take.strike(0.9, 1.0, lag)
        pose.shoulder[side] = 0.4 + 1.1 * punch
        pose.elbow[side] = 2.2 * (1 - punch) + 0.1
        pose.inward[side] = 0.5 * (1 - punch) + 0.15
    pose.twist += take.swing(0.1, 0.4, 0.1)
    pose.knee += take.between(0.1, 0.4)
    pose.stride += 0.15


def _jump(take: Take, pose: Pose) -> None:
    place = take.phase % 1.0
    air = np.where(place < 0.45, np.sin(np.pi * place / 0.45), 0.0)
    squat = np.where(place > 0.45, np.sin(np.pi * (place - 0.45) / 0.55), 0.0)
    pose.up += take.between(0.1, 0.3) * air - 0.12 * squat
    pose.knee += 1.3 * squat + 0.1
    pose.hip += 0.7 * squat
    pose.lean += 0.4 * squat
    pose.shoulder += take.between(0.5, 2.5) * air - 0.5 * squat
    in_the_air = np.cumsum((air > 0) * np.diff(take.seconds, prepend=take.seconds[0]))
    pose.forward += take.between(0, 1.0) * in_the_air


def _jumping_jack(take: Take, pose: Pose) -> None:
    wide = take.beat(0.9, 1.0)
    pose.spread += take.between(2.0, 2.8) * wide
    pose.stride += take.between(0.3, 0.6) * wide
    pose.up += 0.07 * np.abs(np.sin(TURN * take.phase)) - 0.03 * wide


def _rope(take: Take, pose: Pose) -> None:
    pose.up += take.beat(0.03, 0.1)
    pose.knee += 0.3 - take.beat(0.1, 0.25)
    pose.elbow += take.between(0.8, 1.4)
    pose.spread += take.between(0.2, 0.5)
    pose.inward += take.swing(0.2, 0.4) - 0.4
    pose.elbow += take.swing(0.2, 0.4, 0.25)


def _bend(take: Take, pose: Pose) -> None:
    """Pick something up."""
    down = take.beat(0.9, 1.0) if take.rng.random() < 0.5 else take.once()
    pose.lean += take.between(0.9, 1.5) * down
    pose.hip += 0.35 * down
    pose.knee += take.between(0.3, 0.9) * down
    pose.shoulder += take.between(1.0, 1.5) * down
    pose.up -= 0.1 * down


def _squat(take: Take, pose: Pose) -> None:
    down = take.beat(0.8, 1.0)
    pose.hip += take.between(1.2, 1.6) * down
    pose.knee += take.between(1.9, 2.3) * down
    pose.lean += 0.5 * down
    pose.up -= take.between(0.18, 0.25) * down
    pose.shoulder += take.between(0, 1.5) * down


def _sit_down(take: Take, pose: Pose) -> None:
    down = take.once()
    if take.rng.random() < 0.5:
        down = 1 - down
    pose.hip += 1.5 * down
    pose.knee += 1.5 * down
    pose.lean += 0.6 * np.sin(np.pi * down) + 0.1
    pose.up -= 0.24 * down
    pose.shoulder += 0.5 * down


def _kick(take: Take, pose: Pose) -> None:
    leg = take.strike(1.0, 1.7)
    pose.hip[0] = leg - 0.3
    pose.knee[0] = np.maximum(0, 1.0 - leg)
    pose.lean -= 0.15 * leg
    pose.shoulder[1] = 0.5 * leg
    pose.spread += 0.3
    pose.elbow += take.between(0.2, 1.2)


def _throw(take: Take, pose: Pose) -> None:
    arm = take.strike(2.4, 3.4)
    pose.shoulder[0] = 3.4 - arm
    pose.elbow[0] = np.maximum(0, 2.0 - 0.9 * arm)
    pose.spread[0] = 0.4
    pose.twist += 0.5 - 0.35 * arm
    pose.lean += 0.15 * arm - 0.2
    pose.hip[1] = 0.4
    pose.hip[0] = -0.3


def _strike_two_handed(take: Take, pose: Pose) -> None:
    """Swing a club, a bat or a racket with both hands."""
    turn = take.between(1.0, 1.6) * (take.strike(1.8, 2.0) - 1.0)
    height = take.between(0.2, 1.2)
    pose.twist += 0.7 * turn
    for side, out in ((0, 1.0), (1, -1.0)):
        pose.shoulder[side] = height + 0.6 * np.abs(turn)
        pose.inward[side] = 0.4 + out * 0.8 * turn * -1
        pose.elbow[side] = take.between(0.1, 0.4)
    pose.lean += take.between(0.1, 0.5)
    pose.knee += 0.25
    pose.stride += 0.2


def _smash(take: Take, pose: Pose) -> None:
    """Hammer, chop, serve: one arm from above."""
    arm = take.strike(1.6, 2.6)
    pose.shoulder[0] = 2.9 - arm
    pose.elbow[0] = np.maximum(0.1, 1.2 - 0.6 * arm)
    pose.lean += 0.2 * arm
    pose.shoulder[1] = take.between(0, 1.2)
    pose.elbow[1] = take.between(0.3, 1.3)


def _lift(take: Take, pose: Pose) -> None:
    """Lift weights above the head."""
    high = take.beat(0.9, 1.0)
    pose.shoulder += 0.9 + 2.0 * high
    pose.elbow += 2.2 * (1 - high)
    pose.spread += take.between(0.1, 0.4)
    pose.knee += 0.3 * (1 - high)


def _curl(take: Take, pose: Pose) -> None:
    pose.elbow += take.beat(1.6, 2.2)
    pose.shoulder += take.between(0, 0.3)


def _push_up(take: Take, pose: Pose) -> None:
    down = take.beat(0.8, 1.0)
    pose.pitch += take.between(1.25, 1.45) + 0.1 * down
    pose.shoulder += 1.45
    pose.elbow += 0.1 + 0.2 * down
    pose.up -= 0.3 + 0.12 * down


def _sit_up(take: Take, pose: Pose) -> None:
    rise = take.beat(0.8, 1.2)
    pose.pitch -= 1.45
    pose.lean += rise
    pose.hip += take.between(0.6, 1.0)
    pose.knee += take.between(1.2, 1.8)
    pose.up -= 0.45
    pose.elbow += 2.2
    pose.shoulder += 1.2


def _crawl(take: Take, pose: Pose) -> None:
    pose.pitch += take.between(1.1, 1.4)
    for side, lag in ((0, 0.0), (1, 0.5)):
        wave = np.sin(TURN * (take.phase + lag))
        pose.shoulder[side] = 1.4 + 0.4 * wave
        pose.hip[side] = 1.2 - 0.35 * wave
        pose.knee[side] = 1.5
    pose.up -= 0.3
    pose.forward += take.between(0.15, 0.4) * take.seconds


def _swim(take: Take, pose: Pose) -> None:
    pose.pitch += take.between(1.35, 1.6)
    for side, lag in ((0, 0.0), (1, 0.5)):
        pose.shoulder[side] = np.pi - TURN * (take.phase + lag)
        pose.hip[side] = 0.2 * np.sin(3 * TURN * (take.phase + lag))
    pose.elbow += 0.3
    pose.forward += take.between(0.2, 0.6) * take.seconds


def _climb(take: Take, pose: Pose) -> None:
    for side, lag in ((0, 0.0), (1, 0.5)):
        wave = np.sin(TURN * (take.phase + lag))
        pose.shoulder[side] = 2.4 + 0.5 * wave
        pose.elbow[side] = 0.9 - 0.5 * wave
        pose.hip[side] = 0.8 - 0.6 * wave
        pose.knee[side] = 1.1 - 0.7 * wave
        pose.stride[side] = 0.3
    pose.up += take.between(0.1, 0.4) * take.seconds


def _row(take: Take, pose: Pose) -> None:
    pull = take.beat(0.9, 1.0)
    pose.hip += 1.5
    pose.knee += 1.2 - 0.9 * pull
    pose.lean += 0.4 - 0.9 * pull
    pose.shoulder += 1.3 - 0.8 * pull
    pose.elbow += 1.8 * pull
    pose.up -= 0.3


def _pedal(take: Take, pose: Pose) -> None:
    for side, lag in ((0, 0.0), (1, 0.5)):
        pose.hip[side] = 1.0 + 0.45 * np.sin(TURN * (take.phase + lag))
        pose.knee[side] = 1.3 + 0.5 * np.sin(TURN * (take.phase + lag + 0.2))
    pose.lean += take.between(0.3, 0.9)
    pose.shoulder += take.between(0.9, 1.3)
    pose.elbow += take.between(0.1, 0.4)
    pose.forward += take.between(0, 2.0) * take.seconds


def _to_the_face(take: Take, pose: Pose) -> None:
    """Drink, eat, brush teeth, make up: a hand at the face and what it does there."""
    pose.shoulder[0] = take.between(0.7, 1.2)
    pose.elbow[0] = take.between(1.8, 2.3) + take.swing(0.1, 0.4)
    pose.inward[0] = take.between(0.5, 0.8) + take.swing(0.1, 0.35, 0.25)
    pose.spread[0] = take.between(0.0, 0.5)


def _work_before(take: Take, pose: Pose) -> None:
    """Hands busy before the belly: playing, typing, stirring."""
    for side, lag in ((0, 0.0), (1, take.between(0.0, 0.5))):
        pose.shoulder[side] = take.between(0.3, 0.7) + take.swing(0.05, 0.2, lag)
        pose.elbow[side] = take.between(1.0, 1.5) + take.swing(0.1, 0.35, lag)
        pose.inward[side] = take.between(0.2, 0.6) + take.swing(0.05, 0.4, lag + 0.25)
    pose.nod += take.between(0, 0.4)


def _circle_arms(take: Take, pose: Pose) -> None:
    pose.shoulder += TURN * take.phase * take.rng.choice([-1.0, 1.0])
    pose.spread += take.between(0.1, 0.4)


def _dance(take: Take, pose: Pose) -> None:
    pose.tilt += take.swing(0.1, 0.3)
    pose.sideways += take.swing(0.03, 0.1)
    pose.knee += take.beat(0.3, 0.7, 0.0, 2.0)
    pose.up -= take.beat(0.02, 0.06, 0.0, 2.0)
    for side, lag in ((0, 0.0), (1, take.between(0.2, 0.8))):
        pose.spread[side] = take.between(0.3, 1.2) + take.swing(0.2, 0.6, lag)
        pose.elbow[side] = take.between(0.8, 1.6) + take.swing(0.3, 0.7, lag + 0.2)
    pose.twist += take.swing(0.1, 0.5, 0.25)


def _turn_round(take: Take, pose: Pose) -> None:
    pose.turn += TURN * take.phase
    pose.spread += take.between(0.0, 1.2)


def _push(take: Take, pose: Pose) -> None:
    out = take.beat(0.8, 1.0)
    pose.shoulder += 0.7 + 0.8 * out
    pose.elbow += 1.9 * (1 - out)
    pose.lean += 0.1 + 0.3 * out
    pose.hip[0] += 0.3
    pose.hip[1] -= 0.3


def _fall_over(take: Take, pose: Pose) -> None:
    down = take.once() ** 2
    sign = float(take.rng.choice([-1.0, 1.0]))
    pose.pitch += sign * 1.5 * down
    pose.up -= 0.42 * down
    pose.shoulder += 1.2 * np.sin(np.pi * down)
    pose.knee += 0.6 * np.sin(np.pi * down)


def _bow(take: Take, pose: Pose) -> None:
    """Nod and bow."""
    down = take.beat(0.3, 0.9)
    pose.lean += 0.6 * down
    pose.nod += down
    pose.shoulder += take.between(0, 0.3)


#: What a figure can do: how, and the fewest and most turns of it in a second.
ACTS: Mapping[str, tuple[Callable[[Take, Pose], None], float, float]] = MappingProxyType(
    {
        "stand": (_stand, 0.2, 0.6),
        "walk": (_walk, 0.7, 1.2),
        "jog": (_jog, 1.1, 1.6),
        "run": (_run, 1.2, 2.0),
        "march": (_march, 0.7, 1.5),
        "sidestep": (_sidestep, 0.8, 1.8),
        "wave one hand": (_wave_one, 0.7, 2.5),
        "wave both arms": (_wave_both, 0.5, 1.3),
        "clap": (_clap, 0.9, 3.0),
        "box": (_box, 0.7, 2.0),
        "jump": (_jump, 0.7, 1.5),
        "jumping jack": (_jumping_jack, 0.7, 1.5),
        "jump rope": (_rope, 1.2, 2.8),
        "bend": (_bend, 0.4, 0.9),
        "squat": (_squat, 0.4, 0.9),
        "sit down or stand up": (_sit_down, 0.8, 1.6),
        "kick": (_kick, 0.7, 1.6),
        "throw": (_throw, 0.6, 1.5),
        "strike with both hands": (_strike_two_handed, 0.6, 1.5),
        "smash": (_smash, 0.7, 2.0),
        "lift": (_lift, 0.4, 1.0),
        "curl": (_curl, 0.5, 1.2),
        "push-up": (_push_up, 0.5, 1.3),
        "sit-up": (_sit_up, 0.4, 1.0),
        "crawl": (_crawl, 0.7, 1.4),
        "swim": (_swim, 0.5, 1.3),
        "climb": (_climb, 0.5, 1.3),
        "row": (_row, 0.5, 1.2),
        "pedal": (_pedal, 0.8, 2.0),
        "hand to the face": (_to_the_face, 0.6, 3.0),
        "hands at work": (_work_before, 0.7, 3.0),
        "circle the arms": (_circle_arms, 0.5, 1.4),
        "dance": (_dance, 0.6, 1.4),
        "turn round": (_turn_round, 0.3, 1.0),
        "push": (_push, 0.5, 1.2),
        "fall over": (_fall_over, 0.8, 1.6),
        "bow": (_bow, 0.5, 1.2),
    }
)
