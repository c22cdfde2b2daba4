import io
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skvideo3d.video.sealed_files import DamagedEntryError, npy_array, seal, unseal

SIMPLE = st.none() | st.integers() | st.floats(allow_nan=False) | st.text()
NOTES = st.dictionaries(st.text().filter(lambda name: name != "crc32"), SIMPLE | st.lists(SIMPLE))


@given(st.text(), st.binary(), NOTES)
def test_what_is_sealed_comes_back(key, body, notes):
    found, its_notes = unseal(key, seal(key, body, notes), list(notes))
    assert (bytes(found), its_notes) == (body, notes)


def test_the_checksum_is_of_the_body_the_key_and_the_notes():
    # Written out, as folders of earlier versions have it.
    checksum = zlib.crc32(b'body["key", "the last 2 frames", 7]')
    line = json.dumps({"crc32": checksum, "loss": "the last 2 frames", "n": 7})
    assert seal("key", b"body", {"loss": "the last 2 frames", "n": 7}) == b"body\n" + line.encode()


@given(st.binary(max_size=50), st.data())
def test_no_byte_can_be_another(body, data):
    content = bytearray(seal("key", body, {"time": [0.1, 1e-07, -0.0], "loss": ""}))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedEntryError):
        unseal("key", bytes(content), ["time", "loss"])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"crc32": 1}',
        b"null",
        b"[1]",
        b"7",
        b'{"crc32": []}',
        b"\xff",
        b"[" * 100_000,
        b"9" * 10_000,
    ],
)
def test_other_last_lines_are_damage(line):
    with pytest.raises(DamagedEntryError):
        unseal("key", b"body\n" + line, [])


def test_arrays_are_read_where_they_lie():
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)), np.zeros((0, 2))):
        file = io.BytesIO()
        np.save(file, array)
        content = file.getvalue()
        found = npy_array(content)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert not found.flags.owndata
        assert not found.flags.writeable


def test_objects_and_what_is_shorter_than_it_claims_are_damage():
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    whole = io.BytesIO()
    np.save(whole, np.arange(3))
    for content in (file.getvalue(), whole.getvalue()[:-1], whole.getvalue()[:20], b"", b"x" * 99):
        with pytest.raises(DamagedEntryError, match="no array of numbers"):
            npy_array(content)
