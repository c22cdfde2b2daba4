import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from skvideo3d.video.atomic_files import AtomicFiles


@pytest.fixture
def files(tmp_path):
    return AtomicFiles(tmp_path / "parts")


def test_a_file_is_written_with_its_folders_and_replaced(files, tmp_path):
    path = tmp_path / "a" / "b" / "ä.bin"
    for content in (b"one", b"", b"another"):
        files.write(path, content)
        assert path.read_bytes() == content
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_reader_sees_what_one_writer_wrote_and_no_mixture(files, tmp_path):
    path = tmp_path / "file"
    contents = {bytes([letter]) * 100_000 for letter in b"abcd"}

    def run(content):
        for _ in range(20):
            files.write(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, contents))


def test_others_may_read_what_the_umask_lets_them(files, tmp_path):
    before = os.umask(0o027)
    try:
        files.write(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_write_that_fails_leaves_the_file_as_it_was_and_no_part(files, tmp_path, monkeypatch):
    files.write(tmp_path / "file", b"before")

    def fail(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        files.write(tmp_path / "file", b"after")
    assert (tmp_path / "file").read_bytes() == b"before"
    assert list((tmp_path / "parts").iterdir()) == []


def test_parts_that_are_old_are_removed_once(tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()

    def leave(name, age):
        (parts / name).write_bytes(b"half of")
        now = (parts / name).stat().st_mtime
        os.utime(parts / name, (now - age, now - age))

    leave("old.part", 3700)
    leave("young.part", 3500)
    files = AtomicFiles(parts)
    files.write(tmp_path / "file", b"x")
    leave("later.part", 3700)
    files.write(tmp_path / "file", b"x")
    assert sorted(path.name for path in parts.iterdir()) == ["later.part", "young.part"]
