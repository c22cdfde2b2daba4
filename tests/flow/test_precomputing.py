"""Flow of a collection, computed beforehand: once, by whomever, and told what failed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import Memory
from miniatures.plain_flow import Difference, difference, moving

from skvideo3d.exceptions import FlowError
from skvideo3d.flow import OpticalFlow, precompute_flow
from skvideo3d.flow.storage import FlowStore

FLOW = OpticalFlow("dis", precision="uint8")


@pytest.fixture
def films():
    return [moving(n, size=(48, 64), seed=n) for n in (5, 40)]


def test_a_second_call_computes_nothing(films, tmp_path):
    counted = Difference()
    flow = OpticalFlow(counted, name="of this test")
    first = precompute_flow(films, tmp_path, flow, resize=20)
    assert (first.n_frames, first.n_computed) == ([5, 40], [4, 39])
    assert counted.n_calls == 43
    again = precompute_flow([films[1], films[0]], tmp_path, flow, resize=20)
    assert (again.n_frames, again.n_computed) == ([40, 5], [0, 0])
    assert counted.n_calls == 43


@pytest.mark.parametrize(
    "change",
    [
        {"resize": 24},
        {"flow": OpticalFlow("dis", precision="float16")},
        {"flow": OpticalFlow("dis", bound=10, precision="uint8")},
    ],
)
def test_another_size_bound_or_precision_is_other_flow(films, tmp_path, change):
    settings = {"flow": FLOW, "resize": 20}
    precompute_flow(films[:1], tmp_path, **settings)
    assert precompute_flow(films[:1], tmp_path, **settings | change).n_computed == [4]
    assert precompute_flow(films[:1], tmp_path, **settings).n_computed == [0]


def test_a_series_is_taken_in_its_order_whatever_its_index(films, tmp_path):
    videos = pd.Series([films[0], films[0][:1], films[1]], index=[2, 1, 7])
    found = precompute_flow(videos, tmp_path, FLOW, resize=20, on_error="skip")
    assert found.n_frames == [5, 0, 40]
    assert [place for place, _, _ in found.failures] == [1]
    assert precompute_flow(iter(films), tmp_path, FLOW, resize=20).n_computed == [0, 0]


def test_a_chunk_that_is_gone_is_computed_again(films, tmp_path):
    precompute_flow(films, tmp_path, FLOW, resize=20)
    (chunk,) = (tmp_path / "flow").rglob("000001.npy.gz")
    chunk.unlink()
    found = precompute_flow(films, tmp_path, FLOW, resize=20)
    assert (found.n_frames, found.n_computed) == ([5, 40], [0, 7])  # of 32 to 39
    assert chunk.exists()


def test_workers_compute_what_one_process_does(films, tmp_path, write_video):
    paths = [write_video(tmp_path / f"{len(film)}.mp4", film, rate=10) for film in films]
    flow = OpticalFlow(difference, name="of this test")
    for n_jobs in (1, 2):
        found = precompute_flow(paths, tmp_path / str(n_jobs), flow, resize=20, n_jobs=n_jobs)
        assert (found.n_frames, found.n_computed) == ([5, 40], [4, 39])
    kept = [sorted((tmp_path / n / "flow" / "v1").rglob("*.gz")) for n in ("1", "2")]
    assert [path.name for path in kept[0]] == [path.name for path in kept[1]]
    assert [path.read_bytes() for path in kept[0]] == [path.read_bytes() for path in kept[1]]


def test_videos_that_fail_are_told_or_stop_the_work(films, tmp_path):
    videos = [films[0][:1], "gone.mp4", np.zeros((9, 20, 26, 2), np.float32), films[0]]
    found = precompute_flow(videos, tmp_path, FLOW, resize=20, on_error="skip")
    assert found.n_frames == [0, 0, 0, 5]
    assert [place for place, _, _ in found.failures] == [0, 1, 2]
    said = [reason for _, _, reason in found.failures]
    assert "it has one frame" in said[0]
    assert "gone.mp4' does not exist" in said[1]
    assert "is flow already" in said[2]
    with pytest.raises(FlowError, match="it has one frame"):
        precompute_flow(videos, tmp_path, FLOW, resize=20)


def test_what_cannot_be_kept_is_an_error_and_not_a_failure_of_videos(films, tmp_path, monkeypatch):
    def full(self, path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skvideo3d.video.atomic_files.AtomicFiles.write", full)
    with (
        pytest.warns(UserWarning, match="cannot be written to"),
        pytest.raises(OSError, match="was computed and cannot be kept"),
    ):
        precompute_flow(films, tmp_path, FLOW, resize=20, on_error="skip")


PROCESS = """
import json, sys
from miniatures.plain_flow import difference, moving
from skvideo3d.flow import OpticalFlow, precompute_flow

films = [moving(n, size=(48, 64), seed=n) for n in range(40, 52)]
print("ready", flush=True)
sys.stdin.readline()
found = precompute_flow(films, sys.argv[1], OpticalFlow(difference, name="of this test"), resize=20)
print(json.dumps([found.n_frames, found.n_computed]))
"""


@pytest.mark.slow
def test_processes_share_the_videos_out(tmp_path, pytestconfig):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path)],
            cwd=pytestconfig.rootpath / "tests",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    outputs = []
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        outputs.append(json.loads(process.communicate(timeout=120)[0]))
        assert process.returncode == 0
    assert all(n_frames == list(range(40, 52)) for n_frames, _ in outputs)
    # Each pair once, by one of them.
    computed = np.array([n_computed for _, n_computed in outputs])
    assert computed.sum(axis=0).tolist() == list(range(39, 51))


@pytest.mark.parametrize(
    ("videos", "options", "said"),
    [
        ("film.mp4", {}, r"videos='film.mp4': give a list"),
        ([], {"on_error": "nan"}, "on_error='nan': use 'raise' or 'skip'"),
        ([], {"fps": 0}, "fps=0: give a positive number"),
        ([], {"flow": OpticalFlow(difference)}, "cannot be kept"),
        ([], {"flow": "brox"}, "method='brox'"),
        ([], {"resize": 0}, "resize=0"),
        (pd.DataFrame({"path": ["film.mp4"]}), {}, "give the column"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, videos, options, said):
    with pytest.raises(ValueError, match=said):
        precompute_flow(videos, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_folder_is_refused(films, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(ValueError, match=r"taken.* is no folder"):
        precompute_flow(films, tmp_path / "taken", FLOW)
    with pytest.raises(ValueError, match="memory=None is no folder"):
        precompute_flow(films, None, FLOW)
    memory = Memory(tmp_path / "folder", verbose=0)
    assert precompute_flow(films[:1], memory, FLOW, resize=20).n_computed == [4]


KILLED = """
import sys
from miniatures.plain_flow import difference, moving
from skvideo3d.flow import OpticalFlow, precompute_flow

films = [moving(400, size=(48, 64), seed=n) for n in range(4)]
flow = OpticalFlow(difference, name="of this test")
print("ready", flush=True)
precompute_flow(films, sys.argv[1], flow, resize=240, n_jobs=2)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path, pytestconfig):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=pytestconfig.rootpath / "tests",
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def members():
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(group) == process.pid and state not in "ZX":
                    found.append(int(folder.name))
        return found

    def wait_until(is_done):
        deadline = time.monotonic() + 60
        while not is_done():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    try:
        assert process.stdout.readline() == "ready\n"
        wait_until(lambda: len(list((tmp_path / "flow").rglob("*.npy.gz"))) >= 2)
        process.kill()
        process.communicate()
        wait_until(lambda: not members())
    finally:
        for pid in members():
            os.kill(pid, signal.SIGKILL)


def test_no_video_is_no_work(tmp_path):
    assert precompute_flow([], tmp_path, FLOW).n_frames == []
    assert FlowStore(tmp_path / "flow").open("0" * 64).n_frames is None
