"""Which transformer the files given to ``skvideo3d benchmark speed`` are for."""

import pytest

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.cli.speed import _network
from skvideo3d.models import C3D, I3D, StudyNetwork, save_weights


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (C3D(2, width=1 / 32), C3DTransformer),
        (StudyNetwork(2, width=1 / 32), C3DTransformer),
        (I3D(2, width=1 / 32), I3DTransformer),
    ],
    ids=["c3d", "study", "i3d"],
)
def test_a_file_goes_to_the_transformer_that_reads_it(network, expected, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(network, path)
    transformer = _network(str(path))
    assert type(transformer) is expected
    transformer._spec()  # which refuses a file for another network
