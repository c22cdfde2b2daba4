"""Fixtures every test may use: no network but the loopback, a cache of its own, real clips."""

import os
import socket
from pathlib import Path

import pytest

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and not str(host).startswith(_LOOPBACK):
            raise OSError(f"a test tried to reach {host}: tests never use the network")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path_factory):
    # No test may read or fill the user's own cache of weights.
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real clips; see the marker `realdata`."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SKVIDEO3D_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder}; set SKVIDEO3D_TEST_DATA")
    return folder
