"""The record beside a file of weights says how to make it again, in JSON that anything reads."""

import json
import math

import pytest
import torch

from skvideo3d import __version__
from skvideo3d.cli.records import write_record


def test_the_record_has_the_command_what_is_told_and_where_it_was(tmp_path):
    words = ["train", "my videos", "-s", "a.safetensors"]
    path = write_record(tmp_path / "a.safetensors", words, "cuda:1", seed=3)
    assert path == tmp_path / "a.json"
    told = json.loads(path.read_text())
    assert told["command"] == "skvideo3d train 'my videos' -s a.safetensors"
    assert told["seed"] == 3
    assert told["versions"]["skvideo3d"] == __version__
    assert told["versions"]["torch"] == torch.__version__
    assert told["machine"].endswith("processors, cuda:1")
    assert told["threads"] == torch.get_num_threads()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(tmp_path, value):
    history = [{"loss": 1.5, "right": value}, {"loss": value, "right": 1}]
    path = write_record(tmp_path / "a.safetensors", [], history=history, sizes=(value, 2))
    told = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert told["history"] == [{"loss": 1.5, "right": None}, {"loss": None, "right": 1}]
    assert told["sizes"] == [None, 2]
