"""``skvideo3d train-compact``: what it writes and shows, and what it refuses."""

import hashlib
import json
import sys

import pytest
import torch

from skvideo3d.cli import main


def test_the_command_trains_and_tables(tmp_path, capsys):
    path = tmp_path / "c.safetensors"
    sizes = ["--stage", "16:1", "--clips-per-epoch", "4", "--batch-size", "2", "--width", "0.03"]
    options = ["--hidden", "8", "--workers", "0", "--quiet"]
    assert main(["train-compact", str(path), *sizes, *options]) == 2  # the rise is longer than all
    assert "warm_up" in capsys.readouterr().err
    assert main(["train-compact", str(path), *sizes, *options, "--warm-up", "1"]) == 0
    shown = capsys.readouterr().out
    assert "| epoch | loss | act |" in shown
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["command"].startswith("skvideo3d train-compact ")
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["recipe"]["stages"] == [[16, 1]]
    assert f"| 1 | {told['history'][0]['train_loss']:.3f} |" in shown
    assert told["threads"] == torch.get_num_threads()
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "c.safetensors, " in shown
    assert "c.png" in shown


def test_the_table_begins_with_what_a_guess_is_worth(tmp_path, capsys):
    options = ["--stage", "16:1", "--clips-per-epoch", "4", "--batch-size", "2", "--width", "0.03"]
    path = str(tmp_path / "c.safetensors")
    main(["train-compact", path, *options, "--hidden", "8", "--warm-up", "1", "-q"])
    lines = capsys.readouterr().out.splitlines()
    heads, values = ([cell.strip() for cell in line.split("|")] for line in (lines[0], lines[2]))
    worth = dict(zip(heads, values, strict=True))
    assert 0.8 < float(worth["order"]) < 0.9  # 0.85 of the clips are in order
    assert 0.5 < float(worth["posture"]) < 0.9  # most figures are upright
    assert 1 / 37 < float(worth["act"]) < 0.1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--device", "foo"], "device='foo' cannot be used"),
        (["--workers", "-1"], "n_workers=-1"),
        (["--checkpoint", "nowhere/a.ckpt"], "cannot be written"),
    ],
)
def test_the_command_says_what_it_cannot_use(wrong, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train-compact", "c.safetensors", *wrong]) == 2
    assert words in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_the_command_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skorch", None)
    assert main(["train-compact", "c.safetensors"]) == 2
    assert "pip install 'skvideo3d[train]'" in capsys.readouterr().err


def test_the_command_refuses_a_number_by_the_name_of_its_option(capsys):
    with pytest.raises(SystemExit):
        main(["train-compact", "x.safetensors", "--lr=-1"])
    assert "--lr: -1 is no positive number" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["64", "64:", "0:3", "a:b"])
def test_the_command_refuses_what_is_no_stage(stage, capsys):
    with pytest.raises(SystemExit):
        main(["train-compact", "x.safetensors", "--stage", stage])
    assert "SIDE:EPOCHS" in capsys.readouterr().err
