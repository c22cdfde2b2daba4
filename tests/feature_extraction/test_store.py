import multiprocessing
import os
import pickle

import numpy as np
import pytest

from skvideo3d.feature_extraction import store as store_module
from skvideo3d.feature_extraction.store import DescriptorStore, entry_key, open_store, video_digest

KEY = entry_key(video_digest(("file", "/a.mp4", 1, 2)), "fc6|settings")


@pytest.fixture
def store(tmp_path):
    return DescriptorStore(tmp_path / "store")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_what_is_put_is_got_also_by_a_process_that_comes_later(store):
    value = np.arange(5, dtype=np.float32)
    assert store.get(KEY) is None
    store.put(KEY, value)
    value += 1  # the caller's array is the caller's
    for opened in (store, DescriptorStore(store.folder)):
        np.testing.assert_array_equal(opened.get(KEY), np.arange(5))


def test_entries_are_plain_npy_files(store):
    store.put(KEY, np.arange(5, dtype=np.float32))
    (name,) = files(store.folder)
    np.testing.assert_array_equal(np.load(store.folder / name, allow_pickle=False), np.arange(5))


def test_structured_entries_come_back_whole(store):
    value = np.zeros(3, dtype=[("start_frame", "i8"), ("features", "f4", (4,))])
    value["features"] = 7
    store.put(KEY, value)
    np.testing.assert_array_equal(DescriptorStore(store.folder).get(KEY), value)


def test_nobody_can_change_an_entry_in_memory(store):
    store.put(KEY, np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        store.get(KEY)[0] = 1


def test_a_pickle_in_the_place_of_an_entry_is_not_executed(store, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    store.put(KEY, np.zeros(3))
    path = store.folder / files(store.folder)[0]
    for content in (pickle.dumps(Bomb()), b""):
        path.write_bytes(content)
        with pytest.warns(UserWarning, match="damaged"):
            assert DescriptorStore(store.folder).get(KEY) is None
    np.save(path, np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.warns(UserWarning, match="damaged"):
        assert DescriptorStore(store.folder).get(KEY) is None
    assert not (tmp_path / "exploded").exists()


def test_a_write_that_fails_leaves_nothing(store):
    with pytest.raises(ValueError, match="pickle"):
        store.put(KEY, np.array([object()], dtype=object))
    assert files(store.folder) == []
    assert store.get(KEY) is None


def test_entries_and_locks_may_be_read_by_whom_the_umask_says(store):
    import stat

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
    np.testing.assert_array_equal(store.get(KEY), np.arange(3))  # in this process


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


def _claim_and_die(folder, digest):
    assert DescriptorStore(folder).claim(digest) is not None
    os._exit(1)


def test_a_claim_dies_with_its_process(store):
    digest = video_digest(("a",))
    process = multiprocessing.get_context("spawn").Process(
        target=_claim_and_die, args=(store.folder, digest)
    )
    process.start()
    process.join()
    assert process.exitcode == 1
    claim = store.claim(digest)
    assert claim is not None
    claim.release()


def test_readings_are_listed_in_order(store):
    assert store.readings() == []
    for name in ("b.mp4", "ä\n.mp4", "b.mp4"):
        store.note_reading(name)
    assert store.readings() == ["b.mp4", "ä\n.mp4", "b.mp4"]


def test_keys_tell_videos_and_settings_apart():
    one, two = video_digest(("file", "/a", 1, 2)), video_digest(("file", "/a", 1, 3))
    assert len({entry_key(d, f) for d in (one, two) for f in ("fc6|x", "fc7|x")}) == 4
