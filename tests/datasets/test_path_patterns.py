"""Classes and groups are found in the names of files, and what does not fit is named."""

import pytest

from skvideo3d.datasets import load_video_folder
from skvideo3d.datasets.path_patterns import PATH_PATTERNS, labels_and_groups

NAMES = {
    "ucf101": ["v_Archery_g01_c02.avi", "UCF-101/YoYo/v_YoYo_g25_c01.avi"],
    "kth": ["boxing/person16_boxing_d4_uncomp.avi", "person07_walking_d2.avi"],
    "trials": ["PS7A1P2T3.avi", "x/A12P3T1.mp4"],
}
FOUND = {
    "ucf101": (["Archery", "YoYo"], ["01", "25"]),
    "kth": (["boxing", "walking"], ["16", "07"]),
    "trials": (["1", "12"], ["2", "3"]),
}


@pytest.mark.parametrize("name", PATH_PATTERNS)
def test_names_of_known_sets_are_recognised(name):
    assert labels_and_groups(NAMES[name]) == FOUND[name]
    assert labels_and_groups(NAMES[name], name) == FOUND[name]


@pytest.mark.parametrize("name", PATH_PATTERNS)
def test_a_name_that_does_not_fit_is_told(name):
    with pytest.raises(ValueError, match=r"1 of the 3 videos: holiday\.avi"):
        labels_and_groups([*NAMES[name], "holiday.avi"])


def test_names_of_no_known_set_need_a_pattern():
    with pytest.raises(ValueError, match=r"ucf101, kth, trials.*run-ann\.avi.*--pattern"):
        labels_and_groups(["run-ann.avi"])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "neither a regular expression"),
        ("(?P<label>run)", "no group called group"),
        ("run", "no group called label and none called group"),
        (r"(?P<label>run)(?P<group>\d*)", r"1 of the 1 videos: run\.avi"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(pattern, message):
    with pytest.raises(ValueError, match=message):
        labels_and_groups(["run.avi"], pattern)


@pytest.mark.parametrize("pattern", ["auto", "kth"])
def test_a_folder_is_loaded_by_a_pattern(tmp_path, pattern):
    for name in ("person02_run_d1.avi", "person10_run_d1.avi", "person02_box_d1.avi"):
        (tmp_path / name).touch()
    videos = load_video_folder(tmp_path, pattern=pattern)
    by_hand = load_video_folder(tmp_path, labels=r"_([a-z]+)_d", groups=r"person(\d+)")
    assert videos.data == by_hand.data
    assert videos.target_names == ["box", "run"]
    assert videos.group_names == ["02", "10"]
    assert (videos.target.tolist(), videos.groups.tolist()) == ([0, 1, 1], [0, 0, 1])
    assert videos.DESCR == by_hand.DESCR


def test_a_pattern_is_instead_of_labels_and_groups(tmp_path):
    with pytest.raises(ValueError, match="leave labels= and groups= out"):
        load_video_folder(tmp_path, pattern="kth", groups="person")
