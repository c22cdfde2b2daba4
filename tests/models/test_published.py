"""The published files themselves, for machines that have them: none is fetched here.

Run with ``SKVIDEO3D_PUBLISHED_HOME=$HOME/.cache/skvideo3d pytest -m network``; the variable names
a folder as ``SKVIDEO3D_HOME`` does. The golden figures need DeepMind's sample, the two files
v_CricketShot_g04_c01_rgb.npy and v_CricketShot_g04_c01_flow.npy of the folder ``data`` of
google-deepmind/kinetics-i3d, in the folder that ``SKVIDEO3D_I3D_SAMPLE`` names, or beside the
weights.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skvideo3d import I3DTransformer
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


# google-deepmind/kinetics-i3d, README: of the networks on its sample, the logit of "playing
# cricket", which is the highest, and the norm of all logits.
GOLDEN = {
    "rgb": (25.856646, 87.108871),
    "flow": (15.957031, 63.252754),
    "two-stream": (41.813675, 138.468643),
}
LAYOUTS = ["", "-hassony"]


def sample(stream):
    """What the network sees: (79, 224, 224, 3 or 2), float32, from -1 to 1."""
    folder = Path(os.environ.get("SKVIDEO3D_I3D_SAMPLE") or weights_folder()).expanduser()
    path = folder / f"v_CricketShot_g04_c01_{stream}.npy"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return np.load(path)[0].astype(np.float32)


def logits_of(stream, layout):
    name = f"kinetics400-{stream}{layout}"
    present(name)
    frames = torch.from_numpy(sample(stream))
    network = load_weights(name, "i3d", download=False)
    with torch.inference_mode():
        return network.describe(frames.permute(3, 0, 1, 2)[None], "logits")["logits"][0].numpy()


def assert_golden(logits, stream):
    highest, norm = GOLDEN[stream]
    assert logits.max() == pytest.approx(highest, abs=1e-3)
    assert np.linalg.norm(logits) == pytest.approx(norm, abs=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stream", ["rgb", "flow"])
def test_cricket_is_recognised_with_deepminds_own_figures(stream, layout):
    assert_golden(logits_of(stream, layout), stream)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cricket_is_recognised_by_both_streams_with_deepminds_own_figures(layout):
    rgb, flow = logits_of("rgb", layout), logits_of("flow", layout)
    assert rgb.argmax() == flow.argmax()
    assert_golden(rgb + flow, "two-stream")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stream", ["rgb", "flow"])
def test_the_transformer_recognises_cricket_with_deepminds_own_figures(stream, layout):
    name = f"kinetics400-{stream}{layout}"
    present(name)
    video = sample(stream)
    if stream == "flow":
        video = video * np.float32(20)  # given in pixels, of the crop's size
    else:
        pixels = (video + 1) * 127.5
        video = np.rint(pixels).astype(np.uint8)
        if np.abs(pixels - video).max() > 0.01:
            pytest.skip("the sample's pixels are no bytes, of which videos are")
    transformer = I3DTransformer(
        name,
        stream=stream,
        flow=no_flow,
        layer="logits",
        clip_len=len(video),
        norm=None,
        preprocessing=replace(WEIGHTS[name].preprocessing, resize=(224, 224)),
    )
    assert_golden(transformer.fit_transform([video])[0], stream)


def no_flow(previous, following):
    raise AssertionError("flow that is given is not computed")


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
