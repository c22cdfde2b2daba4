"""Runs that are killed, stopped, or share their store: nothing is lost and nothing is wrong."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from skvideo3d.datasets import make_action_videos
from skvideo3d.feature_extraction.engine import Resources, are_stored
from skvideo3d.feature_extraction.entries import read_entry
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.models import load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video.sources import as_source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"),
]

DESCRIBE = """
import json, os, random, signal, sys
import numpy as np
import skvideo3d.feature_extraction.computing  # torch and all else, before the start
from skvideo3d import C3DTransformer

def describe(work):
    describer = C3DTransformer(
        work["weights"],
        memory=work["memory"],
        n_jobs=work["n_jobs"],
        device="cpu",
        random_state=0,
    )
    order = list(range(len(work["paths"])))
    random.Random(work["seed"]).shuffle(order)
    rows = describer.fit_transform([work["paths"][place] for place in order])
    np.save(work["output"], rows[np.argsort(order)])

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
print("ready", flush=True)
"""

ONCE = DESCRIBE + "describe(json.loads(sys.stdin.readline()))"

# Forks a process for each work, and tells its status when asked.
AGAIN_AND_AGAIN = (
    DESCRIBE
    + """
for line in sys.stdin:
    work = json.loads(line)
    if "poll" in work:
        pid, status = os.waitpid(work["poll"], os.WNOHANG)
        print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(work["errors"], os.O_WRONLY | os.O_CREAT), 2)
        describe(work)
        sys.exit()
    print(pid, flush=True)
"""
)

# Videos that a process has opened and not stored, at most: twelve clips in three batches, which are
# of four videos where these have four clips each; and the video that is being read.
IN_FLIGHT = 5

COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from skvideo3d.cli import main
sys.exit(main())
"""


def work_of(paths, weights, memory, output, n_jobs=None, seed=0):
    work = {"paths": paths, "weights": weights, "memory": str(memory), "output": str(output)}
    return {**work, "n_jobs": n_jobs, "seed": seed}


class Run:
    """A process, the leader of a group as a command in a terminal is."""

    def __init__(self, code, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def begin(self, *work):
        """Give `ONCE`, which has imported what it needs, its work."""
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()
        self.process.stdin.write(json.dumps(work_of(*work)) + "\n")
        self.process.stdin.flush()

    def finish(self):
        _, errors = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, errors
        assert "no sign of life" not in errors  # nobody left a claim behind

    def kill_all(self):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def members(self):
        """The processes of the group, but those that are dead and not yet waited for."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    state, _, group = (
                        (folder / "stat").read_text().rpartition(")")[2].split(maxsplit=3)[:3]
                    )
                    command = (folder / "cmdline").read_text().replace("\0", " ")
                except (OSError, UnicodeDecodeError):
                    continue  # it ended meanwhile
                if int(group) == self.process.pid and state not in "ZX":
                    found[int(folder.name)] = command
        return found


class Forks:
    """A process that has imported everything, and those that it forks: one for each work."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", AGAIN_AND_AGAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"
        self.runs = []

    def ask(self, **words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def begin(self, *work):
        self.runs.append(Forked(self, *work))
        return self.runs[-1]

    def end(self):
        for run in self.runs:
            run.kill_all()
        self.process.communicate()


class Forked:
    """One of them, the leader of a group too."""

    def __init__(self, forks, *work):
        self.forks, self.status = forks, None
        self.errors = forks.folder / f"{len(forks.runs)}.txt"
        self.pid = forks.ask(**work_of(*work), errors=str(self.errors))

    def is_done(self):
        if self.status is None:
            self.status = self.forks.ask(poll=self.pid)
        return self.status is not None

    def finish(self):
        wait_until(self.is_done, 300)
        assert self.status == 0, self.errors.read_text()
        assert "no sign of life" not in self.errors.read_text()

    def kill_all(self):
        with suppress(ProcessLookupError):  # it was done just now
            os.killpg(self.pid, signal.SIGKILL)

    def kill_alone(self):
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@pytest.fixture
def start():
    runs = []

    def begin(code=ONCE, *words):
        runs.append(Run(code, *words))
        return runs[-1]

    yield begin
    for run in runs:
        run.kill_all()


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    forks = Forks(tmp_path_factory.mktemp("errors"))
    yield forks
    forks.end()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return make_action_videos(60, n_frames=40, size=(48, 64), random_state=0, folder=folder).data


@pytest.fixture(scope="module")
def undisturbed(paths, small_c3d, forks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    forks.begin(paths, small_c3d, folder / "store", folder / "rows.npy").finish()
    return np.load(folder / "rows.npy")


@pytest.fixture
def stored(paths, small_c3d):
    """A function that tells which videos a store has, as a process finds them that comes anew."""
    weights = resolve_weights(small_c3d, "c3d")
    spec = DescriptorSpec(
        weights, ("fc6",), 16, 8, None, "loop", "mean", "float32", weights.preprocessing
    )
    sources = [as_source(path) for path in paths]

    def find(memory):
        # Another name of the folder is another store, which remembers nothing.
        find.n_calls += 1
        resources = Resources(str(memory) + "/." * find.n_calls)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing is damaged
            is_stored = are_stored(sources, spec, resources)
        return {path for path, yes in zip(paths, is_stored, strict=True) if yes}

    find.n_calls = 0
    return find


def wait_until(is_done, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, is_done
        time.sleep(0.01)


def readings(memory):
    return DescriptorStore(memory).readings()


def interrupt(run, memory, rng, most):
    """Wait for a random moment, counted in videos that are described, and a little more."""
    goal = n_entries(memory) + rng.randrange(most)
    wait_until(lambda: n_entries(memory) >= goal or run.is_done())
    time.sleep(rng.uniform(0, 0.01))


def n_entries(memory):
    return sum(1 for _ in memory.glob("??/*.npy"))


def kill_again_and_again(forks, paths, weights, memory, stored, *, n_kills, n_jobs, most):
    """Kill runs at random moments, with all their processes or alone, until one finishes.

    Gives its rows and what every run opened: the last one finished, the others were killed.
    """
    rng = random.Random(0)
    output = memory.with_name(f"{memory.name}.npy")
    opened, is_finished = [], False
    while not is_finished:
        known, n_before = stored(memory), len(readings(memory))
        run = forks.begin(paths, weights, memory, output, n_jobs)
        if len(opened) < n_kills:
            interrupt(run, memory, rng, most)
        # On a busy machine a kill may come too late.
        is_finished = len(opened) == n_kills or run.is_done()
        if is_finished:
            run.finish()
        else:
            if len(opened) % 2 == 0:
                run.kill_all()
            else:
                run.kill_alone()
            wait_until(run.is_done)
        now = readings(memory)[n_before:]
        opened.append(now)
        # What was stored at its beginning no run opens.
        assert not known & set(now)
        assert len(stored(memory)) >= len(known)
    return np.load(output), opened


def test_kills_of_a_run_of_60_videos(
    forks, paths, small_c3d, undisturbed, stored, tmp_path, rounds
):
    n_kills = rounds(10, 20)
    n_killed = n_twice = n_stores = 0
    while n_killed < n_kills:
        n_stores += 1
        assert n_stores <= n_kills // 2  # two kills of each run is the least
        memory = tmp_path / str(n_stores)
        left = n_kills - n_killed
        rows, opened = kill_again_and_again(
            forks, paths, small_c3d, memory, stored, n_kills=left, n_jobs=None, most=3
        )
        np.testing.assert_array_equal(rows, undisturbed)
        assert {path for names in opened for path in names} == set(paths)
        assert all(path.parent == memory / "parts" for path in memory.rglob("*.part"))
        print(f"opened {[len(names) for names in opened]}")
        n_killed += len(opened) - 1
        n_twice += sum(map(len, opened)) - len(paths)
    print(f"{n_twice} in flight when killed")
    assert 0 < n_twice <= IN_FLIGHT * n_kills


def test_kills_of_runs_with_two_workers(
    forks, paths, small_c3d, undisturbed, stored, tmp_path, rounds
):
    memory, n_kills = tmp_path / "store", rounds(2, 4)
    rows, opened = kill_again_and_again(
        forks, paths, small_c3d, memory, stored, n_kills=n_kills, n_jobs=2, most=15
    )
    np.testing.assert_array_equal(rows, undisturbed)
    assert set(readings(memory)) == set(paths)
    n_twice = len(readings(memory)) - len(paths)
    print(f"opened {[len(names) for names in opened]}: {n_twice} in flight when killed")
    assert n_twice <= 2 * IN_FLIGHT * n_kills


def test_8_processes_on_one_store_describe_40_videos_once_each(
    forks, paths, small_c3d, undisturbed, tmp_path
):
    memory = tmp_path / "store"
    runs = [
        forks.begin(paths[:40], small_c3d, memory, tmp_path / f"{number}.npy", None, number)
        for number in range(8)
    ]
    for number, run in enumerate(runs):
        run.finish()
        np.testing.assert_array_equal(np.load(tmp_path / f"{number}.npy"), undisturbed[:40])
    assert sorted(readings(memory)) == sorted(paths[:40])


def keys_of_whole_entries(memory):
    keys = [path.parent.name + path.stem for path in memory.glob("??/*.npy")]
    for key in keys:
        read_entry(key, (memory / key[:2] / f"{key[2:]}.npy").read_bytes())
    return keys


def press_ctrl_c(run, memory):
    """Interrupt a group of processes in the middle of its work; give what it says and the time."""
    wait_until(lambda: run.process.poll() is not None or len(list(memory.glob("??/*.npy"))) >= 2)
    assert run.process.poll() is None, run.process.communicate()
    began = time.perf_counter()
    os.killpg(run.process.pid, signal.SIGINT)
    errors = run.process.communicate(timeout=60)[1]
    print(f"{time.perf_counter() - began:.2f} s from Ctrl-C to the end")
    wait_until(lambda: not run.members(), 10)
    return errors


@pytest.fixture(scope="module")
def wide_c3d(tmp_path_factory):
    """Weights of half the full width: their batches, and laying them out, take their time."""
    path = tmp_path_factory.mktemp("wide") / "wide.safetensors"
    save_weights(load_weights(None, "c3d", seed=0, config={"width": 1 / 2}), path)
    return str(path)


# Without workers the command below is stopped too.
@pytest.mark.parametrize("n_jobs", [pytest.param(None, marks=pytest.mark.thorough), 2])
def test_ctrl_c_ends_all_processes_and_the_next_run_goes_on(
    start, paths, wide_c3d, tmp_path, n_jobs
):
    work = paths[:8], wide_c3d, tmp_path / "store", tmp_path / "rows.npy", n_jobs
    run, following = start(), start()
    run.begin(*work)
    errors = press_ctrl_c(run, tmp_path / "store")
    assert run.process.returncode == -signal.SIGINT, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")
    n_done = len(keys_of_whole_entries(tmp_path / "store"))
    assert 2 <= n_done < 8
    n_before = len(readings(tmp_path / "store"))
    following.begin(*work)
    following.finish()
    assert len(readings(tmp_path / "store")) - n_before == 8 - n_done
    assert np.load(tmp_path / "rows.npy").shape == (8, 2048)


def test_ctrl_c_ends_the_command_which_says_how_to_go_on(start, paths, wide_c3d, tmp_path):
    words = ["extract", *paths[:8], "--output", tmp_path / "out.npz", "--weights", wide_c3d]
    memory = tmp_path / "out.npz.descriptors"
    run = start(COMMAND, *words)
    errors = press_ctrl_c(run, memory)
    assert run.process.returncode == 130
    assert "give the same command again to go on" in errors
    assert "Traceback" not in errors
    n_done, n_before = len(keys_of_whole_entries(memory)), len(readings(memory))
    assert 2 <= n_done < 8
    assert not (tmp_path / "out.npz").exists()
    following = start(COMMAND, *words, "--memory", memory)  # which keeps it
    following.finish()
    assert len(readings(memory)) - n_before == 8 - n_done
    assert np.isfinite(np.load(tmp_path / "out.npz")["descriptor"]).all()


def test_workers_whose_parent_was_killed_end_too(start, paths, small_c3d, tmp_path):
    run = start()
    run.begin(paths, small_c3d, tmp_path / "store", tmp_path / "rows.npy", 2)
    wait_until(lambda: len(readings(tmp_path / "store")) >= 2)
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not run.members(), 60)
