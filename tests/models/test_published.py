"""The published files themselves, for machines that have them: none is fetched here.

Run with ``SKVIDEO3D_PUBLISHED_HOME=$HOME/.cache/skvideo3d pytest -m network``; the variable names
a folder as ``SKVIDEO3D_HOME`` does. DeepMind's sample v_CricketShot_g04_c01_rgb.npy belongs into
its ``weights`` folder for the golden figures.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from skvideo3d.models import load_weights
from skvideo3d.models.checkpoints import foresee_weights, resolve_weights
from skvideo3d.models.download import locate, verify, weights_folder
from skvideo3d.models.registry import WEIGHTS

pytestmark = pytest.mark.network


@pytest.fixture(autouse=True)
def _published_home(_own_home, monkeypatch):
    home = os.environ.get("SKVIDEO3D_PUBLISHED_HOME")
    if not home:
        pytest.skip("SKVIDEO3D_PUBLISHED_HOME does not name a folder of published weights")
    monkeypatch.setenv("SKVIDEO3D_HOME", str(Path(home).expanduser()))


def present(*names):
    for name in names:
        if not locate(WEIGHTS[name]).exists():
            pytest.skip(f"{locate(WEIGHTS[name])} is not here")


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_the_file_is_the_published_one_and_fits_its_entry(name):
    present(name)
    entry = WEIGHTS[name]
    verify(locate(entry), entry)
    if entry.kind == "network":
        if entry.mean:
            present(entry.mean)
        weights = resolve_weights(name, entry.architecture, stream=entry.stream, download=False)
        foreseen = foresee_weights(name, entry.architecture, entry.stream)
        assert weights.config == foreseen.config


@pytest.mark.parametrize("name", ["kinetics400-rgb", "kinetics400-rgb-hassony"])
def test_cricket_is_recognised_with_deepminds_own_figures(name):
    # google-deepmind/kinetics-i3d, README, rgb stream on its sample: the logit of "playing
    # cricket", which is the highest, and the norm of all logits.
    present(name)
    sample = weights_folder() / "v_CricketShot_g04_c01_rgb.npy"
    if not sample.exists():
        pytest.skip(f"{sample} is not here")
    frames = torch.from_numpy(np.load(sample).astype(np.float32))  # (1, 79, 224, 224, 3), [-1, 1]
    network = load_weights(name, "i3d", download=False)
    with torch.inference_mode():
        logits = network.describe(frames.permute(0, 4, 1, 2, 3), "logits")["logits"][0]
    assert logits.max().item() == pytest.approx(25.856646, abs=1e-3)
    assert logits.norm().item() == pytest.approx(87.108871, abs=1e-3)


@pytest.mark.parametrize("name", ["sports1m", "sports1m-fc8", "sports1m-caffe"])
def test_c3d_describes_a_clip_with_finite_numbers(name):
    present(name)
    network = load_weights(name, "c3d", download=False)
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (1, 16, 112, 112, 3), dtype=np.uint8)
    recipe = WEIGHTS[name].preprocessing
    with torch.inference_mode():
        fc6 = network.describe(torch.from_numpy(recipe.prepare_clips(clips)), "fc6")["fc6"]
    assert fc6.shape == (1, 4096)
    assert torch.isfinite(fc6).all()
    assert fc6.max() > 0
