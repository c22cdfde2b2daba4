"""Fetching from a real server on the loopback that breaks off, lies or knows no ranges."""

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from filelock import FileLock

from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.models import transfer
from skvideo3d.models.download import (
    fetch,
    home,
    locate,
    verify,
    weights_folder,
)
from skvideo3d.models.hashing import git_blob_of, sha256_of
from skvideo3d.models.registry import WEIGHTS, WeightsEntry

CONTENT = bytes(range(256)) * 4096 * 3  # 3 MiB: more than one read


class Server(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True
        self.cuts = []  # how many bytes of each of the next answers go out
        self.status = 200
        self.says_total = False  # when it refuses a range
        self.pause = 0.0  # before the content, in seconds
        self.requests = []  # the Range header of each request
        self.sent = 0
        self.elsewhere = None  # the address to which it redirects
        self.endless = False  # says no length, and goes on until nobody listens

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # clients may hang up


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.requests.append(wanted)
        if server.elsewhere:
            self.send_response(302)
            self.send_header("Location", server.elsewhere)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if server.endless:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(server.content)
                    server.sent += len(server.content)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
        if start >= len(server.content):
            self.send_response(416)
            if server.says_total:
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            last = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(server.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.cuts:
            body = body[: server.cuts.pop(0)]
        time.sleep(server.pause)
        self.wfile.write(body)
        server.sent += len(body)

    def log_message(self, *args):
        pass


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Server()) as server:
        yield server


@pytest.fixture
def secure_server(monkeypatch, tmp_path):
    """An https server whose certificate this process trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate and is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -nodes -days 2 -keyout {key} -out {certificate}"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*command.split(), *curve, *subject], check=True, capture_output=True)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server


@pytest.fixture
def entry(server) -> WeightsEntry:
    return replace(
        WEIGHTS["kinetics400-rgb"],
        name="of-this-test",
        filename="file.pt",
        url=f"http://127.0.0.1:{server.server_port}/file.pt",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        git_blob=None,
        size=len(CONTENT),
    )


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


def test_a_file_put_there_by_hand_is_taken(server, entry):
    unknown = replace(entry, sha256=None, size=None, url=None)
    with pytest.raises(DownloadError, match="no address of its own"):
        fetch(unknown)
    locate(unknown).parent.mkdir(parents=True)
    locate(unknown).write_bytes(CONTENT)
    assert fetch(unknown) == locate(unknown)


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
