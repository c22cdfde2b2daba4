"""Hundreds of damaged files: each ends in a row or in an error, and nothing else breaks."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hostile.encoding import FORMATS, encode_as
from hostile.fuzz import main
from hostile.fuzzing import BATCH, FAR, fuzz, generated_sources, make_mutants, rows_of
from hostile.harness import describe, left_behind
from hostile.ways import differences
from skvideo3d import VideoSegment

SEED = 5
N_GENERATED, N_REAL = 800, 200


def batches(n_files):
    """Numbers at which batches begin; from the half on they are for thorough tests."""
    return [
        pytest.param(first, marks=[pytest.mark.thorough] if first >= n_files // 2 else [])
        for first in range(0, n_files, BATCH)
    ]


def reproduce(numbers, words=""):
    return f"cd tests; python -m hostile.fuzz --seed {SEED} --first {numbers[0]} {words}"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return generated_sources(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def whole(sources, small_c3d):
    return rows_of(sources, small_c3d)


@pytest.fixture(scope="module")
def real_sources(realdata, tmp_path_factory):
    """Links to small real files, and the beginnings of larger ones."""
    folder = tmp_path_factory.mktemp("real")
    found = []
    for path in sorted([*realdata.glob("odd/*"), *realdata.glob("ucf101/*.avi")]):
        content = path.read_bytes()[:150_000]
        if content:
            found.append(folder / path.name)
            found[-1].write_bytes(content)
    frames = next(
        path for path in sorted((realdata / "frames").rglob("*")) if any(path.glob("*.jpg"))
    )
    shutil.copytree(frames, folder / "frames")
    return [*found, folder / "frames"]


def test_undamaged_videos_of_every_format_are_described_whole(sources, small_c3d):
    endings, findings = describe(sources, small_c3d)
    assert findings == []
    assert [ending.reason or ending.loss for ending in endings] == [""] * len(sources)


@pytest.mark.parametrize("first", batches(N_GENERATED))
def test_damaged_files_of_every_format(sources, whole, small_c3d, tmp_path, first):
    numbers = range(first, first + BATCH)
    report = fuzz(sources, SEED, numbers, small_c3d, tmp_path, whole)
    assert report.findings == [], reproduce(numbers)
    # A batch that has but one kind of ending would test little.
    assert {ending.kind for _, ending in report.endings} == {
        *("describes", "describes in part", "error")
    }


@pytest.mark.realdata
@pytest.mark.parametrize("first", batches(N_REAL))
def test_damaged_files_from_real_ones(real_sources, small_c3d, tmp_path, first):
    numbers = range(first, first + BATCH)
    report = fuzz(real_sources, SEED, numbers, small_c3d, tmp_path, dict.fromkeys(real_sources))
    assert report.findings == [], reproduce(numbers, "FILES")


@pytest.mark.parametrize(
    ("start", "stop", "unit"), [(60, 90, "frames"), (0.2, 1.0, "seconds"), (2.6, None, "seconds")]
)
def test_segments_of_damaged_files(small_c3d, tmp_path, start, stop, unit):
    # Reading begins in the middle, where files have key frames and time stamps to go by.
    formats = [each for each in FORMATS if each.codec in ("libx264", "mpeg4", "libvpx-vp9")]
    sources = [
        encode_as(each, tmp_path / f"{each.name}.{each.suffix}", n_frames=100) for each in formats
    ]
    (tmp_path / "mutants").mkdir()
    mutants = make_mutants(sources, SEED, range(60), tmp_path / "mutants")
    segments = [VideoSegment(mutant.path, start, stop, unit=unit) for mutant in mutants]
    endings, findings = describe(segments, small_c3d)
    assert findings == []
    assert 10 < sum(ending.row is None for ending in endings) < 50


@pytest.mark.slow
def test_every_entry_point_agrees_on_damaged_files(sources, small_c3d, tmp_path, rounds):
    (tmp_path / "mutants").mkdir()
    mutants = make_mutants(sources, SEED + 1, range(rounds(20, 60)), tmp_path / "mutants")
    assert differences([mutant.path for mutant in mutants], small_c3d, tmp_path) == []


def test_damage_that_nobody_notices_is_rare(sources, whole, small_c3d, tmp_path):
    # Formats without checksums cannot tell a wrong pixel. What is left beyond that is counted here,
    # so that it does not grow.
    report = fuzz(sources, SEED + 2, range(300), small_c3d, tmp_path, whole)
    assert sum(distance > FAR for _, distance in report.silent) < 0.08 * 300, report.table()


def test_a_tenth_call_leaves_no_more_behind_than_the_second(sources, small_c3d, tmp_path):
    mutants = [mutant.path for mutant in make_mutants(sources, SEED, range(50), tmp_path)]
    left = []
    for _ in range(10):
        describe(mutants, small_c3d)
        left.append(left_behind())
    assert left[9] == left[1]


def test_the_command_makes_the_same_files_again(tmp_path, capsys):
    source = generated_sources(tmp_path / "sources")[8]
    words = ["--seed", "3", "--keep", str(tmp_path / "one"), str(source)]
    assert main([*words, "--count", "3"]) == 0
    words[3] = str(tmp_path / "two")
    assert main([*words, "--only", "2"]) == 0
    (again,) = (tmp_path / "two").iterdir()
    assert again.read_bytes() == (tmp_path / "one" / again.name).read_bytes()
    assert "3 files, seed 3" in capsys.readouterr().out


def test_silent_damage_is_told_from_what_changes_nothing(sources, whole, small_c3d, tmp_path):
    # The rows are those of other pixels, by hand: one source stands for another.
    film, other = sources[12], sources[0]
    mutant = next(
        mutant
        for mutant in make_mutants([film], 0, range(10, 150, 14), tmp_path)
        if mutant.kinds == "append_garbage"
    )
    report = fuzz([film], 0, [mutant.number], small_c3d, tmp_path, {film: whole[film]})
    if report.endings[0][1].kind == "describes":
        assert report.silent == []
    swapped = {film: np.roll(whole[other], 1)}
    report = fuzz([film], 0, [mutant.number], small_c3d, tmp_path, swapped)
    if report.endings[0][1].kind == "describes":
        ((found, distance),) = report.silent
        assert found.path == Path(mutant.path)
        assert distance > 0.01
