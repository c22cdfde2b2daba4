import errno
import os
import stat
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from skvideo3d.exceptions import VideoDecodeError, VideoTimeoutError
from skvideo3d.feature_extraction import store as store_module
from skvideo3d.feature_extraction.store import DescriptorStore, entry_key, open_store, video_digest

KEY = entry_key(video_digest(("file", "/a.mp4", 1, 2)), "fc6|settings")


@pytest.fixture
def store(tmp_path):
    return DescriptorStore(tmp_path / "store")


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


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_what_is_put_is_got_also_by_a_process_that_comes_later(store):
    value = np.arange(5, dtype=np.float32)
    assert store.get(KEY) is None
    store.put(KEY, value)
    value += 1  # the caller's array is the caller's
    for opened in (store, DescriptorStore(store.folder)):
        np.testing.assert_array_equal(opened.get(KEY).values, np.arange(5))
        assert opened.get(KEY).loss == ""


def test_what_was_lost_of_a_video_is_kept_with_it(store):
    store.put(KEY, np.zeros(3), "frames 7 to 9")
    for opened in (store, DescriptorStore(store.folder)):
        assert opened.get(KEY).loss == "frames 7 to 9"


def test_entries_are_plain_npy_files(store):
    store.put(KEY, np.arange(5, dtype=np.float32))
    (name,) = files(store.folder)
    np.testing.assert_array_equal(np.load(store.folder / name, allow_pickle=False), np.arange(5))


def test_structured_entries_come_back_whole(store):
    value = np.zeros(3, dtype=[("start_frame", "i8"), ("features", "f4", (4,))])
    value["features"] = 7
    store.put(KEY, value)
    np.testing.assert_array_equal(DescriptorStore(store.folder).get(KEY).values, value)


def test_nobody_can_change_an_entry_in_memory(store):
    store.put(KEY, np.zeros(3))
    for opened in (store, DescriptorStore(store.folder)):
        with pytest.raises(ValueError, match="read-only"):
            opened.get(KEY).values[0] = 1


def test_a_damaged_entry_is_named_and_replaced(store):
    store.put(KEY, np.zeros(3))
    path = store.folder / files(store.folder)[0]
    content = path.read_bytes()
    for damaged in (content[:-20], content[:130] + b"\x01" + content[131:], b""):
        path.write_bytes(damaged)
        later = DescriptorStore(store.folder)
        with pytest.warns(UserWarning, match="damaged") as warned:
            assert later.get(KEY) is None
        assert str(path) in str(warned[0].message)
        later.put(KEY, np.ones(3))
        assert DescriptorStore(store.folder).get(KEY).values.tolist() == [1, 1, 1]


def test_an_entry_in_the_place_of_another_is_not_used(store):
    other = entry_key(video_digest(("file", "/b.mp4", 1, 2)), "fc6|settings")
    store.put(KEY, np.zeros(3))
    store.put(other, np.ones(3))
    (store.folder / other[:2] / f"{other[2:]}.npy").replace(
        store.folder / KEY[:2] / f"{KEY[2:]}.npy"
    )
    with pytest.warns(UserWarning, match="damaged"):
        assert DescriptorStore(store.folder).get(KEY) is None


def test_a_write_that_fails_leaves_nothing(store):
    with pytest.raises(ValueError, match="pickle"):
        store.put(KEY, np.array([object()], dtype=object))
    assert files(store.folder) == []
    assert store.get(KEY) is None


def test_entries_and_locks_may_be_read_by_whom_the_umask_says(store):
    before = os.umask(0o002)
    try:
        store.put(KEY, np.zeros(3))
        claim = store.claim(video_digest(("a",)))
        claim.release()
    finally:
        os.umask(before)
    modes = {p.suffix: stat.S_IMODE(p.stat().st_mode) for p in store.folder.rglob("*.*")}
    # Whoever may enter the folder may lock; there is nothing in a lock file.
    assert modes == {".npy": 0o664, ".lock": 0o666}


def test_a_folder_that_cannot_be_written_costs_a_warning_and_nothing_else(tmp_path):
    # A file in the place of the folder stops even the superuser.
    (tmp_path / "store").write_text("in the way")
    store = DescriptorStore(tmp_path / "store" / "inside")
    with pytest.warns(UserWarning, match="cannot be written to"):
        claim = store.claim(video_digest(("a",)))
    claim.release()
    store.note_reading("a.mp4")  # warns no more
    store.put(KEY, np.arange(3))
    np.testing.assert_array_equal(store.get(KEY).values, np.arange(3))  # in this process


def test_a_folder_that_may_only_be_read_is_read(store, tmp_path, monkeypatch):
    store.put(KEY, np.arange(3))
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # by its full path others than its owner could not reach it
    for path in [store.folder, *store.folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = files(store.folder)
    with unprivileged():
        later = DescriptorStore("store")
        assert later.get(KEY).values.tolist() == [0, 1, 2]
        with pytest.warns(UserWarning, match="cannot be written to.*Permission denied"):
            later.put("ff" * 32, np.ones(3))
        later.claim(video_digest(("a",))).release()
        later.note_reading("a.mp4")
        assert later.readings() == []
        assert later.get("ff" * 32).values.tolist() == [1, 1, 1]
    assert files(store.folder) == before
    for path in [store.folder, *store.folder.rglob("*")]:
        path.chmod(0o755)


FULL = """
import resource, sys, warnings
import numpy as np
from skvideo3d.feature_extraction.store import DescriptorStore

store = DescriptorStore(sys.argv[1])
store.put("aa" * 32, np.arange(100.0))  # fits
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    store.put("bb" * 32, np.arange(4096.0))
    store.put("cc" * 32, np.arange(4096.0))
    for number in range(200):
        store.note_reading(f"{number:03}.mp4")  # more than 30 bytes each
    assert store.claim("dd" * 32) is not None
assert ["cannot be written to" in str(w.message) for w in warned] == [True], warned
assert store.get("bb" * 32).values[-1] == 4095
"""


def test_a_full_disk_costs_a_warning_and_leaves_nothing_that_is_cut_off(store):
    # The limit on the length of a file stands for the disk: writes are cut off at it, or fail.
    pytest.importorskip("resource")
    subprocess.run([sys.executable, "-c", FULL, str(store.folder)], check=True)
    assert [name for name in files(store.folder) if name.endswith((".npy", ".part"))] == [
        f"aa/{'aa' * 31}.npy"
    ]
    assert store.get("aa" * 32) is not None
    assert store.get("bb" * 32) is None
    assert (store.folder / "readings.jsonl").stat().st_size == 4096
    whole = store.readings()
    assert whole == [f"{number:03}.mp4" for number in range(len(whole))]
    store.note_reading("there is room again.mp4")
    assert store.readings() == [*whole, "there is room again.mp4"]


def test_an_entry_that_cannot_be_moved_into_its_place_leaves_no_part(store, monkeypatch):
    def fail(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(UserWarning, match="No space left"):
        store.put(KEY, np.zeros(3))
    assert files(store.folder) == []


def test_parts_that_killed_processes_left_are_removed_when_they_are_old(store):
    parts = store.folder / "parts"
    parts.mkdir(parents=True)
    for name, age in (("old", 3700), ("young", 3500)):
        (parts / f"{name}.part").write_bytes(b"half of an ent")
        now = (parts / f"{name}.part").stat().st_mtime
        os.utime(parts / f"{name}.part", (now - age, now - age))
    store.put(KEY, np.zeros(3))
    assert [path.name for path in parts.iterdir()] == ["young.part"]


def test_memory_is_bounded_and_keeps_the_latest(store, monkeypatch):
    monkeypatch.setattr(store_module, "_MEMORY_BYTES", 1000)
    keys = [entry_key("", str(i)) for i in range(10)]
    for key in keys:
        store.put(key, np.zeros(50))  # 400 bytes
    for path in store.folder.rglob("*.npy"):
        path.unlink()
    assert [store.get(key) is not None for key in keys] == [False] * 8 + [True] * 2


def test_an_entry_in_memory_needs_no_file(store):
    store.put(KEY, np.zeros(3))
    for path in store.folder.rglob("*.npy"):
        path.unlink()
    assert store.get(KEY) is not None


def test_the_same_folder_is_the_same_store(tmp_path):
    assert open_store(str(tmp_path)) is open_store(str(tmp_path))


def test_a_video_is_claimed_once_until_it_is_released(store):
    digest = video_digest(("a",))
    claim = store.claim(digest)
    assert store.claim(digest) is None
    assert DescriptorStore(store.folder).claim(digest) is None
    claim.release()
    again = store.claim(digest)
    assert again is not None
    again.release()


def test_readings_are_listed_in_order(store):
    assert store.readings() == []
    for name in ("b.mp4", "ä\n.mp4", "b.mp4"):
        store.note_reading(name)
    assert store.readings() == ["b.mp4", "ä\n.mp4", "b.mp4"]


def test_lines_of_readings_that_are_torn_or_foreign_do_not_hide_the_others(store):
    store.note_reading("a.mp4")
    with open(store.folder / "readings.jsonl", "ab") as file:
        file.write(b'\n{"video": "to')  # cut off
    store.note_reading("b.mp4")
    with open(store.folder / "readings.jsonl", "ab") as file:
        file.write(b'\n\x00\x00\xff\n[1]\n{}\nnull\n{"video": "old.mp4", "pid": 1}\n')
    store.note_reading("c.mp4")
    assert store.readings() == ["a.mp4", "b.mp4", "old.mp4", "c.mp4"]


def test_failures_are_remembered_by_the_process_alone_and_keep_no_frames(store):
    store.put(KEY, np.zeros(3))  # so that there is a folder
    before = files(store.folder)
    try:
        frames = np.zeros(10)
        raise VideoTimeoutError(f"'a.mp4' took too long after {len(frames)} frames")
    except VideoDecodeError as error:
        store.note_failure("key", error)
    found = store.failure("key")
    assert type(found) is VideoTimeoutError
    assert str(found) == "'a.mp4' took too long after 10 frames"
    assert found.__traceback__ is None
    assert store.failure("key") is not found  # raising one twice would join their tracebacks
    assert store.failure("another key") is None
    assert DescriptorStore(store.folder).failure("key") is None
    assert files(store.folder) == before


def test_keys_tell_videos_and_settings_apart():
    one, two = video_digest(("file", "/a", 1, 2)), video_digest(("file", "/a", 1, 3))
    assert len({entry_key(d, f) for d in (one, two) for f in ("fc6|x", "fc7|x")}) == 4
