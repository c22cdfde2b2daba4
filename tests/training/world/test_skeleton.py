"""Bodies keep their lengths, and joints are where a person's are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skvideo3d.training.world.skeleton import Body, Pose, joints

BONES = [
    ("shoulder", "elbow", "upper_arm"),
    ("elbow", "wrist", "forearm"),
    ("wrist", "hand", "hand"),
    ("hip", "knee", "thigh"),
    ("knee", "ankle", "shin"),
]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_limbs_keep_their_lengths_whatever_the_pose(seed):
    rng = np.random.default_rng(seed)
    pose, body = Pose(3), Body.drawn(rng)
    for name in (*Pose.SINGLE, *Pose.PAIRED):
        angles = getattr(pose, name)
        angles += rng.uniform(-3, 3, angles.shape)
    found = joints(pose, body)
    for side in ("left", "right"):
        for start, end, length in BONES:
            bone = np.linalg.norm(found[f"{side} {end}"] - found[f"{side} {start}"], axis=1)
            np.testing.assert_allclose(bone, getattr(body, length))
    np.testing.assert_allclose(np.linalg.norm(found["neck"] - found["hips"], axis=1), body.trunk)


def test_a_body_is_about_one_height_tall():
    found = joints(Pose(1), Body())
    top = found["head"][0, 2] + Body().head
    assert top - min(points[0, 2] for points in found.values()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("angle", "joint", "axis"),
    [
        ("shoulder", "left hand", 0),  # an arm that is raised forwards
        ("spread", "left hand", 1),  # to its side, which is the left
        ("hip", "left knee", 0),
        ("stride", "left ankle", 1),
        ("lean", "head", 0),
        ("tilt", "head", 1),
    ],
)
def test_an_angle_takes_a_joint_its_way(angle, joint, axis):
    still, moved = Pose(1), Pose(1)
    getattr(moved, angle)[...] += 0.5
    way = joints(moved, Body())[joint] - joints(still, Body())[joint]
    assert way[0, axis] > 0.05
    assert np.argmax(np.abs(way[0, :2])) == axis


def test_a_knee_bends_backwards_and_an_elbow_forwards():
    pose = Pose(1)
    pose.knee += 1.0
    pose.elbow += 1.0
    found = joints(pose, Body())
    assert found["left ankle"][0, 0] < found["left knee"][0, 0] - 0.1
    assert found["left wrist"][0, 0] > found["left elbow"][0, 0] + 0.1


def test_a_mirrored_pose_is_the_mirror_image():
    rng = np.random.default_rng(0)
    pose = Pose(2)
    for name in (*Pose.SINGLE, *Pose.PAIRED):
        angles = getattr(pose, name)
        angles += rng.normal(0, 0.4, angles.shape)
    before = joints(pose, Body())
    pose.mirror()
    after = joints(pose, Body())
    for name in ("hand", "knee", "toes"):
        np.testing.assert_allclose(after[f"right {name}"], before[f"left {name}"] * [1, -1, 1])


def test_lying_on_its_front_the_head_is_ahead_of_the_hips():
    pose = Pose(1)
    pose.pitch += np.pi / 2
    found = joints(pose, Body())
    forward, _, up = found["head"][0] - found["hips"][0]
    assert forward > 0.3
    assert abs(up) < 0.05
