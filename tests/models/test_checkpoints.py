"""Every published layout, written as its publisher writes it, gives back the same network."""

import hashlib
import json
import os
import pickle
import re
import struct
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from miniatures.plain_i3d import plain_i3d, random_state
from miniatures.still_videos import relative
from safetensors.torch import save_file

from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.models import C3D, I3D, load_weights, save_weights
from skvideo3d.models.checkpoints import (
    build_network,
    check_layers,
    foresee_weights,
    load_network,
    relocated,
    resolve_weights,
)
from skvideo3d.models.description import describe, our_tensors
from skvideo3d.models.download import locate
from skvideo3d.models.hashing import sha256_of
from skvideo3d.models.initialization import initialize
from skvideo3d.models.registry import WEIGHTS
from skvideo3d.video.preprocessing import C3D_PREPROCESSING, I3D_PREPROCESSING, MeanCube

WIDTH = 1 / 16


@pytest.fixture(scope="module")
def c3d():
    return randomised(C3D(num_classes=11, width=WIDTH))


@pytest.fixture(scope="module")
def i3d():
    return randomised(I3D(num_classes=7, width=WIDTH))


def randomised(network):
    """Give every array values of its own: zero biases would hide a swap."""
    initialize(network, seed=3)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if name.endswith(("bias", "running_mean")):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / 4)
        if name.endswith(("bn.weight", "running_var")):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval().requires_grad_(False)


def published(network):
    return {
        name: tensor.clone()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")  # newer than the published files
    }


def c3d_names(network, **new_names):
    return OrderedDict(
        (f"{new_names.get(layer, layer)}.{part}", tensor)
        for (layer, _, part), tensor in (
            (name.partition("."), tensor) for name, tensor in published(network).items()
        )
    )


CONVS = ["conv1a", "conv2a", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b"]


def mmaction(network):
    names = c3d_names(network, **{conv: f"{conv}.conv" for conv in CONVS})
    return {name: tensor for name, tensor in names.items() if not name.startswith("fc8")}


def mmaction_recogniser(network):
    names = {conv: f"backbone.{conv}.conv" for conv in CONVS}
    names |= {"fc6": "backbone.fc6", "fc7": "backbone.fc7", "fc8": "cls_head.fc_cls"}
    return {"meta": {"epoch": 45}, "state_dict": c3d_names(network, **names), "optimizer": {}}


def davidea(network):
    return c3d_names(network, conv1a="conv1", conv2a="conv2")


BRANCHES = {
    "b0": "branch_0",
    "b1a": "branch_1.0",
    "b1b": "branch_1.1",
    "b2a": "branch_2.0",
    "b2b": "branch_2.1",
    "b3b": "branch_3.1",
}


def hassony(network):
    names = {}
    for name, tensor in published(network).items():
        *path, unit, part = name.split(".")
        if path == ["logits"]:
            names[f"conv3d_0c_1x1.{unit}.{part}"] = tensor
            continue
        path = [path[0][0].lower() + path[0][1:], *(BRANCHES[branch] for branch in path[1:])]
        unit = {"conv3d": "conv3d", "bn": "batch3d"}[unit]
        names[".".join([*path, unit, part])] = tensor
    return names


def field(number, wire, content):
    key, out = number << 3 | wire, b""
    while True:
        out += bytes([key & 127 | 128 * (key > 127)])
        key >>= 7
        if not key:
            return out + content


def length(value):
    return field(value >> 3, value & 7, b"")  # the same varint


def caffe(network):
    # C3D's fork: layers = 2 { name = 4, blobs = 6 { five axes, data = 6 } }, fc6-1 and so on.
    layers = b""
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    for name in dict.fromkeys(name.split(".")[0] for name in arrays):
        content = length_delimited(4, f"{name}-1" if name.startswith("fc") else name)
        for part in ("weight", "bias"):
            array = arrays[f"{name}.{part}"]
            axes = [1] * (5 - array.ndim) + list(array.shape)
            blob = b"".join(field(i + 1, 0, length(size)) for i, size in enumerate(axes))
            content += length_delimited(6, blob + length_delimited(6, array.tobytes()))
        layers += length_delimited(2, content)
    return length_delimited(1, "DeepConv3DNet") + layers


def length_delimited(number, content):
    content = content.encode() if isinstance(content, str) else content
    return field(number, 2, length(len(content)) + content)


def write_layout(layout, network, folder):
    """Write a file as its publisher did; gives its path."""
    if layout == "caffe":
        path = folder / "conv3d_deepnetA_sport1m_iter_1900000"
        path.write_bytes(caffe(network))
    elif layout == "ours":
        path = folder / "ours.safetensors"
        save_weights(network, path)
    elif layout == "davidea":
        path = folder / "c3d.pickle"
        torch.save(davidea(network), path, _use_new_zipfile_serialization=False)
    elif layout == "hassony":
        path = folder / "model_rgb.pth"
        torch.save(hassony(network), path, _use_new_zipfile_serialization=False)
    elif layout == "piergiaj":
        path = folder / "rgb_imagenet.pt"
        torch.save(published(network), path, _use_new_zipfile_serialization=False)
    elif layout == "state dict":
        path = folder / "plain.pth"
        torch.save(network.state_dict(), path)
    elif layout == "foreign safetensors":
        path = folder / "converted.safetensors"
        save_file(hassony(network), path)
    else:
        path = folder / f"{layout}.pth"
        torch.save({"mmaction": mmaction, "recogniser": mmaction_recogniser}[layout](network), path)
    return path


LAYOUTS = [
    ("c3d", "mmaction"),
    ("c3d", "davidea"),
    ("c3d", "caffe"),
    ("c3d", "ours"),
    ("c3d", "state dict"),
    ("i3d", "piergiaj"),
    ("i3d", "hassony"),
    ("i3d", "ours"),
    ("i3d", "state dict"),
    ("i3d", "foreign safetensors"),
]


def clips(architecture, channels=3):
    shape = (16, 112, 112) if architecture == "c3d" else (9, 193, 193)
    return torch.randn(1, channels, *shape, generator=torch.Generator().manual_seed(1))


def outputs(network, layers):
    architecture = type(network).__name__.lower()
    with torch.inference_mode():
        return network.describe(clips(architecture, network.in_channels), layers)


@pytest.mark.parametrize(("architecture", "layout"), LAYOUTS)
def test_each_layout_gives_the_same_outputs_also_once_converted(
    architecture, layout, c3d, i3d, tmp_path
):
    network = {"c3d": c3d, "i3d": i3d}[architecture]
    layers = ["fc7"] if layout == "mmaction" else ["prob"]
    expected = outputs(network, layers)
    path = write_layout(layout, network, tmp_path)
    loaded = load_weights(path)
    assert type(loaded) is type(network)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert all(not tensor.is_meta for tensor in loaded.state_dict().values())
    torch.testing.assert_close(outputs(loaded, layers), expected, rtol=1e-5, atol=1e-7)
    save_weights(loaded, tmp_path / "again.safetensors")
    again = load_weights(tmp_path / "again.safetensors")
    torch.testing.assert_close(outputs(again, layers), expected, rtol=1e-5, atol=1e-7)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    assert again.config == loaded.config


@pytest.mark.parametrize(("architecture", "layout"), LAYOUTS)
def test_the_constructors_arguments_come_from_the_shapes(architecture, layout, c3d, i3d, tmp_path):
    network = {"c3d": c3d, "i3d": i3d}[architecture]
    weights = resolve_weights(write_layout(layout, network, tmp_path), architecture)
    found = dict(weights.config)
    expected = dict(network.config)
    assert found["num_classes"] == (None if layout == "mmaction" else expected["num_classes"])
    assert found["in_channels"] == 3
    assert found["width"] == pytest.approx(WIDTH, rel=0.05)
    assert weights.sha256 == sha256_of(weights.path)
    assert (
        weights.preprocessing == {"c3d": C3D_PREPROCESSING, "i3d": I3D_PREPROCESSING}[architecture]
    )


def test_a_trained_recogniser_pools_and_sees_as_it_was_trained(c3d, tmp_path):
    path = write_layout("recogniser", c3d, tmp_path)
    theirs = C3D(**c3d.config | {"pool5": "padded"}).eval()
    theirs.load_state_dict(c3d.state_dict())
    loaded = load_weights(path)
    torch.testing.assert_close(outputs(loaded, ["prob"]), outputs(theirs, ["prob"]))
    recipe = resolve_weights(path, "c3d").preprocessing
    assert (recipe.channel_order, recipe.mean) == ("rgb", (104.0, 117.0, 128.0))
    save_weights(loaded, tmp_path / "again.safetensors")
    again = resolve_weights(tmp_path / "again.safetensors", "c3d")
    assert again.preprocessing == recipe
    assert dict(again.config)["pool5"] == "padded"
    assert load_weights(path, config={"pool5": "ceil"}).config["pool5"] == "ceil"


def test_arguments_of_another_network_are_refused(i3d, tmp_path):
    path = write_layout("piergiaj", i3d, tmp_path)
    with pytest.raises(ValueError, match=r"'pool5': I3D takes num_classes, in_channels, width"):
        load_weights(path, config={"pool5": "padded"})


@pytest.mark.parametrize("width", [1.0, 0.5, 0.37, 0.1, 0.01])
@pytest.mark.parametrize("network", [C3D, I3D])
def test_any_width_is_found_from_the_shapes(network, width, tmp_path):
    from skvideo3d.models.fitting import infer_config

    with torch.device("meta"):
        made = network(width=width)
    shapes = {name: tuple(tensor.shape) for name, tensor in made.state_dict().items()}
    config = infer_config(network.__name__.lower(), shapes)
    with torch.device("meta"):
        again = network(**config)
    assert {n: tuple(t.shape) for n, t in again.state_dict().items()} == shapes
    if width == 1.0:
        assert config["width"] == 1.0


def test_the_flow_stream_is_known_by_its_two_channels(tmp_path):
    network = randomised(I3D(num_classes=3, in_channels=2, width=WIDTH))
    path = write_layout("piergiaj", network, tmp_path)
    assert dict(resolve_weights(path, "i3d", stream="flow").config)["in_channels"] == 2
    assert load_weights(path).in_channels == 2
    with pytest.raises(CheckpointError, match=r"is the flow stream.*stream='flow'") as raised:
        resolve_weights(path, "i3d", stream="rgb")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("layout", ["piergiaj", "hassony"])
def test_a_flow_network_of_either_layout_equals_the_plain_network(layout, tmp_path):
    state = random_state(in_channels=2, width=WIDTH)
    network = I3D(in_channels=2, width=WIDTH, num_classes=7)
    network.load_state_dict(state)
    path = write_layout(layout, network, tmp_path)
    loaded = load_network(resolve_weights(path, "i3d", stream="flow"))
    x = clips("i3d", 2)
    names = ["Conv3d_1a_7x7", "Mixed_4f", "avg_pool", "logits", "prob"]
    with torch.inference_mode():
        found = loaded.describe(x, names)
    expected = plain_i3d(x, state)
    for name in names:
        wanted = expected[name]
        wanted = wanted.mean(dim=(2, 3, 4)) if wanted.ndim == 5 else wanted
        assert relative(found[name].double(), wanted) < 1e-5, name


@pytest.mark.parametrize(("network", "channels"), [(C3D, 1), (C3D, 2), (I3D, 1), (I3D, 4)])
def test_networks_for_other_channels_are_refused_with_their_path(network, channels, tmp_path):
    path = tmp_path / "other.pth"
    made = randomised(network(num_classes=2, in_channels=channels, width=WIDTH))
    torch.save(made.state_dict(), path)
    with pytest.raises(CheckpointError, match=rf"other\.pth' takes {channels} channels"):
        resolve_weights(path, network.__name__.lower())
    assert load_weights(path).in_channels == channels


def test_arguments_beyond_the_shapes_are_taken(c3d, tmp_path):
    path = write_layout("davidea", c3d, tmp_path)
    padded = load_weights(path, config={"pool5": "padded"})
    assert padded.config["pool5"] == "padded"
    layers = ["pool5", "fc6"]
    theirs = C3D(**c3d.config | {"pool5": "padded"}).eval()
    theirs.load_state_dict(c3d.state_dict())
    torch.testing.assert_close(outputs(padded, layers), outputs(theirs, layers))


def test_another_input_size_must_be_said(tmp_path):
    network = randomised(C3D(num_classes=2, input_size=(8, 64, 64), width=WIDTH))
    path = tmp_path / "small.pth"
    torch.save(davidea(network), path)
    with pytest.raises(
        CheckpointError, match=r"config=\{'input_size': \(frames, height, width\)\}"
    ):
        load_weights(path)
    loaded = load_weights(path, config={"input_size": (8, 64, 64)})
    assert loaded.config == network.config


# --- what belongs to the weights -----------------------------------------------------------------


@pytest.fixture
def cube(tmp_path):
    path = tmp_path / "mean.npy"
    np.save(path, np.random.default_rng(0).random((3, 16, 128, 171)).astype(np.float32))
    return MeanCube.from_file(path)


def test_our_files_carry_their_preprocessing_and_mean_cube(c3d, cube, tmp_path):
    recipe = replace(C3D_PREPROCESSING, mean=cube)
    path = tmp_path / "with mean.safetensors"
    save_weights(c3d, path, preprocessing=recipe)
    os.unlink(cube.path)  # the file alone is enough
    found = resolve_weights(path, "c3d").preprocessing
    assert found == recipe
    np.testing.assert_array_equal(found.mean.array(), cube.array())
    assert isinstance(load_weights(path), C3D)


def test_half_precision_files_load_as_float32(c3d, tmp_path):
    save_weights(c3d, tmp_path / "full.safetensors")
    save_weights(c3d, tmp_path / "half.safetensors", dtype=torch.float16)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.52 * sizes[1]
    loaded = load_weights(tmp_path / "half.safetensors")
    assert loaded.fc6.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.fc6.weight, c3d.fc6.weight.half().float())


def test_values_too_large_for_half_precision_are_refused(i3d, tmp_path):
    network = randomised(I3D(num_classes=2, width=WIDTH))
    network.Conv3d_1a_7x7.bn.running_var.fill_(1e5)  # float16 ends at 65504
    with pytest.raises(ValueError, match=r"running_var has values that torch.float16 cannot hold"):
        save_weights(network, tmp_path / "x.safetensors", dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []


def test_saving_twice_gives_the_same_bytes_and_leaves_no_other_file(c3d, tmp_path):
    for name in ("a", "b", "a"):
        save_weights(c3d, tmp_path / f"{name}.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]
    assert sha256_of(tmp_path / "a.safetensors") == sha256_of(tmp_path / "b.safetensors")


def test_a_published_name_brings_the_mean_cube(c3d, cube, tmp_path, monkeypatch):
    # The real entries, with the hashes of small stand-ins put by hand where downloads go.
    entry, mean = WEIGHTS["sports1m"], WEIGHTS["sports1m-mean"]
    locate(entry).parent.mkdir(parents=True)
    torch.save(mmaction(c3d), locate(entry))
    array = cube.array()
    sizes = b"".join(field(i + 1, 0, length(n)) for i, n in enumerate((1, *array.shape)))
    locate(mean).write_bytes(sizes + length_delimited(6, array.tobytes()))
    with pytest.raises(CheckpointError, match="is not the published 'sports1m': its size"):
        resolve_weights("sports1m", "c3d")
    os.rename(f"{locate(entry)}.rejected", locate(entry))
    small = {
        name: replace(
            WEIGHTS[name], sha256=sha256_of(locate(WEIGHTS[name])), git_blob=None, size=None
        )
        for name in ("sports1m", "sports1m-mean")
    }
    registry = {**WEIGHTS, **small}
    for module in ("registry", "checkpoints"):
        monkeypatch.setattr(f"skvideo3d.models.{module}.WEIGHTS", registry)
    weights = resolve_weights("sports1m", "c3d", download=False)
    assert weights.preprocessing == replace(C3D_PREPROCESSING, mean=cube)
    assert weights.sha256 == small["sports1m"].sha256
    assert build_network(weights).config["num_classes"] is None


@pytest.fixture
def stand_ins(c3d, cube, monkeypatch):
    """Small files under the published names, and their cube still to be put there."""
    entry, mean = WEIGHTS["sports1m"], WEIGHTS["sports1m-mean"]
    locate(entry).parent.mkdir(parents=True)
    torch.save(mmaction(c3d), locate(entry))
    array = cube.array()
    sizes = b"".join(field(i + 1, 0, length(n)) for i, n in enumerate((1, *array.shape)))
    content = sizes + length_delimited(6, array.tobytes())
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    small = {
        "sports1m": replace(entry, sha256=sha256_of(locate(entry)), size=None),
        "sports1m-mean": replace(mean, git_blob=blob),
    }
    for module in ("registry", "checkpoints"):
        monkeypatch.setattr(f"skvideo3d.models.{module}.WEIGHTS", {**WEIGHTS, **small})
    return lambda: locate(mean).write_bytes(content)


def test_the_mean_cube_is_not_needed_where_it_is_not_used(stand_ins, cube):
    with pytest.raises(DownloadError, match="sports1m-mean"):
        resolve_weights("sports1m", "c3d", download=False)
    own = replace(C3D_PREPROCESSING, mean=(0.0, 0.0, 0.0))
    weights = resolve_weights("sports1m", "c3d", download=False, preprocessing=own)
    assert weights.preprocessing == own
    assert load_weights("sports1m", download=False).preprocessing == C3D_PREPROCESSING
    stand_ins()
    with_cube = replace(C3D_PREPROCESSING, mean=cube)
    assert load_weights("sports1m", download=False).preprocessing == with_cube
    assert load_weights("sports1m", download=False, preprocessing=own).preprocessing == own


def test_what_is_foreseen_is_what_comes(stand_ins):
    stand_ins()
    foreseen, resolved = (f("sports1m", "c3d") for f in (foresee_weights, resolve_weights))
    assert foreseen.sha256 == resolved.sha256
    assert foreseen.path is None
    config = dict(resolved.config)
    assert config.pop("width") == pytest.approx(WIDTH, rel=0.05)  # the stand-in's, not the file's
    assert config == {k: v for k, v in dict(foreseen.config).items() if k != "width"}
    assert foreseen.preprocessing == C3D_PREPROCESSING


def test_foreseeing_neither_reads_nor_fetches(monkeypatch, tmp_path):
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path / "nowhere"))
    foreseen = foresee_weights("kinetics400-hassony", "i3d")
    assert build_network(foreseen).config == {"num_classes": 400, "in_channels": 3, "width": 1.0}
    assert foreseen.sha256 == ""
    assert dict(foresee_weights("kinetics400", "i3d", "flow").config)["in_channels"] == 2
    assert foresee_weights(None, "c3d") is None
    assert foresee_weights("mine.pth", "c3d") is None
    assert foresee_weights(tmp_path, "c3d") is None
    with pytest.raises(ValueError, match="is for i3d, not for c3d"):
        foresee_weights("kinetics400", "c3d")
    with pytest.raises(ValueError, match=r"file of 'sports1m' does not have.*'sports1m-fc8'"):
        check_layers(foresee_weights("sports1m", "c3d"), ["fc8"])


def test_given_preprocessing_replaces_that_of_any_weights(c3d, cube, tmp_path):
    own = replace(C3D_PREPROCESSING, mean=cube)
    path = write_layout("ours", c3d, tmp_path)
    assert resolve_weights(path, "c3d", preprocessing=own).preprocessing == own
    drawn = resolve_weights(None, "c3d", seed=0, config={"width": WIDTH}, preprocessing=own)
    assert drawn.preprocessing == own
    assert load_network(drawn).preprocessing == own


def test_offline_a_published_name_says_where_the_file_would_go():
    with pytest.raises(DownloadError) as raised:
        resolve_weights("sports1m", "c3d", download=False)
    for part in (WEIGHTS["sports1m"].url, str(locate(WEIGHTS["sports1m"])), "'sports1m-fc8'"):
        assert part in str(raised.value)


# --- random weights ------------------------------------------------------------------------------


def test_random_weights_are_those_of_the_seed():
    weights = resolve_weights(None, "c3d", seed=5, config={"width": WIDTH, "num_classes": 4})
    direct = initialize(C3D(num_classes=4, width=WIDTH), 5)
    loaded = load_network(weights)
    for name, tensor in direct.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, rtol=0, atol=0)
    assert not loaded.training


def test_what_determines_random_weights_is_in_their_hash():
    base = resolve_weights(None, "c3d", seed=0, config={"width": WIDTH})
    assert base == resolve_weights(None, "c3d", seed=0, config={"width": WIDTH})
    others = [
        resolve_weights(None, "c3d", seed=1, config={"width": WIDTH}),
        resolve_weights(None, "c3d", seed=0, config={"width": 2 * WIDTH}),
        resolve_weights(None, "i3d", seed=0, config={"width": WIDTH}),
        resolve_weights(None, "c3d", seed=0, config={"width": WIDTH, "pool5": "padded"}),
    ]
    assert len({base.sha256, *(other.sha256 for other in others)}) == 5


def test_without_a_seed_one_is_drawn_and_kept():
    first, second = (resolve_weights(None, "c3d", config={"width": WIDTH}) for _ in range(2))
    assert first.seed is not None
    assert first.seed != second.seed


def test_random_flow_networks_take_two_channels():
    weights = resolve_weights(None, "i3d", stream="flow", seed=0, config={"width": WIDTH})
    assert dict(weights.config)["in_channels"] == 2


# --- workers -------------------------------------------------------------------------------------


def test_what_workers_receive_is_small_and_hashable(c3d, tmp_path):
    weights = resolve_weights(write_layout("ours", c3d, tmp_path), "c3d")
    sent = pickle.dumps(weights)
    assert len(sent) < 2000
    assert pickle.loads(sent) == weights
    assert hash(pickle.loads(sent)) == hash(weights)


def test_the_same_file_elsewhere_is_the_same_weights(c3d, tmp_path):
    path = write_layout("ours", c3d, tmp_path)
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(path.read_bytes())
    assert resolve_weights(path, "c3d") == resolve_weights(moved, "c3d")


def test_a_machine_with_another_cache_folder_finds_the_file(c3d, tmp_path, monkeypatch):
    path = write_layout("ours", c3d, tmp_path)
    weights = resolve_weights(path, "c3d")
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    os.rename(path, tmp_path / "weights" / path.name)
    assert load_network(weights).config == c3d.config
    os.unlink(tmp_path / "weights" / path.name)
    with pytest.raises(CheckpointError, match="any more"):
        load_network(weights)


def test_a_machine_with_another_cache_folder_finds_the_mean_cube(c3d, cube, tmp_path, monkeypatch):
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    separate, inside = replace(C3D_PREPROCESSING, mean=cube), tmp_path / "inside.safetensors"
    save_weights(c3d, inside, preprocessing=separate)
    plain = write_layout("davidea", c3d, tmp_path)
    described = [
        resolve_weights(plain, "c3d", preprocessing=separate),
        resolve_weights(inside, "c3d"),
    ]
    numbers = cube.array().copy()
    for path in (plain, inside, Path(cube.path)):
        os.rename(path, tmp_path / "weights" / path.name)
    for weights in described:
        found = relocated(pickle.loads(pickle.dumps(weights)))
        assert found == weights
        assert Path(found.path).parent == tmp_path / "weights"
        assert Path(found.preprocessing.mean.path).parent == tmp_path / "weights"
        np.testing.assert_array_equal(found.preprocessing.mean.array(), numbers)
        assert load_network(weights).preprocessing.mean.path == found.preprocessing.mean.path
    os.unlink(tmp_path / "weights" / Path(cube.path).name)
    assert relocated(described[0]).preprocessing.mean.path == cube.path  # named where it was


def test_a_file_that_changed_since_is_not_loaded(c3d, i3d, tmp_path):
    path = write_layout("ours", c3d, tmp_path)
    weights = resolve_weights(path, "c3d")
    save_weights(randomised(C3D(num_classes=11, width=2 * WIDTH)), path)
    with pytest.raises(CheckpointError, match="is not the file it was"):
        load_network(weights)


def test_a_file_that_is_swapped_for_a_moment_while_it_is_read_is_refused(
    c3d, tmp_path, monkeypatch
):
    path, other = write_layout("ours", c3d, tmp_path), tmp_path / "other.safetensors"
    save_weights(randomised(c3d), other)
    weights = resolve_weights(path, "c3d")

    def read_while_swapped(*arguments):
        os.rename(path, tmp_path / "kept")
        os.rename(other, path)
        tensors = our_tensors(*arguments)
        os.rename(path, other)
        os.rename(tmp_path / "kept", path)  # a hash taken before or after is the right one
        return tensors

    monkeypatch.setattr("skvideo3d.models.checkpoints.our_tensors", read_while_swapped)
    with pytest.raises(CheckpointError, match=r"was changed or replaced while it was read"):
        load_network(weights)
    monkeypatch.undo()
    load_network(weights)


def test_a_file_that_is_written_over_while_it_is_read_is_refused(c3d, tmp_path, monkeypatch):
    path = write_layout("ours", c3d, tmp_path)
    weights, content = resolve_weights(path, "c3d"), path.read_bytes()
    stat = path.stat()

    def read_and_written_over(*arguments):
        tensors = our_tensors(*arguments)
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as if it were the old one
        return tensors

    monkeypatch.setattr("skvideo3d.models.checkpoints.our_tensors", read_and_written_over)
    with pytest.raises(CheckpointError, match=r"was changed or replaced while it was read"):
        load_network(weights)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="is not the file it was"):
        load_network(weights)


# --- what is refused -----------------------------------------------------------------------------


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("new_format", [True, False])
def test_a_pickle_that_would_run_code_does_not(new_format, tmp_path):
    trap = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    torch.save(
        {"conv1a.weight": torch.zeros(1), "x": Malicious(trap)},
        path,
        _use_new_zipfile_serialization=new_format,
    )
    with pytest.raises(CheckpointError, match="would run code from the file") as raised:
        load_weights(path, "c3d")
    assert "torch.save(model.state_dict()" in str(raised.value)
    assert not trap.exists()
    # The trap is real: this is what loading without restrictions would have done.
    torch.load(path, weights_only=False)
    assert trap.exists()


def test_a_plain_malicious_pickle_does_not_run(tmp_path):
    trap = tmp_path / "ran"
    path = tmp_path / "evil.pickle"
    path.write_bytes(pickle.dumps(Malicious(trap)))
    with pytest.raises(CheckpointError):
        load_weights(path, "c3d")
    assert not trap.exists()


def test_a_whole_pickled_network_is_refused(c3d, tmp_path):
    torch.save(c3d, tmp_path / "module.pth")
    with pytest.raises(CheckpointError, match="holds more than tensors"):
        load_weights(tmp_path / "module.pth")


def test_missing_unknown_and_misshapen_arrays_are_all_named(c3d, tmp_path):
    names = davidea(c3d)
    del names["conv3b.bias"]
    names["conv4a.weight"] = torch.zeros(2, 3)
    names["conv9.weight"] = torch.zeros(3)
    torch.save(names, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError) as raised:
        load_weights(tmp_path / "odd.pth")
    text = str(raised.value)
    assert "looks like DavideA/c3d-pytorch" in text
    assert "1 missing: conv3b.bias" in text
    assert "1 unknown: conv9.weight" in text
    assert "1 of another shape: conv4a.weight is (2, 3) and should be (32, 16, 3, 3, 3)" in text
    assert "hassony2" in text


def test_a_checkpoint_of_another_network_lists_the_known_layouts(tmp_path):
    torch.save({"layer1.0.conv1.weight": torch.zeros(3)}, tmp_path / "resnet.pth")
    with pytest.raises(CheckpointError, match=r"'layer1\.0\.conv1\.weight'.*mmaction.*Caffe"):
        load_weights(tmp_path / "resnet.pth")


def test_a_network_of_the_other_kind_names_its_transformer(i3d, tmp_path):
    path = write_layout("piergiaj", i3d, tmp_path)
    with pytest.raises(CheckpointError, match=r"network of the kind i3d, .* use I3DTransformer"):
        resolve_weights(path, "c3d")


def test_infinite_weights_are_refused(c3d, tmp_path):
    names = davidea(c3d)
    names["fc6.weight"][0, 0] = torch.nan
    torch.save(names, tmp_path / "nan.pth")
    with pytest.raises(CheckpointError, match=r"'fc6\.weight' has values that are not finite"):
        load_weights(tmp_path / "nan.pth")


@pytest.mark.parametrize("layout", ["mmaction", "davidea", "ours"])
@pytest.mark.parametrize("keep", [0, 20, 0.3, 0.9])
def test_a_file_that_is_cut_short_is_refused(layout, keep, c3d, tmp_path):
    path = write_layout(layout, c3d, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(CheckpointError, match=re.escape(f"'{path}'")):
        load_weights(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a git-lfs pointer"),
        (b"\n<!doctype html><html>", "a web page"),
        (b"\x1f\x8b\x08" + bytes(100), "compressed"),
        (b"some text", "not a whole Caffe network"),
        (struct.pack("<Q", 10) + b"{not json}", "not a whole safetensors file"),
        (pickle.dumps([1, 2, 3]), "PyTorch"),
    ],
)
def test_foreign_files_are_called_what_they_are(content, says, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        load_weights(path, "c3d")


def test_files_without_arrays_by_name_are_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    torch.save({"epoch": 3}, tmp_path / "counter.pt")
    with pytest.raises(CheckpointError, match="holds a list and no state dict"):
        load_weights(tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="first keys are 'epoch'"):
        load_weights(tmp_path / "counter.pt")


def metadata(c3d, tmp_path, **changes):
    values = {
        "format": 1,
        "architecture": "c3d",
        "config": c3d.config,
        "preprocessing": C3D_PREPROCESSING.to_dict(),
    }
    path = tmp_path / "changed.safetensors"
    save_file(published(c3d), path, metadata={"skvideo3d": json.dumps({**values, **changes})})
    return path


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"format": 2}, "upgrade skvideo3d"),
        ({"architecture": "c4d"}, "architecture='c4d'"),
        ({"config": {"depth": 3}}, "depth"),
        ({"config": None}, "do not describe a network"),
        ({"config": {"width": 1.0}}, "should be"),
        ({"preprocessing": {}}, "do not describe a network"),
    ],
)
def test_metadata_must_describe_the_arrays(c3d, tmp_path, changes, says):
    path = metadata(c3d, tmp_path, **changes)
    if says is None:
        assert load_weights(path).config == c3d.config
    else:
        with pytest.raises(CheckpointError, match=says):
            load_weights(path)


def test_metadata_that_are_no_json_are_refused(c3d, tmp_path):
    path = tmp_path / "broken.safetensors"
    for text in ("{", "[1]"):
        save_file(published(c3d), path, metadata={"skvideo3d": text})
        with pytest.raises(CheckpointError, match="metadata are no JSON"):
            load_weights(path)


@pytest.mark.parametrize(
    ("weights", "error", "says"),
    [
        ("sport1m", ValueError, "Did you mean 'sports1m'"),
        ("kinetics400", ValueError, "is for i3d, not for c3d"),
        ("folder/c3d", CheckpointError, "no checkpoint file at"),
        ("c3d.pth", CheckpointError, "no checkpoint file at"),
        (3, TypeError, "published name, a path"),
    ],
)
def test_wrong_weights_say_what_is_taken(weights, error, says):
    with pytest.raises(error, match=says):
        resolve_weights(weights, "c3d")


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint file at"):
        resolve_weights(tmp_path, "c3d")


def test_random_weights_need_an_architecture():
    with pytest.raises(ValueError, match="say architecture="):
        load_weights(None)


def test_only_safetensors_are_written(c3d, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.safetensors"):
        save_weights(c3d, tmp_path / "c3d.pth")


@pytest.mark.parametrize("layer", ["fc8", "prob"])
def test_a_layer_that_the_file_lacks_names_weights_that_have_it(layer, c3d, tmp_path):
    weights = resolve_weights(write_layout("mmaction", c3d, tmp_path), "c3d")
    check_layers(weights, ["pool5", "fc7"])
    with pytest.raises(ValueError, match="'sports1m-fc8', 'sports1m-caffe'"):
        check_layers(weights, ["fc7", layer])
    with_classifier = resolve_weights(write_layout("davidea", c3d, tmp_path), "c3d")
    check_layers(with_classifier, ["fc7", layer])


def test_a_file_is_described_again_when_it_changes(c3d, i3d, tmp_path):
    path = tmp_path / "file.safetensors"
    save_weights(c3d, path)
    assert describe(path).architecture == "c3d"
    save_weights(i3d, path)
    assert describe(path).architecture == "i3d"


# --- full size -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_authors_network_at_full_size_goes_through_caffes_format(tmp_path):
    network = initialize(C3D(), seed=0).eval()
    path = write_layout("caffe", network, tmp_path)
    loaded = load_weights(path)
    assert loaded.config == network.config
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


@pytest.mark.slow
def test_kinetics_i3d_at_full_size_goes_through_hassonys_format(tmp_path):
    network = randomised(I3D())
    loaded = load_weights(write_layout("hassony", network, tmp_path))
    assert loaded.config == network.config
    for name, tensor in published(network).items():
        assert torch.equal(loaded.state_dict()[name], tensor)
