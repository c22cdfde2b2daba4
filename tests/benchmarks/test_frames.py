"""Every protocol prints the row of features averaged over frames, beside what was published."""

import numpy as np
import pytest
from miniatures.aslan import write_aslan
from miniatures.dynamic_scenes import write_scenes
from miniatures.frame_networks import SmallNetwork
from miniatures.object_sequences import write_sequences
from miniatures.ucf101 import write_ucf101
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, FrameTransformer
from skvideo3d.benchmarks import aslan, objects, scenes, ucf101
from skvideo3d.benchmarks.method_names import describer_name
from skvideo3d.video import Preprocessing


@pytest.fixture
def describer():
    recipe = Preprocessing(resize=24, crop=(20, 22), scale=1 / 255)
    return FrameTransformer(SmallNetwork(), preprocessing=recipe, layer=("bn", "penultimate"))


def test_the_row_is_the_transformers_own_in_the_protocol(describer, tmp_path):
    write_scenes(tmp_path, "yupenn", n_videos=2)
    (row,) = scenes(tmp_path, describer=describer, missing="drop").rows
    paths = sorted(tmp_path.rglob("*.mov"))
    classes = [path.parent.name for path in paths]
    svm = LinearSVC(max_iter=10_000, random_state=0)
    hits = cross_val_score(svm, describer.fit_transform(paths), classes, cv=LeaveOneOut())
    assert row.figures["accuracy"] == pytest.approx(100 * np.mean(hits))


@pytest.mark.parametrize(
    ("protocol", "write"),
    [(ucf101, write_ucf101), (objects, write_sequences), (aslan, write_aslan)],
)
def test_every_protocol_takes_it_and_knows_the_published_row(describer, tmp_path, protocol, write):
    write(tmp_path)
    result = protocol(tmp_path, describer=describer)
    text = result.to_markdown()
    assert "SmallNetwork bn+penultimate, frames averaged (its own weights)" in text
    assert "ImageNet features" in text


def test_names_say_the_network_and_where_it_was_trained():
    names = {
        "resnet18 penultimate, frames averaged (ImageNet)": FrameTransformer(),
        "resnet50 avgpool, frames averaged (IMAGENET1K_V2)": FrameTransformer(
            "resnet50", weights="IMAGENET1K_V2", layer="avgpool"
        ),
        "vgg16 penultimate, largest of frames (places)": FrameTransformer(
            "vgg16", weights="somewhere/places.pth", pooling="max"
        ),
        "SmallNetwork penultimate, frames averaged (random weights), 5 PCA components": (
            FrameTransformer(SmallNetwork(), weights=None, n_components=5)
        ),
    }
    for name, describer in names.items():
        assert describer_name(describer) == name
    assert describer_name(C3DTransformer()) == "C3D fc6 (sports1m)"
