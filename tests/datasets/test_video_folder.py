"""One's own folders: what a video's class and group are, and what is said where it has none."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_files

from skvideo3d.datasets.video_folder import load_video_folder


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def inside(videos, folder):
    return [Path(path).relative_to(folder).as_posix() for path in videos.data]


@pytest.mark.realdata
def test_kths_people_are_groups(realdata):
    videos = load_video_folder(realdata / "kth", groups=r"(person\d+)")
    assert videos.target_names == ["boxing", "running", "walking"]
    assert videos.target.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    people = [16, 21, 25, 9, 15, 23, 7, 14, 20]
    assert videos.group_names == [f"person{number:02d}" for number in sorted(people)]
    assert videos.groups.tolist() == np.argsort(np.argsort(people)).tolist()
    assert videos.target.dtype == videos.groups.dtype == np.int64
    assert "9 videos of 3 classes in 9 groups" in videos.DESCR


@pytest.mark.realdata
def test_classes_are_those_of_load_files(realdata):
    videos = load_video_folder(realdata / "kth")
    files = load_files(realdata / "kth", load_content=False, shuffle=False)
    assert videos.target_names == files.target_names
    named = dict(zip(map(str, files.filenames), files.target, strict=True))
    assert dict(zip(videos.data, videos.target, strict=True)) == named


@pytest.mark.realdata
def test_classes_and_people_of_a_flat_folder_are_in_the_names(realdata):
    # PS7A<action>P<person>T<trial>.avi
    videos = load_video_folder(realdata / "ps7", labels=r"A(\d)", groups=r"P(\d)")
    assert videos.target_names == videos.group_names == ["1", "2", "3"]
    np.testing.assert_array_equal(videos.target, np.repeat([0, 1, 2], 9))
    np.testing.assert_array_equal(videos.groups, np.tile(np.repeat([0, 1, 2], 3), 3))


@pytest.mark.realdata
def test_folders_of_frames_are_videos(realdata):
    videos = load_video_folder(realdata / "frames")
    assert inside(videos, realdata / "frames") == [
        *("jumping/0001", "jumping/0002", "running/0001", "running/0002"),
    ]
    assert videos.target.tolist() == [0, 0, 1, 1]


def test_without_groups_there_are_none(tmp_path):
    touch(tmp_path, "run/a.avi")
    videos = load_video_folder(tmp_path)
    assert set(videos) == {"data", "target", "target_names", "DESCR"}
    assert "Loaded: 1 video of 1 class, from" in videos.DESCR
    assert videos.data == [str(tmp_path / "run" / "a.avi")]


def test_numbers_are_in_the_order_of_their_values(tmp_path):
    touch(
        tmp_path, "level 10/a.avi", "level 9/take 10.mp4", "level 9/take 9.mp4", "level 9/x/1.avi"
    )
    videos = load_video_folder(tmp_path)
    assert videos.target_names == ["level 9", "level 10"]
    assert inside(videos, tmp_path) == [
        *("level 9/take 9.mp4", "level 9/take 10.mp4", "level 9/x/1.avi", "level 10/a.avi"),
    ]


def test_videos_lie_at_any_depth_and_hidden_or_other_files_are_ignored(tmp_path):
    touch(tmp_path, "run/2020/may/a.MOV", "run/b/0001.jpg", "run/b/0002.jpg", "walk/c.mkv")
    touch(tmp_path, ".trash/x.avi", "run/.x.avi", "run/notes.txt", "read me.txt", "cover.png")
    videos = load_video_folder(tmp_path)
    assert inside(videos, tmp_path) == ["run/2020/may/a.MOV", "run/b", "walk/c.mkv"]


def test_classes_may_be_chosen(tmp_path):
    touch(tmp_path, "walk/a.avi", "run/b.avi", "jump/c.avi")
    (tmp_path / "wave").mkdir()
    videos = load_video_folder(tmp_path, classes=["walk", "jump"])
    assert (videos.target_names, videos.target.tolist()) == (["jump", "walk"], [0, 1])
    assert inside(videos, tmp_path) == ["jump/c.avi", "walk/a.avi"]
    with pytest.raises(ValueError, match=r"'walks' is none .* mean 'walk'"):
        load_video_folder(tmp_path, classes=["walks"])


def test_groups_are_only_looked_for_in_the_chosen_classes(tmp_path):
    touch(tmp_path, "run/ann.avi", "run/bob.avi", "walk/someone.avi")
    videos = load_video_folder(tmp_path, groups="ann|bob", classes=["run"])
    assert (videos.group_names, videos.groups.tolist()) == (["ann", "bob"], [0, 1])


def test_functions_of_the_path_may_find_class_and_group(tmp_path):
    touch(tmp_path, "ann/run_1.avi", "bob/walk_1.avi", "bob/run_1.avi")
    videos = load_video_folder(
        tmp_path,
        labels=lambda path: path.split("/")[1].split("_")[0],
        groups=lambda path: path.split("/")[0],
    )
    assert inside(videos, tmp_path) == ["ann/run_1.avi", "bob/run_1.avi", "bob/walk_1.avi"]
    assert (videos.target_names, videos.target.tolist()) == (["run", "walk"], [0, 0, 1])
    assert (videos.group_names, videos.groups.tolist()) == (["ann", "bob"], [0, 1, 1])


def test_patterns_see_the_path_below_root_alone(tmp_path):
    root = tmp_path / "person1"
    touch(root, "run/person2.avi")
    assert load_video_folder(root, groups=r"person\d").group_names == ["person2"]


def test_with_labels_the_folders_do_not_matter(tmp_path):
    touch(tmp_path, "run_1.avi", "more/walk_1.avi")
    (tmp_path / "empty").mkdir()
    assert load_video_folder(tmp_path, labels="run|walk").target.tolist() == [0, 1]


@pytest.mark.parametrize("parameter", ["labels", "groups"])
@pytest.mark.parametrize(
    "pattern",
    ["person|ann", r"/(ann)?", lambda path: "x" if "ann" in path else None],
    ids=["no match", "group left out", "None"],
)
def test_videos_of_no_class_or_group_are_named(tmp_path, parameter, pattern):
    touch(tmp_path, "run/ann.avi", "run/bob.avi", "walk/zoe.avi")
    message = rf"{parameter}=.* 2 of the 3 videos: run/bob\.avi, walk/zoe\.avi\. Change"
    with pytest.raises(ValueError, match=message):
        load_video_folder(tmp_path, **{parameter: pattern})


@pytest.mark.parametrize("pattern", ["(", 3])
def test_what_is_no_pattern_is_refused(tmp_path, pattern):
    touch(tmp_path, "run/ann.avi")
    message = rf"groups={re.escape(repr(pattern))} \(--groups\) is neither a regular expression \("
    with pytest.raises(ValueError, match=message):
        load_video_folder(tmp_path, groups=pattern)


def test_videos_beside_the_class_folders_are_refused(tmp_path):
    touch(tmp_path, "a.avi", "run/b.avi")
    with pytest.raises(
        ValueError, match=r"1 of the 2 videos .* no class folder: a\.avi\..*labels="
    ):
        load_video_folder(tmp_path)


def test_a_folder_of_folders_of_frames_has_no_classes(tmp_path):
    touch(tmp_path, "clip1/1.jpg", "clip2/1.jpg")
    with pytest.raises(ValueError, match=r"2 of the 2 videos .*: clip1, clip2\..*labels="):
        load_video_folder(tmp_path)


def test_class_folders_without_a_video_are_refused(tmp_path):
    touch(tmp_path, "run/b.avi", "walk/walk.rar")
    (tmp_path / "wave").mkdir()
    message = r"2 of the 3 class folders .* no video: walk, wave\..*walk\.rar': unpack.*labels="
    with pytest.raises(ValueError, match=message):
        load_video_folder(tmp_path)
    with pytest.raises(ValueError, match=r"1 of the 3 class folders .* has no video: wave\."):
        load_video_folder(tmp_path, classes=["run", "wave"])


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no video is below"):
        load_video_folder(tmp_path)
    touch(tmp_path, "all.zip")
    with pytest.raises(ValueError, match=r"all\.zip': unpack"):
        load_video_folder(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        load_video_folder(tmp_path / "nowhere")
