"""The three generations of Caffe's files, written here byte by byte from the public schemas."""

import struct

import numpy as np
import pytest

from skvideo3d.caffe import net_shapes, read_blob, read_net
from skvideo3d.exceptions import CheckpointError


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def floats(field, values, packed=True):
    values = [struct.pack("<f", value) for value in values]
    if packed:
        return message(field, b"".join(values))
    return b"".join(varint(field << 3 | 5) + value for value in values)


def c3d_blob(array, packed=True):
    # facebookarchive/C3D, caffe.proto: num, channels, length, height, width = 1..5, data = 6.
    axes = [1] * (5 - array.ndim) + list(array.shape)
    sizes = b"".join(number(i + 1, size) for i, size in enumerate(axes))
    return sizes + floats(6, array.ravel(), packed)


def shaped_blob(array, double=False):
    # BVLC Caffe: shape = 7 { dim = 1 }, data = 5, double_data = 8.
    shape = message(7, message(1, b"".join(varint(size) for size in array.shape)))
    if double:
        return shape + message(8, array.astype("<f8").tobytes())
    return floats(5, array.ravel()) + shape


def legacy_blob(array):
    # BVLC Caffe before `shape`: num, channels, height, width = 1..4, data = 5.
    axes = [1] * (4 - array.ndim) + list(array.shape)
    return b"".join(number(i + 1, size) for i, size in enumerate(axes)) + floats(5, array.ravel())


@pytest.fixture
def weight():
    return np.random.default_rng(0).standard_normal((4, 3, 2, 2, 5)).astype(np.float32)


@pytest.fixture
def bias():
    return np.arange(4, dtype=np.float32)


def write(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_blobs_of_c3ds_fork_have_five_axes(tmp_path, weight, packed):
    np.testing.assert_array_equal(read_blob(write(tmp_path, c3d_blob(weight, packed))), weight)


@pytest.mark.parametrize("double", [False, True])
def test_blobs_with_a_shape_keep_it(tmp_path, weight, double):
    blob = read_blob(write(tmp_path, shaped_blob(weight, double)))
    assert blob.dtype == np.float32
    np.testing.assert_array_equal(blob, weight)


def test_blobs_from_before_shape_have_four_axes(tmp_path, weight):
    found = read_blob(write(tmp_path, legacy_blob(weight[:, :, 0])))
    np.testing.assert_array_equal(found, weight[:, :, 0])


def test_a_gradient_beside_the_values_is_not_read(tmp_path, weight):
    # In C3D's fork field 7 is `diff`; in other files it is `shape`.
    content = c3d_blob(weight) + floats(7, np.zeros(weight.size))
    np.testing.assert_array_equal(read_blob(write(tmp_path, content)), weight)


@pytest.mark.realdata
def test_the_authors_mean_cube_is_its_raw_floats(realdata):
    path = realdata / "c3d_authors" / "fb_train16_128_mean.binaryproto"
    raw = path.read_bytes()
    # All but the last 3*16*128*128 floats is the header.
    expected = np.frombuffer(raw[-3 * 16 * 128 * 128 * 4 :], "<f4").reshape(1, 3, 16, 128, 128)
    np.testing.assert_array_equal(read_blob(path), expected)


def nets(weight, bias):
    """The same layer as each generation wrote it, with fields that must be skipped."""
    named = b"conv1a"
    blobs = {
        "c3d": (c3d_blob(weight), c3d_blob(bias)),
        "v2": (shaped_blob(weight), shaped_blob(bias)),
    }
    v0 = message(1, named) + message(2, b"conv") + number(3, 4)
    v0 += b"".join(message(50, blob) for blob in blobs["c3d"]) + floats(51, [1.0, 2.0], False)
    v1 = message(2, b"data") + message(4, named) + number(5, 30)
    v1 += b"".join(message(6, blob) for blob in blobs["c3d"])
    v2 = message(1, named) + message(2, b"Convolution3D")
    v2 += b"".join(message(7, blob) for blob in blobs["v2"])
    relu = message(2, message(4, b"relu1a") + number(5, 18))
    return {
        "v0": message(1, b"net") + message(2, message(1, v0)),
        "v1": message(1, b"net") + message(2, v1) + relu,
        "v2": message(1, b"net") + message(100, v2),
    }


@pytest.mark.parametrize("generation", ["v0", "v1", "v2"])
def test_networks_of_every_generation_give_blobs_by_layer(tmp_path, weight, bias, generation):
    path = write(tmp_path, nets(weight, bias)[generation])
    layers = read_net(path)
    assert list(layers) == ["conv1a"]
    np.testing.assert_array_equal(layers["conv1a"][0], weight)
    np.testing.assert_array_equal(layers["conv1a"][1].ravel(), bias)
    assert net_shapes(path) == {"conv1a": [blob.shape for blob in layers["conv1a"]]}


def test_a_cut_network_is_refused_wherever_it_ends_inside_its_layer(tmp_path, weight, bias):
    content = nets(weight, bias)["v1"]
    end_of_layer = content.rindex(b"relu1a") - 4
    for end in range(0, end_of_layer, 7):
        with pytest.raises(CheckpointError, match="not a whole Caffe network"):
            read_net(write(tmp_path, content[:end]))


def test_a_cut_blob_is_refused(tmp_path, weight):
    content = c3d_blob(weight)
    for end in (0, 1, 5, 12, len(content) - 1):
        with pytest.raises(CheckpointError, match="not a whole Caffe blob"):
            read_blob(write(tmp_path, content[:end]))


def test_sizes_that_disagree_with_the_values_are_refused(tmp_path, weight):
    content = c3d_blob(weight).replace(number(1, 4), number(1, 5), 1)
    with pytest.raises(CheckpointError, match=r"shape \(5, 3, 2, 2, 5\) holds 240 values"):
        read_blob(write(tmp_path, content))


@pytest.mark.parametrize("content", [b"GIF89a", b"PK\x03\x04" + b"\0" * 50, b"\xff" * 40, b"text"])
def test_foreign_files_are_refused_as_blob_and_as_network(tmp_path, content):
    path = write(tmp_path, content)
    for read in (read_blob, read_net, net_shapes):
        with pytest.raises(CheckpointError, match=r"'.*file' is not a whole Caffe"):
            read(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_blob(tmp_path / "nothing")
