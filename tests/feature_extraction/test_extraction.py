import multiprocessing
import threading
import time
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

from skvideo3d import VideoSegment
from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.feature_extraction.extraction import extract, look_up
from skvideo3d.feature_extraction.network import run_network
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.feature_extraction.store import DescriptorStore, video_digest
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video import Preprocessing, clips
from skvideo3d.video.frames import Frame
from skvideo3d.video.sources import as_source


@pytest.fixture
def spec(small_c3d):
    weights = resolve_weights(small_c3d, "c3d")
    return DescriptorSpec(
        weights, ("fc6", "fc7"), 16, 8, None, "loop", "mean", "float32", weights.preprocessing
    )


@pytest.fixture
def sources(noise_videos):
    return [as_source(video) for video in noise_videos]


def by_index(outcomes):
    return {outcome.index: outcome for outcome in outcomes}


def plain(video, spec):
    """The same numbers the slow way: clips cut from a list, one at a time through the network."""
    frames = [spec.preprocessing.prepare_frame(frame) for frame in video]
    if len(frames) < 16:
        frames = (frames * 16)[:16]
    clips = [np.stack(frames[s : s + 16]) for s in range(0, len(frames) - 15, 8)]
    results = [run_network(clip[None], spec) for clip in clips]
    return {
        layer: np.mean([r[layer][0] for r in results], axis=0, dtype=np.float64)
        for layer in spec.layers
    }


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_across_videos_give_what_one_clip_at_a_time_gives(
    sources, noise_videos, spec, batch_size
):
    outcomes = by_index(extract(sources, spec, batch_size=batch_size))
    assert sorted(outcomes) == list(range(6))
    for index, video in enumerate(noise_videos):
        for layer, expected in plain(video, spec).items():
            result = outcomes[index].layers[layer]
            assert result.dtype == np.float32
            assert np.abs(result - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("device", "n_readers"), [("cpu", 4), (["cpu", "cpu"], 1), (["cpu"] * 3, 4)]
)
def test_devices_and_readers_share_the_work_and_change_nothing(sources, spec, device, n_readers):
    expected = by_index(extract(sources, spec, device="cpu", batch_size=3, n_readers=1))
    outcomes = by_index(
        extract(sources * 3, spec, device=device, batch_size=2, n_readers=n_readers)
    )
    assert sorted(outcomes) == list(range(18))
    for index, outcome in outcomes.items():
        for layer, right in expected[index % 6].layers.items():
            difference = np.linalg.norm(outcome.layers[layer] - right)
            assert difference <= 1e-6 * np.linalg.norm(right)


def test_clips_are_in_order_whichever_device_took_them(sources, spec):
    spec = replace(spec, pooling=None)
    outcomes = by_index(extract(sources, spec, device=["cpu"] * 3, n_readers=3))
    assert outcomes[3].layers["fc6"]["start_frame"].tolist() == [0, 8, 16, 24, 32, 40]
    expected = by_index(extract(sources, spec, device="cpu"))
    np.testing.assert_allclose(
        outcomes[3].layers["fc6"]["features"],
        expected[3].layers["fc6"]["features"],
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("limit", [2**20, 0])
def test_only_frames_of_clips_are_prepared_unless_they_are_too_large_to_wait(
    sources, spec, monkeypatch, limit
):
    prepare, n_prepared = Preprocessing.prepare_frame, []

    def counting(recipe, pixels):
        n_prepared.append(1)
        return prepare(recipe, pixels)

    expected = by_index(extract(sources, replace(spec, clip_stride=20)))
    monkeypatch.setattr(Preprocessing, "prepare_frame", counting)
    monkeypatch.setattr(clips, "_MAX_WAITING_BYTES", limit)
    outcomes = by_index(extract(sources, replace(spec, clip_stride=20)))
    # Of (20, 16, 5, 60, 31, 40) frames the first 16 of every 20, where there are as many.
    needed, read = 16 + 16 + 5 + 48 + 16 + 32, 20 + 16 + 5 + 60 + 31 + 40
    assert len(n_prepared) == (needed if limit else read)
    for index in range(6):
        np.testing.assert_array_equal(outcomes[index].layers["fc6"], expected[index].layers["fc6"])


class Endless:
    """A video that never ends, and counts the frames that were asked of it."""

    name = "endless"
    has_clock = False

    def __init__(self):
        self.n_frames = 0

    def identity(self):
        return ("endless",)

    def frames(self, first=0, since=0.0, max_pixels=None):
        pixels = np.zeros((24, 32, 3), dtype=np.uint8)
        while True:
            yield Frame(self.n_frames, np.nan, np.nan, pixels)
            self.n_frames += 1


def test_an_endless_video_is_read_ahead_a_few_batches(sources, spec):
    endless = Endless()
    outcomes = extract([sources[0], endless], spec, batch_size=2)
    next(outcomes)
    # Two batches under way and one that waits, and the one that is done, are 8 clips; the reader
    # holds another. Its last frame is number 16 + 8 * 8 at most.
    deadline = time.monotonic() + 30
    while endless.n_frames < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert 60 <= endless.n_frames <= 80
    outcomes.close()


def test_several_readers_meet_broken_videos_and_the_store(tmp_path, sources, spec):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    store = DescriptorStore(tmp_path / "store")
    mixed = [*sources, as_source(broken), *sources]
    outcomes = by_index(extract(mixed, spec, store=store, batch_size=2, n_readers=4))
    assert isinstance(outcomes[6].error, VideoDecodeError)
    assert len(store.readings()) == 7  # six videos, each once, and the broken one
    for index in range(6):
        np.testing.assert_array_equal(
            outcomes[index].layers["fc6"], outcomes[7 + index].layers["fc6"]
        )


def test_segments_of_a_file_stay_with_one_reader(tmp_path, spec, write_video, numbered_frames):
    paths = [write_video(tmp_path / f"{name}.mp4", numbered_frames(40, 36, 48)) for name in "abc"]
    windows = [
        as_source(VideoSegment(path, start, start + 16)) for start in (0, 8, 16) for path in paths
    ]
    outcomes = by_index(extract(windows, spec, n_readers=3))
    one_by_one = by_index(extract(windows, spec))
    assert sum(outcome.cost.n_frames for outcome in outcomes.values()) == 9 * 16
    for index in range(9):
        np.testing.assert_allclose(
            outcomes[index].layers["fc6"], one_by_one[index].layers["fc6"], rtol=1e-4, atol=1e-5
        )


def test_clips_are_counted(sources, spec):
    # (20, 16, 5, 60, 31, 40) frames in windows of 16 every 8.
    outcomes = by_index(extract(sources, spec, batch_size=4))
    assert [outcomes[i].cost.n_clips for i in range(6)] == [1, 1, 1, 6, 2, 4]


def test_every_stage_is_timed_and_stages_that_take_turns_fit_into_the_whole(sources, spec):
    began = perf_counter()
    outcomes = list(extract(sources, spec, batch_size=4))
    whole = perf_counter() - began
    costs = [outcome.cost for outcome in outcomes]
    assert sorted(cost.n_frames for cost in costs) == [5, 16, 20, 31, 40, 60]
    assert all(cost.reading > 0 and cost.preprocessing > 0 and cost.network > 0 for cost in costs)
    # One thread reads and prepares, the other computes.
    assert sum(cost.reading + cost.preprocessing for cost in costs) <= whole
    assert sum(cost.network for cost in costs) <= whole


def test_max_pooling_is_the_maximum_over_clips(sources, noise_videos, spec):
    clips = by_index(extract(sources, replace(spec, pooling=None)))
    pooled = by_index(extract(sources, replace(spec, pooling="max")))
    for index in range(6):
        expected = clips[index].layers["fc6"]["features"].max(axis=0)
        np.testing.assert_allclose(pooled[index].layers["fc6"], expected, rtol=1e-5)


def test_unpooled_clips_know_where_they_begin(tmp_path, spec, write_video, numbered_frames):
    path = write_video(tmp_path / "film.mp4", numbered_frames(40))
    (outcome,) = extract([as_source(path)], replace(spec, pooling=None))
    rows = outcome.layers["fc6"]
    assert rows["start_frame"].tolist() == [0, 8, 16, 24]
    np.testing.assert_allclose(rows["start_time"], np.array([0, 8, 16, 24]) / 25)


def test_resampled_clips_know_their_frames_in_the_file(
    tmp_path, spec, write_video, numbered_frames
):
    path = write_video(tmp_path / "film.mp4", numbered_frames(100), rate=50)
    (outcome,) = extract([as_source(path)], replace(spec, pooling=None, fps=25.0))
    rows = outcome.layers["fc6"]
    assert rows["start_frame"].tolist() == [0, 16, 32, 48, 64]
    np.testing.assert_allclose(rows["start_time"], np.array([0, 8, 16, 24, 32]) / 25)


def test_a_broken_video_does_not_touch_its_neighbours(tmp_path, sources, spec):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    alone = by_index(extract(sources, spec, batch_size=4))
    mixed = [sources[0], as_source(broken), *sources[1:]]
    outcomes = by_index(extract(mixed, spec, batch_size=4))
    assert isinstance(outcomes[1].error, VideoDecodeError)
    for there, here in enumerate([0, 2, 3, 4, 5, 6]):
        np.testing.assert_allclose(
            outcomes[here].layers["fc6"], alone[there].layers["fc6"], rtol=1e-5, atol=1e-6
        )


class BreaksOff:
    """A video whose reader fails in the middle, after some of its clips were computed."""

    name = "breaks off"
    has_clock = False

    def __init__(self, video):
        self.whole = as_source(video)

    def identity(self):
        return ("breaks", *self.whole.identity())

    def frames(self, first=0, since=0.0, max_pixels=None):
        for frame in self.whole.frames():
            if frame.number == 50:
                raise VideoDecodeError("'breaks off' breaks off after 50 frames.")
            yield frame


def test_a_video_that_breaks_off_is_a_failure_and_not_a_part(tmp_path, noise_videos, spec):
    store = DescriptorStore(tmp_path)
    sources = [BreaksOff(noise_videos[3]), as_source(noise_videos[0])]
    outcomes = by_index(extract(sources, spec, store=store, batch_size=2))
    assert "after 50 frames" in str(outcomes[0].error)
    assert outcomes[0].layers == {}
    assert look_up(sources[0], spec, store) is None
    np.testing.assert_allclose(
        outcomes[1].layers["fc6"], plain(noise_videos[0], spec)["fc6"], rtol=1e-4, atol=1e-6
    )
    assert store.claim(video_digest(sources[0].identity())) is not None


def test_short_videos_are_refused_by_name_where_asked(sources, spec):
    outcomes = by_index(extract(sources, replace(spec, short_video="error")))
    assert "array of shape (5, 24, 32, 3)" in str(outcomes[2].error)
    assert "5 frames, fewer than clip_len=16" in str(outcomes[2].error)


def test_resampling_needs_time_stamps(sources, spec):
    outcomes = by_index(extract(sources[:1], replace(spec, fps=10.0)))
    assert "no time stamps, so fps=10" in str(outcomes[0].error)


def test_what_is_stored_is_not_read_again(tmp_path, sources, spec):
    store = DescriptorStore(tmp_path)
    first = by_index(extract(sources, spec, store=store))
    again = by_index(extract(sources, spec, store=DescriptorStore(tmp_path)))
    assert len(store.readings()) == 6
    for index in range(6):
        assert again[index].cost.n_clips == 0
        np.testing.assert_array_equal(again[index].layers["fc7"], first[index].layers["fc7"])


def test_the_same_video_twice_in_a_call_is_read_once(tmp_path, sources, spec):
    store = DescriptorStore(tmp_path)
    outcomes = by_index(extract([sources[3]] * 4, spec, store=store))
    assert len(store.readings()) == 1
    assert len({outcome.layers["fc6"].tobytes() for outcome in outcomes.values()}) == 1


def test_stopping_early_frees_everything(tmp_path, sources, spec):
    store = DescriptorStore(tmp_path)
    outcomes = extract(sources, spec, store=store)
    next(outcomes)
    outcomes.close()
    names = {thread.name for thread in threading.enumerate()}
    assert not {"skvideo3d-reader", "skvideo3d-device"} & names
    for source in sources:
        claim = store.claim(video_digest(source.identity()))
        assert claim is not None
        claim.release()


def _describe(folder, weights, videos, barrier):
    found = resolve_weights(weights, "c3d")
    spec = DescriptorSpec(
        found, ("fc6",), 16, 8, None, "loop", "mean", "float32", found.preprocessing
    )
    barrier.wait()
    outcomes = list(extract([as_source(v) for v in videos], spec, store=DescriptorStore(folder)))
    assert all(outcome.error is None for outcome in outcomes)


@pytest.mark.slow
@pytest.mark.thorough  # as more of them do in tests/survival
def test_processes_at_the_same_videos_read_each_once(tmp_path, small_c3d, noise_videos):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    processes = [
        context.Process(target=_describe, args=(tmp_path, small_c3d, noise_videos * 2, barrier))
        for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(DescriptorStore(tmp_path).readings()) == 6


def test_a_video_that_another_is_at_is_waited_for(tmp_path, sources, spec):
    store = DescriptorStore(tmp_path)
    busy = store.claim(video_digest(sources[0].identity()))
    done = []

    def work():
        done.extend(outcome.index for outcome in extract(sources[:3], spec, store=store))

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 30
    while len(done) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(done) == [1, 2]  # the others do not wait
    busy.release()
    thread.join(30)
    assert sorted(done) == [0, 1, 2]


def test_values_that_are_not_finite_are_a_failure(sources, spec):
    huge = replace(spec.preprocessing, scale=1e36)
    (outcome,) = extract(sources[:1], replace(spec, preprocessing=huge))
    assert isinstance(outcome.error, SkVideo3DError)
    assert "not finite" in str(outcome.error)
