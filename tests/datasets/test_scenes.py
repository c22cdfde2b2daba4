"""Textures, colours, shapes and figures."""

import numpy as np

from skvideo3d.datasets.scenes import FIGURES, Figure, Shape, draw_scene, joints


def scenes(n=20, size=(64, 80)):
    return [draw_scene(np.random.default_rng(seed), size) for seed in range(n)]


def test_two_figures_and_one_or_two_shapes_in_every_scene():
    counts = set()
    for scene in scenes():
        kinds = [type(thing) for thing in scene.objects]
        assert kinds[:FIGURES] == [Figure, Figure]
        assert set(kinds[FIGURES:]) == {Shape}
        counts.add(len(kinds))
    assert counts == {3, 4}


def test_no_object_is_larger_than_half_the_frame_at_its_largest():
    # 1.5 is the largest zoom; beyond half, an object would meet itself on the other side.
    for scene in scenes():
        for thing in scene.objects:
            reach = 1.0 if isinstance(thing, Figure) else 1 + thing.amplitudes.sum()
            assert 1.5 * thing.radius * reach < 0.5


def test_strokes_have_fixed_lengths_join_and_stay_within_the_radius():
    rng = np.random.default_rng(0)
    thickest = 0.085
    lengths = []
    for _ in range(300):
        strokes = joints(rng.random(4))
        lengths.append(np.linalg.norm(strokes[:, 1] - strokes[:, 0], axis=1))
        np.testing.assert_array_equal(strokes[1:5, 1], strokes[5:9, 0])  # elbows and knees
        assert np.linalg.norm(strokes, axis=-1).max() + thickest <= 1.0
    np.testing.assert_allclose(lengths, [lengths[0]] * 300)


def test_limbs_move_on_their_own():
    before, after = joints(np.array([0.1, 0.2, 0.3, 0.4])), joints(np.array([0.6, 0.2, 0.3, 0.4]))
    moved = (before != after).any(axis=(1, 2))
    # torso, upper halves (right arm, left arm, right leg, left leg), lower halves
    assert moved.tolist() == [False, True, False, False, False, True, False, False, False]


def test_a_background_repeats_without_a_seam():
    for scene in scenes(5):
        image = scene.background
        seam = np.abs(image[0] - image[-1]).mean()
        inside = np.abs(np.diff(image, axis=0)).mean()
        assert seam < 2 * inside


def test_textures_hold_nothing_finer_than_a_quarter_cycle_a_pixel():
    for scene in scenes(5):
        power = np.abs(np.fft.fft2(scene.background[..., 1])) ** 2
        rows, columns = (np.abs(np.fft.fftfreq(n)) for n in power.shape)
        fine = np.hypot(rows[:, None], columns[None]) > 0.26
        power[0, 0] = 0
        assert power[fine].sum() < 1e-6 * power.sum()


def test_scenes_differ_in_colour_spectrum_and_build():
    found = scenes(10)
    assert len({tuple(scene.background.mean(axis=(0, 1)).round()) for scene in found}) == 10
    assert len({scene.objects[0].thickness for scene in found}) == 10
    assert len({tuple(scene.objects[2].amplitudes) for scene in found}) == 10
