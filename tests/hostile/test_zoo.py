"""Each kind of hostile file ends as it should, whichever way it is described."""

import os
import re
from contextlib import suppress
from itertools import islice

import numpy as np
import pytest

from hostile.harness import describe, error_of
from hostile.ways import differences
from hostile.zoo import ZOO
from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.video.readers import read_file
from skvideo3d.video.resampling import resample

BY_NAME = {specimen.name: specimen for specimen in ZOO}
ERRORS = [specimen.name for specimen in ZOO if specimen.outcome == "error"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """All of the zoo, each specimen in a folder of its own."""
    made = {}
    for specimen in ZOO:
        folder = tmp_path_factory.mktemp("zoo")
        made[specimen.name] = specimen.make(folder)
    return made


@pytest.fixture(scope="module")
def described(paths, small_c3d):
    """What became of each, in one call; and what of that call was not as promised."""
    endings, findings = describe(list(paths.values()), small_c3d)
    return dict(zip(paths, endings, strict=True)), findings


def test_names_tell_specimens_apart():
    assert len(BY_NAME) == len(ZOO)


def test_a_call_with_the_whole_zoo_keeps_every_promise(described):
    _, findings = described
    assert findings == []


@pytest.mark.parametrize("name", BY_NAME)
def test_it_ends_as_it_should(described, name):
    specimen, ending = BY_NAME[name], described[0][name]
    if ending.row is None:
        assert specimen.outcome != "describes", ending.reason
        assert re.search(specimen.reason, ending.reason)
    else:
        assert specimen.outcome != "error", ending.loss or "it was described"
        if specimen.loss is not None:
            assert bool(ending.loss) == specimen.loss, ending.loss or "no loss is recorded"


@pytest.mark.parametrize("name", ERRORS)
def test_its_error_is_typed(paths, small_c3d, name):
    error = error_of(paths[name], small_c3d)
    assert isinstance(error, SkVideo3DError)
    assert isinstance(error, BY_NAME[name].error)
    assert str(error).startswith("Item 0 of X: ")


def test_names_are_taken_as_they_are_where_paths_are_relative(
    paths, described, small_c3d, monkeypatch
):
    # http:x.mp4 is no address, and concat:a|b no list, because files of these names exist.
    for name, path in paths.items():
        if name.startswith("name_with_") and BY_NAME[name].outcome == "describes":
            monkeypatch.chdir(path.parent)
            (ending,), findings = describe([path.name], small_c3d)
            assert findings == [], name
            np.testing.assert_allclose(ending.row, described[0][name].row, atol=1e-6)


def test_names_make_no_difference(described):
    endings = described[0]
    rows = [
        endings[name].row
        for name in BY_NAME
        if name.startswith("name_with_") and BY_NAME[name].outcome == "describes"
    ]
    assert len(rows) > 25
    np.testing.assert_allclose(rows, [rows[0]] * len(rows), atol=1e-6)


def test_a_gap_of_years_is_not_filled_with_frames(tmp_path):
    # At 25 frames a second it would take 39 billion, from a file of a few kB.
    specimen = next(each for each in ZOO if each.name == "time_stamps_that_jump_by_years")
    frames = resample(read_file(str(specimen.make(tmp_path))), 25)
    n_frames = 0
    with suppress(ValueError):
        for _ in islice(frames, 200_000):
            n_frames += 1
    assert n_frames < 200_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read_are_among_the_zoo():
    assert {"file_that_may_not_be_read", "folder_that_may_not_be_listed"} <= BY_NAME.keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_a_store_makes_no_difference(paths, described, small_c3d, tmp_path, name):
    ending = described[0][name]
    for _ in ("computed", "looked up"):
        (kept,), findings = describe([paths[name]], small_c3d, memory=tmp_path)
        assert findings == []
        assert (kept.kind, kept.reason, kept.loss) == (ending.kind, ending.reason, ending.loss)
        if ending.row is not None:
            np.testing.assert_allclose(kept.row, ending.row, atol=1e-5)


@pytest.mark.slow
def test_every_entry_point_gives_the_same_rows_gaps_and_reasons(paths, small_c3d, tmp_path, rounds):
    some = list(paths.values())[:: rounds(3, 1)]
    assert differences(some, small_c3d, tmp_path, n_jobs=2) == []
