"""Names as the publishers' own code makes them."""

import pytest

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models.layouts import LAYOUTS, recognise
from skvideo3d.video.preprocessing import Preprocessing


@pytest.mark.parametrize(
    ("theirs", "ours", "layout"),
    [
        ("conv1a.weight", "conv1a.weight", "skvideo3d"),
        ("fc8.bias", "fc8.bias", "skvideo3d"),
        ("conv1a.conv.weight", "conv1a.weight", "mmaction"),
        ("backbone.conv5b.conv.bias", "conv5b.bias", "mmaction recogniser"),
        ("backbone.fc7.weight", "fc7.weight", "mmaction recogniser"),
        ("cls_head.fc_cls.bias", "fc8.bias", "mmaction recogniser"),
        ("conv1.weight", "conv1a.weight", "DavideA/c3d-pytorch"),
        ("module.conv2.bias", "conv2a.bias", "DavideA/c3d-pytorch"),
        ("conv4b.bias", "conv4b.bias", "DavideA/c3d-pytorch"),
        ("conv3b[0]", "conv3b.weight", "Caffe"),
        ("fc6-1[1]", "fc6.bias", "Caffe"),
        ("fc8-2[0]", "fc8.weight", "Caffe"),
        (
            "Mixed_3b.b1a.bn.running_mean",
            "Mixed_3b.b1a.bn.running_mean",
            "skvideo3d and piergiaj/pytorch-i3d",
        ),
        (
            "logits.conv3d.bias",
            "logits.conv3d.bias",
            "skvideo3d and piergiaj/pytorch-i3d",
        ),
        (
            "conv3d_1a_7x7.conv3d.weight",
            "Conv3d_1a_7x7.conv3d.weight",
            "hassony2/kinetics_i3d_pytorch",
        ),
        (
            "mixed_4f.branch_2.1.batch3d.running_var",
            "Mixed_4f.b2b.bn.running_var",
            "hassony2/kinetics_i3d_pytorch",
        ),
        (
            "mixed_5c.branch_0.conv3d.weight",
            "Mixed_5c.b0.conv3d.weight",
            "hassony2/kinetics_i3d_pytorch",
        ),
        (
            "mixed_3c.branch_3.1.batch3d.bias",
            "Mixed_3c.b3b.bn.bias",
            "hassony2/kinetics_i3d_pytorch",
        ),
        (
            "conv3d_0c_1x1.conv3d.bias",
            "logits.conv3d.bias",
            "hassony2/kinetics_i3d_pytorch",
        ),
    ],
)
def test_published_names_become_ours(theirs, ours, layout):
    (found,) = (one for one in LAYOUTS if one.name == layout)
    assert found.renamed([theirs]) == ({ours: theirs}, [])


def test_names_of_another_layout_are_left_over():
    by_name = {layout.name: layout for layout in LAYOUTS}
    names = ["conv9.weight", "fc6.running_mean", "mixed_3b.branch_3.0.conv3d.weight", "epoch"]
    for layout in by_name.values():
        assert layout.renamed(names) == ({}, names)


def test_step_counters_of_batch_normalisation_are_no_concern():
    name = "Mixed_3b.b0.bn.num_batches_tracked"
    for layout in LAYOUTS:
        assert layout.renamed([name]) == ({}, [])


@pytest.mark.parametrize("prefix", ["module.", "model.", "net.", "backbone.", "model.module."])
def test_a_prefix_of_all_names_is_no_part_of_them(prefix):
    names = ["fc6.weight", "conv1.weight", "conv3a.bias"]
    wrapped = [prefix + name for name in names]
    layout = recognise(wrapped, "x")
    assert layout.name == "DavideA/c3d-pytorch"
    assert layout.renamed(wrapped) == (
        dict(zip(["fc6.weight", "conv1a.weight", "conv3a.bias"], wrapped, strict=True)),
        [],
    )
    # Of some names alone it is a part: who knows what the others are.
    assert layout.renamed([*wrapped[:1], "conv1.weight"])[1] == wrapped[:1]


def test_a_recogniser_is_not_the_file_it_was_trained_from():
    bare = ["conv1a.conv.weight", "fc6.weight", "fc7.bias"]
    trained = [f"backbone.{name}" for name in bare]
    assert recognise(bare, "x").name == "mmaction"
    for names in (trained, [*trained, "cls_head.fc_cls.weight"]):
        for prefix in ("", "module."):
            layout = recognise([prefix + name for name in names], "x")
            assert layout.name == "mmaction recogniser"
    assert layout.config == {"pool5": "padded"}
    # img_norm_cfg of mmaction2's configs/recognition/c3d: this mean, and to_bgr=False.
    assert layout.preprocessing == Preprocessing(
        resize=(128, 171), crop=(112, 112), channel_order="rgb", mean=(104.0, 117.0, 128.0)
    )


def test_shared_names_do_not_hide_the_layout():
    # fc6 and conv3a are called the same by three of them.
    shared = ["fc6.weight", "conv3a.weight", "conv3b.bias"]
    assert recognise([*shared, "conv1.weight"], "x").name == "DavideA/c3d-pytorch"
    assert recognise([*shared, "conv1a.weight"], "x").name == "skvideo3d"


def test_names_of_another_network_are_refused_with_the_known_layouts():
    with pytest.raises(CheckpointError) as raised:
        recognise(["layer1.0.conv1.weight", "layer1.0.bn1.weight"], "'resnet.pth'")
    text = str(raised.value)
    assert "'resnet.pth'" in text
    assert "'layer1.0.conv1.weight'" in text
    for layout in LAYOUTS:
        assert layout.name in text
        assert layout.example in text


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("fc6.bias", (1, 1, 1, 1, 7), (7,)),
        ("fc6.weight", (1, 1, 1, 7, 32), (7, 32)),
        ("fc6.weight", (1, 1, 7, 32), (7, 32)),
        ("fc6.weight", (7, 32), (7, 32)),
        ("conv1a.weight", (1, 1, 3, 3, 3), (1, 1, 3, 3, 3)),
        ("fc6.weight", (2, 1, 1, 7, 32), (2, 1, 1, 7, 32)),  # not a matrix: left for the check
    ],
)
def test_caffes_matrices_lose_their_leading_axes(name, shape, expected):
    (caffe,) = (layout for layout in LAYOUTS if layout.name == "Caffe")
    assert caffe.shape(name, shape) == expected
