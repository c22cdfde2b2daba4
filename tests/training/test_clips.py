"""Clips are the pixels that they should be, and depend on seed, epoch and number alone."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer
from skvideo3d.feature_extraction.preparing import ClipPreparation
from skvideo3d.training.clip_sampling import ClipSampling
from skvideo3d.training.clips import TrainingClips, VideoClips
from skvideo3d.training.frame_store import FrameStore
from skvideo3d.training.jitter import Jitter
from skvideo3d.video import MeanCube, Preprocessing
from skvideo3d.video.sources import VideoSegment, as_source

HEIGHT, WIDTH = 20, 30
AS_THEY_ARE = Preprocessing(resize=(HEIGHT, WIDTH), crop=(12, 16))
SIXTEEN = ClipSampling(16)
JITTER = Jitter((12, 16))


def telling_video(n_frames):
    """A video each of whose pixels says which it is: (frame, row, column)."""
    frames = np.zeros((n_frames, HEIGHT, WIDTH, 3), np.uint8)
    frames[..., 0] = np.arange(n_frames)[:, None, None]
    frames[..., 1] = np.arange(HEIGHT)[:, None]
    frames[..., 2] = np.arange(WIDTH)
    return as_source(frames)


def told(clip):
    """Frames, rows and columns of a clip of a telling video, by its corners."""
    values = np.asarray(clip).transpose(1, 2, 3, 0).astype(int)
    frames, rows, columns = values[:, 0, 0, 0], values[0, :, 0, 1], values[0, 0, :, 2]
    # Every pixel of every frame is where these three say.
    grid = np.stack(np.meshgrid(frames, rows, columns, indexing="ij"), axis=-1)
    np.testing.assert_array_equal(values, grid)
    return frames.tolist(), rows.tolist(), columns.tolist()


@pytest.fixture
def store(tmp_path):
    with FrameStore(tmp_path / "frames", resize=(HEIGHT, WIDTH)) as store:
        yield store


@pytest.fixture
def make(store):
    """A function that makes clips of telling videos of some lengths, labelled 0, 1, 2, ..."""

    def make(lengths, cls=TrainingClips, **options):
        kept = store.fill([telling_video(n_frames) for n_frames in lengths])
        if cls is TrainingClips:
            options = {"sampling": SIXTEEN, "jitter": JITTER, "seed": 0, **options}
        labels = np.arange(len(lengths))
        return cls(store, kept, labels, **{"preprocessing": AS_THEY_ARE, **options})

    return make


# --- Which frames and which part of them ----------------------------------------------------------


def test_videos_are_split_into_clips_of_16_frames_without_overlap(make):
    clips = make([40, 16, 50])
    assert clips.groups.tolist() == [0, 0, 1, 2, 2, 2]
    assert clips.labels.tolist() == [0, 0, 1, 2, 2, 2]
    starts = [0, 16, 0, 0, 16, 32]
    assert len(clips) == len(starts)
    for (clip, label), start, group in zip(clips, starts, clips.groups, strict=True):
        frames, rows, columns = told(clip)
        assert frames == list(range(start, start + 16))
        assert rows == list(range(rows[0], rows[0] + 12))
        assert sorted(columns) == list(range(min(columns), min(columns) + 16))
        assert label == group


def test_crops_and_flips_are_the_same_in_all_frames_and_of_many_kinds(make):
    clips = make([16])
    seen = set()
    for epoch in range(120):
        clips.set_epoch(epoch)
        _, rows, columns = told(clips[0][0])
        flipped = columns[0] > columns[-1]
        assert columns == sorted(columns, reverse=flipped)
        seen.add((rows[0], min(columns), flipped))
    assert len(seen) > 80  # of 9 * 15 * 2, drawn 120 times: 97 on average
    assert {flipped for *_, flipped in seen} == {True, False}


def test_random_places_are_drawn_anew_in_each_epoch(make):
    clips = make([200, 90], sampling=ClipSampling(16, 3))
    assert clips.groups.tolist() == [0, 0, 0, 1, 1, 1]
    starts = []
    for epoch in range(20):
        clips.set_epoch(epoch)
        starts.append([told(clip)[0][0] for clip, _ in clips])
    starts = np.array(starts)
    assert len(np.unique(starts, axis=0)) == 20
    assert starts[:, 3:].max() <= 90 - 16 < starts[:, :3].max() <= 200 - 16


def test_a_video_of_sports_1m_has_five_parts_of_two_seconds_for_good(make):
    clips = make([250], sampling=ClipSampling(16, 5, span_seconds=2.0))
    starts = []
    for epoch in range(300):
        clips.set_epoch(epoch)
        starts.append([clips._place(number)[0] for number in range(5)])
    starts = np.array(starts)
    # 50 frames without a clock: 35 places for a clip of 16 within each, all of them taken.
    assert np.ptp(starts, axis=0).tolist() == [34] * 5
    assert len(set(starts.min(axis=0))) == 5


@pytest.mark.parametrize(
    ("short_video", "frames"),
    [("loop", [*range(6), *range(6), *range(4)]), ("repeat_last", [*range(6), *[5] * 10])],
)
def test_short_videos_are_filled_up(make, short_video, frames):
    clips = make([6], sampling=ClipSampling(16, short_video=short_video))
    assert told(clips[0][0])[0] == frames


def test_without_jitter_a_clip_is_the_centre(make):
    clips = make([16], jitter=None)
    _, rows, columns = told(clips[0][0])
    assert (rows, columns) == (list(range(4, 16)), list(range(7, 23)))


# --- The same for the same seed, epoch and number -------------------------------------------------


def test_a_clip_depends_on_seed_epoch_and_number_alone(make, store):
    sampling = ClipSampling(16, 4, span_seconds=2.0)
    clips = make([100, 60, 9], sampling=sampling)
    clips.set_epoch(3)
    expected = [clip for clip, _ in clips]
    clips.set_epoch(0)
    clips[5]
    clips.set_epoch(3)
    # Another order, whole batches, the list a DataLoader asks for, a copy for another process.
    for number in (7, 0, 11, 3):
        assert torch.equal(clips[number][0], expected[number])
    order = np.random.default_rng(0).permutation(len(clips))
    batch, labels = clips.batch(order)
    assert torch.equal(batch, torch.stack([expected[number] for number in order]))
    assert labels.tolist() == clips.labels[order].tolist()
    copy = pickle.loads(pickle.dumps(clips))
    for number, (clip, label) in zip(order, copy.__getitems__(order), strict=True):
        assert torch.equal(clip, expected[number])
        assert label == clips.labels[number]


def test_epochs_seeds_and_clips_differ(make):
    clips = make([100], sampling=ClipSampling(16, 2))
    places = {clips._place(0), clips._place(1)}
    clips.set_epoch(1)
    places |= {clips._place(0), clips._place(1)}
    places |= {make([100], sampling=ClipSampling(16, 2), seed=1)._place(0)}
    assert len(places) == 5


def test_a_data_loader_gives_what_the_clips_are(make):
    clips = make([40, 16])
    loaded = list(torch.utils.data.DataLoader(clips, batch_size=2))
    assert torch.equal(torch.cat([batch for batch, _ in loaded]), clips.batch(range(3))[0])
    assert torch.cat([labels for _, labels in loaded]).tolist() == [0, 0, 1]


def test_a_batch_is_the_callers_to_keep(make):
    clips = make([40])
    first, _ = clips.batch([0])
    before = first.clone()
    clips.batch([1])
    assert torch.equal(first, before)


def test_an_epoch_decodes_nothing(make, store):
    clips = make([40, 16, 50])
    before = store.statistics.n_decoded
    clips.batch(range(len(clips)))
    assert store.statistics.n_decoded == before == 3


def test_clips_of_a_store_without_room_are_the_same(make, store, tmp_path):
    expected, _ = make([40, 16]).batch(range(3))
    with FrameStore(tmp_path / "none", resize=(HEIGHT, WIDTH), max_bytes=0) as small:
        with pytest.warns(UserWarning, match="max_bytes"):
            kept = small.fill([telling_video(40), telling_video(16)])
        clips = TrainingClips(
            small, kept, [0, 1], sampling=SIXTEEN, jitter=JITTER,
            preprocessing=AS_THEY_ARE, seed=0,
        )  # fmt: skip
        assert torch.equal(clips.batch(range(3))[0], expected)


# --- The arithmetic -------------------------------------------------------------------------------


def test_pixels_are_prepared_as_descriptors_are(make):
    recipe = replace(
        AS_THEY_ARE, channel_order="bgr", scale=(0.5, 2.0, 3.0), mean=(90.25, 97.66, 101.41)
    )
    clips = make([40], preprocessing=recipe)
    pixels = clips.pixels([1, 0])
    assert (pixels.dtype, pixels.shape) == (np.uint8, (2, 16, 12, 16, 3))
    found, _ = clips.batch([1, 0])
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last_3d)
    np.testing.assert_array_equal(found, recipe.prepare_clips(pixels))
    by_hand = pixels[..., ::-1].astype(np.float32) * np.float32([0.5, 2, 3])
    by_hand -= np.float32([90.25, 97.66, 101.41])
    np.testing.assert_array_equal(found, by_hand.transpose(0, 4, 1, 2, 3))


def test_of_a_mean_cube_each_crop_has_its_own_part(make, tmp_path):
    cube = np.random.default_rng(0).uniform(0, 255, (3, 16, HEIGHT, WIDTH)).astype(np.float32)
    np.save(tmp_path / "mean.npy", cube)
    recipe = replace(
        AS_THEY_ARE, channel_order="bgr", mean=MeanCube.from_file(tmp_path / "mean.npy")
    )
    clips, plain = make([96], preprocessing=recipe), make([96])
    found, straight = clips.batch(range(6))[0].numpy(), plain.batch(range(6))[0]
    n_flipped = 0
    for clip, as_told in zip(found, straight, strict=True):
        _, rows, columns = told(as_told)
        expected = as_told.numpy()[::-1] - cube[:, :, rows][..., columns]
        np.testing.assert_array_equal(clip, expected)
        n_flipped += columns[0] > columns[-1]
    assert 0 < n_flipped < 6
    with pytest.raises(ValueError, match="use batch"):
        clips.pixels([0])
    still = make([96], preprocessing=recipe, jitter=None)
    np.testing.assert_array_equal(still.batch([2])[0], recipe.prepare_clips(still.pixels([2])))


@pytest.fixture
def seen(monkeypatch):
    """What the transformers' networks are fed from now on."""
    batches = []
    prepare = ClipPreparation.__call__

    def listening(self, clips):
        values = prepare(self, clips)
        batches.append(values.clone())
        return values

    monkeypatch.setattr(ClipPreparation, "__call__", listening)
    return batches


RECIPES = {
    "both sides": Preprocessing((36, 48), (32, 32), "bgr", mean=(90.25, 97.66, 101.41)),
    "shorter side": Preprocessing(36, (32, 32), scale=2 / 255, mean=(1.0, 1.0, 1.0)),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("fps", [None, 15])
@pytest.mark.parametrize("short_video", ["loop", "repeat_last"])
def test_clips_for_testing_are_bit_for_bit_what_the_transformer_feeds_the_network(
    seen, recipe, fps, short_video, small_c3d, write_video, tmp_path
):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (70, 94, 3), dtype=np.uint8) for _ in range(64)]
    path = write_video(tmp_path / "a.mp4", frames, rate=30)
    # 64 or 32 frames, clips every 24 or 8: three of them; and one too short for a clip.
    stride = 24 if fps is None else 8
    videos = [path, VideoSegment(path, 3, 14)]
    C3DTransformer(
        small_c3d, clip_stride=stride, fps=fps, preprocessing=recipe, short_video=short_video
    ).transform(videos)
    with FrameStore(None, resize=recipe.resize, fps=fps) as store:
        kept = store.fill([as_source(video) for video in videos])
        clips = VideoClips(
            store, kept, clip_len=16, n_clips=3, preprocessing=recipe, short_video=short_video
        )
        found, places = clips.batch(range(len(clips)))
    assert places.tolist() == clips.groups.tolist() == [0, 0, 0, 1]
    assert torch.equal(found, torch.cat(seen))


def test_clips_for_testing_have_labels_if_given_and_cover_the_video(make):
    clips = make([100, 20, 6], VideoClips, clip_len=16, n_clips=4)
    assert clips.groups.tolist() == clips.labels.tolist() == [0] * 4 + [1] * 4 + [2]
    starts = [told(clip)[0][0] for clip, _ in clips]
    assert starts == [0, 28, 56, 84, 0, 1, 2, 4, 0]


@pytest.mark.realdata
def test_c3ds_clips_of_a_real_video_are_what_the_transformer_feeds_the_network(
    seen, realdata, small_c3d
):
    from skvideo3d.video import C3D_PREPROCESSING

    path = sorted((realdata / "ps7").rglob("*.avi"))[0]
    segment = VideoSegment(str(path), 0, 40)
    recipe = replace(C3D_PREPROCESSING, crop=(32, 32))
    C3DTransformer(small_c3d, preprocessing=recipe).transform([segment])
    with FrameStore(None, resize=(128, 171)) as store:
        kept = store.fill([as_source(segment)])
        clips = VideoClips(store, kept, clip_len=16, n_clips=4, preprocessing=recipe)
        assert torch.equal(clips.batch(range(4))[0], torch.cat(seen))


# --- Arguments ------------------------------------------------------------------------------------


def test_videos_that_failed_are_refused(store, tmp_path):
    kept = store.fill([telling_video(20), as_source(tmp_path / "gone.mp4")], on_error="nan")
    with pytest.raises(ValueError, match=r"1 of the videos failed .*gone\.mp4"):
        VideoClips(store, kept, clip_len=16, preprocessing=AS_THEY_ARE)


@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [0.0, 1.0], [[0], [1]], ["a", "b"]])
def test_labels_that_do_not_match_are_refused(store, labels):
    kept = store.fill([telling_video(20), telling_video(30)])
    with pytest.raises(ValueError, match=r"labels: .* for 2 videos"):
        VideoClips(store, kept, labels, clip_len=16, preprocessing=AS_THEY_ARE)


def test_a_store_of_another_size_is_refused(make):
    with pytest.raises(ValueError, match=r"resized to \(20, 30\), .* \(24, 30\)"):
        make([20], preprocessing=replace(AS_THEY_ARE, resize=(24, 30)))


def test_a_jitter_of_another_size_is_refused(make):
    with pytest.raises(ValueError, match=r"jitter crops \(8, 8\)"):
        make([20], jitter=Jitter((8, 8)))


def test_a_mean_cube_of_another_length_is_refused(make, tmp_path):
    np.save(tmp_path / "mean.npy", np.zeros((3, 16, HEIGHT, WIDTH), np.float32))
    recipe = replace(AS_THEY_ARE, mean=MeanCube.from_file(tmp_path / "mean.npy"))
    with pytest.raises(ValueError, match="clip_len=8"):
        make([20], preprocessing=recipe, sampling=ClipSampling(8))


def test_a_seed_is_a_whole_number(make):
    with pytest.raises(ValueError, match="negative"):
        make([20], seed=-1)


def test_a_number_beyond_the_last_is_an_index_error(make):
    clips = make([40])
    with pytest.raises(IndexError):
        clips[2]
    assert torch.equal(clips[-1][0], clips[1][0])
