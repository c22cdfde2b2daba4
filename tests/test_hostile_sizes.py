"""Small files that claim to be huge end in an error that names them, and take no memory."""

import json
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from skvideo3d import caffe
from skvideo3d.benchmarks.fold_store import FoldOutcome, open_fold_store
from skvideo3d.benchmarks.results import BenchmarkResult
from skvideo3d.benchmarks.speed import SpeedReport
from skvideo3d.datasets import load_hmdb51, load_object_sequences, load_ucf101
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import C3D, load_weights
from skvideo3d.models.initialization import initialize
from skvideo3d.video.preprocessing import MeanCube

_MOST_KIB = 200 * 1024


def _memory(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


@pytest.fixture(autouse=True)
def _little_memory():
    """Each of these tests reads a few megabytes at most, and may take some for itself."""
    if not sys.platform.startswith("linux"):
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest peak so far
    before = _memory("VmRSS")
    yield
    assert _memory("VmHWM") - before < _MOST_KIB


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(shape, values=b""):
    axes = b"".join(varint((i + 1) << 3) + varint(axis) for i, axis in enumerate(shape))
    return axes + field(6 if len(shape) == 5 else 5, values)


def refused(path, match=None, **options):
    with pytest.raises(CheckpointError, match=match) as raised:
        load_weights(path, **options)
    assert str(path) in str(raised.value)
    assert len(str(raised.value)) < 3000


# --- safetensors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [2**60, 2**63, 2**64 - 1, 2**31, 100])
def test_a_safetensors_header_that_is_longer_than_the_file(length, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + b'{"a": 1}')
    refused(path, "is not a whole safetensors file")


@pytest.mark.parametrize(
    "shape", [[2**40], [2**62, 4], [2**32, 2**32, 2**32], [2**70], [-1], [0, 2**62], ["1"]]
)
def test_a_safetensors_array_that_is_longer_than_the_file(shape, tmp_path):
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}
    header = json.dumps({"conv1a.weight": entry}).encode()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    refused(path)


def ours(path, about):
    network = initialize(C3D(num_classes=3, width=1 / 64, input_size=(16, 32, 32)), 0)
    text = about if isinstance(about, str) else json.dumps(about)
    save_file(network.state_dict(), path, metadata={"skvideo3d": text})


GOOD = {
    "format": 1,
    "architecture": "c3d",
    "config": {"num_classes": 3, "width": 1 / 64, "input_size": [16, 32, 32]},
    "preprocessing": {
        **{"resize": [36, 48], "crop": [32, 32], "channel_order": "bgr"},
        **{"scale": 1.0, "mean": [1.0, 2.0, 3.0]},
    },
}


def with_config(**values):
    return {**GOOD, "config": {**GOOD["config"], **values}}


def with_recipe(**values):
    return {**GOOD, "preprocessing": {**GOOD["preprocessing"], **values}}


def test_the_good_one_is_good(tmp_path):
    ours(tmp_path / "weights.safetensors", GOOD)
    assert load_weights(tmp_path / "weights.safetensors").preprocessing.crop == (32, 32)


@pytest.mark.parametrize(
    "about",
    [
        "[" * 200_000,
        '{"format": ' + "9" * 10_000 + "}",
        {**GOOD, "format": 10**30},
        {**GOOD, "architecture": ["c3d"]},
        {**GOOD, "config": 7},
        with_config(num_classes=10**30),
        with_config(num_classes=10**12),
        with_config(width=1e300),
        with_config(width="1"),
        with_config(input_size=[16, 10**9, 10**9]),
        with_config(input_size=[16, 32]),
        with_recipe(resize=10**9),
        with_recipe(resize=[10**9, 10**9]),
        with_recipe(resize=None),
        with_recipe(scale=float("nan")),
        with_recipe(mean=[float("inf")] * 3),
        with_recipe(mean={"sha256": ["x"]}),
        with_recipe(foreign=1),
    ],
    ids=str,
)
def test_metadata_of_absurd_values(about, tmp_path):
    ours(tmp_path / "weights.safetensors", about)
    refused(tmp_path / "weights.safetensors", "metadata|format")


@pytest.mark.parametrize("name", ["module." * 100_000, "conv1a." * 100_000, "x" * 1_000_000])
def test_names_of_absurd_length(name, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({f"{name}weight": torch.zeros(1)}, path)
    refused(path, "short names")


def test_arrays_of_absurd_number(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({f"conv{i}": torch.zeros(1) for i in range(20_000)}, path)
    refused(path, "20000 arrays")


# --- PyTorch --------------------------------------------------------------------------------------


def write_bomb(path, name, beginning=b""):
    """Write a zip archive with one part of a gigabyte and a little, nearly all of it zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(beginning) + packer.flush(zlib.Z_FULL_FLUSH)
    mebibyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same bytes mean the same again.
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, start + mebibyte * 1024 + packer.flush())
        file.writestr("archive/version", "3")
    content = bytearray(path.read_bytes())
    size = len(beginning) + (1 << 30)
    for place in (0, content.index(b"PK\x01\x02")):
        shift = 2 if place else 0
        struct.pack_into("<H", content, place + 8 + shift, zipfile.ZIP_DEFLATED)
        struct.pack_into("<I", content, place + 22 + shift, size)
    path.write_bytes(content)
    assert len(content) < 2_000_000
    with zipfile.ZipFile(path) as file, file.open(name) as part:
        assert part.read(len(beginning) + 3) == beginning + bytes(3)


def test_a_zip_bomb(tmp_path):
    path = tmp_path / "weights.pth"
    write_bomb(path, "archive/data.pkl", b"\x80\x02")
    refused(path, "compressed")


def test_a_zip_whose_parts_overlap(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({f"conv{i}": torch.full((1000,), float(i)) for i in range(20)}, path)
    content = path.read_bytes()
    first = content.index(b"PK\x01\x02")  # the directory; 20 bytes on are two sizes
    assert struct.unpack_from("<II", content, first + 20)[0] < 2**20
    path.write_bytes(
        content[: first + 20] + struct.pack("<II", 2**31, 2**31) + content[first + 28 :]
    )
    refused(path, "is not a whole PyTorch file")


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_repeat_the_same_bytes(zipped, tmp_path):
    path = tmp_path / "weights.pth"
    tensors = {"conv1a.weight": torch.zeros(1).expand(2**40)}
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    assert path.stat().st_size < 10_000
    refused(path, "claim to have 4398046511104")


@pytest.mark.parametrize("kind", ["sparse", "meta", "quantized"])
@pytest.mark.filterwarnings("ignore")  # of how little such tensors are supported
def test_tensors_that_are_no_arrays(kind, tmp_path):
    tensor = {
        "sparse": lambda: torch.sparse_coo_tensor([[0], [0]], [1.0], (2**30, 2**30)),
        "meta": lambda: torch.empty(2**40, device="meta"),
        "quantized": lambda: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
    }[kind]()
    torch.save({"conv1a.weight": tensor}, tmp_path / "weights.pth")
    refused(tmp_path / "weights.pth")


class Bytes:
    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return bytearray, (self.number,)


@pytest.mark.parametrize("zipped", [True, False])
def test_bytes_that_a_pickle_asks_for(zipped, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(
        {"a": torch.zeros(1), "x": Bytes(2**34)}, path, _use_new_zipfile_serialization=zipped
    )
    refused(path, "names bytearray")


def test_an_old_storage_that_is_longer_than_the_file(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1000)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    number = pickle.dumps(1000, protocol=2)[2:-1]  # M, and two bytes
    assert content.count(number) >= 1
    path.write_bytes(content.replace(number, b"J" + struct.pack("<i", 2**31 - 1)))
    refused(path, "is not a whole PyTorch file|holds more than tensors")


def test_a_pickle_of_deep_nesting_and_odd_keys(tmp_path):
    # By its instructions: a dict with a key of 100,000 tuples in each other.
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02})" + b"\x85" * 100_000 + b"K\x01s.")
        file.writestr("archive/version", "3")
    refused(path, "no tensors by name; its first keys are 'tuple'")


# --- Caffe ----------------------------------------------------------------------------------------

NETS = {
    "a length beyond the file": varint(100 << 3 | 2) + varint(2**50) + b"abc",
    "a length beyond numbers": varint(100 << 3 | 2) + b"\xff" * 9 + b"\x7f",
    "endless number": b"\xff" * 100_000,
    "axes of absurd length": field(2, field(6, blob((2**62,) * 5, bytes(4)))),
    "axes whose product overflows to what is there": field(2, field(6, blob((2**32, 2**32, 0, 1)))),
    "too many axes": field(
        100, field(7, field(7, field(1, b"\x01" * 1_000_000)) + field(5, bytes(4)))
    ),
    "too many big axes": field(100, field(7, field(7, field(1, b"\xff\x7f" * 500_000)))),
    "many empty blobs": field(2, field(6, b"") * 3_000_000),
    "many layers of one blob": field(2, field(4, b"x") + field(6, b"")) * 200_000,
    "many tiny pieces": field(2, field(6, b"\x2d\x00\x00\x80\x3f" * 2_000_000)),
    "many unknown fields": field(
        2, field(6, b"".join(varint(i << 3) + b"\0" for i in range(9, 300_000)))
    ),
    "a name without end": field(
        2, field(4, b"x" * 5_000_000) + field(6, blob((1, 1, 1, 1), bytes(4)))
    ),
}


def nested(depth):
    content = b""
    for _ in range(depth):
        content = field(2, content)
    return content


@pytest.mark.parametrize("what", NETS)
def test_caffe_networks_of_absurd_sizes(what, tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(NETS[what])
    refused(path)
    with pytest.raises(CheckpointError, match=str(path)):
        caffe.read_blob(path)


def test_caffe_networks_nested_deeply(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(nested(2000))
    refused(path)


# --- Mean cubes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(3, 10**15, 1, 1), (3, 2**62, 4, 4), (3, -1, 2, 2), (3, 0, 2, 2)]
)
def test_mean_cubes_of_absurd_shapes(shape, tmp_path):
    path = tmp_path / "mean.npy"
    path.write_bytes(npy_header(shape, "<f4") + bytes(48))
    with pytest.raises(CheckpointError, match=str(path)):
        MeanCube.from_file(path)


def test_mean_cubes_that_are_no_numbers(tmp_path):
    for number, array in enumerate(
        (
            np.full((3, 1, 2, 2), "x"),
            np.full((3, 1, 2, 2), 1j),
            np.full((3, 1, 2, 2), np.nan, np.float32),
        )
    ):
        path = tmp_path / f"{number}.npy"
        np.save(path, array)
        with pytest.raises(CheckpointError, match=str(path)):
            MeanCube.from_file(path)
    for content in (b"", b"PK\3\4", b"\x93NUMPY\x01\x00", b"[" * 1000):
        for suffix in (".npy", ".safetensors", ".binaryproto"):
            path = tmp_path / f"damaged{suffix}"
            path.write_bytes(content)
            with pytest.raises(CheckpointError, match=str(path)):
                MeanCube.from_file(path)


@pytest.mark.parametrize("read", [BenchmarkResult.from_json, SpeedReport.from_json])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "[]", "7"])
def test_results_of_deep_nesting(read, text):
    with pytest.raises(ValueError, match="is no "):
        read(text)


# --- Kept folds -----------------------------------------------------------------------------------


@pytest.fixture
def fold(tmp_path):
    """A store with one fold, its file, and a function that looks the fold up."""
    store = open_fold_store(tmp_path, np.zeros((4, 2)), np.zeros(4), None, None)
    train, test = np.array([0, 1]), np.array([2, 3])
    store.put(train, test, FoldOutcome(0, test, np.array([0, 1]), np.array([0.5, 1.0]), {"C": 1}))
    (path,) = tmp_path.glob("*.npz")
    assert store.get(0, train, test).best_params == {"C": 1}
    return path, lambda: store.get(0, train, test)


def npy_header(shape, dtype="<i8"):
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text + b"\n"


def test_a_kept_fold_that_is_a_zip_bomb(fold):
    path, look_up = fold
    write_bomb(path, "predictions.npy", npy_header((2**27,)))
    assert look_up() is None


@pytest.mark.parametrize("shape", [(10**15,), (2**62, 4), (2**33,), (-1,), (2, 1), ()])
def test_a_kept_fold_of_an_absurd_shape(fold, shape):
    path, look_up = fold
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("predictions.npy", npy_header(shape) + bytes(16))
        file.writestr("best_params.npy", npy_header((), "<U2") + "{}".encode("utf-32-le"))
    assert look_up() is None


@pytest.mark.parametrize("text", ["[" * 100_000, "7", "{", "9" * 10_000])
def test_a_kept_fold_of_absurd_parameters(fold, text):
    path, look_up = fold
    np.savez(path, predictions=np.array([0, 1]), best_params=np.array(text))
    assert look_up() is None


# --- Lists ----------------------------------------------------------------------------------------


def huge(path):
    """A text of one line of two gigabytes, most of it a hole in the file."""
    with open(path, "wb") as file:
        file.write(b"1 a")
        file.truncate(2 << 30)


def test_lists_of_one_endless_line(tmp_path):
    names = ["classInd", *(f"{part}list0{k}" for part in ("train", "test") for k in (1, 2, 3))]
    names += [f"wave_test_split{k}" for k in (1, 2, 3)]
    (tmp_path / "a.avi").touch()
    for name in names:
        huge(tmp_path / f"{name}.txt")
    for load in (load_ucf101, load_hmdb51):
        with pytest.raises(ValueError, match=rf"{tmp_path}.* has 2147483648 bytes"):
            load(tmp_path)


@pytest.mark.parametrize(
    "line", ["0 9999999999 cup", f"0 {'9' * 10_000} cup", f"{'9' * 10_000} 3 x"]
)
def test_labels_of_an_endless_line_or_range(line, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").touch()
        (tmp_path / f"{name}.txt").write_text(line)
    with pytest.raises(ValueError, match=str(tmp_path)) as raised:
        load_object_sequences(tmp_path)
    assert len(str(raised.value)) < 1500
    huge(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=rf"{tmp_path}.* has 2147483648 bytes"):
        load_object_sequences(tmp_path)


@pytest.mark.parametrize("group", ["9" * 30, "9" * 5000])
def test_a_group_of_absurd_number(group, tmp_path):
    (tmp_path / "classInd.txt").write_text("1 Archery")
    for number in (1, 2, 3):
        for part in ("train", "test"):
            line = f"Archery/v_Archery_g{group}_c01.avi" + (" 1" if part == "train" else "")
            (tmp_path / f"{part}list0{number}.txt").write_text(line)
    with pytest.raises(ValueError, match=r"list01\.txt") as raised:
        load_ucf101(tmp_path)
    assert len(str(raised.value)) < 1500
