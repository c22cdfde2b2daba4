"""I3D against a plain network written from the published names and TensorFlow's SAME rule."""

import json

import pytest
import torch
import torch.nn.functional as F
from miniatures.plain_i3d import ORDER, plain_i3d, random_state, unit_table

from skvideo3d.models import I3D


def relative(value, expected):
    assert value.shape == expected.shape
    return float((value.double() - expected.double()).abs().max() / expected.abs().max())


def clips(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def loaded(state, **keywords):
    with torch.device("meta"):
        network = I3D(**keywords).eval()
    network.to_empty(device="cpu").load_state_dict(state)
    return network


@pytest.mark.parametrize(
    ("in_channels", "size"),
    [
        (3, (16, 64, 64)),
        (2, (16, 64, 64)),
        (3, (1, 1, 1)),
        (3, (2, 31, 34)),
        (2, (7, 33, 65)),
        (3, (13, 50, 97)),
        (3, (9, 193, 193)),
        (2, (10, 224, 200)),
        (3, (19, 200, 232)),
        (3, (25, 225, 257)),
    ],
)
def test_every_end_point_equals_the_plain_network(in_channels, size):
    state = random_state(in_channels=in_channels, width=1 / 16)
    network = loaded(state, num_classes=7, in_channels=in_channels, width=1 / 16)
    x = clips(1, in_channels, *size)
    expected = plain_i3d(x, state)
    names = list(expected)
    assert ("prob" in names) == (size[0] > 8 and min(size[1:]) > 192)
    with torch.inference_mode():
        maps, vectors = network(x, names), network.describe(x, names)
    for name in names:
        wanted = expected[name]
        if wanted.ndim == 5:
            assert relative(maps[name], wanted) < 1e-5, name
            wanted = wanted.mean(dim=(2, 3, 4))
        assert relative(vectors[name], wanted) < 1e-5, name


@pytest.mark.slow
def test_the_full_network_equals_the_plain_network():
    state = random_state(num_classes=400)
    network = loaded(state)
    x = clips(1, 3, 16, 224, 224)
    with torch.inference_mode():
        found = network.describe(x, ORDER)
    for name, value in plain_i3d(x, state, dtype=torch.float32).items():
        wanted = value.mean(dim=(2, 3, 4)) if value.ndim == 5 else value
        assert relative(found[name], wanted) < 1e-5, name


def test_avg_pool_weighs_the_first_and_last_steps_half():
    # Windows of two over the steps 0, 1, 2, 3: their mean is (0/2 + 1 + 2 + 3/2) / 3.
    steps = torch.tensor([8.0, 1.0, 2.0, 4.0]).view(1, 1, 4, 1, 1).expand(1, 1, 4, 7, 7)
    network = I3D(num_classes=None, width=1 / 64)
    assert network._vector(network.avg_pool(steps)).item() == pytest.approx((4 + 1 + 2 + 2) / 3)


@pytest.mark.parametrize(
    ("size", "expected"),
    # SAME, kernel 3, stride 2: an even axis is padded at its end only, an odd one on both sides.
    [(6, [2, 4, 5]), (7, [1, 3, 5, 6])],
)
def test_max_pool_windows_are_tensorflows(size, expected):
    ramp = torch.arange(float(size)).expand(1, 1, 1, size, size)
    network = I3D(num_classes=None, width=1 / 64)
    assert network.MaxPool3d_2a_3x3(ramp)[0, 0, 0, 0].tolist() == expected


def test_parameters_are_as_many_as_published():
    # Every convolution without bias, and the scale and offset of its normalisation.
    rows, last = unit_table()
    body = sum(outputs * (inputs * kernel**3 + 2) for _, inputs, outputs, kernel in rows)
    assert last == 1024
    head = 400 * (1024 + 1)
    assert (body, body + head) == (12_287_264, 12_697_264)
    with torch.device("meta"):
        whole, bare = I3D(), I3D(num_classes=None)
    assert sum(p.numel() for p in whole.parameters()) == body + head
    assert sum(p.numel() for p in bare.parameters()) == body
    # Two channels instead of three in the first kernel of 7x7x7.
    with torch.device("meta"):
        flow = I3D(in_channels=2)
    assert sum(p.numel() for p in flow.parameters()) == body + head - 64 * 7**3


def test_arrays_fill_the_published_file():
    # DESIGN section 5: the RGB file has 50,883,138 bytes; names and shapes need a little more
    # than the numbers.
    with torch.device("meta"):
        arrays = I3D().state_dict()
    left = 50_883_138 - sum(4 * v.numel() for k, v in arrays.items() if "tracked" not in k)
    assert 0 < left < 100_000


def test_arrays_have_the_published_names():
    rows, _ = unit_table()
    expected = {f"{name}.conv3d.weight" for name, *_ in rows}
    expected |= {
        f"{name}.bn.{kind}"
        for name, *_ in rows
        for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    expected |= {"logits.conv3d.weight", "logits.conv3d.bias"}
    with torch.device("meta"):
        assert set(I3D().state_dict()) == expected


def test_layers_are_in_the_order_of_the_network():
    with torch.device("meta"):
        assert list(I3D().layer_names) == ORDER
        assert list(I3D().descriptor_layers) == ORDER
        assert list(I3D(num_classes=None).layer_names) == ORDER[:-2]


@pytest.mark.parametrize("deepest", ["Conv3d_1a_7x7", "MaxPool3d_4a_3x3", "Mixed_4e", "Mixed_5c"])
def test_nothing_runs_beyond_the_deepest_layer_asked_for(deepest):
    network = I3D(num_classes=5, width=1 / 32).eval()
    ran = []
    for name, module in network.named_children():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    network(clips(1, 3, 4, 40, 40), ["Conv3d_1a_7x7", deepest])
    assert ran == ORDER[: ORDER.index(deepest) + 1]


def test_layers_asked_for_together_are_those_asked_for_alone():
    network = I3D(num_classes=5, width=1 / 32).eval()
    x = clips(2, 3, 9, 193, 193)
    with torch.inference_mode():
        together = network(x, ORDER)
        for name in ORDER:
            assert torch.equal(together[name], network(x, name)[name]), name
        assert list(network(x)) == ["prob"]


def test_sizes_are_known_without_weights():
    with torch.device("meta"):
        network = I3D()
        x = torch.empty(2, 3, 64, 224, 224)
        vectors = network.describe(x, ORDER)
        maps = network(x, ["Mixed_3c", "Mixed_4f", "Mixed_5c", "avg_pool"])
    widths = [v.shape[1] for v in vectors.values()]
    # 64 64 64 192 192 | 256 480 480 | 512 512 512 528 832 832 | 832 1024 | 1024 400 400
    assert widths == [
        *(64, 64, 64, 192, 192, 256, 480, 480, 512, 512, 512, 528, 832, 832, 832, 1024),
        *(1024, 400, 400),
    ]
    assert all(v.shape[0] == 2 and v.ndim == 2 for v in vectors.values())
    # Carreira & Zisserman 2017, figure 3: strides 2, 4, 8 in time and 8, 16, 32 in space.
    assert [tuple(v.shape[2:]) for v in maps.values()] == [
        (32, 28, 28),
        (16, 14, 14),
        (8, 7, 7),
        (7, 1, 1),
    ]


def test_half_precision_gets_through_the_average_pool():
    # PyTorch's avg_pool3d knows no bfloat16 on the CPU.
    network = I3D(num_classes=5, width=1 / 16).eval()
    x = clips(1, 3, 9, 193, 193)
    with torch.inference_mode():
        exact = network.describe(x, "avg_pool")["avg_pool"]
        coarse = network.bfloat16().describe(x.bfloat16(), "avg_pool")["avg_pool"]
    assert coarse.dtype == torch.bfloat16
    assert F.cosine_similarity(coarse.float(), exact).item() > 0.999


def test_gradients_reach_the_first_layer():
    network = I3D(num_classes=5, width=1 / 32).train()
    network(clips(1, 3, 9, 193, 193), "logits")["logits"].sum().backward()
    assert network.Conv3d_1a_7x7.conv3d.weight.grad.abs().sum() > 0


def test_config_builds_the_same_network():
    network = I3D(num_classes=None, in_channels=2, width=1 / 32)
    again = I3D(**json.loads(json.dumps(network.config)))
    assert again.config == network.config
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


@pytest.mark.parametrize("size", [(8, 193, 193), (9, 192, 193), (9, 193, 192)])
@pytest.mark.parametrize("layer", ["avg_pool", "prob"])
def test_the_average_pool_says_what_the_smallest_clip_is(size, layer):
    network = I3D(num_classes=5, width=1 / 64).eval()
    message = f"{layer} .* at least 9 frames of 193x193 pixels, got {size[0]} frames of {size[1]}x"
    with pytest.raises(ValueError, match=message):
        network(clips(1, 3, *size), layer)


def test_an_unknown_layer_is_named_with_the_choices():
    network = I3D(num_classes=None, width=1 / 64)
    with pytest.raises(ValueError, match="I3D has no layer 'logits'; choose from Conv3d_1a_7x7, "):
        network(clips(1, 3, 1, 8, 8), "logits")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(3, 4, 20, 20), r"takes clips of shape \(n, 2, t, h, w\)"),
        (torch.zeros(1, 3, 4, 20, 20), "clips of 2 channels, got 3 .*; in_channels=3 builds"),
        (torch.zeros(1, 2, 4, 20, 20, dtype=torch.int64), "got torch.int64"),
    ],
)
def test_wrong_clips_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        I3D(num_classes=5, in_channels=2, width=1 / 64)(x, "Mixed_3b")


@pytest.mark.parametrize("name", ["num_classes", "in_channels", "width"])
def test_wrong_arguments_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        I3D(**{name: 0})
