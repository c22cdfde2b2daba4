"""What PyTorch's own reader does not notice: arrays that changed on the disk."""

import pytest
import torch

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models.torch_files import load_torch


@pytest.fixture
def saved(tmp_path):
    """A file, and the place of its array in it."""
    path = tmp_path / "state.pth"
    array = torch.arange(1000, dtype=torch.float32)
    torch.save({"a": array}, path)
    place = path.read_bytes().find(array.numpy().tobytes())
    assert place > 0
    return path, place


@pytest.mark.parametrize("at", [0, 1777, 3999])
def test_one_changed_bit_of_an_array_is_an_error_that_names_the_file(saved, at):
    path, place = saved
    content = bytearray(path.read_bytes())
    content[place + at] ^= 0x10
    path.write_bytes(content)
    torch.load(path, weights_only=True)  # PyTorch does not notice
    with pytest.raises(CheckpointError, match=r"state\.pth' is not a whole .*data/0.*CRC-32"):
        load_torch(path, zipped=True)


def test_a_file_that_is_damaged_after_it_was_read_is_read_no_more(saved):
    path, place = saved
    load_torch(path, zipped=True)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="CRC-32"):
        load_torch(path, zipped=True)


def test_a_file_without_checksums_is_read(tmp_path):
    path = tmp_path / "state.pth"
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.ones(3)}, path)
    finally:
        torch.serialization.set_crc32_options(before)
    assert load_torch(path, zipped=True)["a"].tolist() == [1.0, 1.0, 1.0]
