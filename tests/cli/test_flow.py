"""``skvideo3d flow``: what it keeps is what extract then uses, and what it says."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from miniatures.clips import write_clip
from miniatures.streams import SETTINGS, write_streams

from skvideo3d import I3DTransformer
from skvideo3d.cli import main
from skvideo3d.feature_extraction.store import open_store
from skvideo3d.flow import OpticalFlow

pytest.importorskip("cv2")

FLOW = ["--flow", "dis", "--resize", "36x48"]


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    return write_streams(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [
        write_clip(folder / f"{seed}.mp4", seed, seed, n_frames=n)
        for seed, n in enumerate((33, 20, 8))
    ]


def flow(*words):
    return main(["flow", *map(str, words), *FLOW, "-q"])


def chunks(memory):
    """The files of flow, each with what a rewriting would change."""
    files = sorted(memory.rglob("*.npy.gz"))
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("precision", ["uint8", "float16", "float32"])
def test_extract_takes_the_flow_that_is_kept_and_computes_none(
    videos, streams, tmp_path, capsys, precision
):
    memory = tmp_path / "m"
    assert flow(*videos, "--memory", memory, "--precision", precision) == 0
    command = capsys.readouterr().out.splitlines()[-1].partition("skvideo3d ")[2]
    before = chunks(memory)
    assert len(before) == 2 + 1 + 1  # 32 frames in each
    # What it says is what to type, but for names of one's own.
    words = [str(tmp_path / "o.npz") if word == "OUT.npz" else word for word in command.split()]
    settings = ["--layer", "Mixed_3b", "--clip-len", "8", "--clip-stride", "8", "-q"]
    open_store.cache_clear()
    assert main([*words, "--weights", streams["flow"], *settings]) == 0
    assert chunks(memory) == before
    expected = I3DTransformer(
        streams["flow"], stream="flow", flow=OpticalFlow("dis", precision=precision), **SETTINGS
    ).transform(videos)
    with np.load(tmp_path / "o.npz") as file:
        np.testing.assert_allclose(file["descriptor"], expected, atol=1e-6)


def test_what_was_kept_is_said_and_not_computed_again(videos, tmp_path, capsys):
    assert flow(*videos, "--memory", tmp_path, "--precision", "uint8") == 0
    first = capsys.readouterr().out
    # As many frames of flow as frames, and between n frames n - 1 pairs.
    assert "flow of 3 of 3 videos, 61 frames (58 pairs computed now)" in first
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.gz"))
    number, unit = re.search(r"in all (\S+) (\w+) of flow", first).groups()
    assert float(number) * {"kB": 1e3, "MB": 1e6}[unit] == pytest.approx(size, rel=0.01)
    assert flow(*videos, "--memory", tmp_path, "--precision", "uint8") == 0
    assert "61 frames (0 pairs computed now)" in capsys.readouterr().out


def test_failures_have_their_reasons_and_the_others_are_kept(videos, tmp_path, capsys):
    still = write_clip(tmp_path / "still.mp4", 0, 9, n_frames=1)
    memory = tmp_path / "m"
    assert flow(videos[0], still, tmp_path / "no.mp4", "--memory", memory) == 1
    out, err = capsys.readouterr()
    assert "flow of 1 of 3 videos, 33 frames" in out
    assert "2 failed" in err
    assert "still.mp4': it has one frame" in err
    assert "no.mp4' does not exist" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resize", "0"], "--resize 0: give the shorter side"),
        (["--resize", "8"], "--resize 8: .* at least 16"),
        (["--resize", "40x50x60"], "--resize 40x50x60"),
        (["--timeout", "-1"], "--timeout -1: give seconds"),
        (["--max-pixels", "0"], "--max-pixels 0: give pixels"),
        (["--fps", "-1"], "--fps -1: give frames a second"),
        (["--memory", "{file}"], "--memory '.*' cannot be written to"),
    ],
)
def test_what_makes_no_sense_is_refused(videos, tmp_path, capsys, words, message):
    (tmp_path / "file").touch()
    words = [word.format(file=tmp_path / "file") for word in words]
    command = ["flow", videos[0], "--memory", str(tmp_path / "m"), "--flow", "dis", "-q"]
    assert main([*command, *words]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.rglob("*.gz"))


def test_without_opencv_the_command_says_what_to_install(videos, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # as where it is not installed
    assert flow(videos[0], "--memory", tmp_path) == 2
    assert "pip install 'skvideo3d[flow]'" in capsys.readouterr().err


def test_a_run_that_was_interrupted_says_how_to_go_on_and_goes_on(tmp_path, capsys):
    memory = tmp_path / "m"
    videos = [write_clip(tmp_path / f"{seed}.mp4", seed, seed, n_frames=96) for seed in range(3)]
    # A shell's background jobs ignore Ctrl-C, and so would a process that they start.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from skvideo3d.cli import main; sys.exit(main())"
    )
    # TV-L1, which is slow enough to be caught in the middle.
    words = ["flow", *videos, "--memory", str(memory), "--resize", "36x48", "-q"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not chunks(memory) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "give the same command again to go on" in err
    before = chunks(memory)
    assert 0 < len(before) < 9
    assert main(words) == 0
    n_pairs = int(re.search(r"\((\d+) pairs", capsys.readouterr().out)[1])
    assert n_pairs <= 3 * 95 - 31 * len(before)
    after = chunks(memory)
    assert len(after) == 9
    assert {path: after[path] for path in before} == before


@pytest.mark.realdata
def test_real_videos_have_as_much_flow_as_frames(realdata, tmp_path, capsys):
    folder = realdata / "hmdb51"
    words = ["--memory", tmp_path, "--precision", "uint8", "--fps", "5"]
    assert flow(folder, *words) == 0
    assert "flow of 4 of 4 videos" in capsys.readouterr().out
