"""Whole protocols on miniature sets in the official layout, with figures worked out beside them."""

import csv
import re
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from miniatures.aslan import write_aslan
from miniatures.dynamic_scenes import write_scenes
from miniatures.hmdb51 import write_hmdb51
from miniatures.object_sequences import write_sequences
from miniatures.ucf101 import write_ucf101
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import loadmat
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import (
    LeaveOneGroupOut,
    LeaveOneOut,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, PairSimilarityTransformer, VideoSegment
from skvideo3d.benchmarks import (
    aslan,
    compactness,
    hmdb51,
    objects,
    runtime,
    scenes,
    ucf101,
    video_folder,
)
from skvideo3d.datasets import load_aslan
from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.feature_extraction.store import DescriptorStore

SVM = LinearSVC(C=1.0, max_iter=10_000, random_state=0)


def dull_rows(videos):
    """Numbers that tell the class often, not always: figures are then neither 0 nor 100."""
    names = [f"{v.video}{v.start}" if isinstance(v, VideoSegment) else v for v in videos]
    noise = np.array([zlib.crc32(Path(str(name)).name.encode()) / 2**32 for name in names])
    label = np.array([zlib.crc32(Path(str(name)).parent.name.encode()) / 2**32 for name in names])
    return np.stack([label + noise, noise**2], axis=1).astype(np.float32)


DULL = FunctionTransformer(dull_rows)


@pytest.fixture(scope="module")
def ucf(tmp_path_factory):
    root = tmp_path_factory.mktemp("ucf")
    write_ucf101(root)
    return root


@pytest.fixture(scope="module")
def hmdb(tmp_path_factory):
    root = tmp_path_factory.mktemp("hmdb")
    write_hmdb51(root)
    return root


@pytest.fixture(scope="module")
def yupenn(tmp_path_factory):
    root = tmp_path_factory.mktemp("yupenn")
    write_scenes(root, "yupenn", n_videos=2)
    return root


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("sequences")
    write_sequences(root)
    return root


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    root = tmp_path_factory.mktemp("aslan")
    write_aslan(root)
    return root


def percent(hits):
    return 100 * float(np.mean(hits))


# --- UCF101 and HMDB51 -------------------------------------------------------------------------


def ucf_by_hand(root):
    """Paths, labels and groups from the names; the miniature's split k tests 2k - 1 and 2k."""
    paths = sorted(str(path) for path in root.rglob("*.avi"))
    classes = sorted({Path(path).parent.name for path in paths})
    y = np.array([classes.index(Path(path).parent.name) for path in paths])
    group = np.array([int(re.search(r"_g(\d+)_", path)[1]) for path in paths])
    return paths, y, group


@pytest.mark.parametrize("describer", ["dull", "network"])
def test_ucf101_is_the_mean_over_splits_of_an_svm_on_descriptors(ucf, describer, small_c3d):
    describer = DULL if describer == "dull" else C3DTransformer(small_c3d)
    result = ucf101(ucf, describer=describer)
    paths, y, group = ucf_by_hand(ucf)
    rows = describer.fit_transform(paths)
    accuracy = []
    for split in (1, 2, 3):
        test = (group == 2 * split - 1) | (group == 2 * split)
        model = LinearSVC(random_state=0).fit(rows[~test], y[~test])
        accuracy.append(percent(model.predict(rows[test]) == y[test]))
    (row,) = result.rows
    assert_allclose(row.folds["accuracy"], accuracy)
    assert row.figures["accuracy"] == pytest.approx(np.mean(accuracy))
    assert result.fold_names == ["split 1", "split 2", "split 3"]
    assert (result.data.n_used, result.data.n_listed, result.chance) == (36, 36, 100 / 3)
    assert len(result.predictions) == 36
    assert list(result.class_counts.values()) == [12, 12, 12]
    if describer is DULL:
        assert 40 < row.figures["accuracy"] < 100


def test_some_splits_and_classes_of_ucf101(ucf):
    result = ucf101(ucf, describer=DULL, splits=[2], classes=["Archery", "HandstandPushups"])
    assert result.fold_names == ["split 2"]
    assert {row["target"] for row in result.predictions} == {"Archery", "HandstandPushups"}
    assert all("_g03_" in row["video"] or "_g04_" in row["video"] for row in result.predictions)
    with pytest.raises(ValueError, match=r"splits=\[4\]: choose from 1 to 3"):
        ucf101(ucf, describer=DULL, splits=[4])


def test_hmdb51_describes_what_the_chosen_splits_use(hmdb, small_c3d, tmp_path):
    describer = C3DTransformer(small_c3d, memory=tmp_path)
    result = hmdb51(hmdb, describer=describer, splits=[1])
    train, test = [], []
    for path in sorted(hmdb.rglob("*_test_split1.txt")):
        action = path.name.removesuffix("_test_split1.txt")
        for line in path.read_text().splitlines():
            name, flag = line.rsplit(maxsplit=1)
            video = str(hmdb / "hmdb51_org" / action / name)
            {"0": [], "1": train, "2": test}[flag].append((video, action))
    described = DescriptorStore(tmp_path).readings()
    assert sorted(described) == sorted(video for video, _ in train + test)
    rows = C3DTransformer(small_c3d).fit_transform([video for video, _ in train + test])
    y = np.array([action for _, action in train + test])
    model = LinearSVC(random_state=0).fit(rows[: len(train)], y[: len(train)])
    expected = percent(model.predict(rows[len(train) :]) == y[len(train) :])
    assert result.rows[0].figures["accuracy"] == pytest.approx(expected)


def test_networks_of_a_union_are_concatenated(ucf, small_c3d):
    union = FeatureUnion(
        [("a", C3DTransformer(small_c3d)), ("b", C3DTransformer(small_c3d, pooling="max"))]
    )
    result = ucf101(ucf, describer=union)
    one = ucf101(ucf, describer=C3DTransformer(small_c3d))
    assert result.settings["n_features"] == 2 * one.settings["n_features"]
    assert result.rows[0].method.startswith("C3D fc6 (small) + C3D fc6 (small), linear SVM")


def test_c_is_searched_inside_the_training_videos(ucf):
    result = ucf101(ucf, describer=DULL, param_grid={"C": [0.01, 1.0, 100.0]})
    chosen = result.settings["best_params"]
    assert len(chosen) == 3
    assert all(params["C"] in (0.01, 1.0, 100.0) for params in chosen)


def test_any_classifier_will_do(ucf):
    knn = KNeighborsClassifier(1)
    result = ucf101(ucf, describer=DULL, classifier=make_pipeline(StandardScaler(), knn))
    assert result.rows[0].method == "FunctionTransformer, Pipeline"
    paths, y, group = ucf_by_hand(ucf)
    cv = [(np.flatnonzero(group > 2), np.flatnonzero(group <= 2))]
    expected = cross_val_score(make_pipeline(StandardScaler(), knn), dull_rows(paths), y, cv=cv)
    assert result.rows[0].folds["accuracy"][0] == pytest.approx(100 * expected[0])


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["ucf101", "hmdb51"])
def test_real_clips_in_the_official_layout(name, realdata, tmp_path, small_c3d):
    real = sorted((realdata / name).glob("*.avi"))
    write, run = {"ucf101": (write_ucf101, ucf101), "hmdb51": (write_hmdb51, hmdb51)}[name]
    write(tmp_path)
    ours = sorted(tmp_path.rglob("*.avi"))
    for real_file, generated in zip(real, ours[:: len(ours) // 4], strict=False):
        shutil.copyfile(real_file, generated)
    result = run(tmp_path, describer=C3DTransformer(small_c3d))
    assert result.data.n_used == len(ours)
    assert result.counts["clips"] > len(ours)  # the real ones are longer than one clip


# --- what is missing or unreadable -------------------------------------------------------------


def test_missing_videos_are_an_error_or_counted(ucf, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(ucf, root)
    for name in ("v_Archery_g01_c01.avi", "v_Archery_g05_c02.avi"):
        next(root.rglob(name)).unlink()
    with pytest.raises(ValueError, match=r"2 of the 36 listed videos .*v_Archery_g01_c01"):
        ucf101(root, describer=DULL)
    result = ucf101(root, describer=DULL, missing="drop")
    assert (result.data.n_used, result.data.n_missing, result.data.n_listed) == (34, 2, 36)
    assert "Used 34 of 36 listed videos (94.4 %): 2 missing." in str(result)


def test_an_unreadable_video_is_left_out_of_the_figures_unless_asked(ucf, tmp_path, small_c3d):
    root = tmp_path / "set"
    shutil.copytree(ucf, root)
    broken = next(root.rglob("v_Archery_g03_c01.avi"))
    broken.write_bytes(b"no video")
    describer = C3DTransformer(small_c3d)
    result = ucf101(root, describer=describer)
    assert (result.data.n_used, result.data.n_failed) == (35, 1)
    assert result.data.failures[0][0] == str(broken)
    assert "1 unreadable" in str(result)
    broken.unlink()
    without = ucf101(root, describer=describer, missing="drop")
    assert result.rows[0].folds == without.rows[0].folds
    broken.write_bytes(b"no video")
    with pytest.raises(VideoDecodeError, match="v_Archery_g03_c01"):
        ucf101(root, describer=describer, on_error="raise")


def test_results_among_the_videos_are_no_videos(ucf, tmp_path):
    root = tmp_path / "videos"
    shutil.copytree(ucf / "UCF-101", root)
    first = video_folder(root, describer=DULL, memory=root / "work")
    first.save(root / "Archery" / "results")
    again = video_folder(root, describer=DULL, memory=root / "work")
    assert again.per_class == first.per_class


def test_a_second_run_reuses_everything_and_says_so(ucf, small_c3d, tmp_path):
    describer = C3DTransformer(small_c3d)
    first = ucf101(ucf, describer=describer, memory=tmp_path)
    assert (first.counts["described"], first.counts["reused"]) == (36, 0)
    again = ucf101(ucf, describer=describer, memory=tmp_path)
    assert (again.counts["described"], again.counts["reused"]) == (0, 36)
    assert "Described 0 now, 36 reused, 0 clips computed." in str(again)
    assert again.rows == first.rows
    assert again.predictions == first.predictions


def test_what_produced_the_figures_is_in_the_result(ucf, small_c3d):
    describer = C3DTransformer(small_c3d)
    settings = ucf101(ucf, describer=describer).settings
    assert settings["weights_sha256"] == {"C3DTransformer": describer.fit(["any"]).weights_sha256_}
    assert set(settings["versions"]) >= {"skvideo3d", "scikit-learn", "torch", "numpy", "python"}
    assert "LinearSVC" in settings["classifier"]


# --- compactness -------------------------------------------------------------------------------


def test_compactness_projects_on_components_of_the_training_videos(ucf, small_c3d):
    describer = C3DTransformer(small_c3d)
    result = compactness(ucf, describer=describer, dimensions=(2, 5, 500))
    paths, y, group = ucf_by_hand(ucf)
    rows = describer.fit_transform(paths).astype(np.float64)
    for k in (2, 5):
        accuracy = []
        for split in (1, 2, 3):
            test = (group == 2 * split - 1) | (group == 2 * split)
            mean = rows[~test].mean(axis=0)
            _, _, axes = np.linalg.svd(rows[~test] - mean, full_matrices=False)
            low = (rows - mean) @ axes[:k].T
            model = LinearSVC(random_state=0, max_iter=10_000).fit(low[~test], y[~test])
            accuracy.append(percent(model.predict(low[test]) == y[test]))
        assert_allclose(result.rows[0].folds[str(k)], accuracy)
    whole = ucf101(ucf, describer=describer)
    assert result.rows[0].figures["all"] == pytest.approx(whole.rows[0].figures["accuracy"])
    assert result.metrics == ("2", "5", "all")
    of_two = [row for row in result.predictions if row["dimensions"] == "2"]
    assert percent([row["target"] == row["prediction"] for row in of_two]) == pytest.approx(
        result.rows[0].figures["2"]
    )
    assert any("500 dimensions" in note for note in result.notes)
    assert result.curves["compactness"]["dimensions"] == [2, 5, rows.shape[1]]
    with pytest.raises(ValueError, match="dimensions"):
        compactness(ucf, describer=describer, dimensions=(0,))


def test_compactness_comes_after_what_the_describer_learns(ucf, small_c3d):
    describer = C3DTransformer(small_c3d, n_components=5, random_state=0)
    result = compactness(ucf, describer=describer, dimensions=(2, 8))
    assert result.metrics == ("2", "all")
    assert result.curves["compactness"]["dimensions"] == [2, 5]


def test_a_split_whose_test_videos_are_all_unreadable_is_named(ucf, tmp_path, small_c3d):
    root = tmp_path / "set"
    shutil.copytree(ucf, root)
    for path in root.rglob("*_g0[12]_*.avi"):
        path.write_bytes(b"no video")
    describer = C3DTransformer(small_c3d)
    for result in (
        ucf101(root, describer=describer),
        compactness(root, describer=describer, dimensions=(2,)),
    ):
        assert result.fold_names == ["split 2", "split 3"]
        assert any("of split 1: the mean is without it" in note for note in result.notes)
    with pytest.raises(ValueError, match="none of the 1 folds has a test video"):
        ucf101(root, describer=describer, splits=[1])


# --- ASLAN -------------------------------------------------------------------------------------


def test_aslan_is_ten_folds_of_standardised_similarities(pairs, small_c3d):
    describer = C3DTransformer(small_c3d, layer=("prob", "fc7", "fc6", "pool5"))
    result = aslan(pairs, describer=describer, classifier=LinearSVC(C=0.05, random_state=0))
    table = loadmat(pairs / "View2.mat")["action_splits_pairs"].astype(int)
    videos = [
        [(f"{pairs}/ASLAN_AVI/{a:04d}.avi", f"{pairs}/ASLAN_AVI/{b:04d}.avi") for a, b in part]
        for part in np.moveaxis(table[:, :2], 2, 0)
    ]
    same = np.moveaxis(table[:, 2], 1, 0)
    rows = PairSimilarityTransformer(describer).fit_transform(
        [pair for part in videos for pair in part]
    )
    rows = rows.reshape(10, 8, 48)
    # The first row of the table, fc6's chi distance alone, and pool5's twelve.
    for name, columns in {
        "all 48": range(48),
        "fc6, chi distance": [24 + 5],
        "pool5, all 12": range(36, 48),
    }.items():
        accuracy, scores = [], []
        for k in range(10):
            train = np.arange(10) != k
            x, y = rows[train].reshape(-1, 48)[:, columns], same[train].ravel()
            mean, deviation = x.mean(axis=0), x.std(axis=0)
            deviation[deviation == 0] = 1
            model = LinearSVC(C=0.05, random_state=0).fit((x - mean) / deviation, y)
            score = model.decision_function((rows[k][:, columns] - mean) / deviation)
            accuracy.append(percent((score > 0) == same[k]))
            scores.append(score)
        (row,) = [row for row in result.rows if row.method.endswith(name)]
        assert_allclose(row.folds["accuracy"], accuracy)
        figures = row.figures
        assert figures["accuracy"] == pytest.approx(np.mean(accuracy))
        error = np.sqrt(np.sum((accuracy - np.mean(accuracy)) ** 2) / 9) / np.sqrt(10)
        assert figures["standard error"] == pytest.approx(error)
        # The area is the chance that a same pair scores higher than another one.
        high, low = (np.array(scores)[same == value] for value in (1, 0))
        wins = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
        assert figures["auc"] == pytest.approx(100 * wins, abs=0.1)
    assert len(result.rows) == 1 + 4 + 48
    assert set(result.curves["roc"]) == {"fpr", "tpr"}
    assert len(result.predictions) == 80


def test_aslan_with_a_describer_that_learns_learns_from_training_pairs(pairs, small_c3d, tmp_path):
    describer = C3DTransformer(small_c3d, n_components=4, random_state=0)
    first = aslan(pairs, describer=describer, memory=tmp_path)
    again = aslan(pairs, describer=describer, memory=tmp_path)
    assert len(DescriptorStore(tmp_path / "descriptors").readings()) == 12
    assert again.counts == {"described": 0, "reused": 12, "clips": 0}
    assert first.rows == again.rows
    # By hand, for the third fold: the PCA of the training pairs' videos.
    videos = load_aslan(pairs)
    train, test = videos.cv[2]
    model = make_pipeline(PairSimilarityTransformer(describer), StandardScaler(), SVM)
    model.fit([videos.data[i] for i in train], videos.target[train])
    expected = percent(model.predict([videos.data[i] for i in test]) == videos.target[test])
    assert first.rows[0].folds["accuracy"][2] == pytest.approx(expected)


@pytest.mark.parametrize("learns", ["nothing", "components", "what nobody can see"])
def test_pairs_with_an_unreadable_video_are_left_out_whatever_is_learnt(
    pairs, tmp_path, small_c3d, learns
):
    root = tmp_path / "set"
    shutil.copytree(pairs, root)
    (root / "ASLAN_AVI" / "0003.avi").write_bytes(b"no video")
    describer = C3DTransformer(small_c3d, n_components=3 if learns == "components" else None)
    if learns == "what nobody can see":
        describer = FeatureUnion([("net", describer), ("none", Nothing())])
    result = aslan(root, describer=describer, memory=tmp_path / "work")
    table = loadmat(root / "View2.mat")["action_splits_pairs"]
    n_spoilt = int(((table[:, 0] == 3) | (table[:, 1] == 3)).sum())
    assert result.data.n_failed == n_spoilt > 0
    assert result.data.n_used == 80 - n_spoilt
    assert "0003.avi" in str(result)
    assert len(DescriptorStore(tmp_path / "work" / "descriptors").readings()) == 12


class Nothing(TransformerMixin, BaseEstimator):
    """Learns from videos, as far as anybody can tell."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.zeros((len(X), 1))


# --- scenes and objects ------------------------------------------------------------------------


@pytest.mark.parametrize("describer", ["dull", "network"])
def test_scenes_are_left_out_one_by_one(yupenn, describer, small_c3d):
    describer = DULL if describer == "dull" else C3DTransformer(small_c3d)
    result = scenes(yupenn, describer=describer, missing="drop")
    paths = sorted(str(path) for path in yupenn.rglob("*.mov"))
    y = np.array([Path(path).parent.name for path in paths])
    predicted = cross_val_predict(SVM, describer.fit_transform(paths), y, cv=LeaveOneOut())
    assert result.benchmark == "scenes/yupenn"
    assert result.rows[0].figures["accuracy"] == pytest.approx(percent(predicted == y))
    assert sum(map(sum, result.confusion["matrix"])) == 28
    by_class = sorted(percent(predicted[y == name] == name) for name in set(y))
    assert sorted(result.per_class.values()) == by_class
    assert (result.data.n_used, result.data.n_listed) == (28, 420)


# scikit-learn finds 13 classes many for 26 videos.
@pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning")
def test_a_class_folder_that_is_perhaps_misspelt_is_noted(yupenn, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(yupenn, root)
    beach = next(path for path in root.iterdir() if path.name.lower().startswith("beach"))
    beach.rename(root / "Beech")
    result = scenes(root, describer=DULL, missing="drop")
    assert "13 classes" in result.title
    assert any("Beech" in note for note in result.notes)


def test_leave_one_out_far_below_chance_is_explained(yupenn):
    # Rows that do not differ at all: what is left to go by is how frequent a class is.
    same = FunctionTransformer(lambda videos: np.ones((len(videos), 2)))
    result = scenes(yupenn, describer=same, missing="drop")
    assert result.rows[0].figures["accuracy"] < 100 / 28
    assert any("below chance" in note for note in result.notes)


def test_objects_are_windows_with_one_sequence_left_out(sequences, small_c3d, tmp_path):
    describer = C3DTransformer(small_c3d)
    result = objects(sequences, describer=describer)
    # By hand, see write_sequences: object k has frames 21 k to 21 k + 17 of 64, in turn.
    windows, y, groups = [], [], []
    for number, path in enumerate(sorted(sequences.glob("*.avi"))):
        for start in range(0, 64 - 15, 8):
            shown = [
                (number + frame // 21) % 3 if frame < 63 and frame % 21 < 18 else None
                for frame in range(start, start + 16)
            ]
            counts = [shown.count(k) for k in range(3)]
            if max(counts) >= 8:
                best = max(
                    range(3), key=lambda k: (counts[k], -shown.index(k) if k in shown else -99)
                )
                windows.append(VideoSegment(str(path), start, start + 16))
                y.append(best)
                groups.append(number)
    assert result.data.n_used == len(windows)
    rows = describer.fit_transform(windows)
    cv = list(LeaveOneGroupOut().split(rows, y, groups))
    names = np.array(["cup", "phone", "book"])
    predicted = cross_val_predict(SVM, rows, names[y], cv=cv)
    assert result.rows[0].figures["accuracy"] == pytest.approx(percent(predicted == names[y]))
    assert [row["target"] for row in result.predictions] == names[y].tolist()


# --- runtime -----------------------------------------------------------------------------------


def test_runtime_counts_every_frame_and_splits_the_time(sequences, small_c3d):
    network = C3DTransformer(small_c3d)
    result = runtime(sequences, describer=network)
    figures = result.rows[0].figures
    assert figures["fps"] * figures["hours"] * 3600 == pytest.approx(3 * 64)
    assert 0 < figures["network %"] <= 100
    assert 0 < figures["reading %"] + figures["preprocessing %"] <= 100
    assert figures["peak MiB"] > 50
    assert [row["frames"] for row in result.predictions] == [64, 64, 64]
    assert [row["clips"] for row in result.predictions] == [7, 7, 7]
    assert any(row.figures.get("fps") for row in result.published)


def test_runtime_on_a_part_scales_the_hours_up(sequences, small_c3d):
    result = runtime(sequences, describer=C3DTransformer(small_c3d), limit=1)
    figures = result.rows[0].figures
    assert figures["fps"] * figures["hours"] * 3600 == pytest.approx(3 * 64)
    assert result.data.n_used == 1


def test_runtime_of_several_networks_has_a_row_for_each(sequences, small_c3d):
    union = FeatureUnion(
        [("a", C3DTransformer(small_c3d)), ("b", C3DTransformer(small_c3d, layer="pool5"))]
    )
    assert len(runtime(sequences, describer=union).rows) == 2


def test_runtime_takes_nothing_from_a_store(sequences, small_c3d, tmp_path):
    network = C3DTransformer(small_c3d, memory=tmp_path)
    network.fit_transform([str(path) for path in sequences.glob("*.avi")])
    assert runtime(sequences, describer=network).predictions[0]["clips"] == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"describer": DULL}, "cannot be timed stage by stage"),
        ({"limit": 0}, "at least one video"),
    ],
)
def test_runtime_refuses_what_it_cannot_time(sequences, options, message):
    with pytest.raises(ValueError, match=message):
        runtime(sequences, **options)


# --- the user's own folder ---------------------------------------------------------------------


def folder_by_hand(root):
    paths = sorted(str(path) for path in (root / "UCF-101").rglob("*.avi"))
    y = np.array([Path(path).parent.name for path in paths])
    return paths, y, np.array([int(re.search(r"_g(\d+)_", path)[1]) for path in paths])


@pytest.mark.parametrize("cv", ["leave-one-out", "leave-one-group-out", None])
def test_own_videos_are_cross_validated(ucf, cv):
    groups = None if cv == "leave-one-out" else r"_g(\d+)_"
    result = video_folder(ucf / "UCF-101", describer=DULL, cv=cv, groups=groups)
    paths, y, group = folder_by_hand(ucf)
    splitter = LeaveOneOut() if groups is None else LeaveOneGroupOut()
    folds = list(splitter.split(paths, y, groups and group))
    predicted = cross_val_predict(SVM, dull_rows(paths), y, cv=folds)
    if groups is None:
        assert result.rows[0].figures["accuracy"] == pytest.approx(percent(predicted == y))
    else:
        expected = [percent(predicted[test] == y[test]) for _, test in folds]
        assert_allclose(result.rows[0].folds["accuracy"], expected)
        assert result.fold_names[0] == "without 01"
    recall = [percent(predicted[y == name] == name) for name in np.unique(y)]
    assert_allclose(list(result.per_class.values()), recall)
    assert "class" in str(result)


def test_classes_of_different_sizes_are_said(ucf, tmp_path):
    root = tmp_path / "videos"
    shutil.copytree(ucf / "UCF-101", root)
    for path in sorted((root / "Archery").iterdir())[2:]:
        path.unlink()
    shutil.rmtree(root / "ApplyEyeMakeup")
    result = video_folder(root, describer=DULL)
    # 12 of 14 videos.
    assert any("guessing 'HandstandPushups' would reach 85.7" in note for note in result.notes)


def test_a_class_in_one_group_alone_is_no_hindrance_to_leaving_groups_out(ucf, tmp_path):
    root = tmp_path / "videos"
    shutil.copytree(ucf / "UCF-101", root)
    for path in (root / "Archery").iterdir():
        if "_g01_" not in path.name:
            path.unlink()
    result = video_folder(root, describer=DULL, groups=r"_g(\d+)_")
    assert result.per_class["Archery"] == 0
    with pytest.raises(ValueError, match="all videos are of one group"):
        video_folder(root, describer=DULL, groups=r"_(g)\d+_")


def test_stratified_folds_have_every_class_and_are_five(ucf):
    result = video_folder(ucf / "UCF-101", describer=DULL)
    assert len(result.fold_names) == 5
    for name in result.fold_names:
        targets = {row["target"] for row in result.predictions if row["fold"] == name}
        assert len(targets) == 3
    assert len({row["video"] for row in result.predictions}) == 36


@pytest.mark.parametrize("cv", ["grouped", None])
def test_grouped_folds_keep_groups_together(ucf, cv):
    result = video_folder(ucf / "UCF-101", describer=DULL, cv=cv, groups=r"_(g\d+)_", n_folds=3)
    assert len(result.fold_names) == 3
    folds = {}
    for row in result.predictions:
        folds.setdefault(re.search(r"_(g\d+)_", row["video"])[1], set()).add(row["fold"])
    assert all(len(used) == 1 for used in folds.values())


def test_a_class_with_one_video_is_refused_with_what_to_do(ucf, tmp_path):
    root = tmp_path / "videos"
    shutil.copytree(ucf / "UCF-101", root)
    for path in sorted((root / "Archery").iterdir())[1:]:
        path.unlink()
    with pytest.raises(
        ValueError, match=r"class 'Archery' has 1 video, too few for 2 folds.*--fol"
    ):
        video_folder(root, describer=DULL)
    assert video_folder(root, describer=DULL, cv="leave-one-out").per_class["Archery"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": "grouped"}, "needs groups"),
        ({"cv": "leave-one-group-out"}, "needs groups"),
        ({"cv": "ten"}, "use 'stratified'"),
        ({"n_folds": 13}, "too few for 13 folds"),
        ({"n_folds": 1}, "at least 2 folds"),
        ({"n_folds": 3, "cv": "leave-one-out"}, "is for cv='stratified'"),
        ({"classes": ["Archery"]}, "one class, 'Archery'"),
        ({"on_error": "skip"}, "use 'drop' or 'raise'"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(ucf, options, message):
    with pytest.raises(ValueError, match=message):
        video_folder(ucf / "UCF-101", describer=DULL, **options)


@pytest.mark.parametrize("run", [ucf101, hmdb51, aslan, scenes, objects, runtime, video_folder])
def test_a_root_without_the_set_is_refused(run, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        run(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))):
        run(tmp_path)


# --- saved -------------------------------------------------------------------------------------


def test_predictions_are_saved_one_row_a_video(ucf, tmp_path):
    result = ucf101(ucf, describer=DULL)
    written = result.save(tmp_path)
    assert [path.name for path in written] == [
        "result.json",
        "result.md",
        "predictions.csv",
        "result.png",
        "confusion.png",
    ]
    with open(tmp_path / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    hits = np.array([row["target"] == row["prediction"] for row in rows])
    folds = np.array([row["fold"] for row in rows])
    accuracy = [percent(hits[folds == name]) for name in result.fold_names]
    assert_array_equal(accuracy, result.rows[0].folds["accuracy"])
