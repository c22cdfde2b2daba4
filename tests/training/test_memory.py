"""What malloc keeps, counted in pages that the system had to fill."""

import ctypes
import platform

import pytest

from skvideo3d.training import memory
from skvideo3d.training.memory import freed_memory_kept

resource = pytest.importorskip("resource")

BLOCK = 128 << 20


@pytest.fixture(autouse=True)
def _ours(monkeypatch):
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("of glibc alone")
    for name in memory._SET_BY_USERS:
        monkeypatch.delenv(name, raising=False)
    with freed_memory_kept():
        pass  # the thresholds that are left behind
    if bytes_filled() < 3.5 * BLOCK:
        pytest.skip("pages of another size than the one asked about")


def bytes_filled():
    """How much memory four blocks, one after the other, need from the system."""
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    libc = ctypes.CDLL(None)
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
    for _ in range(4):
        block = libc.malloc(BLOCK)
        ctypes.memset(block, 1, BLOCK)
        libc.free(block)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages) * resource.getpagesize()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_a_block_that_was_freed_is_used_again_and_given_back_at_the_end():
    assert bytes_filled() > 3.5 * BLOCK
    before = resident()
    with freed_memory_kept():
        bytes_filled()
        assert bytes_filled() < 0.5 * BLOCK
        assert resident() > before + 0.5 * BLOCK
    assert resident() < before + 0.5 * BLOCK
    assert bytes_filled() > 3.5 * BLOCK


def test_it_is_given_back_after_an_error_too():
    with pytest.raises(ZeroDivisionError), freed_memory_kept():
        raise ZeroDivisionError
    assert bytes_filled() > 3.5 * BLOCK


def test_the_last_of_several_gives_it_back():
    with freed_memory_kept():
        with freed_memory_kept():
            bytes_filled()
        assert bytes_filled() < 0.5 * BLOCK
    assert bytes_filled() > 3.5 * BLOCK


@pytest.mark.parametrize("name", memory._SET_BY_USERS)
def test_what_the_user_has_set_holds(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with freed_memory_kept():
        assert bytes_filled() > 3.5 * BLOCK


def test_a_c_library_that_refuses_is_left_alone(monkeypatch):
    asked = []

    class Refusing:
        def mallopt(self, name, value):
            asked.append(name)
            return 0

    monkeypatch.setattr(memory, "_glibc", Refusing)
    with freed_memory_kept():
        pass
    assert asked == [memory._M_MMAP_THRESHOLD] * 2


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with freed_memory_kept():
        assert bytes_filled() > 3.5 * BLOCK
