"""Folders are walked once each, in order, without circles and without what is not the user's."""

import os

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
