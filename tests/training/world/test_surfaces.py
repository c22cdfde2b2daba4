"""Surfaces have the statistics and the motions that their makers promise."""

from itertools import pairwise

import numpy as np
import pytest

from skvideo3d.training.world.motions import Path
from skvideo3d.training.world.moving_textures import MOVING_TEXTURES, moving_texture
from skvideo3d.training.world.surfaces import film_surface
from skvideo3d.training.world.textures import TEXTURES, noise, palette, texture

SECONDS = np.arange(16) / 25


def shift_between(before, after):
    """Rows and columns by which a picture moved: the peak of the phase correlation."""
    spectrum = np.fft.fft2(after) * np.conj(np.fft.fft2(before))
    peak = np.argmax(np.fft.ifft2(spectrum / (np.abs(spectrum) + 1e-9)).real)
    shift = np.array(np.unravel_index(peak, before.shape))
    return (shift + np.array(before.shape) // 2) % before.shape - np.array(before.shape) // 2


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_has_the_slope_that_was_asked_for(slope):
    amplitude = np.mean(
        [np.abs(np.fft.rfft2(noise(np.random.default_rng(s), 128, slope))) for s in range(8)], 0
    )
    rows = np.fft.fftfreq(128)[:, None]
    frequency = np.hypot(rows, np.fft.rfftfreq(128)[None])
    inside = (frequency > 0.02) & (frequency < 0.4)
    fitted = np.polyfit(np.log(frequency[inside]), np.log(amplitude[inside]), 1)[0]
    assert fitted == pytest.approx(-slope, abs=0.05)


def test_noise_has_mean_zero_and_deviation_one():
    field = noise(np.random.default_rng(0), 64, 1.0)
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("kind", TEXTURES)
def test_a_texture_is_a_picture_that_its_seed_decides(kind):
    one, again, other = (texture(kind, np.random.default_rng(seed), 48) for seed in (5, 5, 6))
    assert one.shape == (48, 48, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_colours_are_colours():
    colours = np.concatenate([palette(np.random.default_rng(s), 5) for s in range(50)])
    assert colours.min() >= 0
    assert colours.max() <= 255
    assert np.ptp(colours, axis=1).max() > 60  # some are strong ...
    assert np.median(np.ptp(colours, axis=1)) < 60  # ... and most are not


@pytest.mark.parametrize("kind", MOVING_TEXTURES)
def test_a_moving_texture_moves(kind):
    frames = moving_texture(kind, np.random.default_rng(1), SECONDS, 48)
    assert frames.shape == (16, 48, 48, 3)
    assert frames.dtype == np.uint8
    assert any(not np.array_equal(a, b) for a, b in pairwise(frames))


@pytest.mark.parametrize(("kind", "sign"), [("waterfall", 1), ("fire", -1)])
def test_water_falls_and_flames_rise(kind, sign):
    for seed in range(5):
        frames = moving_texture(kind, np.random.default_rng(seed), np.arange(2) / 50, 96)
        grey = frames.astype(float).mean(axis=-1)
        rows, _ = shift_between(grey[0], grey[1])
        assert sign * rows > 0


def test_nothing_moves_when_no_time_passes():
    for kind in MOVING_TEXTURES:
        frames = moving_texture(kind, np.random.default_rng(2), np.zeros(3), 32)
        assert np.array_equal(frames[0], frames[2])


def test_a_still_surface_passes_a_camera_by_what_it_moves():
    still = np.zeros(2)
    found = []
    for seed in range(40):
        view = Path(np.array([0.0, 0.125]), still, still, still + 1)
        frames, kind = film_surface(np.random.default_rng(seed), still, (64, 64), view)
        if kind in ("rough", "natural", "built"):
            # A part in the middle: what left on one side did not come back on the other.
            grey = frames.astype(float).mean(axis=-1)
            before, after = grey[0, 8:56, 12:60], grey[1, 8:56, 4:52]
            found.append(np.abs(before - after).mean())  # 0.125 * 64 = 8 pixels to the left
    assert len(found) > 4
    assert max(found) < 1.0
