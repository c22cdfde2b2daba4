"""The command itself: what belongs to no subcommand."""

import os
import subprocess
import sys

import pytest

import skvideo3d
from skvideo3d.cli import main, weights

COMMAND = [sys.executable, "-m", "skvideo3d"]


def test_version_is_the_packages_also_as_a_module(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"skvideo3d {skvideo3d.__version__}\n"
    run = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"skvideo3d {skvideo3d.__version__}\n"


@pytest.mark.parametrize("words", [[], ["extrct"], ["extract", "v.mp4"], ["weights"]])
def test_what_makes_no_sense_is_status_2_and_shows_the_usage(capsys, words):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: skvideo3d")


def test_an_unknown_command_is_answered_with_the_commands(capsys):
    with pytest.raises(SystemExit):
        main(["extrct"])
    err = capsys.readouterr().err
    assert "'extrct'" in err
    assert all(name in err for name in ("demo", "extract", "weights"))


@pytest.mark.parametrize("words", [["--help"], ["extract", "--help"], ["weights", "list"]])
def test_help_and_lists_load_neither_torch_nor_a_decoder(words):
    code = (
        "import sys\nfrom skvideo3d.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'decord', 'av') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_traceback():
    # As in `skvideo3d weights list | head -1`, but with nobody there from the start, for sure.
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [*COMMAND, "weights", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert run.stderr == ""
    assert run.returncode == 1


def test_a_process_without_standard_output_works(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["weights", "list"]) == 0


def test_ctrl_c_is_status_130_and_one_line(monkeypatch, capsys):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "_list", interrupted)
    assert main(["weights", "list"]) == 130
    assert capsys.readouterr().err == "\nskvideo3d: interrupted\n"
