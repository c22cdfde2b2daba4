"""A reading process whose decoder does to files what their names say."""

import ctypes
import os
import time
from pathlib import Path

import numpy as np

from skvideo3d.video import isolated, sources
from skvideo3d.video.readers import read_file

PROGRAM = """\
import sys; sys.path[:] = sys.argv[1:]
from miniatures.misbehaving import main; main()
"""

_read_so_far = []


def main():
    sources.read_file = _read
    isolated.main()


def _read(path, first=0, since=0.0, max_pixels=None):
    name = Path(path).stem
    _read_so_far.append(name)
    for n, frame in enumerate(read_file(path, first, since, max_pixels)):
        if n == 20:
            misbehave(name)
        yield frame


def misbehave(name):
    if name.startswith("hangs"):
        ctypes.PyDLL(None).sleep(600)  # called so, C keeps the GIL
    elif name.startswith("crashes") or (name.startswith("second") and len(_read_so_far) > 1):
        ctypes.string_at(0)
    elif name.startswith("exits"):
        os._exit(3)
    elif name.startswith("allocates"):
        np.ones(2**40, np.uint8)
    elif name.startswith("raises"):
        raise ZeroDivisionError("nobody foresaw this")
    elif name.startswith("crawls"):
        time.sleep(0.5)


def divide(a, b):
    return a / b
