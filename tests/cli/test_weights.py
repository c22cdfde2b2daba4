"""The command as a user types it, on files in a cache folder of its own."""

import argparse
import hashlib

import numpy as np
import pytest
import torch
from safetensors import safe_open

from skvideo3d.cli.weights import add_parser
from skvideo3d.models import C3D, I3D, load_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.models.download import locate
from skvideo3d.models.initialization import initialize
from skvideo3d.models.registry import WEIGHTS


@pytest.fixture
def command():
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))

    def run(*words):
        args = parser.parse_args(["weights", *map(str, words)])
        return args.run(args)

    return run


@pytest.fixture
def checkpoint(tmp_path):
    network = initialize(C3D(num_classes=3, width=1 / 16), seed=0)
    torch.save(network.state_dict(), tmp_path / "mine.pth")
    return tmp_path / "mine.pth"


def put(name, content):
    path = locate(WEIGHTS[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_list_has_a_line_for_every_file_and_says_what_is_here(command, capsys):
    put("sports1m-fc8", b"anything")
    assert command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    by_name = {line.split()[0]: line for line in lines if line}
    assert set(WEIGHTS) < set(by_name)
    assert by_name["sports1m-fc8"].endswith("yes")
    assert by_name["sports1m"].endswith("no")
    assert "312 MB" in by_name["sports1m"]
    assert "git blob" in by_name["kinetics400-flow"]
    assert "SKVIDEO3D_HOME" in lines[-1]


def test_verify_tells_right_from_wrong_from_unknown(command, capsys, monkeypatch):
    assert command("verify") == 0
    assert "There are no weights" in capsys.readouterr().out
    put("sports1m-fc8", b"by hand")
    assert command("verify") == 0
    sha256 = hashlib.sha256(b"by hand").hexdigest()
    expected = f"sports1m-fc8: nobody published a hash, sha256 {sha256}\n"
    assert capsys.readouterr().out == expected
    put("kinetics400-flow", b"not this")
    assert command("verify") == 1
    out = capsys.readouterr().out
    assert expected in out
    assert "kinetics400-flow: WRONG" in out
    assert "ef0e7c282a102f76b14b52643574b80acba4e475" in out


def test_verify_of_a_name_that_is_not_here_fails(command, capsys):
    assert command("verify", "sports1m") == 1
    assert "sports1m: not here" in capsys.readouterr().out


def test_download_by_hand_only_says_so(command, capsys):
    assert command("download", "sports1m-caffe") == 1
    error = capsys.readouterr().err
    assert "By hand: fetch conv3d_deepnetA_sport1m_iter_1900000 as linked from" in error
    assert str(locate(WEIGHTS["sports1m-caffe"])) in error


def test_a_misspelt_name_is_answered_with_the_names(command, capsys):
    assert command("download", "sport1m") == 1
    assert "Did you mean 'sports1m'" in capsys.readouterr().err


def test_convert_gives_our_format_with_the_mean_cube_inside(command, checkpoint, tmp_path, capsys):
    cube = np.random.default_rng(0).random((3, 16, 128, 171)).astype(np.float32)
    np.save(tmp_path / "mean.npy", cube)
    target = tmp_path / "mine.safetensors"
    assert command("convert", checkpoint, target, "--mean", tmp_path / "mean.npy") == 0
    assert "c3d(num_classes=3" in capsys.readouterr().out
    original, converted = load_weights(checkpoint), load_weights(target)
    clip = torch.randn(1, 3, 16, 112, 112)
    with torch.inference_mode():
        torch.testing.assert_close(converted(clip)["prob"], original(clip)["prob"])
    mean = resolve_weights(target, "c3d").preprocessing.mean
    np.testing.assert_array_equal(mean.array(), cube)


def test_convert_halves_the_file_with_float16(command, checkpoint, tmp_path):
    target = tmp_path / "half.safetensors"
    assert command("convert", checkpoint, target, "--dtype", "float16") == 0
    assert target.stat().st_size < 0.55 * checkpoint.stat().st_size
    with safe_open(target, framework="pt") as file:
        assert file.get_tensor("fc6.weight").dtype == torch.float16


def test_convert_takes_flow_networks(command, tmp_path):
    network = initialize(I3D(num_classes=3, in_channels=2, width=1 / 16), seed=0)
    torch.save(network.state_dict(), tmp_path / "flow.pt")
    target = tmp_path / "flow.safetensors"
    assert command("convert", tmp_path / "flow.pt", target) == 0
    assert load_weights(target).in_channels == 2


@pytest.mark.parametrize("words", [("nothing.pth", "x.safetensors"), ("{checkpoint}", "x.pth")])
def test_convert_explains_what_it_cannot_do(command, checkpoint, tmp_path, capsys, words):
    source, target = (word.format(checkpoint=checkpoint) for word in words)
    assert command("convert", source, tmp_path / target) == 1
    assert capsys.readouterr().err.startswith("skvideo3d weights: ")
    assert not (tmp_path / target).exists()
