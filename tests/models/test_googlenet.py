"""An inflated GoogLeNet is an I3D that finds in a still video what GoogLeNet finds in the image."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from miniatures.still_videos import image, randomised, relative, still
from safetensors.torch import save_file
from torch import nn

from skvideo3d import I3DTransformer
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import I3D, inflate, load_weights, save_weights
from skvideo3d.video import I3D_PREPROCESSING, IMAGENET_PREPROCESSING

# GoogLeNet as torchvision names it: Szegedy et al. 2015, table 1, the columns 1x1, 3x3 reduce, 3x3,
# 5x5 reduce, 5x5, pool proj; and what Carreira & Zisserman call the module.
INCEPTION = {
    "3a": ("Mixed_3b", "64 96 128 16 32 32"),
    "3b": ("Mixed_3c", "128 128 192 32 96 64"),
    "4a": ("Mixed_4b", "192 96 208 16 48 64"),
    "4b": ("Mixed_4c", "160 112 224 24 64 64"),
    "4c": ("Mixed_4d", "128 128 256 24 64 64"),
    "4d": ("Mixed_4e", "112 144 288 32 64 64"),
    "4e": ("Mixed_4f", "256 160 320 32 128 128"),
    "5a": ("Mixed_5b", "256 160 320 32 128 128"),
    "5b": ("Mixed_5c", "384 192 384 48 128 128"),
}
# I3D's layers with their kernels and strides in time (figure 3 of the paper).
IN_TIME = {
    "Conv3d_1a_7x7": (7, 2),
    "MaxPool3d_2a_3x3": (1, 1),
    "Conv3d_2b_1x1": (1, 1),
    "Conv3d_2c_3x3": (3, 1),
    "MaxPool3d_3a_3x3": (1, 1),
    "Mixed_3b": (3, 1),
    "Mixed_3c": (3, 1),
    "MaxPool3d_4a_3x3": (3, 2),
    **{f"Mixed_4{letter}": (3, 1) for letter in "bcdef"},
    "MaxPool3d_5a_2x2": (2, 2),
    "Mixed_5b": (3, 1),
    "Mixed_5c": (3, 1),
}


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, inputs, one, reduce3, three, reduce5, five, pooled):
        super().__init__()
        self.branch1 = Unit(inputs, one, 1)
        self.branch2 = nn.Sequential(Unit(inputs, reduce3, 1), Unit(reduce3, three, 3))
        # 3x3 in torchvision as well, in spite of the name.
        self.branch3 = nn.Sequential(Unit(inputs, reduce5, 1), Unit(reduce5, five, 3))
        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        self.branch4 = nn.Sequential(pool, Unit(inputs, pooled, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Auxiliary(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.conv = Unit(inputs, 8, 1)
        self.fc1 = nn.Linear(128, 16)
        self.fc2 = nn.Linear(16, classes)


class GoogLeNet(nn.Module):
    """Every layer of it, by the names of I3D's layers."""

    def __init__(self, classes=7, width=1.0):
        super().__init__()

        def at(count):
            return max(1, round(int(count) * width))

        self.conv1 = Unit(3, at(64), 7, stride=2)
        self.conv2 = Unit(at(64), at(64), 1)
        self.conv3 = Unit(at(64), at(192), 3)
        channels = at(192)
        for name, (_, columns) in INCEPTION.items():
            counts = [at(count) for count in columns.split()]
            self.add_module(f"inception{name}", Inception(channels, *counts))
            channels = counts[0] + counts[2] + counts[4] + counts[5]
        self.aux1 = Auxiliary(at(512), classes)
        self.aux2 = Auxiliary(at(528), classes)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        pool3, pool2 = (nn.MaxPool2d(kernel, stride=2, ceil_mode=True) for kernel in (3, 2))
        layers = [
            ("Conv3d_1a_7x7", self.conv1),
            ("MaxPool3d_2a_3x3", pool3),
            ("Conv3d_2b_1x1", self.conv2),
            ("Conv3d_2c_3x3", self.conv3),
            ("MaxPool3d_3a_3x3", pool3),
        ]
        for name, (ours, _) in INCEPTION.items():
            if name == "4a":
                layers.append(("MaxPool3d_4a_3x3", pool3))
            if name == "5a":
                layers.append(("MaxPool3d_5a_2x2", pool2))
            layers.append((ours, getattr(self, f"inception{name}")))
        found = {}
        for name, layer in layers:
            x = found[name] = layer(x)
        found["avg_pool"] = x.mean((2, 3))
        found["logits"] = self.fc(found["avg_pool"])
        return found


@pytest.fixture(scope="module")
def googlenet():
    return randomised(GoogLeNet(width=1 / 16).double())


def undisturbed(frames):
    """Of every layer the first and last steps whose windows never reached a border in time."""
    first, last, steps = 0, frames - 1, frames
    for name, (kernel, stride) in IN_TIME.items():
        windows = math.ceil(steps / stride)
        before = max((windows - 1) * stride + kernel - steps, 0) // 2
        starts = [step * stride - before for step in range(windows)]
        inside = [i for i, s in enumerate(starts) if s >= first and s + kernel - 1 <= last]
        first, last, steps = inside[0], inside[-1], windows
        yield name, first, last


def assert_inflated(network, found_2d, images, frames, tolerance):
    """Compare every layer in the steps that no border in time disturbs, and in the first one."""
    with torch.inference_mode():
        found = network(still(images, frames), list(IN_TIME))
    for name, first, last in undisturbed(frames):
        for step in range(first, last + 1):
            assert relative(found[name][:, :, step], found_2d[name]) < tolerance, (name, step)
        assert relative(found[name][:, :, 0], found_2d[name]) > 1e-3, name


@pytest.mark.parametrize("size", [31, 63])
def test_every_layer_of_an_inflated_googlenet_is_the_images(googlenet, size):
    # Sizes of 16 k - 1, at which TensorFlow's padding and torchvision's are the same.
    network = inflate(googlenet.state_dict(), into="i3d")
    images = image(size)
    assert_inflated(network, googlenet(images), images, 112, 1e-12)


def test_the_classifier_of_an_inflated_googlenet_gives_the_images_scores(googlenet):
    # 207 = 16 * 13 - 1 leaves one window of 7x7, and the average pool looks at two steps.
    network = inflate(googlenet, into="i3d")
    expected = googlenet(image(207))
    with torch.inference_mode():
        pooled = network.avg_pool(still(expected["Mixed_5c"], 2))
        scores = network.logits(pooled)
    assert relative(pooled[:, :, 0, 0, 0], expected["avg_pool"]) < 1e-12
    assert relative(scores, expected["logits"]) < 1e-12


def test_at_even_sizes_the_padding_of_the_first_layer_is_tensorflows(googlenet):
    # Two pixels before and three after, where torchvision pads three and three.
    network = inflate(googlenet, into="i3d")
    images = image(48)
    theirs = googlenet(images)

    def padded(layer, arguments):
        return (F.pad(arguments[0], (2, 3, 2, 3)),)

    padding, googlenet.conv1.conv.padding = googlenet.conv1.conv.padding, (0, 0)
    hook = googlenet.conv1.conv.register_forward_pre_hook(padded)
    try:
        shifted = googlenet(images)
    finally:
        hook.remove()
        googlenet.conv1.conv.padding = padding
    assert relative(shifted["Conv3d_1a_7x7"], theirs["Conv3d_1a_7x7"]) > 0.1
    assert_inflated(network, shifted, images, 112, 1e-12)


@pytest.mark.slow
def test_the_full_googlenet_is_inflated():
    source = randomised(GoogLeNet(classes=1000))
    network = inflate(source, into="i3d")
    assert network.config == {"num_classes": 1000, "in_channels": 3, "width": 1.0}
    images = image(47).float()
    expected = source(images)["Mixed_5c"]
    (first, last) = list(undisturbed(112))[-1][1:]
    with torch.inference_mode():
        found = network(still(images, 112), "Mixed_5c")["Mixed_5c"]
    for step in range(first, last + 1):
        assert relative(found[:, :, step], expected) < 1e-5


def same_arrays(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_an_inflated_i3d_is_saved_and_describes_videos(
    googlenet, tmp_path, write_video, numbered_frames
):
    network = inflate(googlenet, into="i3d")
    path = tmp_path / "inflated.safetensors"
    save_weights(network, path, dtype=torch.float32)
    assert same_arrays(load_weights(path), network.float())
    video = write_video(tmp_path / "a.mp4", numbered_frames(16))
    rows = I3DTransformer(weights=path, layer="Mixed_3b", clip_len=16, norm=None).fit_transform(
        [video]
    )
    assert rows.shape == (1, network.Mixed_3b.out_channels)
    assert np.isfinite(rows).all()
    assert rows.any()


@pytest.mark.parametrize("wrapping", ["{}", "module.{}", "model.module.{}"])
def test_a_googlenet_comes_as_module_arrays_or_file(googlenet, tmp_path, wrapping):
    arrays = {wrapping.format(name): array for name, array in googlenet.state_dict().items()}
    expected = inflate(googlenet, into="i3d")
    assert not expected.training
    torch.save({"state_dict": arrays}, tmp_path / "googlenet.pth")
    save_file(arrays, tmp_path / "googlenet.safetensors")
    for source in (arrays, str(tmp_path / "googlenet.pth"), tmp_path / "googlenet.safetensors"):
        assert same_arrays(inflate(source, into="i3d"), expected)


@pytest.mark.parametrize(
    ("transforms", "recipe"),
    [(True, I3D_PREPROCESSING), (False, IMAGENET_PREPROCESSING), (None, None)],
)
def test_a_module_knows_what_goes_before_it(googlenet, transforms, recipe):
    module = copy.deepcopy(googlenet)
    if transforms is not None:  # torchvision's, with published weights or trained by oneself
        module.transform_input = transforms
    assert inflate(module, into="i3d").preprocessing == recipe
    assert inflate(module, into="i3d", in_channels=2).preprocessing is None
    assert inflate(googlenet.state_dict(), into="i3d").preprocessing is None


def test_the_step_counters_of_a_googlenet_may_be_missing(googlenet):
    arrays = {n: a for n, a in googlenet.state_dict().items() if "num_batches" not in n}
    assert same_arrays(inflate(arrays, into="i3d"), inflate(googlenet, into="i3d"))


def body_of(googlenet):
    arrays = googlenet.state_dict()
    return {n: a for n, a in arrays.items() if not n.startswith(("fc.", "aux"))}


def test_without_a_classifier_there_is_none(googlenet):
    assert inflate(body_of(googlenet), into="i3d").num_classes is None


def test_a_given_i3d_is_filled_and_keeps_its_precision(googlenet):
    given = I3D(num_classes=7, width=1 / 16)
    # An optimiser that was made before holds these.
    parameters = list(given.parameters())
    assert inflate(googlenet, into=given) is given
    assert same_arrays(given, inflate(googlenet, into="i3d").float())
    assert all(now is then for now, then in zip(given.parameters(), parameters, strict=True))
    assert all(p.requires_grad and p.dtype == torch.float32 for p in parameters)


def test_a_given_i3d_without_classifier_gets_none(googlenet):
    given = inflate(googlenet, into=I3D(num_classes=None, width=1 / 16).double())
    assert same_arrays(given, inflate(body_of(googlenet), into="i3d"))


def test_a_given_i3d_keeps_its_classifier_where_the_source_has_none(googlenet):
    given = I3D(num_classes=12, width=1 / 16).double()
    own = given.logits.conv3d.weight.clone()
    inflate(body_of(googlenet), into=given)
    assert torch.equal(given.logits.conv3d.weight, own)
    assert torch.equal(given.Mixed_5c.b0.bn.bias, googlenet.inception5b.branch1.bn.bias)


def test_a_flow_network_begins_with_the_mean_of_the_rgb_kernels(googlenet):
    network = inflate(googlenet, into="i3d", in_channels=2)
    assert (network.num_classes, network.in_channels) == (7, 2)
    kernel = googlenet.conv1.conv.weight
    expected = (kernel[:, 0] + kernel[:, 1] + kernel[:, 2]) / 3 * 3 / 2 / 7
    for channel in range(2):
        for t in range(7):
            torch.testing.assert_close(network.Conv3d_1a_7x7.conv3d.weight[:, channel, t], expected)


def without(name):
    return lambda arrays: {n: a for n, a in arrays.items() if n != name}


def with_array(name, array):
    return lambda arrays: arrays | {name: array}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("inception3a.branch2.1.bn.bias"), "1 missing: inception3a.branch2.1.bn.bias\\.$"),
        (without("fc.bias"), "1 missing: fc.bias"),
        (with_array("conv1.conv.bias", torch.ones(4)), "1 unknown: conv1.conv.bias"),
        (
            with_array("conv2.conv.weight", torch.ones(4, 5, 1, 1)),
            r"1 of another shape: conv2.conv.weight becomes \(4, 5, 1, 1, 1\) and should be "
            r"\(4, 4, 1, 1, 1\)",
        ),
        (
            with_array("inception5b.branch3.1.conv.weight", torch.ones(8, 3, 5, 5)),
            r"branch3.1.conv.weight becomes \(8, 3, 5, 5, 5\) and should be \(8, 3, 3, 3, 3\)",
        ),
        (
            with_array("conv3.bn.running_var", torch.full((12,), torch.nan)),
            "1 with values that are not finite: conv3.bn.running_var",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named_by_torchvisions_names(googlenet, change, message):
    with pytest.raises(CheckpointError, match=f"^source looks like torchvision's .*{message}"):
        inflate(change(googlenet.state_dict()), into="i3d")


def test_other_networks_are_told_from_googlenet(tmp_path):
    save_file({"layer1.conv1.weight": torch.ones(1, 1, 3, 3)}, tmp_path / "resnet.safetensors")
    message = (
        "resnet.safetensors': into='i3d' takes torchvision's GoogLeNet .*: layer1.conv1.weight"
    )
    with pytest.raises(CheckpointError, match=message):
        inflate(tmp_path / "resnet.safetensors", into="i3d")


def test_a_given_i3d_that_does_not_fit_stays_as_it_is(googlenet):
    given = I3D(num_classes=12, in_channels=2, width=1 / 16)
    before = {name: array.clone() for name, array in given.state_dict().items()}
    message = (
        r"3 of another shape: conv1.conv.weight becomes \(4, 3, 7, 7, 7\) and should be "
        r"\(4, 2, 7, 7, 7\).* leave fc.weight and fc.bias out. For 2 channels pass in_channels=2"
    )
    with pytest.raises(CheckpointError, match=message):
        inflate(googlenet, into=given)
    assert all(torch.equal(before[name], array) for name, array in given.state_dict().items())


def test_a_new_i3d_is_trained_from_there(googlenet):
    network = inflate(googlenet, into="i3d", in_channels=2).train()
    assert all(value.requires_grad for value in network.parameters())
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    clips = torch.randn(1, 2, 16, 224, 224, generator=torch.Generator().manual_seed(0))
    clips = clips.to(network.logits.conv3d.weight.dtype)
    network(clips, ["logits"])["logits"].sum().backward()
    optimizer.step()
    bias = network.logits.conv3d.bias
    torch.testing.assert_close(bias, before["logits.conv3d.bias"] - 0.1 * bias.grad)
    first = network.Conv3d_1a_7x7.conv3d.weight
    assert not torch.equal(first, before["Conv3d_1a_7x7.conv3d.weight"])
