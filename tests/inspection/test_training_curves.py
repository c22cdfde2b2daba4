"""Learning curves have the figures of the history, whatever of it was measured."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from skvideo3d.inspection import TrainingCurveDisplay


def history_of(train, valid=None, metric="accuracy"):
    rows = [{"epoch": n, f"train_{metric}": value} for n, value in enumerate(train, start=1)]
    for row, value in zip(rows, valid or [], strict=False):
        row[f"valid_{metric}"] = value
    return rows


def names_in(display):
    return [text.get_text() for text in display.ax_.get_legend().texts]


class Fitted(BaseEstimator):
    """What a display sees of a classifier."""

    def __init__(self, history=None):
        if history is not None:
            self.history_ = history

    def fit(self, X, y):
        return self


def draw(history, **settings):
    return TrainingCurveDisplay.from_history(history, ax=Figure().subplots(), **settings)


def test_accuracies_are_drawn_in_percent_over_their_epochs():
    display = draw(history_of([0.25, 0.5], [0.125, 0.75]))
    assert display.training_lines_[""].get_xydata().tolist() == [[1, 25], [2, 50]]
    assert display.validation_lines_[""].get_xydata().tolist() == [[1, 12.5], [2, 75]]
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "accuracy, percent"
    assert names_in(display) == ["validation", "training"]


def test_losses_are_drawn_as_they_are():
    history = history_of([2.5, 1.5], [3.0, 2.0], "loss")
    display = draw(history, metric="loss")
    assert display.training_lines_[""].get_ydata().tolist() == [2.5, 1.5]
    assert display.validation_lines_[""].get_ydata().tolist() == [3.0, 2.0]
    assert display.ax_.get_ylabel() == "loss"


def test_training_is_dashed_beside_validation_in_the_same_colour():
    display = draw(history_of([0.1, 0.2], [0.1, 0.3]))
    training, validation = display.training_lines_[""], display.validation_lines_[""]
    assert training.get_linestyle() == "--"
    assert validation.get_linestyle() == "-"
    assert to_hex(training.get_color()) == to_hex(validation.get_color())


@pytest.mark.parametrize("absent", ["left out", None, math.nan])
def test_without_validation_there_is_one_solid_line(absent):
    valid = None if absent == "left out" else [absent, absent]
    display = draw(history_of([0.1, 0.2], valid))
    assert display.validation_lines_ == {}
    assert display.training_lines_[""].get_linestyle() == "-"
    assert names_in(display) == ["training"]


def test_an_epoch_that_was_not_validated_is_a_gap():
    line = draw(history_of([0.1, 0.2, 0.3], [0.5, None, 1.0])).validation_lines_[""]
    np.testing.assert_array_equal(line.get_ydata(), [50, math.nan, 100])
    assert line.get_marker() == "."  # which shows the epochs on both sides


def test_several_networks_differ_in_colour_and_the_legend_says_what_styles_are():
    histories = {
        "depth-1": history_of([0.1, 0.2], [0.1, 0.1]),
        "depth-3": history_of([0.3, 0.4], [0.2, 0.3]),
    }
    display = draw(histories)
    colours = {to_hex(line.get_color()) for line in display.validation_lines_.values()}
    assert len(colours) == 2
    assert display.training_lines_["depth-3"].get_ydata().tolist() == [30, 40]
    legend = display.ax_.get_legend()
    assert names_in(display) == ["depth-1", "depth-3", "validation", "training"]
    styles = [handle.get_linestyle() for handle in legend.legend_handles]
    assert styles == ["-", "-", "-", "--"]
    shown = [to_hex(handle.get_color()) for handle in legend.legend_handles[:2]]
    assert shown == [to_hex(line.get_color()) for line in display.validation_lines_.values()]


def test_networks_of_which_one_was_validated_stand_side_by_side():
    histories = {"a": history_of([0.1, 0.2], [0.1, 0.1]), "b": history_of([0.3, 0.4])}
    display = draw(histories)
    assert set(display.validation_lines_) == {"a"}
    assert display.training_lines_["b"].get_linestyle() == "--"
    assert names_in(display) == ["a", "b", "validation", "training"]


def test_lines_are_as_is_asked_for():
    display = draw(history_of([0.1], [0.2]), linewidth=4, marker="s", ls=":", c="r")
    for line in (display.training_lines_[""], display.validation_lines_[""]):
        assert (line.get_linewidth(), line.get_marker(), line.get_linestyle()) == (4, "s", ":")
        assert to_hex(line.get_color()) == "#ff0000"


def test_a_network_may_have_any_name():
    histories = {"training": history_of([0.1], [0.2]), "other": history_of([0.1], [0.2])}
    assert names_in(draw(histories)) == ["training", "other", "validation", "training"]


def test_ticks_are_whole_epochs():
    display = draw(history_of([0.1, 0.2]))
    display.figure_.draw_without_rendering()
    assert all(tick == round(tick) for tick in display.ax_.get_xticks())


def test_a_classifier_is_drawn_from_its_history():
    fitted, ax = Fitted(history_of([0.5], [0.25])), Figure().subplots()
    display = TrainingCurveDisplay.from_estimator(fitted, name="compact", ax=ax)
    assert display.ax_ is ax
    assert display.validation_lines_["compact"].get_ydata().tolist() == [25]
    assert names_in(display) == ["compact, validation", "compact, training"]


def test_a_classifier_that_was_not_fitted_is_refused():
    with pytest.raises(NotFittedError, match="Fitted instance is not fitted"):
        TrainingCurveDisplay.from_estimator(Fitted())


def test_without_axes_a_new_figure_is_made():
    plt.switch_backend("agg")
    display = TrainingCurveDisplay({"": history_of([0.5])})
    assert display.plot() is display
    assert plt.fignum_exists(display.figure_.number)
    plt.close(display.figure_)


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ({}, "histories is empty"),
        ({"a": []}, "The history of 'a' has no epochs; train for one at least"),
        ({"a": [{"epoch": 1}, {"train_loss": 1.0}]}, "'a' has no 'epoch' in its entry 1"),
        ({"a": {"epoch": 1}}, "'a' is of type dict; give a list"),
        ({"": [0.5]}, "The history has no 'epoch' in its entry 0, 0.5"),
    ],
)
def test_what_is_no_history_is_refused(histories, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay(histories)


def test_a_metric_that_is_unknown_or_was_not_measured_is_refused():
    with pytest.raises(ValueError, match="metric='auc': use 'accuracy' or 'loss'"):
        draw(history_of([0.5]), metric="auc")
    with pytest.raises(ValueError, match="histories need 'train_loss' or 'valid_loss'"):
        draw(history_of([0.5]), metric="loss")
