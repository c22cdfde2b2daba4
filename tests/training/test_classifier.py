"""A network as scikit-learn knows classifiers: fit, predict, clone, search, pickle, errors."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Memory
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import top_k_accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError

from skvideo3d import C3DTransformer, I3DTransformer, VideoSegment
from skvideo3d.exceptions import VideoDecodeError, VideoNotFoundError
from skvideo3d.models import C3D
from skvideo3d.training import Jitter, TrainingRecipe, VideoClassifier
from skvideo3d.training.recipes import find_recipe
from skvideo3d.video import Preprocessing


@pytest.fixture(scope="module")
def fitted(coloured, quick):
    return VideoClassifier(**{**quick, "max_epochs": 8}).fit(*coloured)


# --- learning ---


@pytest.mark.parametrize(
    ("network", "optimizer", "lr"),
    [("c3d", "adamw", 1e-3), ("c3d-bn", "sgd", 3e-3), ("study-depth-3", "adamw", 1e-3)],
)
def test_a_network_learns_a_tiny_set_by_heart(network, optimizer, lr):
    # Labels that nothing in the videos hints at.
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (6, 4, 4, 4, 3), dtype=np.uint8)
    videos = list(coarse.repeat(4, 1).repeat(8, 2).repeat(8, 3))
    labels = list("aabbcc")
    fitted = VideoClassifier(
        network,
        recipe=TrainingRecipe(
            max_epochs=50, batch_size=6, lr=lr, optimizer=optimizer, jitter=False
        ),
        input_size=32,
        network_params={"width": 1 / 8},
        random_state=0,
    ).fit(videos, labels)
    assert fitted.predict(videos).tolist() == labels


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(3)])
def test_the_same_seed_gives_the_same_weights(coloured, quick, random_state):
    quick = {**quick, "random_state": random_state, "network": "c3d-bn", "validation": 0.2}
    before = torch.get_rng_state()
    found = []
    for _ in range(2):
        if not isinstance(random_state, int):
            quick["random_state"] = np.random.RandomState(3)
        found.append(VideoClassifier(**quick).fit(*coloured))
    one, other = (each.network_.state_dict() for each in found)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert torch.equal(torch.get_rng_state(), before)  # the user's own random numbers
    another = VideoClassifier(**{**quick, "random_state": 1}).fit(*coloured)
    assert not torch.equal(another.network_.fc7.weight, found[0].network_.fc7.weight)


def test_the_history_has_a_row_for_each_epoch(coloured, quick):
    fitted = VideoClassifier(**quick, validation=0.25).fit(*coloured)
    assert [row["epoch"] for row in fitted.history_] == [1, 2, 3]
    assert fitted.n_epochs_ == 3
    for row in fitted.history_:
        assert row["n_clips"] == 9
        assert row["clips_per_second"] == pytest.approx(9 / row["seconds"])
        assert 0 <= row["valid_accuracy"] <= 1
        assert row["valid_loss"] > 0
    accuracies = [row["valid_accuracy"] for row in fitted.history_]
    assert fitted.best_epoch_ == accuracies.index(max(accuracies)) + 1


def test_the_last_row_says_what_the_trained_network_does_on_the_validation_videos(coloured, quick):
    from skvideo3d.training.labels import split_off

    videos, labels = [video[:16] for video in coloured[0]], coloured[1]
    fitted = VideoClassifier(**quick, validation=0.25).fit(videos, labels)
    _, valid = split_off(0.25, labels, None, seed=0)
    values = fitted.predict_proba([videos[place] for place in valid])
    right = values[np.arange(len(valid)), np.searchsorted(fitted.classes_, labels[valid])]
    row = fitted.history_[-1]
    # Each of these videos is one clip long, so that a video is as good as its clips.
    assert row["valid_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)
    expected = np.mean(fitted.classes_[values.argmax(1)] == labels[valid])
    assert row["valid_accuracy"] == row["valid_video_accuracy"] == expected


def test_integer_labels_come_back_as_integers(coloured, quick):
    videos, labels = coloured
    numbers = np.where(labels == "red", 7, -2)
    fitted = VideoClassifier(**quick).fit(videos, numbers)
    assert fitted.classes_.tolist() == [-2, 7]
    assert fitted.predict(videos).dtype == numbers.dtype


# --- predicting ---


def test_probabilities_are_means_over_evenly_spaced_clips(fitted):
    rng = np.random.default_rng(5)
    video = rng.integers(0, 256, (40, 24, 32, 3), dtype=np.uint8)
    found = fitted.set_params(n_test_clips=3).predict_proba([video])
    fitted.set_params(n_test_clips=10)
    recipe = fitted.preprocessing_
    # 3 clips of 16 in 40 frames begin at 0, 12 and 24.
    frames = np.stack([recipe.prepare_frame(frame) for frame in video])
    clips = recipe.prepare_clips(np.stack([frames[at : at + 16] for at in (0, 12, 24)]))
    with torch.no_grad():
        prob = fitted.network_(torch.from_numpy(clips.copy()), "prob")["prob"]
    np.testing.assert_allclose(found[0], prob.numpy().mean(axis=0), rtol=1e-4)
    assert found.dtype == np.float32
    assert found.sum() == pytest.approx(1, rel=1e-5)


def test_scores_are_of_videos(fitted, coloured):
    videos, labels = coloured
    predicted = fitted.predict(videos)
    assert fitted.score(videos, labels) == np.mean(predicted == labels)
    assert fitted.score(videos, labels[::-1]) == np.mean(predicted == labels[::-1])


def test_top_k_scores_are_scikit_learns(coloured, quick):
    videos, _ = coloured
    labels = np.array(list("abcd") * 3)
    fitted = VideoClassifier(**{**quick, "max_epochs": 1}).fit(videos, labels)
    values = fitted.predict_proba(videos)
    for k in (1, 2, 3):
        expected = top_k_accuracy_score(labels, values, k=k)
        assert fitted.top_k_score(videos, labels, k=k) == pytest.approx(expected)
    assert fitted.top_k_score(videos, labels) == 1  # k beyond the classes
    assert fitted.top_k_score(videos, ["z"] * 12) == 0  # a class nobody trained


@pytest.mark.parametrize("k", [0, -1, 1.5, "2", None])
def test_a_k_that_counts_no_classes_is_refused(fitted, coloured, k):
    with pytest.raises(ValueError, match=f"k={k!r}: give a whole number of classes, at least 1"):
        fitted.top_k_score(*coloured, k=k)


def test_videos_come_as_files_folders_arrays_and_segments(fitted, coloured, write_video, tmp_path):
    from PIL import Image

    video = coloured[0][0]
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(video):
        Image.fromarray(frame).save(folder / f"{number:03}.png")
    file = write_video(tmp_path / "video.mp4", list(np.repeat(np.repeat(video, 2, 1), 2, 2)))
    longer = np.concatenate([video, 255 - video])
    X = [video, folder, file, VideoSegment(longer, 0, len(video))]
    values = fitted.predict_proba(X)
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[3])
    assert values[2].argmax() == values[0].argmax()  # of a lossy codec
    np.testing.assert_array_equal(fitted.predict_proba(pd.Series(X)), values)


def test_many_videos_are_predicted_as_few_are(fitted, coloured):
    videos, _ = coloured
    many = fitted.predict_proba(videos * 3)  # more than are on the disk at a time
    np.testing.assert_allclose(many, np.tile(fitted.predict_proba(videos), (3, 1)), rtol=1e-4)


# --- scikit-learn ---


def test_clone_and_parameters(quick):
    classifier = VideoClassifier(C3D(5, width=1 / 16), lr=0.5, class_weight={"a": 2.0})
    cloned = clone(classifier)
    assert cloned.network is not classifier.network
    assert torch.equal(cloned.network.fc8.weight, classifier.network.fc8.weight)
    assert cloned.get_params()["lr"] == 0.5
    assert cloned.set_params(lr=0.25, network="i3d").get_params()["network"] == "i3d"
    assert "lr=0.5" in repr(classifier)
    assert is_classifier(classifier)


def test_tags_say_what_the_classifier_takes():
    tags = get_tags(VideoClassifier())
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.string
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required


def test_the_html_repr_links_to_the_documentation():
    page = VideoClassifier()._get_doc_link()
    assert page.endswith("api.html#skvideo3d.training.classifier.VideoClassifier")
    assert "VideoClassifier" in VideoClassifier()._repr_html_()


def test_a_grid_search_finds_the_better_learning_rate(coloured, quick, tmp_path):
    search = GridSearchCV(
        VideoClassifier(**{**quick, "max_epochs": 8}, memory=tmp_path),
        {"lr": [0.0, 0.01]},
        cv=StratifiedKFold(2),
        n_jobs=2,
    ).fit(*coloured)
    assert search.best_params_ == {"lr": 0.01}
    assert search.best_estimator_.score(*coloured) == 1
    assert search.predict(coloured[0]).shape == (12,)


def test_cross_validation_by_groups(coloured, quick):
    videos, labels = coloured
    groups = np.repeat(np.arange(3), 4)
    values = cross_val_predict(
        VideoClassifier(**quick),
        videos,
        labels,
        groups=groups,
        cv=GroupKFold(3),
        method="predict_proba",
    )
    train = groups != 0
    own = VideoClassifier(**quick).fit(
        [v for v, t in zip(videos, train, strict=True) if t], labels[train]
    )
    np.testing.assert_allclose(values[:4], own.predict_proba(videos[:4]), rtol=1e-4)


def test_groups_of_fit_are_for_the_validation_split(coloured, quick):
    videos, labels = coloured
    fitted = VideoClassifier(**quick, validation=1 / 3).fit(
        videos, labels, groups=np.repeat(["p", "q", "r"], 4)
    )
    assert fitted.history_[0]["n_clips"] == 8
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        VideoClassifier(**quick).fit(videos, labels, groups=[0, 1])


def test_before_fit_there_is_nothing_to_ask(coloured, quick, tmp_path):
    classifier = VideoClassifier(**quick)
    for call in (
        lambda: classifier.predict(coloured[0]),
        lambda: classifier.predict_proba(coloured[0]),
        lambda: classifier.score(*coloured),
        lambda: classifier.top_k_score(*coloured),
        lambda: classifier.save_weights(tmp_path / "x.safetensors"),
        classifier.as_transformer,
    ):
        with pytest.raises(NotFittedError):
            call()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", 3),
        ("weights", 3),
        ("recipe", 3),
        ("freeze", 3),
        ("input_size", 0),
        ("clip_len", 0),
        ("max_epochs", 0),
        ("batch_size", 0),
        ("lr", -1.0),
        ("weight_decay", -1.0),
        ("class_weight", "even"),
        ("validation", 1.5),
        ("n_test_clips", 0),
        ("on_error", "skip"),
        ("precision", "float16"),
        ("checkpoint_minutes", -1),
        ("accelerator", "cuda"),
    ],
)
def test_parameters_of_no_use_are_refused_by_name(coloured, quick, name, value):
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        VideoClassifier(**{**quick, name: value}).fit(*coloured)


def test_fit_leaves_the_parameters_alone(coloured, quick):
    params = {"network_params": {"width": 1 / 16}, "class_weight": {"red": 2.0}}
    classifier = VideoClassifier(**{**quick, **params})
    before = dict(classifier.get_params())
    classifier.fit(*coloured)
    assert classifier.get_params() == before
    public = [name for name in vars(classifier) if name not in before]
    assert all(name.endswith("_") and not name.startswith("_") for name in public)


# --- pickles, weights, transformers ---


def test_a_pickle_predicts_the_same_elsewhere(fitted, coloured, tmp_path):
    content = pickle.dumps(fitted)
    # Arrays of float32, once, and little else: no frames, no optimiser.
    n_bytes = sum(value.numel() * 4 for value in fitted.network_.state_dict().values())
    assert n_bytes < len(content) < 1.1 * n_bytes + 20_000
    assert b"torch" not in content.replace(b"skvideo3d", b"")
    again = pickle.loads(content)
    assert not hasattr(again, "net_")
    videos = coloured[0]
    np.testing.assert_array_equal(again.predict_proba(videos), fitted.predict_proba(videos))
    np.savez(tmp_path / "videos.npz", *videos)
    (tmp_path / "fitted.pkl").write_bytes(content)
    code = (
        "import pickle, sys, numpy as np, torch; torch.set_num_threads(1);"
        "found = np.load(sys.argv[1]);"
        "fitted = pickle.load(open(sys.argv[2], 'rb'));"
        "np.save(sys.argv[3], fitted.predict_proba([found[f'arr_{i}'] for i in range(12)]))"
    )
    paths = [tmp_path / name for name in ("videos.npz", "fitted.pkl", "values.npy")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)
    np.testing.assert_array_equal(np.load(paths[2]), fitted.predict_proba(videos))


def test_a_classifier_that_is_not_fitted_pickles(quick):
    again = pickle.loads(pickle.dumps(VideoClassifier(**quick)))
    assert again.get_params() == VideoClassifier(**quick).get_params()


def test_saved_weights_are_a_descriptor(fitted, coloured, tmp_path):
    video = coloured[0][0]
    fitted.save_weights(tmp_path / "mine.safetensors")
    transformer = C3DTransformer(tmp_path / "mine.safetensors", layer=("fc6", "prob"), norm=None)
    found = transformer.fit_transform([video[:16]])
    # Architecture and preprocessing are in the file.
    recipe = fitted.preprocessing_
    pixels = np.stack([recipe.prepare_frame(frame) for frame in video[:16]])[None]
    with torch.no_grad():
        clips = torch.from_numpy(recipe.prepare_clips(pixels).copy())
        own = fitted.network_(clips, ("fc6", "prob"))
    np.testing.assert_allclose(found[0], torch.cat([*own.values()], 1)[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[0, -2:], fitted.predict_proba([video[:16]])[0], rtol=1e-4)


@pytest.mark.parametrize("network", ["c3d", "c3d-bn", "study-depth-3"])
def test_a_trained_network_becomes_a_transformer(coloured, quick, network, tmp_path):
    fitted = VideoClassifier(network, **quick, on_error="nan").fit(*coloured)
    transformer = fitted.as_transformer("prob", tmp_path / "mine.safetensors", norm=None)
    assert isinstance(transformer, C3DTransformer)
    assert (transformer.clip_len, transformer.clip_stride) == (16, 8)
    assert transformer.on_error == "nan"
    videos = [video[:16] for video in coloured[0]]
    np.testing.assert_allclose(
        transformer.fit_transform(videos), fitted.predict_proba(videos), rtol=1e-3, atol=1e-5
    )


def test_without_a_path_the_file_is_in_the_folder_of_weights(fitted, coloured, monkeypatch):
    import os

    transformer = fitted.as_transformer()
    assert transformer.weights.startswith(os.environ["SKVIDEO3D_HOME"])
    assert fitted.as_transformer("pool5").weights == transformer.weights  # the same content
    assert transformer.fit_transform(coloured[0][:2]).shape == (2, 256)


def test_an_i3d_becomes_a_transformer(tmp_path):
    rng = np.random.default_rng(0)
    videos = [rng.integers(0, 100 + 100 * (i % 2), (9, 50, 50, 3)).astype(np.uint8) for i in (0, 1)]
    fitted = VideoClassifier(
        "i3d",
        recipe="kinetics",
        clip_len=9,
        input_size=193,
        network_params={"width": 1 / 32},
        max_epochs=1,
        batch_size=2,
        random_state=0,
    ).fit(videos, [0, 1])
    transformer = fitted.as_transformer("prob", tmp_path / "mine.safetensors", norm=None)
    assert isinstance(transformer, I3DTransformer)
    np.testing.assert_allclose(
        transformer.fit_transform(videos), fitted.predict_proba(videos), rtol=1e-3
    )


def test_only_networks_of_transformers_become_transformers(coloured, tmp_path):
    module = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2)
    )
    fitted = VideoClassifier(
        module, preprocessing=Preprocessing((24, 32), (12, 12)), max_epochs=1, batch_size=4
    ).fit(*coloured)
    with pytest.raises(TypeError, match="The network is a Sequential"):
        fitted.as_transformer(path=tmp_path / "x.safetensors")


# --- bad input ---


def test_one_class_is_refused(coloured, quick):
    with pytest.raises(ValueError, match="at least 2 classes; all 12 have the one class 'red'"):
        VideoClassifier(**quick).fit(coloured[0], ["red"] * 12)


def test_a_class_with_one_video_is_refused_where_validation_needs_two(coloured, quick):
    labels = ["red"] * 11 + ["blue"]
    with pytest.raises(ValueError, match="Class 'blue' has one video"):
        VideoClassifier(**quick, validation=0.2).fit(coloured[0], labels)
    assert VideoClassifier(**{**quick, "max_epochs": 1}).fit(coloured[0], labels).n_epochs_ == 1


def test_labels_that_do_not_match_are_refused(coloured, quick):
    with pytest.raises(ValueError, match="12 videos in X and 11 labels in y"):
        VideoClassifier(**quick).fit(coloured[0], coloured[1][:-1])


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(200))
    return str(path)


def test_an_unreadable_video_in_the_middle_is_refused_by_name(coloured, quick, broken):
    videos, labels = coloured
    X = [*videos[:5], broken, *videos[6:]]
    with pytest.raises(VideoDecodeError, match=r"Item 5 of X.*broken\.mp4"):
        VideoClassifier(**quick).fit(X, labels)
    with pytest.raises(VideoNotFoundError, match="Item 5 of X"):
        VideoClassifier(**quick).fit([*videos[:5], "gone.mp4", *videos[6:]], labels)


def test_an_unreadable_video_is_skipped_and_counted(coloured, quick, broken):
    videos, labels = coloured
    X = [*videos[:5], broken, *videos[6:], "gone.mp4"]
    y = [*labels, "red"]
    classifier = VideoClassifier(**quick, on_error="nan")
    with pytest.warns(UserWarning, match="2 of 13 videos could not be trained on"):
        classifier.fit(X, y)
    assert [(place, video) for place, video, _ in classifier.failures_] == [
        (5, broken),
        (12, "gone.mp4"),
    ]
    kept = [place for place in range(12) if place != 5]
    without = VideoClassifier(**quick).fit([videos[place] for place in kept], labels[kept])
    one, other = classifier.network_.state_dict(), without.network_.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    with pytest.warns(UserWarning, match="2 of 13 videos could not be classified"):
        values = classifier.predict_proba(X)
    assert np.flatnonzero(np.isnan(values).all(axis=1)).tolist() == [5, 12]
    np.testing.assert_allclose(
        np.delete(values, [5, 12], axis=0),
        without.predict_proba([videos[at] for at in kept]),
        rtol=1e-4,
    )
    with (
        pytest.warns(UserWarning, match="2 of 13"),
        pytest.raises(VideoDecodeError, match=r"2 of 13 videos cannot be read.*broken\.mp4"),
    ):
        classifier.predict(X)


def test_videos_that_all_fail_are_refused(quick, broken):
    classifier = VideoClassifier(**quick, on_error="nan")
    with pytest.raises(VideoDecodeError, match=r"None of the 2 videos can be read.*broken\.mp4"):
        classifier.fit([broken, broken], ["a", "b"])


def test_a_class_of_which_all_videos_fail_is_refused(coloured, quick, broken):
    classifier = VideoClassifier(**quick, on_error="nan")
    with pytest.raises(VideoDecodeError, match="No video of class 'white' can be read"):
        classifier.fit([*coloured[0], broken], [*coloured[1], "white"])


def test_what_is_no_video_is_refused_whatever_on_error_says(coloured, quick):
    with pytest.raises(TypeError, match="Item 1 of X"):
        VideoClassifier(**quick, on_error="nan").fit([coloured[0][0], 3.5 + 1j], ["a", "b"])
    with pytest.raises(ValueError, match="wrap it in a list"):
        VideoClassifier(**quick).fit("video.mp4", ["a"])


# --- where frames are kept, and what is seen of them ---


@pytest.mark.parametrize("wrap", [str, lambda path: Memory(path, verbose=0)])
def test_frames_are_kept_for_the_next_fit(coloured, quick, wrap, tmp_path):
    quick = {**quick, "memory": wrap(tmp_path), "max_epochs": 1}
    first = VideoClassifier(**quick).fit(*coloured)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "frames").rglob("*.*")}
    assert len(files) >= 12
    second = VideoClassifier(**quick).fit(*coloured)
    assert torch.equal(first.network_.fc6.weight, second.network_.fc6.weight)
    for path, written in files.items():
        assert path.stat().st_mtime_ns == written
    without = VideoClassifier(**{**quick, "memory": None}).fit(*coloured)
    assert torch.equal(first.network_.fc6.weight, without.network_.fc6.weight)


def test_without_a_folder_no_frames_are_left(coloured, quick, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    VideoClassifier(**{**quick, "max_epochs": 1}).fit(*coloured).predict(coloured[0])
    assert list(tmp_path.iterdir()) == []


def test_frames_beyond_the_bound_are_decoded_again_with_the_same_result(coloured, quick, tmp_path):
    quick = {**quick, "max_epochs": 2}
    with pytest.warns(UserWarning, match="max_bytes"):
        bounded = VideoClassifier(**quick, max_bytes=50_000).fit(*coloured)
    whole = VideoClassifier(**quick).fit(*coloured)
    assert torch.equal(bounded.network_.fc6.weight, whole.network_.fc6.weight)


def test_training_crops_and_flips_as_the_recipe_says(coloured):
    # The clips of an epoch are what the jitter draws; without it, what predicting sees.
    recipe = find_recipe("ucf101-study")
    assert (recipe.jitter, Jitter((112, 112), recipe.flip)) == (True, Jitter((112, 112)))

    from torch import nn

    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, clips):
            key = "trained" if self.training else "tested"
            seen.setdefault(key, []).extend(clips.detach().clone())
            return self.linear(clips.mean((2, 3, 4)))

        def __deepcopy__(self, memo):
            return Watching()

    videos, labels = coloured
    for jitter in (False, True):
        seen = {}
        fitted = VideoClassifier(
            Watching(),
            recipe=TrainingRecipe(max_epochs=2, batch_size=4, jitter=jitter),
            preprocessing=Preprocessing((24, 32), (12, 12)),
            random_state=0,
        ).fit([video[:16] for video in videos], labels)
        fitted.predict_proba([video[:16] for video in videos])
        # The first clip asked, before the training, how many scores the module gives.
        tested = [clip.numpy().tobytes() for clip in seen["tested"][1:]]
        trained = [clip.numpy().tobytes() for clip in seen["trained"]]
        assert len(tested) == 12
        assert len(trained) == 24
        if jitter:
            assert len(set(trained)) == 24
        else:
            assert sorted(trained) == sorted(tested * 2)


# --- progress, and what must be installed ---


def test_progress_is_on_stderr_when_asked_for(coloured, quick, capsys):
    VideoClassifier(**quick, validation=0.25, verbose=1).fit(*coloured)
    said = capsys.readouterr()
    assert said.out == ""
    # 9 clips in batches of 4 and 5, three times.
    for part in ("epoch 3/3", "6/6", "loss", "accuracy", "clips/s", "validation loss"):
        assert part in said.err
    assert "parameters to learn from 9 clips an epoch, of 9 videos" in said.err
    assert re.search(r"most frequent class is right for \d\d\.\d%", said.err)
    VideoClassifier(**quick).fit(*coloured)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_without_skorch_the_error_names_the_extra(coloured, quick, monkeypatch):
    monkeypatch.setitem(sys.modules, "skorch", None)
    classifier = VideoClassifier(**quick)  # naming parameters costs nothing
    with pytest.raises(ImportError, match=r"pip install 'skvideo3d\[train\]'"):
        classifier.fit(*coloured)


def test_importing_the_package_brings_no_torch():
    code = (
        "import sys, skvideo3d.training as t; dir(t); t.RECIPES; t.Jitter;"
        "assert 'torch' not in sys.modules and 'skorch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
