"""The command as a user types it, on files in a cache folder of its own."""

import argparse
import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from skvideo3d.cli.weights import add_parser
from skvideo3d.models import C3D, I3D, load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.models.download import locate, weights_folder
from skvideo3d.models.initialization import initialize
from skvideo3d.models.registry import WEIGHTS
from skvideo3d.video.preprocessing import C3D_PREPROCESSING


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
    assert expected in capsys.readouterr().out
    put("kinetics400-flow", b"not this")
    assert command("verify") == 1
    out = capsys.readouterr().out
    assert expected in out
    assert "kinetics400-flow: WRONG" in out
    assert "ef0e7c282a102f76b14b52643574b80acba4e475" in out


def test_verify_looks_and_moves_nothing(command, capsys):
    put("kinetics400-flow", b"not this")
    assert command("verify", "kinetics400-flow") == 1
    assert "Delete it and run" in capsys.readouterr().out
    assert [path.name for path in weights_folder().iterdir()] == ["flow_imagenet.pt"]


def test_download_moves_a_wrong_file_aside_and_goes_on(command, capsys, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens
    put("kinetics400-flow", b"not this")
    assert command("download", "kinetics400-flow") == 1
    error = capsys.readouterr().err
    assert "flow_imagenet.pt.rejected'" in error
    assert "could not be fetched" in error
    assert (weights_folder() / "flow_imagenet.pt.rejected").read_bytes() == b"not this"
    assert not locate(WEIGHTS["kinetics400-flow"]).exists()


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


def test_convert_says_what_the_file_cannot(command, tmp_path, capsys):
    network = initialize(
        C3D(num_classes=3, input_size=(16, 64, 64), width=1 / 16, pool5="padded"), seed=0
    )
    torch.save(network.state_dict(), tmp_path / "small.pth")
    source, target = tmp_path / "small.pth", tmp_path / "small.safetensors"
    assert command("convert", source, target) == 1
    assert "skvideo3d weights convert IN OUT --input-size" in capsys.readouterr().err
    said = ("--input-size", 16, 64, 64, "--pool5", "padded")
    assert command("convert", source, target, *said) == 1
    assert "add --crop 64 64" in capsys.readouterr().err
    assert not target.exists()
    assert command("convert", source, target, *said, "--resize", 72, 96, "--crop", 64, 64) == 0
    found = resolve_weights(target, "c3d")
    assert load_weights(target).config == network.config
    assert (found.preprocessing.resize, found.preprocessing.crop) == ((72, 96), (64, 64))


@pytest.mark.parametrize("shape", [(3, 8, 128, 171), (3, 16, 100, 100)])
def test_convert_refuses_a_mean_cube_that_no_clip_fits(
    command, checkpoint, tmp_path, capsys, shape
):
    np.save(tmp_path / "mean.npy", np.zeros(shape, dtype=np.float32))
    target = tmp_path / "x.safetensors"
    assert command("convert", checkpoint, target, "--mean", tmp_path / "mean.npy") == 1
    assert "mean cube" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize("words", [("--mean", "mean.npy"), ("--pool5", "padded")])
def test_convert_refuses_what_i3d_does_not_have(command, tmp_path, capsys, words):
    network = initialize(I3D(num_classes=3, width=1 / 16), seed=0)
    torch.save(network.state_dict(), tmp_path / "i3d.pt")
    assert command("convert", tmp_path / "i3d.pt", tmp_path / "x.safetensors", *words) == 1
    assert words[0][2:] in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


def test_convert_keeps_the_recipe_of_the_file(command, tmp_path):
    network = initialize(C3D(num_classes=3, width=1 / 16), seed=0)
    recipe = replace(C3D_PREPROCESSING, channel_order="rgb", resize=(120, 160))
    save_weights(network, tmp_path / "a.safetensors", preprocessing=recipe)
    names = (tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert command("convert", *names, "--dtype", "float16") == 0
    assert resolve_weights(names[1], "c3d").preprocessing == recipe


def test_convert_to_where_nothing_can_be_written_is_one_sentence(
    command, checkpoint, tmp_path, capsys
):
    (tmp_path / "taken.safetensors").mkdir()
    for target in (tmp_path / "absent" / "x.safetensors", tmp_path / "taken.safetensors"):
        assert command("convert", checkpoint, target) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"skvideo3d weights: '{target}' c")


def test_list_says_what_short_names_are_and_more_on_request(command, capsys):
    assert command("list") == 0
    short = capsys.readouterr().out
    assert "kinetics400 is kinetics400-rgb" in short
    assert command("list", "--long") == 0
    long = capsys.readouterr().out
    for entry in WEIGHTS.values():
        for text in (entry.url or "linked from", entry.paper, entry.notes, entry.source):
            assert text in long
        assert entry.url is None or entry.url not in short


@pytest.mark.parametrize("words", [("nothing.pth", "x.safetensors"), ("{checkpoint}", "x.pth")])
def test_convert_explains_what_it_cannot_do(command, checkpoint, tmp_path, capsys, words):
    source, target = (word.format(checkpoint=checkpoint) for word in words)
    assert command("convert", source, tmp_path / target) == 1
    assert capsys.readouterr().err.startswith("skvideo3d weights: ")
    assert not (tmp_path / target).exists()
