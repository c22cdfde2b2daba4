"""The paths of the actions: what moves, and that no single moment tells which."""

import numpy as np
import pytest
from scipy.stats import kstest

from skvideo3d.datasets.actions import ACTIONS, action_states

COORDINATES = ("x", "y", "angle", "zoom", "limbs", "light")


def states_of(action, seed=0, n_frames=50, fps=25.0, aspect=1.5):
    rng = np.random.default_rng(seed)
    return action_states(action, rng, n_objects=3, n_frames=n_frames, fps=fps, aspect=aspect)


def steps(turns):
    """Change from frame to frame along the shorter way round."""
    return (np.diff(turns, axis=1) + 0.5) % 1 - 0.5


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_starts_from_the_same_state_for_a_seed(action):
    for seed in range(5):
        this, still = states_of(action, seed), states_of("still", seed)
        for name in COORDINATES[:-1]:
            np.testing.assert_array_equal(getattr(this, name)[:, 0], getattr(still, name)[:, 0])
        assert this.light[0] == still.light[0]


@pytest.mark.parametrize("action", ACTIONS)
def test_the_state_is_uniform_in_a_late_frame(action):
    # 12 coordinates of 16 actions, tested on 1000 draws each: by chance one in 10**4 such suites
    # has a p below 5e-7; a coordinate that drifts away from uniform gives 1e-20 and less.
    draws = []
    for seed in range(1000):
        states = states_of(action, seed, n_frames=24)
        rigid = [getattr(states, name)[:2, -1] for name in ("x", "y", "angle")]
        draws.append(
            np.r_[np.ravel(rigid), states.zoom[0, -1], states.limbs[1, -1], states.light[-1]]
        )
    for coordinate in np.transpose(draws):
        assert kstest(coordinate, "uniform").pvalue > 5e-7
    # ... and the coordinates know nothing of each other: of 1000 draws, sines and cosines are
    # uncorrelated but for 1/sqrt(1000); 66 pairs and their four combinations stay below 5 sigma.
    turns = 2 * np.pi * np.transpose(draws)
    correlation = np.corrcoef(np.concatenate([np.cos(turns), np.sin(turns)]))
    assert np.abs(correlation - np.eye(len(correlation))).max() < 5 / np.sqrt(1000)


@pytest.mark.parametrize(
    ("action", "moving"),
    [
        ("translate_left", {"x", "y"}),
        ("rotate_clockwise", {"angle"}),
        ("rotate_counterclockwise", {"angle"}),
        ("zoom_in", {"zoom"}),
        ("zoom_out", {"zoom"}),
        ("oscillate_vertically", {"x", "y"}),
        ("bounce", {"x", "y"}),
        ("wave_arms", {"limbs"}),
        ("kick_legs", {"limbs"}),
        ("dance", {"limbs"}),
        ("flicker", {"light"}),
        ("still", set()),
    ],
)
def test_an_action_moves_its_own_coordinates_only(action, moving):
    states = states_of(action)
    changed = {
        name
        for name in COORDINATES
        if np.ptp(getattr(states, name), axis=0 if name == "light" else 1).max() > 0
    }
    assert changed == moving


def test_arms_and_legs_move_apart():
    assert (np.ptp(states_of("wave_arms").limbs, axis=1) > 0).all(axis=0).tolist() == [1, 1, 0, 0]
    assert (np.ptp(states_of("kick_legs").limbs, axis=1) > 0).all(axis=0).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("one", "other", "coordinate"),
    [
        ("translate_left", "translate_right", "x"),
        ("translate_up", "translate_down", "y"),
        ("rotate_clockwise", "rotate_counterclockwise", "angle"),
        ("zoom_in", "zoom_out", "zoom"),
    ],
)
def test_opposite_actions_are_each_other_in_reverse(one, other, coordinate):
    there, back = (steps(getattr(states_of(action), coordinate)) for action in (one, other))
    np.testing.assert_allclose(there, -back, atol=1e-12)
    assert np.abs(there).min() > 0


@pytest.mark.parametrize(
    ("action", "coordinate", "sign"),
    [
        ("translate_left", "x", -1),
        ("translate_down", "y", 1),
        ("rotate_clockwise", "angle", 1),
        ("zoom_in", "zoom", 1),
    ],
)
def test_the_name_gives_the_sign(action, coordinate, sign):
    for seed in range(20):
        assert (np.sign(steps(getattr(states_of(action, seed), coordinate))) == sign).all()


def test_a_direction_is_kept_within_twelve_degrees_whatever_the_shape_of_the_frame():
    for seed in range(50):
        states = states_of("translate_right", seed, aspect=1.5)
        dx, dy = steps(states.x) * 1.5, steps(states.y)  # in frame heights
        assert np.abs(np.degrees(np.arctan2(dy, dx))).max() < 12 + 1e-9


def test_a_thrown_thing_falls_at_constant_acceleration():
    states = states_of("bounce", seed=3, n_frames=200, fps=100.0)
    acceleration = np.diff(steps(states.y), axis=1)
    for one in acceleration:
        fall = np.median(one)
        assert fall > 0  # y grows downwards
        free = np.isclose(one, fall, rtol=1e-6)
        # The floor is met once a bounce, in at most two of the second differences.
        assert free.mean() > 0.9
        assert (one[~free] < 0).all()


def test_a_bounce_always_has_a_floor_and_an_oscillation_comes_back():
    states = states_of("oscillate_horizontally", seed=1, n_frames=400, fps=100.0)
    way = np.cumsum(steps(states.x), axis=1)
    assert (np.abs(way) < 2 * 0.16 * 1.2 / 1.5 + 1e-9).all()  # twice the amplitude, in widths
    assert (np.abs(steps(states.y)).max() * 1.5) < np.abs(steps(states.x)).max() * 1.5


def test_speed_is_per_second_not_per_frame():
    slow, fast = (states_of("rotate_clockwise", fps=fps, n_frames=26) for fps in (25.0, 50.0))
    np.testing.assert_allclose(steps(slow.angle), 2 * steps(fast.angle), rtol=1e-9)


@pytest.mark.parametrize("action", ACTIONS)
def test_sizes_stay_evenly_spread_in_every_action(action):
    # Else the sizes of a late frame, compared with each other, would tell that they had changed.
    for seed in range(20):
        zoom = states_of(action, seed).zoom
        np.testing.assert_allclose(np.diff(zoom, axis=0) % 1, 1 / 3, atol=1e-9)
