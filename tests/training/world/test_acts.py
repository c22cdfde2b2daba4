"""Acts look like what they are called, as far as a few joints tell."""

import numpy as np
import pytest

from skvideo3d.training.world.acts import ACTS, perform
from skvideo3d.training.world.skeleton import Body, joints

SECONDS = np.arange(50) / 25


def takes(act, n=20):
    for seed in range(n):
        yield joints(perform(act, np.random.default_rng(seed), SECONDS), Body())


def spread_of(points):
    return np.ptp(points, axis=0)


@pytest.mark.parametrize("act", ACTS)
def test_every_act_moves_a_body_smoothly_and_not_out_of_the_picture(act):
    for found in takes(act, 5):
        path = np.stack(list(found.values()))
        assert np.isfinite(path).all()
        # No joint of a person moves faster than some ten body heights a second.
        assert np.abs(np.diff(path, axis=1)).max() < 0.5
        assert np.abs(path[..., 2]).max() < 1.6


def test_the_same_seed_is_the_same_performance_and_another_is_another():
    first, again, other = (
        perform("dance", np.random.default_rng(seed), SECONDS).spread for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_who_runs_is_faster_than_who_jogs_and_walks():
    speed = {
        act: np.mean([abs(found["hips"][-1, 0] - found["hips"][0, 0]) for found in takes(act)])
        for act in ("stand", "walk", "jog", "run")
    }
    assert speed["stand"] < 0.1 < speed["walk"] < speed["jog"] < speed["run"]


@pytest.mark.parametrize(
    ("act", "mark"), [("wave both arms", "head"), ("lift", "head"), ("jumping jack", "neck")]
)
def test_hands_get_high(act, mark):
    for found in takes(act):
        assert (found["left hand"][:, 2] > found[mark][:, 2]).any()


def test_who_waves_one_hand_moves_it_more_than_the_other():
    ways = [
        sorted(np.abs(np.diff(found[f"{s} hand"], axis=0)).sum() for s in ("left", "right"))
        for found in takes("wave one hand")
    ]
    less, more = np.mean(ways, axis=0)
    assert more > 2 * less


def test_who_claps_brings_the_hands_together_and_apart():
    for found in takes("clap"):
        apart = np.linalg.norm(found["left hand"] - found["right hand"], axis=1)
        assert apart.min() < 0.25
        assert apart.max() > apart.min() + 0.15


@pytest.mark.parametrize(("act", "sign"), [("squat", -1), ("jump", 1)])
def test_hips_go_down_and_up(act, sign):
    for found in takes(act):
        height = sign * (found["hips"][:, 2])
        assert height.max() > 0.08


@pytest.mark.parametrize("act", ["push-up", "swim", "crawl"])
def test_the_trunk_of_who_lies_is_level(act):
    for found in takes(act):
        trunk = found["neck"] - found["hips"]
        assert (np.hypot(trunk[:, 0], trunk[:, 1]) > np.abs(trunk[:, 2])).all()
        assert found["hips"][:, 2].max() < 0.1


def test_who_kicks_swings_one_leg_and_stands_on_the_other():
    for found in takes("kick"):
        ways = sorted(spread_of(found[f"{side} ankle"]).max() for side in ("left", "right"))
        assert ways[1] > 0.3 > ways[0]


@pytest.mark.parametrize(
    ("act", "angle"), [("fall over", "pitch"), ("sit down or stand up", "hip")]
)
def test_what_is_done_once_is_mostly_done_in_the_clip(act, angle):
    seconds = np.arange(16) / 25
    for seed in range(40):
        pose = perform(act, np.random.default_rng(seed), seconds)
        assert np.ptp(getattr(pose, angle)) > 0.5


def test_who_turns_round_looks_everywhere():
    for found in takes("turn round"):
        across = found["left shoulder"] - found["right shoulder"]
        assert np.ptp(np.unwrap(np.arctan2(across[:, 1], across[:, 0]))) > 0.5
