"""Damaged weights, folds, results and lists are read as they are, or refused by name."""

import json
import re
import warnings

import numpy as np
import pytest
import torch
from hostile.mutations import mutate
from scipy.io import savemat

from skvideo3d import caffe
from skvideo3d.benchmarks.fold_store import FoldOutcome, open_fold_store
from skvideo3d.benchmarks.results import BenchmarkResult, DataUse, ResultRow
from skvideo3d.datasets import load_hmdb51, load_object_sequences, load_ucf101
from skvideo3d.datasets.matlab import read_numbers
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import C3D, load_weights, save_weights
from skvideo3d.models.initialization import initialize

N_MUTATIONS = 150


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array):
    shape = (1,) * (5 - array.ndim) + array.shape
    axes = b"".join(varint((i + 1) << 3) + varint(axis) for i, axis in enumerate(shape))
    return axes + field(6, array.astype("<f4").tobytes())


def as_caffe(network):
    state = network.state_dict()
    layers = dict.fromkeys(name.partition(".")[0] for name in state)
    return b"".join(
        field(
            2,
            field(4, layer.encode())
            + b"".join(
                field(6, blob(state[f"{layer}.{part}"].numpy())) for part in ("weight", "bias")
            ),
        )
        for layer in layers
    )


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The same small network in every format, by the format's name."""
    folder = tmp_path_factory.mktemp("checkpoints")
    network = initialize(C3D(num_classes=3, width=1 / 64, input_size=(16, 32, 32)), 0)
    save_weights(network, folder / "safetensors.safetensors")
    torch.save(network.state_dict(), folder / "zip.pth")
    torch.save(network.state_dict(), folder / "old.pth", _use_new_zipfile_serialization=False)
    (folder / "caffe.caffemodel").write_bytes(as_caffe(network))
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


def attempt(function, *arguments, **options):
    """Give what a function returns and None, or None and the typed error."""
    try:
        return function(*arguments, **options), None
    except ValueError as error:
        return None, error


def damaged(content, seed, other):
    """Mutations all over the file, and half of them in what is no array of numbers."""
    for number in range(N_MUTATIONS):
        yield number, mutate(content, seed, number, other)[0]
    for number in range(N_MUTATIONS):
        start, end = content[:4096], content[-4096:]
        if number % 2:
            yield number, content[:-4096] + mutate(end, seed + 1, number, other)[0]
        else:
            yield number, mutate(start, seed + 1, number, other)[0] + content[4096:]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["safetensors", "zip", "old", "caffe"])
def test_damaged_checkpoints(kind, checkpoints, tmp_path):
    content = checkpoints[kind]
    other = checkpoints["zip" if kind == "safetensors" else "safetensors"]
    n_refused = 0
    for number, mutated in damaged(content, 1, other):
        path = tmp_path / f"{number % 7}"
        path.write_bytes(mutated)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, of what it finds in a file
            network, error = attempt(load_weights, path, config={"input_size": (16, 32, 32)})
        if network is None:
            n_refused += 1
            assert isinstance(error, CheckpointError)
            assert str(path) in str(error), (number, error)
            assert str(error).isprintable()
        else:
            values = torch.cat([p.flatten() for p in network.parameters()])
            assert torch.isfinite(values).all()
    assert n_refused > N_MUTATIONS / 2


def test_damaged_mean_cubes(tmp_path):
    content = blob(np.random.default_rng(0).random((1, 3, 2, 8, 9)).astype(np.float32))
    path = tmp_path / "mean.binaryproto"
    n_refused = 0
    for number, mutated in damaged(content, 2, b"\0\xff" * 50):
        path.write_bytes(mutated)
        array, error = attempt(caffe.read_blob, path)
        if array is None:
            n_refused += 1
            assert isinstance(error, CheckpointError)
            assert str(path) in str(error), (number, error)
        else:
            assert array.dtype == np.float32
    assert n_refused > N_MUTATIONS / 2


def test_damaged_folds_are_as_if_never_kept(tmp_path):
    store = open_fold_store(tmp_path, np.zeros((4, 2)), np.zeros(4), None, None)
    train, test = np.array([0, 1]), np.array([2, 3])
    store.put(train, test, FoldOutcome(0, test, np.array([0, 1]), np.array([0.5, 1.0]), {"C": 1}))
    (path,) = tmp_path.glob("*.npz")
    n_unread = 0
    for _, mutated in damaged(path.read_bytes(), 3, b"PK\3\4" * 30):
        path.write_bytes(mutated)
        found = store.get(0, train, test)
        n_unread += found is None
        # What lies beside the arrays may be damaged: the archive's checksums are of the arrays.
        assert found is None or (found.predictions.tolist(), found.best_params) == (
            [0, 1],
            {"C": 1},
        )
    assert n_unread > N_MUTATIONS / 2


def test_damaged_results():
    result = BenchmarkResult(
        *("objects", "Egocentric objects", ("accuracy",)),
        rows=[ResultRow("C3D fc6", {"accuracy": 21.0}, {"accuracy": [20.0, 22.0]})],
        data=DataUse(n_listed=12, n_missing=2, n_failed=0, n_used=10),
    )
    content = result.to_json().encode()
    for number, mutated in damaged(content, 4, b"[]{}" * 30):
        text = mutated.decode("utf-8", errors="replace")
        found, error = attempt(BenchmarkResult.from_json, text)
        assert found is not None or "no benchmark result" in str(error), number


# --- Lists ----------------------------------------------------------------------------------------


def ucf101(folder):
    names = [f"Archery/v_Archery_g0{group}_c01.avi" for group in (1, 2, 3)]
    (folder / "classInd.txt").write_text("1 Archery")
    for split, name in enumerate(names, start=1):
        (folder / name.partition("/")[2]).touch()
        train = [f"{other} 1" for other in names if other != name]
        (folder / f"trainlist0{split}.txt").write_text("\n".join(train))
        (folder / f"testlist0{split}.txt").write_text(name)


def hmdb51(folder):
    for name in ("a_wave_1.avi", "b_wave_2.avi", "c_wave_3.avi"):
        (folder / name).touch()
    for split in (1, 2, 3):
        lines = "a_wave_1.avi 2\nb_wave_2.avi 0\nc_wave_3.avi 1"
        (folder / f"wave_test_split{split}.txt").write_text(lines)


def objects(folder):
    for name in ("home", "work"):
        (folder / f"{name}.mp4").touch()
        (folder / f"{name}.txt").write_text("0 19 cup\n24 39 phone\n")


LOADERS = {ucf101: load_ucf101, hmdb51: load_hmdb51, objects: load_object_sequences}


@pytest.mark.parametrize("write", LOADERS, ids=lambda write: write.__name__)
def test_damaged_lists(write, tmp_path):
    write(tmp_path)
    load = LOADERS[write]
    load(tmp_path)
    lists = sorted(tmp_path.glob("*.txt"))
    n_refused = 0
    for round_, path in enumerate(lists):
        content = path.read_bytes()
        for number in range(N_MUTATIONS):
            path.write_bytes(mutate(content, 5 + round_, number, b"\r\n 1 ../x\0")[0])
            videos, error = attempt(load, tmp_path)
            if videos is None:
                n_refused += 1
                # The list, what it names, or what the set would be.
                assert str(tmp_path) in str(error) or re.search("split|class", str(error)), error
            else:
                paths = [getattr(video, "video", video) for video in videos.data]
                assert all(path.startswith(f"{tmp_path}/") for path in paths)
        path.write_bytes(content)
    assert n_refused > N_MUTATIONS


@pytest.mark.slow
@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_tables_of_pairs_never_take_the_process_down(compressed, tmp_path):
    table = np.arange(600.0).reshape(30, 5, 4)
    path = tmp_path / "View2.mat"
    savemat(path, {"pairs": table, "others": np.ones(3)}, do_compression=compressed)
    content = path.read_bytes()
    n_refused = 0
    for number in range(N_MUTATIONS):
        path.write_bytes(mutate(content, 9, number, bytes(range(256)))[0])
        found, error = attempt(read_numbers, str(path), "pairs", "fetch it again.")
        if found is None:
            n_refused += 1
            assert str(path) in str(error)
        else:
            assert found.dtype == np.float64
    assert n_refused > 10


# --- Names that would lead out of the root --------------------------------------------------------


def outside(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.avi").touch()
    (tmp_path / "root" / "in.avi").touch()
    return tmp_path / "root"


def away(tmp_path):
    above = f"..{'/..' * 20}{tmp_path}/secret.avi"
    return [
        "../secret.avi",
        f"{tmp_path}/secret.avi",
        above,
        "..\\secret.avi",
        "x/../../secret.avi",
    ]


@pytest.mark.parametrize("number", range(5))
def test_no_name_in_hmdb51s_lists_leads_out_of_the_root(tmp_path, number):
    root = outside(tmp_path)
    for split in (1, 2, 3):
        lines = f"{away(tmp_path)[number]} 1\nin.avi 2\n"
        (root / f"wave_test_split{split}.txt").write_text(lines)
    with pytest.raises(ValueError, match="1 of the 2 listed videos is not below"):
        load_hmdb51(root)


@pytest.mark.parametrize("number", range(5))
def test_no_name_in_ucf101s_lists_leads_out_of_the_root(tmp_path, number):
    root = outside(tmp_path)
    (tmp_path / "v_A_g01_c01.avi").touch()
    (root / "v_A_g02_c01.avi").touch()
    (root / "classInd.txt").write_text("1 A\n2 ..")
    name = away(tmp_path)[number].replace("secret", "v_A_g01_c01")
    for split in (1, 2, 3):
        (root / f"trainlist0{split}.txt").write_text(f"{name} 2\n")
        (root / f"testlist0{split}.txt").write_text("A/v_A_g02_c01.avi\n")
    # Refused as a line, or not found below the root.
    with pytest.raises(ValueError, match=r"trainlist01|1 of the 2 listed videos is not below"):
        load_ucf101(root)


def test_metadata_cannot_name_a_mean_cube_elsewhere(tmp_path):
    from safetensors.torch import save_file

    network = initialize(C3D(num_classes=3, width=1 / 64, input_size=(16, 32, 32)), 0)
    recipe = {"resize": [36, 48], "crop": [32, 32], "channel_order": "bgr", "scale": 1.0}
    about = {
        "format": 1,
        "architecture": "c3d",
        "config": {"num_classes": 3, "width": 1 / 64, "input_size": [16, 32, 32]},
        "preprocessing": {**recipe, "mean": {"sha256": "0" * 64, "path": "/etc/passwd"}},
    }
    path = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), path, metadata={"skvideo3d": json.dumps(about)})
    # The cube is looked for in the file itself, whatever else is said.
    assert load_weights(path).preprocessing.mean.path == str(path)
