"""The papers' figures: where they stand, and that they agree with each other."""

import re
from pathlib import Path

import pytest

import skvideo3d
from skvideo3d.benchmarks.published import PUBLISHED, published

BENCHMARKS = {
    "ucf101",
    "hmdb51",
    "compactness",
    "aslan",
    "scenes/yupenn",
    "scenes/maryland",
    "objects",
    "runtime",
}


def figure(benchmark, method, metric="accuracy"):
    (row,) = (row for row in published(benchmark) if row.method == method)
    return row.figures[metric]


def test_every_protocol_has_figures_and_every_figure_a_source():
    assert {row.benchmark for row in PUBLISHED} == BENCHMARKS
    assert all(row.figures and row.source and row.method for row in PUBLISHED)


def test_no_method_stands_twice():
    places = [(row.benchmark, row.method) for row in PUBLISHED]
    assert len(set(places)) == len(places)


def test_accuracies_are_percent():
    for row in PUBLISHED:
        if row.benchmark != "runtime":
            assert all(10 < value < 100 for value in row.figures.values()), row


def test_the_summary_of_the_c3d_paper_agrees():
    # Table 1 of arXiv:1412.0767v4, which repeats what the later tables say.
    summary = {
        ("ucf101", "C3D, 3 networks"): 85.2,
        ("ucf101", "C3D, 3 networks, with iDT"): 90.4,
        ("aslan", "C3D"): 78.3,
        ("scenes/yupenn", "C3D"): 98.1,
        ("scenes/maryland", "C3D"): 87.7,
        ("objects", "C3D"): 22.3,
        ("objects", "earlier best"): 12.0,
    }
    assert {place: figure(*place) for place in summary} == summary


def test_the_abstracts_agree():
    assert figure("compactness", "C3D", "10") == 52.8  # arXiv:1412.0767
    best = figure("ucf101", "I3D, RGB + flow, Kinetics, fine-tuned", "split 1")
    assert best == 98.0  # arXiv:1705.07750


def test_hours_times_speed_are_the_frames_of_ucf101():
    # 13320 videos, 27 hours at 25 frames a second: about 2.4 million frames. The slowest speed
    # has two digits, 1.2, which leaves 4 percent.
    for row in published("runtime"):
        n_frames = row.figures["hours"] * 3600 * row.figures["fps"]
        assert n_frames == pytest.approx(2.43e6, rel=0.1), row.method


def test_the_mean_of_the_public_weights_is_that_of_their_splits():
    splits = [figure("ucf101", "C3D, public weights", f"split {i}") for i in (1, 2, 3)]
    assert figure("ucf101", "C3D, public weights") == round(sum(splits) / 3, 1)


@pytest.mark.parametrize("benchmark", ["ucf101", "hmdb51"])
def test_figures_of_one_split_are_no_means(benchmark):
    rows = [row for row in published(benchmark) if row.source.startswith("Carreira")]
    assert len(rows) == 13
    assert all(list(row.figures) == ["split 1"] and row.note == "split 1" for row in rows)


def test_two_streams_are_better_than_either():
    for benchmark in ("ucf101", "hmdb51"):
        for method in ("Two-stream", "3D-fused", "I3D"):
            of_split = [
                figure(benchmark, f"{method}, {streams}", "split 1")
                for streams in ("RGB", "flow", "RGB + flow")
            ]
            assert of_split[2] > max(of_split[:2])


@pytest.mark.parametrize("number", ["607.8", "313.9", "202.2", "98.1", "90.4", "83.14", "97.7"])
def test_figures_stand_once_in_the_package(number):
    package = Path(skvideo3d.__file__).parent
    places = {
        path.relative_to(package).as_posix(): len(re.findall(rf"(?<![\d.]){number}(?!\d)", text))
        for path in package.rglob("*.py")
        if (text := path.read_text(encoding="utf-8"))
    }
    assert {place: n for place, n in places.items() if n} == {"benchmarks/published.py": 1}


def test_an_unknown_protocol_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"benchmark='ucf50'.*'ucf101', 'hmdb51'"):
        published("ucf50")
