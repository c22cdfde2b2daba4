"""C3D against a plain network written from the paper and from what Caffe's pooling does."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skvideo3d.models import C3D

CHANNELS = {
    "conv1a": 64,
    "conv2a": 128,
    "conv3a": 256,
    "conv3b": 256,
    "conv4a": 512,
    "conv4b": 512,
    "conv5a": 512,
    "conv5b": 512,
}
ORDER = [
    *("conv1a", "pool1", "conv2a", "pool2", "conv3a", "conv3b", "pool3"),
    *("conv4a", "conv4b", "pool4", "conv5a", "conv5b", "pool5", "fc6", "fc7", "fc8", "prob"),
]


def relative(value, expected):
    expected = torch.as_tensor(np.asarray(expected)).double()
    assert value.shape == expected.shape
    return float((value.double() - expected).abs().max() / expected.abs().max())


def windows(size, style, axis, name):
    """The indices that every pooling window of one axis covers."""
    if axis == 0 and name == "pool1":
        return [[n] for n in range(size)]
    if style == "ceil":  # Caffe: windows start at 0, 2, 4 ... while they start inside the map
        return [list(range(start, min(start + 2, size))) for start in range(0, size, 2)]
    first = -1 if name == "pool5" and axis > 0 else 0
    last = size - 1 if name == "pool5" and axis > 0 else size - 2
    return [[n for n in (s, s + 1) if 0 <= n < size] for s in range(first, last + 1, 2)]


def plain_pool(x, style, name):
    x = x.numpy()
    for axis in range(3):
        taken = windows(x.shape[axis + 2], style, axis, name)
        x = np.stack([x.take(w, axis=axis + 2).max(axis=axis + 2) for w in taken], axis=axis + 2)
    return torch.from_numpy(x)


def plain_c3d(x, state, style="ceil", dtype=torch.float64):
    """Every layer of C3D, straight from the paper."""
    x = x.to(dtype)
    values = {}
    for name in ORDER:
        weight = state.get(f"{name}.weight")
        bias = state.get(f"{name}.bias")
        if name.startswith("conv"):
            x = F.conv3d(x, weight.to(dtype), bias.to(dtype), padding=1).clamp(min=0)
        elif name.startswith("pool"):
            x = plain_pool(x, style, name)
        elif name == "prob":
            scores = (x - x.max(dim=1, keepdim=True).values).exp()
            x = scores / scores.sum(dim=1, keepdim=True)
        else:
            x = x.reshape(len(x), -1) @ weight.to(dtype).T + bias.to(dtype)
            x = x.clamp(min=0) if name != "fc8" else x
        values[name] = x
    return values


def random_state(width, fc6_inputs, *, in_channels=3, num_classes=7, seed=0):
    """Random arrays under the names of the layers, biases and all."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape, scale):
        return torch.randn(*shape, generator=generator) * scale

    state, channels = {}, in_channels
    for name, full in CHANNELS.items():
        outputs = round(full * width)
        scale = (2 / (27 * channels)) ** 0.5
        state[f"{name}.weight"] = normal(outputs, channels, 3, 3, 3, scale=scale)
        state[f"{name}.bias"] = normal(outputs, scale=0.1)
        channels = outputs
    inputs = fc6_inputs
    hidden = round(4096 * width)
    for name, outputs in {"fc6": hidden, "fc7": hidden, "fc8": num_classes}.items():
        state[f"{name}.weight"] = normal(outputs, inputs, scale=(2 / inputs) ** 0.5)
        state[f"{name}.bias"] = normal(outputs, scale=0.1)
        inputs = outputs
    return state


def clips(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small(**keywords):
    arguments = {"num_classes": 5, "input_size": (4, 20, 20), "width": 1 / 32} | keywords
    return C3D(**arguments).eval()


@pytest.mark.parametrize(
    ("style", "in_channels", "size", "cells"),
    [
        ("ceil", 3, (16, 112, 112), 16),
        ("padded", 3, (16, 112, 112), 16),
        ("ceil", 2, (16, 112, 112), 16),
        # 9 frames and 37 rows are odd at every pool: 9 5 3 2 1; 37 19 10 5 3 2; 50 25 13 7 4 2.
        ("ceil", 3, (9, 37, 50), 4),
        # Ports drop left-overs: 19 9 4 2 1; 37 18 9 4 2, padded 2; 50 25 12 6 3, padded 2.
        ("padded", 2, (19, 37, 50), 4),
    ],
)
def test_every_layer_equals_the_plain_network(style, in_channels, size, cells):
    state = random_state(1 / 16, 32 * cells, in_channels=in_channels)
    network = C3D(7, in_channels=in_channels, input_size=size, width=1 / 16, pool5=style).eval()
    network.load_state_dict(state)
    x = clips(2, in_channels, *size)
    with torch.inference_mode():
        found = network(x, ORDER)
    expected = plain_c3d(x, state, style)
    assert {name: relative(found[name], expected[name]) for name in ORDER} == {
        name: pytest.approx(0, abs=1e-5) for name in ORDER
    }


@pytest.mark.slow
def test_the_full_network_equals_the_plain_network():
    state = random_state(1, 8192, num_classes=487)
    with torch.device("meta"):
        network = C3D().eval()
    network.load_state_dict(state, assign=True)
    x = clips(1, 3, 16, 112, 112)
    with torch.inference_mode():
        found = network(x, ["pool5", "fc6", "fc7", "fc8", "prob"])
    expected = plain_c3d(x, state, dtype=torch.float32)
    assert max(relative(found[name], expected[name]) for name in found) < 1e-5


def test_pool5_windows_are_caffes():
    # Caffe: ceil mode, no padding, so on a 7-wide map the last window is the last column alone.
    ramp = torch.arange(7.0).expand(1, 1, 2, 7, 7)
    assert small().pool5(ramp)[0, 0, 0, 0].tolist() == [1, 3, 5, 6]
    # The ports: {0} {1,2} {3,4} {5,6}.
    assert small(pool5="padded", input_size=(16, 32, 32)).pool5(ramp)[0, 0, 0, 0].tolist() == [
        0,
        2,
        4,
        6,
    ]


def test_pool5_windows_of_time_are_caffes():
    # ceil((3 - 2) / 2) + 1 = 2 windows over 3 steps: {0,1} {2}.
    ramp = torch.arange(3.0).view(1, 1, 3, 1, 1)
    assert small().pool5(ramp).flatten().tolist() == [1, 2]


def test_parameters_are_as_many_as_published():
    with torch.device("meta"):
        network = C3D()
    counts = {
        name: sum(p.numel() for p in module.parameters())
        for name, module in network.named_children()
    }
    # outputs * (inputs * 27 + 1), outputs * (inputs + 1), worked by hand
    assert {name: count for name, count in counts.items() if count} == {
        "conv1a": 5_248,
        "conv2a": 221_312,
        "conv3a": 884_992,
        "conv3b": 1_769_728,
        "conv4a": 3_539_456,
        "conv4b": 7_078_400,
        "conv5a": 7_078_400,
        "conv5b": 7_078_400,
        "fc6": 33_558_528,
        "fc7": 16_781_312,
        "fc8": 1_995_239,
    }
    # Carreira & Zisserman 2017, table 1, write 79M for it.
    assert sum(counts.values()) == 79_991_015


def test_parameters_fill_the_published_file():
    # DESIGN section 5: the file without fc8 has 311,985,866 bytes; 20 arrays need a little more
    # than their numbers, but no array fits between.
    with torch.device("meta"):
        network = C3D(num_classes=None)
    left = 311_985_866 - 4 * sum(p.numel() for p in network.parameters())
    assert 0 < left < 10_000


def test_names_of_the_arrays_are_the_layers():
    expected = {f"{name}.{kind}" for name in [*CHANNELS, "fc6", "fc7", "fc8"] for kind in "wb"}
    assert {key[: key.index(".") + 2] for key in small().state_dict()} == expected


def test_layers_are_in_the_order_of_the_network():
    assert list(small().layer_names) == ORDER
    assert small().descriptor_layers == ("pool5", "fc6", "fc7", "fc8", "prob")
    bare = small(num_classes=None)
    assert list(bare.layer_names) == ORDER[:-2]
    assert bare.descriptor_layers == ("pool5", "fc6", "fc7")


@pytest.mark.parametrize("deepest", ["conv1a", "pool2", "pool5", "fc6", "fc8"])
def test_nothing_runs_beyond_the_deepest_layer_asked_for(deepest):
    network = small()
    ran = []
    for name, module in network.named_children():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    network(clips(1, 3, 4, 20, 20), [deepest, "conv1a"])
    assert [name for name in ran if name != "dropout"] == ORDER[: ORDER.index(deepest) + 1]


def test_layers_asked_for_together_are_those_asked_for_alone():
    # A ReLU computed in place could change a value that was already handed out.
    network = small()
    x = clips(2, 3, 4, 20, 20)
    together = network(x, ORDER)
    for name in ORDER:
        assert torch.equal(together[name], network(x, name)[name])


def test_answers_come_in_the_order_of_the_question_and_the_default_is_the_last_layer():
    x = clips(1, 3, 4, 20, 20)
    assert list(small()(x, ("fc6", "conv1a", "pool5"))) == ["fc6", "conv1a", "pool5"]
    assert list(small()(x)) == ["prob"]
    assert list(small(num_classes=None)(x)) == ["fc7"]


def test_descriptors_are_flattened_as_caffe_does():
    network = small(input_size=(20, 40, 50))
    x = clips(2, 3, 20, 40, 50)
    pooled = network(x, "pool5")["pool5"]
    vectors = network.describe(x, ("pool5", "prob"))
    n, c, t, h, w = pooled.shape
    assert min(c, t, h, w) > 1
    for i, j, k, m in [(0, 0, 0, 0), (1, 0, 1, 0), (3, 1, 0, 1), (c - 1, t - 1, h - 1, w - 1)]:
        index = ((i * t + j) * h + k) * w + m
        assert torch.equal(vectors["pool5"][:, index], pooled[:, i, j, k, m])
    assert vectors["pool5"].shape == (n, c * t * h * w)
    assert vectors["prob"].shape == (2, 5)


def test_sizes_are_known_without_weights():
    with torch.device("meta"):
        network = C3D()
        found = network.describe(torch.empty(2, 3, 16, 112, 112), network.descriptor_layers)
    # DESIGN section 2
    assert {name: tuple(v.shape) for name, v in found.items()} == {
        "pool5": (2, 8192),
        "fc6": (2, 4096),
        "fc7": (2, 4096),
        "fc8": (2, 487),
        "prob": (2, 487),
    }


def test_dropout_acts_in_training_only():
    network = small()
    x = clips(1, 3, 4, 20, 20)
    assert torch.equal(network(x)["prob"], network(x)["prob"])
    network.train()
    assert not torch.equal(network(x, "fc8")["fc8"], network(x, "fc8")["fc8"])
    assert torch.equal(network(x, "fc6")["fc6"], network.eval()(x, "fc6")["fc6"])


def test_gradients_reach_the_first_layer():
    network = small().train()
    network(clips(1, 3, 4, 20, 20), "fc8")["fc8"].sum().backward()
    assert network.conv1a.weight.grad.abs().sum() > 0


def test_config_builds_the_same_network():
    network = small(in_channels=2, pool5="padded", input_size=(16, 32, 32))
    again = C3D(**json.loads(json.dumps(network.config)))
    assert again.config == network.config
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


def test_an_unknown_layer_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"C3D has no layer 'fc9'; choose from conv1a, .*, prob\."):
        small()(clips(1, 3, 4, 20, 20), ["fc6", "fc9"])
    with pytest.raises(ValueError, match=r"no layer 'prob'; choose from conv1a, .*, fc7\."):
        small(num_classes=None)(clips(1, 3, 4, 20, 20), "prob")
    with pytest.raises(ValueError, match="asked for none"):
        small()(clips(1, 3, 4, 20, 20), [])


@pytest.mark.parametrize("size", [(5, 20, 20), (4, 21, 20), (3, 20, 20)])
def test_fc6_says_which_clips_it_takes(size):
    network = small()
    with pytest.raises(ValueError, match=r"takes clips of 4 frames of 20x20 pixels, got \d frames"):
        network(clips(1, 3, *size), "fc6")
    # The layers before it take them.
    assert network(clips(1, 3, *size), "pool5")["pool5"].numel()


def test_padded_pools_say_what_the_smallest_clip_is():
    network = small(pool5="padded", input_size=(16, 32, 32))
    with pytest.raises(ValueError, match=r"pool5 .* at least 16 frames of 16x16 pixels, got 15"):
        network(clips(1, 3, 15, 32, 32), "pool5")
    with pytest.raises(ValueError, match=r"pool2 .* at least 2 frames of 4x4 pixels, got 1"):
        network(clips(1, 3, 1, 32, 32), "pool2")
    assert network(clips(1, 3, 16, 16, 16), "pool5")["pool5"].shape[2:] == (1, 1, 1)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(3, 4, 20, 20), r"takes clips of shape \(n, 3, t, h, w\), got \(3, 4, 20, 20"),
        (torch.zeros(1, 4, 20, 20, 3), r"clips of 3 channels, got 4 .* order of the axes"),
        (torch.zeros(1, 3, 0, 20, 20), r"takes clips of shape"),
        (torch.zeros(1, 3, 4, 20, 20, dtype=torch.uint8), r"got torch.uint8; apply the prepro"),
    ],
)
def test_wrong_clips_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        small()(x)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"num_classes": 0}, "num_classes must be positive, got 0"),
        ({"width": -1.0}, "width must be positive"),
        ({"in_channels": 0}, "in_channels must be positive"),
        ({"pool5": "floor"}, "'ceil', 'padded' or 'global', got 'floor'"),
        ({"input_size": (16, 112)}, "three positive numbers"),
        ({"input_size": (0, 112, 112)}, "three positive numbers"),
        ({"pool5": "padded", "input_size": (8, 112, 112)}, r"smallest .* is \(16, 16, 16\)"),
    ],
)
def test_wrong_arguments_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        small(**keywords)


def test_no_clips_give_no_descriptors():
    assert small().describe(torch.zeros(0, 3, 4, 20, 20), "fc6")["fc6"].shape == (0, 128)


# Carreira & Zisserman 2017, section 2.2: batch normalisation after all convolutions and fully
# connected layers, and a temporal stride of 2 in the first pool.
OF_THE_I3D_PAPER = {"batch_norm": True, "pool1_stride": 2}


def with_statistics(network, seed=2):
    """Give batch normalisations values and running statistics that do something."""
    generator = torch.Generator().manual_seed(seed)
    for name, values in network.state_dict().items():
        if name.endswith(("_bn.weight", "_bn.running_var")):
            values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
        elif name.endswith(("_bn.bias", "_bn.running_mean")):
            values.copy_(torch.randn(values.shape, generator=generator) / 4)
    return network.eval()


def plain_norm(x, state, name):
    """Batch normalisation in inference, as in its paper (Ioffe & Szegedy 2015, algorithm 2)."""
    mean, variance, gamma, beta = (
        state[f"{name}_bn.{part}"].double().view(-1, *[1] * (x.ndim - 2))
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (variance + 1e-5).sqrt() * gamma + beta


def plain_variant(x, state):
    """The I3D paper's C3D, layer by layer, with pool5 over whole frames, in float64."""
    x, values = x.double(), {}
    for name in ORDER:
        if name.startswith("conv"):
            x = F.conv3d(x, state[f"{name}.weight"].double(), padding=1)
            x = plain_norm(x, state, name).clamp(min=0)
        elif name == "pool5":
            pairs = x.split(2, dim=2)
            x = torch.stack([pair.amax(dim=(2, 3, 4)) for pair in pairs], dim=2)[..., None, None]
        elif name.startswith("pool"):
            x = plain_pool(x, "ceil", "pool1 in time too" if name == "pool1" else name)
        elif name in ("fc6", "fc7"):
            x = x.flatten(1) @ state[f"{name}.weight"].double().T
            x = plain_norm(x, state, name).clamp(min=0)
        elif name == "fc8":
            x = x @ state["fc8.weight"].double().T + state["fc8.bias"].double()
        else:
            x = x.softmax(dim=1)
        values[name] = x
    return values


# 40 frames: 20 10 5 3, and two steps of time after pool5.
@pytest.mark.parametrize("size", [(40, 40, 52), (7, 37, 33)])
def test_every_layer_of_the_i3d_papers_variant_equals_the_plain_network(size):
    network = with_statistics(small(input_size=size, pool5="global", hidden=50, **OF_THE_I3D_PAPER))
    x = clips(2, 3, *size)
    with torch.inference_mode():
        found = network(x, ORDER)
    expected = plain_variant(x, network.state_dict())
    assert found["pool1"].shape[2] == -(-size[0] // 2)
    assert {name: relative(found[name], expected[name]) for name in ORDER} == {
        name: pytest.approx(0, abs=1e-5) for name in ORDER
    }


def test_pool5_over_the_whole_map_takes_clips_of_any_height_and_width():
    network = small(pool5="global", num_classes=3)
    for size in [(20, 20), (8, 8), (61, 40), (1, 1)]:
        found = network.describe(clips(2, 3, 4, *size), ("pool5", "fc6", "prob"))
        assert {name: v.shape[1] for name, v in found.items()} == {
            "pool5": 16,
            "fc6": 128,
            "prob": 3,
        }
    with pytest.raises(ValueError, match=r"takes clips of 4 frames of any size, got 5 frames"):
        network(clips(1, 3, 5, 20, 20), "fc6")


def test_a_layer_before_batch_normalisation_has_no_bias_and_every_parameter_gets_a_gradient():
    network = small(**OF_THE_I3D_PAPER).train()
    found = network(clips(3, 3, 4, 20, 20), "fc8")["fc8"]
    F.cross_entropy(found, torch.tensor([0, 1, 2])).backward()
    assert [name for name, p in network.named_parameters() if not p.grad.abs().sum() > 0] == []
    with_bias = {name for name, _ in network.named_parameters() if name.endswith(".bias")}
    assert with_bias == {f"{name}_bn.bias" for name in [*CHANNELS, "fc6", "fc7"]} | {"fc8.bias"}


def test_parameters_of_the_variant_are_those_of_c3d_and_a_scale_for_each_channel():
    with torch.device("meta"):
        network = C3D(400, **OF_THE_I3D_PAPER)
    # Of C3D without fc8 (by hand, above) the biases go, and two numbers a channel come.
    channels = sum(CHANNELS.values()) + 2 * 4096
    c3d = 79_991_015 - 1_995_239
    count = sum(p.numel() for p in network.parameters())
    assert count == c3d + channels + 400 * 4097


def test_the_networks_of_the_paper_are_known_by_the_arguments_they_always_had():
    # Stored descriptors of random networks and files hang on them.
    assert C3D(5, width=1 / 32).config == {
        "num_classes": 5,
        "in_channels": 3,
        "input_size": [16, 112, 112],
        "width": 1 / 32,
        "pool5": "ceil",
    }


@pytest.mark.parametrize(
    "keywords",
    [{"pool5": "global"}, {"batch_norm": True}, {"pool1_stride": 2}, {"hidden": 10}],
)
def test_config_builds_the_same_variant(keywords):
    network = small(**keywords)
    assert keywords.items() <= network.config.items()
    again = C3D(**json.loads(json.dumps(network.config)))
    assert again.config == network.config
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


@pytest.mark.parametrize("keywords", [{"pool1_stride": 3}, {"pool1_stride": 0}, {"hidden": 0}])
def test_wrong_options_are_refused(keywords):
    (name, value), *_ = keywords.items()
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value}"):
        small(**keywords)
