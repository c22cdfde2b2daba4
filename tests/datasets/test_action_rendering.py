"""Frames of generated videos, looked at with OpenCV's optical flow and plain geometry."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from skvideo3d.datasets import ACTIONS, iter_action_frames, render_action_video
from skvideo3d.datasets.action_rendering import draw_object
from skvideo3d.datasets.actions import States
from skvideo3d.datasets.scenes import Scene, Shape

SIZE = (96, 128)


def flows(video):
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video]
    grey = [cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in grey]
    for before, after in pairwise(grey):
        yield cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 4, 13, 3, 5, 1.1, 0)


def moving_part(flow):
    return np.hypot(flow[..., 0], flow[..., 1]) > 0.8


def mean_over_motion(action, measure, n_videos=6, n_frames=8):
    """The measure averaged over the pixels that move, for each of a few videos."""
    found = []
    for seed in range(n_videos):
        video = render_action_video(action, seed, n_frames=n_frames, size=SIZE)
        weighted = [(measure(flow)[moving_part(flow)]) for flow in flows(video)]
        found.append(np.concatenate(weighted).mean())
    return np.array(found)


@pytest.mark.parametrize(
    ("action", "direction"),
    [
        ("translate_left", (-1, 0)),
        ("translate_right", (1, 0)),
        ("translate_up", (0, -1)),
        ("translate_down", (0, 1)),
    ],
)
def test_optical_flow_points_where_the_label_says(action, direction):
    along = mean_over_motion(action, lambda flow: flow @ np.array(direction, np.float32))
    across = mean_over_motion(action, lambda flow: flow @ np.array(direction[::-1], np.float32))
    assert (along > 0.8).all()
    assert (np.abs(across) < 0.6 * along).all()


def moment_of_blobs(action, component, *, step, n_videos=8, n_frames=24):
    """How things turn (component 1) or spread (0) about their own centres, over whole videos.

    A blob is a connected patch of moving pixels that does not touch the border; what counts is
    which way its pixels move as seen from its centre. (The mean curl or divergence would not do:
    over a patch that still ground surrounds, both vanish by Stokes' theorem.)
    """
    found = []
    for seed in range(n_videos):
        video = render_action_video(action, seed, n_frames=n_frames, size=SIZE)
        signs = []
        for seen in flows(video[::step]):
            flow = seen - np.median(seen, axis=(0, 1))  # what the camera does
            moving = moving_part(flow).astype(np.uint8)
            n_blobs, labels, stats, centres = cv2.connectedComponentsWithStats(moving)
            for blob in range(1, n_blobs):
                left, top, width, height, area = stats[blob]
                inside = left > 0 and top > 0
                inside &= left + width < SIZE[1] and top + height < SIZE[0]
                if area < 60 or not inside:
                    continue
                rows, columns = np.nonzero(labels == blob)
                x, y = columns - centres[blob][0], rows - centres[blob][1]
                dx, dy = flow[rows, columns].T
                # With y down, x*dy - y*dx > 0 is clockwise on the screen.
                moment = (x * dx + y * dy, x * dy - y * dx)[component]
                signs.append(moment.sum() / np.hypot(x * dx + y * dy, x * dy - y * dx).sum())
        if signs:
            found.append(np.mean(signs))
    assert len(found) >= n_videos / 2
    return np.array(found)


@pytest.mark.parametrize(
    ("action", "sign"), [("rotate_clockwise", 1), ("rotate_counterclockwise", -1)]
)
def test_optical_flow_turns_where_the_label_says(action, sign):
    moments = sign * moment_of_blobs(action, 1, step=1)
    assert (moments > 0).all()
    assert np.median(moments) > 0.2


@pytest.mark.parametrize(("action", "sign"), [("zoom_in", 1), ("zoom_out", -1)])
def test_optical_flow_spreads_where_things_grow_and_converges_where_they_shrink(action, sign):
    moments = sign * moment_of_blobs(action, 0, step=3)
    # Shrinking below sight and growing again from there is one cycle, so a few are doubtful.
    assert (moments > 0).mean() > 0.8
    assert np.median(moments) > 0.15


@pytest.mark.parametrize("action", ["translate_up", "rotate_clockwise"])
def test_what_should_not_spread_does_not(action):
    assert np.abs(np.median(moment_of_blobs(action, 0, step=1))) < 0.1


def test_still_videos_have_less_motion_than_any_other_but_flicker():
    def amount(action):
        share = []
        for seed in range(4):
            video = render_action_video(action, seed, n_frames=8, size=SIZE)
            share.append(np.mean([moving_part(flow).mean() for flow in flows(video)]))
        return np.mean(share)

    still = amount("still")
    for action in set(ACTIONS) - {"still", "flicker"}:
        assert amount(action) > still + 0.005, action


def test_only_flicker_changes_the_light():
    def swing(action):
        videos = [render_action_video(action, seed, size=(48, 64)) for seed in range(4)]
        return min(np.ptp(video.mean(axis=(1, 2, 3))) / video.mean() for video in videos)

    assert swing("flicker") > 0.1
    assert swing("still") < 0.02


@pytest.mark.parametrize("action", ACTIONS)
def test_the_first_frame_does_not_depend_on_the_action(action):
    frames = [
        next(iter_action_frames(name, 5, scene_seed=6, size=(48, 64)))
        for name in (action, "translate_left")
    ]
    np.testing.assert_array_equal(*frames)


def disc(x, y, shake=(0.0, 0.0), colour=100.0, height=60, width=80):
    plain = np.full((64, 64, 3), colour, np.float32)
    shape = Shape(radius=0.2, amplitudes=np.zeros(4), phases=np.zeros(4), texture=plain)
    scene = Scene(np.zeros((height, width, 3), np.float32), (shape,))
    one = np.zeros((1, 1))
    states = States(
        x=one + x / width,
        y=one + y / height,
        angle=one,
        zoom=one + 0.5,
        limbs=np.zeros((1, 1, 4)),
        light=np.zeros(1),
    )
    image = scene.background.copy()
    draw_object(image, scene, states, item=0, frame=0, shake=shake)
    return image[..., 0] / colour


def test_edges_are_antialiased_and_motion_is_sub_pixel():
    # A disc covers pi r^2 pixels and its centre of mass is where it was put, at any fraction.
    radius = 0.2 * 60 * np.sqrt(0.55 * 1.5)  # halfway between the smallest and largest size
    rows, columns = np.mgrid[:60, :80]
    for fraction in (0.0, 0.2, 0.5, 0.7):
        cover = disc(40 + fraction, 30 + fraction / 2)
        np.testing.assert_allclose(cover.sum(), np.pi * radius**2, rtol=3e-3)
        np.testing.assert_allclose((cover * columns).sum() / cover.sum(), 40 + fraction, atol=0.01)
        np.testing.assert_allclose((cover * rows).sum() / cover.sum(), 30 + fraction / 2, atol=0.01)
        edge = (cover > 0) & (cover < 1)
        assert edge.sum() > 2 * radius


def test_what_leaves_on_one_side_comes_back_on_the_other():
    middle = disc(40, 30)
    np.testing.assert_allclose(disc(0, 0), np.roll(middle, (-30, -40), (0, 1)), atol=1e-4)


def test_the_camera_moves_objects_as_it_moves_the_background():
    np.testing.assert_allclose(disc(40, 30, shake=(1.25, -0.5)), disc(39.5, 31.25), atol=1e-4)


def test_a_seed_gives_the_same_frames_and_another_gives_others():
    first, again, other = (
        render_action_video("dance", seed, n_frames=3, size=(48, 64)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


def test_a_scene_seed_keeps_the_place_and_changes_the_performance():
    # The median over time removes what moves; what is left is the place, up to light and shake.
    def place(seed, scene_seed):
        video = render_action_video(
            "translate_left", seed, scene_seed=scene_seed, n_frames=50, size=(48, 64)
        )
        return np.median(video, axis=0).ravel()

    same = np.corrcoef(place(1, 7), place(2, 7))[0, 1]
    different = np.corrcoef(place(1, 7), place(1, 8))[0, 1]
    assert same > 0.6 > different


def test_takes_differ_in_noise_and_brightness():
    first = [
        next(iter_action_frames("still", seed, scene_seed=0, size=(64, 64))).astype(float)
        for seed in range(12)
    ]
    assert np.std([frame.mean() for frame in first]) > 3
    noise = []
    for seed in range(12):
        video = render_action_video("still", seed, scene_seed=0, n_frames=3, size=(64, 64))
        noise.append(np.median(np.abs(np.diff(video.astype(float), axis=0))))
    assert max(noise) > 2 * min(noise)


def test_an_unknown_action_is_refused_with_the_ones_that_are_close():
    with pytest.raises(ValueError, match=r"'translate_lef'.*'translate_left'.*bounce"):
        render_action_video("translate_lef", 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_frames": 0}, "n_frames=0"),
        ({"n_frames": 2.5}, "n_frames=2.5"),
        ({"size": (16, 64)}, "at least 32"),
        ({"size": 64}, r"\(height, width\)"),
        ({"size": (64.0, 64)}, "whole pixels"),
        ({"fps": 0}, "fps=0"),
        ({"fps": float("inf")}, "fps=inf"),
        ({"fps": "25"}, "fps='25'"),
    ],
)
def test_lengths_sizes_and_rates_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        render_action_video("still", 0, **wrong)
