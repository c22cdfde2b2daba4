"""Networks by name are those of the papers."""

import subprocess
import sys

import pytest
import torch

from skvideo3d.models import C3D, I3D, StudyNetwork, network_named
from skvideo3d.models.names import NETWORKS
from skvideo3d.video.preprocessing import C3D_PREPROCESSING, I3D_PREPROCESSING

NAMES = {
    "c3d": C3D,
    "c3d-bn": C3D,
    "i3d": I3D,
    "study-depth-1": StudyNetwork,
    "study-depth-3": StudyNetwork,
    "study-depth-5": StudyNetwork,
    "study-depth-7": StudyNetwork,
    "study-increasing": StudyNetwork,
    "study-decreasing": StudyNetwork,
    "net-64": StudyNetwork,
    "net-128": StudyNetwork,
    "net-256": StudyNetwork,
}


def test_these_are_the_names():
    assert list(NETWORKS) == list(NAMES)
    for name, entry in NETWORKS.items():
        assert entry.name == name


@pytest.mark.parametrize("name", NAMES)
def test_each_network_takes_the_clips_that_its_recipe_gives(name):
    entry = NETWORKS[name]
    network = network_named(name, device="meta", num_classes=7)
    assert type(network) is NAMES[name]
    assert entry.input_size[1:] == entry.preprocessing.crop
    clips = torch.empty(2, 3, *entry.input_size, device="meta")
    assert network.describe(clips, "prob")["prob"].shape == (2, 7)


def test_c3d_bn_is_the_i3d_papers():
    # Carreira & Zisserman 2017, section 2.2: batch normalisation after every layer, a first pool
    # with a temporal stride of 2, clips of 16 frames of 112 x 112.
    network = network_named("c3d-bn", device="meta")
    norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm3d)
    assert sum(isinstance(module, norms) for module in network.modules()) == 10
    assert network.pool1.kernel_size == (2, 2, 2)
    assert network.input_size == (16, 112, 112)


def test_recipes_are_those_of_the_papers():
    # Tran et al. 2015, section 3.1: 128 x 171, crops of 112 x 112, also for the study.
    sizes = {
        name: (entry.preprocessing.resize, entry.input_size) for name, entry in NETWORKS.items()
    }
    assert sizes.pop("i3d") == (256, (64, 224, 224))
    # 7/8 of 64 and of 256, and 171 halved and doubled.
    assert sizes.pop("net-64") == ((64, 86), (16, 56, 56))
    assert sizes.pop("net-256") == ((256, 342), (16, 224, 224))
    assert set(sizes.values()) == {((128, 171), (16, 112, 112))}
    assert NETWORKS["i3d"].preprocessing == I3D_PREPROCESSING
    assert all(
        entry.preprocessing.mean == C3D_PREPROCESSING.mean
        and entry.preprocessing.channel_order == "bgr"
        for name, entry in NETWORKS.items()
        if name != "i3d"
    )


def test_a_network_by_name_is_to_be_trained():
    network = network_named("c3d", width=1 / 32, num_classes=3, input_size=(16, 32, 32))
    assert network.training
    assert all(p.requires_grad and not p.is_meta for p in network.parameters())


def test_what_is_given_wins():
    network = network_named("net-64", device="meta", input_size=(8, 40, 40), width=0.5)
    assert network.input_size == (8, 40, 40)
    assert network.conv1a.out_channels == 32


def test_wrong_names_and_arguments_say_what_there_is():
    with pytest.raises(
        ValueError, match=r"'study-depth-9' is unknown\. Did you mean 'study-depth-"
    ):
        network_named("study-depth-9")
    with pytest.raises(ValueError, match="'pool5': StudyNetwork takes num_classes, kernel_depths"):
        network_named("net-64", pool5="global")


def test_looking_names_up_does_not_load_torch():
    code = "import sys, skvideo3d.models.names; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
