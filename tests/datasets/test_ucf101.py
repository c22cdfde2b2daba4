"""UCF101: the official lists and their figures, and what is said when something is wrong."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from miniatures.ucf101 import write_ucf101
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skvideo3d.datasets.ucf101 import load_ucf101

# The figures of the set's own page and lists.
N_TRAIN, N_TEST = [9537, 9586, 9624], [3783, 3734, 3696]


@pytest.fixture(scope="module")
def whole(realdata, tmp_path_factory):
    """All 13320 names, of empty files, as the archive has them: a folder for each class."""
    folder = tmp_path_factory.mktemp("ucf101") / "UCF-101"
    lists = realdata / "splits" / "ucf101"
    for name in ("trainlist01.txt", "testlist01.txt"):
        for line in (lists / name).read_text().split("\n"):
            if line.strip():
                path = folder / line.split()[0]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return load_ucf101(folder, lists=lists)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    write_ucf101(folder)
    return folder


@pytest.mark.realdata
def test_the_official_lists_have_the_published_figures(whole):
    assert len(whole.data) == whole.n_listed == len(set(whole.data)) == 13320
    assert len(whole.target_names) == 101
    assert whole.missing == []
    assert [len(train) for train, _ in whole.cv] == N_TRAIN
    assert [len(test) for _, test in whole.cv] == N_TEST
    for label in range(101):
        assert np.unique(whole.groups[whole.target == label]).tolist() == list(range(1, 26))
    assert "9537, 9586, 9624 and test on 3783, 3734, 3696" in " ".join(whole.DESCR.split())


@pytest.mark.realdata
def test_every_video_is_in_one_part_of_every_split_and_tested_in_one(whole):
    for train, test in whole.cv:
        together = np.concatenate([train, test])
        np.testing.assert_array_equal(np.sort(together), np.arange(13320))
    times_tested = np.bincount(np.concatenate([test for _, test in whole.cv]), minlength=13320)
    assert times_tested.max() == 1


@pytest.mark.realdata
def test_no_group_of_a_class_is_on_both_sides_of_a_split(whole):
    for train, test in whole.cv:
        sides = [set(zip(whole.target[i], whole.groups[i], strict=True)) for i in (train, test)]
        assert not sides[0] & sides[1]


@pytest.mark.realdata
def test_classes_and_groups_are_those_of_the_paths(whole):
    assert whole.target_names == sorted(whole.target_names, key=str.lower)  # as they are numbered
    assert whole.target.dtype == whole.groups.dtype == np.int64
    of_class = defaultdict(list)
    for path, label, group in zip(whole.data, whole.target, whole.groups, strict=True):
        assert Path(path).parent.name == whole.target_names[label]
        assert f"_g{group:02d}_c" in path
        of_class[label].append(path)
    assert whole.data == [path for label in range(101) for path in sorted(of_class[label])]


@pytest.mark.realdata
def test_real_clips_in_a_flat_folder_are_found(realdata, tmp_path):
    # The four real clips train on and test in split 1 alone: others stand in for the rest.
    for path in (realdata / "ucf101").glob("*.avi"):
        (tmp_path / path.name).symlink_to(path)
    for group in ("g08", "g15"):
        (tmp_path / f"v_Archery_{group}_c01.avi").touch()
    lists = realdata / "splits" / "ucf101"
    videos = load_ucf101(tmp_path, lists=lists, missing="drop", follow_links=True)
    found = [
        (Path(path).name, videos.target_names[label], group)
        for path, label, group in zip(videos.data, videos.target, videos.groups, strict=True)
    ]
    assert found == [
        ("v_ApplyEyeMakeup_g01_c01.avi", "ApplyEyeMakeup", 1),
        ("v_Archery_g08_c01.avi", "Archery", 8),
        ("v_Archery_g15_c01.avi", "Archery", 15),
        ("v_BaseballPitch_g01_c01.avi", "BaseballPitch", 1),
        ("v_SoccerJuggling_g23_c01.avi", "SoccerJuggling", 23),
        ("v_SoccerJuggling_g24_c01.avi", "SoccerJuggling", 24),
    ]
    # Split 1 tests groups 1 to 7, split 2 8 to 14, split 3 15 to 21.
    assert [test.tolist() for _, test in videos.cv] == [[0, 3], [1], [2]]
    assert len(videos.target_names) == 101
    assert (videos.n_listed, len(videos.missing)) == (13320, 13314)
    with pytest.raises(ValueError, match=r"split 2 has no video to test on: none of the 3734"):
        load_ucf101(realdata / "ucf101", lists=lists, missing="drop")
    first = load_ucf101(realdata / "ucf101", lists=lists, splits=[1], missing="drop")
    assert [(train.tolist(), test.tolist()) for train, test in first.cv] == [([2, 3], [0, 1])]
    assert (first.splits, first.n_listed) == ([1], 9537 + 3783)


def test_the_miniature_is_loaded_in_order(small):
    videos = load_ucf101(small)
    assert videos.target_names == ["ApplyEyeMakeup", "Archery", "HandstandPushups"]
    np.testing.assert_array_equal(videos.target, np.repeat([0, 1, 2], 12))
    np.testing.assert_array_equal(videos.groups, np.tile(np.repeat(np.arange(1, 7), 2), 3))
    assert Path(videos.data[-1]).name == "v_HandStandPushups_g06_c02.avi"
    for number, (train, test) in enumerate(videos.cv, start=1):
        tested = np.isin(videos.groups, [2 * number - 1, 2 * number])
        np.testing.assert_array_equal(test, np.flatnonzero(tested))
        np.testing.assert_array_equal(train, np.flatnonzero(~tested))


def test_splits_and_groups_are_what_scikit_learn_takes(small):
    videos = load_ucf101(small)
    X = np.eye(3)[videos.target]
    scores = cross_val_score(KNeighborsClassifier(1), X, videos.target, cv=videos.cv)
    assert scores.tolist() == [1, 1, 1]
    assert LeaveOneGroupOut().get_n_splits(X, groups=videos.groups) == 6


def test_classes_are_chosen_by_name_or_number_in_the_official_order(small):
    videos = load_ucf101(small, classes=["HandstandPushups", "ApplyEyeMakeup"])
    assert videos.target_names == ["ApplyEyeMakeup", "HandstandPushups"]
    np.testing.assert_array_equal(videos.target, np.repeat([0, 1], 12))
    assert videos.n_listed == 24
    assert [(len(train), len(test)) for train, test in videos.cv] == [(16, 8)] * 3
    one = load_ucf101(small, classes=["Archery"], splits=[1])
    assert "12 of 12 listed videos, 1 of 3 classes, and 1 split\nto train on 8 and" in one.DESCR
    assert load_ucf101(small, classes=2).target_names == ["ApplyEyeMakeup", "Archery"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            ["archer"],
            r"classes= \(--classes\): 'archer' is none of the 3 classes\. Did you mean 'Archery'\?",
        ),
        (["Zumba"], "'Zumba' is none of the 3 classes. They are ApplyEyeMakeup, Archery"),
        ("Archery", r"one word: give a list, such as \['Archery'\]"),
        (0, r"classes=0: choose from 1 to 3, .* \(--classes\)"),
        (4, "classes=4: choose from 1 to 3"),
        (True, "classes=True"),
        ([], "chooses none"),
    ],
)
def test_classes_that_are_not_there_are_refused(small, classes, message):
    with pytest.raises(ValueError, match=message):
        load_ucf101(small, classes=classes)


@pytest.fixture
def placeholders(tmp_path):
    """The miniature's names with empty files, to be damaged."""
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 Archery\n2 Biking\n")
    for split in (1, 2, 3):
        train, test = [], []
        for number, label in enumerate(("Archery", "Biking"), start=1):
            for group in (1, 2, 3):
                name = f"{label}/v_{label}_g{group:02d}_c01.avi"
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).touch()
                (test if group == split else train).append(
                    name if group == split else f"{name} {number}"
                )
        (lists / f"trainlist0{split}.txt").write_text("\n".join(train))
        (lists / f"testlist0{split}.txt").write_text("\n".join(test))
    return tmp_path


def test_missing_videos_are_counted_or_dropped_from_the_splits(placeholders):
    whole = load_ucf101(placeholders)
    (placeholders / "Archery" / "v_Archery_g02_c01.avi").unlink()
    with pytest.raises(ValueError, match=r"1 of the 6 listed .* Archery/v_Archery_g02_c01\.avi\."):
        load_ucf101(placeholders)
    videos = load_ucf101(placeholders, missing="drop")
    assert videos.data == [path for path in whole.data if "Archery_g02" not in path]
    assert videos.missing == ["Archery/v_Archery_g02_c01.avi"]
    assert videos.n_listed == 6
    # By hand: left are Archery 1 and 3, Biking 1, 2 and 3.
    assert videos.groups.tolist() == [1, 3, 1, 2, 3]
    assert [(train.tolist(), test.tolist()) for train, test in videos.cv] == [
        ([1, 3, 4], [0, 2]),
        ([0, 1, 2, 4], [3]),
        ([0, 2, 3], [1, 4]),
    ]
    (placeholders / "Biking" / "v_Biking_g02_c01.avi").unlink()
    with pytest.raises(ValueError, match=r"split 2 has no video to test on: none of the 2 "):
        load_ucf101(placeholders, missing="drop")


def test_another_ending_and_folders_of_frames_are_found(placeholders):
    archery = placeholders / "Archery"
    (archery / "v_Archery_g01_c01.avi").rename(archery / "v_Archery_g01_c01.mp4")
    (archery / "v_Archery_g02_c01.avi").unlink()
    (archery / "v_Archery_g02_c01").mkdir()
    (archery / "v_Archery_g02_c01" / "frame1.jpg").touch()
    names = [Path(path).name for path in load_ucf101(placeholders).data[:2]]
    assert names == ["v_Archery_g01_c01.mp4", "v_Archery_g02_c01"]


def test_the_spelling_of_a_files_class_may_differ_in_case(placeholders):
    (placeholders / "Biking" / "v_Biking_g01_c01.avi").rename(
        placeholders / "Biking" / "v_BiKing_g01_c01.avi"
    )
    assert len(load_ucf101(placeholders).data) == 6


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("trainlist01.txt", "nonsense 1", r"trainlist01\.txt', line 1, is 'nonsense 1', not as"),
        ("trainlist02.txt", "\nArchery/v_Archery_g01_c01.avi", "line 2, is .*g01_c01.avi 1'"),
        (
            "trainlist03.txt",
            "Archery/v_Archery_g01_c01.avi 2",
            r"trainlist03.txt', line 1, gives 'Archery' the number 2, which classInd\.txt gives 1",
        ),
        ("testlist01.txt", "Archery/v_Archery_c01.avi", r"testlist01\.txt', line 1, is"),
        ("testlist01.txt", "Rowing/v_Rowing_g01_c01.avi", "line 1: classInd.txt has no .*'Rowing'"),
        (
            "testlist01.txt",
            "Archery/v_Archery_g02_c01.avi",
            "line 1: split 1 has 'Archery/v_Archery_g02_c01.avi' to train on and to test on",
        ),
        ("testlist01.txt", "Archery/v_Archery_g01_c01.avi\n" * 2, "line 2: split 1 has .* twice"),
        ("classInd.txt", "1 Archery\n3 Biking", "line 2, is '3 Biking'; the number 2 and"),
        ("classInd.txt", "1 Archery\n2 Archery", "line 2, is '2 Archery'"),
        ("classInd.txt", "", "classInd.txt' is empty"),
    ],
)
def test_damaged_lists_are_refused_with_the_line(placeholders, name, lines, message):
    (placeholders / "ucfTrainTestlist" / name).write_text(lines)
    with pytest.raises(ValueError, match=message):
        load_ucf101(placeholders)


def test_a_list_that_is_cut_short_is_refused(placeholders):
    # By hand: split 2 trains on groups 1 and 3 of both classes, of which the first line is left.
    path = placeholders / "ucfTrainTestlist" / "trainlist02.txt"
    path.write_text(path.read_text().split("\n")[0])
    message = (
        r"trainlist02.* and .*testlist02\.txt': without 3 of the 6 videos .*: Archery/v_Archery_g03"
    )
    with pytest.raises(ValueError, match=message):
        load_ucf101(placeholders)


def test_a_list_that_is_no_text_is_refused(placeholders):
    (placeholders / "ucfTrainTestlist" / "trainlist01.txt").write_bytes(b"Rar!\xff\xfe")
    with pytest.raises(ValueError, match=r"trainlist01\.txt' is not UTF-8 .* unpack the lists"):
        load_ucf101(placeholders)


def test_lists_that_are_nowhere_are_asked_for_by_the_archives_name(placeholders, tmp_path_factory):
    away = tmp_path_factory.mktemp("away") / "lists"
    (placeholders / "ucfTrainTestlist").rename(away)
    message = r"UCF101TrainTestSplits-RecognitionTask\.zip: .* lists="
    with pytest.raises(ValueError, match=message):
        load_ucf101(placeholders)
    assert len(load_ucf101(placeholders, lists=away).data) == 6


def test_half_the_lists_are_refused_with_those_missing(placeholders):
    for name in ("classInd.txt", "testlist03.txt"):
        (placeholders / "ucfTrainTestlist" / name).unlink()
    with pytest.raises(ValueError, match=r"lack 2 files: classInd\.txt, testlist03\.txt\. Unpack"):
        load_ucf101(placeholders)


def test_second_copies_of_the_lists_have_to_be_the_same(placeholders):
    lists = placeholders / "ucfTrainTestlist"
    copy = placeholders / "copy"
    copy.mkdir()
    for path in lists.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert len(load_ucf101(placeholders).data) == 6
    with (copy / "trainlist01.txt").open("a") as file:
        file.write("\nBiking/v_Biking_g01_c01.avi 2")
    (copy / "testlist01.txt").write_text("Archery/v_Archery_g01_c01.avi")
    with pytest.raises(ValueError, match=r"different ones, in .*say with lists="):
        load_ucf101(placeholders)
    assert load_ucf101(placeholders, lists=copy).cv[0][1].tolist() == [0]


def test_lists_of_the_detection_task_beside_them_do_not_disturb(placeholders):
    # That archive has lists of the same names and no classInd.txt.
    other = placeholders / "UCF101_Action_detection_splits"
    other.mkdir()
    for name in ("trainlist01.txt", "testlist01.txt"):
        (other / name).write_text("Archery/v_Archery_g01_c01")
    assert len(load_ucf101(placeholders).data) == 6
