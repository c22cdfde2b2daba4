"""What malloc keeps, counted in pages that the system had to fill."""

import ctypes
import platform
import resource
import sys

import pytest

from skvideo3d.training.memory import freed_memory_kept

BLOCK = 128 << 20
LIBC = ctypes.CDLL(None)
LIBC.malloc.argtypes, LIBC.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
LIBC.free.argtypes, LIBC.free.restype = [ctypes.c_void_p], None

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or platform.libc_ver()[0] != "glibc", reason="of glibc alone"
)


def bytes_filled():
    """How much memory four blocks, one after the other, need from the system."""
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        block = LIBC.malloc(BLOCK)
        ctypes.memset(block, 1, BLOCK)
        LIBC.free(block)
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


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with freed_memory_kept():
        assert bytes_filled() > 3.5 * BLOCK
