"""How a body is held and which limbs move, against poses set by hand."""

import numpy as np
import pytest

from skvideo3d.training.world.acts import perform
from skvideo3d.training.world.postures import POSTURE_TASKS, posture_answers
from skvideo3d.training.world.skeleton import Body, Pose

WAVE = np.sin(2 * np.pi * np.arange(16) / 16)


def answers(pose, body=None):
    found = posture_answers(pose, body or Body())
    return {task: POSTURE_TASKS[task][answer] for task, answer in found.items()}


def test_who_stands_is_upright_and_still():
    assert answers(Pose(16)) == {
        "posture": "upright",
        "hands": "hanging",
        "arms": "still",
        "legs": "still",
    }


@pytest.mark.parametrize(
    ("angles", "posture"),
    [
        ({"lean": 1.2}, "bent"),
        ({"hip": 1.5, "knee": 1.5, "up": -0.24}, "low"),  # on a chair
        ({"hip": 1.6, "knee": 2.2, "lean": 0.5}, "low"),  # squats
        ({"pitch": np.pi / 2}, "lying"),
        ({"pitch": -np.pi / 2}, "lying"),
    ],
)
def test_a_posture_is_that_of_trunk_and_legs(angles, posture):
    pose = Pose(16)
    for name, angle in angles.items():
        getattr(pose, name)[:] = angle
    assert answers(pose)["posture"] == posture


def test_the_lowest_posture_of_a_clip_counts():
    pose = Pose(16)
    pose.lean[-4:] = 0.9  # the mean cosine, 0.91, is that of one who stands
    assert answers(pose)["posture"] == "bent"
    pose.lean[-4:-2] = 0  # for a moment
    assert answers(pose)["posture"] == "upright"


def test_one_leg_in_the_air_does_not_make_a_body_low():
    pose = Pose(16)
    pose.hip[0], pose.knee[0] = 1.5, 1.5
    assert answers(pose)["posture"] == "upright"


@pytest.mark.parametrize(
    ("shoulder", "elbow", "hands"),
    [(0.0, 0.0, "hanging"), (0.8, 1.5, "before the trunk"), (3.0, 0.0, "above the head")],
)
@pytest.mark.parametrize("side", [0, 1])
def test_the_higher_hand_counts(shoulder, elbow, hands, side):
    pose = Pose(16)
    pose.shoulder[side], pose.elbow[side] = shoulder, elbow
    assert answers(pose)["hands"] == hands


def test_a_hand_that_is_raised_for_a_moment_counts_by_its_mean():
    pose = Pose(16)
    pose.shoulder[0, :2] = 3.0
    assert answers(pose)["hands"] == "hanging"
    pose.shoulder[0, :14] = 3.0
    assert answers(pose)["hands"] == "above the head"


@pytest.mark.parametrize("angle", ["turn", "pitch"])
def test_who_turns_round_or_falls_moves_no_limb_by_that(angle):
    pose = Pose(16)
    getattr(pose, angle)[:] = np.linspace(0, 1.5, 16)
    pose.spread[:], pose.hip[0] = 1.5, 1.0
    found = answers(pose)
    assert (found["arms"], found["legs"]) == ("still", "still")


@pytest.mark.parametrize(
    ("sides", "answer"), [([0], "one moves"), ([1], "one moves"), ([0, 1], "both move")]
)
@pytest.mark.parametrize(("limb", "joint"), [("arms", "shoulder"), ("legs", "hip")])
def test_limbs_that_move_are_counted(limb, joint, sides, answer):
    pose = Pose(16)
    for side in sides:
        getattr(pose, joint)[side] = 0.8 * WAVE
    found = answers(pose)
    assert found[limb] == answer
    assert found["legs" if limb == "arms" else "arms"] == "still"


def test_who_only_goes_elsewhere_moves_no_limb():
    pose = Pose(16)
    pose.forward[:] = np.linspace(0, 2, 16)
    found = answers(pose)
    assert (found["arms"], found["legs"]) == ("still", "still")


@pytest.mark.parametrize(
    ("act", "task", "answer"),
    [
        ("walk", "posture", "upright"),
        ("walk", "legs", "both move"),
        ("clap", "arms", "both move"),
        ("kick", "legs", "one moves"),
        ("swim", "posture", "lying"),
        ("row", "posture", "low"),
        ("lift", "hands", "above the head"),
    ],
)
def test_acts_are_what_their_names_say(act, task, answer):
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found.append(answers(perform(act, rng, np.arange(16) / 20), Body.drawn(rng))[task])
    assert found.count(answer) > 15
