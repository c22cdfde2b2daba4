"""YUPENN and Maryland: which set it is, which class a folder is, and what is not there."""

from pathlib import Path

import numpy as np
import pytest
from miniatures.dynamic_scenes import FOLDERS, write_scenes

from skvideo3d.datasets.dynamic_scenes import load_dynamic_scenes

# Classes and videos a class, as the papers have them.
SIZES = {"yupenn": (14, 30), "maryland": (13, 10)}


def touch(folder, n_videos, suffix=".avi"):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_videos):
        (folder / f"{number}{suffix}").touch()


@pytest.fixture(params=["yupenn", "maryland"])
def whole(request, tmp_path):
    """A whole set of empty files: only names are looked at."""
    for folder in FOLDERS[request.param]:
        touch(tmp_path / folder, SIZES[request.param][1])
    return request.param, tmp_path


def test_a_whole_set_is_recognised_and_complete(whole):
    name, folder = whole
    n_classes, n_each = SIZES[name]
    scenes = load_dynamic_scenes(folder)
    assert scenes.name == name
    assert scenes.n_listed == len(scenes.data) == n_classes * n_each
    assert scenes.missing == scenes.unknown_folders == []
    assert scenes.target_names == sorted(scenes.target_names)
    np.testing.assert_array_equal(scenes.target, np.repeat(np.arange(n_classes), n_each))
    assert scenes.target.dtype == np.int64
    # The folders' alphabetical order is the classes'.
    for path, label in zip(scenes.data, scenes.target, strict=True):
        assert FOLDERS[name][label] in path
    assert f"{n_classes * n_each} of the set's {n_classes * n_each} videos" in scenes.DESCR
    assert "groups" not in scenes


def test_each_video_is_left_out_once(whole):
    scenes = load_dynamic_scenes(whole[1])
    assert len(scenes.cv) == len(scenes.data)
    for number, (train, test) in enumerate(scenes.cv):
        assert test.tolist() == [number]
        assert train.tolist() == [*range(number), *range(number + 1, len(scenes.data))]


@pytest.mark.parametrize("name", ["yupenn", "maryland"])
def test_the_miniature_loads_with_what_it_lacks_named(tmp_path, name):
    write_scenes(tmp_path, name, n_videos=1)
    scenes = load_dynamic_scenes(tmp_path, missing="drop")
    n_classes, n_each = SIZES[name]
    assert scenes.name == name
    assert scenes.target.tolist() == list(range(n_classes))
    assert scenes.missing[0].endswith(f" (1 of {n_each} videos)")
    assert len(scenes.missing) == n_classes
    assert scenes.n_listed == n_classes * n_each


@pytest.mark.parametrize(
    "spelling",
    ["Sky-Clouds", "sky_clouds", "SKY CLOUDS", "SkyCloud", "skyClouds_2", "10 sky cloud"],
)
def test_a_class_is_known_by_its_letters(tmp_path, spelling):
    touch(tmp_path / spelling, 2)
    scenes = load_dynamic_scenes(tmp_path, missing="drop")
    assert [scenes.target_names[label] for label in scenes.target] == ["sky_clouds"] * 2


def test_classes_whose_name_ends_in_s_are_known_with_and_without_it(tmp_path):
    touch(tmp_path / "Wave", 1)
    touch(tmp_path / "Whirlpools", 1)
    scenes = load_dynamic_scenes(tmp_path, missing="drop")
    assert [scenes.target_names[label] for label in scenes.target] == ["waves", "whirlpool"]


def test_videos_may_lie_deep_and_be_folders_of_frames(tmp_path):
    touch(tmp_path / "set" / "Beach" / "part 1" / "a", 3, ".png")
    touch(tmp_path / "set" / "Beach" / "part 1" / "b", 3, ".png")
    touch(tmp_path / "set" / "moving" / "Ocean" / "ocean", 3, ".jpg")
    scenes = load_dynamic_scenes(tmp_path, missing="drop")
    inside = [Path(path).relative_to(tmp_path / "set").as_posix() for path in scenes.data]
    assert inside == ["Beach/part 1/a", "Beach/part 1/b", "moving/Ocean/ocean"]
    assert scenes.target.tolist() == [0, 0, 6]


def test_the_nearest_class_folder_decides(tmp_path):
    touch(tmp_path / "ocean" / "beach", 2)
    assert load_dynamic_scenes(tmp_path, missing="drop").target.tolist() == [0, 0]


def test_folders_of_no_class_are_not_loaded(tmp_path):
    touch(tmp_path / "Beach", 2)
    touch(tmp_path / "previews", 2)
    touch(tmp_path, 1)
    assert len(load_dynamic_scenes(tmp_path, missing="drop").data) == 2


def test_folders_of_no_class_are_named_while_classes_lack_videos(tmp_path):
    touch(tmp_path / "set" / "Beach", 2)
    touch(tmp_path / "set" / "Beech" / "part 1", 2)
    touch(tmp_path / "Ocaen" / "a", 3, ".png")
    touch(tmp_path / "empty", 0)
    touch(tmp_path, 1)
    scenes = load_dynamic_scenes(tmp_path, missing="drop")
    assert scenes.unknown_folders == ["Ocaen", "set/Beech/part 1"]
    assert scenes.missing[0] == "beach (2 of 30 videos)"
    assert "ocean (0 of 30 videos)" in scenes.missing
    assert "Not complete: beach (2 of 30 videos), elevator (0 of 30 videos), " in scenes.DESCR
    assert "of no class, perhaps misspelt: Ocaen, set/Beech/part 1.\n" in scenes.DESCR


def test_folders_of_no_class_beside_a_whole_set_are_no_matter(tmp_path):
    for folder in FOLDERS["maryland"]:
        touch(tmp_path / folder, 10)
    touch(tmp_path / "previews", 2)
    scenes = load_dynamic_scenes(tmp_path)
    assert scenes.unknown_folders == []
    assert "Not complete" not in scenes.DESCR
    assert "misspelt" not in scenes.DESCR


def test_what_is_missing_is_refused_with_classes_and_counts(tmp_path):
    for folder in FOLDERS["maryland"]:
        touch(tmp_path / folder, 10)
    (tmp_path / "Avalanche" / "3.avi").unlink()
    (tmp_path / "Tornado").rename(tmp_path / "Tornadoe")
    (tmp_path / "more.zip").touch()
    with pytest.raises(ValueError, match="2 of the 13 classes have fewer") as caught:
        load_dynamic_scenes(tmp_path)
    message = str(caught.value)
    assert "avalanche (9 of 10 videos), tornado (0 of 10 videos)." in message
    assert "Folders of no class: Tornadoe; rename" in message
    assert "1 archive lies there, such as" in message
    assert "more.zip': unpack it." in message
    assert "missing='drop' (--missing drop)" in message
    scenes = load_dynamic_scenes(tmp_path, missing="drop")
    assert len(scenes.data) == 9 + 11 * 10
    assert scenes.missing == ["avalanche (9 of 10 videos)", "tornado (0 of 10 videos)"]
    # Codes stay those of the whole set: the class without a video, number 8, is left out.
    assert np.unique(scenes.target).tolist() == [*range(8), *range(9, 13)]
    assert "12 of its 13 classes" in scenes.DESCR


def test_one_class_that_lacks_videos_has_fewer(tmp_path):
    for folder in FOLDERS["maryland"]:
        touch(tmp_path / folder, 10)
    (tmp_path / "Waves" / "3.avi").unlink()
    with pytest.raises(ValueError, match=r"1 of the 13 classes has fewer: waves \(9 of 10 videos"):
        load_dynamic_scenes(tmp_path)


def test_more_videos_than_the_set_has_are_refused(tmp_path):
    touch(tmp_path / "Avalanche", 10)
    touch(tmp_path / "copy" / "avalanche", 1)
    with pytest.raises(
        ValueError, match=r"'avalanche' has 11 videos .*10 in Maryland.*narrower .* \(--data\)"
    ):
        load_dynamic_scenes(tmp_path, missing="drop")


def test_classes_of_both_sets_need_the_name(tmp_path):
    for folder in ("Fountain", "Waterfall"):
        touch(tmp_path / folder, 2)
    with pytest.raises(ValueError, match=r"cannot be recognised .*name='yupenn' \(--set yupenn\)"):
        load_dynamic_scenes(tmp_path, missing="drop")
    for name, labels in (("yupenn", [3, 3, 12, 12]), ("maryland", [4, 4, 10, 10])):
        scenes = load_dynamic_scenes(tmp_path, name=name, missing="drop")
        assert (scenes.name, scenes.target.tolist()) == (name, labels)


def test_both_sets_below_one_folder_are_refused(tmp_path):
    touch(tmp_path / "a" / "Beach", 1)
    touch(tmp_path / "b" / "Tornado", 1)
    with pytest.raises(ValueError, match=r"both YUPENN and Maryland; .*as root \(--data\)"):
        load_dynamic_scenes(tmp_path)


def test_one_video_cannot_be_left_out(tmp_path):
    touch(tmp_path / "Beach", 1)
    with pytest.raises(ValueError, match=r"1 video of YUPENN is below .*at least 2"):
        load_dynamic_scenes(tmp_path, missing="drop")


def test_words_that_mean_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match="name='YUPENN' is no such set"):
        load_dynamic_scenes(tmp_path, name="YUPENN")
    with pytest.raises(ValueError, match="missing='ignore'"):
        load_dynamic_scenes(tmp_path, missing="ignore")
    with pytest.raises(ValueError, match="does not exist"):
        load_dynamic_scenes(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="cannot be recognised"):
        load_dynamic_scenes(tmp_path)
