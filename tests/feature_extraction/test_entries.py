"""Whatever happens to the file of a descriptor, it is read as it was written or not at all."""

import io
import json
import os
import pickle
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skvideo3d.feature_extraction.clips import clip_dtype
from skvideo3d.feature_extraction.entries import (
    DamagedEntryError,
    StoredValue,
    read_entry,
    write_entry,
)

KEY = "1f" * 32
VALUES = np.array([1.5, -2, 1e-30], dtype=np.float32)


@given(hnp.arrays(st.sampled_from([np.float32, np.int64]), hnp.array_shapes(min_side=0)), st.text())
def test_what_is_written_is_read(values, loss):
    found = read_entry(KEY, write_entry(KEY, StoredValue(values, loss)))
    assert found.values.dtype == values.dtype
    assert found.values.tobytes() == values.tobytes()
    assert found.values.shape == values.shape
    assert found.loss == loss


def test_columns_first_and_structured_arrays_come_back_too():
    for values in (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros(2, clip_dtype(5))):
        found = read_entry(KEY, write_entry(KEY, StoredValue(values)))
        np.testing.assert_array_equal(found.values, values)
        assert not found.values.flags.writeable


def test_paths_that_are_no_utf8_may_be_part_of_a_loss():
    loss = os.fsdecode(b"/films/\xff.mp4: 3 frames")
    assert read_entry(KEY, write_entry(KEY, StoredValue(VALUES, loss))).loss == loss


def test_numpy_reads_the_array_and_no_line_follows_but_the_last():
    content = write_entry(KEY, StoredValue(VALUES, "line\nline"))
    np.testing.assert_array_equal(np.load(io.BytesIO(content), allow_pickle=False), VALUES)
    assert json.loads(content.splitlines()[-1])["loss"] == "line\nline"


@pytest.mark.parametrize("loss", ["", "frames 7 to 9"])
def test_every_single_flipped_bit_is_noticed(loss):
    content = write_entry(KEY, StoredValue(VALUES, loss))
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedEntryError):
            read_entry(KEY, bytes(flipped))


def test_every_length_but_the_whole_is_noticed():
    content = write_entry(KEY, StoredValue(VALUES, "frames 7 to 9"))
    for length in range(len(content)):
        with pytest.raises(DamagedEntryError):
            read_entry(KEY, content[:length])
        with pytest.raises(DamagedEntryError):  # blocks that a power failure left unwritten
            read_entry(KEY, content[:length] + bytes(len(content) - length))


def test_an_entry_under_another_name_is_noticed():
    with pytest.raises(DamagedEntryError, match="checksum"):
        read_entry("2f" * 32, write_entry(KEY, StoredValue(VALUES)))


@given(st.binary(max_size=300))
def test_a_file_of_anything_is_damaged(content):
    with pytest.raises(DamagedEntryError):
        read_entry(KEY, content)


def forged(body, loss=""):
    """A file whose checksum is right, as someone makes it who has read this package."""
    checksum = zlib.crc32(json.dumps([KEY, loss]).encode(), zlib.crc32(body))
    return body + b"\n" + json.dumps({"crc32": checksum, "loss": loss}).encode()


def header(text):
    padded = text.encode() + b" " * (118 - len(text) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


def test_the_forger_of_this_test_can_write_what_is_read():
    file = io.BytesIO()
    np.save(file, VALUES)
    np.testing.assert_array_equal(read_entry(KEY, forged(file.getvalue())).values, VALUES)
    ours = header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }") + VALUES.tobytes()
    np.testing.assert_array_equal(read_entry(KEY, forged(ours)).values, VALUES)


def test_no_forgery_is_executed(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    for body in (file.getvalue(), pickle.dumps(Bomb())):
        with pytest.raises(DamagedEntryError):
            read_entry(KEY, forged(body))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': 7, 'fortran_order': False, 'shape': (1,), }",
        "__import__('os').getcwd()",
        "[" * 5000,
        "-" * 5000 + "1",
        "",
    ],
)
def test_no_forged_header_is_more_than_a_damaged_entry(text):
    with pytest.raises(DamagedEntryError):
        read_entry(KEY, forged(header(text) + bytes(12)))


def test_no_forged_last_line_is_more_than_a_damaged_entry():
    body = write_entry(KEY, StoredValue(VALUES)).rpartition(b"\n")[0]
    for line in (b"[" * 100_000, b"null", b"[1]", b"{}", b'{"crc32": [], "loss": 0}', b"\xff"):
        with pytest.raises(DamagedEntryError):
            read_entry(KEY, body + b"\n" + line)


def test_objects_are_not_written():
    with pytest.raises(ValueError, match="pickle"):
        write_entry(KEY, StoredValue(np.array([object()], dtype=object)))
