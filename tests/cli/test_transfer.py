"""The command evaluates one data set after the other, and keeps a result of each."""

import json

import pytest

from skvideo3d.benchmarks import BenchmarkResult
from skvideo3d.cli import main


@pytest.fixture
def sets(tmp_path, write_video, numbered_frames):
    names = {"trials": "A{}P{}T1.mp4", "kth": "person0{1}_act{0}_d1.mp4"}
    for name, pattern in names.items():
        (tmp_path / name).mkdir()
        for action in (1, 2):
            for person in (1, 2):
                frames = numbered_frames(16 + person)
                write_video(tmp_path / name / pattern.format(action, person), frames[::action])
    return tmp_path


def run(sets, small_c3d, *options, data=("trials", "kth")):
    words = ["--data", *(str(sets / name) for name in data), "--output", str(sets / "out"), "-q"]
    few = ["--seeds", "1", "--full-size", "0", "--layers", "fc6,pool5"]
    return main(["benchmark", "transfer", *words, "--weights", small_c3d, *few, *options])


def test_each_set_has_a_table_and_a_folder(sets, small_c3d, capsys):
    assert run(sets, small_c3d) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for name in ("trials", "kth"):
        folder = sets / "out" / f"transfer-{name}"
        result = BenchmarkResult.from_json((folder / "result.json").read_text())
        assert str(result) in printed.out
        assert f"Written to {folder}: result.json" in printed.out
        assert [row.method for row in result.rows] == [
            *("small fc6", "small pool5", "random fc6", "random pool5"),
            "colour histograms",
        ]
        assert result.data.n_used == 4
        assert "benchmark transfer" in result.settings["command"]


def test_the_same_command_again_replaces_its_results_and_describes_nothing(sets, small_c3d, capsys):
    run(sets, small_c3d)
    run(sets, small_c3d)
    assert "Described 0 now, 8 reused" in capsys.readouterr().out
    assert len(list((sets / "out").glob("transfer-*"))) == 2


def test_options_reach_the_evaluation(sets, small_c3d):
    options = ["--no-scale", "--C", "10", "--clip-stride", "4", "--pattern", "trials"]
    assert run(sets, small_c3d, *options, data=["trials"]) == 0
    settings = json.loads((sets / "out" / "transfer-trials" / "result.json").read_text())[
        "settings"
    ]
    assert settings["classifier"].startswith("LinearSVC(C=10.0")
    assert settings["clip_stride"] == 4


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--C=0", "--C: 0 is no positive number"),
        ("--seeds=-1", "--seeds: -1 is no whole number from 0 on"),
        ("--clip-stride=0", "--clip-stride: 0 is no whole number from 1 on"),
        ("--fps=nan", "--fps: nan is no positive number"),
    ],
)
def test_a_number_is_refused_by_the_name_of_its_option(sets, small_c3d, option, message, capsys):
    with pytest.raises(SystemExit):
        run(sets, small_c3d, option)
    assert message in capsys.readouterr().err


def test_sets_of_one_name_are_refused(sets, small_c3d, capsys):
    (sets / "other").mkdir()
    (sets / "kth").rename(sets / "other" / "trials")
    assert run(sets, small_c3d, data=["trials", "other/trials"]) == 2
    assert "2 of the folders are called 'trials'" in capsys.readouterr().err


def test_files_that_do_not_fit_are_named(sets, small_c3d, capsys):
    (sets / "trials" / "A1P1T1.mp4").rename(sets / "trials" / "party.mp4")
    assert run(sets, small_c3d) == 2
    error = capsys.readouterr().err
    assert "party.mp4" in error
    assert "--pattern" in error or "fits all" in error
