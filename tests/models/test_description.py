"""What was read from a checkpoint does not depend on the file any more."""

import pytest
import torch
from safetensors.torch import save_file

from skvideo3d.models import C3D, load_weights, save_weights
from skvideo3d.models.initialization import initialize


def write(kind, network, path):
    if kind == "ours":
        save_weights(network, path)
    elif kind == "safetensors":
        save_file(network.state_dict(), path)
    else:
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=kind == "zip")


@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors", "ours"])
def test_overwriting_the_file_leaves_a_loaded_network_as_it_was(kind, tmp_path):
    network = initialize(C3D(num_classes=3, width=1 / 16), seed=0)
    path = tmp_path / ("file.pth" if kind in ("zip", "pickle") else "file.safetensors")
    write(kind, network, path)
    loaded = load_weights(path)
    size = path.stat().st_size
    with open(path, "r+b") as file:  # in place: the same file on the disk
        file.write(bytes(size))
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    # Cut short, pages that are still mapped would end the process.
    path.write_bytes(b"")
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
