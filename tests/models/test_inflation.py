"""Inflation: on a video that stands still the 3-D network finds what the 2-D network finds."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from miniatures.still_videos import image, randomised, relative, still
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, prune

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import inflate


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, groups, **padding):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False, **padding)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 2, dilation=2, groups=groups, **padding)
        self.downsample = nn.Conv2d(inputs, outputs, 1, stride, **padding)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.conv2(self.relu(self.bn1(self.conv1(x)))) + self.downsample(x))


def residual_network(**padding):
    network = nn.Sequential()
    network.add_module("conv1", nn.Conv2d(3, 8, 7, 2, 3, **padding))
    network.add_module("norm", nn.BatchNorm2d(8))
    network.add_module("maxpool", nn.MaxPool2d(3, 2, 1))
    network.add_module("layer1", Block(8, 12, 1, 4, **padding))
    network.add_module("avgpool", nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False))
    network.add_module("pad", nn.ReflectionPad2d((1, 0, 2, 1)))
    network.add_module("same", nn.Conv2d(12, 12, 3, padding="same", **padding))
    network.add_module("valid", nn.Conv2d(12, 12, 3, padding="valid", **padding))
    network.add_module("layer2", Block(12, 16, 2, 1, **padding))
    network.add_module("dropout", nn.Dropout2d())
    return randomised(network.double())


def with_head(body):
    head = nn.Sequential(nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten(), nn.Linear(32, 5).double())
    return nn.Sequential(body, randomised(head, seed=3))


@pytest.mark.parametrize(
    ("depth", "stride"),
    [
        (None, None),
        ({"*layer1.*": 1, "*conv1": 5}, None),
        (3, {"*conv1": 1}),
        (1, None),
        (None, {"*maxpool": 2, "0.conv1": 2, "*avgpool": 3}),
        ({"0.conv1": 2}, {"0.conv1": 2}),
    ],
)
def test_an_inflated_module_gives_the_images_scores(depth, stride):
    # Padded in time by its own first and last frames, a still video has no borders at all.
    source = with_head(residual_network(padding_mode="replicate"))
    images = image(33, n=2)
    network = inflate(source, depth=depth, stride=stride)
    with torch.inference_mode():
        assert relative(network(still(images, 12)), source(images)) < 1e-12


def test_every_layer_of_an_inflated_module_is_the_images_away_from_borders():
    source = residual_network()
    network = inflate(source)
    images = image(33, n=2)
    x, clip = images, still(images, 41)
    with torch.inference_mode():
        for (name, layer), deep in zip(source.named_children(), network.children(), strict=True):
            x, clip = layer(x), deep(clip)
            assert clip.shape[2] == 41, name
            assert relative(clip[:, :, 20], x) < 1e-12, name
    assert relative(clip[:, :, 0], x) > 1e-3


def test_a_module_keeps_what_it_has_besides_depth():
    source = residual_network()
    source.layer1.requires_grad_(True)
    source.layer1.train()
    shared = nn.Sequential(source, source.dropout)
    before = {name: array.clone() for name, array in shared.state_dict().items()}
    network = inflate(shared)
    assert all(torch.equal(before[name], array) for name, array in shared.state_dict().items())
    assert network[1] is network[0].dropout
    layer = network[0].layer1
    assert layer.training
    assert not network[0].layer2.training
    assert layer.conv2.weight.requires_grad
    assert not network[0].conv1.weight.requires_grad
    assert (layer.conv2.groups, layer.conv2.dilation, layer.conv2.padding) == (
        4,
        (1, 2, 2),
        (1, 2, 2),
    )
    assert layer.conv1.bias is None
    # The same arrays as those of the state dict alone.
    arrays = inflate(shared.state_dict())
    assert list(arrays) == list(network.state_dict())
    for name, array in network.state_dict().items():
        assert torch.equal(arrays[name], array), name
    # And layers that PyTorch builds again from what it prints of them.
    for module in network.modules():
        if type(module) is nn.Conv3d:
            twin = nn.Conv3d(
                *(module.in_channels, module.out_channels, module.kernel_size, module.stride),
                *(module.padding, module.dilation, module.groups, module.bias is not None),
                device="meta",
            )
            assert vars(twin).keys() == vars(module).keys()
            padding = "_reversed_padding_repeated_twice"
            assert getattr(twin, padding) == getattr(module, padding)


def test_gradients_reach_an_inflated_module():
    network = inflate(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)))
    network(torch.rand(2, 3, 5, 8, 8)).square().sum().backward()
    assert network[0].weight.grad.shape == (4, 3, 3, 3, 3)


# --- kernels -----------------------------------------------------------------------------------


def test_kernels_of_one_two_and_three_by_hand():
    one = torch.tensor([[[[5.0]]]])
    two = torch.tensor([[[[2.0, 4.0], [6.0, 8.0]]]])
    three = torch.arange(9.0).view(1, 1, 3, 3)
    found = inflate({"a.weight": one, "b.weight": two, "weight": three})
    assert found["a.weight"].tolist() == [[[[[5.0]]]]]
    assert found["b.weight"].tolist() == [[[[[1.0, 2.0], [3.0, 4.0]]] * 2]]
    thirds = [[0, 1 / 3, 2 / 3], [1, 4 / 3, 5 / 3], [2, 7 / 3, 8 / 3]]
    np.testing.assert_allclose(found["weight"][0, 0], [thirds] * 3, rtol=1e-6)


def test_files_are_inflated_without_an_i3d_too(tmp_path):
    save_file({"weight": torch.ones(1, 1, 2, 2)}, tmp_path / "a.safetensors")
    assert inflate(tmp_path / "a.safetensors")["weight"].shape == (1, 1, 2, 2, 2)


@given(n=st.integers(1, 7), depth=st.integers(1, 9) | st.none(), seed=st.integers(0, 99))
def test_frames_of_a_kernel_are_equal_and_together_the_kernel(n, depth, seed):
    kernel = torch.randn(2, 3, n, n, generator=torch.Generator().manual_seed(seed)).double()
    found = inflate({"weight": kernel}, depth=depth)["weight"]
    assert found.shape == (2, 3, depth or n, n, n)
    assert all(torch.equal(found[:, :, t], found[:, :, 0]) for t in range(depth or n))
    torch.testing.assert_close(found.sum(dim=2), kernel)


def test_arrays_that_are_no_kernels_are_copied_as_they_are():
    source = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(5, 6)).state_dict()
    found = inflate(source)
    assert list(found) == list(source)
    for name in source:
        if name != "0.weight":
            assert torch.equal(found[name], source[name])
            assert found[name].data_ptr() != source[name].data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_kernels_keep_their_precision(dtype):
    assert inflate({"weight": torch.ones(1, 1, 3, 3, dtype=dtype)})["weight"].dtype == dtype


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (None, [7, 3, 1, 3]),
        (1, [1, 1, 1, 1]),
        ({"conv1": 5}, [5, 3, 1, 3]),
        ({"layer1.*": 1}, [7, 1, 1, 3]),
        ({"*.0.*": 1}, [7, 1, 1, 1]),
        ({"layer2.*": 5, "*": 1}, [1, 1, 1, 5]),
        ({"*": 1, "layer2.*": 5}, [1, 1, 1, 1]),  # the first that fits
        ({"layer[12].0.conv?": 3}, [7, 3, 1, 3]),
    ],
)
def test_depths_are_chosen_by_patterns_of_names(depth, expected):
    sides = {"conv1": 7, "layer1.0.conv1": 3, "layer1.0.down": 1, "layer2.0.conv1": 3}
    arrays = {f"{name}.weight": torch.ones(2, 2, n, n) for name, n in sides.items()}
    found = inflate(arrays, depth=depth)
    assert [kernel.shape[2] for kernel in found.values()] == expected

    module = nn.Module()
    for name, n in sides.items():
        parent = module
        for part in name.split(".")[:-1]:
            if not hasattr(parent, part):
                parent.add_module(part, nn.Module())
            parent = getattr(parent, part)
        parent.add_module(name.rpartition(".")[2], nn.Conv2d(2, 2, n))
    found = inflate(module, depth=depth).state_dict()
    assert [kernel.shape[2] for kernel in found.values() if kernel.ndim == 5] == expected


def test_other_input_channels_get_the_mean_of_the_old_by_hand():
    # 1 + 2 + 6 = 9 in three channels: 4.5 in each of two.
    first = torch.tensor([1.0, 2.0, 6.0]).view(1, 3, 1, 1)
    second = torch.ones(2, 1, 3, 3)
    found = inflate({"a.weight": first, "b.weight": second}, in_channels=2)
    assert found["a.weight"].flatten().tolist() == [4.5, 4.5]
    assert found["b.weight"].shape == (2, 1, 3, 3, 3)
    assert torch.equal(
        inflate({"a.weight": first}, in_channels=3)["a.weight"].flatten(), first[0, :, 0, 0]
    )


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_grey_frames_give_the_same_in_any_number_of_channels(channels):
    source = residual_network(padding_mode="replicate")
    grey = image(33, channels=1)
    network = inflate(source, in_channels=channels)
    assert network.conv1.in_channels == channels
    with torch.inference_mode():
        found = network(still(grey.repeat(1, channels, 1, 1), 5))
        assert relative(found[:, :, 0], source(grey.repeat(1, 3, 1, 1))) < 1e-12


# --- arrays of the user's own ------------------------------------------------------------------


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1).double())
        self.std = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1).double()
        self.gain = nn.Parameter(torch.tensor([3.0, 2.0, 1.0]).view(1, 3, 1, 1).double())
        self.same_gain = self.gain
        self.conv = nn.Conv2d(3, 4, 3, padding=1, padding_mode="replicate").double()

    def forward(self, x):
        return self.conv(self.same_gain * (x - self.mean) / self.std)


@pytest.mark.parametrize("n_frames", [1, 3, 5])
def test_values_for_each_channel_stay_values_for_each_channel(n_frames):
    source = Normalised()
    images = image(9, n=2)
    network = inflate(source)
    with torch.inference_mode():
        assert relative(network(still(images, n_frames))[:, :, 0], source(images)) < 1e-12
    assert network.same_gain is network.gain
    assert isinstance(network.gain, nn.Parameter)
    assert source.mean.shape == source.gain.shape == (1, 3, 1, 1)
    arrays = inflate(source.state_dict())
    for name, array in network.state_dict().items():
        assert torch.equal(arrays[name], array), name


def shared_kernel():
    network = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))).double()
    network[2].weight = network[0].weight
    return randomised(network)


def test_layers_that_share_a_kernel_share_it_afterwards():
    source = shared_kernel()
    network = inflate(source)
    assert network[2].weight is network[0].weight
    assert network[1].weight is not network[0].weight
    assert source[2].weight is source[0].weight
    images = image(9)
    with torch.inference_mode():
        assert relative(network(still(images, 9))[:, :, 4], source(images)) < 1e-12


def kernel_in_two_places():
    network = nn.Sequential(nn.Conv2d(1, 1, 3))
    network.kernel = network[0].weight
    return network


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.positions = nn.Parameter(torch.zeros(1, 4, 7, 7))


# --- what is refused ---------------------------------------------------------------------------

KERNEL = torch.ones(1, 1, 3, 3)


class OwnConvolution(nn.Conv2d):
    pass


class FrozenNorm2d(nn.Module):
    pass


def parametrised():
    return parametrizations.weight_norm(nn.Conv2d(1, 1, 3))


def pruned():
    return prune.l1_unstructured(nn.Conv2d(1, 1, 3), "weight", 0.5)


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (3, {}, TypeError, "source is a int: give a module, a state dict, or the path"),
        (
            {"state_dict": {"weight": KERNEL}},
            {},
            TypeError,
            r"source\['state_dict'\] is a dict and no tensor; pass source\['state_dict'\]\. ",
        ),
        ({"epoch": 3}, {}, TypeError, r"source\['epoch'\] is a int and no tensor\. Give a plain"),
        ({}, {}, CheckpointError, "no kernels of two dimensions.* among its 0 arrays"),
        ({"fc.weight": torch.ones(2, 2)}, {}, CheckpointError, "no kernels .* its 1 arrays"),
        (
            {"a.weight": KERNEL, "b.weight": torch.ones(1, 1, 3, 3, 3)},
            {},
            CheckpointError,
            "source is 3-D already: b.weight have five axes",
        ),
        (
            {"a.weight": KERNEL.to(torch.int8)},
            {},
            CheckpointError,
            r"the kernels a.weight \(torch.int8\) are no plain floating point numbers. Dequantise",
        ),
        (
            {"a.weight": KERNEL.to(torch.float8_e4m3fn)},
            {},
            CheckpointError,
            r"a.weight \(torch.float8_e4m3fn\)",
        ),
        (
            {"a.weight": torch.ones(1, 1, 1, 7), "b.weight": KERNEL},
            {},
            ValueError,
            r"not square have no depth of their own: a \(1x7\). Choose it, as in depth={'a': 1}",
        ),
        ({"a.weight": KERNEL}, {"depth": 0}, ValueError, "depth=0: give a positive integer"),
        ({"a.weight": KERNEL}, {"depth": True}, ValueError, "depth=True: give a positive integer"),
        ({"a.weight": KERNEL}, {"depth": {"a": 1.5}}, ValueError, r"depth={'a': 1.5}: give a pos"),
        (
            {"a.weight": KERNEL, "b.bias": torch.ones(1)},
            {"depth": {"a": 3, "b": 1}},
            ValueError,
            r"depth={'b': 1} fits the name of no layer that it could be for. There are a\.$",
        ),
        ({"a.weight": KERNEL}, {"in_channels": 0}, ValueError, "in_channels=0: give a positive"),
        ({"a.weight": KERNEL}, {"in_channels": True}, ValueError, "in_channels=True: give a posi"),
        (
            {"a.weight": KERNEL},
            {"in_channels": 2},
            ValueError,
            "in_channels=2: 'a.weight', the first kernel of source, takes one channel.* grouped",
        ),
        (
            {"a.weight": KERNEL, "positions": torch.ones(1, 4, 7, 7)},
            {},
            CheckpointError,
            r"source: positions \(1, 4, 7, 7\) have the four axes of a kernel, but",
        ),
        (nn.Sequential(Positions()), {}, ValueError, r"0\.positions \(1, 4, 7, 7\) are arrays of"),
        (kernel_in_two_places(), {}, ValueError, "The kernel of 0 is kernel as well"),
        (shared_kernel(), {"depth": {"0": 1}}, ValueError, "depth: 0, 2 share .* become 1 and 3 d"),
        (shared_kernel(), {"in_channels": 2}, ValueError, "first convolution, 0, shares .* with 2"),
        (nn.Conv2d(1, 1, 4), {}, ValueError, "the module .4.. Choose .* in depth=1, or a stride"),
        (nn.Conv2d(1, 1, (1, 7)), {}, ValueError, "the kernel .1x7.. Choose it, as in depth=1"),
        ({"a.weight": KERNEL}, {"stride": 2}, ValueError, "stride= is for modules"),
        ({"a.weight": KERNEL}, {"into": "c3d"}, TypeError, "into='c3d': give 'i3d', an I3D, or"),
        (
            {"a.weight": KERNEL},
            {"into": "i3d", "depth": 1},
            ValueError,
            "depth= cannot go with into=: the kernels of I3D are as deep as wide",
        ),
        (nn.Linear(2, 2), {}, ValueError, "Linear cannot be inflated: it has no convolution"),
        (nn.Conv3d(1, 1, 3), {}, ValueError, "its convolutions are 3-D already"),
        (
            nn.Sequential(nn.Conv2d(1, 1, 3), nn.ConvTranspose2d(1, 1, 2), nn.Upsample(2)),
            {},
            ValueError,
            r"that inflate cannot make three-dimensional: 1 \(torch.*\.ConvTranspose2d\), 2 "
            r"\(torch.*\.Upsample\)\. Put layers for maps",
        ),
        (nn.PixelShuffle(2), {}, ValueError, r"the module \(torch.*\.PixelShuffle\)"),
        (nn.UpsamplingNearest2d(2), {}, ValueError, "UpsamplingNearest2d"),
        (nn.LPPool2d(2, 3), {}, ValueError, "LPPool2d"),
        (OwnConvolution(1, 1, 3), {}, ValueError, "OwnConvolution"),
        (nn.Sequential(nn.Conv2d(1, 1, 3), FrozenNorm2d()), {}, ValueError, "FrozenNorm2d"),
        (nn.LazyConv2d(1, 3), {}, ValueError, "LazyConv2d"),
        (parametrised(), {}, ValueError, "ParametrizedConv2d"),
        (pruned(), {}, ValueError, "the weight of the module is computed from others"),
        (
            nn.Sequential(nn.Conv2d(1, 1, 3, 1, 1), nn.Conv2d(1, 1, 2, 2)),
            {},
            ValueError,
            r"even depth have no middle frame.*: 1 \(2\). Choose .* depth={'1': 1}, or a stride",
        ),
        (
            nn.Conv2d(1, 1, 3, padding="same"),
            {"stride": 2},
            ValueError,
            "stride: the module is padded by 'same'",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2)),
            {"stride": {"2": 2}},
            ValueError,
            r"stride={'2': 2} fits .* There are 0, 1\.$",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2)),
            {"depth": {"1": 3}},
            ValueError,
            r"depth={'1': 3} fits .* There are 0\.$",
        ),
        (
            nn.Conv2d(4, 4, 3, groups=2),
            {"in_channels": 2},
            ValueError,
            "in_channels=2: the first convolution, the module, is in 2 groups",
        ),
    ],
)
def test_what_cannot_be_inflated_is_named_with_what_to_do(source, options, error, message):
    with pytest.raises(error, match=message):
        inflate(source, **options)
