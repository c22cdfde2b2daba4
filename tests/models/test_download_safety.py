"""What comes is what was published, by a way nobody can forge, and wrong files are moved aside."""

import os
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from filelock import FileLock
from miniatures.weights_server import CONTENT

from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.models import transfer
from skvideo3d.models.download import (
    fetch,
    locate,
    weights_folder,
)


def test_plain_http_without_a_published_hash_is_refused(server, entry):
    unknown = replace(entry, sha256=None, size=None)
    with pytest.raises(DownloadError, match=r"plain http .*By hand: fetch .*file\.pt' "):
        fetch(unknown)
    assert server.requests == []


@pytest.fixture
def other_user():
    """Whom a folder without the right to write stops, unlike root."""

    @contextmanager
    def become(path):
        if os.geteuid() != 0:
            yield
            return
        closed = [p for p in path.parents if not p.stat().st_mode & 0o001]
        modes = [(p, p.stat().st_mode) for p in closed]
        for folder, mode in modes:
            folder.chmod(mode | 0o011)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
            for folder, mode in modes:
                folder.chmod(mode)

    return become


def address(server, scheme="http"):
    return f"{scheme}://127.0.0.1:{server.server_port}/file.pt"


def unverifiable(entry, url):
    return replace(entry, url=url, sha256=None, size=None)


def test_https_alone_is_enough_where_nobody_published_a_hash(entry, secure_server):
    unknown = unverifiable(entry, address(secure_server, "https"))
    assert fetch(unknown).read_bytes() == CONTENT


def test_no_redirection_leaves_https_where_nobody_published_a_hash(entry, server, secure_server):
    secure_server.elsewhere = address(server)
    with pytest.raises(DownloadError, match=r"redirects to 'http://.*no.* hash.*By hand: fetch"):
        fetch(unverifiable(entry, address(secure_server, "https")))
    assert server.requests == []
    assert list(weights_folder().glob("*.part")) == []


def test_a_hash_makes_up_for_a_redirection_to_plain_http(entry, server, secure_server):
    secure_server.elsewhere = address(server)
    assert fetch(replace(entry, url=address(secure_server, "https"))).read_bytes() == CONTENT
    assert server.requests == [None]


@pytest.mark.parametrize("verifiable", [True, False])
@pytest.mark.parametrize("scheme", ["file", "ftp", "data", "gopher"])
def test_redirections_lead_to_the_web_alone(entry, secure_server, tmp_path, scheme, verifiable):
    (tmp_path / "secret").write_bytes(CONTENT)  # the very bytes: nothing but the way is wrong
    secure_server.elsewhere = f"{scheme}://127.0.0.1{tmp_path}/secret"
    url = address(secure_server, "https")
    wanted = replace(entry, url=url) if verifiable else unverifiable(entry, url)
    with pytest.raises(DownloadError, match=f"(?i)redirect.*{scheme}:"):
        fetch(wanted)
    assert not locate(wanted).exists()


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_addresses_lead_to_the_web_alone(entry, scheme):
    with pytest.raises(DownloadError, match="is not an http address"):
        fetch(replace(entry, url=f"{scheme}:///etc/hostname"))


def test_an_answer_that_goes_on_after_the_published_size_is_cut_off(entry, server):
    server.endless = True
    with pytest.raises(DownloadError, match=r"goes on after the 3145728 bytes that are published"):
        fetch(entry)
    assert len(server.requests) == 1
    assert [path.name for path in weights_folder().iterdir()] == ["file.pt.lock"]


def test_an_answer_that_announces_more_than_was_published_is_not_read(entry, server):
    server.content = CONTENT + b"more"
    server.pause = 0.2  # so that nothing of the content is under way already
    with pytest.raises(DownloadError, match=r"announces 3145732 bytes, and 3145728 are published"):
        fetch(entry)
    assert not locate(entry).with_name("file.pt.part").exists()


def test_an_endless_answer_of_unknown_size_leaves_room_on_the_disk(entry, server, monkeypatch):
    free = shutil.disk_usage(weights_folder().parent).free
    monkeypatch.setattr(transfer, "_SPARE", free - (64 << 20))  # all but 64 MiB
    server.endless = True
    with pytest.raises(DownloadError, match=r"more bytes are needed .* Make room"):
        fetch(replace(entry, size=None))
    assert len(server.requests) == 1


def test_a_file_of_unknown_size_that_leaves_no_room_is_not_begun(entry, server, monkeypatch):
    monkeypatch.setattr(transfer, "_SPARE", 1 << 62)
    with pytest.raises(DownloadError, match=r"3145728 bytes are needed .* are to stay so"):
        fetch(replace(entry, size=None))
    assert fetch(entry).read_bytes() == CONTENT  # of known size, only what it needs


def rejected(entry, number=1):
    path = locate(entry)
    return path.with_name(f"{path.name}.rejected{f'-{number}' if number > 1 else ''}")


def test_a_damaged_file_is_moved_aside_and_fetched_anew(server, entry):
    path, damaged = fetch(entry), CONTENT[:-1] + b"!"
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError) as raised:
        fetch(entry)
    for part in (f"'{path}' is not", f"moved to '{rejected(entry)}'", "weights download", "path"):
        assert part in str(raised.value)
    assert not path.exists()
    assert rejected(entry).read_bytes() == damaged
    assert len(server.requests) == 1
    assert fetch(entry).read_bytes() == CONTENT
    assert rejected(entry).read_bytes() == damaged


def test_without_download_it_is_moved_aside_as_well_and_then_missing(server, entry):
    fetch(entry).write_bytes(b"other")
    with pytest.raises(CheckpointError, match="It was moved to"):
        fetch(entry, download=False)
    with pytest.raises(DownloadError, match="are not in"):
        fetch(entry, download=False)
    assert len(server.requests) == 1


def test_what_was_moved_aside_before_is_not_lost(server, entry):
    for content in (b"first", b"second", b"first", b"third"):
        fetch(entry).write_bytes(content)
        with pytest.raises(CheckpointError, match="It was moved to"):
            fetch(entry)
    # The same content need not be there twice.
    assert [rejected(entry, n).read_bytes() for n in (1, 2, 3)] == [b"first", b"second", b"third"]
    assert not rejected(entry, 4).exists()


def test_the_right_file_of_another_process_is_not_moved_aside(server, entry):
    path = fetch(entry)
    path.write_bytes(b"wrong")
    finished = []

    def use():
        try:
            finished.append(fetch(entry))
        except (CheckpointError, DownloadError) as error:
            finished.append(error)

    with FileLock(path.with_name(f"{path.name}.lock")):  # as another process that mends it
        thread = threading.Thread(target=use)
        thread.start()
        time.sleep(0.3)
        path.write_bytes(CONTENT)
    thread.join()
    assert finished == [path]
    assert not rejected(entry).exists()
    assert path.read_bytes() == CONTENT


def test_where_the_folder_is_read_only_the_file_is_refused_where_it_is(server, entry, other_user):
    path = fetch(entry)
    path.write_bytes(b"wrong")
    path.parent.chmod(0o555)
    with (
        other_user(path),
        pytest.raises(
            CheckpointError, match=r"not used, and could not be moved aside \(Permission .*download"
        ),
    ):
        fetch(entry)
    assert path.read_bytes() == b"wrong"
    path.parent.chmod(0o755)


def test_a_file_without_an_address_is_to_be_put_there_again(entry):
    by_hand = replace(entry, url=None)
    locate(by_hand).parent.mkdir(parents=True)
    locate(by_hand).write_bytes(b"wrong")
    with pytest.raises(CheckpointError, match=r"Now put the published one, as linked from http"):
        fetch(by_hand)
