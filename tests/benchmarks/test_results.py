"""Results as tables, files and plots, against what a reader should see."""

import csv
import dataclasses
import json
import math
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from skvideo3d.benchmarks.published import Published
from skvideo3d.benchmarks.results import BenchmarkResult, DataUse, ResultRow
from skvideo3d.inspection import CompactnessDisplay, ComparisonDisplay, RocComparisonDisplay

PAPER = (
    Published("toys", "Paper's", {"accuracy": 91.25}, "Doe 2001, table 1"),
    Published("toys", "Bags of words", {"accuracy": 7.0}, "Roe 2002", note="split 1"),
    Published("toys", "Timed", {"hours": 3.0}, "Doe 2001, table 2"),
)


def toys(**changes):
    """A small result with something in every field."""
    result = BenchmarkResult(
        benchmark="toys",
        title="Toys, 2 splits",
        metrics=("accuracy",),
        rows=[ResultRow("C3D fc6", {"accuracy": 62.5}, {"accuracy": [50.0, 75.0]})],
        data=DataUse(12, 2, 1, 9, ["b.avi", "d.avi"], [("c.avi", "no video stream")]),
        published=PAPER,
        fold_names=["split 1", "split 2"],
        settings={"describer": "C3DTransformer()", "versions": {"torch": "2.4"}},
        times={"describe": 3.25, "fit": 0.04},
        counts={"described": 3, "reused": 24},
        notes=["The weights are random."],
        chance=33.3,
        predictions=[
            {"video": "a.avi", "fold": "split 1", "target": "ball", "prediction": "doll"},
            {"video": "b,c.avi", "fold": "split 1", "target": "doll", "prediction": "doll"},
        ],
        per_class={"ball": 0.0, "doll": 100.0},
    )
    return dataclasses.replace(result, **changes)


def test_the_table_as_a_terminal_shows_it():
    assert (
        str(toys())
        == """\
Toys, 2 splits

method         accuracy  split 1  split 2  source
C3D fc6            62.5     50.0     75.0  this run
published:
Paper's            91.2                    Doe 2001, table 1
Bags of words       7.0                    Roe 2002 (split 1)

class  accuracy
ball        0.0
doll      100.0

Used 9 of 12 listed videos (75.0 %): 2 missing, 1 unreadable.
  missing: b.avi
  missing: d.avi
  unreadable: c.avi: no video stream
Described 3 now, 24 reused.
Chance is 33.3.
Note: The weights are random.
Times: describe 3.2 s, fit 0.0 s.
Settings:
  describer: C3DTransformer()
  versions: {"torch": "2.4"}"""
    )


def test_folds_of_several_metrics_get_tables_of_their_own():
    row = ResultRow(
        "C3D", {"accuracy": 70.0, "auc": 80.0}, {"accuracy": [60.0, 80.0], "auc": [75.0, 85.0]}
    )
    text = str(toys(metrics=("accuracy", "standard error", "auc"), rows=[row]))
    assert text.split("\n\n")[1:4] == [
        "method         accuracy  standard error   auc  source\n"
        "C3D                70.0                  80.0  this run\n"
        "published:\n"
        "Paper's            91.2                        Doe 2001, table 1\n"
        "Bags of words       7.0                        Roe 2002 (split 1)",
        "accuracy by fold  split 1  split 2\nC3D                  60.0     80.0",
        "auc by fold  split 1  split 2\nC3D             75.0     85.0",
    ]


@pytest.mark.parametrize(("n_folds", "is_shown"), [(5, True), (6, False)])
def test_folds_are_shown_up_to_five(n_folds, is_shown):
    row = ResultRow("C3D", {"accuracy": 50.0}, {"accuracy": [50.0] * n_folds})
    text = str(toys(rows=[row], fold_names=[f"f{i}" for i in range(n_folds)]))
    assert ("  f0  " in text) is is_shown
    assert (f"Mean of {n_folds} folds." in text) is not is_shown


def test_only_the_first_failures_are_named():
    failures = [(f"{i}.avi", "cut off") for i in range(5)]
    lines = str(toys(data=DataUse(8, 0, 5, 3, [], failures))).splitlines()
    at = lines.index("Used 3 of 8 listed videos (37.5 %): 5 unreadable.")
    assert lines[at + 1 : at + 5] == [
        "  unreadable: 0.avi: cut off",
        "  unreadable: 1.avi: cut off",
        "  unreadable: 2.avi: cut off",
        "  unreadable: 2 more",
    ]


def test_long_lines_wrap_and_long_settings_are_cut():
    text = str(toys(notes=["word " * 60], settings={"all": "x" * 500}))
    assert max(map(len, text.splitlines())) <= 100


def test_small_figures_keep_two_digits():
    row = ResultRow("C3D", {"hours": 0.01234})
    assert "0.012" in str(toys(metrics=("hours",), rows=[row], fold_names=[]))


def test_nothing_listed_is_no_division_by_zero():
    data = DataUse(0, 0, 0, 0, unit="pairs")
    assert math.isnan(data.share)
    assert "No pairs are listed." in str(toys(data=data))


def test_share_is_used_of_listed():
    assert DataUse(8, 1, 1, 6).share == 0.75


def test_markdown_has_one_table_that_readers_of_markdown_accept():
    row = ResultRow("a|b", {"accuracy": 62.5})
    lines = toys(rows=[row], fold_names=[]).to_markdown().splitlines()
    assert lines[:5] == [
        "# Toys, 2 splits",
        "",
        "| method | accuracy | source |",
        "| :--- | ---: | :--- |",
        r"| a\|b | 62.5 | this run |",
    ]
    assert "| ball | 0.0 |" in lines
    assert "- Used 9 of 12 listed videos (75.0 %): 2 missing, 1 unreadable." in lines
    assert "  - unreadable: c.avi: no video stream" in lines


def test_json_and_back_is_equal():
    result = toys(
        curves={"roc": {"fpr": [0.0, 1.0], "tpr": [0.0, 1.0]}},
        confusion={"labels": ["ball", "doll"], "matrix": [[0, 1], [0, 1]]},
    )
    again = BenchmarkResult.from_json(result.to_json())
    assert again == result
    assert str(again) == str(result)


def test_nan_is_null_in_json_and_nan_again():
    row = ResultRow("C3D", {"accuracy": math.nan}, {"accuracy": [math.inf, 75.0]})
    text = toys(rows=[row], chance=None).to_json()

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    assert json.loads(text, parse_constant=refuse)["rows"][0]["figures"] == {"accuracy": None}
    again = BenchmarkResult.from_json(text)
    assert math.isnan(again.rows[0].figures["accuracy"])
    assert math.isnan(again.rows[0].folds["accuracy"][0])
    assert again.chance is None


def test_numbers_and_arrays_of_numpy_are_written_as_plain_ones():
    result = toys(
        rows=[ResultRow("C3D", {"accuracy": np.float32(62.5)})],
        confusion={"labels": ["a", "b"], "matrix": np.array([[3, 1], [0, 4]])},
        settings={"seed": np.int64(3), "layers": ("fc6", "fc7")},
    )
    parts = json.loads(result.to_json())
    assert parts["rows"][0]["figures"] == {"accuracy": 62.5}
    assert parts["confusion"]["matrix"] == [[3, 1], [0, 4]]
    assert parts["settings"] == {"seed": 3, "layers": ["fc6", "fc7"]}


def test_what_json_does_not_know_is_found():
    with pytest.raises(TypeError, match=r"result\.settings\['svm'\]\['C'\] is of type object"):
        toys(settings={"svm": {"C": object()}}).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"benchmark": "toys"}'])
def test_other_text_is_no_result(text):
    with pytest.raises(ValueError, match=r"no benchmark result.*result\.json"):
        BenchmarkResult.from_json(text)


def test_saved_files_hold_the_result(tmp_path):
    result = toys()
    paths = result.save(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        "result.json",
        "result.md",
        "predictions.csv",
        "result.png",
    ]
    assert BenchmarkResult.from_json(paths[0].read_text(encoding="utf-8")) == result
    assert paths[1].read_text(encoding="utf-8") == result.to_markdown()
    with open(paths[2], newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == result.predictions
    assert paths[3].read_bytes().startswith(b"\x89PNG")


def test_a_second_save_replaces_the_first_and_leaves_nothing_else(tmp_path):
    toys().save(tmp_path)
    paths = toys(title="Again").save(tmp_path)
    assert sorted(path for path in tmp_path.iterdir() if path.name[0] != ".") == sorted(paths)
    assert paths[1].read_text(encoding="utf-8").startswith("# Again\n")


def test_scores_and_pairs_get_into_the_csv(tmp_path):
    row = {"video": ("a", "b"), "fold": 1, "target": 1, "prediction": 0, "score": -0.5}
    (_, _, path, *_) = toys(predictions=[row]).save(tmp_path)
    assert path.read_text(encoding="utf-8") == (
        "video,fold,target,prediction,score\n\"('a', 'b')\",1,1,0,-0.5\n"
    )


def test_without_matplotlib_all_but_the_picture_is_saved(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    names = [path.name for path in toys().save(tmp_path)]
    assert names == ["result.json", "result.md", "predictions.csv"]
    with pytest.raises(ImportError, match=r"matplotlib.*pip install 'skvideo3d\[plot\]'"):
        toys().plot()


def test_bars_are_ours_and_those_published_of_the_first_metric():
    display = toys().plot(ax=Figure().subplots())
    assert isinstance(display, ComparisonDisplay)
    assert display.methods == ["C3D fc6", "Paper's", "Bags of words"]
    assert display.values == [62.5, 91.25, 7.0]
    assert display.is_published == [False, True, True]
    assert display.chance == 33.3
    assert display.ax_.get_title() == "Toys, 2 splits"


def test_curves_are_drawn_where_there_are_any():
    roc = {"fpr": [0.0, 0.5, 1.0], "tpr": [0.0, 1.0, 1.0]}
    paper = Published("toys", "Paper's", {"accuracy": 9.0, "auc": 90.0}, "Doe")
    display = toys(curves={"roc": roc}, published=(paper,)).plot(ax=Figure().subplots())
    assert isinstance(display, RocComparisonDisplay)
    assert display.roc_auc == 0.75
    assert display.published == {"Paper's": 90.0}

    compactness = {"dimensions": [10, 50], "accuracy": [40.0, 60.0]}
    paper = Published("toys", "Paper's", {"10": 50.0, "50": 70.0}, "Doe")
    result = toys(curves={"compactness": compactness}, published=(paper,))
    display = result.plot(ax=Figure().subplots())
    assert isinstance(display, CompactnessDisplay)
    assert display.published == {"Paper's": ([10, 50], [50.0, 70.0])}


def test_a_confusion_matrix_is_drawn_with_its_labels():
    confusion = {"labels": ["ball", "doll"], "matrix": [[3, 1], [0, 4]]}
    display = toys(confusion=confusion).plot("confusion", ax=Figure().subplots())
    np.testing.assert_array_equal(display.im_.get_array(), [[3, 1], [0, 4]])
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["ball", "doll"]


def test_the_confusion_matrix_comes_first_where_nothing_is_published():
    confusion = {"labels": ["ball", "doll"], "matrix": [[3, 1], [0, 4]]}
    display = toys(confusion=confusion, published=()).plot(ax=Figure().subplots())
    np.testing.assert_array_equal(display.im_.get_array(), [[3, 1], [0, 4]])


def test_what_a_result_has_not_is_not_drawn():
    with pytest.raises(ValueError, match="kind='roc': this result can be drawn as 'comparison'"):
        toys().plot("roc")
