"""Clips show what their labels say, and are told by their seeds."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from skvideo3d.training.world import clips as clips_module
from skvideo3d.training.world.actors import FACINGS, Actor
from skvideo3d.training.world.acts import ACTS
from skvideo3d.training.world.clips import COLOURS, NO_ANSWER, TASKS, colour_of, generate_clip
from skvideo3d.training.world.degradation import degrade
from skvideo3d.training.world.figures import Clothes
from skvideo3d.training.world.motions import Path
from skvideo3d.training.world.postures import POSTURE_TASKS
from skvideo3d.training.world.shapes import draw_shape
from skvideo3d.training.world.things import Thing
from skvideo3d.training.world.views import cover

SIZE = (32, 32)


@pytest.fixture(scope="module")
def clips():
    return [generate_clip((7, n), size=SIZE) for n in range(200)]


def test_the_same_seed_gives_the_same_clip_and_another_another(clips):
    again = generate_clip((7, 4), size=SIZE)
    assert np.array_equal(again.frames, clips[4].frames)
    assert again.labels == clips[4].labels
    assert not np.array_equal(clips[4].frames, clips[5].frames)


def test_clips_have_the_size_and_length_that_were_asked_for():
    assert generate_clip(0, n_frames=5, size=(40, 56)).frames.shape == (5, 40, 56, 3)


def test_every_answer_of_every_task_occurs_and_nothing_else(clips):
    for task, answers in TASKS.items():
        given = {clip.labels[task] for clip in clips} - {NO_ANSWER}
        assert given <= set(range(len(answers)))
        assert len(given) >= 0.75 * len(answers)


def test_acts_are_asked_where_there_are_figures_only(clips):
    for clip in clips:
        if clip.labels["order"] == 0:
            assert (clip.labels["act"] == NO_ANSWER) == (clip.labels["figures"] == 0)
            if clip.labels["figures"] == 0:
                asked = ("pace", "travel", *POSTURE_TASKS)
                assert {clip.labels[task] for task in asked} == {NO_ANSWER}
            else:
                # Legs that are below the picture are not asked about; there is a test of it.
                assert NO_ANSWER not in {clip.labels[task] for task in ("hands", "arms")}


@pytest.mark.parametrize("close", [False, True])
def test_legs_are_asked_about_where_the_picture_shows_knees(monkeypatch, close):
    drawn = Actor.drawn

    def placed(rng, seconds, aspect, clutter):
        figure = drawn(rng, seconds, aspect, clutter)
        # Hips in the middle of a frame, and a height of 0.9 or 2.7 heights of the frame.
        factor = (2.7 if close else 0.9) / figure.tall
        middle = figure.joints["hips"].mean(axis=0)
        nearer = {name: factor * (place - middle) for name, place in figure.joints.items()}
        return replace(figure, act="stand", joints=nearer, tall=figure.tall * factor)

    monkeypatch.setattr(Actor, "drawn", placed)
    monkeypatch.setattr("skvideo3d.training.world.acts.ACTS", {"stand": ACTS["stand"]})
    monkeypatch.setattr("skvideo3d.training.world.actors.ACTS", {"stand": ACTS["stand"]})
    found = [generate_clip((9, n), size=SIZE, clutter=0.0).labels for n in range(20)]
    in_order = [own for own in found if own["order"] == 0 and own["figures"]]
    assert len(in_order) > 10
    for own in in_order:
        asked = {task for task in POSTURE_TASKS if own[task] != NO_ANSWER}
        assert asked == ({"hands", "arms"} if close else set(POSTURE_TASKS))


@pytest.mark.parametrize(
    ("heights", "zoom", "is_asked"),
    [((0.9, 0.9), 1.0, False), ((0.9, 0.4), 1.0, True), ((0.4, 0.4), 2.0, False)],
)
def test_one_knee_in_the_picture_is_enough(heights, zoom, is_asked):
    figure = Actor.drawn(np.random.default_rng(0), np.arange(16) / 25, 1.0)
    still = np.zeros(16)
    knees = {
        f"{side} knee": np.stack([still, still + height], axis=1)
        for side, height in zip(("left", "right"), heights, strict=True)
    }
    own = replace(figure, joints=figure.joints | knees)
    found = clips_module._about(own, Path(still, still, still, still + zoom), SIZE)
    assert {found[task] != NO_ANSWER for task in ("legs", "posture")} == {is_asked}
    assert NO_ANSWER not in {found[task] for task in ("hands", "arms")}


def test_a_clip_out_of_order_asks_for_nothing_that_its_order_told(clips):
    orders = [TASKS["order"][clip.labels["order"]] for clip in clips]
    kept = {
        "shuffled": {"surface", "order", "colour"},
        "reversed": {"surface", "order", "colour", "act", "facing", "figures", *POSTURE_TASKS},
    }
    for order, tasks in kept.items():
        those = [clip for clip, own in zip(clips, orders, strict=True) if own == order]
        assert 2 <= len(those) <= 40  # 10 and 20 are expected
        for clip in those:
            assert {task for task in TASKS if clip.labels[task] != NO_ANSWER} <= tasks


def test_a_reversed_clip_is_the_clip_with_its_frames_turned_round(monkeypatch):
    seed = next(n for n in range(100) if generate_clip(n, size=SIZE).labels["order"] == 1)
    turned = generate_clip(seed, size=SIZE)
    monkeypatch.setattr(clips_module, "_REVERSED", 0.0)
    monkeypatch.setattr(clips_module, "_SHUFFLED", 0.0)
    straight = generate_clip(seed, size=SIZE)
    assert np.array_equal(turned.frames, straight.frames[::-1])
    for task in ("act", *POSTURE_TASKS):
        assert turned.labels[task] == straight.labels[task]


def test_without_clutter_there_is_one_figure_or_thing(monkeypatch):
    for seed in range(40):
        labels = generate_clip(seed, n_frames=4, size=(16, 16), clutter=0.0).labels
        assert labels["figures"] in (0, 1, NO_ANSWER)
        if labels["order"] == 0:
            assert (labels["motion"] == NO_ANSWER) == (labels["figures"] == 1)


def test_who_comes_nearer_grows():
    seconds = np.arange(16) / 25
    for seed in range(300):
        actor = Actor.drawn(np.random.default_rng(seed), seconds, 1.0)
        if actor.act == "run" and abs(actor.yaw - np.pi / 2) < 0.3:  # towards the viewer
            assert (np.diff(actor.growth) > 0).all()
            return
    pytest.fail("nobody runs towards the viewer")


@pytest.mark.parametrize(("act", "beats"), [("walk", (0.7, 1.2)), ("clap", (0.9, 3.0))])
def test_the_pace_of_a_figure_is_that_of_its_act(act, beats):
    seconds = np.arange(26) / 25
    for seed in range(200):
        actor = Actor.drawn(np.random.default_rng(seed), seconds, 1.0)
        if actor.act == act:
            assert beats[0] <= actor.turns <= beats[1]  # in one second


def test_pictures_are_neither_black_nor_white_all_over(clips):
    spread = np.array([clip.frames.std() for clip in clips])
    assert np.median(spread) > 20
    assert (spread > 3).mean() > 0.97


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((200, 30, 30), "red"),
        ((200, 190, 40), "yellow"),
        ((40, 180, 50), "green"),
        ((20, 200, 210), "cyan"),
        ((30, 40, 220), "blue"),
        ((180, 30, 170), "magenta"),
        ((100, 105, 98), "grey"),
    ],
)
def test_colours_have_their_names(colour, name):
    assert COLOURS[colour_of(np.full((2, 3, 3, 3), colour, np.uint8))] == name


@pytest.mark.parametrize("quarter", range(4))
def test_a_figure_looks_where_its_label_says(quarter):
    seconds = np.arange(4) / 25
    seen = 0
    for seed in range(600):
        actor = Actor.drawn(np.random.default_rng(seed), seconds, 1.0)
        if actor.facing != quarter or actor.act not in ("stand", "walk", "clap"):
            continue
        seen += 1
        feet = [actor.joints[f"{s} toes"] - actor.joints[f"{s} ankle"] for s in ("left", "right")]
        nearer = [
            actor.nearness[f"{s} toes"] - actor.nearness[f"{s} ankle"] for s in ("left", "right")
        ]
        right, near = np.mean(feet, axis=(0, 1))[0] / actor.tall, np.mean(nearer)
        way = {"right": right, "left": -right, "viewer": near, "away": -near}
        assert max(way, key=way.get) == FACINGS[quarter]
    assert seen > 3


def test_a_figure_covers_about_its_height():
    seconds = np.zeros(1)
    view = Path(seconds, seconds, seconds, seconds + 1)
    for seed in range(600):
        actor = Actor.drawn(np.random.default_rng(seed), seconds, 1.0)
        if actor.act == "stand" and actor.tall < 0.8:
            frames = np.zeros((1, 128, 128, 3), np.uint8)
            actor.add_to(frames, view, np.random.default_rng(0))
            rows = np.flatnonzero(frames[0].any(axis=(1, 2)))
            assert len(rows) / 128 == pytest.approx(actor.tall, rel=0.35)
            return
    pytest.fail("nobody stands")


def test_a_figure_has_no_outline_of_its_own():
    seconds = np.zeros(1)
    view = Path(seconds, seconds, seconds, seconds + 1)
    grey = np.full(3, 120.0)
    for seed in range(10):
        actor = Actor.drawn(np.random.default_rng(seed), seconds, 1.0)
        actor = replace(actor, clothes=Clothes(**dict.fromkeys(vars(actor.clothes), grey)))
        frames = np.full((1, 96, 96, 3), 120, np.uint8)
        actor.add_to(frames, view, np.random.default_rng(seed))
        # Light and print only darken.
        assert frames.max() <= 122


def test_the_largest_figure_and_thing_are_asked_about(monkeypatch):
    drawn = {"figures": [], "things": []}

    def noting(kind, method):
        def draw(cls, *args, **options):
            drawn[kind].append(method(*args, **options))
            return drawn[kind][-1]

        return classmethod(draw)

    monkeypatch.setattr(Actor, "drawn", noting("figures", Actor.drawn))
    monkeypatch.setattr(Thing, "drawn", noting("things", Thing.drawn))
    several = 0
    for seed in range(60):
        drawn["figures"].clear()
        drawn["things"].clear()
        labels = generate_clip(seed, n_frames=4, size=(16, 16)).labels
        if labels["order"] != 0:
            continue
        several += len(drawn["figures"]) > 1 or len(drawn["things"]) > 1
        if drawn["figures"]:
            largest = max(drawn["figures"], key=lambda figure: figure.tall)
            assert TASKS["act"][labels["act"]] == largest.act
        if drawn["things"]:
            largest = max(drawn["things"], key=lambda thing: thing.size)
            assert TASKS["motion"][labels["motion"]] == largest.motion
    assert several > 10


def test_layers_are_composed_as_pillow_composes_them():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    straight = rng.integers(0, 256, (8, 8, 4), dtype=np.uint8)
    weighted = straight.astype(float)
    weighted[..., :3] *= weighted[..., 3:] / 255
    expected = Image.alpha_composite(
        Image.fromarray(frames[0]).convert("RGBA"), Image.fromarray(straight)
    )
    cover(frames, weighted.round().astype(np.uint8)[None])
    difference = frames[0].astype(int) - np.asarray(expected)[..., :3]
    assert np.abs(difference).max() <= 2


def test_shapes_have_a_shape():
    shares = [draw_shape(np.random.default_rng(s), 32)[..., 3].mean() / 255 for s in range(60)]
    assert min(shares) > 0.05
    assert max(shares) < 1.0
    assert np.ptp(shares) > 0.3


@pytest.mark.parametrize("size", [(16, 20), (15, 21)])
def test_a_film_has_every_frame_at_its_place(size):
    from skvideo3d.training.world.degradation import _filmed

    levels = np.linspace(20, 230, 8).astype(np.uint8)
    frames = np.broadcast_to(levels[:, None, None, None], (8, *size, 3)).copy()
    found = _filmed(frames, 4)
    assert found.shape == frames.shape
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), levels, atol=6)


def test_degrading_leaves_frames_apart_and_is_told_by_its_seed():
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 20, 3), dtype=np.uint8)
    for seed in range(40):
        one, again = (degrade(frames, np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == frames.shape
        assert one.dtype == np.uint8
        assert np.array_equal(one, again)
    still = np.repeat(frames[:1], 4, axis=0)
    before = still.copy()
    degrade(still, np.random.default_rng(1))
    assert np.array_equal(still, before)  # what was given stays as it is
