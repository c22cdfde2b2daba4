import queue
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skvideo3d.feature_extraction import computing
from skvideo3d.feature_extraction.computing import Computed, Computers
from skvideo3d.feature_extraction.extraction import extract
from skvideo3d.feature_extraction.network import DeviceNetwork, run_network
from skvideo3d.feature_extraction.reading import Broken, Clip
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video.sources import as_source


@pytest.fixture
def spec(small_c3d):
    weights = resolve_weights(small_c3d, "c3d")
    return DescriptorSpec(
        weights, ("fc6",), 16, 8, None, "loop", "mean", "float32", weights.preprocessing
    )


@pytest.fixture
def clips():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 16, 32, 32, 3), dtype=np.uint8)
    return [Clip(0, number, 0, 0.0, (list(frames),)) for number, frames in enumerate(pixels)]


class BehindItsBack:
    """A device that computes while its thread goes on, as a GPU does; it notes what it was told."""

    events: list[str]
    is_asynchronous = True

    def __init__(self, spec, device):
        self.network = DeviceNetwork(spec, device)
        self.elsewhere = ThreadPoolExecutor(1)
        self.number = 0

    def start(self, clips):
        number, self.number = self.number, self.number + 1
        self.events.append(f"begin {number}")
        rows = self.elsewhere.submit(self.compute, clips)

        def wait():
            self.events.append(f"wait {number}")
            return rows.result()

        return wait

    def compute(self, clips):
        return self.network.start(clips)()


@pytest.fixture
def gpu_like(monkeypatch):
    monkeypatch.setattr(computing, "DeviceNetwork", BehindItsBack)
    monkeypatch.setattr(BehindItsBack, "events", [], raising=False)
    return BehindItsBack.events


def rows_of(results):
    return {
        clip.number: row
        for result in results
        for clip, row in zip(result.clips, result.layers["fc6"], strict=True)
    }


def test_the_next_batch_is_begun_before_the_last_is_waited_for(spec, clips, gpu_like):
    computers, messages = Computers(spec, ["cpu"]), queue.SimpleQueue()
    for batch in (clips[:2], clips[2:5], clips[5:]):
        computers.put(batch)
    computers.start(messages)
    results = [messages.get(timeout=60) for _ in range(3)]
    computers.stop()
    assert gpu_like == ["begin 0", "begin 1", "wait 0", "begin 2", "wait 1", "wait 2"]
    expected = run_network(np.stack([clip.inputs[0] for clip in clips]), spec, "cpu")["fc6"]
    for number, row in rows_of(results).items():
        np.testing.assert_allclose(row, expected[number], rtol=1e-4, atol=1e-3)


def test_a_single_batch_is_not_kept_waiting_for_another(spec, clips, gpu_like):
    computers, messages = Computers(spec, ["cpu"]), queue.SimpleQueue()
    computers.start(messages)
    for clip in clips[:3]:
        computers.put([clip])
        assert messages.get(timeout=60).clips == [clip]
    computers.stop()


def test_videos_described_behind_the_back_are_the_same(spec, noise_videos, gpu_like):
    sources = [as_source(video) for video in noise_videos]
    found = {o.index: o for o in extract(sources, spec, device=["cpu"] * 2, batch_size=2)}
    assert gpu_like
    for index, video in enumerate(noise_videos):
        (alone,) = extract([as_source(video)], spec, device="cpu")
        difference = np.linalg.norm(found[index].layers["fc6"] - alone.layers["fc6"])
        assert difference <= 1e-6 * np.linalg.norm(alone.layers["fc6"])


@pytest.mark.parametrize("n_devices", [1, 3])
def test_each_batch_is_computed_once_whichever_thread_takes_it(spec, clips, n_devices):
    computers, messages = Computers(spec, ["cpu"] * n_devices), queue.SimpleQueue()
    computers.start(messages)
    for clip in clips:
        computers.put([clip])
    results = [messages.get(timeout=60) for _ in clips]
    computers.stop()
    assert all(isinstance(result, Computed) and result.seconds > 0 for result in results)
    assert sorted(result.clips[0].number for result in results) == list(range(7))


def test_a_batch_that_cannot_be_computed_is_told(spec, clips):
    computers, messages = Computers(spec, ["cpu"]), queue.SimpleQueue()
    computers.start(messages)
    computers.put([Clip(0, 0, 0, 0.0, ([np.zeros((4, 4, 3), np.uint8)],))])
    assert isinstance(messages.get(timeout=60), Broken)
    computers.stop()


def test_what_waits_when_it_is_stopped_is_left(spec, clips):
    computers, messages = Computers(spec, ["cpu"]), queue.SimpleQueue()
    for clip in clips:
        computers.put([clip])
    computers.stop()
    computers.start(messages)
    computers.stop()
    assert messages.empty()


def test_a_batch_that_is_left_in_the_middle_is_neither_computed_nor_a_failure(
    spec, clips, monkeypatch
):
    class Interrupted(DeviceNetwork):
        def start(self, clips):
            computers.leave()
            wait = super().start(clips)
            pytest.fail("the batch was computed to its end")
            return wait

    monkeypatch.setattr(computing, "DeviceNetwork", Interrupted)
    computers, messages = Computers(spec, ["cpu"]), queue.SimpleQueue()
    computers.start(messages)
    computers.put(clips)
    computers.stop()
    assert messages.empty()
    # What was left can be done later: the network is as it was.
    monkeypatch.undo()
    expected = run_network(np.stack([clip.inputs[0] for clip in clips]), spec, "cpu")["fc6"]
    assert np.isfinite(expected).all()
