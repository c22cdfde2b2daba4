"""Work on all cores: what comes back, what is raised, and what is left as it was."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import pytest
import torch

from skvideo3d.inference.threads import StoppedError, run_all, stopped_by


@pytest.fixture(autouse=True, params=[1, 2, 3])
def n_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_every_item_is_worked_on_once():
    done = []
    run_all(done.append, range(100))
    assert sorted(done) == list(range(100))


def test_a_piece_runs_on_one_core_and_the_callers_setting_is_left_alone(n_threads):
    seen = []
    run_all(lambda _: seen.append(torch.get_num_threads()), range(20))
    assert set(seen) == {1}
    assert torch.get_num_threads() == n_threads


def test_a_piece_runs_on_one_core_of_mkls_too():
    library = ctypes.CDLL(torch._C.__file__)
    if not hasattr(library, "mkl_get_max_threads"):
        pytest.skip("this torch is built without MKL")
    seen = []
    run_all(lambda _: seen.append(library.mkl_get_max_threads()), range(20))
    assert set(seen) == {1}


def test_pieces_need_no_gradients():
    seen = []
    run_all(lambda _: seen.append(torch.is_inference_mode_enabled()), range(10))
    assert set(seen) == {True}


def test_nothing_is_under_way_any_more_when_a_failure_arrives():
    done = []

    def work(item):
        if item == 1:
            raise ValueError("piece 1")
        time.sleep(0.2)
        done.append(item)

    with pytest.raises(ValueError, match="piece 1"):
        run_all(work, range(3))
    count = len(done)
    time.sleep(0.4)
    assert len(done) == count


def test_what_a_piece_raises_is_raised_and_the_rest_is_left_out():
    done = []

    def fail(item):
        if item == 3:
            raise ValueError("piece 3")
        time.sleep(0.001)
        done.append(item)

    with pytest.raises(ValueError, match="piece 3"):
        run_all(fail, range(1000))
    assert len(done) < 999


def test_what_is_stopped_is_left_after_the_pieces_that_have_begun():
    stop, done = threading.Event(), []

    def work(item):
        if item == 3:
            stop.set()
        time.sleep(0.001)
        done.append(item)

    with stopped_by(stop), pytest.raises(StoppedError):
        run_all(work, range(1000))
    count = len(done)
    assert 3 < count < 999
    time.sleep(0.05)
    assert len(done) == count
    run_all(done.append, range(5))  # outside nothing is stopped
    assert len(done) == count + 5


def test_stopping_a_caller_leaves_the_others_alone():
    stop, done = threading.Event(), []
    stop.set()
    other = threading.Thread(target=lambda: run_all(done.append, range(50)))
    with stopped_by(stop):
        other.start()
        with pytest.raises(StoppedError):
            run_all(done.append, [-1])
    other.join()
    assert sorted(done) == list(range(50))


def test_several_callers_share_the_workers(n_threads):
    names = set()

    def call():
        run_all(lambda _: names.add(threading.current_thread().name), range(50))

    callers = [threading.Thread(target=call, name=f"caller-{k}") for k in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    if n_threads > 1:
        assert len(names) <= n_threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_gets_threads_of_its_own(n_threads):
    run_all(lambda _: None, range(10))
    child = os.fork()
    if child == 0:
        done = []
        run_all(done.append, range(10))
        os._exit(0 if sorted(done) == list(range(10)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_it_needs_no_system_that_forks():
    code = "import os, torch, skvideo3d; del os.register_at_fork; import skvideo3d.inference"
    subprocess.run([sys.executable, "-c", code], check=True)
