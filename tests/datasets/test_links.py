"""Links out of a folder are left out by every loader, with a warning, unless they are wanted."""

import numpy as np
import pytest
from miniatures.aslan import write_aslan
from miniatures.dynamic_scenes import write_scenes
from miniatures.hmdb51 import write_hmdb51
from miniatures.object_sequences import write_sequences
from miniatures.ucf101 import write_ucf101

from skvideo3d.datasets import (
    load_aslan,
    load_dynamic_scenes,
    load_hmdb51,
    load_object_sequences,
    load_ucf101,
    load_video_folder,
)
from skvideo3d.video import VideoSegment

LOADERS = {
    "ucf101": (write_ucf101, load_ucf101),
    "hmdb51": (write_hmdb51, load_hmdb51),
    "aslan": (write_aslan, load_aslan),
    "scenes": (write_scenes, lambda root, **how: load_dynamic_scenes(root, missing="drop", **how)),
    "objects": (write_sequences, load_object_sequences),
    "folder": (lambda root: write_ucf101(root / "x", n_groups=6), load_video_folder),
}


@pytest.fixture(scope="module", params=LOADERS)
def farm(request, tmp_path_factory):
    """A loader, a set of real files, and a folder of nothing but links to what is in it."""
    write, load = LOADERS[request.param]
    real, links = tmp_path_factory.mktemp("real"), tmp_path_factory.mktemp("links")
    write(real)
    for path in sorted(real.rglob("*")):
        place = links / path.relative_to(real)
        if path.is_dir():
            place.mkdir()
        else:
            place.symlink_to(path)
    return load, real, links


def inside(bunch, root):
    """Names of all that is in a set, relative to its root."""
    paths = []
    for video in bunch.data:
        for path in video if isinstance(video, tuple) else [video]:
            paths.append(path.video if isinstance(path, VideoSegment) else path)
    assert all(path.startswith(f"{root}/") for path in paths)
    return [path.removeprefix(str(root)) for path in paths]


def test_a_farm_of_links_is_the_set_where_links_are_followed(farm):
    load, real, links = farm
    followed, itself = load(links, follow_links=True), load(real)
    assert inside(followed, links) == inside(itself, real)
    np.testing.assert_array_equal(followed.target, itself.target)


def test_otherwise_it_is_empty_and_the_warning_and_the_error_say_why(farm):
    load, _, links = farm
    with (
        pytest.warns(UserWarning, match=r"\d+ links below .* lead out of it .*follow_links=True"),
        pytest.raises(ValueError, match=str(links)),
    ):
        load(links)


def test_links_within_the_folder_and_a_root_that_is_a_link_are_as_good(farm, tmp_path):
    load, real, _ = farm
    (tmp_path / "root").symlink_to(real)
    assert inside(load(tmp_path / "root"), tmp_path / "root") == inside(load(real), real)


def test_a_class_folder_elsewhere_is_left_out_of_the_others(tmp_path):
    for name in ("away/c.avi", "root/run/a.avi", "root/walk/b.avi"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "root" / "jump").symlink_to(tmp_path / "away")
    with pytest.warns(UserWarning, match="1 link below"):
        videos = load_video_folder(tmp_path / "root")
    assert videos.target_names == ["run", "walk"]
    followed = load_video_folder(tmp_path / "root", follow_links=True)
    assert followed.target_names == ["jump", "run", "walk"]


def test_a_list_elsewhere_makes_no_class(tmp_path):
    for split in (1, 2, 3):
        for place, label in (("root", "wave"), ("away", "evil")):
            (tmp_path / place).mkdir(exist_ok=True)
            lines = "a.avi 1\nb.avi 2\n"
            (tmp_path / place / f"{label}_test_split{split}.txt").write_text(lines)
        name = f"evil_test_split{split}.txt"
        (tmp_path / "root" / name).symlink_to(tmp_path / "away" / name)
    for name in ("a.avi", "b.avi"):
        (tmp_path / "root" / name).touch()
    with pytest.warns(UserWarning, match="3 links below"):
        assert load_hmdb51(tmp_path / "root").target_names == ["wave"]
