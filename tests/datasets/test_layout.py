"""Finding the videos of a set however it was unpacked, and telling which are not there."""

import re

import pytest

from skvideo3d.datasets.layout import VideoIndex, check_root, keep_present


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_root_has_to_be_a_folder(tmp_path):
    touch(tmp_path, "a.avi")
    assert check_root(str(tmp_path)) == tmp_path
    with pytest.raises(ValueError, match=r"a\.avi' is no folder"):
        check_root(tmp_path / "a.avi")
    with pytest.raises(ValueError, match=r"b' does not exist"):
        check_root(tmp_path / "b")


def test_a_root_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_root("~") == tmp_path
    monkeypatch.chdir(tmp_path)
    assert check_root(".") == tmp_path


def test_all_kinds_of_videos_at_any_depth_are_indexed(tmp_path):
    touch(tmp_path, "b.MP4", "a/b/c.avi", "a/frames/1.jpg", "a/frames/2.PNG", "a/frames/list.txt")
    touch(tmp_path, ".hidden/a.avi", "a/.b.avi", "a/readme.txt", "a.zip", "a/b/d.tar.gz")
    index = VideoIndex(tmp_path)
    assert index.paths == [str(tmp_path / n) for n in ("a/b/c.avi", "a/frames", "b.MP4")]
    assert sorted(index.texts) == [
        str(tmp_path / name) for name in ("a/frames/list.txt", "a/readme.txt")
    ]
    assert sorted(index.archives) == [str(tmp_path / name) for name in ("a.zip", "a/b/d.tar.gz")]


def test_a_picture_beside_videos_or_folders_makes_no_video(tmp_path):
    touch(tmp_path, "cover.jpg", "run/thumbnail.png", "run/a.avi")
    assert VideoIndex(tmp_path).paths == [str(tmp_path / "run" / "a.avi")]


def test_links_back_up_end(tmp_path):
    touch(tmp_path, "run/a.avi")
    (tmp_path / "run" / "up").symlink_to(tmp_path)
    assert VideoIndex(tmp_path).paths == [str(tmp_path / "run" / "a.avi")]


def test_links_that_lead_out_are_left_out_and_told_of(tmp_path):
    touch(tmp_path, "disk/a.avi", "disk/notes.md", "set/run/b.avi")
    (tmp_path / "set" / "far").symlink_to(tmp_path / "disk")
    (tmp_path / "set" / "run" / "c.avi").symlink_to(tmp_path / "disk" / "a.avi")
    (tmp_path / "set" / "run" / "again.avi").symlink_to(tmp_path / "set" / "run" / "b.avi")
    (tmp_path / "set" / "run" / "notes.md").symlink_to(tmp_path / "disk" / "notes.md")
    with pytest.warns(UserWarning, match="lead out of it") as told:
        index = VideoIndex(tmp_path / "set")
    assert index.paths == [str(tmp_path / "set" / "run" / name) for name in ("again.avi", "b.avi")]
    assert len(told) == 1
    for part in (
        *("2 links below", f"the first '{tmp_path}/set/far' to '{tmp_path}/disk'"),
        *("follow_links=True", "--follow-links"),
    ):
        assert part in str(told[0].message)
    assert str(told[0].message) in index.hints()
    followed = VideoIndex(tmp_path / "set", follow_links=True)
    assert len(followed.paths) == 4
    assert followed.hints() == ""


def test_frames_that_are_links_out_leave_their_folder_out(tmp_path):
    touch(tmp_path, "disk/2.jpg", "set/mixed/1.jpg", "set/whole/1.jpg")
    (tmp_path / "set" / "mixed" / "2.jpg").symlink_to(tmp_path / "disk" / "2.jpg")
    (tmp_path / "set" / "links").mkdir()
    (tmp_path / "set" / "links" / "1.jpg").symlink_to(tmp_path / "disk" / "2.jpg")
    with pytest.warns(UserWarning, match="2 links .* lead out"):
        index = VideoIndex(tmp_path / "set")
    assert index.paths == [str(tmp_path / "set" / "whole")]
    assert len(VideoIndex(tmp_path / "set", follow_links=True).paths) == 3


def test_a_root_that_is_a_link_is_as_good_as_where_it_leads(tmp_path):
    touch(tmp_path, "disk/run/a.avi")
    (tmp_path / "disk" / "jog").symlink_to(tmp_path / "disk" / "run")
    (tmp_path / "set").symlink_to(tmp_path / "disk")
    assert VideoIndex(tmp_path / "set").paths == [
        str(tmp_path / "set" / name / "a.avi") for name in ("jog", "run")
    ]


@pytest.mark.parametrize(
    "there",
    ["v_Run_g01.avi", "Run/v_Run_g01.avi", "x/y/V_RUN_G01.AVI", "v_Run_g01.mp4", "v_Run_g01/1.jpg"],
)
def test_a_listed_video_is_found_by_its_stem(tmp_path, there):
    touch(tmp_path, there, "Run/v_Run_g02.avi")
    expected = tmp_path / there.removesuffix("/1.jpg")
    assert VideoIndex(tmp_path).find("Run/v_Run_g01.avi") == str(expected)


def test_names_with_dots_are_told_apart(tmp_path):
    touch(tmp_path, "Mr. Bean 1.avi", "Mr. Bean 2/1.jpg", "Mr/1.jpg")
    index = VideoIndex(tmp_path)
    assert index.find("Mr. Bean 1.avi") == str(tmp_path / "Mr. Bean 1.avi")
    assert index.find("Mr. Bean 2.avi") == str(tmp_path / "Mr. Bean 2")
    assert index.find("Mr. Bean.avi") is None


def test_the_folder_decides_between_videos_of_one_name(tmp_path):
    touch(tmp_path, "run/1.avi", "walk/1.avi")
    index = VideoIndex(tmp_path)
    assert index.find("Walk/1.avi") == str(tmp_path / "walk" / "1.avi")
    assert index.find("jump/1.avi") is None
    with pytest.raises(
        ValueError, match=r"'1\.avi' could be .*give the narrower folder as root \(--data\)"
    ):
        index.find("1.avi")


@pytest.mark.parametrize("name", ["../secret.avi", "/etc/secret.avi", "..\\secret.avi"])
def test_names_in_lists_cannot_lead_out_of_the_root(tmp_path, name):
    touch(tmp_path, "secret.avi", "set/a.avi")
    assert VideoIndex(tmp_path / "set").find(name) is None


def test_those_present_are_kept(tmp_path):
    touch(tmp_path, "b.avi")
    index = VideoIndex(tmp_path)
    names = ["a.avi", "b.avi"]
    paths = [index.find(name) for name in names]
    assert keep_present(names, paths, "drop", index) == [1]
    assert keep_present(names[1:], paths[1:], "raise", index) == [0]


def test_missing_ones_are_counted_and_the_first_named(tmp_path):
    touch(tmp_path, "b.avi", "rest.rar")
    index = VideoIndex(tmp_path)
    names = ["b.avi", *(f"{number}.avi" for number in range(7))]
    with pytest.raises(ValueError, match=re.escape("7 of the 8 listed videos")) as caught:
        keep_present(names, [index.find(name) for name in names], "raise", index)
    message = str(caught.value)
    assert " listed videos are not below" in message
    assert ": 0.avi, 1.avi, 2.avi, 3.avi, 4.avi, ..." in message
    assert "rest.rar': unpack it." in message
    assert "missing='drop'" in message


def test_one_that_is_missing_and_several_archives_are_told_in_their_number(tmp_path):
    touch(tmp_path, "b.avi", "1.zip", "2.zip")
    index = VideoIndex(tmp_path)
    with pytest.raises(
        ValueError, match=r"1 of the 2 listed videos is not below .*: a\.avi\."
    ) as e:
        keep_present(["a.avi", "b.avi"], [None, index.paths[0]], "raise", index)
    assert " 2 archives lie there, such as" in str(e.value)
    assert ".zip': unpack them." in str(e.value)


def test_nothing_at_all_cannot_be_dropped(tmp_path):
    index = VideoIndex(tmp_path)
    with pytest.raises(ValueError, match="no video below it at all") as caught:
        keep_present(["a.avi"], [None], "drop", index)
    assert "missing=" not in str(caught.value)


def test_missing_is_one_of_two_words(tmp_path):
    with pytest.raises(ValueError, match="missing='ignore': use 'raise' or 'drop'"):
        keep_present([], [], "ignore", VideoIndex(tmp_path))
