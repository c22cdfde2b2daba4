"""VideoExtractor: what goes in comes back with descriptors, in this process and in others."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, FrameTransformer
from skvideo3d.exceptions import CheckpointError, VideoNotFoundError
from skvideo3d.feature_extraction import VideoExtractor
from skvideo3d.feature_extraction.network import _by_device
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.models import StudyNetwork, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video import C3D_PREPROCESSING

N_FEATURES = 256  # of small_c3d


@pytest.fixture
def paths(tmp_path, write_video):
    rng = np.random.default_rng(0)
    made = []
    for number in range(3):
        frames = list(rng.integers(0, 256, (18 + number, 32, 48, 3), dtype=np.uint8))
        made.append(write_video(tmp_path / f"v{number}.mp4", frames))
    return made


@pytest.fixture
def rows(small_c3d, paths):
    return C3DTransformer(small_c3d).transform(paths)


@pytest.fixture
def extract(small_c3d):
    return VideoExtractor(C3DTransformer(small_c3d))


# --- the forms of a batch --------------------------------------------------------------------


def test_a_mapping_of_arrays_gets_three_columns(extract, paths, rows):
    batch = {"path": np.array(paths), "label": np.array([2, 0, 1])}
    found = extract(batch)
    assert list(found) == ["path", "label", "descriptor", "error", "loss"]
    assert found["descriptor"].dtype == np.float32
    np.testing.assert_array_equal(found["descriptor"], rows)
    assert found["error"].tolist() == found["loss"].tolist() == ["", "", ""]
    assert found["label"] is batch["label"]
    assert list(batch) == ["path", "label"]


def test_a_frame_keeps_its_index_and_the_other_columns(small_c3d, paths, rows):
    frame = pd.DataFrame({"file": paths, "label": [2, 0, 1]}, index=[7, 7, 9])
    found = VideoExtractor(C3DTransformer(small_c3d), column="file")(frame)
    assert found.columns.tolist() == ["file", "label", "descriptor", "error", "loss"]
    assert found.index.tolist() == [7, 7, 9]
    np.testing.assert_array_equal(np.stack(found["descriptor"]), rows)
    assert frame.columns.tolist() == ["file", "label"]


@pytest.mark.parametrize("make", [pa.table, pa.RecordBatch.from_pydict])
def test_an_arrow_table_gets_lists_of_fixed_size(extract, paths, rows, make):
    found = extract(make({"path": paths, "label": [2, 0, 1]}))
    assert type(found) is type(make({"path": paths}))
    assert found.schema.field("descriptor").type == pa.list_(pa.float32(), N_FEATURES)
    assert found.schema.field("error").type == found.schema.field("loss").type == pa.string()
    np.testing.assert_array_equal(np.stack(found.column("descriptor").to_pylist()), rows)
    assert found.column("label").to_pylist() == [2, 0, 1]


def test_a_sequence_gives_what_transform_gives(extract, paths, rows):
    for videos in (paths, tuple(paths), np.array(paths), pd.Series(paths)):
        np.testing.assert_array_equal(extract(videos), rows)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_every_form_keeps_its_types_whatever_the_number_of_rows(extract, paths, n_rows):
    # Systems that put batches together refuse those whose types differ from batch to batch.
    some = paths[:n_rows]
    array = extract({"path": np.array(some, dtype=np.str_)})
    assert array["descriptor"].shape == (n_rows, N_FEATURES)
    assert array["descriptor"].dtype == np.float32
    assert array["error"].dtype.kind == array["loss"].dtype.kind == "U"
    frame = extract(pd.DataFrame({"path": pd.Series(some, dtype=object)}))
    assert len(frame) == n_rows
    assert frame["descriptor"].dtype == object
    schema = pa.schema([("path", pa.string())])
    table = extract(pa.Table.from_pydict({"path": some}, schema=schema))
    whole = extract(pa.table({"path": paths}))
    assert table.schema == whole.schema
    assert len(table) == n_rows
    assert extract(some).shape == (n_rows, N_FEATURES)


def test_a_column_that_is_not_there_is_named_with_those_that_are(extract):
    with pytest.raises(ValueError, match="no column 'path', only 'file', 'label'; pass column="):
        extract({"file": np.array(["a.mp4"]), "label": np.array([1])})


@pytest.mark.parametrize("name", ["descriptor", "error", "loss"])
@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pa.table])
def test_columns_of_an_earlier_run_are_not_overwritten(extract, kind, name):
    with pytest.raises(ValueError, match=f"column '{name}' already"):
        extract(kind({"path": ["a.mp4"], name: ["x"]}))


# --- failures --------------------------------------------------------------------------------


def test_what_fails_is_a_row_of_nan_with_the_reason(extract, paths, rows):
    videos = [paths[0], "gone.mp4", None, paths[1]]
    for found in (
        extract({"path": np.array(videos, dtype=object)}),
        extract(pd.DataFrame({"path": videos})),
        extract(pa.table({"path": videos})).to_pydict(),
    ):
        descriptors = np.stack(list(found["descriptor"]))
        assert np.isnan(descriptors).all(axis=1).tolist() == [False, True, True, False]
        np.testing.assert_allclose(descriptors[[0, 3]], rows[:2], atol=1e-6)
        first, gone, missing, last = found["error"]
        assert (first, last) == ("", "")
        assert "gone.mp4' does not exist" in gone
        assert "missing (None or NaN)" in missing
        assert list(found["loss"]) == [""] * 4


def test_a_sequence_has_no_place_for_reasons_and_warns(extract, paths):
    with pytest.warns(UserWarning, match=r"1 of 2 videos could not be .*gone\.mp4' does not"):
        found = extract([paths[0], "gone.mp4"])
    assert np.isnan(found).all(axis=1).tolist() == [False, True]


def test_reasons_are_texts_that_any_format_can_hold(extract):
    # A file name that is no UTF-8, as Linux allows.
    found = extract({"path": np.array(["gone\udcff.mp4"], dtype=object)})
    assert "gone\\udcff.mp4" in found["error"][0]
    pa.table({name: found[name] for name in ("error", "loss")})


def test_the_extractor_raises_only_if_it_is_told_to(small_c3d, paths):
    # The transformer's default is "raise"; one bad file must not stop a thousand machines.
    batch = {"path": np.array([paths[0], "gone.mp4"])}
    describer = C3DTransformer(small_c3d, on_error="raise")
    assert VideoExtractor(describer)(batch)["error"][1]
    with pytest.raises(VideoNotFoundError, match=r"Item 1 of X: .*gone\.mp4"):
        VideoExtractor(describer, on_error="raise")(batch)


def test_a_column_that_holds_no_videos_is_a_mistake_of_the_caller(small_c3d):
    with pytest.raises(TypeError, match="Item 0 of X is a video of type int"):
        VideoExtractor(C3DTransformer(small_c3d), column="label")({"label": [3]})


def test_one_path_is_no_batch(extract):
    for word in ("a.mp4", ""):
        with pytest.raises(ValueError, match="wrap it in a list"):
            extract(word)


# --- what it is made of ----------------------------------------------------------------------


def test_everything_that_moves_the_numbers_comes_from_the_transformer(small_c3d, paths):
    describer = C3DTransformer(
        small_c3d, layer=("fc7", "prob"), norm="l1", pooling="max", clip_stride=4, fps=12.5
    )
    found = VideoExtractor(describer)(paths)
    np.testing.assert_array_equal(found, describer.transform(paths))


def test_a_spec_gives_pooled_layers_without_a_norm(small_c3d, paths):
    describer = C3DTransformer(small_c3d, norm=None, layer=("fc6", "fc7"))
    np.testing.assert_array_equal(
        VideoExtractor(describer._spec())(paths), describer.transform(paths)
    )


def test_the_spec_of_a_study_network_does_as_well(paths, tmp_path):
    network = StudyNetwork(2, input_size=(16, 32, 32), width=1 / 16)
    recipe = replace(C3D_PREPROCESSING, resize=(37, 49), crop=(32, 32))
    save_weights(network, tmp_path / "study.safetensors", preprocessing=recipe)
    describer = C3DTransformer(str(tmp_path / "study.safetensors"), norm=None)
    np.testing.assert_array_equal(
        VideoExtractor(describer._spec())(paths), describer.transform(paths)
    )


def test_a_fitted_pca_goes_along(small_c3d, paths):
    describer = C3DTransformer(small_c3d, n_components=2).fit(paths)
    found = VideoExtractor(describer)({"path": np.array([*paths, "gone.mp4"])})["descriptor"]
    np.testing.assert_allclose(found[:3], describer.transform(paths), atol=1e-6)
    assert np.isnan(found[3]).all()
    assert VideoExtractor(describer)([]).shape == (0, 2)


def test_what_cannot_work_is_refused_before_any_worker_starts(small_c3d, tmp_path):
    with pytest.raises(NotFittedError):
        VideoExtractor(C3DTransformer(small_c3d, n_components=2))
    with pytest.raises(NotFittedError, match="random_state"):
        VideoExtractor(C3DTransformer(None))
    with pytest.raises(ValueError, match="fc9"):
        VideoExtractor(C3DTransformer(small_c3d, layer="fc9"))
    with pytest.raises(ValueError, match="'clip_stride'"):
        VideoExtractor(C3DTransformer(small_c3d, clip_stride=0))
    with pytest.raises(CheckpointError, match=r"none\.pth"):
        VideoExtractor(C3DTransformer(tmp_path / "none.pth"))
    with pytest.raises(TypeError, match=r"Pipeline; .* the step that describes"):
        VideoExtractor(make_pipeline(C3DTransformer(small_c3d), LinearSVC()))
    with pytest.raises(ValueError, match="'ignore'; use 'nan' or 'raise'"):
        VideoExtractor(C3DTransformer(small_c3d), on_error="ignore")


def test_clips_that_are_not_pooled_are_no_row(small_c3d):
    spec = replace(C3DTransformer(small_c3d)._spec(), pooling=None)
    with pytest.raises(ValueError, match="pooling=None"):
        VideoExtractor(spec)


def test_later_changes_of_the_transformer_do_not_reach_it(small_c3d, paths, rows):
    describer = C3DTransformer(small_c3d)
    extract = VideoExtractor(describer)
    describer.set_params(norm=None, on_error="raise", layer="fc7")
    np.testing.assert_array_equal(extract(paths), rows)


def test_it_reads_and_fills_the_store(small_c3d, tmp_path, paths, rows):
    extract = VideoExtractor(C3DTransformer(small_c3d, memory=tmp_path / "m"))
    for _ in range(2):
        np.testing.assert_array_equal(extract(paths), rows)
    assert sorted(DescriptorStore(tmp_path / "m").readings()) == sorted(paths)


def test_a_worker_starts_no_processes_of_its_own(small_c3d, tmp_path, paths):
    describer = C3DTransformer(small_c3d, memory=tmp_path / "m", n_jobs=2)
    VideoExtractor(describer)(paths)
    lines = (tmp_path / "m" / "readings.jsonl").read_text().split("\n")
    assert {json.loads(line)["pid"] for line in lines if line} == {os.getpid()}


# --- other processes -------------------------------------------------------------------------


def test_it_pickles_in_kilobytes(small_c3d, paths):
    describer = C3DTransformer(small_c3d, on_error="nan")
    with pytest.warns(UserWarning, match="1 of 2"):
        describer.fit_transform([np.zeros((20, 8, 8, 4), np.uint8), paths[0]])
    assert len(pickle.dumps(VideoExtractor(describer))) < 4000
    used = VideoExtractor(describer)
    used(paths)
    assert len(pickle.dumps(used)) < 4000


def test_a_pickle_gives_the_same_bits_in_a_new_process(small_c3d, tmp_path, paths):
    # Random weights are drawn anew there: what a worker without any file does.
    config = {"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": 5}
    spec = C3DTransformer(small_c3d)._spec()
    drawn = resolve_weights(None, "c3d", seed=3, config=config)
    extract = VideoExtractor(replace(spec, weights=drawn))
    (tmp_path / "extract.pkl").write_bytes(pickle.dumps(extract))
    code = (
        "import pickle, sys; import numpy as np\n"
        "extract = pickle.load(open(sys.argv[1], 'rb'))\n"
        "found = extract({'path': np.array(sys.argv[3:])})\n"
        "np.savez(sys.argv[2], **found)\n"
    )
    batch = [paths[0], "gone.mp4"]
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "extract.pkl", tmp_path / "out.npz", *batch],
        check=True,
    )
    with np.load(tmp_path / "out.npz") as there:
        here = extract({"path": np.array(batch)})
        np.testing.assert_array_equal(there["descriptor"], here["descriptor"])
        assert there["error"].tolist()[0] == ""
        assert "gone.mp4" in there["error"].tolist()[1]


def test_weights_are_found_by_name_and_content_where_the_worker_keeps_them(
    small_c3d, tmp_path, monkeypatch, paths, rows
):
    # The maker's folder is gone, as on another machine.
    mine = tmp_path / "maker" / "net.safetensors"
    mine.parent.mkdir()
    mine.write_bytes(Path(small_c3d).read_bytes())
    pickled = pickle.dumps(VideoExtractor(C3DTransformer(mine)))
    mine.unlink()
    monkeypatch.setenv("SKVIDEO3D_HOME", str(tmp_path / "worker"))
    theirs = tmp_path / "worker" / "weights" / "net.safetensors"
    theirs.parent.mkdir(parents=True)

    def extract():
        _by_device.cache_clear()  # as a process that has loaded nothing yet
        return pickle.loads(pickled)(paths)

    with pytest.raises(CheckpointError, match=r"net\.safetensors"):
        extract()
    theirs.write_bytes(Path(small_c3d).read_bytes() + b"x")
    with pytest.raises(CheckpointError, match="not the file it was"):
        extract()
    theirs.write_bytes(Path(small_c3d).read_bytes())
    np.testing.assert_array_equal(extract(), rows)


@pytest.mark.realdata
def test_a_folder_of_real_and_odd_files_is_a_table_with_reasons(small_c3d, realdata):
    paths = sorted(str(path) for path in (realdata / "odd").iterdir())
    describer = C3DTransformer(small_c3d, clip_stride=64, on_error="nan")
    found = VideoExtractor(describer)(pd.DataFrame({"path": paths}))
    is_nan = np.array([np.isnan(row).any() for row in found["descriptor"]])
    assert (is_nan == (found["error"] != "")).all()
    assert found["path"][is_nan].str.endswith("result.webm").all()
    assert is_nan.sum() == 1


def test_a_spec_of_frames_is_described_too(noise_videos):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
    describer = FrameTransformer(module, layer="1", frame_stride=4, norm=None)
    expected = describer.fit_transform(noise_videos[:2])
    found = VideoExtractor(describer._spec())(noise_videos[:2])
    np.testing.assert_array_equal(found, expected)
