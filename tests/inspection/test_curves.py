"""Curves hold the points given, and the areas that a hand would compute."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from skvideo3d.inspection import CompactnessDisplay, RocComparisonDisplay


def test_compactness_is_drawn_over_a_logarithmic_axis():
    display = CompactnessDisplay(
        [10, 100], [30.0, 50.0], method="ours", published={"C3D": ([10, 50], [40.0, 45.0])}
    ).plot(Figure().subplots())
    assert display.line_.get_xydata().tolist() == [[10, 30], [100, 50]]
    assert display.published_lines_["C3D"].get_xydata().tolist() == [[10, 40], [50, 45]]
    assert display.ax_.get_xscale() == "log"
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["10", "50", "100"]
    names = [text.get_text() for text in display.ax_.get_legend().texts]
    assert names == ["C3D, published", "ours"]


def test_equal_points_lie_inside_each_other():
    paper = {name: ([10], [32.0]) for name in ("iDT", "ImageNet features", "third")}
    lines = CompactnessDisplay([10], [30.0], published=paper).plot(Figure().subplots())
    sizes = [line.get_markersize() for line in lines.published_lines_.values()]
    marks = [line.get_marker() for line in lines.published_lines_.values()]
    assert sizes == sorted(set(sizes), reverse=True)
    assert len(set(marks)) == 3
    assert all(line.get_markerfacecolor() == "none" for line in lines.published_lines_.values())


def test_compactness_needs_no_published_curve():
    assert CompactnessDisplay([10], [30.0]).plot(Figure().subplots()).published_lines_ == {}


def test_compactness_needs_an_accuracy_for_every_length():
    with pytest.raises(ValueError, match="2 entries and accuracy 1"):
        CompactnessDisplay([10, 50], [30.0])


def test_the_area_of_two_trapezoids():
    # Up to (0.5, 0.8): 0.5 * 0.8 / 2; then 0.5 * (0.8 + 1) / 2.
    display = RocComparisonDisplay([0, 0.5, 1], [0, 0.8, 1], method="ours")
    assert display.roc_auc == pytest.approx(0.2 + 0.45)


def test_the_curve_has_its_points_and_the_legend_the_published_areas():
    display = RocComparisonDisplay(
        [0, 0.5, 1], [0, 0.8, 1], method="ours", published={"human": 97.5}
    ).plot(Figure().subplots())
    np.testing.assert_array_equal(display.line_.get_xydata(), [[0, 0], [0.5, 0.8], [1, 1]])
    names = [text.get_text() for text in display.ax_.get_legend().texts]
    assert names[0] == "ours (AUC = 0.65)"
    assert names[-1] == "human, published (AUC = 0.975)"


def test_the_legend_hides_nothing_of_the_curve():
    figure = Figure(figsize=(8, 8), layout="constrained")
    display = RocComparisonDisplay(
        [0, 1], [0, 1], method="a long name " * 8, published={"human": 97.5, "STIP": 65.3}
    ).plot(figure.subplots())
    figure.draw_without_rendering()
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.y1 < display.ax_.xaxis.label.get_window_extent().y0
    assert 0 <= legend.x0 < legend.x1 <= 800
