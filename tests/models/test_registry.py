"""The registry says what DESIGN section 5 and the publishers' pages say."""

import re
import subprocess
import sys

import pytest

from skvideo3d.models.registry import WEIGHTS, find_entry


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
    found = {name: (entry.sha256, entry.git_blob, entry.size) for name, entry in WEIGHTS.items()}
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
        assert entry.source.startswith("https://")
        assert entry.url is None or entry.url.rsplit("/", 1)[1] == entry.filename
        assert entry.mean is None or WEIGHTS[entry.mean].kind == "mean"


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
        ("kinetics400-rgb", "i3d", "flow", "pass stream='rgb'"),
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
