"""Folders are walked once each, in order, without circles and without what is not the user's."""

import os

import pytest

from skvideo3d.video.folders import is_ours, mark_as_ours, walk


def places(root):
    return [os.path.relpath(place, root) for place, _, _ in walk(root)]


def test_in_the_order_of_names_without_hidden_ones(tmp_path):
    for name in ("b", "a/inner", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("2.avi", "1.avi", "._1.avi"):
        (tmp_path / "a" / name).touch()
    assert places(tmp_path) == [".", "a", "a/inner", "b"]
    assert {os.path.basename(place): files for place, _, files in walk(tmp_path)}["a"] == [
        "1.avi",
        "2.avi",
    ]


def test_links_are_followed_but_not_in_circles(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "a").symlink_to(tmp_path / "b")  # another name: both are there
    (tmp_path / "b" / "c" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "c" / "self").symlink_to(tmp_path / "b" / "c")
    assert places(tmp_path) == [".", "a", "a/c", "b", "b/c"]


def test_links_across_end_too(tmp_path):
    for here, there in ("ab", "ba"):
        (tmp_path / here).mkdir()
        (tmp_path / here / "other").symlink_to(tmp_path / there)
    assert places(tmp_path) == [".", "a", "a/other", "b", "b/other"]


def test_our_own_results_are_left_out(tmp_path):
    (tmp_path / "results").mkdir()
    mark_as_ours(tmp_path / "results" / "ucf101")
    assert is_ours(tmp_path / "results" / "ucf101")
    assert places(tmp_path) == [".", "results"]
    assert places(f"{tmp_path}/") == [".", "results"]


def test_folders_that_all_link_to_each_other_end(tmp_path, monkeypatch):
    monkeypatch.setattr("skvideo3d.video.folders._MOST_WAYS", 100)
    # To one of six folders lead 1 + 5 + 5 4 + 5 4 3 + 5 4 3 2 + 5! = 326 ways.
    for number in range(6):
        (tmp_path / f"{number}").mkdir()
        for other in range(6):
            (tmp_path / f"{number}" / f"to{other}").symlink_to(tmp_path / f"{other}")
    with pytest.raises(ValueError, match="in more than 100 ways"):
        list(walk(tmp_path))


def test_links_that_lead_out_are_left_out_unless_they_are_wanted(tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "a.avi").touch()
    (tmp_path / "away2").mkdir()  # begins with the name of the root, and is not in it
    (tmp_path / "root").mkdir()
    (tmp_path / "root2").symlink_to(tmp_path / "away2")
    links = {"folder": "away", "file.avi": "away/a.avi", "near": "root2", "dangling": "nothing"}
    for name, target in links.items():
        (tmp_path / "root" / name).symlink_to(tmp_path / target)
    (tmp_path / "root" / "up").symlink_to("..")
    left_out = []
    assert list(walk(tmp_path / "root", left_out=left_out)) == [(str(tmp_path / "root"), [], [])]
    assert sorted(left_out) == [str(tmp_path / "root" / name) for name in sorted([*links, "up"])]
    followed = {
        place: (folders, files)
        for place, folders, files in walk(tmp_path / "root", follow_links=True)
    }
    assert followed[str(tmp_path / "root")] == (["folder", "near", "up"], ["dangling", "file.avi"])
    assert followed[str(tmp_path / "root" / "folder")] == ([], ["a.avi"])


def test_a_chain_of_links_counts_by_where_it_ends(tmp_path):
    (tmp_path / "root" / "real").mkdir(parents=True)
    (tmp_path / "outside").symlink_to(tmp_path / "root" / "real")
    (tmp_path / "root" / "back").symlink_to(tmp_path / "outside")  # out, and in again
    left_out = []
    assert places(tmp_path / "root") == [".", "back", "real"]
    list(walk(tmp_path / "root", left_out=left_out))
    assert left_out == []
