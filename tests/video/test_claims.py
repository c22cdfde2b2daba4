"""Claims: one holder at a time, and never for ever."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from skvideo3d.feature_extraction.store import DescriptorStore, video_digest
from skvideo3d.video import claims as claims_module
from skvideo3d.video.claims import Claim, Claims

DIGEST = video_digest(("file", "/a.mp4", 1, 2))

HOLD = """
import os, signal, sys
from pathlib import Path
from skvideo3d.video.claims import Claims
claim = Claims(Path(sys.argv[1])).take(sys.argv[2])
print("held", flush=True)
os.kill(os.getpid(), getattr(signal, sys.argv[3]))
sys.stdin.read()
claim.release()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "locks"


@pytest.fixture
def hold(folder):
    """A function that has another process claim the video and then send itself a signal."""
    holders = []

    def start(name):
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder), DIGEST, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        holders.append(holder)
        assert holder.stdout.readline() == b"held\n"
        return holder

    yield start
    for holder in holders:
        with holder:  # closes its pipes
            holder.kill()


@pytest.fixture
def clock(monkeypatch):
    """The clock of claims, to be put forward: a list of one number."""
    now = [1000.0]
    monkeypatch.setattr(claims_module, "monotonic", lambda: now[0])
    return now


def wait_until(is_done):
    deadline = time.monotonic() + 60
    while not (found := is_done()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_a_video_has_one_holder(folder):
    ours, others = Claims(folder), Claims(folder)
    claim = ours.take(DIGEST)
    assert ours.take(DIGEST) is None
    assert others.take(DIGEST) is None
    claim.release()
    others.take(DIGEST).release()


def test_there_are_never_more_lock_files_than_4096(folder):
    claims = Claims(folder)
    for number in range(3):
        claims.take(f"{4096 * number + 7:08x}").release()
    assert [path.name for path in folder.iterdir()] == ["007.lock"]


def test_the_claim_of_a_killed_process_is_free(folder, hold):
    holder = hold("SIGKILL")
    assert holder.wait(60) == -signal.SIGKILL
    Claims(folder).take(DIGEST).release()


def test_a_process_that_stands_still_is_not_waited_for_for_ever(folder, hold):
    holder = hold("SIGSTOP")
    claims = Claims(folder, patience=0.2)
    assert claims.take(DIGEST) is None
    with pytest.warns(UserWarning, match="no sign of life for 0.2 s"):
        claim = wait_until(lambda: claims.take(DIGEST))
    claim.release()
    assert Claims(folder).take(DIGEST) is None  # it is still the holder's
    holder.send_signal(signal.SIGCONT)
    holder.communicate()
    assert holder.returncode == 0
    Claims(folder).take(DIGEST).release()


def test_patience_is_counted_from_the_first_look_on_and_the_warning_comes_once(folder, clock):
    holder, claims = Claims(folder).take(DIGEST), Claims(folder, patience=300)
    assert claims.take(DIGEST) is None
    clock[0] += 299
    assert claims.take(DIGEST) is None
    clock[0] += 1
    with pytest.warns(UserWarning, match="no sign of life"):
        assert isinstance(claims.take(DIGEST), Claim)
    assert isinstance(claims.take(DIGEST), Claim)  # a second warning would be an error here
    holder.release()


def test_signs_of_life_are_waited_for(folder, clock):
    holder, claims = Claims(folder).take(DIGEST), Claims(folder, patience=300)
    for _ in range(10):
        assert claims.take(DIGEST) is None
        clock[0] += 200
        time.sleep(0.02)  # file systems count time in larger steps
        holder.refresh()
    holder.release()


def test_a_sign_is_written_every_half_minute_however_often_it_is_asked_for(folder, clock):
    holder = Claims(folder).take(DIGEST)
    (path,) = folder.iterdir()
    signs = set()
    for _ in range(61):
        os.utime(path, ns=(0, 0))
        holder.refresh()
        signs.add((clock[0] - 1000, path.stat().st_mtime_ns > 0))
        clock[0] += 1
    assert [second for second, is_written in sorted(signs) if is_written] == [30, 60]
    holder.release()


def test_a_new_holder_is_not_taken_for_the_old_one(folder, clock):
    first, claims = Claims(folder).take(DIGEST), Claims(folder, patience=300)
    assert claims.take(DIGEST) is None
    first.release()
    clock[0] += 1000
    time.sleep(0.02)
    second = Claims(folder).take(DIGEST)
    assert claims.take(DIGEST) is None
    second.release()


def test_waiting_ends_with_the_claim_or_when_it_is_told_to(tmp_path):
    store = DescriptorStore(tmp_path)
    claim, stop, found = store.claim(DIGEST), threading.Event(), []
    waiters = [
        threading.Thread(target=lambda: found.append(store.wait_for(DIGEST, stop)))
        for _ in range(2)
    ]
    for waiter in waiters:
        waiter.start()
    claim.release()
    wait_until(lambda: found)
    assert found[0] is not None  # held now, so that the other waits on
    stop.set()
    for waiter in waiters:
        waiter.join(60)
    assert found[1] is None
    found[0].release()
    assert store.wait_for(DIGEST, stop) is None


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_costs_a_warning(tmp_path, monkeypatch, number):
    def refuse(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    store = DescriptorStore(tmp_path)
    with pytest.warns(UserWarning, match=f"has no locks .*{os.strerror(number)}") as warned:
        first = store.claim(DIGEST)
    assert len(warned) == 1
    second = store.claim(DIGEST)  # without a warning
    for claim in (first, second):
        claim.refresh()
        claim.release()


def test_nothing_that_outlives_its_holder_takes_the_place_of_a_lock(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    claims = []
    for store in (DescriptorStore(tmp_path), DescriptorStore(tmp_path)):
        with pytest.warns(UserWarning, match="lock") as warned:  # filelock may warn, too
            claims.append(store.claim(DIGEST))
        assert "has no locks" in str(warned[-1].message)
    for claim in claims:
        claim.release()
