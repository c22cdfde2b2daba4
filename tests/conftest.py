"""Fixtures every test may use: no network but the loopback, a cache of its own, real clips."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# Whether to take the time for more rounds, more files and full size wherever less shows the same.
_THOROUGH = os.environ.get("SKVIDEO3D_TEST_THOROUGH", "0") not in ("", "0")

_LOOPBACK = ("127.", "::1", "localhost")


def pytest_collection_modifyitems(items):
    if not _THOROUGH:
        skip = pytest.mark.skip(reason="set SKVIDEO3D_TEST_THOROUGH=1 to run it")
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def rounds():
    """A function that chooses between a number that shows the claim and one for thorough tests."""
    return lambda few, many: many if _THOROUGH else few


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


@pytest.fixture
def write_video():
    """A function that writes frames to a file with PyAV: real encoders, real containers."""
    from fractions import Fraction

    import av

    def write(path, frames, *, rate=25, times=None, codec="libx264", rotation=0, options=None):
        container = av.open(str(path), "w")
        # PyAV warns where it had to guess; a thousandth of a second suits any times= here.
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                picture.pts, picture.time_base = round(times[number] * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        container.close()
        return str(path)

    return write


@pytest.fixture
def numbered_frames():
    """Frames whose number can be read off their brightness, whatever a codec does to them."""

    def make(n_frames, height=64, width=96):
        levels = np.arange(n_frames) * (240 / max(n_frames - 1, 1)) + 8
        return [np.full((height, width, 3), level, dtype=np.uint8) for level in levels]

    return make


@pytest.fixture(scope="session")
def small_c3d(tmp_path_factory) -> str:
    """Weights of a C3D of a sixteenth of the width for 16 x 32 x 32 clips: milliseconds a clip."""
    from skvideo3d.models import load_weights, save_weights
    from skvideo3d.video import Preprocessing

    config = {"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": 5}
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(
        load_weights(None, "c3d", seed=0, config=config),
        path,
        preprocessing=Preprocessing(
            resize=(36, 48), crop=(32, 32), channel_order="bgr", mean=(90.25, 97.66, 101.41)
        ),
    )
    return str(path)


@pytest.fixture(scope="session")
def noise_videos() -> list[np.ndarray]:
    """Six small videos of 5 to 60 frames, all different."""
    rng = np.random.default_rng(0)
    lengths = [20, 16, 5, 60, 31, 40]
    return [rng.integers(0, 256, (n, 24, 32, 3), dtype=np.uint8) for n in lengths]
