"""Results as tables, files and plots, against what a reader should see."""

import csv
import dataclasses
import itertools
import json
import math
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from skvideo3d.benchmarks.published import Published, published
from skvideo3d.benchmarks.results import BenchmarkResult, DataUse, ResultRow
from skvideo3d.inspection import CompactnessDisplay, ComparisonDisplay, RocComparisonDisplay

PAPER = (
    Published("toys", "Paper's", {"accuracy": 91.25}, "Doe 2001, table 1"),
    Published("toys", "Bags of words", {"split 1": 7.0}, "Roe 2002", note="split 1"),
    Published("toys", "Their weights", {"accuracy": 51.0, "split 2": 52.0}, "Doe 2001, table 1"),
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
        class_counts={"ball": 4, "doll": 5},
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
Paper's            91.2                    [1]
Bags of words                7.0           [2]
Their weights      51.0              52.0  [1]

[1] Doe 2001, table 1
[2] Roe 2002; split 1

class  videos  accuracy
ball        4       0.0
doll        5     100.0

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


def test_folds_of_several_metrics_are_the_rows_of_a_table_below():
    # Deviations by hand: 60 and 80 are 10 from their mean, so sqrt(200 / 1).
    rows = [
        ResultRow("C3D", {"accuracy": 70.0, "auc": 80.0}, {"accuracy": [60, 80], "auc": [75, 85]}),
        ResultRow("    fc6", {"accuracy": 65.0}, {"accuracy": [65.0, 65.0]}),
    ]
    text = str(toys(metrics=("accuracy", "standard error", "auc"), rows=rows))
    assert text.split("\n\n")[1:4] == [
        "method         accuracy  standard error   auc  source\n"
        "C3D                70.0                  80.0  this run\n"
        "    fc6            65.0                        this run\n"
        "published:\n"
        "Paper's            91.2                        [1]\n"
        "Their weights      51.0                        [1]",
        "[1] Doe 2001, table 1",
        "Folds of C3D:\n"
        "fold       accuracy   auc\n"
        "split 1        60.0  75.0\n"
        "split 2        80.0  85.0\n"
        "mean           70.0  80.0\n"
        "deviation      14.1   7.1",
    ]


def folded(names):
    n_folds = len(names)
    row = ResultRow("C3D", {"accuracy": 50.0}, {"accuracy": [50.0] * n_folds})
    return toys(rows=[row], fold_names=names, published=())


@pytest.mark.parametrize(
    ("names", "is_inline"),
    [
        (["split 1", "split 2", "split 10"], True),
        (["a", "b", "c", "d"], False),
        (["kitchen 10", "b"], False),
        (["nine char"], True),
    ],
)
def test_up_to_three_folds_of_short_names_stand_beside_the_figure(names, is_inline):
    lines = str(folded(names)).splitlines()
    head = ["method", "accuracy", *(names if is_inline else []), "source"]
    assert lines[2].split() == " ".join(head).split()
    assert any(line.startswith("fold ") for line in lines) is not is_inline


def test_one_fold_has_neither_mean_nor_deviation():
    lines = str(folded(["without place0"])).splitlines()
    assert "without place0      50.0" in lines
    assert not any(line.startswith(("mean", "deviation")) for line in lines)


def test_more_than_thirty_folds_are_left_to_the_files():
    result = folded([f"fold {i}" for i in range(31)])
    assert "\n\n31 folds: see result.json.\n\n" in str(result)
    assert "fold 7" not in str(result)
    assert "| fold 30 | 50.0 |" in result.to_markdown()
    assert "fold 29        50.0" in str(folded([f"fold {i}" for i in range(30)]))


def test_without_a_split_what_was_published_of_it_is_left_out():
    row = ResultRow("C3D", {"accuracy": 50.0})
    text = str(toys(rows=[row], fold_names=[]))
    assert "Bags of words" not in text
    assert "Roe 2002" not in text
    assert "\nTheir weights      51.0  [1]\n" in text


NAMES = [
    "C3DTransformer(layer='fc6', n_components=100), StandardScaler, LinearSVC",
    "I3DTransformer",
]


@pytest.mark.parametrize(
    ("benchmark", "metrics", "folds"),
    [
        ("ucf101", ("accuracy",), ["split 1", "split 2", "split 3"]),
        ("hmdb51", ("accuracy",), ["split 1"]),
        ("compactness", ("10", "50", "100", "500", "all"), ["split 1", "split 2", "split 3"]),
        ("aslan", ("accuracy", "standard error", "auc"), [f"split {i}" for i in range(1, 11)]),
        ("runtime", ("fps", "hours", "reading %", "preprocessing %", "network %", "peak MiB"), []),
        ("objects", ("accuracy", "balanced accuracy"), ["a kitchen with a long name " * 5] * 4),
    ],
)
def test_tables_of_real_benchmarks_fit_a_terminal(benchmark, metrics, folds):
    rows = [
        ResultRow(name, dict.fromkeys(metrics, 98.76), dict.fromkeys(metrics, [98.76] * len(folds)))
        for name in NAMES
    ]
    per_class = {"a class of a very long name indeed " * 4: 50.0}
    result = toys(
        metrics=metrics,
        rows=rows,
        fold_names=folds,
        published=published(benchmark),
        per_class=per_class,
    )
    assert max(map(len, str(result).splitlines())) <= 100
    assert NAMES[0] not in str(result)
    assert NAMES[0] in result.to_markdown()


def test_figures_of_the_first_split_stand_under_it():
    row = ResultRow("C3D", {"accuracy": 80.0}, {"accuracy": [81.0]})
    lines = str(
        toys(rows=[row], fold_names=["split 1"], published=published("ucf101"))
    ).splitlines()
    shown = {line[:41].strip(): line[41:].split() for line in lines[2:25]}
    assert shown["method"] == ["accuracy", "split", "1", "source"]
    assert shown["C3D, 1 network"] == ["82.3", "[1]"]
    assert shown["C3D, public weights"] == ["81.8", "83.1", "[2]"]
    assert shown["I3D, RGB"] == ["84.5", "[3]"]
    assert "[3] Carreira & Zisserman 2017, table 2; split 1" in lines


def test_up_to_twenty_classes_are_shown():
    def shown(n):
        return str(toys(per_class={f"class {i}": 50.0 for i in range(n)}, class_counts={}))

    assert "class 19      50.0" in shown(20)
    assert "class 19" not in shown(21)


def test_classes_count_what_the_data_counts():
    text = str(toys(data=DataUse(1, 0, 0, 1, unit="windows"), counts={"clips": 1}))
    assert "class  windows  accuracy\nball         4       0.0" in text
    assert "Used 1 of 1 listed window (100.0 %)." in text
    assert "1 clip computed." in text


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


def test_videos_that_were_read_in_part_are_counted_and_named_and_kept():
    result = toys(data=DataUse(8, 0, 0, 8, losses=[("c.avi", "ends after 40 of 60 frames")]))
    lines = str(result).splitlines()
    at = lines.index("Used 8 of 8 listed videos (100.0 %): 1 read only in part.")
    assert lines[at + 1] == "  read only in part: c.avi: ends after 40 of 60 frames"
    assert BenchmarkResult.from_json(result.to_json()).data == result.data


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
    assert "| ball | 4 | 0.0 |" in lines
    assert "- [1] Doe 2001, table 1" in lines
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
    assert display.methods == ["C3D fc6", "Paper's", "Their weights"]
    assert display.values == [62.5, 91.25, 51.0]
    assert display.is_published == [False, True, True]
    assert display.chance is None  # theirs may be another
    assert display.ax_.get_title() == "Toys, 2 splits"


def test_chance_is_drawn_where_nothing_published_is():
    assert toys(published=()).plot("comparison", ax=Figure().subplots()).chance == 33.3


def test_figures_of_one_split_are_no_bars():
    display = toys(published=published("ucf101")).plot(ax=Figure().subplots())
    assert len(display.methods) == 1 + 6
    assert toys(published=published("hmdb51")).plot(
        "comparison", ax=Figure().subplots()
    ).methods == ["C3D fc6"]


def test_parts_of_a_row_are_no_bars():
    rows = [ResultRow(name, {"accuracy": 60.0}) for name in ("C3D", "    fc6", "    fc6, cosine")]
    display = toys(rows=rows, published=()).plot("comparison", ax=Figure().subplots())
    assert display.methods == ["C3D"]


def test_intervals_are_drawn_at_once_where_there_are_any():
    bounded = ResultRow("ours", {"accuracy": 50.0, "low": 30.0, "high": 80.0})
    rows = [bounded, ResultRow("theirs", {"accuracy": 40.0, "low": 30.0})]
    confusion = {"labels": ["ball", "doll"], "matrix": [[1, 2], [3, 4]]}
    display = toys(rows=rows, published=(), confusion=confusion).plot(ax=Figure().subplots())
    assert isinstance(display, ComparisonDisplay)
    assert display.intervals == [(30.0, 80.0), None]


def test_a_long_title_is_broken():
    display = toys(title="many words " * 12).plot(ax=Figure().subplots())
    assert max(map(len, display.ax_.get_title().splitlines())) <= 60


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


def test_bars_of_ten_dimensions_do_not_stand_beside_the_curve(tmp_path):
    result = toys(
        metrics=("10", "50"),
        curves={"compactness": {"dimensions": [10, 50], "accuracy": [40.0, 60.0]}},
        published=published("compactness"),
    )
    pictures = [path.name for path in result.save(tmp_path) if path.suffix == ".png"]
    assert pictures == ["result.png"]


def test_a_confusion_matrix_is_drawn_with_its_labels():
    confusion = {"labels": ["ball", "doll"], "matrix": [[3, 1], [0, 4]]}
    display = toys(confusion=confusion).plot("confusion", ax=Figure().subplots())
    np.testing.assert_array_equal(display.im_.get_array(), [[3, 1], [0, 4]])
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["ball", "doll"]


@pytest.mark.parametrize("n_classes", [3, 14, 51, 101])
def test_labels_of_a_confusion_matrix_do_not_overlap(n_classes):
    plt.switch_backend("agg")
    labels = [f"PlayingInstrument{i}" for i in range(n_classes)]
    confusion = {"labels": labels, "matrix": np.eye(n_classes, dtype=int).tolist()}
    display = toys(confusion=confusion).plot("confusion")
    display.figure_.canvas.draw()
    axes = display.ax_
    across = [label.get_window_extent() for label in axes.get_xticklabels()]
    down = [label.get_window_extent() for label in axes.get_yticklabels()]
    plt.close(display.figure_)
    assert all(left.x1 <= right.x0 for left, right in itertools.pairwise(across))
    assert all(upper.y0 >= lower.y1 for upper, lower in itertools.pairwise(down))
    assert min(label.get_fontsize() for label in axes.get_yticklabels()) >= 8
    assert all(box.x0 >= 0 for box in down)
    assert all(box.y0 >= 0 for box in across)


def test_the_confusion_matrix_comes_first_where_nothing_is_published():
    confusion = {"labels": ["ball", "doll"], "matrix": [[3, 1], [0, 4]]}
    display = toys(confusion=confusion, published=()).plot(ax=Figure().subplots())
    np.testing.assert_array_equal(display.im_.get_array(), [[3, 1], [0, 4]])


def test_what_a_result_has_not_is_not_drawn():
    with pytest.raises(ValueError, match="kind='roc': this result can be drawn as 'comparison'"):
        toys().plot("roc")
