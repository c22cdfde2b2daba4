"""Paths go where their names say."""

import numpy as np
import pytest

from skvideo3d.training.world.motions import CAMERAS, HEADINGS, MOTIONS, camera, motion
from skvideo3d.training.world.views import on_screen

SECONDS = np.arange(50) / 25
SEEDS = range(15)


def paths(kind):
    return [motion(kind, np.random.default_rng(seed), SECONDS) for seed in SEEDS]


@pytest.mark.parametrize("kind", MOTIONS)
def test_paths_are_finite_and_sizes_positive(kind):
    for path in paths(kind):
        assert np.isfinite([path.x, path.y, path.angle, path.size]).all()
        assert (path.size > 0).all()


def test_what_rests_rests():
    for path in paths("rest"):
        assert np.ptp([path.x, path.y, path.angle, path.size], axis=1).tolist() == [0, 0, 0, 0]


def test_what_translates_goes_straight_where_its_heading_says():
    compass = {
        name: (("right" in name) - ("left" in name), ("up" in name) - ("down" in name))
        for name in HEADINGS
    }
    for path in paths("translate"):
        way = np.array([path.x[-1] - path.x[0], path.y[0] - path.y[-1]])  # rows count downwards
        way /= np.linalg.norm(way)
        best = max(compass, key=lambda name: way @ compass[name] / np.hypot(*compass[name]))
        assert HEADINGS[path.heading] == best
        steps = np.diff([path.x, path.y])
        np.testing.assert_allclose(steps, steps[:, :1] * np.ones(steps.shape[1]))


def test_what_accelerates_has_a_changing_pace_along_a_line():
    for path in paths("accelerate"):
        pace = np.hypot(np.diff(path.x), np.diff(path.y))
        changes = np.diff(pace)
        assert (changes > 0).all() or (changes < 0).all()


def test_what_circles_keeps_its_distance_and_goes_round():
    for path in paths("circle"):
        # Hand-worked: the centre of a circle through three of its points.
        a, b, c = (np.array([path.x[n], path.y[n]]) for n in (0, 7, 14))
        centre = np.linalg.solve(2 * np.array([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a])
        distance = np.hypot(path.x - centre[0], path.y - centre[1])
        np.testing.assert_allclose(distance, distance[0])


@pytest.mark.parametrize(("kind", "sign"), [("grow", 1), ("shrink", -1)])
def test_sizes_change_their_way(kind, sign):
    for path in paths(kind):
        assert (sign * np.diff(path.size) > 0).all()


@pytest.mark.parametrize(
    ("kind", "moving", "still"),
    [("swing across", "x", "y"), ("swing up and down", "y", "x"), ("rock", "angle", "x")],
)
def test_what_swings_turns_back_and_moves_in_one_way_only(kind, moving, still):
    for path in paths(kind):
        steps = np.diff(getattr(path, moving))
        assert (steps > 0).any()
        assert (steps < 0).any()
        assert np.ptp(getattr(path, still)) == 0


def test_what_falls_gets_faster_downwards():
    for path in paths("fall"):
        assert (np.diff(path.y, 2) > 0).all()
        assert (np.diff(path.y) >= 0).all()


def test_what_bounces_rises_and_falls_with_one_gravity():
    for path in paths("bounce"):
        bend = np.diff(path.y, 2)
        gravity = np.median(bend)
        assert gravity > 0
        # But where it hits the ground, which turns its way, it only falls.
        assert (np.abs(bend - gravity) < 1e-6).mean() > 0.75


@pytest.mark.parametrize(
    ("way", "axis", "sign"),
    [("pan right", 0, -1), ("pan left", 0, 1), ("pan up", 1, 1), ("pan down", 1, -1)],
)
def test_the_world_passes_a_camera_the_other_way(way, axis, sign):
    for seed in SEEDS:
        view = camera(way, np.random.default_rng(seed), SECONDS)
        place = on_screen(np.zeros((len(SECONDS), 2)), view, (100, 100))
        assert (sign * np.diff(place[:, axis]) > 0).all()
        assert np.ptp(place[:, 1 - axis]) == 0


@pytest.mark.parametrize(("way", "sign"), [("zoom in", 1), ("zoom out", -1)])
def test_what_is_zoomed_at_gets_larger(way, sign):
    view = camera(way, np.random.default_rng(0), SECONDS)
    place = on_screen(np.full((len(SECONDS), 2), 0.3), view, (100, 100))
    assert (sign * np.diff(place[:, 0] - 50) > 0).all()


@pytest.mark.parametrize("way", CAMERAS)
def test_a_camera_looks_at_the_middle_in_the_middle_of_a_clip(way):
    view = camera(way, np.random.default_rng(3), SECONDS)
    place = on_screen(np.zeros((len(SECONDS), 2)), view, (100, 160))
    np.testing.assert_allclose(place[24:26].mean(axis=0), [80, 50], atol=5)
