"""The study's networks against a plain loop, and their parameters counted by hand."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import CheckpointError
from skvideo3d.inference import prepare_network
from skvideo3d.models import (
    StudyNetwork,
    load_weights,
    network_named,
    parameter_counts,
    save_weights,
)
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.models.initialization import initialize
from skvideo3d.video import Preprocessing

LAYERS = [
    *("conv1a", "pool1", "conv2a", "pool2", "conv3a", "pool3", "conv4a", "pool4"),
    *("conv5a", "pool5", "fc6", "fc7", "fc8", "prob"),
]
SMALL = {"num_classes": 4, "input_size": (16, 32, 40), "width": 1 / 16}
DEPTHS = [1, 3, (3, 3, 5, 5, 7), (7, 5, 5, 3, 3)]

# Tran et al. 2015, section 3.1.
FILTERS = [64, 128, 256, 256, 256]


def plain_study_network(x, state):
    """The paper's five convolutions and pools, in float64; a frame is a sum over kernel slices."""
    x, values = x.double(), {}
    for number in range(1, 6):
        weight = state[f"conv{number}a.weight"].double()
        bias = state[f"conv{number}a.bias"].double()
        n_frames, depth = x.shape[2], weight.shape[2]
        frames = []
        for t in range(n_frames):
            seen = [(k, t + k - depth // 2) for k in range(depth)]
            parts = [
                F.conv2d(x[:, :, u], weight[:, :, k], padding=1)
                for k, u in seen
                if 0 <= u < n_frames
            ]
            frames.append(sum(parts) + bias[:, None, None])
        x = values[f"conv{number}a"] = torch.stack(frames, dim=2).clamp(min=0)
        if number > 1:
            x = torch.stack([pair.amax(dim=2) for pair in x.split(2, dim=2)], dim=2)
        for axis in (3, 4):
            x = torch.stack([pair.amax(dim=axis) for pair in x.split(2, dim=axis)], dim=axis)
        values[f"pool{number}"] = x
    x = x.flatten(1)
    for name in ("fc6", "fc7", "fc8"):
        x = x @ state[f"{name}.weight"].double().T + state[f"{name}.bias"].double()
        x = values[name] = x.clamp(min=0) if name != "fc8" else x
    values["prob"] = x.softmax(dim=1)
    return values


def randomised(**keywords):
    torch.manual_seed(0)
    return StudyNetwork(**SMALL | keywords).eval()


@pytest.mark.parametrize("depths", DEPTHS)
def test_every_layer_equals_the_plain_network(depths):
    network = randomised(kernel_depths=depths)
    assert list(network.layer_names) == LAYERS
    x = torch.randn(2, 3, 16, 32, 40)
    found = network(x, LAYERS)
    for name, expected in plain_study_network(x, network.state_dict()).items():
        error = (found[name] - expected).abs().max() / expected.abs().max()
        assert error < 1e-5, name


def test_networks_of_all_depths_end_in_the_same_maps_with_each_layer_as_the_paper_has_it():
    for depths in DEPTHS:
        with torch.device("meta"):
            network = StudyNetwork(kernel_depths=depths)
            found = network(torch.empty(1, 3, 16, 112, 112), LAYERS)
        sizes = {name: tuple(values.shape[1:]) for name, values in found.items()}
        # "no change in term of size": a convolution's map is as large as what it sees.
        assert [sizes[f"conv{i}a"] for i in range(1, 6)] == [
            (64, 16, 112, 112),
            (128, 16, 56, 56),
            (256, 8, 28, 28),
            (256, 4, 14, 14),
            (256, 2, 7, 7),
        ]
        assert sizes["pool5"] == (256, 1, 4, 4)
        assert (sizes["fc6"], sizes["fc7"], sizes["fc8"]) == ((2048,), (2048,), (101,))


def by_hand(depths, cells=16):
    """Weights and biases of each layer, as one counts them on paper."""
    counts, channels = {}, 3
    for number, (filters, depth) in enumerate(zip(FILTERS, depths, strict=True), start=1):
        counts[f"conv{number}a"] = filters * (channels * depth * 3 * 3 + 1)
        channels = filters
    counts["fc6"] = 2048 * (256 * cells + 1)
    counts["fc7"] = 2048 * (2048 + 1)
    counts["fc8"] = 101 * (2048 + 1)
    return counts


# What docs/architecture_study.md tables.
TOTALS = {
    "study-depth-1": ((1, 1, 1, 1, 1), 14_344_933),
    "study-depth-3": ((3, 3, 3, 3, 3), 17_444_965),
    "study-depth-5": ((5, 5, 5, 5, 5), 20_544_997),
    "study-depth-7": ((7, 7, 7, 7, 7), 23_645_029),
    "study-increasing": ((3, 3, 5, 5, 7), 21_573_733),
    "study-decreasing": ((7, 5, 5, 3, 3), 18_189_157),
}


@pytest.mark.parametrize("name", TOTALS)
def test_parameters_are_those_counted_by_hand(name):
    depths, total = TOTALS[name]
    counts = parameter_counts(network_named(name, device="meta"))
    assert counts == by_hand(depths)
    assert sum(counts.values()) == total


def test_parameters_of_each_input_size_are_those_counted_by_hand():
    # Crops of 56, 112 and 224 leave 2 x 2, 4 x 4 and 7 x 7 cells after five halvings, rounded up.
    for name, cells, total in [
        ("net-64", 4, 11_153_509),
        ("net-128", 16, 17_444_965),
        ("net-256", 49, 34_746_469),
    ]:
        counts = parameter_counts(network_named(name, device="meta"))
        assert counts == by_hand((3,) * 5, cells)
        assert sum(counts.values()) == total


def test_the_papers_differences_are_those_of_kernels_that_see_one_channel():
    # Section 3.2: depths that differ by 2 make a difference of 17K parameters, depth-1 and depth-7
    # of 51K, less than 0.3% of 17.5 million. Counted with all channels it is 179 times as much;
    # kernels of d x 3 x 3 without the channels give the paper's numbers.
    def without_channels(depth):
        return sum(FILTERS) * depth * 3 * 3

    assert without_channels(3) - without_channels(1) == 17_280
    assert without_channels(7) - without_channels(1) == 51_840
    assert 51_840 / 17.5e6 < 0.003
    totals = [TOTALS[f"study-depth-{depth}"][1] for depth in (1, 3, 5, 7)]
    assert set(np.diff(totals)) == {3_100_032}
    assert totals[-1] - totals[0] == 9_300_096


def test_a_file_gives_back_the_network_and_its_descriptors(tmp_path):
    network = initialize(randomised(kernel_depths=(3, 3, 5, 5, 7)), 0).requires_grad_(False)
    recipe = Preprocessing(resize=(36, 48), crop=(32, 40), mean=(90.0, 95.0, 100.0))
    path = tmp_path / "study.safetensors"
    save_weights(network, path, preprocessing=recipe)
    again = load_weights(path)
    assert type(again) is StudyNetwork
    assert again.config == network.config
    assert again.preprocessing == recipe
    assert all(map(torch.equal, again.state_dict().values(), network.state_dict().values()))

    video = np.random.default_rng(0).integers(0, 256, (16, 36, 48, 3), dtype=np.uint8)
    found = C3DTransformer(weights=path, layer=("pool5", "fc6"), norm=None).fit_transform([video])
    clip = video[:, 2:34, 4:44].astype(np.float64) - recipe.mean
    expected = network.double().describe(
        torch.from_numpy(clip).permute(3, 0, 1, 2)[None], ("pool5", "fc6")
    )
    row = torch.cat(list(expected.values()), dim=1).numpy()
    assert np.abs(found - row).max() < 1e-5 * np.abs(row).max()


def test_it_is_c3ds_transformer_that_runs_it(tmp_path):
    path = tmp_path / "study.safetensors"
    save_weights(randomised(), path)
    assert resolve_weights(path, "c3d").architecture == "study"
    with pytest.raises(CheckpointError, match=r"kind study, and i3d is needed; use C3DTransformer"):
        resolve_weights(path, "i3d")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_prepared_it_describes_as_it_does(precision):
    network = randomised(kernel_depths=(7, 5, 5, 3, 3)).requires_grad_(False)
    x = torch.randn(2, 3, 16, 32, 40)
    expected = network.describe(x, "fc6")["fc6"]
    found = prepare_network(network, precision, "cpu").describe(x, ("fc6",))["fc6"]
    assert torch.cosine_similarity(found, expected).min() > 0.9999


def test_random_weights_by_architecture():
    network = load_weights(None, "study", seed=1, config={"width": 1 / 32, "kernel_depths": 5})
    other = initialize(StudyNetwork(width=1 / 32, kernel_depths=5), 1)
    assert all(map(torch.equal, network.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize("depths", [2, 0, (3, 3, 3), (3, 3, 4, 3, 3), ()])
def test_depths_must_be_odd_and_five(depths):
    with pytest.raises(ValueError, match=r"kernel_depths must be one odd number or 5 of them"):
        StudyNetwork(kernel_depths=depths)


def test_config_builds_the_same_network():
    network = randomised(kernel_depths=np.int64(5), in_channels=2)
    again = StudyNetwork(**json.loads(json.dumps(network.config)))
    assert again.config == network.config
    assert again.kernel_depths == (5, 5, 5, 5, 5)


def test_wrong_clips_are_refused_by_name():
    with pytest.raises(ValueError, match=r"fc6 of this StudyNetwork takes clips of 16 frames of 3"):
        randomised()(torch.zeros(1, 3, 16, 32, 32), "fc6")
