"""scikit-learn's own checks, run where they can apply, and their twins on clips where they cannot.

`check_estimator` feeds tables of numbers, so for an estimator of videos it stops after one check.
Here a subclass turns each row of a table into a video, which lets scikit-learn run all of them.
Those that are about tables as such are listed in `EXCEPTED` with the reason and the name of the
test below that claims the same of clips. An excepted check must really fail: xfail is strict.
"""

import copy
import html
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from miniatures.frame_networks import SmallNetwork
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator
from sklearn.utils.fixes import parse_version
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import check_is_fitted

from skvideo3d import C3DTransformer, FrameTransformer, I3DTransformer
from skvideo3d.models import load_weights, save_weights
from skvideo3d.models.module_content import content_of
from skvideo3d.video.preprocessing import Preprocessing

keeps_the_index_of_a_series = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.7"),
    reason="scikit-learn keeps the index of a Series since 1.7",
)

# Relative, because the checks are collected before any folder of this run exists.
C3D_FILE, I3D_FILE = "c3d.safetensors", "i3d.safetensors"


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory):
    """Two networks a sixteenth as wide as the published ones, for frames of 32x32."""
    folder = tmp_path_factory.mktemp("weights")
    save_weights(
        load_weights(
            None,
            "c3d",
            seed=0,
            config={"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": 5},
        ),
        folder / C3D_FILE,
        preprocessing=Preprocessing(
            resize=(36, 48), crop=(32, 32), channel_order="bgr", mean=(90.25, 97.66, 101.41)
        ),
    )
    save_weights(
        load_weights(None, "i3d", seed=0, config={"width": 1 / 16, "num_classes": 5}),
        folder / I3D_FILE,
        preprocessing=Preprocessing(resize=32, crop=(32, 32), scale=2 / 255, mean=(1.0, 1.0, 1.0)),
    )
    return folder


@pytest.fixture(autouse=True)
def _beside_the_weights(weights_folder, monkeypatch):
    monkeypatch.chdir(weights_folder)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    # Networks this small only lose time to waking threads.
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


# ---- scikit-learn's checks on rows that become videos ----


def rows_to_videos(X):
    """Make a video of each row of a table of real numbers.

    The bytes of the row as float64 are repeated until they fill 2 frames of 6x8 RGB pixels: equal
    rows give equal videos, whatever the container or dtype they came in. A data frame's index goes
    along. What is no such table passes untouched, for the transformer to refuse.
    """
    table = np.asarray(X)
    if sparse.issparse(X) or np.iscomplexobj(table) or table.ndim != 2:
        return X
    videos = [
        np.resize(np.frombuffer(row.tobytes(), np.uint8), (2, 6, 8, 3))
        for row in table.astype(np.float64)
    ]
    return pd.Series(videos, index=X.index) if isinstance(X, pd.DataFrame) else videos


class _Rows:
    def fit(self, X, y=None):
        return super().fit(rows_to_videos(X), y)

    def fit_transform(self, X, y=None):
        return super().fit_transform(rows_to_videos(X), y)

    def transform(self, X):
        return super().transform(rows_to_videos(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        return tags


class RowsC3D(_Rows, C3DTransformer):
    """C3D for tables of numbers."""


class RowsI3D(_Rows, I3DTransformer):
    """I3D for tables of numbers."""


class RowsFrames(_Rows, FrameTransformer):
    """Frames for tables of numbers."""


FRAMES = Preprocessing(resize=32, crop=(32, 32), scale=2 / 255, mean=(1.0, 1.0, 1.0))

# Without PCA, where fit learns nothing and transform works unfitted; with PCA; the other networks.
ROWS = [
    RowsC3D(C3D_FILE),
    RowsC3D(C3D_FILE, n_components=1),
    RowsI3D(I3D_FILE, layer="MaxPool3d_2a_3x3", clip_len=4, clip_stride=4),
    RowsFrames(SmallNetwork(), preprocessing=FRAMES),
]

ARRAY_API_CHECK = "check_array_api_input"

# Not part of `check_estimator`, but of what scikit-learn asks of its own transformers.
FURTHER_CHECKS = [
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_set_output_transform_polars",
    "check_param_validation",
    "check_get_feature_names_out_error",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_dataframe_column_names_consistency",
]

_NO_COLUMNS = ("videos have no columns to count or name", "test_there_is_no_n_features_in")
_NAMES = (
    "wants input_features of the wrong length refused: videos have no input features",
    "test_feature_names_are_class_name_and_number",
)

# Check: (why it cannot apply, the test of this file that stands for it).
EXCEPTED = {
    "check_n_features_in": _NO_COLUMNS,
    "check_n_features_in_after_fitting": _NO_COLUMNS,
    "check_dataframe_column_names_consistency": _NO_COLUMNS,
    "check_transformer_get_feature_names_out": _NAMES,
    "check_transformer_get_feature_names_out_pandas": _NAMES,
    "check_complex_data": (
        "a complex table is refused as any table is, not for being complex",
        "test_pixels_other_than_uint8_are_refused",
    ),
    "check_estimators_nan_inf": (
        "pixels are uint8, which has neither NaN nor infinity",
        "test_pixels_other_than_uint8_are_refused",
    ),
    "check_estimators_empty_data_messages": (
        "wants a table without columns refused by a message about columns",
        "test_no_videos_and_empty_videos_are_refused",
    ),
    "check_fit2d_predict1d": (
        "wants the advice to reshape; one video has to be put in a list",
        "test_one_video_that_is_not_in_a_list_is_refused",
    ),
}
EXCEPTED_WITH_PCA = {
    "check_transformer_general": (
        "wants tables with fewer columns than at fit refused: videos may be of any size",
        "test_fit_then_transform_is_fit_transform",
    ),
}
EXCEPTED_WITH_MODULE = {
    "check_estimators_overwrite_params": (
        "joblib's hash of a torch module is not that of its copy",
        "test_fit_changes_no_parameter",
    ),
}
# Checks of any transformer that scikit-learn leaves out by our tags.
LEFT_OUT = {
    "check_transformer_preserve_dtypes": (
        "descriptors are float32, whatever X is",
        "test_descriptors_are_float32_whatever_x_is",
    ),
}


def excepted(estimator):
    """Which checks must fail, and why."""
    more = {} if estimator.n_components is None else EXCEPTED_WITH_PCA
    if isinstance(estimator, FrameTransformer):
        more = more | EXCEPTED_WITH_MODULE
    return {
        name: f"{reason}; twin: {twin}" for name, (reason, twin) in {**EXCEPTED, **more}.items()
    }


def label(estimator, check, **options):
    """Name a test by the estimator, the check and its options."""
    components = "" if estimator.n_components is None else f"({estimator.n_components})"
    return "-".join([type(estimator).__name__ + components, check, *options])


def checks():
    """Give the checks of `check_estimator`, those excepted marked as such.

    One of them skips itself unless SciPy was told at its import to allow other arrays than NumPy's;
    `test_array_api_dispatch_changes_nothing` runs it.
    """
    for estimator in ROWS:
        reasons = excepted(estimator)
        for _, check in estimator_checks_generator(estimator):
            name = estimator_checks._check_name(check)
            if name == ARRAY_API_CHECK and not os.environ.get("SCIPY_ARRAY_API"):
                continue
            yield pytest.param(
                estimator,
                check,
                marks=[pytest.mark.xfail(reason=reasons[name])] if name in reasons else [],
                id=label(estimator, name, **check.keywords),
            )


def further_checks():
    """Give the same for `FURTHER_CHECKS`."""
    for estimator in ROWS:
        reasons = excepted(estimator)
        for name in FURTHER_CHECKS:
            marks = [pytest.mark.xfail(reason=reasons[name])] if name in reasons else []
            if name.endswith("output_transform_pandas"):
                marks.append(keeps_the_index_of_a_series)
            yield pytest.param(estimator, name, marks=marks, id=label(estimator, name))


def generated_names(estimator):
    """Names of the checks that `check_estimator` has for an estimator."""
    return {
        estimator_checks._check_name(check) for _, check in estimator_checks_generator(estimator)
    }


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "name"), list(further_checks()))
def test_scikit_learns_further_checks(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


@pytest.mark.slow
def test_array_api_dispatch_changes_nothing():
    if ARRAY_API_CHECK not in generated_names(ROWS[0]):
        pytest.skip(f"this scikit-learn has {ARRAY_API_CHECK} only for who claims to support it")
    # SciPy reads the variable when it is imported, so the check needs a process of its own.
    here = Path(__file__)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(str(here), "-k", ARRAY_API_CHECK),
        ],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        cwd=here.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(ROWS)} passed" in run.stdout
    assert "skipped" not in run.stdout


def test_every_excepted_check_exists_and_has_a_reason_and_a_twin():
    asked = set(FURTHER_CHECKS).union(*(generated_names(estimator) for estimator in ROWS))
    listed = {**EXCEPTED, **EXCEPTED_WITH_PCA, **EXCEPTED_WITH_MODULE}
    assert set(listed) <= asked
    for reason, twin in (listed | LEFT_OUT).values():
        assert reason
        assert callable(globals()[twin])
        assert twin.startswith("test_")


def test_our_tags_keep_no_other_check_from_running():
    class Plain(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X

    asked = set().union(*(generated_names(estimator) for estimator in ROWS))
    assert generated_names(Plain()) - asked == set(LEFT_OUT)


@pytest.mark.parametrize("transformer", [C3DTransformer, I3DTransformer, FrameTransformer])
class TestTheTransformersThemselves:
    """With every default, without weights: nothing may touch a file or the network."""

    def test_check_estimator_passes(self, transformer):
        # The one check that it has for what takes no 2-D array; then it says that it stops.
        with pytest.warns(SkipTestWarning, match="Can't test estimator"):
            results = check_estimator(transformer())
        assert [result["status"] for result in results] == ["passed"]

    @pytest.mark.parametrize(
        "name",
        [
            "check_do_not_raise_errors_in_init_or_set_params",
            "check_estimator_cloneable",
            "check_estimator_repr",
            "check_estimator_tags_renamed",
            "check_get_params_invariance",
            "check_mixin_order",
            "check_no_attributes_set_in_init",
            "check_param_validation",
            "check_parameters_default_constructible",
            "check_set_params",
            "check_valid_tag_types",
        ],
    )
    def test_checks_without_data_pass(self, transformer, name):
        getattr(estimator_checks, name)(transformer.__name__, transformer())


# ---- twins: the same claims, of clips ----


def make_c3d(**parameters):
    return C3DTransformer(C3D_FILE, **parameters)


def make_i3d(**parameters):
    return I3DTransformer(I3D_FILE, layer="Mixed_3b", clip_len=9, clip_stride=7, **parameters)


class ComparableNetwork(SmallNetwork):
    """Equal to its copies, as all other parameters of transformers are."""

    __hash__ = SmallNetwork.__hash__

    def __eq__(self, other):
        return isinstance(other, SmallNetwork) and content_of(self) == content_of(other)


def make_frames(**parameters):
    return FrameTransformer(ComparableNetwork(), **({"preprocessing": FRAMES} | parameters))


@pytest.fixture(params=[make_c3d, make_i3d, make_frames], ids=["c3d", "i3d", "frames"])
def make(request):
    """A function that makes a transformer with a small network."""
    return request.param


@pytest.fixture(params=[None, 2], ids=["no-pca", "pca"])
def n_components(request):
    return request.param


@pytest.fixture(scope="module")
def videos():
    """Five clips that differ in length and size, one of them shorter than a clip."""
    shapes = [(16, 36, 48), (25, 40, 40), (7, 50, 60), (32, 36, 48), (17, 64, 44)]
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def assert_close(found, expected):
    # Batches of other clips change float32 sums by rounding.
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def state(estimator):
    """All attributes, in a form that can be compared."""
    return {name: pickle.dumps(value) for name, value in vars(estimator).items()}


def test_fit_then_transform_is_fit_transform(make, n_components, videos):
    transformer = make(n_components=n_components, random_state=0)
    at_once = transformer.fit_transform(videos)
    assert at_once.shape[0] == len(videos)
    assert_close(clone(transformer).fit(videos).transform(videos), at_once)
    assert_close(transformer.transform(videos), at_once)
    # Videos of other sizes than at fit are welcome.
    assert transformer.transform([videos[0][:, :20, :30]]).shape[1] == at_once.shape[1]


def test_fitting_again_changes_nothing(make, n_components, videos):
    transformer = make(n_components=n_components, random_state=0).fit(videos)
    once = transformer.transform(videos)
    assert_close(transformer.fit(videos).transform(videos), once)


@pytest.mark.parametrize("on_error", ["raise", "nan"])
def test_transform_changes_no_attribute(make, n_components, on_error, videos):
    transformer = make(n_components=n_components, on_error=on_error).fit(videos)
    before = state(transformer)
    transformer.transform(videos)
    transformer.transform_clips(videos)
    assert state(transformer) == before


def test_fit_changes_no_parameter(make, n_components, videos):
    transformer = make(n_components=n_components)
    before = copy.deepcopy(transformer.get_params())
    transformer.fit(videos)
    assert transformer.get_params() == before
    learned = set(vars(transformer)) - set(before)
    assert all(name.endswith("_") or name.startswith("_") for name in learned)


def test_fit_ignores_y(make, n_components, videos):
    transformer = make(n_components=n_components)
    expected = clone(transformer).fit_transform(videos)
    assert_close(transformer.fit(videos, ["a", "b", "a", "b", "a"]).transform(videos), expected)


def test_videos_are_not_written_to(make, videos):
    frozen = [video.copy() for video in videos]
    for video in frozen:
        video.flags.writeable = False
    assert_close(
        make(n_components=2).fit_transform(frozen), make(n_components=2).fit_transform(videos)
    )
    for video, original in zip(frozen, videos, strict=True):
        assert_array_equal(video, original)


def test_a_pickle_gives_the_same_and_holds_no_weights(make, n_components, videos, weights_folder):
    if make is make_frames:
        pytest.skip("a module has its weights; see tests/feature_extraction/test_frames.py")
    transformer = make(n_components=n_components).fit(videos)
    pickled = pickle.dumps(transformer)
    assert_array_equal(pickle.loads(pickled).transform(videos), transformer.transform(videos))
    projection = pickle.dumps(transformer.pca_) if n_components else b""
    assert len(pickled) - len(projection) < 4000
    assert len(pickled) < (weights_folder / C3D_FILE).stat().st_size / 10


def test_joblibs_memory_mapped_arrays_give_the_same(make, videos, tmp_path):
    joblib.dump(videos, tmp_path / "videos.joblib")
    mapped = joblib.load(tmp_path / "videos.joblib", mmap_mode="r")
    assert_array_equal(make().fit_transform(mapped), make().fit_transform(videos))


def test_descriptors_do_not_depend_on_order(make, n_components, videos):
    transformer = make(n_components=n_components, batch_size=3).fit(videos)
    order = [3, 0, 4, 2, 1]
    shuffled = transformer.transform([videos[i] for i in order])
    assert_close(shuffled, transformer.transform(videos)[order])


def test_descriptors_do_not_depend_on_the_company(make, n_components, videos):
    transformer = make(n_components=n_components, batch_size=3).fit(videos)
    alone = np.concatenate([transformer.transform([video]) for video in videos])
    assert_close(alone, transformer.transform(videos))


def test_every_video_has_its_row(make, videos):
    transformer = make().fit(videos)
    repeated = transformer.transform([videos[0], videos[1], videos[0]])
    assert repeated.shape == (3, len(transformer.get_feature_names_out()))
    assert_close(repeated[0], repeated[2])
    assert not np.allclose(repeated[0], repeated[1], rtol=1e-3)
    assert [len(clips.features) for clips in transformer.transform_clips(videos[:2])] == [
        1 + (len(video) - transformer.clip_len) // transformer.clip_stride for video in videos[:2]
    ]


def test_descriptors_are_float32_whatever_x_is(make, n_components, videos):
    import torch

    for X in (videos, [torch.from_numpy(video) for video in videos]):
        assert make(n_components=n_components).fit_transform(X).dtype == np.float32


def test_one_video_is_enough_without_pca(make, videos):
    assert make().fit_transform(videos[:1]).shape[0] == 1


@pytest.mark.parametrize("components", [1, 0.9])
def test_pca_of_one_video_is_refused(make, components, videos):
    # No variance can be learned from one sample; the words n_samples=1 are scikit-learn's.
    with pytest.raises(ValueError, match=r"n_components=.*n_samples=1"):
        make(n_components=components).fit(videos[:1])


def test_more_components_than_videos_are_refused(make, videos):
    with pytest.raises(ValueError, match=r"n_components=6 needs .* 5 "):
        make(n_components=6).fit(videos)


def test_unfitted_transform_raises_with_pca_only(make, videos):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make(n_components=2).transform(videos)
    assert_array_equal(make().transform(videos), make().fit(videos).transform(videos))


def test_only_a_complete_fit_counts_as_fitted(make, videos):
    check_is_fitted(make())
    transformer = make(n_components=6)
    with pytest.raises(NotFittedError):
        check_is_fitted(transformer)
    transformer.transform_clips(videos[:1])  # needs no fit, and is none
    with pytest.raises(NotFittedError):
        check_is_fitted(transformer)
    with pytest.raises(ValueError, match="n_components=6"):
        transformer.fit(videos)
    with pytest.raises(NotFittedError):
        check_is_fitted(transformer)
    check_is_fitted(transformer.set_params(n_components=2).fit(videos))


def test_random_weights_without_a_seed_need_a_fit(videos):
    with pytest.raises(NotFittedError, match="random_state=0"):
        C3DTransformer(weights=None).transform(videos)


def test_clone_has_the_parameters_and_nothing_learned(make, n_components, videos):
    transformer = make(n_components=n_components, pooling="max", fps=None).fit(videos)
    copied = clone(transformer)
    assert copied.get_params() == transformer.get_params()
    assert set(vars(copied)) == set(copied.get_params())
    for name, value in transformer.get_params().items():
        assert getattr(copied, name) is value or getattr(copied, name) == value


@pytest.mark.parametrize(
    ("parameter", "bad"),
    [
        ("network", 3),
        ("weights", 3),
        ("layer", 6),
        ("clip_len", 0),
        ("clip_stride", 1.5),
        ("frame_stride", 1.5),
        ("fps", 0),
        ("pooling", "median"),
        ("norm", "l3"),
        ("n_components", 0),
        ("n_components", 1.0),
        ("whiten", "yes"),
        ("preprocessing", "bgr"),
        ("short_video", "pad"),
        ("on_error", "ignore"),
        ("precision", "float64"),
        ("device", 0),
        ("batch_size", 0),
        ("n_jobs", "all"),
        ("memory", 5),
        ("random_state", "zero"),
        ("verbose", -1),
    ],
)
def test_bad_parameters_are_refused_by_name_before_any_work(make, parameter, bad):
    if parameter not in make().get_params():
        pytest.skip(f"{type(make()).__name__} has no {parameter}")
    transformer = make().set_params(**{parameter: bad})  # storing a value never fails
    methods = ["fit", "fit_transform", "transform_clips"]
    if parameter != "n_components":  # with which transform asks for a fit first
        methods.append("transform")
    for method in methods:
        with pytest.raises(InvalidParameterError, match=f"'{parameter}' parameter of"):
            getattr(transformer, method)(["no-such-file.mp4"])


def test_bad_streams_are_refused():
    with pytest.raises(InvalidParameterError, match="'stream' parameter of I3DTransformer"):
        make_i3d(stream="depth").fit(["no-such-file.mp4"])


def test_there_is_no_n_features_in(make, n_components, videos):
    transformer = make(n_components=n_components).fit(pd.Series(videos, name="clip"))
    assert not hasattr(transformer, "n_features_in_")
    assert not hasattr(transformer, "feature_names_in_")


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csr_matrix, sparse.coo_array])
def test_sparse_matrices_are_refused(make, form):
    table = form(np.eye(4))
    for method in ("fit", "transform", "fit_transform"):
        with pytest.raises(ValueError, match=r"of shape \(4, 4\): a sparse matrix is no video"):
            getattr(make(), method)(table)


@pytest.mark.parametrize(
    ("dtype", "value"), [(float, np.nan), (float, np.inf), (complex, 1j), (bool, True), (int, 300)]
)
def test_pixels_other_than_uint8_are_refused(make, dtype, value):
    pixels = np.full((16, 36, 48, 3), value, dtype=dtype)
    reason = "NaN or infinity" if dtype is float else "uint8"
    for call in (make().transform, make(n_components=1).fit):
        with pytest.raises(ValueError, match=f"Item 0 of X.*{reason}"):
            call([pixels])


def test_no_videos_and_empty_videos_are_refused(make):
    for empty in ([], (), np.empty((0, 16, 36, 48, 3), np.uint8), pd.Series([], dtype=object)):
        for method in ("fit", "transform", "fit_transform"):
            # The first words are what scikit-learn says of its own estimators.
            with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
                getattr(make(), method)(empty)
    for shape in ((0, 36, 48, 3), (16, 0, 48, 3)):
        with pytest.raises(ValueError, match=r"Item 0 of X.*is empty"):
            make().fit_transform([np.empty(shape, np.uint8)])


def test_one_video_that_is_not_in_a_list_is_refused(make, videos):
    transformer = make().fit(videos)
    for lone in (videos[0], "clip.mp4", Path("clip.mp4")):
        with pytest.raises(ValueError, match="wrap it in a list"):
            transformer.transform(lone)


def test_tables_and_things_that_are_no_videos_are_refused(make):
    with pytest.raises(ValueError, match="a table of numbers is no video"):
        make().fit(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"shape \(4,\) and dtype float64"):
        make().fit(np.zeros(4))
    with pytest.raises(ValueError, match=r"X\['path'\], not X\[\['path'\]\]"):
        make().fit(pd.DataFrame({"path": ["a.mp4"]}))
    with pytest.raises(TypeError, match="Item 0 of X is a video of type dict"):
        make().transform([{"foo": "bar"}])


def test_feature_names_are_class_name_and_number(make, n_components, videos):
    transformer = make(n_components=n_components).fit(videos)
    prefix = type(transformer).__name__.lower()
    width = transformer.transform(videos).shape[1]
    assert transformer.get_feature_names_out().tolist() == [f"{prefix}{i}" for i in range(width)]
    assert transformer.get_feature_names_out().dtype == object
    # A pipeline hands its own input names on; they name no part of a descriptor.
    assert transformer.get_feature_names_out(["path"]).shape == (width,)


def test_feature_names_need_a_fit(make, n_components, videos):
    # Before, they would have to fetch weights, and scikit-learn asks for them in every repr.
    with pytest.raises(NotFittedError):
        make(n_components=n_components).get_feature_names_out()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output_gives_named_columns(make, n_components, library, videos):
    plain = make(n_components=n_components).fit_transform(videos)
    transformer = make(n_components=n_components).set_output(transform=library)
    for table in (transformer.fit_transform(videos), transformer.fit(videos).transform(videos)):
        assert isinstance(table, pd.DataFrame if library == "pandas" else pl.DataFrame)
        assert list(table.columns) == list(transformer.get_feature_names_out())
        assert_close(table.to_numpy(), plain)
    with sklearn.config_context(transform_output=library):
        assert type(make().fit_transform(videos)) is type(table)


@keeps_the_index_of_a_series
def test_a_series_keeps_its_index(make, videos):
    names = [f"clip {i}" for i in range(len(videos))]
    table = make().set_output(transform="pandas").fit_transform(pd.Series(videos, index=names))
    assert table.index.tolist() == names


def test_any_sequence_of_paths_gives_the_same(make, write_video, numbered_frames, tmp_path):
    paths = [
        write_video(tmp_path / f"{length}.mp4", numbered_frames(length)) for length in (12, 20, 31)
    ]
    objects = np.empty(3, dtype=object)
    objects[:] = [Path(path) for path in paths]
    expected = make().fit_transform(paths)
    for X in (
        tuple(paths),
        objects,
        np.array(paths),
        pd.Series(paths, index=[7, 8, 9]),
        pd.Series(paths, dtype="string"),
        pd.Series(paths, dtype="category"),
        pl.Series(paths),
    ):
        assert_array_equal(make().fit_transform(X), expected)


def test_a_5d_array_is_a_sequence_of_videos(make):
    array = np.random.default_rng(1).integers(0, 256, (2, 16, 36, 48, 3), dtype=np.uint8)
    assert_array_equal(make().fit_transform(array), make().fit_transform(list(array)))


@pytest.mark.parametrize(
    "index", [range(4), pytest.param(list("wxyz"), marks=keeps_the_index_of_a_series)]
)
def test_a_column_transformer_takes_the_column_of_paths(
    make, index, write_video, numbered_frames, tmp_path
):
    lengths = [12, 20, 31, 16]
    table = pd.DataFrame(
        {
            "path": [
                write_video(tmp_path / f"{length}.mp4", numbered_frames(length))
                for length in lengths
            ],
            "length": lengths,
        },
        index=index,
    )
    columns = ColumnTransformer(
        [("video", make(n_components=2), "path")], remainder="passthrough"
    ).set_output(transform="pandas")
    found = columns.fit_transform(table)
    prefix = type(make()).__name__.lower()
    assert found.columns.tolist() == [
        f"video__{prefix}0",
        f"video__{prefix}1",
        "remainder__length",
    ]
    assert found.index.tolist() == list(index)
    assert found["remainder__length"].tolist() == lengths
    assert_close(found.to_numpy()[:, :2], make(n_components=2).fit_transform(table["path"]))
    assert_close(columns.transform(table.iloc[:2]).to_numpy(), found.to_numpy()[:2])


def test_a_pipeline_predicts_as_its_steps_do(make, n_components, videos):
    y = [0, 1, 0, 1, 0]
    pipeline = make_pipeline(make(n_components=n_components), LinearSVC(random_state=0))
    X = make(n_components=n_components).fit_transform(videos)
    by_hand = LinearSVC(random_state=0).fit(X, y)
    assert_allclose(
        pipeline.fit(videos, y).decision_function(videos), by_hand.decision_function(X), rtol=1e-3
    )
    name = type(make()).__name__.lower()
    pipeline.set_params(**{f"{name}__pooling": "max"})
    assert pipeline.named_steps[name].pooling == "max"
    assert f"{name}__n_components" in pipeline.get_params()


def test_the_html_repr_renders_with_a_link_to_the_documentation(make, videos):
    transformer = make(n_components=2)
    name = type(transformer).__name__
    for estimator in (
        transformer,
        clone(transformer).fit(videos),
        make_pipeline(clone(transformer), LinearSVC()),
    ):
        page = html.unescape(estimator._repr_html_())
        start = page.index("https://skvideo3d.readthedocs.io/")
        link = page[start : page.index('"', start)]
        assert link.endswith(f".{name}")
        assert name in page


def test_tags_say_what_the_transformer_takes(make):
    tags = get_tags(make())
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.string
    assert tags.transformer_tags.preserves_dtype == []
    assert tags.estimator_type is None
    assert not tags.target_tags.required
    assert tags.requires_fit is False
    assert get_tags(make(n_components=2)).requires_fit is True


def test_no_metadata_is_consumed(make):
    routing = get_routing_for_object(make())
    for method in ("fit", "transform"):
        assert not routing.consumes(method, ["sample_weight", "groups"])


# ---- scikit-learn's callbacks ----


class Recorder:
    """A callback that writes down what it is told."""

    def __init__(self):
        self.heard = []

    def setup(self, estimator, context):
        self.heard.append(("setup", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        self.heard.append(("teardown", context.task_name, context.max_subtasks))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.heard.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None):
        self.heard.append(("end", context.task_name, context.task_id))


def whole_fit(n_videos):
    """What a fit that describes so many videos has to tell."""
    told = [("setup", "fit", n_videos), ("begin", "fit", 0)]
    for number in range(n_videos):
        told += [("begin", "video", number), ("end", "video", number)]
    return [*told, ("end", "fit", 0), ("teardown", "fit", n_videos)]


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_callbacks_hear_of_every_video(make, method, videos):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    recorder = Recorder()
    transformer = make(n_components=2).set_callbacks(recorder)
    getattr(transformer, method)(videos)
    assert recorder.heard == whole_fit(len(videos))


def test_callbacks_hear_of_no_video_where_fit_opens_none(make, videos):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    recorder = Recorder()
    make().set_callbacks(recorder).fit(videos)
    assert recorder.heard == whole_fit(0)


def test_callbacks_hear_of_videos_that_fail_and_come_from_the_store(make, videos, tmp_path):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    recorder = Recorder()
    transformer = make(n_components=1, on_error="nan", memory=tmp_path).set_callbacks(recorder)
    X = [*videos, str(tmp_path / "missing.mp4")]
    with pytest.warns(UserWarning, match="1 of 6 videos"):
        transformer.fit(X)
    assert recorder.heard.count(("setup", "fit", len(X))) == 1
    with pytest.warns(UserWarning, match="1 of 6 videos"):
        transformer.fit(X)  # five of the six are stored now
    assert recorder.heard == whole_fit(len(X)) * 2


def test_callbacks_are_torn_down_when_a_fit_fails(make, videos):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    recorder = Recorder()
    transformer = make(n_components=2).set_callbacks(recorder)
    with pytest.raises(ValueError, match=r"Item 5 of X.*missing\.mp4"):
        transformer.fit([*videos, "missing.mp4"])
    assert recorder.heard[-1] == ("teardown", "fit", len(videos) + 1)
    assert not [
        name for name in vars(transformer) if "callback" in name and name != "_skl_callbacks"
    ]
