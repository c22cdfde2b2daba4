"""HMDB51: the official lists and their figures, and what is said when something is wrong."""

from pathlib import Path

import numpy as np
import pytest
from miniatures.hmdb51 import write_hmdb51
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skvideo3d.datasets.hmdb51 import load_hmdb51


@pytest.fixture(scope="module")
def whole(realdata, tmp_path_factory):
    """All 6766 names, of empty files, as the archive has them: a folder for each class."""
    folder = tmp_path_factory.mktemp("hmdb51") / "hmdb51_org"
    lists = realdata / "splits" / "hmdb51"
    for path in lists.glob("*_test_split1.txt"):
        label = path.name.removesuffix("_test_split1.txt")
        (folder / label).mkdir(parents=True)
        for line in path.read_text().split("\n"):
            if line.strip():
                (folder / label / line.rstrip()[:-2]).touch()
    return load_hmdb51(folder, lists=lists)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    write_hmdb51(folder)
    return folder


@pytest.mark.realdata
def test_the_official_lists_have_the_published_figures(whole):
    # 51 classes, of which each split trains on 70 and tests on 30 videos (Kuehne et al. 2011).
    assert len(whole.data) == whole.n_listed == len(set(whole.data)) == 6766
    assert len(whole.target_names) == 51
    assert whole.missing == []
    assert whole.target.dtype == np.int64
    for train, test in whole.cv:
        np.testing.assert_array_equal(np.bincount(whole.target[train]), np.full(51, 70))
        np.testing.assert_array_equal(np.bincount(whole.target[test]), np.full(51, 30))
        assert not set(train) & set(test)
    assert "groups" not in whole
    assert "3570, 3570, 3570 and test on 1530, 1530, 1530" in " ".join(whole.DESCR.split())


@pytest.mark.realdata
def test_classes_are_those_of_the_folders_in_alphabetical_order(whole):
    assert whole.target_names == sorted(whole.target_names)
    assert whole.target_names[4:7] == ["clap", "climb", "climb_stairs"]
    assert np.all(np.diff(whole.target) >= 0)
    for path, label in zip(whole.data, whole.target, strict=True):
        assert Path(path).parent.name == whole.target_names[label]


@pytest.mark.realdata
def test_real_clips_in_a_flat_folder_are_found(realdata, tmp_path):
    # One of the four was given a name that no list has.
    for path in (realdata / "hmdb51").glob("*.avi"):
        (tmp_path / path.name.removeprefix("hmdb51_")).symlink_to(path)
    lists = realdata / "splits" / "hmdb51"
    videos = load_hmdb51(tmp_path, lists=lists, missing="drop", follow_links=True)
    found = [
        (Path(path).name, videos.target_names[label])
        for path, label in zip(videos.data, videos.target, strict=True)
    ]
    assert found == [
        ("Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi", "cartwheel"),
        ("RATRACE_wave_f_nm_np1_fr_goo_37.avi", "wave"),
        ("SchoolRulesHowTheyHelpUs_wave_f_nm_np1_ba_med_0.avi", "wave"),
        ("TrumanShow_wave_f_nm_np1_fr_med_26.avi", "wave"),
    ]
    # By the lists: RATRACE 1, 2, 1, SchoolRules 0, 0, 1, Truman 2, 1, 1, Turnk 1, 1, 2.
    assert [(train.tolist(), test.tolist()) for train, test in videos.cv] == [
        ([0, 1], [3]),
        ([0, 3], [1]),
        ([1, 2, 3], [0]),
    ]
    assert videos.n_listed == 6766
    assert len(videos.data) + len(videos.missing) == 6766


def test_the_miniature_is_loaded_with_odd_names(small):
    videos = load_hmdb51(small)
    assert videos.target_names == ["cartwheel", "shake_hands", "wave"]
    np.testing.assert_array_equal(videos.target, np.repeat([0, 1, 2], 7))
    assert Path(videos.data[0]).name == "(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi"
    # 2 tested, 4 trained on and 1 left out of each class, moved on by 2 a split.
    for split, (train, test) in enumerate(videos.cv):
        first = 2 * split
        assert test.tolist() == [7 * label + first + i for label in range(3) for i in (0, 1)]
        in_train = [(first + i) % 7 for i in (2, 3, 4, 5)]
        assert train.tolist() == sorted(7 * label + i for label in range(3) for i in in_train)


def test_splits_are_what_scikit_learn_takes(small):
    videos = load_hmdb51(small)
    X = np.eye(3)[videos.target]
    scores = cross_val_score(KNeighborsClassifier(1), X, videos.target, cv=videos.cv)
    assert scores.tolist() == [1, 1, 1]


def test_classes_are_chosen_by_name_or_number(small):
    videos = load_hmdb51(small, classes=["wave", "cartwheel"])
    assert videos.target_names == ["cartwheel", "wave"]
    np.testing.assert_array_equal(videos.target, np.repeat([0, 1], 7))
    assert videos.n_listed == 14
    assert load_hmdb51(small, classes=2).target_names == ["cartwheel", "shake_hands"]
    with pytest.raises(ValueError, match=r"'shakehands' is none .* mean 'shake_hands'"):
        load_hmdb51(small, classes=["shakehands"])


@pytest.fixture
def placeholders(tmp_path):
    """A class of four videos, one of them never used, of empty files, to be damaged."""
    lists = tmp_path / "testTrainMulti_7030_splits"
    lists.mkdir()
    for name in ("a b.avi", "Mr. & Mrs..avi", "#[c];-).avi", "unused.avi"):
        (tmp_path / name).touch()
    for split, flags in enumerate(("2110", "1210", "1120"), start=1):
        (lists / f"wave_test_split{split}.txt").write_text(
            "a b.avi {} \nMr. & Mrs..avi {} \r\n\n#[c];-).avi {}\nunused.avi {} ".format(*flags)
        )
    return tmp_path


def test_names_may_have_any_characters_and_unused_videos_count(placeholders):
    videos = load_hmdb51(placeholders)
    names = [Path(path).name for path in videos.data]
    assert names == ["a b.avi", "Mr. & Mrs..avi", "#[c];-).avi", "unused.avi"]
    assert [(train.tolist(), test.tolist()) for train, test in videos.cv] == [
        ([1, 2], [0]),
        ([0, 2], [1]),
        ([0, 1], [2]),
    ]


def test_missing_videos_are_counted_or_dropped_from_the_splits(placeholders):
    (placeholders / "unused.avi").unlink()
    with pytest.raises(ValueError, match=r"1 of the 4 listed .*: wave/unused\.avi\..*'drop'"):
        load_hmdb51(placeholders)
    videos = load_hmdb51(placeholders, missing="drop")
    assert (len(videos.data), videos.n_listed, videos.missing) == (3, 4, ["wave/unused.avi"])
    (placeholders / "#[c];-).avi").unlink()
    with pytest.raises(ValueError, match=r"split 3 has no video to test on: none of the 1 "):
        load_hmdb51(placeholders, missing="drop")


def test_folders_of_frames_are_found_though_names_have_dots(placeholders):
    (placeholders / "Mr. & Mrs..avi").unlink()
    (placeholders / "Mr. & Mrs.").mkdir()
    (placeholders / "Mr. & Mrs." / "1.jpg").touch()
    assert load_hmdb51(placeholders).data[1].endswith("Mr. & Mrs.")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a b.avi 3", r"wave_test_split2\.txt', line 1, is 'a b\.avi 3', not a name and 0, 1 or 2"),
        ("\na.avi", r"line 2, is 'a\.avi', not a name"),
        ("1", "line 1, is '1', not a name"),
        ("a.avi 1\na.avi 2", r"line 2, has 'a\.avi' for the second time"),
        ("\n", r"wave_test_split2\.txt' is empty"),
    ],
)
def test_damaged_lists_are_refused_with_the_line(placeholders, lines, message):
    (placeholders / "testTrainMulti_7030_splits" / "wave_test_split2.txt").write_text(lines)
    with pytest.raises(ValueError, match=message):
        load_hmdb51(placeholders)


def test_a_list_that_is_cut_short_is_refused(placeholders):
    path = placeholders / "testTrainMulti_7030_splits" / "wave_test_split2.txt"
    path.write_text("a b.avi 1\nMr. & Mrs..avi 2\n#[c];-).avi 1")
    with pytest.raises(
        ValueError, match=r"split2\.txt': without 1 of the 4 .*: wave/unused\.avi\. .*again"
    ):
        load_hmdb51(placeholders)


def test_lists_that_are_nowhere_are_asked_for_by_the_archives_name(placeholders, tmp_path_factory):
    away = tmp_path_factory.mktemp("away") / "lists"
    (placeholders / "testTrainMulti_7030_splits").rename(away)
    with pytest.raises(ValueError, match=r"come in test_train_splits\.rar: .* lists="):
        load_hmdb51(placeholders)
    assert len(load_hmdb51(placeholders, lists=away).data) == 4


def test_half_the_lists_are_refused_with_those_missing(placeholders):
    (placeholders / "testTrainMulti_7030_splits" / "wave_test_split3.txt").unlink()
    with pytest.raises(ValueError, match=r"lack 1 file: wave_test_split3\.txt\. Unpack"):
        load_hmdb51(placeholders)


def test_hidden_files_beside_the_lists_are_ignored(placeholders):
    hidden = placeholders / "testTrainMulti_7030_splits" / "._wave_test_split1.txt"
    hidden.write_bytes(b"\x00\x05\x16\x07\xff")
    assert load_hmdb51(placeholders).target_names == ["wave"]
