"""Frame networks: their layers, their keys, the way of their weights."""

import pickle
import sys

import numpy as np
import pytest
import torch
from miniatures.frame_networks import Residual, SmallNetwork, Tokens
from safetensors.torch import save_file
from torch import nn

from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.inference import prepare_network
from skvideo3d.models.checkpoints import build_network, load_network
from skvideo3d.models.frame_weights import foresee_frame_weights, resolve_frame_weights
from skvideo3d.models.frames import FrameNetwork


@pytest.fixture
def clips():
    return torch.randn(2, 3, 4, 14, 17, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def torchvision_networks():
    try:
        import torchvision.models
    except Exception as error:
        pytest.skip(f"torchvision cannot be used: {error}")
    return torchvision.models


def shapes(network, layers, size=(14, 17)):
    found = network.describe(torch.empty(1, 3, 1, *size, device="meta"), layers)
    return {name: tuple(values.shape) for name, values in found.items()}


def by_hand(network, clips):
    """Layers of SmallNetwork, frame by frame, from its formula."""
    network = network.eval()
    found = {"bn": [], "tokens": [], "norm": [], "penultimate": [], "output": []}
    with torch.no_grad():
        for clip in clips:
            rows = {name: [] for name in found}
            for frame in clip.unbind(1):
                maps = network.bn(network.conv(frame[None]))[0]
                rows["bn"].append(maps.mean((1, 2)))
                tokens = maps.clamp(min=0).flatten(1).T
                rows["tokens"].append(tokens.mean(0))
                rows["norm"].append(network.norm(tokens).mean(0))
                rows["penultimate"].append(network.norm(tokens).mean(0))
                rows["output"].append(network.head(rows["norm"][-1]))
            for name, values in rows.items():
                found[name].append(torch.stack(values).mean(0))
    return {name: torch.stack(values) for name, values in found.items()}


# --- layers ----------------------------------------------------------------------------------


def test_every_layer_is_the_mean_over_frames_of_the_module_run_frame_by_frame(clips):
    module = SmallNetwork()
    expected = by_hand(module, clips)
    for layers in (list(expected), ["bn"], ["output", "tokens"], ["penultimate"]):
        found = FrameNetwork(module).describe(clips, layers)
        assert list(found) == layers
        for name in layers:
            torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_a_prepared_network_gives_the_same(clips, precision, close):
    expected = by_hand(SmallNetwork(), clips)
    weights = resolve_frame_weights(SmallNetwork())
    network = prepare_network(load_network(weights), precision, "cpu")
    for name, values in network.describe(clips, list(expected)).items():
        assert values.dtype == torch.float32
        torch.testing.assert_close(values, expected[name], rtol=close, atol=close)


def test_nothing_is_computed_beyond_the_deepest_layer(clips):
    module = SmallNetwork().eval()
    ran = []
    for name, part in module.named_children():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
    order = ["conv", "bn", "act", "tokens", "norm", "drop", "head"]
    for layers, deepest in ((["bn"], "bn"), (["norm", "conv"], "norm"), (["output"], "head")):
        ran.clear()
        FrameNetwork(module).describe(clips, layers)
        assert ran == order[: order.index(deepest) + 1]


def test_a_layer_that_the_next_one_overwrites_is_kept_as_it_was(clips):
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 14 * 17, 5), nn.ReLU(inplace=True))
    found = FrameNetwork(module).describe(clips, ["1", "2"])
    assert (found["1"] < 0).any()
    assert (found["2"] >= 0).all()


def test_no_hook_is_left_in_the_module(clips):
    module = SmallNetwork().eval()
    for layers in (["bn"], ["penultimate", "output"]):
        FrameNetwork(module).describe(clips, layers)
    assert not any(part._forward_hooks for part in module.modules())


def test_penultimate_is_the_input_of_a_linear_layer_only_if_that_gives_the_output(clips):
    ends_otherwise = nn.Sequential(nn.Conv2d(3, 6, 3), Tokens(), nn.Linear(6, 9), nn.LayerNorm(9))
    found = FrameNetwork(ends_otherwise).describe(clips, ["penultimate", "output", "2", "1"])
    torch.testing.assert_close(found["penultimate"], found["output"])
    ends_so = FrameNetwork(ends_otherwise[:3]).describe(clips, ["penultimate"])
    torch.testing.assert_close(ends_so["penultimate"], found["1"])


class Ending(nn.Module):
    """Scores that forward puts into another form by itself."""

    def __init__(self, end):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(6, 4)
        self.end = end

    def forward(self, x):
        return self.end(self.head(self.body(x)))


@pytest.mark.parametrize(
    "ends",
    [
        [nn.Softmax(1)],
        [nn.LogSoftmax(1)],
        [nn.Sigmoid()],
        [nn.Dropout()],
        [nn.Unflatten(1, (4, 1)), nn.Flatten(), nn.Identity(), nn.Softmax(dim=1)],
    ],
)
def test_scores_in_another_form_are_no_other_layer(clips, ends):
    network = FrameNetwork(Ending(nn.Sequential(*ends)).eval())
    found = network.describe(clips, ["penultimate", "body"])
    torch.testing.assert_close(found["penultimate"], found["body"])
    assert shapes(network, ["penultimate"]) == {"penultimate": (1, 6)}


def test_a_penultimate_that_may_not_be_meant_is_warned_of(clips):
    network = FrameNetwork(Ending(lambda x: x.softmax(1)).eval())
    with pytest.warns(UserWarning, match="'penultimate' of Ending is its output.*name the layer"):
        assert shapes(network, ["penultimate"]) == {"penultimate": (1, 4)}
    assert shapes(network, ["output", "body"]) == {"output": (1, 4), "body": (1, 6)}


def test_sizes_are_found_without_a_frame(clips):
    network = build_network(resolve_frame_weights(SmallNetwork()))
    expected = {"conv": (1, 6), "tokens": (1, 6), "head": (1, 4), "output": (1, 4)}
    assert shapes(network, list(expected)) == expected
    on_meta = FrameNetwork(SmallNetwork().to("meta").eval())
    assert shapes(on_meta, list(expected)) == expected
    without_parameters = build_network(resolve_frame_weights(nn.AdaptiveAvgPool2d(2)))
    assert shapes(without_parameters, ["output"]) == {"output": (1, 3)}


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(3, 4, 3)
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        x = self.inner(x)
        return {"maps": x}


@pytest.mark.parametrize(
    ("module", "layer", "message"),
    [
        (Pair(), "output", r"layer='output' of Pair gives a dict and not a tensor"),
        (Pair(), "unused", r"layer='unused' is a part of Pair that it does not run"),
        (Residual(), "act", r"layer='act' of Residual is run more than once"),
        (nn.Flatten(0, 2), "output", r"gives shape \(42, 17\) for 1 frames"),
        (nn.Flatten(0), "output", r"gives shape \(714,\) for 1 frames"),
        (nn.Unflatten(1, (1, 3)), "output", r"gives shape \(1, 1, 3, 14, 17\)"),
        (Ending(torch.fft.fft), "output", "gives complex numbers; choose another"),
        (nn.Conv2d(4, 2, 3), "output", r"Conv2d cannot take frames of shape \(3, 14, 17\).*crop"),
    ],
)
def test_layers_that_are_no_descriptors_are_refused(module, layer, message):
    network = build_network(resolve_frame_weights(module))
    with pytest.raises(ValueError, match=message):
        shapes(network, [layer])


def test_what_fails_beyond_the_deepest_layer_is_no_matter(clips):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(5, 5))
    network = build_network(resolve_frame_weights(module))
    assert shapes(network, ["0"]) == {"0": (1, 4)}
    assert network.describe(clips, ["0"])["0"].shape == (2, 4)
    with pytest.raises(ValueError, match="Sequential cannot take frames"):
        shapes(network, ["output"])


def test_torchs_default_type_does_not_matter():
    network = build_network(resolve_frame_weights(SmallNetwork()))
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert shapes(network, ["output"]) == {"output": (1, 4)}
    finally:
        torch.set_default_dtype(before)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_torchscript_module_gives_its_output_alone(clips):
    module = torch.jit.script(SmallNetwork().eval())
    weights = resolve_frame_weights(module)
    network = load_network(weights)
    expected = by_hand(SmallNetwork(), clips)["output"]
    torch.testing.assert_close(network.describe(clips, ["output"])["output"], expected)
    with pytest.raises(ValueError, match="layer='bn' is a part of a TorchScript module"):
        shapes(network, ["bn"])
    assert resolve_frame_weights(torch.jit.script(SmallNetwork().eval())) == weights


# --- keys ------------------------------------------------------------------------------------


class Scaled(SmallNetwork):
    def __init__(self, factor=1.0, activation=torch.relu):
        super().__init__()
        self.factor = factor
        self.activation = activation

    def forward(self, x):
        return self.factor * super().forward(x)


def test_a_key_says_weights_and_structure():
    def key(module):
        weights = resolve_frame_weights(module)
        return weights.config, weights.sha256

    same = key(SmallNetwork())
    assert key(SmallNetwork().train()) == same
    assert key(SmallNetwork().requires_grad_(False)) == same
    assert key(pickle.loads(pickle.dumps(SmallNetwork()))) == same
    padded, other_statistics = SmallNetwork(), SmallNetwork()
    padded.conv.padding = (1, 1)
    other_statistics.bn.running_mean[0] += 1
    others = [
        SmallNetwork(seed=1),
        padded,
        other_statistics,
        SmallNetwork().half(),
        Scaled(1.0),
        Scaled(2.0),
        Scaled(1.0, torch.tanh),
    ]
    keys = [same, *map(key, others)]
    assert len(set(keys)) == len(keys)


def test_weights_with_a_module_are_equal_when_their_content_is():
    one, other = resolve_frame_weights(SmallNetwork()), resolve_frame_weights(SmallNetwork())
    assert one == other
    assert hash(one) == hash(other)
    assert "SmallNetwork" not in repr(one)
    assert resolve_frame_weights(SmallNetwork(seed=1)) != one


# --- weights ---------------------------------------------------------------------------------


def test_the_callers_module_is_not_changed():
    module = SmallNetwork().train().half()
    before = pickle.dumps(module)
    loaded = load_network(resolve_frame_weights(module)).module
    assert pickle.dumps(module) == before
    assert not loaded.training
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in loaded.parameters())
    loaded.conv.weight.zero_()
    assert pickle.dumps(module) == before


def test_a_module_that_was_trained_on_since_is_refused():
    module = SmallNetwork()
    weights = resolve_frame_weights(module)
    with torch.no_grad():
        module.head.bias += 1
    with pytest.raises(CheckpointError, match="SmallNetwork given as network= was changed"):
        load_network(weights)


def test_a_module_that_cannot_be_copied_is_refused():
    module = SmallNetwork()
    module.kept = module.conv.weight * 2  # part of a graph of gradients
    with pytest.raises(ValueError, match=r"network=SmallNetwork cannot be copied.*Detach"):
        load_network(resolve_frame_weights(module))


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_a_state_dict_goes_into_a_module(tmp_path, clips, prefix, kind):
    state = {prefix + name: value for name, value in SmallNetwork(seed=5).state_dict().items()}
    path = tmp_path / f"weights.{kind}"
    save_file(state, path) if kind == "safetensors" else torch.save({"state_dict": state}, path)
    expected = by_hand(SmallNetwork(seed=5), clips)["output"]
    for module in (SmallNetwork(), SmallNetwork().to("meta")):
        network = load_network(resolve_frame_weights(module, path))
        found = network.describe(clips, ["output"])["output"]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_state_dict_of_another_network_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(SmallNetwork(n_outputs=7).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"weights.pth' does not fit.*head\.weight"):
        load_network(resolve_frame_weights(SmallNetwork(), path))
    state = SmallNetwork().state_dict()
    state["head.bias"][0] = float("nan")
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=r"'head\.bias' has values that are not finite"):
        load_network(resolve_frame_weights(SmallNetwork(), path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no file at '.*nowhere\.pth'"):
        resolve_frame_weights(SmallNetwork(), tmp_path / "nowhere.pth")


def test_a_module_without_numbers_needs_a_file():
    with pytest.raises(ValueError, match=r"'conv.weight' has no numbers yet.*weights="):
        resolve_frame_weights(SmallNetwork().to("meta"))
    with pytest.raises(ValueError, match="LazyLinear: its parameter 'weight' has no numbers"):
        resolve_frame_weights(nn.LazyLinear(3))


def test_random_weights_are_hes_and_those_of_the_seed():
    norms = nn.BatchNorm2d(128), nn.BatchNorm2d(128, affine=False)
    module = nn.Sequential(nn.Conv2d(64, 128, 3), norms[0], nn.Linear(500, 300), norms[1])
    for norm in norms:
        nn.init.constant_(norm.running_mean, 5.0)
    before = pickle.dumps(module)
    one, again, other = (
        load_network(resolve_frame_weights(module, None, seed=seed)).module for seed in (0, 0, 1)
    )
    assert pickle.dumps(module) == before
    for drawn, fan_in in ((one[0].weight, 64 * 9), (one[2].weight, 500)):
        assert drawn.std().item() == pytest.approx(np.sqrt(2 / fan_in), rel=0.02)
        assert abs(drawn.mean().item()) < 0.02 * np.sqrt(2 / fan_in)
    assert not one[0].bias.any()
    assert not one[1].running_mean.any()
    assert not one[3].running_mean.any()
    assert one[1].weight.eq(1).all()
    assert torch.equal(one[0].weight, again[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


# --- torchvision -----------------------------------------------------------------------------


def test_without_torchvision_a_name_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "torchvision.models", raising=False)
    for weights in ("default", None):
        with pytest.raises(ImportError, match=r"pip install 'skvideo3d\[frames\]'"):
            resolve_frame_weights("resnet18", weights, seed=0)


def test_names_that_torchvision_does_not_have_are_refused(torchvision_networks):
    with pytest.raises(ValueError, match=r"network='resnet81' is no .* there are 'resnet18'"):
        resolve_frame_weights("resnet81")
    with pytest.raises(ValueError, match="is no classification network"):
        resolve_frame_weights("r3d_18")
    with pytest.raises(CheckpointError, match=r"publishes none of this name for resnet18 .*V1"):
        resolve_frame_weights("resnet18", "IMAGENET22K")


def test_published_weights_are_foreseen_with_their_recipe(torchvision_networks):
    from skvideo3d.video import IMAGENET_PREPROCESSING

    assert foresee_frame_weights("resnet18", None) is None
    foreseen = foresee_frame_weights("resnet18", "default")
    assert foreseen.preprocessing == IMAGENET_PREPROCESSING
    network = build_network(foreseen)
    assert shapes(network, ["penultimate", "output", "layer4.0"], (224, 224)) == {
        "penultimate": (1, 512),
        "output": (1, 1000),
        "layer4.0": (1, 512),
    }
    inception = foresee_frame_weights("inception_v3", "IMAGENET1K_V1").preprocessing
    assert (inception.resize, inception.crop) == (342, (299, 299))


def test_regnets_that_compute_with_tensors_have_sizes_too(torchvision_networks):
    # torchvision works their widths out with tensors, which on the meta device have no numbers.
    network = build_network(resolve_frame_weights("regnet_y_400mf", None, seed=0))
    assert all(value.is_meta for value in network.parameters())
    assert shapes(network, ["penultimate"], (224, 224)) == {"penultimate": (1, 440)}


@pytest.mark.slow
def test_a_file_tells_its_number_of_classes(torchvision_networks, tmp_path):
    path = tmp_path / "places.pth"
    state = torchvision_networks.resnet18(num_classes=7).state_dict()
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, path)
    weights = resolve_frame_weights("resnet18", path)
    assert dict(weights.config)["num_classes"] == 7
    frame = torch.randn(1, 3, 1, 64, 64)
    plain = torchvision_networks.resnet18(num_classes=7).eval()
    plain.load_state_dict(state)
    with torch.no_grad():
        expected = plain(frame[:, :, 0])
    found = load_network(weights).describe(frame, ["output"])["output"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_published_file_of_another_content_is_refused(torchvision_networks, tmp_path):
    from skvideo3d.models.download import weights_folder

    path = weights_folder() / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"something else")
    with pytest.raises(CheckpointError, match=r"resnet18-f37072fd\.pth' is not the file that"):
        resolve_frame_weights("resnet18")


def test_published_weights_that_cannot_be_fetched_name_address_and_folder(torchvision_networks):
    # No test reaches the network: it is refused by the fixtures.
    with pytest.raises(DownloadError, match=r"https://.*f37072fd\.pth.* put it at '"):
        resolve_frame_weights("resnet18")
