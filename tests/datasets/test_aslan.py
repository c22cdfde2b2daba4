"""ASLAN's View 2: pairs in the order of the list, its ten folds, and lists that are damaged."""

import shutil

import numpy as np
import pytest
from miniatures.aslan import write_aslan
from scipy.io import savemat

from skvideo3d.datasets.aslan import load_aslan

# Two splits of three pairs: sample, sample, same, action, action.
SPLITS = [
    [[1, 2, 1, 5, 5], [3, 4, 0, 6, 7], [2, 3, 0, 5, 6]],
    [[5, 6, 1, 8, 8], [1, 5, 0, 5, 8], [4, 7, 1, 7, 7]],
]


def write_list(folder, table=None, name="action_splits_pairs"):
    """View2.mat, of the splits above or of a table in MATLAB's order."""
    folder.mkdir(parents=True, exist_ok=True)
    if table is None:
        table = np.array(SPLITS, dtype=float).transpose(1, 2, 0)
    savemat(folder / "View2.mat", {name: table})


def touch(folder, samples, suffix=".avi"):
    folder.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        (folder / f"{sample:04d}{suffix}").touch()


def numbers(pairs):
    return [[int(path[-8:-4]) for path in pair] for pair in pairs]


def test_pairs_come_split_by_split_in_the_order_of_the_list(tmp_path):
    write_list(tmp_path)
    touch(tmp_path / "ASLAN_AVI", range(1, 8))
    aslan = load_aslan(tmp_path)
    assert numbers(aslan.data) == [[1, 2], [3, 4], [2, 3], [5, 6], [1, 5], [4, 7]]
    assert aslan.data[0] == (
        str(tmp_path / "ASLAN_AVI" / "0001.avi"),
        str(tmp_path / "ASLAN_AVI" / "0002.avi"),
    )
    assert aslan.target.tolist() == [1, 0, 0, 1, 0, 1]
    assert aslan.target_names == ["not-same", "same"]
    assert aslan.groups.tolist() == [0, 0, 0, 1, 1, 1]
    assert aslan.actions.tolist() == [[5, 5], [6, 7], [5, 6], [8, 8], [5, 8], [7, 7]]
    assert [path[-8:] for path in aslan.videos] == [f"000{n}.avi" for n in range(1, 8)]
    assert (aslan.n_listed, aslan.n_listed_pairs, aslan.missing) == (7, 6, [])
    assert {a.dtype for a in (aslan.target, aslan.groups, aslan.actions)} == {np.dtype(np.int64)}
    assert [[part.tolist() for part in fold] for fold in aslan.cv] == [
        [[3, 4, 5], [0, 1, 2]],
        [[0, 1, 2], [3, 4, 5]],
    ]
    assert "6 of 6 pairs" in aslan.DESCR
    assert "7 of the 7 different videos" in aslan.DESCR


def test_a_list_of_the_official_size_gives_ten_folds_of_5400_and_600(tmp_path):
    rng = np.random.default_rng(0)
    table = np.zeros((600, 5, 10))
    table[:, 0] = rng.integers(1, 1800, (600, 10))
    table[:, 1] = rng.integers(1800, 3698, (600, 10))
    table[:300, 2] = 1
    write_list(tmp_path, table)
    touch(tmp_path / "ASLAN_MP4", range(1, 3698), ".mp4")
    aslan = load_aslan(tmp_path)
    assert len(aslan.data) == len(aslan.target) == 6000
    assert len(aslan.cv) == 10
    for number, (train, test) in enumerate(aslan.cv):
        assert (len(train), len(test)) == (5400, 600)
        assert test.tolist() == list(range(600 * number, 600 * number + 600))
        assert sorted([*train, *test]) == list(range(6000))
        assert aslan.target[test].sum() == 300
    assert numbers(aslan.data)[1234] == table[34, :2, 2].astype(int).tolist()
    assert aslan.n_listed == len({int(sample) for sample in table[:, :2].ravel()})


def test_the_miniature_has_real_videos_and_as_many_pairs_as_asked(tmp_path):
    write_aslan(tmp_path, n_videos=6, n_actions=2, n_pairs=4, n_splits=3)
    aslan = load_aslan(tmp_path)
    assert len(aslan.data) == 12
    assert aslan.target.reshape(3, 4).sum(axis=1).tolist() == [2, 2, 2]
    np.testing.assert_array_equal(aslan.target, aslan.actions[:, 0] == aslan.actions[:, 1])
    for pair, actions in zip(numbers(aslan.data), aslan.actions, strict=True):
        assert [(sample - 1) % 2 + 1 for sample in pair] == actions.tolist()


def test_of_both_kinds_of_file_the_avi_is_taken_wherever_the_list_lies(tmp_path):
    write_list(tmp_path / "lists")
    touch(tmp_path / "unpacked" / "ASLAN_AVI", range(1, 7))
    touch(tmp_path / "unpacked" / "ASLAN_MP4", range(1, 8), ".mp4")
    aslan = load_aslan(tmp_path)
    assert [path[-4:] for path in aslan.videos] == [".avi"] * 6 + [".mp4"]


def test_samples_may_lie_in_any_one_folder(tmp_path):
    write_list(tmp_path)
    touch(tmp_path / "samples", range(1, 8), ".mp4")
    assert len(load_aslan(str(tmp_path)).data) == 6


def test_folders_of_frames_are_samples_too(tmp_path):
    write_list(tmp_path)
    for sample in range(1, 8):
        (tmp_path / f"{sample:04d}").mkdir()
        (tmp_path / f"{sample:04d}" / "1.jpg").touch()
    assert load_aslan(tmp_path).data[0] == (str(tmp_path / "0001"), str(tmp_path / "0002"))


def test_missing_videos_are_refused_or_their_pairs_dropped(tmp_path):
    write_list(tmp_path)
    touch(tmp_path, [1, 2, 3, 5, 6])
    with pytest.raises(ValueError, match=r"2 of the 7 .*0004\.avi, 0007\.avi.*missing='drop'"):
        load_aslan(tmp_path)
    aslan = load_aslan(tmp_path, missing="drop")
    assert numbers(aslan.data) == [[1, 2], [2, 3], [5, 6], [1, 5]]
    assert aslan.target.tolist() == [1, 0, 1, 0]
    assert aslan.groups.tolist() == [0, 0, 1, 1]
    assert aslan.actions.tolist() == [[5, 5], [5, 6], [8, 8], [5, 8]]
    assert aslan.missing == ["0004.avi", "0007.avi"]
    assert (aslan.n_listed, aslan.n_listed_pairs, len(aslan.videos)) == (7, 6, 5)
    assert aslan.cv[0][0].tolist() == [2, 3]
    assert "4 of 6 pairs" in aslan.DESCR


def test_a_video_whose_pairs_are_all_dropped_is_not_among_the_videos(tmp_path):
    write_list(tmp_path)
    touch(tmp_path, [1, 2, 5, 7])
    aslan = load_aslan(tmp_path, missing="drop")
    assert numbers(aslan.data) == [[1, 2], [1, 5]]
    assert [path[-8:] for path in aslan.videos] == ["0001.avi", "0002.avi", "0005.avi"]


def test_a_split_without_a_pair_is_refused(tmp_path):
    write_list(tmp_path)
    touch(tmp_path, [1, 2, 3])
    with pytest.raises(ValueError, match=r"no pair of split 2 .*fetch more"):
        load_aslan(tmp_path, missing="drop")


def test_a_folder_without_the_list_says_where_it_is_had(tmp_path):
    touch(tmp_path, [1])
    with pytest.raises(ValueError, match=r"no View2\.mat below .*benchmark's page"):
        load_aslan(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        load_aslan(tmp_path / "elsewhere")


def test_two_lists_are_refused(tmp_path):
    write_list(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with pytest.raises(ValueError, match=r"more than once: .*a.View2\.mat.*b.View2\.mat"):
        load_aslan(tmp_path)


def test_brackets_in_the_name_of_the_folder_are_no_pattern(tmp_path):
    write_list(tmp_path / "aslan [2012]")
    touch(tmp_path / "aslan [2012]", range(1, 8))
    assert len(load_aslan(tmp_path / "aslan [2012]").data) == 6


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Not found</html>" * 20, bytes(range(256)), b"\x89HDF\r\n\x1a\n" + bytes(200)],
)
def test_a_file_that_is_no_matlab_file_is_named(tmp_path, content):
    (tmp_path / "View2.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"View2\.mat' cannot be read as a MATLAB file .*again"):
        load_aslan(tmp_path)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_list_that_was_cut_is_refused_at_any_length(tmp_path, compressed):
    path = tmp_path / "View2.mat"
    savemat(
        path,
        {"action_splits_pairs": np.array(SPLITS, float).transpose(1, 2, 0)},
        do_compression=compressed,
    )
    touch(tmp_path, range(1, 8))
    whole = path.read_bytes()
    assert len(load_aslan(tmp_path).data) == 6
    for length in range(0, len(whole) - 8, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"View2\.mat"):
            load_aslan(tmp_path)


def test_a_list_of_matlab_7_3_says_how_to_save_it(tmp_path):
    # Such a file begins with 116 bytes of text, 8 of none, version 2.0 and the order of bytes.
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM"
    (tmp_path / "View2.mat").write_bytes(header.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"MATLAB 7\.3 .*'-v7'"):
        load_aslan(tmp_path)


def test_a_list_of_other_variables_names_them(tmp_path):
    savemat(tmp_path / "View2.mat", {"view1_pairs": np.ones(2), "names": np.ones(2)})
    with pytest.raises(ValueError, match=r"no variable .*'view1_pairs', 'names'"):
        load_aslan(tmp_path)
    savemat(tmp_path / "View2.mat", {})
    with pytest.raises(ValueError, match="but nothing"):
        load_aslan(tmp_path)


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (np.ones((3, 5)), r"shape \(3, 5\)"),
        (np.ones((3, 4, 2)), r"shape \(3, 4, 2\)"),
        (np.ones((3, 5, 2), dtype=complex), "type complex128"),
        (np.array(["same", "not"], dtype=object), "type object"),
        (np.zeros((0, 5, 2)), "no pairs|shape"),
    ],
)
def test_a_table_of_another_shape_or_type_is_described(tmp_path, table, found):
    write_list(tmp_path, table)
    with pytest.raises(ValueError, match=f"'action_splits_pairs' of .*({found})"):
        load_aslan(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (0, 1.5, "no whole number: 1.5, 5, 0, 5, 8"),
        (1, np.nan, "no whole number: 1, nan"),
        (3, np.inf, "no whole number"),
        (1, 0, "a sample below 1"),
        (0, -3, "a sample below 1"),
        (2, 2, "neither 0 .not same. nor 1"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_split_and_pair(tmp_path, column, value, reason):
    table = np.array(SPLITS, float).transpose(1, 2, 0)
    table[1, column, 1] = value
    write_list(tmp_path, table)
    with pytest.raises(ValueError, match=f"split 2, pair 2, has .*{reason}"):
        load_aslan(tmp_path)


def test_a_list_of_integers_is_read_too(tmp_path):
    write_list(tmp_path, np.array(SPLITS, dtype=np.uint16).transpose(1, 2, 0))
    touch(tmp_path, range(1, 8))
    assert load_aslan(tmp_path).target.tolist() == [1, 0, 0, 1, 0, 1]


def test_missing_is_one_of_two_words(tmp_path):
    write_list(tmp_path)
    touch(tmp_path, range(1, 8))
    with pytest.raises(ValueError, match="missing='ignore'"):
        load_aslan(tmp_path, missing="ignore")
