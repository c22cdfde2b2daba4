"""The command trains the study, keeps what it did, and draws it."""

import pytest

from skvideo3d.benchmarks import ArchitectureReport
from skvideo3d.cli import main


def run(tmp_path, *options):
    few = ["--quick", "--videos", "4", "--classes", "2", "--epochs", "1", "--test-clips", "1"]
    small = ["--width", "0.03", "--input-size", "16", "--networks", "study-depth-3"]
    output = ["--output", str(tmp_path / "out"), "-q"]
    return main(["benchmark", "architecture", *few, *small, *output, *options])


def test_the_table_is_printed_saved_and_drawn(tmp_path, capsys):
    assert run(tmp_path, "--figure", str(tmp_path / "study.png")) == 0
    printed = capsys.readouterr()
    folder = tmp_path / "out" / "architecture"
    report = ArchitectureReport.from_json((folder / "result.json").read_text())
    assert printed.err == ""
    assert printed.out.startswith(str(report))
    assert f"Written to {folder}: result.json, result.md, result.png." in printed.out
    assert (tmp_path / "study.png").read_bytes().startswith(b"\x89PNG")
    assert report.settings["command"].startswith("skvideo3d benchmark architecture --quick")
    assert report.data.n_listed == 6  # two to test on, one of each class
    assert report.networks[0].clip == (16, 16, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--figure", "nowhere/study.png"], "--figure 'nowhere/study.png' cannot be written to"),
        (["--figure", "study.doc"], "end it in one of"),
        (["--recipe", "sport"], "recipe='sport' is none"),
        (["--data", "nowhere"], "'nowhere' does not exist"),
    ],
)
def test_what_cannot_be_done_is_refused(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, *options) == 2
    assert message in capsys.readouterr().err
