"""joblib's dask backend on a cluster of two processes: the same rows, computed elsewhere."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import distributed
import joblib
import numpy as np
import psutil
import pytest

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import VideoNotFoundError
from skvideo3d.feature_extraction import VideoExtractor

pytestmark = pytest.mark.slow

N_VIDEOS = 24


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """As many folders of frames, which need no encoder, each of 20 to 43 frames."""
    from PIL import Image

    rng = np.random.default_rng(0)
    made = []
    for number in range(N_VIDEOS):
        folder = tmp_path_factory.mktemp("video")
        for frame in range(20 + number):
            pixels = rng.integers(0, 256, (36, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{frame:03}.png", compress_level=0)
        made.append(str(folder))
    return made


@pytest.fixture(scope="module")
def expected(small_c3d, paths):
    return C3DTransformer(small_c3d).transform(paths)


def readings(store):
    """The video and the process of every whole line."""
    lines = (store / "readings.jsonl").read_text().split("\n")
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return [(entry["video"], entry["pid"]) for entry in entries]


def worker_pids(client):
    return set(client.run(os.getpid).values())


def test_rows_are_those_of_one_process_and_were_computed_in_two_others(
    client, small_c3d, tmp_path, paths, expected
):
    with joblib.parallel_config("dask"):
        rows = C3DTransformer(small_c3d, memory=tmp_path / "m").fit_transform(paths)
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-6)
    assert sorted(video for video, _ in readings(tmp_path / "m")) == sorted(paths)
    assert {pid for _, pid in readings(tmp_path / "m")} == worker_pids(client)
    assert os.getpid() not in worker_pids(client)
    np.testing.assert_array_equal(
        C3DTransformer(small_c3d, memory=tmp_path / "m").transform(paths), rows
    )


def test_clip_by_clip_every_bit_is_the_same(client, small_c3d, paths):
    here = C3DTransformer(small_c3d, batch_size=1).transform(paths)
    with joblib.parallel_config("dask"):
        there = C3DTransformer(small_c3d, batch_size=1).transform(paths)
    np.testing.assert_array_equal(there, here)


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_the_cluster_decides_how_many_work_unless_one_is_asked_for(
    client, small_c3d, tmp_path, paths, n_jobs
):
    # joblib's dask backend takes all of the cluster, whatever number it is given.
    with joblib.parallel_config("dask"):
        C3DTransformer(small_c3d, memory=tmp_path / "m", n_jobs=n_jobs).transform(paths)
    expected = {os.getpid()} if n_jobs == 1 else worker_pids(client)
    assert {pid for _, pid in readings(tmp_path / "m")} == expected


def test_every_worker_loads_the_weights_once(client, small_c3d, paths):
    client.restart()  # processes that have loaded nothing yet

    def count_loads():
        from skvideo3d.models import checkpoints

        real, checkpoints.n_loads = checkpoints.load_network, 0

        def counting(weights):
            checkpoints.n_loads += 1
            return real(weights)

        checkpoints.load_network = counting

    def loads():
        from skvideo3d.models import checkpoints

        return checkpoints.n_loads

    client.run(count_loads)
    with joblib.parallel_config("dask"):
        for _ in range(3):
            C3DTransformer(small_c3d).transform(paths)
    assert list(client.run(loads).values()) == [1, 1]


def test_the_videos_of_a_killed_worker_are_done_by_another(
    client, small_c3d, tmp_path, paths, expected
):
    store = tmp_path / "m"
    found = []

    def describe():
        with joblib.parallel_config("dask"):
            found.append(C3DTransformer(small_c3d, memory=store).transform(paths))

    thread = threading.Thread(target=describe)
    thread.start()
    while not (store / "readings.jsonl").exists() or not readings(store):
        assert thread.is_alive()
        time.sleep(0.001)
    victim = readings(store)[0][1]
    assert victim in worker_pids(client)
    its_readers = psutil.Process(victim).children(recursive=True)
    os.kill(victim, signal.SIGKILL)
    n_before = len(readings(store))
    thread.join()
    assert not psutil.wait_procs(its_readers, timeout=60)[1]
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-6)
    by_victim = {video for video, pid in readings(store) if pid == victim}
    by_others = Counter(video for video, pid in readings(store) if pid != victim)
    assert n_before < N_VIDEOS  # it was in the middle
    assert by_victim | set(by_others) == set(paths)
    assert set(by_others.values()) == {1}
    assert by_victim & set(by_others)  # what it was at


def test_an_error_in_a_worker_is_told_as_if_it_happened_here(client, small_c3d, paths):
    videos = [*paths[:5], "gone.mp4", *paths[5:]]
    with (
        joblib.parallel_config("dask"),
        pytest.raises(VideoNotFoundError, match=r"Item 5 of X: .*gone\.mp4"),
    ):
        C3DTransformer(small_c3d).transform(videos)


def test_failures_in_workers_are_aligned_rows_of_nan(client, small_c3d, paths, expected):
    videos = [*paths[:5], "gone.mp4", *paths[5:]]
    describer = C3DTransformer(small_c3d, on_error="nan")
    with (
        joblib.parallel_config("dask"),
        pytest.warns(UserWarning, match="1 of 25 videos could not be described"),
    ):
        rows = describer.fit_transform(videos)
    assert np.flatnonzero(np.isnan(rows).any(axis=1)).tolist() == [5]
    np.testing.assert_allclose(np.delete(rows, 5, axis=0), expected, rtol=0, atol=1e-6)
    assert [(place, video) for place, video, _ in describer.failures_] == [(5, "gone.mp4")]


def test_an_extractor_is_a_function_that_a_cluster_can_map(client, small_c3d, paths, expected):
    extract = VideoExtractor(C3DTransformer(small_c3d))
    batches = [{"path": np.array(paths[start : start + 6])} for start in range(0, N_VIDEOS, 6)]
    found = client.gather(client.map(extract, batches))
    rows = np.concatenate([batch["descriptor"] for batch in found])
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-6)


SCRIPT = """
import sys
import joblib
from dask.distributed import Client, LocalCluster
from skvideo3d import C3DTransformer

if __name__ == "__main__":
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )
    with cluster, Client(cluster), joblib.parallel_config("dask"):
        print(C3DTransformer(sys.argv[1]).fit_transform(sys.argv[2:]).shape)
"""


def test_nothing_is_left_behind_when_the_cluster_is_closed(small_c3d, tmp_path, paths):
    (tmp_path / "script.py").write_text(SCRIPT)
    mark = f"{tmp_path}"
    done = subprocess.run(
        [sys.executable, "-W", "error", tmp_path / "script.py", small_c3d, *paths],
        env={**os.environ, "SKVIDEO3D_TEST_MARK": mark},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"({N_VIDEOS}, 256)\n"
    assert "leaked" not in done.stderr
    assert "Traceback" not in done.stderr
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SKVIDEO3D_TEST_MARK") == mark:
                left.append(process.cmdline())
        except psutil.Error:
            continue
    assert left == []
