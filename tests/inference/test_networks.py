"""Prepared networks against the networks themselves in float64, every descriptor layer."""

import copy

import pytest
import torch

from skvideo3d.inference import onednn, prepare_network
from skvideo3d.inference.convolution import winograd_pays
from skvideo3d.models import C3D, I3D, load_weights

C3D_SMALL = {"num_classes": 7, "input_size": (16, 44, 36), "width": 1 / 8}


def network(kind, **config):
    """Random weights, and batch normalisations that do something."""
    torch.manual_seed(0)
    made = kind(**config).eval()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm3d):
            torch.nn.init.normal_(module.running_mean, std=0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.weight, mean=1, std=0.2)
            torch.nn.init.normal_(module.bias, std=0.2)
    return made


def clips(n, *size, channels=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *size, channels, generator=generator).permute(0, 4, 1, 2, 3)


@torch.no_grad()
def exact(network, x, layers):
    return copy.deepcopy(network).double().describe(x.double(), layers)


def difference(found, expected):
    assert found.shape == expected.shape
    assert found.dtype == torch.float32
    return float((found - expected).abs().max() / expected.abs().max())


def smallest_cosine(found, expected):
    return float(torch.cosine_similarity(found.double(), expected, dim=1).min())


NETWORKS = {
    "C3D": (C3D, C3D_SMALL, (16, 44, 36)),
    "C3D, padded pool5": (C3D, C3D_SMALL | {"pool5": "padded"}, (16, 44, 36)),
    "C3D, odd everywhere": (C3D, C3D_SMALL | {"input_size": (13, 37, 51)}, (13, 37, 51)),
    "C3D, padded, odd": (
        C3D,
        C3D_SMALL | {"input_size": (17, 37, 51), "pool5": "padded"},
        (17, 37, 51),
    ),
    "C3D, pool5 over the whole map": (
        C3D,
        C3D_SMALL | {"pool5": "global", "input_size": (40, 112, 112)},
        (40, 37, 51),
    ),
    "C3D, one cell before the pool of the whole map": (
        C3D,
        C3D_SMALL | {"pool5": "global"},
        (16, 16, 12),
    ),
    "C3D of the I3D paper": (
        C3D,
        C3D_SMALL | {"batch_norm": True, "pool1_stride": 2},
        (16, 44, 36),
    ),
    "C3D, batch normalisation and all else": (
        C3D,
        C3D_SMALL
        | {"batch_norm": True, "pool1_stride": 2, "pool5": "global", "hidden": 33, "width": 1 / 4},
        (16, 64, 64),
    ),
    "C3D that begins with one channel": (C3D, C3D_SMALL | {"width": 1 / 64}, (16, 44, 36)),
    "C3D of few channels": (C3D, C3D_SMALL | {"width": 3 / 64, "hidden": 5}, (16, 44, 36)),
    "I3D": (I3D, {"num_classes": 7, "width": 1 / 8}, (16, 224, 224)),
    "I3D, odd, two channels": (
        I3D,
        {"num_classes": 7, "width": 1 / 8, "in_channels": 2},
        (9, 193, 201),
    ),
    "I3D, no classes": (I3D, {"num_classes": None, "width": 1 / 16}, (10, 194, 195)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_descriptor_layer_equals_the_network_in_float64(name):
    kind, config, size = NETWORKS[name]
    plain = network(kind, **config)
    x = clips(2, *size, channels=plain.in_channels)
    layers = plain.descriptor_layers
    expected = exact(plain, x, layers)
    with torch.inference_mode():
        found = prepare_network(plain, "float32", "cpu").describe(x, layers)
    assert list(found) == list(layers)
    for layer in layers:
        assert difference(found[layer], expected[layer]) < 1e-5, layer


@pytest.mark.parametrize(
    "name", ["C3D", "I3D", "C3D of few channels", "C3D, batch normalisation and all else"]
)
def test_bfloat16_keeps_the_direction_of_every_descriptor(name):
    kind, config, size = NETWORKS[name]
    plain = network(kind, **config)
    x = clips(2, *size)
    layers = [layer for layer in plain.descriptor_layers if layer != "prob"]
    expected = exact(plain, x, layers)
    with torch.inference_mode():
        found = prepare_network(plain, "bfloat16", "cpu").describe(x, layers)
    for layer in layers:
        assert found[layer].dtype == torch.float32
        assert smallest_cosine(found[layer], expected[layer]) > 0.9999, layer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "layer"),
    [("c3d", (16, 112, 112), "fc6"), ("i3d", (16, 224, 224), "avg_pool")],
)
def test_at_full_size_with_winograd_where_it_pays(name, size, layer):
    plain = load_weights(None, name, seed=0)
    x = clips(2, *size) * (60 if name == "c3d" else 0.5)
    with torch.inference_mode():
        # One reference for both precisions: float64 at this size is most of the work.
        expected = exact(plain, x, (layer,))[layer]
        taken = copy.deepcopy(plain)  # preparing takes the weights from the network
        full = prepare_network(taken, "float32", "cpu").describe(x, (layer,))[layer]
        half = prepare_network(plain, "bfloat16", "cpu").describe(x, (layer,))[layer]
    assert smallest_cosine(full, expected) > 1 - 1e-10
    assert difference(full, expected) < 1e-5
    assert smallest_cosine(half, expected) > 0.9999


@pytest.mark.slow
def test_a_clip_does_not_feel_its_neighbours():
    # Half of the width still goes by Winograd, whose products are of other shapes in other batches.
    plain = load_weights(None, "c3d", seed=0, config={"width": 1 / 2})
    prepared = prepare_network(plain, "float32", "cpu")
    x = clips(5, 16, 112, 112) * 60
    with torch.inference_mode():
        together = prepared.describe(x, ("fc6",))["fc6"]
        alone = torch.cat([prepared.describe(one[None], ("fc6",))["fc6"] for one in x])
    unit = torch.nn.functional.normalize
    assert float((unit(together) - unit(alone)).abs().max()) < 1e-6


def test_threads_do_not_matter():
    plain = network(I3D, num_classes=None, width=1 / 8)
    prepared = prepare_network(plain, "float32", "cpu")
    x = clips(1, 9, 193, 193)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(prepared.describe(x, ("avg_pool",))["avg_pool"])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["C3D", "I3D"])
def test_without_packed_weights_it_computes_the_same(name, monkeypatch):
    kind, config, size = NETWORKS[name]
    plain = network(kind, **config)
    x = clips(1, *size)
    expected = exact(plain, x, plain.descriptor_layers)
    monkeypatch.setattr(onednn, "_packs", lambda weight: False)
    with torch.inference_mode():
        found = prepare_network(plain, "float32", "cpu").describe(x, plain.descriptor_layers)
    assert all(difference(found[layer], expected[layer]) < 1e-5 for layer in found)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["C3D", "I3D"])
def test_weights_that_are_no_numbers_show(name, precision):
    kind, config, size = NETWORKS[name]
    plain = network(kind, **config)
    first = plain.conv1a if name == "C3D" else plain.Conv3d_1a_7x7.conv3d
    with torch.no_grad():
        first.weight[0, 0, 0, 0, 0] = float("nan")
    last = plain.descriptor_layers[-2]
    with torch.inference_mode():
        found = prepare_network(plain, precision, "cpu").describe(clips(1, *size), (last,))[last]
    assert torch.isnan(found).all()


@pytest.mark.parametrize("name", ["C3D", "I3D"])
def test_wrong_clips_are_refused_as_by_the_network(name):
    kind, config, _ = NETWORKS[name]
    prepared = prepare_network(network(kind, **config), "float32", "cpu")
    with pytest.raises(ValueError, match="was built for clips of 3 channels"):
        prepared.describe(clips(1, 16, 44, 36, channels=2), ("prob",))


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (("conv1a", "pool5"), "'conv1a' is no descriptor of C3D; choose from pool5, fc6"),
        (("fc9",), "has no layer 'fc9'"),
        ((), "was asked for none"),
    ],
)
def test_what_is_no_descriptor_is_refused(precision, layers, message):
    kind, config, size = NETWORKS["C3D"]
    prepared = prepare_network(network(kind, **config), precision, "cpu")
    with pytest.raises(ValueError, match=message):
        prepared.describe(clips(1, *size), layers)


@pytest.mark.parametrize("threads", [1, 2])
def test_it_may_be_called_within_inference_mode_and_without(threads):
    # Half of the width, so that a layer goes by Winograd and borrows memory.
    plain = network(C3D, num_classes=None, width=1 / 2, input_size=(16, 64, 64))
    x = clips(1, 16, 64, 64)
    expected = exact(plain, x, ("pool5",))["pool5"]
    prepared = prepare_network(plain, "float32", "cpu")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            inside = prepared.describe(x, ("pool5",))["pool5"]
        outside = prepared.describe(x, ("pool5",))["pool5"]
    finally:
        torch.set_num_threads(before)
    assert difference(inside, expected) < 1e-5
    assert difference(outside, expected) < 1e-5


@pytest.mark.parametrize("name", ["C3D", "I3D"])
def test_contiguous_clips_and_float64_weights_will_do(name):
    kind, config, size = NETWORKS[name]
    plain = network(kind, **config)
    x = clips(1, *size)
    layer = plain.descriptor_layers[0]
    expected = exact(plain, x, (layer,))[layer]
    prepared = prepare_network(plain.double(), "float32", "cpu")
    assert difference(prepared.describe(x.contiguous(), (layer,))[layer], expected) < 1e-5


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 17])
def test_clips_of_any_length(frames):
    for kind, layers in ((C3D, ("pool5",)), (I3D, ("Mixed_3c", "Mixed_5c"))):
        plain = network(kind, num_classes=None, width=1 / 8)
        x = clips(2, frames, 45, 38)
        expected = exact(plain, x, layers)
        found = prepare_network(plain, "float32", "cpu").describe(x, layers)
        assert all(difference(found[layer], expected[layer]) < 1e-5 for layer in layers)


@pytest.mark.parametrize("name", ["C3D", "C3D of the I3D paper"])
def test_half_precision_goes_through_the_networks_own_layers(name):
    kind, config, size = NETWORKS[name]
    plain = network(kind, **config)
    x = clips(1, *size)
    expected = exact(plain, x, ("fc6",))["fc6"]
    with torch.inference_mode():
        found = prepare_network(plain, "float16", "cpu").describe(x, ("fc6",))["fc6"]
    assert smallest_cosine(found, expected) > 0.9999


def test_winograd_is_for_many_channels_and_maps_that_fill_its_tiles():
    assert winograd_pays((128, 64, 3, 3, 3), (16, 56, 56))  # conv2a
    assert winograd_pays((512, 512, 3, 3, 3), (4, 14, 14))  # conv4b
    assert winograd_pays((320, 160, 3, 3, 3), (16, 14, 14))  # Mixed_4f.b1b
    assert not winograd_pays((224, 112, 3, 3, 3), (16, 14, 14))  # Mixed_4c.b1b
    assert not winograd_pays((512, 512, 3, 3, 3), (2, 7, 7))  # conv5b: half of the frames are none
    assert not winograd_pays((32, 16, 3, 3, 3), (32, 28, 28))  # Mixed_3b.b2b: too few channels
    assert not winograd_pays((384, 192, 3, 3, 3), (8, 7, 7))  # Mixed_5c.b1b: eight tiles
