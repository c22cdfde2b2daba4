"""Bars hold the values given, in order, and say which are ours."""

import itertools
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from skvideo3d.inspection import ComparisonDisplay


def display(**changes):
    return ComparisonDisplay(
        ["ours", "C3D", "C3D"], [40.0, 60.0, 0.05], [False, True, True], **changes
    )


def test_bars_have_the_values_from_top_to_bottom():
    shown = display().plot(Figure().subplots())
    assert [bar.get_width() for bar in shown.bars_] == [40.0, 60.0, 0.05]
    bottom, top = shown.ax_.get_ylim()
    assert bottom > top  # the first bar, at 0, is the highest
    assert [label.get_text() for label in shown.ax_.get_yticklabels()] == ["ours", "C3D", "C3D"]
    assert [text.get_text() for text in shown.ax_.texts] == ["40.0", "60.0", "0.05"]


def test_ours_has_another_colour_and_the_legend_says_so():
    shown = display().plot(Figure().subplots())
    ours, paper, other = (to_hex(bar.get_facecolor()) for bar in shown.bars_)
    assert ours != paper == other
    legend = shown.ax_.get_legend()
    names = {
        text.get_text(): to_hex(patch.get_facecolor())
        for text, patch in zip(legend.texts, legend.legend_handles, strict=True)
    }
    assert names == {"this run": ours, "published": paper}


def test_chance_is_a_line():
    shown = display(chance=33.3, metric="auc").plot(Figure().subplots())
    assert list(shown.chance_line_.get_xdata()) == [33.3, 33.3]
    assert shown.ax_.get_xlabel() == "auc"
    assert display().plot(Figure().subplots()).chance_line_ is None


def test_intervals_are_lines_at_their_bars_with_the_numbers_beside_them():
    plt.switch_backend("agg")
    shown = display(intervals=[(10.0, 70.0), None, (0.01, 3.0)], chance=50.0).plot()
    lines = [line.tolist() for line in shown.interval_lines_.get_segments()]
    assert lines == [[[10, 0], [70, 0]], [[0.01, 2], [3, 2]]]
    shown.figure_.canvas.draw()
    frame = shown.ax_.get_window_extent()
    numbers = [text.get_window_extent() for text in shown.ax_.texts]
    legend = shown.ax_.get_legend()
    plt.close(shown.figure_)
    assert [text.get_text() for text in shown.ax_.texts] == ["40.0", "60.0", "0.05"]
    assert all(frame.x1 < box.x0 and box.x1 < legend.get_window_extent().x0 for box in numbers)
    assert [text.get_text() for text in legend.texts] == [
        "this run",
        "published",
        "chance",
        "interval",
    ]


def test_a_logarithmic_axis_shows_both_ends_of_an_interval():
    shown = display(metric="seconds", intervals=[(30.0, 900.0), None, (0.001, 0.1)])
    low, high = shown.plot(Figure().subplots()).ax_.get_xlim()
    assert low < 0.001
    assert high > 900


def test_without_any_interval_there_are_no_lines():
    assert display(intervals=[None] * 3).plot(Figure().subplots()).interval_lines_ is None
    with pytest.raises(ValueError, match="methods and intervals have 3 and 1 entries"):
        display(intervals=[None])


def test_percent_goes_from_0_to_100_and_all_numbers_stay_within():
    plt.switch_backend("agg")
    shown = ComparisonDisplay(["a", "b", "c"], [3.0, 89.9, 99.9], [False, True, True]).plot()
    shown.figure_.canvas.draw()
    frame = shown.ax_.get_window_extent()
    numbers = [text.get_window_extent() for text in shown.ax_.texts]
    legend = shown.ax_.get_legend().get_window_extent()
    plt.close(shown.figure_)
    assert shown.ax_.get_xlim() == (0, 100)
    assert all(frame.x0 < box.x0 and box.x1 < frame.x1 for box in numbers)
    assert legend.x0 >= frame.x1


@pytest.mark.parametrize(
    ("values", "metric", "scale"),
    [
        ([313.9, 1.2, 3.5], "fps", "log"),
        ([50.0, 1.0, 3.0], "fps", "linear"),
        ([50.5, 1.0, 3.0], "fps", "log"),
        ([50.5, 0.0, 3.0], "fps", "linear"),
        ([99.0, 1.0, 3.0], "auc", "linear"),
    ],
)
def test_the_axis_is_logarithmic_from_a_ratio_of_fifty(values, metric, scale):
    shown = ComparisonDisplay(list("abc"), values, [True] * 3, metric=metric)
    assert shown.plot(Figure().subplots()).ax_.get_xscale() == scale


@pytest.mark.parametrize("n", [1, 5, 60])
def test_names_are_cut_and_do_not_overlap(n):
    plt.switch_backend("agg")
    shown = ComparisonDisplay(["a long name " * 8] * n, [50.0] * n, [True] * n).plot()
    shown.figure_.canvas.draw()
    names = [label.get_window_extent() for label in shown.ax_.get_yticklabels()]
    frame = shown.ax_.get_window_extent()
    plt.close(shown.figure_)
    assert {label.get_text() for label in shown.ax_.get_yticklabels()} == {
        "a long name a long name a long name a long na..."
    }
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(names))
    assert all(box.x0 >= 0 and box.x1 < frame.x0 for box in names)


def test_figures_that_are_not_numbers_and_none_at_all_are_drawn():
    figure = Figure()
    ComparisonDisplay(["ours"], [float("nan")], [False]).plot(figure.subplots())
    figure.canvas.draw()
    assert len(ComparisonDisplay([], [], []).plot(Figure().subplots()).bars_) == 0


def test_without_axes_a_new_figure_is_made():
    plt.switch_backend("agg")
    shown = display()
    assert shown.plot() is shown
    assert plt.fignum_exists(shown.figure_.number)
    plt.close(shown.figure_)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2, 1 and 1 entries"):
        ComparisonDisplay(["a", "b"], [1.0], [True])


def test_absent_matplotlib_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"package matplotlib.*pip install 'skvideo3d\[plot\]'"):
        display().plot()


def test_importing_the_displays_brings_neither_matplotlib_nor_torch():
    code = (
        "import sys, skvideo3d.inspection; "
        "print([name for name in ('matplotlib', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
