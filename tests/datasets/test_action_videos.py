"""The generated data set: real files, one seed one result, and nothing but motion to learn from."""

import hashlib
import warnings
from pathlib import Path

import av
import cv2
import decord
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skvideo3d.datasets import ACTIONS, make_action_videos

SMALL = {"classes": ["bounce", "dance", "still"], "n_groups": 2, "n_frames": 8, "size": (48, 64)}


def digests(paths):
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]


def times(paths):
    return [Path(path).stat().st_mtime_ns for path in paths]


def read(path):
    with av.open(path) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def test_files_are_what_was_asked_for_to_both_readers(tmp_path):
    videos = make_action_videos(
        3,
        classes=3,
        n_groups=1,
        n_frames=9,
        size=(48, 80),
        fps=12.5,
        random_state=0,
        folder=tmp_path,
    )
    assert isinstance(videos, Bunch)
    for path in videos.data:
        reader = decord.VideoReader(path)
        frames = reader.get_batch(range(len(reader))).asnumpy()
        assert frames.shape == (9, 48, 80, 3)
        assert reader.get_avg_fps() == 12.5
        np.testing.assert_array_equal(frames, read(path))


def test_every_run_of_n_classes_videos_is_a_group_with_all_classes(tmp_path):
    videos = make_action_videos(9, **SMALL, random_state=0, folder=tmp_path)
    assert videos.target.tolist() == [0, 1, 2] * 3
    assert videos.groups.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert videos.target_names == ["bounce", "dance", "still"]
    assert videos.target.dtype == videos.groups.dtype == np.int64
    assert all(isinstance(path, str) and path.startswith(str(tmp_path)) for path in videos.data)
    assert len(set(digests(videos.data))) == 9
    assert "bounce, dance, still" in videos.DESCR


def test_a_group_shares_its_place_and_no_two_groups_do(tmp_path):
    videos = make_action_videos(
        8,
        classes=["still", "wave_arms"],
        n_groups=4,
        n_frames=3,
        size=(48, 64),
        random_state=0,
        folder=tmp_path,
    )
    colour = np.array([np.median(read(path), axis=(0, 1, 2)) for path in videos.data])
    # Chromaticity: light differs from take to take, paint from place to place.
    colour = colour / colour.sum(axis=1, keepdims=True)
    apart = np.linalg.norm(colour[:, None] - colour[None], axis=-1)
    same = videos.groups[:, None] == videos.groups[None]
    assert apart[same].max() < apart[~same].min()


def test_a_seed_gives_the_same_bytes_in_other_processes(tmp_path):
    here = make_action_videos(4, **SMALL, random_state=7, folder=tmp_path / "here")
    # Joblib's workers are interpreters of their own, with other hashes.
    there = make_action_videos(4, **SMALL, random_state=7, folder=tmp_path / "there", n_jobs=2)
    assert digests(there.data) == digests(here.data)
    assert there.target.tolist() == here.target.tolist()
    assert there.groups.tolist() == here.groups.tolist()
    other = make_action_videos(4, **SMALL, random_state=8, folder=tmp_path / "other")
    assert not set(digests(other.data)) & set(digests(here.data))


def test_files_that_are_there_are_kept_and_more_can_be_added(tmp_path):
    first = make_action_videos(3, **SMALL, random_state=0, folder=tmp_path)
    before = times(first.data)
    more = make_action_videos(5, **SMALL, random_state=0, folder=tmp_path)
    assert more.data[:3] == first.data
    assert times(first.data) == before
    at_once = make_action_videos(5, **SMALL, random_state=0, folder=tmp_path / "fresh")
    assert digests(more.data) == digests(at_once.data)
    fewer = make_action_videos(2, **SMALL, random_state=0, folder=tmp_path)
    assert fewer.data == first.data[:2]


def test_a_missing_or_cut_file_is_written_again(tmp_path):
    videos = make_action_videos(3, **SMALL, random_state=0, folder=tmp_path)
    before, whole = times(videos.data), digests(videos.data)
    Path(videos.data[0]).unlink()
    cut = Path(videos.data[1])
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"action-00001\.mp4' was damaged"):
        make_action_videos(3, **SMALL, random_state=0, folder=tmp_path)
    assert digests(videos.data) == whole
    assert times(videos.data)[2] == before[2]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "holiday.mp4").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=r"holiday\.mp4.*new or empty folder"):
        make_action_videos(3, **SMALL, random_state=0, folder=tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["holiday.mp4"]
    with pytest.raises(FileExistsError, match="is a file"):
        make_action_videos(3, **SMALL, folder=tmp_path / "holiday.mp4")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"random_state": 1}, "seed was"),
        ({"random_state": None}, "integer"),
        ({"n_frames": 9}, "n_frames was 8, is 9"),
        ({"classes": ["bounce", "still"]}, "classes was"),
        ({"gop": 4}, "gop was 1, is 4"),
    ],
)
def test_other_parameters_are_refused_and_named(tmp_path, change, named):
    parameters = {**SMALL, "random_state": 0}
    videos = make_action_videos(2, **parameters, folder=tmp_path)
    before = times(videos.data)
    with pytest.raises(FileExistsError, match=named):
        make_action_videos(2, **{**parameters, **change}, folder=tmp_path)
    assert times(videos.data) == before


def test_another_video_under_our_name_is_not_overwritten(tmp_path):
    videos = make_action_videos(2, **SMALL, random_state=0, folder=tmp_path / "a")
    longer = make_action_videos(1, classes=1, n_frames=9, size=(48, 64), folder=tmp_path / "b")
    Path(videos.data[0]).write_bytes(Path(longer.data[0]).read_bytes())
    with pytest.raises(FileExistsError, match=r"action-00000\.mp4' is a video, but not the one"):
        make_action_videos(2, **SMALL, random_state=0, folder=tmp_path / "a")


def test_a_damaged_manifest_is_said_to_be(tmp_path):
    make_action_videos(1, **SMALL, random_state=0, folder=tmp_path)
    (tmp_path / "action_videos.json").write_text("{")
    with pytest.raises(FileExistsError, match="damaged"):
        make_action_videos(1, **SMALL, random_state=0, folder=tmp_path)


def test_what_a_killed_run_left_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "action-00000.mp4.123-456.part").write_bytes(b"half")
    assert len(make_action_videos(1, **SMALL, random_state=0, folder=tmp_path).data) == 1


def test_without_a_folder_each_call_makes_one(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = (make_action_videos(1, **SMALL, random_state=0) for _ in range(2))
    assert first.folder != second.folder
    assert Path(first.folder).parent == Path(second.folder).parent == tmp_path
    assert digests(first.data) == digests(second.data)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_videos": 0}, "n_videos=0 is not a count"),
        ({"n_groups": 1.5}, "n_groups=1.5"),
        ({"gop": True}, "gop=True"),
        ({"n_frames": -1}, "n_frames=-1"),
        ({"size": (48, 63)}, "even height and width"),
        ({"size": (8, 8)}, "at least 32"),
        ({"fps": -25.0}, "fps=-25.0"),
        ({"classes": 99}, "16 actions"),
        ({"classes": "bounce"}, "list of names"),
        ({"classes": []}, "list of names"),
        ({"classes": ["bouncing"]}, "'bounce'"),
        ({"classes": ["bounce", "bounce"]}, "more than once"),
        ({"random_state": "seed"}, "seed"),
    ],
)
def test_parameters_without_a_meaning_are_refused_before_anything_is_written(
    tmp_path, wrong, message
):
    with pytest.raises(ValueError, match=message):
        make_action_videos(**{"n_videos": 2, "folder": tmp_path / "new", **wrong})
    assert not (tmp_path / "new").exists()


# ------------------------------------------------------------------ what there is to learn


@pytest.fixture(scope="module")
def crowd(tmp_path_factory, rounds):
    """All sixteen classes in ten places, 160 files, or in twenty."""
    n_groups = rounds(10, 20)
    videos = make_action_videos(
        len(ACTIONS) * n_groups,
        classes=len(ACTIONS),
        n_groups=n_groups,
        n_frames=15,
        size=(64, 80),
        random_state=0,
        folder=tmp_path_factory.mktemp("crowd"),
    )
    return videos, [read(path) for path in videos.data]


def look_of(frame):
    """Colour histogram, thumbnail and oriented gradients of one frame."""
    colours = [np.histogram(frame[..., c], 12, (0, 256))[0] for c in range(3)]
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    thumbnail = cv2.resize(grey, (10, 8), interpolation=cv2.INTER_AREA)
    dy, dx = np.gradient(grey.astype(float))
    strength, angle = np.hypot(dx, dy), np.arctan2(dy, dx) % np.pi
    cells = [
        np.histogram(
            angle[y : y + 16, x : x + 16], 6, (0, np.pi), weights=strength[y : y + 16, x : x + 16]
        )[0]
        for y in range(0, 64, 16)
        for x in range(0, 80, 16)
    ]
    return np.concatenate([np.ravel(colours), thumbnail.ravel() / 8, np.ravel(cells) / 50])


def motion_of(video):
    """What optical flow and brightness do over time, without where and without looks."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video]
    grey = [cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in grey]
    rows = []
    for before, after in zip(grey, grey[2:], strict=False):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 11, 2, 5, 1.1, 0)
        flow -= np.median(flow, axis=(0, 1))
        length = np.hypot(flow[..., 0], flow[..., 1])
        moving = length > 0.8
        count = moving.sum() + 20
        x, y = flow[..., 0], flow[..., 1]
        curl = np.gradient(y, axis=1) - np.gradient(x, axis=0)
        spread = np.gradient(x, axis=1) + np.gradient(y, axis=0)
        rows.append(
            [
                (x * moving).sum() / count,
                (y * moving).sum() / count,
                np.mean(np.sign(curl) * (length > 0.4) * (np.abs(curl) > 0.05)),
                np.mean(np.sign(spread) * (length > 0.4) * (np.abs(spread) > 0.05)),
                moving.mean(),
                length.mean(),
            ]
        )
    rows = np.array(rows)
    light = np.array([frame.mean() for frame in video])
    return np.r_[rows.mean(axis=0), rows.std(axis=0), np.abs(rows).mean(axis=0), light.std()]


def accuracy(features, labels, groups, model):
    folds = GroupKFold(10).split(features, labels, groups)
    predicted = cross_val_predict(model, features, labels, cv=list(folds))
    return np.mean(predicted == labels)


def chance_bound(n, n_classes):
    # Guesses that know nothing are right binomially; 3.3 deviations above chance is one in 2000.
    chance = 1 / n_classes
    return chance + 3.3 * np.sqrt(chance * (1 - chance) / n)


@pytest.mark.slow
def test_a_single_frame_does_not_tell_the_class(crowd):
    videos, frames = crowd
    models = {
        "linear": make_pipeline(StandardScaler(), RidgeClassifier(alpha=300.0)),
        "forest": RandomForestClassifier(100, random_state=0),
    }
    bound = chance_bound(len(frames), len(ACTIONS))
    for moment in (7, -1):
        looks = np.array([look_of(video[moment]) for video in frames])
        for name, model in models.items():
            found = accuracy(looks, videos.target, videos.groups, model)
            assert found < bound, (name, moment, found, bound)
    # The same features and model are not blind: they tell the places apart.
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    places = cross_val_predict(models["linear"], looks, videos.groups, cv=folds)
    assert np.mean(places == videos.groups) > 0.7  # chance is 0.1 or less


@pytest.mark.slow
def test_motion_tells_the_class_in_places_never_seen(crowd):
    videos, frames = crowd
    motion = np.array([motion_of(video) for video in frames])
    forest = RandomForestClassifier(300, random_state=0)
    assert accuracy(motion, videos.target, videos.groups, forest) > 0.65  # chance is 0.0625
    easy = np.isin(videos.target, range(8))
    found = accuracy(motion[easy], videos.target[easy], videos.groups[easy], forest)
    assert found > 0.75  # chance is 0.125


def test_nothing_warns(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_action_videos(2, **SMALL, random_state=0, folder=tmp_path, n_jobs=1)


def test_names_may_come_as_an_array(tmp_path):
    names = np.array(["bounce", "still"])
    made = make_action_videos(
        2, classes=names, n_frames=2, size=(32, 32), random_state=0, folder=tmp_path
    )
    assert made.target_names == ["bounce", "still"]
    assert all(type(name) is str for name in made.target_names)
    # The manifest knows them again, as from a list.
    again = make_action_videos(
        2, classes=list(names), n_frames=2, size=(32, 32), random_state=0, folder=tmp_path
    )
    assert again.data == made.data


@pytest.mark.parametrize("fps", [1e-4, 6e-4, 3e9])
def test_a_rate_that_no_file_holds_is_refused(fps, tmp_path):
    # 0.0001 would be written as 24 frames a second, 0.0006 as 1/1001.
    with pytest.raises(ValueError, match=rf"fps={fps!r} is no rate that an mp4 file holds"):
        make_action_videos(1, n_frames=2, size=(32, 32), fps=fps, folder=tmp_path / "videos")
    assert not (tmp_path / "videos").exists()


@pytest.mark.parametrize("fps", [0.001, 12.5, 30000 / 1001, 59.94, 1000.0])
def test_other_rates_are_in_the_file(fps, tmp_path):
    made = make_action_videos(
        1, n_frames=3, size=(32, 32), fps=fps, random_state=0, folder=tmp_path
    )
    with av.open(made.data[0]) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times[1] == pytest.approx(1 / fps, rel=1e-3)
