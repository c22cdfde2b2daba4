import copy
import pickle
import threading
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator, clone

from skvideo3d.flow import OpticalFlow

pixels = st.floats(-60, 60, width=32)
motions = arrays(np.float32, (3, 4, 2), elements=pixels)
bounds = st.sampled_from([20.0, 5.0, 0.5, 20.01, 3.3])


def raft(previous, following):
    return np.zeros((*previous.shape[:2], 2))


def test_the_defaults_are_the_papers():
    assert OpticalFlow() == OpticalFlow(
        method="tvl1",
        bound=20,
        precision="float32",
        keep=False,
        name=None,
        thread_safe=False,
    )


@given(motions, bounds)
def test_float32_is_the_clipped_flow(flow, bound):
    recipe = OpticalFlow(bound=bound)
    clipped = np.minimum(np.maximum(flow, np.float32(-bound)), np.float32(bound))
    held = recipe.encode(flow)
    assert held.dtype == np.float32
    np.testing.assert_array_equal(recipe.decode(held), clipped)
    np.testing.assert_array_equal(recipe.network_input(held), clipped / np.float32(bound))


@given(motions, bounds)
def test_float16_is_off_by_an_eleventh_bit(flow, bound):
    recipe = OpticalFlow(bound=bound, precision="float16")
    held = recipe.encode(flow)
    assert held.dtype == np.float16
    clipped = np.clip(flow, -bound, bound)
    # What float16 holds with fewer bits than eleven is zero.
    expected = np.where(np.abs(clipped) < 2**-14, 0, clipped)
    np.testing.assert_allclose(recipe.decode(held), expected, rtol=2**-11, atol=0)
    assert np.abs(recipe.network_input(held)).max() <= 1


@given(motions, bounds)
def test_uint8_is_off_by_half_a_step(flow, bound):
    recipe = OpticalFlow(bound=bound, precision="uint8")
    held = recipe.encode(flow)
    assert held.dtype == np.uint8
    clipped = np.clip(flow, -bound, bound)
    half_a_step = bound / 255
    np.testing.assert_allclose(recipe.decode(held), clipped, rtol=0, atol=half_a_step * 1.0001)
    assert np.abs(recipe.network_input(held)).max() <= 1


@given(pixels)
def test_uint8_is_what_dense_flow_writes(value):
    # Its macro CAST(v, L, H): 255 above H, 0 below L, else cvRound(255 (v - L) / (H - L)), which
    # rounds halves to the even neighbour, as Python does.
    low, high = -20.0, 20.0
    if value > high:
        expected = 255
    elif value < low:
        expected = 0
    else:
        expected = round(255 * (value - low) / (high - low))
    held = OpticalFlow(precision="uint8").encode(np.full((1, 1, 2), value, np.float32))
    assert held.tolist() == [[[expected, expected]]]


def test_the_256_values_of_uint8_are_held_as_themselves():
    recipe = OpticalFlow(precision="uint8")
    held = np.arange(256, dtype=np.uint8).reshape(8, 16, 2)
    flow = recipe.decode(held)
    np.testing.assert_array_equal(recipe.encode(flow), held)
    assert (flow.ravel()[0], flow.ravel()[255]) == (-20, 20)
    np.testing.assert_allclose(np.diff(flow.ravel()), 40 / 255, rtol=1e-5)
    # Zero lies between two values: -0.078 and 0.078 pixels.
    assert recipe.encode(np.zeros((1, 1, 2))).tolist() == [[[128, 128]]]
    assert flow.ravel()[128] == pytest.approx(20 / 255)


@pytest.mark.parametrize("precision", ["float32", "float16", "uint8"])
def test_motion_beyond_the_bound_is_the_bound(precision):
    recipe = OpticalFlow(bound=5, precision=precision)
    held = recipe.encode(np.float32([[[12, -300]]]))
    assert recipe.decode(held).tolist() == [[[5, -5]]]
    assert recipe.network_input(held).tolist() == [[[1, -1]]]


@pytest.mark.parametrize("precision", ["float32", "float16", "uint8"])
def test_flow_of_many_frames_is_that_of_each(precision):
    recipe = OpticalFlow(precision=precision)
    flows = np.random.default_rng(0).normal(scale=15, size=(4, 5, 6, 2)).astype(np.float32)
    whole = recipe.network_input(recipe.encode(flows))
    one_by_one = [recipe.network_input(recipe.encode(flow)) for flow in flows]
    np.testing.assert_array_equal(whole, one_by_one)
    assert whole.dtype == np.float32


def test_encoding_leaves_the_flow_as_it_was():
    flow = np.full((2, 2, 2), 30, np.float32)
    for precision in ("float32", "float16", "uint8"):
        OpticalFlow(precision=precision).encode(flow)
    assert (flow == 30).all()


def test_flow_that_another_precision_holds_is_refused():
    held = OpticalFlow(precision="uint8").encode(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"held as uint8 .* precision='float16'"):
        OpticalFlow(precision="float16").network_input(held)


def test_equal_numbers_have_equal_fingerprints_and_no_others():
    recipes = [
        OpticalFlow(),
        OpticalFlow("dis"),
        OpticalFlow(bound=15),
        OpticalFlow(precision="float16"),
        OpticalFlow(precision="uint8"),
        OpticalFlow(raft, name="raft"),
        OpticalFlow(raft, name="tvl1"),
        OpticalFlow(raft, name="raft", bound=15),
    ]
    assert len({recipe.fingerprint() for recipe in recipes}) == len(recipes)
    # No number changes with where flow is kept, who may call at once, or how 20 is written.
    assert OpticalFlow(keep=True).fingerprint() == OpticalFlow().fingerprint()
    assert OpticalFlow(bound=20).fingerprint() == OpticalFlow(bound=20.0).fingerprint()
    parallel = OpticalFlow(raft, name="raft", thread_safe=True)
    assert parallel.fingerprint() == OpticalFlow(raft, name="raft").fingerprint()


def test_only_a_callable_that_does_not_say_that_it_may_runs_alone():
    assert OpticalFlow("tvl1").is_parallel
    assert OpticalFlow("dis").is_parallel
    assert OpticalFlow(raft, thread_safe=True).is_parallel
    assert not OpticalFlow(raft).is_parallel


def test_fingerprints_stay_what_they_were():
    # Kept flow and descriptors are found by them: a change makes all of them anew.
    assert OpticalFlow().fingerprint() == (
        '{"bound": 20.0, "method": "tvl1, OpenCV\'s defaults", "precision": "float32"}'
    )
    assert OpticalFlow("dis", precision="uint8").fingerprint() == (
        '{"bound": 20.0, "method": "dis, OpenCV\'s preset medium", "precision": "uint8"}'
    )
    assert OpticalFlow(raft, name="raft-large").fingerprint() == (
        '{"bound": 20.0, "callable": "raft-large", "precision": "float32"}'
    )


def test_a_callable_without_a_name_has_no_fingerprint():
    with pytest.raises(ValueError, match=r"'raft' cannot be kept.*name='raft-large-c_t_v2'"):
        OpticalFlow(raft).fingerprint()


def test_any_method_becomes_a_recipe():
    recipe = OpticalFlow("dis", bound=10)
    assert OpticalFlow.from_any(recipe) is recipe
    assert OpticalFlow.from_any("dis") == OpticalFlow("dis")
    assert OpticalFlow.from_any(raft) == OpticalFlow(method=raft)
    for value in ("farneback", None, 3, ["tvl1"]):
        with pytest.raises(ValueError, match=r"method=.*: use 'tvl1', 'dis' or a function"):
            OpticalFlow.from_any(value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "TVL1"}, "method='TVL1': use 'tvl1', 'dis' or a function"),
        ({"bound": 0}, r"bound=0.0: give pixels, from 0.01 to 65504"),
        ({"bound": -20}, r"bound=-20.0"),
        ({"bound": float("nan")}, r"bound=nan"),
        ({"bound": float("inf")}, r"bound=inf"),
        ({"bound": 65505}, r"bound=65505.0"),
        ({"bound": "wide"}, r"bound='wide': could not convert"),
        ({"bound": None}, r"bound=None: "),
        ({"precision": "float64"}, "precision='float64': use 'float32', 'float16' or 'uint8'"),
        ({"precision": np.uint8}, "precision=.*: use 'float32'"),
        ({"keep": "yes"}, "keep='yes': use True or False"),
        ({"keep": None}, "keep=None"),
        ({"method": raft, "thread_safe": 1}, "thread_safe=1: use True or False"),
        ({"method": raft, "name": ""}, "name='': give a text"),
        ({"method": raft, "name": 7}, "name=7: give a text"),
        ({"name": "mine"}, "method='tvl1' is built in: name and thread_safe are for callables"),
        ({"method": "dis", "thread_safe": True}, "method='dis' is built in"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        OpticalFlow(**options)
    with pytest.raises(ValueError, match=said):
        replace(OpticalFlow(raft) if "method" in options else OpticalFlow(), **options)


@pytest.mark.parametrize("bound", [20, np.float32(20), np.int64(20), Decimal(20)])
def test_a_bound_of_any_number_type_is_one_recipe(bound):
    assert OpticalFlow(bound=bound) == OpticalFlow()
    assert hash(OpticalFlow(bound=bound)) == hash(OpticalFlow())
    assert type(OpticalFlow(bound=bound).bound) is float


def test_recipes_are_compared_by_what_they_say():
    assert OpticalFlow() != OpticalFlow("dis")
    assert len({OpticalFlow(), OpticalFlow("tvl1"), OpticalFlow(bound=10)}) == 2
    assert OpticalFlow(raft) == OpticalFlow(raft) != OpticalFlow(lambda *_: None)


@pytest.mark.parametrize(
    "recipe", [OpticalFlow("dis", bound=7, keep=True), OpticalFlow(raft, name="raft")]
)
def test_recipes_are_themselves_after_pickling(recipe):
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_scikit_learn_clones_a_recipe_whose_callable_cannot_be_copied():
    class Estimator(BaseEstimator):
        def __init__(self, flow=None):
            self.flow = flow

    class Network:
        lock = None

        def __init__(self):
            self.lock = threading.Lock()  # which cannot be copied

        def __call__(self, previous, following):
            return raft(previous, following)

    recipe = OpticalFlow(Network(), name="network")
    with pytest.raises(TypeError):
        copy.deepcopy(recipe.method)
    assert clone(Estimator(recipe)).flow == recipe


def test_a_callable_need_not_be_hashable():
    @dataclass
    class Scaled:  # which has no hash, as it can be compared and changed
        factor: float

        def __call__(self, previous, following):
            return np.full((*previous.shape[:2], 2), self.factor)

    one, same, other = (OpticalFlow(Scaled(factor)) for factor in (1.0, 1.0, 2.0))
    assert hash(one) == hash(same)
    assert one == same != other
