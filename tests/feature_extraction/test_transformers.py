import os
import pickle
import subprocess
import sys

import cv2
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, I3DTransformer, VideoSegment
from skvideo3d.exceptions import CheckpointError, VideoDecodeError, VideoNotFoundError
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.models import load_weights, save_weights
from skvideo3d.video import Preprocessing


@pytest.fixture
def describer(small_c3d):
    return C3DTransformer(small_c3d)


@pytest.fixture(scope="session")
def small_i3d(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small-i3d.safetensors"
    save_weights(load_weights(None, "i3d", seed=0, config={"width": 1 / 16}), path)
    return str(path)


@pytest.fixture
def paths(tmp_path, write_video, numbered_frames):
    rng = np.random.default_rng(0)
    made = []
    for number in range(6):
        frames = [np.roll(f, number, axis=0) for f in numbered_frames(20 + number, 32, 48)]
        for frame in frames:
            frame[:, :24] = rng.integers(0, 255, 3)
        made.append(write_video(tmp_path / f"v{number}.mp4", frames))
    return made


def test_a_row_is_the_normalised_mean_over_clips(describer, noise_videos):
    rows = describer.fit_transform(noise_videos)
    assert rows.dtype == np.float32
    for row, clips in zip(rows, describer.transform_clips(noise_videos), strict=True):
        mean = clips.features.astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(row, mean / np.sqrt((mean**2).sum()), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("norm", ["l1", "max", None])
def test_other_norms(small_c3d, noise_videos, norm):
    raw = C3DTransformer(small_c3d, norm=None).transform(noise_videos)
    rows = C3DTransformer(small_c3d, norm=norm).transform(noise_videos)
    size = {"l1": np.abs(raw).sum(1), "max": np.abs(raw).max(1), None: np.ones(len(raw))}[norm]
    np.testing.assert_allclose(rows, raw / size[:, None], rtol=1e-5)


def test_several_layers_are_normalised_each_on_its_own(small_c3d, noise_videos):
    describer = C3DTransformer(small_c3d, layer=("prob", "fc6", "pool5")).fit(noise_videos)
    rows = describer.transform(noise_videos)
    assert list(describer.feature_blocks_) == ["prob", "fc6", "pool5"]
    assert rows.shape[1] == len(describer.get_feature_names_out())
    for layer, block in describer.feature_blocks_.items():
        alone = C3DTransformer(small_c3d, layer=layer).transform(noise_videos)
        np.testing.assert_allclose(rows[:, block], alone, rtol=1e-5, atol=1e-7)


def test_rows_do_not_depend_on_company_order_or_batches(describer, noise_videos):
    together = describer.fit_transform(noise_videos)
    backwards = describer.transform(noise_videos[::-1])[::-1]
    alone = np.concatenate([describer.transform([video]) for video in noise_videos])
    batched = clone(describer).set_params(batch_size=5).transform(noise_videos)
    parallel = clone(describer).set_params(n_jobs=2).transform(noise_videos)
    for other in (backwards, alone, batched, parallel):
        np.testing.assert_allclose(other, together, atol=1e-6)


def test_pca_is_scikit_learns_on_the_training_rows(small_c3d, noise_videos):
    describer = C3DTransformer(small_c3d, n_components=3, whiten=True, random_state=0)
    rows = C3DTransformer(small_c3d).transform(noise_videos)
    expected = PCA(3, whiten=True, random_state=0).fit(rows[:5]).transform(rows)
    result = describer.fit(noise_videos[:5]).transform(noise_videos)
    np.testing.assert_allclose(result, expected, atol=1e-4)
    np.testing.assert_allclose(
        clone(describer).fit_transform(noise_videos[:5]), expected[:5], atol=1e-4
    )
    assert describer.get_feature_names_out().tolist() == [f"c3dtransformer{i}" for i in range(3)]


def test_more_components_than_videos_are_refused(small_c3d, noise_videos):
    with pytest.raises(ValueError, match=r"n_components=10 .* 6 usable videos"):
        C3DTransformer(small_c3d, n_components=10).fit(noise_videos)


def test_random_weights_are_those_of_the_seed(noise_videos):
    video = noise_videos[1:2]
    one = C3DTransformer(None, random_state=0).transform(video)
    np.testing.assert_array_equal(C3DTransformer(None, random_state=0).transform(video), one)
    assert not np.allclose(C3DTransformer(None, random_state=1).transform(video), one)


def test_random_weights_without_a_seed_are_drawn_by_fit(noise_videos):
    describer = C3DTransformer(None)
    with pytest.raises(NotFittedError, match="random_state=0"):
        describer.transform(noise_videos[:1])
    describer.fit(noise_videos[:1])
    first = describer.seed_
    assert describer.fit(noise_videos[:1]).seed_ != first


# --- X ---------------------------------------------------------------------------------------


def test_every_kind_of_sequence_gives_the_same_rows(describer, paths):
    expected = describer.fit_transform(paths)
    for X in (
        tuple(paths),
        np.array(paths),
        np.array(paths, dtype=object),
        pd.Series(paths, index=range(10, 16)),
        pl.Series(paths),
        [os.fspath(path) for path in paths],
    ):
        np.testing.assert_array_equal(describer.transform(X), expected)


def test_a_5d_array_or_tensor_is_a_sequence_of_videos(describer):
    import torch

    videos = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 32, 3), dtype=np.uint8)
    expected = describer.fit_transform(list(videos))
    np.testing.assert_array_equal(describer.transform(videos), expected)
    np.testing.assert_array_equal(describer.transform(torch.from_numpy(videos)), expected)


def test_segments_are_videos(describer, noise_videos):
    segment = VideoSegment(noise_videos[3], 10, 40)
    expected = describer.fit_transform([noise_videos[3][10:40]])
    np.testing.assert_allclose(describer.transform([segment]), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("a.mp4", ValueError, r"wrap it in a list, \['a.mp4'\]"),
        (VideoSegment("a.mp4", 0, 5), ValueError, "wrap it in a list"),
        (np.zeros((5, 8, 8, 3), np.uint8), ValueError, r"wrap it in a list, \[X\]"),
        (np.zeros((5, 4)), ValueError, "a table of numbers is no video"),
        (pd.DataFrame({"path": ["a.mp4"]}), ValueError, r"X\['path'\], not X\[\['path'\]\]"),
        (np.zeros(5), ValueError, r"array of shape \(5,\) and dtype float64"),
        ([], ValueError, "0 sample"),
        (np.array([]), ValueError, "dtype float64"),
        (5, TypeError, "Got int"),
        ({"a.mp4": 1}, TypeError, "Got dict"),
        (iter(["a.mp4"]), TypeError, "make a list of it"),
        ([None], VideoDecodeError, "Item 0 of X: it is missing"),
        ([""], VideoDecodeError, "Item 0 of X: it is an empty path"),
        ([5], TypeError, "Item 0 of X is a video of type int"),
        ([["a.mp4"]], TypeError, "Item 0 of X is a video of type list"),
        (["/nowhere/a.mp4"], VideoNotFoundError, "Item 0 of X: '/nowhere/a.mp4' does not exist"),
        ([np.full((5, 8, 8, 3), np.nan)], VideoDecodeError, "NaN"),
        ([np.zeros((5, 8, 8, 4), np.uint8)], VideoDecodeError, "drop alpha"),
    ],
)
def test_wrong_x_is_refused_with_what_to_do(describer, X, error, message):
    with pytest.raises(error, match=message):
        describer.transform(X)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"layer": "fc9"},
            r"'fc9' is no descriptor of C3D; choose from pool5, fc6, fc7, fc8, prob",
        ),
        ({"layer": "conv1a"}, "'conv1a' is no descriptor of C3D"),  # 12.8 million values
        ({"layer": ()}, "give one layer name"),
        ({"layer": ("fc6", "fc6")}, "several different ones"),
        ({"clip_len": 40}, "clip"),
        ({"clip_len": 0}, "'clip_len' parameter"),
        ({"fps": -1}, "'fps' parameter"),
        ({"pooling": "median"}, "'pooling' parameter"),
        ({"precision": "int8"}, "'precision' parameter"),
        ({"weights": "sport1m"}, "sports1m"),
        ({"weights": 3}, "'weights' parameter"),
        ({"weights": "/nowhere/a.pth"}, "no checkpoint file"),
    ],
)
def test_wrong_settings_are_refused_by_name_in_fit_and_transform(
    describer, noise_videos, settings, message
):
    describer.set_params(**settings)
    for method in (describer.fit, describer.transform):
        with pytest.raises(ValueError, match=message):
            method(noise_videos)


@pytest.mark.parametrize(
    ("describer", "message"),
    [
        (C3DTransformer(layer="prob"), "'prob'.*sports1m-fc8"),
        (C3DTransformer(layer="fc9"), "fc9"),
        (C3DTransformer(clip_len=8), "clip"),
        (I3DTransformer(layer="mixed_5c"), "Mixed_5c"),
        (I3DTransformer(clip_len=8), "at least 9 frames"),
    ],
)
def test_what_published_weights_cannot_do_is_said_before_they_are_fetched(
    noise_videos, monkeypatch, describer, message
):
    from skvideo3d.models import checkpoints

    monkeypatch.setattr(checkpoints, "fetch", None)
    with pytest.raises(ValueError, match=message):
        clone(describer).fit(noise_videos)


def test_weights_without_a_classifier_say_who_has_one(tmp_path, noise_videos):
    path = tmp_path / "no_fc8.safetensors"
    save_weights(
        load_weights(None, "c3d", seed=0, config={"width": 1 / 16, "num_classes": None}), path
    )
    with pytest.raises(ValueError, match=r"'prob'.*sports1m-fc8"):
        C3DTransformer(path, layer="prob").fit(noise_videos)


# --- failures --------------------------------------------------------------------------------


@pytest.fixture
def with_broken(tmp_path, noise_videos):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing at all")
    four_channels = np.zeros((20, 8, 8, 4), np.uint8)
    return [noise_videos[0], str(broken), noise_videos[1], four_channels, noise_videos[2]]


def test_a_failure_names_the_video_its_place_and_the_way_out(describer, with_broken):
    with pytest.raises(VideoDecodeError, match=r"Item 3 of X: .*\(20, 8, 8, 4\).*on_error='nan'"):
        describer.fit_transform(with_broken)
    with pytest.raises(VideoDecodeError, match=r"Item 1 of X: '.*broken\.mp4' cannot be opened"):
        describer.fit_transform(with_broken[:3])


def test_a_failure_in_a_worker_is_told_the_same_way(small_c3d, with_broken):
    with pytest.raises(VideoDecodeError, match=r"Item 1 of X: '.*broken\.mp4' cannot be opened"):
        C3DTransformer(small_c3d, n_jobs=2).fit_transform(with_broken[:3] * 4)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_failures_become_aligned_rows_of_nan(small_c3d, with_broken, n_jobs):
    describer = C3DTransformer(small_c3d, on_error="nan", n_jobs=n_jobs)
    with pytest.warns(UserWarning, match="2 of 5 videos could not be described"):
        rows = describer.fit_transform(with_broken)
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, False, True, False]
    assert np.isfinite(rows[[0, 2, 4]]).all()
    assert [(i, "broken" in reason) for i, _, reason in describer.failures_] == [
        (1, True),
        (3, False),
    ]
    assert describer.failures_[0][1] == with_broken[1]
    good = [with_broken[i] for i in (0, 2, 4)]
    np.testing.assert_allclose(describer.transform(good), rows[[0, 2, 4]], atol=1e-6)
    assert describer.failures_ == []


def test_pca_learns_from_the_good_rows_only(small_c3d, with_broken):
    describer = C3DTransformer(small_c3d, on_error="nan", n_components=2)
    good = [with_broken[i] for i in (0, 2, 4)]
    with pytest.warns(UserWarning, match="2 of 5"):
        rows = describer.fit_transform(with_broken)
    assert np.isnan(rows).any(axis=1).tolist() == [False, True, False, True, False]
    expected = C3DTransformer(small_c3d, n_components=2).fit_transform(good)
    np.testing.assert_allclose(np.abs(rows[[0, 2, 4]]), np.abs(expected), atol=1e-5)


def test_transform_clips_keeps_failures_in_their_place(small_c3d, with_broken):
    describer = C3DTransformer(small_c3d, on_error="nan", layer=("fc6", "prob"))
    with pytest.warns(UserWarning, match="2 of 5"):
        clips = describer.transform_clips(with_broken)
    assert [len(c.start_frame) for c in clips] == [1, 0, 1, 0, 1]
    assert [c.features.shape[1] for c in clips] == [256 + 5] * 5


def test_a_fitted_transformer_does_not_carry_arrays_that_failed(small_c3d):
    huge = np.zeros((100, 100, 100, 4), np.uint8)
    describer = C3DTransformer(small_c3d, on_error="nan")
    with pytest.warns(UserWarning, match="1 of 1"):
        describer.fit_transform([huge])
    assert describer.failures_[0][:2] == (0, "array of shape (100, 100, 100, 4)")
    assert len(pickle.dumps(describer)) < 10_000


def test_a_missing_path_in_a_column_keeps_its_row(small_c3d, paths):
    column = pd.Series([paths[0], None, np.nan, "", paths[1]])
    with pytest.warns(UserWarning, match="3 of 5"):
        rows = C3DTransformer(small_c3d, on_error="nan").fit_transform(column)
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, True, True, False]


# --- memory, pickling, other processes -------------------------------------------------------


def readings(folder):
    return DescriptorStore(folder).readings()


def test_every_video_is_read_once_whatever_is_asked_of_it(small_c3d, tmp_path, paths):
    describer = C3DTransformer(small_c3d, memory=tmp_path / "m")
    first = describer.fit_transform(paths)
    describer.transform(paths[::-1])
    clone(describer).set_params(norm="l1", n_components=2, whiten=True).fit_transform(paths)
    clone(describer).set_params(batch_size=1, n_jobs=2, verbose=0).transform(paths)
    assert sorted(readings(tmp_path / "m")) == sorted(paths)
    np.testing.assert_array_equal(describer.transform(paths), first)


@pytest.mark.parametrize(
    "change",
    [
        {"layer": "fc7"},
        {"clip_stride": 4},
        {"fps": 12.0},
        {"pooling": "max"},
        {"short_video": "error"},
        {"precision": "bfloat16"},
        {"preprocessing": Preprocessing((40, 48), (32, 32))},
    ],
)
def test_settings_that_move_the_numbers_are_computed_anew(small_c3d, tmp_path, paths, change):
    C3DTransformer(small_c3d, memory=tmp_path / "m").transform(paths[:1])
    changed = C3DTransformer(small_c3d, memory=tmp_path / "m", **change)
    stored = changed.transform(paths[:1])
    fresh = C3DTransformer(small_c3d, **change).transform(paths[:1])
    np.testing.assert_array_equal(stored, fresh)
    assert len(readings(tmp_path / "m")) == 2


def test_readings_are_what_was_really_opened(small_c3d, tmp_path, paths, monkeypatch):
    from skvideo3d.video import sources

    opened, real = [], sources.read_file

    def counting(path, *place):
        opened.append(path)
        return real(path, *place)

    monkeypatch.setattr(sources, "read_file", counting)
    monkeypatch.setenv("SKVIDEO3D_ISOLATION", "off")  # to be counted in this process
    describer = C3DTransformer(small_c3d, memory=tmp_path / "m", layer=("fc6", "prob"))
    for _ in range(3):
        describer.fit_transform(paths)
    assert opened == paths
    assert readings(tmp_path / "m") == opened


def test_a_file_replaced_while_it_is_read_is_not_taken_for_the_new_one(
    small_c3d, tmp_path, write_video, numbered_frames, monkeypatch
):
    from skvideo3d.video import sources

    path = write_video(tmp_path / "a.mp4", numbered_frames(20))

    real = sources.read_file

    def replaced_meanwhile(name, *place):
        frames = list(real(name, *place))
        write_video(path, numbered_frames(20)[::-1])
        return iter(frames)

    describer = C3DTransformer(small_c3d, memory=tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setattr(sources, "read_file", replaced_meanwhile)
        describer.transform([path])
    np.testing.assert_array_equal(
        describer.transform([path]), C3DTransformer(small_c3d).transform([path])
    )


def test_a_file_replaced_under_its_name_is_described_anew(
    small_c3d, tmp_path, write_video, numbered_frames
):
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    describer = C3DTransformer(small_c3d, memory=tmp_path / "m")
    before = describer.transform([path])
    write_video(path, numbered_frames(20)[::-1])
    after = describer.transform([path])
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(after, C3DTransformer(small_c3d).transform([path]))


def test_joblibs_memory_lends_its_folder(small_c3d, tmp_path, paths):
    memory = joblib.Memory(tmp_path / "joblib", verbose=0)
    C3DTransformer(small_c3d, memory=memory).transform(paths)
    C3DTransformer(small_c3d, memory=str(tmp_path / "joblib")).transform(paths)
    assert len(readings(tmp_path / "joblib")) == len(paths)
    nowhere = joblib.Memory(None)
    assert C3DTransformer(small_c3d, memory=nowhere).transform(paths[:1]).shape == (1, 256)


def test_transform_clips_is_stored_too(small_c3d, tmp_path, paths):
    describer = C3DTransformer(small_c3d, memory=tmp_path / "m")
    first = describer.transform_clips(paths[:2])
    again = describer.transform_clips(paths[:2])
    assert len(readings(tmp_path / "m")) == 2
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_leave_one_out_and_grid_search_read_each_video_once(small_c3d, tmp_path, paths):
    y = [0, 1, 0, 1, 0, 1]
    model = make_pipeline(C3DTransformer(small_c3d, memory=tmp_path / "m"), LinearSVC())
    cross_val_predict(model, paths, y, cv=LeaveOneOut())
    assert sorted(readings(tmp_path / "m")) == sorted(paths)
    grid = {"c3dtransformer__n_components": [1, 2], "linearsvc__C": [0.1, 1]}
    model.set_params(c3dtransformer__memory=tmp_path / "n")
    GridSearchCV(model, grid, cv=3, n_jobs=2).fit(paths, y)
    assert sorted(readings(tmp_path / "n")) == sorted(paths)


@pytest.mark.parametrize("transformer", [C3DTransformer, I3DTransformer])
def test_looking_at_a_transformer_fetches_nothing(monkeypatch, transformer):
    from skvideo3d.models import checkpoints

    monkeypatch.setattr(checkpoints, "fetch", None)
    describer = transformer()
    assert "fit" in dir(describer)
    assert transformer.__name__ in describer._repr_html_()
    assert transformer.__name__ in make_pipeline(transformer(), LinearSVC())._repr_html_()
    with pytest.raises(NotFittedError):
        describer.get_feature_names_out()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblibs_backends_give_the_same_rows(small_c3d, tmp_path, noise_videos, backend):
    expected = C3DTransformer(small_c3d).transform(noise_videos)
    with joblib.parallel_config(backend, n_jobs=2):
        rows = C3DTransformer(small_c3d).transform(noise_videos)
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_joblibs_forking_backend_is_refused_with_what_to_use(small_c3d, noise_videos):
    describer = C3DTransformer(small_c3d)
    with (
        joblib.parallel_config("multiprocessing", n_jobs=2),
        pytest.raises(ValueError, match="use 'loky'"),
    ):
        describer.transform(noise_videos)


def test_devices_that_do_not_exist_are_refused_by_fit(small_c3d, noise_videos):
    with pytest.raises(ValueError, match="device='abacus' cannot be used"):
        C3DTransformer(small_c3d, device="abacus").fit(noise_videos)


def test_a_model_of_a_cuda_machine_moves_to_one_without(small_c3d, noise_videos):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    describer = C3DTransformer(small_c3d, device="cuda")
    with pytest.warns(UserWarning, match="computing on the CPU"):
        rows = describer.fit_transform(noise_videos[:2])
    expected = C3DTransformer(small_c3d, device="cpu").transform(noise_videos[:2])
    np.testing.assert_array_equal(rows, expected)


def test_a_pickled_transformer_is_small_and_knows_its_weights(small_c3d, noise_videos):
    describer = C3DTransformer(small_c3d).fit(noise_videos)
    expected = describer.transform(noise_videos)
    pickled = pickle.dumps(describer)
    assert len(pickled) < 10_000
    np.testing.assert_array_equal(pickle.loads(pickled).transform(noise_videos), expected)


@pytest.mark.slow
def test_a_pickled_pipeline_predicts_the_same_in_a_new_process(
    small_c3d, tmp_path, paths, noise_videos
):
    model = make_pipeline(C3DTransformer(small_c3d, n_components=2), LinearSVC())
    model.fit(paths, [0, 1, 0, 1, 0, 1])
    expected = model.decision_function(paths)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    code = (
        "import pickle, sys\n"
        "model = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(*model.decision_function(sys.argv[2:]), sep='\\n')\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.pkl", *paths],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    np.testing.assert_allclose([float(x) for x in output.split()], expected, rtol=1e-4, atol=1e-6)


def test_weights_that_changed_since_fit_are_refused(tmp_path, noise_videos):
    path = tmp_path / "w.safetensors"
    config = {"width": 1 / 16, "num_classes": None}
    save_weights(load_weights(None, "c3d", seed=0, config=config), path)
    describer = C3DTransformer(path).fit(noise_videos)
    save_weights(load_weights(None, "c3d", seed=1, config=config), path)
    with pytest.raises(CheckpointError, match="fit again"):
        describer.transform(noise_videos[:1])
    describer.fit(noise_videos).transform(noise_videos[:1])


def test_verbose_shows_a_bar_on_stderr_and_silence_is_the_default(small_c3d, noise_videos, capfd):
    C3DTransformer(small_c3d).transform(noise_videos)
    assert capfd.readouterr() == ("", "")
    C3DTransformer(small_c3d, verbose=1).transform(noise_videos)
    out, err = capfd.readouterr()
    assert out == ""
    assert "6/6" in err
    assert "clips/s" in err


def test_the_public_packages_are_there_after_one_import():
    code = "import skvideo3d; skvideo3d.models.C3D; skvideo3d.datasets.make_action_videos"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_loads_neither_torch_nor_a_decoder():
    code = (
        "import sys, skvideo3d; from skvideo3d import *; skvideo3d.C3DTransformer().get_params();"
        "print([m for m in ('torch', 'decord', 'av', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- I3D -------------------------------------------------------------------------------------


def test_i3d_rows_are_the_normalised_mean_of_its_clips(small_i3d, noise_videos):
    describer = I3DTransformer(small_i3d, clip_len=9, clip_stride=9)
    rows = describer.fit_transform(noise_videos[:2])
    assert rows.shape == (2, 64)
    for row, clips in zip(rows, describer.transform_clips(noise_videos[:2]), strict=True):
        mean = clips.features.astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), rtol=1e-5, atol=1e-7)


def test_i3d_gives_any_end_point(small_i3d, noise_videos):
    layers = ("Mixed_4f", "avg_pool", "logits", "prob")
    describer = I3DTransformer(small_i3d, clip_len=9, layer=layers).fit(noise_videos[:1])
    sizes = [block.stop - block.start for block in describer.feature_blocks_.values()]
    assert sizes == [832 // 16, 64, 400, 400]
    assert describer.transform(noise_videos[:1]).shape == (1, sum(sizes))


def test_i3d_refuses_clips_too_short_for_its_pooling(small_i3d, noise_videos):
    with pytest.raises(ValueError, match="at least 9 frames"):
        I3DTransformer(small_i3d, clip_len=8).fit(noise_videos)


@pytest.mark.parametrize("precision", ["bfloat16", "auto"])
def test_lower_precision_stays_close(small_i3d, small_c3d, noise_videos, precision):
    for describer in (I3DTransformer(small_i3d, clip_len=9), C3DTransformer(small_c3d)):
        exact = describer.transform(noise_videos[:1])[0]
        close = describer.set_params(precision=precision).transform(noise_videos[:1])[0]
        assert exact @ close > 0.9999


# --- real files ------------------------------------------------------------------------------


def plain_c3d(clips, state):
    """C3D to fc6, straight from the paper and the authors' prototxt: (n, 3, 16, 112, 112)."""
    import torch
    from torch.nn.functional import conv3d, linear, max_pool3d, relu

    def conv(x, name):
        return relu(conv3d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))

    x = max_pool3d(conv(clips, "conv1a"), (1, 2, 2))
    x = max_pool3d(conv(x, "conv2a"), 2)
    x = max_pool3d(conv(conv(x, "conv3a"), "conv3b"), 2)
    x = max_pool3d(conv(conv(x, "conv4a"), "conv4b"), 2)
    x = conv(conv(x, "conv5a"), "conv5b")
    # Ceil mode on the 7-wide map: one column and one row of minus infinity at the end.
    x = torch.nn.functional.pad(x, (0, 1, 0, 1), value=float("-inf"))
    return relu(linear(max_pool3d(x, 2).flatten(1), state["fc6.weight"], state["fc6.bias"]))


@pytest.mark.slow
@pytest.mark.realdata
def test_from_a_ucf101_file_to_fc6_it_is_opencv_and_a_plain_network(realdata):
    import torch

    path = realdata / "ucf101" / "v_BaseballPitch_g01_c01.avi"
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(cv2.resize(read[1], (171, 128))[8:120, 29:141].astype(np.float32))
    values = np.stack(frames) - np.array([90.25, 97.66, 101.41], np.float32)  # BGR, as OpenCV
    clips = np.stack([values[s : s + 16] for s in range(0, len(values) - 15, 24)])
    network = load_weights(None, "c3d", seed=0)
    with torch.inference_mode():
        batches = torch.from_numpy(clips).permute(0, 4, 1, 2, 3).contiguous().split(2)
        fc6 = torch.cat([plain_c3d(batch, network.state_dict()) for batch in batches])
    expected = fc6.double().mean(0).numpy()
    expected /= np.linalg.norm(expected)
    (row,) = C3DTransformer(None, clip_stride=24, random_state=0).transform([path])
    assert np.abs(row - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.realdata
def test_every_real_file_gives_a_descriptor_or_a_named_reason(realdata, small_c3d):
    paths = sorted(
        p for p in realdata.rglob("*") if p.suffix in {".avi", ".mp4", ".webm", ".mkv", ".gif"}
    )
    paths += sorted((realdata / "frames").glob("*/*"))
    describer = C3DTransformer(small_c3d, on_error="nan", clip_stride=64)
    with pytest.warns(UserWarning, match=f"1 of {len(paths)} videos"):
        rows = describer.fit_transform(paths)
    ((position, video, reason),) = describer.failures_
    assert video.name == "result.webm"
    assert "result.webm" in reason
    assert "empty" in reason
    np.testing.assert_allclose(np.linalg.norm(np.delete(rows, position, 0), axis=1), 1, rtol=1e-5)
