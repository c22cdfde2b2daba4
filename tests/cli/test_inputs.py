"""Words of a command line become paths, and links in folders do not lead out of them unasked."""

import argparse

import pytest

from skvideo3d.cli.extract import add_parser
from skvideo3d.cli.inputs import expand


@pytest.fixture
def linked(tmp_path):
    """A folder with a video of its own, and links to a video, a folder and a frame elsewhere."""
    for name in ("disk/a.mp4", "disk/1.jpg", "own/b.mp4", "own/frames/1.jpg", "own/links/2.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "own" / "c.mp4").symlink_to(tmp_path / "disk" / "a.mp4")
    (tmp_path / "own" / "disk").symlink_to(tmp_path / "disk")
    (tmp_path / "own" / "links" / "1.jpg").symlink_to(tmp_path / "disk" / "1.jpg")
    return tmp_path / "own"


def test_links_that_lead_out_of_a_folder_are_counted_and_left_out(linked, capsys):
    assert expand([str(linked)]) == [str(linked / "b.mp4"), str(linked / "frames")]
    error = capsys.readouterr().err
    assert error.startswith("3 links below ")
    assert "--follow-links" in error


def test_they_are_followed_where_that_is_asked_for(linked, capsys):
    found = expand([str(linked)], follow_links=True)
    # A picture beside a video makes no folder of frames.
    names = ["b.mp4", "c.mp4", "disk/a.mp4", "frames", "links"]
    assert sorted(found) == [str(linked / name) for name in names]
    assert capsys.readouterr().err == ""


def test_a_folder_of_nothing_but_links_out_has_no_videos(linked, capsys):
    (linked / "links" / "2.jpg").unlink()
    with pytest.raises(ValueError, match="no videos in"):
        expand([str(linked / "links")])
    assert "1 link below" in capsys.readouterr().err


def test_a_link_given_by_hand_is_what_it_leads_to(linked):
    assert expand([str(linked / "c.mp4")]) == [str(linked / "c.mp4")]
    assert expand([str(linked / "disk")]) == [str(linked / "disk" / "a.mp4")]


def test_the_command_has_the_flag():
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    words = ["extract", "folder", "-o", "out.npz"]
    assert parser.parse_args([*words, "--follow-links"]).follow_links is True
    assert parser.parse_args(words).follow_links is False
