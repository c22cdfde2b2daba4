"""Fetching from a real server on the loopback that breaks off, lies or knows no ranges."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
from miniatures.weights_server import CONTENT

from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.models.download import (
    fetch,
    home,
    locate,
    verify,
    weights_folder,
)
from skvideo3d.models.hashing import git_blob_of, sha256_of


def test_the_folder_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path))
    assert home() == tmp_path
    assert weights_folder() == tmp_path / "weights"
    monkeypatch.delenv("SKVIDEO3D_HOME")
    assert home().name == "skvideo3d"


def test_a_file_is_fetched_once_and_is_whole(server, entry):
    path = fetch(entry)
    assert path == locate(entry)
    assert path.read_bytes() == CONTENT
    assert fetch(entry) == path
    assert server.requests == [None]
    assert not list(path.parent.glob("*.part"))


def test_a_git_blob_id_verifies_as_well(entry, tmp_path):
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    git = subprocess.run(
        ["git", "hash-object", str(path)], capture_output=True, text=True, check=True
    )
    assert git_blob_of(path) == git.stdout.strip()
    fetch(replace(entry, sha256=None, size=None, git_blob=git.stdout.strip()))


def test_a_broken_connection_is_taken_up_where_it_broke(server, entry):
    server.cuts = [1_000_000, 500_000]
    assert fetch(entry).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=1000000-", "bytes=1500000-"]
    assert server.sent == len(CONTENT)  # no byte went twice


def test_what_came_before_a_failure_is_kept_for_the_next_call(server, entry):
    server.cuts = [100_000, 300_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match="400000 bytes that came are kept"):
        fetch(entry)
    assert server.cuts == []
    assert not locate(entry).exists()
    assert fetch(entry).read_bytes() == CONTENT
    assert server.sent == len(CONTENT)


def test_as_long_as_bytes_come_it_goes_on(server, entry):
    server.cuts = [300_000] * 10  # more breaks than tries in a row
    assert fetch(entry).read_bytes() == CONTENT
    assert server.sent == len(CONTENT)


def test_a_server_that_always_starts_again_and_breaks_is_given_up(server, entry):
    server.ranges = False
    server.cuts = [1_000_000] * 20
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(entry)
    assert len(server.requests) <= 5


@pytest.mark.parametrize("says", [True, False])
def test_a_whole_part_of_unknown_size_is_verified_and_not_fetched_again(server, entry, says):
    server.says_total = says
    part = locate(entry).with_name("file.pt.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetch(replace(entry, size=None)).read_bytes() == CONTENT
    assert server.sent == 0
    locate(entry).unlink()
    part.write_bytes(b"x" * len(CONTENT))  # as long, and something else
    assert fetch(replace(entry, size=None)).read_bytes() == CONTENT
    locate(entry).unlink()
    part.write_bytes(CONTENT + b"more")
    assert fetch(replace(entry, size=None)).read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server, entry):
    server.ranges = False
    server.cuts = [1_000_000]
    assert fetch(entry).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) + 1_000_000


def test_a_beginning_of_another_version_is_fetched_anew(server, entry):
    part = locate(entry).with_name("file.pt.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"old" * 1000)
    assert fetch(entry).read_bytes() == CONTENT


def test_a_part_that_is_already_whole_becomes_the_file(server, entry):
    part = locate(entry).with_name("file.pt.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetch(entry).read_bytes() == CONTENT
    assert server.sent == 0


def test_a_part_that_is_too_long_is_dropped(server, entry):
    part = locate(entry).with_name("file.pt.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    assert fetch(entry).read_bytes() == CONTENT


def test_wrong_content_is_moved_aside_and_said(server, entry):
    server.content = CONTENT[:-1] + b"!"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(DownloadError, match=rf"its sha256 is {found}, published is {entry.sha256}"):
        fetch(entry)
    assert not locate(entry).exists()
    assert locate(entry).with_name("file.pt.rejected").read_bytes() == server.content
    server.content = CONTENT
    assert fetch(entry).read_bytes() == CONTENT


def test_a_web_page_instead_of_the_file_is_a_wrong_size(server, entry):
    server.content = b"<html>please log in</html>"
    with pytest.raises(DownloadError, match=r"size is 26 bytes, published is 3145728"):
        fetch(entry)


def test_an_absent_file_is_asked_for_once_and_names_all_ways_out(server, entry):
    server.status = 404
    with pytest.raises(DownloadError) as raised:
        fetch(entry)
    assert len(server.requests) == 1
    text = str(raised.value)
    for part in ("404", entry.url, str(locate(entry)), "SKVIDEO3D_HOME", "'kinetics400-rgb'"):
        assert part in text


def test_a_failing_server_is_asked_again(server, entry):
    server.status = 503
    with pytest.raises(DownloadError, match="503"):
        fetch(entry)
    assert len(server.requests) == 4


def test_offline_the_error_comes_at_once_and_names_all_ways_out(entry, server):
    closed = replace(entry, url="http://127.0.0.1:9/file.pt")  # discard: nobody listens
    with pytest.raises(DownloadError) as raised:
        fetch(closed)
    text = str(raised.value)
    for part in ("refused", closed.url, str(locate(closed)), "weights=None"):
        assert part in text


def test_without_download_nothing_is_asked_for(server, entry):
    with pytest.raises(DownloadError, match=r"are not in .*By hand"):
        fetch(entry, download=False)
    assert server.requests == []


def test_two_processes_at_once_fetch_once(server, entry):
    server.pause = 1.0  # the second one comes while the first one waits
    code = (
        "import sys; from dataclasses import replace\n"
        "from skvideo3d.models.registry import WEIGHTS\n"
        "from skvideo3d.models.download import fetch\n"
        "print(fetch(replace(WEIGHTS['kinetics400-rgb'], filename='file.pt', url=sys.argv[1],\n"
        "    sha256=sys.argv[2], git_blob=None, size=int(sys.argv[3]))))\n"
    )
    arguments = [entry.url, entry.sha256, str(entry.size)]
    processes = [
        subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    paths = [process.communicate(timeout=120)[0].decode().strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert paths == [str(locate(entry))] * 2
    assert server.sent == len(CONTENT)


def test_a_file_put_there_by_hand_is_taken(server, entry):
    unknown = replace(entry, sha256=None, size=None, url=None)
    with pytest.raises(DownloadError, match="no address of its own"):
        fetch(unknown)
    locate(unknown).parent.mkdir(parents=True)
    locate(unknown).write_bytes(CONTENT)
    assert fetch(unknown) == locate(unknown)


def test_hashes_are_taken_again_when_the_file_changes(tmp_path):
    path = tmp_path / "file"
    for content in (b"one", b"other"):
        path.write_bytes(content)
        assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_the_size_is_checked_before_anything_is_read(entry, tmp_path):
    path = tmp_path / "short"
    path.write_bytes(b"short")
    with pytest.raises(CheckpointError, match="size is 5 bytes, published is 3145728"):
        verify(path, entry)


def test_a_folder_that_cannot_be_made_is_named(server, entry, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"could not be written to .*SKVIDEO3D_HOME"):
        fetch(entry)


def test_the_bar_is_on_stderr(server, entry, capsys):
    fetch(entry, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "file.pt" in captured.err
    assert "100%" in captured.err
