"""Splits reduced to the videos that are there, and lists read as they lie on disks."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skvideo3d.datasets.layout import VideoIndex
from skvideo3d.datasets.splits import (
    TEST,
    TRAIN,
    UNUSED,
    choose_classes,
    choose_splits,
    find_lists,
    find_videos,
    read_list,
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """An index of 0.avi to 13.avi; names of others are those of missing videos."""
    folder = tmp_path_factory.mktemp("shelf")
    for number in range(14):
        (folder / f"{number}.avi").touch()
    return VideoIndex(folder)


use = st.sampled_from([UNUSED, TRAIN, TEST])


@given(videos=st.lists(st.tuples(st.booleans(), use, use), max_size=12))
def test_splits_keep_what_they_say_of_each_video_that_is_there(shelf, videos):
    # Whether it is there, and what each split uses it for; the last two fill all parts.
    videos = [*videos, (True, TRAIN, TEST), (True, TEST, TRAIN)]
    names = [f"{i}.avi" if video[0] else f"no {i}.avi" for i, video in enumerate(videos)]
    uses = {split: [video[split] for video in videos] for split in (1, 2)}

    present, data, cv = find_videos(names, uses, "drop", shelf)
    assert present == [i for i, video in enumerate(videos) if video[0]]
    assert data == [os.path.join(shelf.root, names[i]) for i in present]
    for used, (train, test) in zip(uses.values(), cv, strict=True):
        assert not set(train) & set(test)
        said = dict.fromkeys(range(len(data)), UNUSED)
        said |= dict.fromkeys(train.tolist(), TRAIN) | dict.fromkeys(test.tolist(), TEST)
        assert list(said.values()) == [used[i] for i in present]


def test_a_split_without_training_videos_is_refused(shelf):
    names, uses = ["no 0.avi", "no 1.avi", "2.avi"], {3: [TRAIN, TRAIN, TEST]}
    with pytest.raises(ValueError, match=r"split 3 has no video to train on: none of the 2 that"):
        find_videos(names, uses, "drop", shelf)


NAMED = [{"a": TRAIN, "b": TEST, "c": UNUSED}, {"a": UNUSED, "b": TRAIN, "c": TEST}]


def test_all_splits_have_all_videos_and_some_those_that_they_use():
    assert choose_splits(None, NAMED) == ([1, 2], {"a", "b", "c"})
    assert choose_splits([2], NAMED) == ([2], {"b", "c"})
    assert choose_splits((2, 1, 2), NAMED) == ([1, 2], {"a", "b", "c"})


@pytest.mark.parametrize("splits", [[], [0], [3], [1, 4]])
def test_a_split_that_there_is_not_is_refused(splits):
    with pytest.raises(ValueError, match=r"splits=.*: choose from 1 to 2 \(--splits\)"):
        choose_splits(splits, NAMED)


@pytest.mark.parametrize(
    "content",
    [b"a 1\n\nb 2\n", b"a 1\r\n\r\nb 2\r\n", b"\xef\xbb\xbfa 1\n \n b 2 ", b"a 1\r\n\t\r\nb 2"],
    ids=["LF", "CRLF", "byte order mark", "no end of line"],
)
def test_lines_are_numbered_as_an_editor_does_whatever_ends_them(tmp_path, content):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    assert read_list(str(path)) == [
        (f"{str(path)!r}, line 1", "a 1"),
        (f"{str(path)!r}, line 3", "b 2"),
    ]


def test_lists_lie_beside_videos_or_frames_or_away(tmp_path):
    def lacking(names):
        return [] if "list.txt" in names else None

    (tmp_path / "set" / "frames").mkdir(parents=True)
    (tmp_path / "set" / "frames" / "1.jpg").touch()
    (tmp_path / "set" / "frames" / "list.txt").touch()
    index = VideoIndex(tmp_path / "set")
    folder, names = find_lists(index, None, lacking, "a.zip")
    assert (folder, names) == (str(tmp_path / "set" / "frames"), {"list.txt"})
    (tmp_path / "away" / "deep").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"not below .*away'\. They come in a\.zip"):
        find_lists(index, tmp_path / "away", lacking, "a.zip")
    (tmp_path / "away" / "deep" / "list.txt").touch()
    found, _ = find_lists(index, tmp_path / "away", lacking, "a.zip")
    assert found == str(tmp_path / "away" / "deep")


@given(chosen=st.sets(st.sampled_from("zebra"), min_size=1))
def test_classes_stay_in_the_sets_order(chosen):
    assert choose_classes("zebra", sorted(chosen)) == [name for name in "zebra" if name in chosen]
