from dataclasses import replace

import pytest

from skvideo3d.feature_extraction.spec import DescriptorSpec, Stream
from skvideo3d.flow import OpticalFlow
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video import C3D_PREPROCESSING, I3D_PREPROCESSING


@pytest.fixture
def spec():
    weights = resolve_weights(None, "c3d", seed=0, config={"width": 0.05})
    return DescriptorSpec(
        weights, ("fc6", "fc7"), 16, 8, None, "loop", "mean", "float32", C3D_PREPROCESSING
    )


CHANGES = {
    "clip_len": 17,
    "clip_stride": 9,
    "fps": 25.0,
    "short_video": "error",
    "pooling": "max",
    "precision": "bfloat16",
    "flow": OpticalFlow("dis"),
    "second": Stream(resolve_weights(None, "i3d", stream="flow", seed=0), I3D_PREPROCESSING),
    "preprocessing": replace(C3D_PREPROCESSING, mean=(90.0, 97.0, 101.0)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_moves_the_numbers_moves_the_fingerprint(spec, name):
    changed = replace(spec, **{name: CHANGES[name]})
    assert changed.fingerprints()["fc6"] != spec.fingerprints()["fc6"]


def test_every_setting_is_accounted_for():
    # A new field of the spec must come with a line above.
    assert set(DescriptorSpec.__dataclass_fields__) - set(CHANGES) == {"weights", "layers"}


@pytest.mark.parametrize("change", [{"seed": 1}, {"config": {"width": 0.05, "pool5": "padded"}}])
def test_other_weights_or_another_network_move_the_fingerprint(spec, change):
    options = {"seed": 0, "config": {"width": 0.05}} | change
    other = replace(spec, weights=resolve_weights(None, "c3d", **options))
    assert other.fingerprints()["fc6"] != spec.fingerprints()["fc6"]


def test_where_the_weights_file_lies_does_not_matter(spec):
    moved = replace(spec, weights=replace(spec.weights, path="/somewhere/else"))
    assert moved.fingerprints() == spec.fingerprints()
    assert moved == spec


def test_a_layer_is_the_same_whatever_is_asked_for_beside_it(spec):
    alone = replace(spec, layers=("fc6",))
    assert alone.fingerprints()["fc6"] == spec.fingerprints()["fc6"]
    assert spec.fingerprints()["fc7"] != spec.fingerprints()["fc6"]


@pytest.fixture
def both():
    rgb, flow = (resolve_weights(None, "i3d", stream=name, seed=0) for name in ("rgb", "flow"))
    return DescriptorSpec(
        rgb,
        ("rgb/avg_pool", "flow/avg_pool", "logits"),
        *(64, 64, None, "loop", "mean", "float32", I3D_PREPROCESSING),
        second=Stream(flow, I3D_PREPROCESSING, OpticalFlow("dis")),
    )


def test_a_stream_of_two_is_stored_as_it_is_alone(both):
    found = both.fingerprints()
    alone = replace(both, layers=("avg_pool",), second=None)
    assert found["rgb/avg_pool"] == alone.fingerprints()["avg_pool"]
    second = both.second
    alone = replace(alone, weights=second.weights, flow=second.flow)
    assert found["flow/avg_pool"] == alone.fingerprints()["avg_pool"]


def test_scores_of_two_streams_depend_on_both(both):
    other = replace(both, second=replace(both.second, flow=OpticalFlow("tvl1")))
    assert other.fingerprints()["logits"] != both.fingerprints()["logits"]
    assert other.fingerprints()["rgb/avg_pool"] == both.fingerprints()["rgb/avg_pool"]
    assert replace(both, second=None).fingerprints()["logits"] != both.fingerprints()["logits"]


def test_keeping_flow_does_not_change_it(both):
    kept = replace(both, second=replace(both.second, flow=OpticalFlow("dis", keep=True)))
    assert kept.fingerprints() == both.fingerprints()


def test_of_the_recipe_for_pixels_only_the_sizes_count_for_flow(both):
    second = both.second
    alone = replace(
        both, layers=("avg_pool",), weights=second.weights, flow=second.flow, second=None
    )
    scaled = replace(alone, preprocessing=replace(I3D_PREPROCESSING, scale=1.0, mean=(3, 2, 1)))
    assert scaled.fingerprints() == alone.fingerprints()
    for sizes in ({"crop": (200, 224)}, {"resize": 250}):
        other = replace(alone, preprocessing=replace(I3D_PREPROCESSING, **sizes))
        assert other.fingerprints() != alone.fingerprints()
