"""Shapes are those that PyTorch finds, without its compiler."""

import subprocess
import sys

import pytest
import torch

from skvideo3d.feature_extraction.shapes import OnlyShapes
from skvideo3d.models import C3D, I3D


@pytest.mark.parametrize(
    ("network", "clip"),
    [
        (lambda: C3D(width=1 / 16, input_size=(16, 32, 32)), (2, 3, 16, 32, 32)),
        (lambda: C3D(width=1 / 16, batch_norm=True), (1, 3, 16, 112, 112)),
        (lambda: I3D(width=1 / 16, in_channels=2), (1, 2, 20, 224, 224)),
    ],
    ids=["C3D", "C3D with BatchNorm", "I3D"],
)
def test_every_layer_has_the_shape_that_it_has(network, clip):
    with torch.device("meta"):
        network, clip = network().eval(), torch.empty(clip)
    expected = network(clip, network.layer_names)
    with OnlyShapes():
        found = network(clip, network.layer_names)
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in expected.items()
    }


@pytest.mark.parametrize("dim", [1, -2])
def test_concatenated_maps_are_counted(dim):
    maps = [torch.empty(2, n, n, 4, device="meta") for n in (3, 3)]
    with OnlyShapes():
        assert torch.cat(maps, dim=dim).shape == torch.cat(maps, dim).shape
    expected = {1: (2, 6, 3, 4), -2: (2, 3, 6, 4)}[dim]
    with OnlyShapes():
        assert torch.cat(maps, dim).shape == expected


def test_arguments_may_be_named():
    layer = torch.nn.Linear(3, 5, device="meta")
    x = torch.empty(2, 3, device="meta")
    with OnlyShapes():
        named = torch.nn.functional.linear(input=x, weight=layer.weight, bias=layer.bias)
        assert named.shape == (2, 5)
        assert torch.nn.BatchNorm1d(3, device="meta").eval()(x).shape == (2, 3)
        assert x.mean(dim=1, keepdim=True).shape == (2, 1)


@pytest.mark.slow
def test_describing_imports_no_compiler(small_c3d):
    code = (
        "import sys, numpy as np\n"
        "from skvideo3d import C3DTransformer, I3DTransformer\n"
        "video = np.zeros((9, 32, 32, 3), np.uint8)\n"
        "C3DTransformer(sys.argv[1], layer=('pool5', 'prob')).fit_transform([video])\n"
        "short = {'clip_len': 9, 'random_state': 0, 'layer': ('avg_pool', 'prob')}\n"
        "I3DTransformer(None, **short).fit([video])\n"
        "print(sorted({'torch._dynamo', 'torch._inductor'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, small_c3d]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
