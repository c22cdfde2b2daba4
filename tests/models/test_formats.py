"""Which format a file is in is told by its content and not by its name."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models.formats import read_metadata, read_shapes, read_tensors

ARRAYS = {"a": torch.arange(6.0).reshape(2, 3), "b.weight": torch.ones(4, dtype=torch.float16)}


def write(kind, path):
    if kind == "safetensors":
        save_file(ARRAYS, path)
    else:
        torch.save(ARRAYS, path, _use_new_zipfile_serialization=kind == "zip")


@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors"])
def test_names_shapes_and_values_are_the_files(kind, tmp_path):
    path = tmp_path / "misnamed.caffemodel"
    write(kind, path)
    tensors = read_tensors(path)
    assert list(tensors) == list(ARRAYS)
    for name, tensor in tensors.items():
        assert torch.equal(tensor, ARRAYS[name])
        assert tensor.dtype == ARRAYS[name].dtype
    assert read_shapes(path) == {"a": (2, 3), "b.weight": (4,)}
    assert read_metadata(path) is None


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x4B50])
def test_safetensors_whose_header_length_reads_like_a_pickle_or_a_zip(length, tmp_path):
    # 0x280 is written 80 02: a pickle of protocol 2; 0x4b50 is PK.
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    path = tmp_path / "file"
    path.write_bytes(
        length.to_bytes(8, "little") + header.encode().ljust(length) + np.float32(7).tobytes()
    )
    assert read_tensors(path)["a"].tolist() == [7.0]


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_inside_a_training_checkpoint_is_found(wrapper, tmp_path):
    path = tmp_path / "training.pth"
    torch.save({"epoch": 3, wrapper: ARRAYS, "optimizer": {"state": {}}}, path)
    assert read_shapes(path) == {"a": (2, 3), "b.weight": (4,)}


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint file at"):
        read_shapes(tmp_path / "nothing.pth")
