"""Weights that come with the package: found by name, offline, and known by their hash."""

import pickle
import shutil
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer
from skvideo3d.cli import main
from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.models import (
    checkpoints,
    description,
    download,
    load_weights,
    registry,
    save_weights,
)
from skvideo3d.models.checkpoints import (
    check_layers,
    foresee_weights,
    load_network,
    relocated,
    resolve_weights,
)
from skvideo3d.models.description import describe
from skvideo3d.models.download import fetch, locate, shipped_folder, weights_folder
from skvideo3d.models.hashing import sha256_of
from skvideo3d.models.registry import WEIGHTS, WeightsEntry
from skvideo3d.video import Preprocessing

RECIPE = Preprocessing(resize=(36, 48), crop=(32, 32), mean=(90.0, 95.0, 100.0))
CONFIG = {
    "num_classes": None,
    "input_size": (16, 32, 32),
    "width": 1 / 16,
    "pool5": "global",
    "batch_norm": True,
}


def install_in(folder, monkeypatch):
    for module in ("download", "weights"):
        monkeypatch.setattr(f"skvideo3d.models.{module}.shipped_folder", lambda: folder)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder that stands for the package's own."""
    folder = tmp_path / "package" / "shipped"
    folder.mkdir(parents=True)
    install_in(folder, monkeypatch)
    return folder


@pytest.fixture
def entry(package, monkeypatch):
    """Ship a small network in float16 as 'tiny'."""
    network = load_weights(None, "c3d", seed=0, config=CONFIG)
    path = package / "tiny.safetensors"
    save_weights(network, path, preprocessing=RECIPE, dtype=torch.float16)
    entry = WeightsEntry(
        name="tiny",
        architecture="c3d",
        filename=path.name,
        sha256=sha256_of(path),
        size=path.stat().st_size,
        licence="BSD-3-Clause",
        source="this test",
        paper="none",
        preprocessing=RECIPE,
        config=CONFIG,
        lacks=("fc8", "prob"),
        shipped=True,
    )
    table = MappingProxyType({**WEIGHTS, "tiny": entry})
    for module in (registry, checkpoints, description, download):
        monkeypatch.setattr(module, "WEIGHTS", table)
    return entry


def test_what_the_package_ships_is_what_the_registry_says():
    shipped = [entry for entry in WEIGHTS.values() if entry.shipped]
    folder = shipped_folder()
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    assert files == {entry.filename for entry in shipped}
    for entry in shipped:
        path = fetch(entry, download=False)
        assert (sha256_of(path), path.stat().st_size) == (entry.sha256, entry.size)
        found = describe(path)
        assert found.architecture == entry.architecture
        assert found.preprocessing == entry.preprocessing
        foreseen = foresee_weights(entry.name, entry.architecture)
        assert foreseen == resolve_weights(entry.name, entry.architecture)
        assert entry.url is None


def test_the_compact_network_describes_videos_offline():
    videos = list(np.random.default_rng(0).integers(0, 256, (2, 20, 36, 48, 3), dtype=np.uint8))
    rows = C3DTransformer("compact").fit_transform(videos)
    assert rows.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert C3DTransformer("compact", layer="pool5").fit_transform(videos).shape == (2, 128)
    with pytest.raises(ValueError, match=r"layer='fc8' needs a classifier"):
        C3DTransformer("compact", layer="fc8").fit(videos)


def test_the_folder_is_inside_the_package():
    import skvideo3d

    assert shipped_folder() == Path(skvideo3d.__file__).parent / "models" / "shipped"


def test_it_is_found_by_name_without_a_network_or_a_cache_folder(entry, package):
    # tests/conftest.py refuses connections; the weights folder does not exist.
    weights = resolve_weights("tiny", "c3d", download=False)
    assert weights.path == str(package / "tiny.safetensors")
    assert weights.sha256 == entry.sha256
    assert weights.preprocessing == RECIPE
    assert not weights_folder().exists()
    assert fetch(entry) == locate(entry) == package / "tiny.safetensors"


def test_half_precision_loads_as_float32(entry):
    drawn = load_weights(None, "c3d", seed=0, config=CONFIG).state_dict()
    network = load_weights("tiny")
    assert network.preprocessing == RECIPE
    for name, values in network.state_dict().items():
        if values.is_floating_point():
            assert values.dtype == torch.float32
            assert torch.equal(values, drawn[name].half().float())


def test_what_is_foreseen_is_what_comes(entry):
    assert foresee_weights("tiny", "c3d") == resolve_weights("tiny", "c3d")


def test_the_transformer_takes_it_by_name_and_pickles_without_it(entry, tmp_path):
    videos = list(np.random.default_rng(0).integers(0, 256, (2, 20, 36, 48, 3), dtype=np.uint8))
    by_name = C3DTransformer("tiny").fit(videos)
    found = by_name.transform(videos)
    shutil.copy(locate(entry), tmp_path / "copy.safetensors")
    by_path = C3DTransformer(tmp_path / "copy.safetensors").fit(videos)
    np.testing.assert_array_equal(found, by_path.transform(videos))
    sent = pickle.dumps(by_name)
    assert len(sent) < 5000
    assert by_name.weights_sha256_ == entry.sha256
    np.testing.assert_array_equal(pickle.loads(sent).transform(videos), found)


def elsewhere(package, monkeypatch, tmp_path):
    """Install the package in another folder, as another machine has it."""
    other = tmp_path / "other" / "shipped"
    shutil.move(package, other)
    install_in(other, monkeypatch)
    return other


def test_another_machine_finds_its_own_copy(entry, package, monkeypatch, tmp_path):
    weights = pickle.loads(pickle.dumps(resolve_weights("tiny", "c3d")))
    other = elsewhere(package, monkeypatch, tmp_path)
    found = relocated(weights)
    assert found == weights
    assert found.path == str(other / "tiny.safetensors")
    assert load_network(weights).config["width"] == 1 / 16


def test_another_version_of_the_file_is_not_taken_for_it_but_the_right_one_may_lie_in_the_cache(
    entry, package, monkeypatch, tmp_path
):
    weights = resolve_weights("tiny", "c3d")
    other = elsewhere(package, monkeypatch, tmp_path)
    weights_folder().mkdir(parents=True)
    shutil.move(other / "tiny.safetensors", weights_folder())
    newer = load_weights(None, "c3d", seed=1, config=CONFIG)
    save_weights(newer, other / "tiny.safetensors")
    assert relocated(weights).path == str(weights_folder() / "tiny.safetensors")
    (weights_folder() / "tiny.safetensors").unlink()
    with pytest.raises(CheckpointError, match=rf"is not the file it was: .* was {entry.sha256}"):
        load_network(weights)


def test_a_damaged_file_is_refused_and_stays_where_it_is(entry, package):
    path = package / "tiny.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    for take in (fetch, download.refuse_foreign):
        with pytest.raises(CheckpointError, match=r"'tiny'.*sha256 is .*install skvideo3d again"):
            take(entry)
    assert [file.name for file in package.iterdir()] == ["tiny.safetensors"]


def test_a_package_without_its_file_says_so(entry, package):
    (package / "tiny.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"'tiny' come with skvideo3d, .*no '.*tiny\.safeten"):
        resolve_weights("tiny", "c3d")


def test_it_is_what_remains_where_nothing_can_be_fetched(entry):
    with pytest.raises(DownloadError, match=r"'tiny' \(which comes with skvideo3d\)"):
        resolve_weights("sports1m", "c3d", download=False)
    with pytest.raises(ValueError, match=r"For c3d there are: .*'tiny'"):
        resolve_weights("tyni", "c3d")


def test_a_layer_that_it_lacks_is_refused_by_its_name(entry):
    with pytest.raises(ValueError, match=r"layer='prob' needs a classifier, which the file"):
        check_layers(resolve_weights("tiny", "c3d"), ["prob"])


def test_the_command_lists_it_as_shipped_and_verifies_it(entry, package, capsys):
    assert main(["weights", "list", "--long"]) == 0
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("tiny ")]
    assert line.endswith("shipped")
    assert "BSD-3-Clause" in line
    assert f"file:     {package / 'tiny.safetensors'}" in out
    assert "address:  none; comes with skvideo3d" in out
    assert main(["weights", "verify"]) == 0
    assert f"tiny: ok, sha256 {entry.sha256}" in capsys.readouterr().out
    assert main(["weights", "download", "tiny"]) == 0
    assert capsys.readouterr().out == f"{package / 'tiny.safetensors'}\n"


def test_the_command_converts_it(entry, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    assert main(["weights", "convert", "tiny", str(out), "--dtype", "float16"]) == 0
    assert out.read_bytes() == locate(entry).read_bytes()
