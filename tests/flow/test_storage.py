"""Flow is kept as it was put or not at all, whoever writes, is killed or damages it."""

import io
import json
import os
import pickle
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skvideo3d.flow import storage
from skvideo3d.flow.storage import CHUNK, FlowChunk, FlowStore

KEY, OTHER = "0123456789abcdef" * 4, "ff" * 32


def a_chunk(n=3, size=(4, 5), dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    flow = rng.integers(0, 256, (n, *size, 2)).astype(dtype)
    return FlowChunk(flow, np.arange(n) + 7, rng.random(n))


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert ours.tobytes() == theirs.tobytes()


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.fixture
def store(tmp_path):
    return FlowStore(tmp_path / "flöw 流")


@pytest.fixture
def kept(store):
    kept = store.open(KEY)
    kept.put(0, a_chunk())
    return kept


@pytest.fixture
def file(kept, store):
    return next(store.folder.rglob("000000.npy.gz"))


# --- What is put is found -------------------------------------------------------------------------

BITS = st.sampled_from([np.uint8, np.float16, np.float32])
SHAPES = st.tuples(*[st.integers(1, 3)] * 3, st.just(2))


FRAMES = st.integers(-(2**63), 2**63 - 1)


@given(hnp.arrays(BITS, SHAPES), FRAMES, st.floats(allow_nan=False))
def test_what_is_packed_comes_back_bit_for_bit(flow, frame, seconds):
    chunk = FlowChunk(flow, np.full(len(flow), frame), np.full(len(flow), seconds))
    assert_same(storage._unpack("name", storage._pack("name", chunk)), chunk)


def test_a_time_that_nobody_knows_comes_back():
    chunk = a_chunk()._replace(time=np.array([0.0, np.nan, 1.0]))
    found = storage._unpack("name", storage._pack("name", chunk))
    np.testing.assert_array_equal(found.time, chunk.time)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_what_is_put_is_found_also_by_a_process_that_comes_later(store, dtype):
    chunks = [a_chunk(CHUNK, dtype=dtype), a_chunk(5, dtype=dtype, seed=1)]
    for number, chunk in enumerate(chunks):
        store.open(KEY).put(number, chunk)
    for opened in (store, FlowStore(str(store.folder))):
        for number, chunk in enumerate(chunks):
            assert_same(opened.open(KEY).chunk(number), chunk)
        assert opened.open(KEY).chunk(2) is None


def test_views_and_columns_first_are_kept_as_they_are_read(store):
    chunk = a_chunk(6, size=(8, 9))
    flow = np.asfortranarray(chunk.flow)[::2, ::-1]
    store.open(KEY).put(0, FlowChunk(flow, chunk.number[::2], chunk.time[::2]))
    found = store.open(KEY).chunk(0)
    np.testing.assert_array_equal(found.flow, chunk.flow[::2, ::-1])
    assert found.flow.flags.c_contiguous


def test_a_chunk_is_read_without_this_package(file):
    content = file.read_bytes()
    array = zlib.decompressobj(wbits=31).decompress(content)
    flow = np.load(io.BytesIO(array), allow_pickle=False)
    np.testing.assert_array_equal(np.moveaxis(flow, 1, -1), a_chunk().flow)
    assert json.loads(content.splitlines()[-1])["number"] == [7, 8, 9]


def test_smooth_flow_of_bytes_takes_the_place_it_is_said_to_take(store):
    # A wave of 3 pixels over the picture and a still border, as the encoded bytes of bound 20.
    y, x = np.mgrid[:128, :170]
    waves = [3 * np.sin(x / 30 + y / 50 + t / 9) * (x > 40) for t in range(8)]
    flow = np.rint((np.stack([waves, waves], -1) + 20) / 40 * 255).astype(np.uint8)
    store.open(KEY).put(0, FlowChunk(flow, np.arange(8), np.arange(8.0)))
    (path,) = store.folder.rglob("*.npy.gz")
    # Less than the quarter of a byte a pixel that real TV-L1 flow takes.
    assert path.stat().st_size < flow[..., 0].size / 4


@pytest.mark.parametrize(("dtype", "bytes_per_pixel"), [("float16", 4), ("float32", 8)])
def test_floats_take_the_place_they_are_said_to_take(store, dtype, bytes_per_pixel):
    chunk = a_chunk(2, size=(128, 170), dtype=dtype)
    store.open(KEY).put(0, chunk)
    (path,) = store.folder.rglob("*.npy.gz")
    pixels = chunk.flow[..., 0].size
    assert path.stat().st_size == pytest.approx(bytes_per_pixel * pixels, rel=0.01)


# --- The end --------------------------------------------------------------------------------------


def test_a_video_is_complete_when_it_is_said_to_end(kept, store):
    assert (kept.is_complete, kept.n_frames, kept.loss) == (False, None, "")
    loss = os.fsdecode(b"/films/\xff.mp4: frames 7 to 9\n")
    kept.finish(3, loss)
    for opened in (kept, FlowStore(store.folder).open(KEY)):
        assert (opened.is_complete, opened.n_frames, opened.loss) == (True, 3, loss)


def test_the_end_is_seen_by_who_looked_before_it_came(kept, store):
    before = store.open(KEY)
    assert not before.is_complete
    kept.finish(3, "")
    assert before.is_complete


def test_a_video_without_flow_can_be_complete(store):
    store.open(KEY).finish(0, "all")
    assert (store.open(KEY).n_frames, store.open(KEY).loss) == (0, "all")


@pytest.mark.parametrize(("n_frames", "ends"), [(CHUNK, True), (CHUNK + 1, False)])
def test_a_video_with_a_missing_chunk_does_not_end(kept, n_frames, ends):
    kept.finish(n_frames, "")
    assert kept.is_complete == ends


def test_a_chunk_that_was_removed_is_put_again(kept, file):
    kept.finish(3, "")
    file.unlink()
    assert (kept.is_complete, kept.chunk(0)) == (True, None)
    kept.put(0, a_chunk())
    assert_same(kept.chunk(0), a_chunk())


def test_a_damaged_end_is_named_and_written_again(kept, store):
    kept.finish(3, "")
    (path,) = store.folder.rglob("end.json")
    content = path.read_bytes()
    for damaged in [content[:length] for length in range(len(content))] + [b"{}", b"\n[1]"]:
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="damaged") as warned:
            assert not store.open(KEY).is_complete
        assert str(path) in str(warned[0].message)
    kept.finish(3, "")
    assert store.open(KEY).is_complete


# --- Damage ---------------------------------------------------------------------------------------


def found_with(kept, file, content):
    """What is read of a file of such content; a warning must name it if it is nothing."""
    file.write_bytes(content)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = kept.chunk(0)
    if found is None:
        (warning,) = warned
        assert "damaged" in str(warning.message)
        assert str(file) in str(warning.message)
        assert warning.filename == __file__
    return found


PACKED = {dtype: storage._pack("name", a_chunk(dtype=dtype)) for dtype in ("uint8", "float16")}


@pytest.mark.parametrize("dtype", sorted(PACKED))
def test_every_length_but_the_whole_is_noticed(dtype):
    content = PACKED[dtype]
    for length in range(len(content)):
        # The second is what a power failure leaves: blocks that were not written.
        for cut in (content[:length], content[:length] + bytes(len(content) - length)):
            with pytest.raises(storage.DamagedEntryError):
                storage._unpack("name", cut)
    assert_same(storage._unpack("name", content), a_chunk(dtype=dtype))


@pytest.mark.parametrize("length", [0, 1, 60, -1])
def test_a_file_that_is_cut_off_is_named(kept, file, length):
    content = file.read_bytes()
    assert found_with(kept, file, content[:length]) is None
    assert found_with(kept, file, content + b"\n") is None
    assert_same(found_with(kept, file, content), a_chunk())


@given(st.sampled_from(sorted(PACKED)), st.data())
def test_flipped_bits_are_noticed(dtype, data):
    content = bytearray(PACKED[dtype])
    # CRC-32 tells up to three flipped bits anywhere in so short a file.
    places = st.integers(0, 8 * len(content) - 1)
    for bit in data.draw(st.sets(places, min_size=1, max_size=3)):
        content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(storage.DamagedEntryError):
        storage._unpack("name", bytes(content))


def test_a_damaged_chunk_is_put_again(kept, file):
    assert found_with(kept, file, b"anything") is None
    kept.put(0, a_chunk())
    assert_same(kept.chunk(0), a_chunk())


def test_a_chunk_in_the_place_of_another_is_not_used(kept, file, store):
    content = file.read_bytes()
    for number, key in ((1, KEY), (0, OTHER)):
        store.open(key).put(number, a_chunk(seed=1))
    for path in store.folder.rglob("*.npy.gz"):
        path.write_bytes(content)
    assert_same(kept.chunk(0), a_chunk())
    for number, key in ((1, KEY), (0, OTHER)):
        with pytest.warns(UserWarning, match="its checksum is another"):
            assert store.open(key).chunk(number) is None


def forged(kept, file, array, number=(7, 8, 9), time=(0.0, 0.5, 1.0), level=6):
    """What someone makes who has read this package: its checksums are right."""
    packer = zlib.compressobj(level, wbits=31)
    body = packer.compress(array) + packer.flush()
    notes = {"number": list(number), "time": list(time)}
    name = f"v1|{KEY}|000000.npy.gz"
    checksum = zlib.crc32(json.dumps([name, *notes.values()]).encode(), zlib.crc32(body))
    return found_with(kept, file, body + b"\n" + json.dumps({"crc32": checksum, **notes}).encode())


def npy(array):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def header(shape, dtype="|u1"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    padded = text.encode() + b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


FLOW = np.arange(120, dtype=np.uint8).reshape(3, 2, 4, 5)


def test_the_forger_of_this_test_can_write_what_is_read(kept, file):
    for array in (npy(FLOW), header(FLOW.shape) + FLOW.tobytes()):
        found = forged(kept, file, array)
        np.testing.assert_array_equal(found.flow, np.moveaxis(FLOW, 1, -1))
        assert found.time.tolist() == [0, 0.5, 1]


def test_nothing_is_unpickled(kept, file, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    bombs = np.full((3, 2, 4, 5), Bomb(), dtype=object)
    for content in (npy(bombs), pickle.dumps(Bomb())):
        assert found_with(kept, file, content) is None
        assert forged(kept, file, content) is None
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "shape", [(3, 2, 10**6, 10**6), (3, 2, 2**62, 5), (3, 2, -4, 5), (3, 2, 4, 6), (0, 2, 4, 5)]
)
def test_a_header_that_claims_what_is_not_there_is_damage(kept, file, shape):
    assert forged(kept, file, header(shape) + FLOW.tobytes()) is None


def test_what_unpacks_to_more_than_a_chunk_is_damage(kept, file, monkeypatch):
    monkeypatch.setattr(storage, "_MOST_BYTES", 10**6)
    bomb = header((3, 2, 1000, 1000)) + bytes(6 * 10**6)
    assert forged(kept, file, bomb) is None
    assert file.stat().st_size < 10**4


@pytest.mark.parametrize("array", [FLOW[0], FLOW[:, :1], FLOW.astype(int), FLOW.astype(">f4")])
def test_other_arrays_are_damage(kept, file, array):
    assert forged(kept, file, npy(array)) is None


@pytest.mark.parametrize("number", [(7, 8), (7, 8, 2**70), (7, 8, "nine"), ([7], [8], [9])])
def test_other_numbers_of_frames_are_damage(kept, file, number):
    assert forged(kept, file, npy(FLOW), number=number) is None


# --- What cannot be put ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "match"),
    [
        (a_chunk(dtype=np.float64), "float64"),
        (a_chunk(CHUNK + 1), "from 1 to 32"),
        (a_chunk(0), "from 1 to 32"),
        (a_chunk()._replace(flow=np.zeros((3, 2, 4, 5), np.uint8)), r"\(3, 2, 4, 5\)"),
        (a_chunk()._replace(time=np.zeros(2)), r"times \(2,\) of 3 frames"),
    ],
)
def test_what_is_no_chunk_is_not_put(store, chunk, match):
    with pytest.raises(ValueError, match=match):
        store.open(KEY).put(0, chunk)
    assert not store.folder.exists()


def test_a_chunk_that_would_not_be_read_again_is_not_put(store, monkeypatch):
    chunk = a_chunk()
    size = len(npy(chunk.flow))
    monkeypatch.setattr(storage, "_MOST_BYTES", size)
    with pytest.raises(ValueError, match="Resize"):
        store.open(KEY).put(0, chunk)
    monkeypatch.setattr(storage, "_MOST_BYTES", size + 1)
    store.open(KEY).put(0, chunk)
    assert_same(store.open(KEY).chunk(0), chunk)


@pytest.mark.parametrize("key", ["", "../../etc", "ab" * 15, "AB" * 32, "ab" * 32 + "\n"])
def test_keys_are_digests(store, key):
    with pytest.raises(ValueError, match="hexadecimal"):
        store.open(key)


# --- Several at once ------------------------------------------------------------------------------


def test_two_videos_do_not_mix(store):
    for seed, key in enumerate((KEY, OTHER)):
        store.open(key).put(0, a_chunk(seed=seed))
    store.open(OTHER).finish(3, "")
    for seed, key in enumerate((KEY, OTHER)):
        assert_same(store.open(key).chunk(0), a_chunk(seed=seed))
        assert store.open(key).is_complete == (key == OTHER)


def test_threads_that_write_and_read_the_same_chunks_see_whole_ones(store):
    chunks = [a_chunk(8, size=(32, 32), seed=seed) for seed in range(3)]

    def run(first):
        kept = store.open(KEY)
        for turn in range(12):
            number = (first + turn) % 3
            kept.put(number, chunks[number])
            for other in range(3):
                found = kept.chunk(other)
                if found is not None:
                    assert_same(found, chunks[other])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    assert [name for name in files(store.folder) if name.endswith(".part")] == []


WRITER = """
import sys
import numpy as np
from skvideo3d.flow.storage import FlowChunk, FlowStore

kept = FlowStore(sys.argv[1]).open(sys.argv[2])
# Floats are not compressed: most of the time goes into writing.
flow = np.random.default_rng(0).random((32, 200, 200, 2), dtype=np.float32)
chunk = FlowChunk(flow, np.arange(32), np.arange(32) / 25)
print("begins", flush=True)
for number in range(int(sys.argv[3])):
    kept.put(number % 3, chunk)
"""


def start_writer(store, n_chunks):
    command = [sys.executable, "-c", WRITER, str(store.folder), KEY, str(n_chunks)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.fixture(scope="module")
def written():
    flow = np.random.default_rng(0).random((32, 200, 200, 2), dtype=np.float32)
    return FlowChunk(flow, np.arange(32), np.arange(32) / 25)


def test_processes_that_write_the_same_chunks_leave_whole_ones(store, written):
    writers = [start_writer(store, 12) for _ in range(3)]
    assert [writer.communicate()[0] and writer.returncode for writer in writers] == [0] * 3
    for number in range(3):
        assert_same(store.open(KEY).chunk(number), written)
    assert len(files(store.folder)) == 3  # and no parts


def test_a_kill_in_the_middle_of_a_write_leaves_whole_chunks_alone(store, written):
    parts = store.folder / "parts"
    parts.mkdir(parents=True)
    for _ in range(30):
        left = len(os.listdir(parts))
        if left >= 3:
            break
        writer = start_writer(store, 40)
        assert writer.stdout.readline() == b"begins\n"
        while writer.poll() is None and len(os.listdir(parts)) == left:
            pass
        writer.kill()
        writer.communicate()
        for number in range(3):  # damage would be a warning, which is an error here
            found = store.open(KEY).chunk(number)
            if found is not None:
                assert_same(found, written)
    else:
        pytest.fail("of 30 kills no 3 came in the middle of a write")
    assert not store.open(KEY).is_complete


# --- Folders that cannot be written to ------------------------------------------------------------


@contextmanager
def unprivileged():
    """Permissions count for nothing with the superuser, as whom tests may run."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_only_be_read_is_read(kept, store, tmp_path, monkeypatch):
    kept.finish(3, "")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # by its full path others than its owner could not reach it
    paths = [store.folder, *store.folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = files(store.folder)
    try:
        with unprivileged():
            later = FlowStore(store.folder.name)
            assert later.open(KEY).is_complete
            assert_same(later.open(KEY).chunk(0), a_chunk())
            with pytest.warns(UserWarning, match="cannot be written to.*Permission denied"):
                later.open(OTHER).put(0, a_chunk())
            later.open(OTHER).put(1, a_chunk())  # warns no more
            later.open(OTHER).finish(3, "")
            assert not later.open(OTHER).is_complete
    finally:
        for path in paths:
            path.chmod(0o755)
    assert files(store.folder) == before


def test_the_flow_of_another_user_who_does_not_show_it_is_as_if_it_were_not_there(
    kept, store, file, tmp_path, monkeypatch
):
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    file.chmod(0)
    with unprivileged():
        assert FlowStore(store.folder.name).open(KEY).chunk(0) is None


def test_a_file_in_the_place_of_the_folder_costs_a_warning_and_nothing_else(tmp_path):
    (tmp_path / "flow").write_text("in the way")
    kept = FlowStore(tmp_path / "flow").open(KEY)
    with pytest.warns(UserWarning, match="cannot be written to"):
        kept.put(0, a_chunk())
    kept.finish(3, "")
    assert (kept.chunk(0), kept.is_complete) == (None, False)


def test_a_folder_in_the_place_of_a_chunk_is_damage(kept, file):
    file.unlink()
    file.mkdir()
    with pytest.warns(UserWarning, match="damaged"):
        assert kept.chunk(0) is None


FULL = """
import resource, sys, warnings
import numpy as np
from skvideo3d.flow.storage import FlowChunk, FlowStore

kept = FlowStore(sys.argv[1]).open(sys.argv[2])
flow = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 2), dtype=np.uint8)
chunk = FlowChunk(flow, np.arange(32), np.arange(32) / 25)
kept.put(0, chunk)  # fits
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    kept.put(1, chunk)
    kept.put(2, chunk)
    kept.finish(96, "")
assert ["cannot be written to" in str(w.message) for w in warned] == [True], warned
assert "is computed, and not kept" in str(warned[0].message)
assert warned[0].filename == "<string>"
"""


def test_a_full_disk_costs_a_warning_and_leaves_nothing_that_is_cut_off(store):
    # The limit on the length of a file stands for the disk: writes are cut off at it, or fail.
    pytest.importorskip("resource")
    subprocess.run([sys.executable, "-c", FULL, str(store.folder), KEY], check=True)
    assert files(store.folder) == [f"v1/{KEY[:2]}/{KEY[2:]}/000000.npy.gz"]
    kept = store.open(KEY)
    assert kept.chunk(0) is not None
    assert kept.chunk(1) is None
    assert not kept.is_complete
