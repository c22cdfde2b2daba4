"""``skvideo3d extract`` as a user types it: files in, one file out, whatever happens between."""

import codecs
import errno
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from miniatures.streams import SETTINGS, write_streams
from PIL import Image

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.cli import main
from skvideo3d.feature_extraction.store import DescriptorStore, open_store
from skvideo3d.flow import OpticalFlow
from skvideo3d.models import load_weights, save_weights


@pytest.fixture
def extract(small_c3d):
    """The command with small weights; each call finds of earlier ones what is on disk only."""

    def run(*words, weights=small_c3d):
        open_store.cache_clear()
        chosen = ["--weights", weights] if weights else []
        return main(["extract", *map(str, words), *chosen])

    return run


@pytest.fixture
def make_video(tmp_path, write_video):
    """A function that writes a file of which no other has the pixels."""

    def make(name, seed, n_frames=20):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scene = np.random.default_rng(seed).integers(0, 255, (32, 48, 3), dtype=np.uint8)
        return write_video(path, [np.roll(scene, t, axis=1) for t in range(n_frames)])

    return make


@pytest.fixture
def videos(make_video):
    return [make_video(f"v{number}.mp4", number, 20 + 7 * number) for number in (2, 0, 3, 1)]


def read(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def readings(folder):
    return DescriptorStore(folder).readings()


def rows_of(paths, small_c3d, **settings):
    return C3DTransformer(small_c3d, **settings).transform(paths)


# --- What is written -------------------------------------------------------------------------


def test_npz_has_the_transformers_rows_in_the_order_given(extract, videos, tmp_path, small_c3d):
    assert extract(*videos, "-o", tmp_path / "out.npz") == 0
    found = read(tmp_path / "out.npz")
    assert found["path"].tolist() == videos
    assert found["error"].tolist() == [""] * 4
    assert found["descriptor"].dtype == np.float32
    np.testing.assert_allclose(found["descriptor"], rows_of(videos, small_c3d), atol=1e-6)


def test_parquet_has_the_same_for_pyarrow_and_pandas(extract, videos, tmp_path, small_c3d):
    path = tmp_path / "out.parquet"
    assert extract(*videos, tmp_path / "no.mp4", "-o", path) == 1
    expected = rows_of(videos, small_c3d)
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == ["path", "error", "loss", "descriptor"]
    assert table.schema.field("descriptor").type == pyarrow.list_(pyarrow.float32(), 256)
    assert table["path"].to_pylist() == [*videos, str(tmp_path / "no.mp4")]
    rows = np.array(table["descriptor"].to_pylist(), dtype=np.float32)
    np.testing.assert_allclose(rows[:4], expected, atol=1e-6)
    assert np.isnan(rows[4]).all()
    frame = pd.read_parquet(path)
    np.testing.assert_allclose(np.stack(frame["descriptor"])[:4], expected, atol=1e-6)
    assert frame["error"].str.contains("does not exist").tolist() == [False] * 4 + [True]


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_the_file_says_how_it_was_made(extract, videos, tmp_path, small_c3d, ending):
    path = tmp_path / f"out.{ending}"
    extract(videos[0], "-o", path, "--layer", "pool5", "--layer", "prob")
    if ending == "npz":
        settings = json.loads(str(read(path)["settings"]))
    else:
        settings = json.loads(pyarrow.parquet.read_schema(path).metadata[b"skvideo3d"])
    assert settings["transformer"] == "C3DTransformer"
    assert settings["parameters"]["clip_stride"] == 8
    assert settings["weights_sha256"] == hashlib.sha256(Path(small_c3d).read_bytes()).hexdigest()
    # A map of 32 channels, 16 / 2^4 frames and 32 / 2^5 pixels; 5 classes.
    assert settings["blocks"] == {"pool5": [0, 32], "prob": [32, 37]}


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("--layer fc7 --layer pool5", {"layer": ("fc7", "pool5")}),
        ("--norm none", {"norm": None}),
        ("--norm l1 --pooling max", {"norm": "l1", "pooling": "max"}),
        ("--clip-stride 4 --fps 50", {"clip_stride": 4, "fps": 50}),
        ("--precision bfloat16 --batch-size 1", {"precision": "bfloat16", "batch_size": 1}),
        ("--n-jobs 2 --device cpu", {}),
    ],
)
def test_options_are_the_transformers(extract, videos, tmp_path, small_c3d, words, settings):
    assert extract(*videos[:2], "-o", tmp_path / "out.npz", *words.split()) == 0
    expected = rows_of(videos[:2], small_c3d, **settings)
    np.testing.assert_allclose(
        read(tmp_path / "out.npz")["descriptor"], expected, rtol=1e-5, atol=1e-6
    )


def test_i3d_and_its_layers(extract, videos, tmp_path):
    weights = str(tmp_path / "i3d.safetensors")
    save_weights(load_weights(None, "i3d", seed=0, config={"width": 1 / 16}), weights)
    words = ["--network", "i3d", "--layer", "Mixed_3b", "--clip-len", 16, "--clip-stride", 16]
    assert extract(videos[1], "-o", tmp_path / "out.npz", *words, weights=weights) == 0
    expected = I3DTransformer(weights, layer="Mixed_3b", clip_len=16, clip_stride=16)
    np.testing.assert_allclose(
        read(tmp_path / "out.npz")["descriptor"], expected.transform(videos[1:2]), atol=1e-6
    )


def test_random_weights_are_those_of_the_seed_and_are_called_so(extract, videos, tmp_path, capsys):
    words = ["--network", "i3d", "--layer", "Conv3d_1a_7x7", "--clip-len", 16, "--seed", 3]
    assert extract(videos[1], "-o", tmp_path / "out.npz", *words, weights="random") == 0
    assert "weights are random" in capsys.readouterr().out
    expected = I3DTransformer(None, layer="Conv3d_1a_7x7", clip_len=16, random_state=3)
    np.testing.assert_allclose(
        read(tmp_path / "out.npz")["descriptor"], expected.transform(videos[1:2]), atol=1e-6
    )


# --- Flow, two streams, networks for images --------------------------------------------------


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    pytest.importorskip("cv2")
    return write_streams(tmp_path_factory.mktemp("streams"))


I3D = ["--network", "i3d", "--flow", "dis", "--layer", "Mixed_3b"]
I3D += ["--clip-len", "8", "--clip-stride", "8"]


@pytest.mark.parametrize(
    ("words", "given", "settings"),
    [
        ("--stream flow --weights {flow}", "flow", {"stream": "flow"}),
        (
            "--stream two-stream --weights {rgb} --flow-weights {flow} --flow-precision uint8",
            "both",
            {"stream": "two-stream", "flow": OpticalFlow("dis", precision="uint8")},
        ),
        ("--stream two-stream --weights random --seed 3", None, {"stream": "two-stream"}),
        (
            "--stream two-stream --weights random --flow-weights random --seed 3",
            "random",
            {"stream": "two-stream"},
        ),
    ],
)
def test_streams_are_those_of_the_transformer(
    extract, make_video, streams, tmp_path, capsys, words, given, settings
):
    weights = {"both": streams, "random": (None, None), **streams}.get(given)
    expected = I3DTransformer(
        weights, **{"flow": "dis", **SETTINGS, **settings}, random_state=3
    ).transform([make_video("a.mp4", 0, 10)])
    words = [*I3D, *words.format(**streams).split(), "-o", tmp_path / "out.npz"]
    assert extract(tmp_path / "a.mp4", *words, weights=None) == 0
    found = read(tmp_path / "out.npz")
    np.testing.assert_allclose(found["descriptor"], expected, atol=1e-6)
    is_random = given not in ("flow", "both")
    assert ("weights are random" in capsys.readouterr().out) == is_random
    assert json.loads(str(found["settings"]))["parameters"]["stream"] == settings["stream"]


def test_flow_is_kept_in_the_memory_that_is_asked_for(extract, make_video, streams, tmp_path):
    words = [make_video("a.mp4", 0, 10), "-o", tmp_path / "out.npz", *I3D, "--stream", "flow"]
    words += ["--weights", streams["flow"], "--memory", tmp_path / "m"]
    assert extract(*words, weights=None) == 0
    assert not list(tmp_path.rglob("*.npy.gz"))
    assert extract(*words, "--keep-flow", "--pooling", "max", weights=None) == 0
    assert list((tmp_path / "m" / "flow").rglob("*.npy.gz"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--stream flow", "--stream: --network c3d has no such option; .* --network i3d"),
        ("--frame-network resnet50", "--frame-network: .* use --network frame"),
        ("--network frame --clip-len 16", "--clip-len: --network frame has no such option"),
        ("--network i3d --flow dis", "--stream rgb looks at no optical flow"),
        ("--network i3d --stream flow --flow-weights a.pt", "--flow-weights are the second of two"),
        ("--network i3d --stream flow --keep-flow", "--keep-flow needs --memory DIR"),
        ("--network i3d --stream two-stream --weights a.pt", "add --flow-weights"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(extract, tmp_path, capsys, words, message):
    assert extract("a.mp4", "-o", tmp_path / "out.npz", *words.split(), weights=None) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_without_opencv_flow_says_what_to_install(
    extract, make_video, streams, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "cv2", None)  # as where it is not installed
    words = [make_video("a.mp4", 0, 10), "-o", tmp_path / "out.npz", *I3D, "--stream", "flow"]
    assert extract(*words, weights=streams["flow"]) == 2
    err = capsys.readouterr().err
    assert "pip install 'skvideo3d[flow]'" in err
    assert "Traceback" not in err


# --- What may be named -----------------------------------------------------------------------


def test_a_folder_gives_the_videos_below_it_sorted_without_hidden_and_other_files(
    extract, make_video, tmp_path, capsys
):
    for seed, name in enumerate(("b/2.MP4", "a/x/1.mkv", "b/1.mp4", "._b.mp4", ".b.mp4")):
        make_video(f"clips/{name}", seed)
    (tmp_path / "clips/a/notes.doc").write_text("not a video")
    (tmp_path / "clips/loop").symlink_to(tmp_path / "clips")
    assert extract(tmp_path / "clips", "-o", tmp_path / "out.npz") == 0
    assert "Passed over 1 other files (.doc 1)" in capsys.readouterr().err
    names = [
        Path(p).relative_to(tmp_path / "clips").as_posix()
        for p in read(tmp_path / "out.npz")["path"]
    ]
    assert names == ["a/x/1.mkv", "b/1.mp4", "b/2.MP4"]


def test_a_folder_of_frames_is_one_video(extract, tmp_path, small_c3d, noise_videos):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, pixels in enumerate(noise_videos[0]):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    assert extract(folder, "-o", tmp_path / "out.npz") == 0
    found = read(tmp_path / "out.npz")
    assert found["path"].tolist() == [str(folder)]
    expected = rows_of(noise_videos[:1], small_c3d)  # the same pixels: png loses nothing
    np.testing.assert_allclose(found["descriptor"], expected, atol=1e-6)


def test_a_folder_of_folders_of_frames_is_as_many_videos(extract, tmp_path, noise_videos):
    for name, video in zip(("b/2", "b/1", "a"), noise_videos, strict=False):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number, pixels in enumerate(video[:16]):
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number}.png")
    # A moving preview beside the frames is not the video.
    (tmp_path / "set/a/preview.gif").write_bytes(b"GIF89a")
    assert extract(tmp_path / "set", "-o", tmp_path / "out.npz") == 0
    paths = read(tmp_path / "out.npz")["path"]
    assert [Path(p).relative_to(tmp_path / "set").as_posix() for p in paths] == ["a", "b/1", "b/2"]


def test_an_empty_word_is_not_the_current_folder(extract, tmp_path, capsys):
    assert extract("", "-o", tmp_path / "out.npz") == 2
    assert "empty" in capsys.readouterr().err


def test_a_folder_of_neither_is_a_row_with_the_reason(extract, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert extract(tmp_path / "empty", "-o", tmp_path / "out.npz") == 1
    assert "has no .jpg or .png images" in capsys.readouterr().err


@pytest.mark.parametrize(
    "encode",
    [
        lambda lines: "\n".join(lines).encode(),  # no line end after the last
        lambda lines: ("\n\n".join(lines) + "\n \n").encode(),  # empty lines
        lambda lines: codecs.BOM_UTF8 + ("\r\n".join(lines) + "\r\n").encode(),  # Windows
        lambda lines: ("\r\n".join(lines) + "\r\n").encode("utf-16"),  # Windows PowerShell's >
    ],
    ids=["unix", "empty lines", "bom", "utf-16"],
)
@pytest.mark.parametrize("source", ["list.txt", "LIST.LST", "-"])
def test_lists_are_taken_as_systems_write_them(
    extract, make_video, tmp_path, monkeypatch, encode, source
):
    names = ["with two  spaces.mp4", "Übung №1, 走る.mp4", "line\u2028separator.mp4", "plain.mp4"]
    paths = [make_video(name, seed) for seed, name in enumerate(names)]
    if source == "-":
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(encode(paths))))
    else:
        source = tmp_path / source
        source.write_bytes(encode(paths))
    assert extract(source, "-o", tmp_path / "out.parquet", "-q") == 0
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table["path"].to_pylist() == paths


def test_files_lists_and_folders_go_together_in_the_order_given(
    extract, videos, make_video, tmp_path
):
    inside = make_video("folder/x.mp4", 9)
    (tmp_path / "list.txt").write_text("\n".join(videos[2:]))
    words = [videos[1], tmp_path / "list.txt", tmp_path / "folder", videos[0]]
    assert extract(*words, "-o", tmp_path / "out.npz") == 0
    expected = [videos[1], *videos[2:], inside, videos[0]]
    assert read(tmp_path / "out.npz")["path"].tolist() == expected


def test_a_path_twice_is_two_rows_and_one_reading(extract, videos, tmp_path):
    words = ["-o", tmp_path / "out.npz", "--memory", tmp_path / "m"]
    assert extract(videos[0], videos[1], videos[0], *words) == 0
    rows = read(tmp_path / "out.npz")["descriptor"]
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.allclose(rows[0], rows[1], atol=1e-3)
    assert readings(tmp_path / "m") == videos[:2]


@pytest.mark.skipif(sys.platform == "win32", reason="paths are no bytes there")
@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_a_path_that_is_no_utf8_does_not_cost_the_others(extract, videos, tmp_path, ending):
    odd = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    (tmp_path / "list.txt").write_bytes(odd + b"\n" + videos[0].encode())
    assert extract(tmp_path / "list.txt", "-o", tmp_path / f"out.{ending}") == 1
    if ending == "npz":
        written = os.fsencode(str(read(tmp_path / "out.npz")["path"][0]))
        assert written == odd
    else:
        written = pd.read_parquet(tmp_path / "out.parquet")["path"][0]
        assert written.endswith("caf\\xe9.mp4")


# --- What is kept, and going on --------------------------------------------------------------


def test_own_memory_is_removed_after_success_and_memory_asked_for_is_kept(
    extract, videos, tmp_path, small_c3d
):
    assert extract(*videos, "-o", tmp_path / "out.npz") == 0
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".mp4"] == ["out.npz"]
    assert extract(*videos, "-o", tmp_path / "out.npz", "--memory", tmp_path / "m") == 0
    assert readings(tmp_path / "m") == videos
    assert extract(*videos, "-o", tmp_path / "other.parquet", "--memory", tmp_path / "m") == 0
    assert C3DTransformer(small_c3d, memory=tmp_path / "m").transform(videos).shape == (4, 256)
    assert readings(tmp_path / "m") == videos


def test_failures_keep_their_rows_and_mending_them_reads_only_those(
    extract, videos, make_video, tmp_path, capsys
):
    broken = Path(videos[2])
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    missing = tmp_path / "late.mp4"
    words = [*videos, missing, "-o", tmp_path / "out.npz", "--memory", tmp_path / "m"]
    assert extract(*words) == 1
    found = read(tmp_path / "out.npz")
    failed = [False, False, True, False, True]
    assert np.isnan(found["descriptor"]).all(axis=1).tolist() == failed
    assert np.isnan(found["descriptor"]).any(axis=1).tolist() == failed
    assert [str(path) in reason for path, reason in zip(words, found["error"], strict=False)] == (
        failed
    )
    out, err = capsys.readouterr()
    assert "3 of 5 videos" in out
    summary = err[err.index("2 failed") :].splitlines()
    assert str(broken) in summary[1]
    assert str(missing) in summary[2]
    assert "mend the files" in summary[3]

    broken.write_bytes(whole)
    make_video("late.mp4", 99)
    before = len(readings(tmp_path / "m"))
    assert extract(*words) == 0
    assert sorted(readings(tmp_path / "m")[before:]) == sorted([str(broken), str(missing)])
    mended = read(tmp_path / "out.npz")
    assert np.isfinite(mended["descriptor"]).all()
    good = np.logical_not(failed)
    np.testing.assert_array_equal(mended["descriptor"][good], found["descriptor"][good])
    assert mended["error"].tolist() == [""] * 5


def test_own_memory_stays_until_nothing_fails(extract, videos, make_video, tmp_path):
    words = [*videos, tmp_path / "late.mp4", "-o", tmp_path / "out.npz"]
    own = tmp_path / "out.npz.descriptors"
    assert extract(*words) == 1
    assert sorted(readings(own))[:4] == sorted(videos)
    before = len(readings(own))
    assert extract(*words) == 1
    assert set(readings(own)[before:]) <= {str(tmp_path / "late.mp4")}
    make_video("late.mp4", 99)
    assert extract(*words) == 0
    assert not own.exists()


def test_many_failures_are_counted_and_the_first_ten_named(extract, tmp_path, capsys):
    assert extract(*(tmp_path / f"{n}.mp4" for n in range(12)), "-o", tmp_path / "o.npz") == 1
    err = capsys.readouterr().err
    assert "12 failed" in err
    assert err.count("does not exist") == 10
    assert "and 2 more" in err
    assert np.char.count(read(tmp_path / "o.npz")["error"], "does not exist").sum() == 12


@pytest.fixture
def running(small_c3d, make_video, tmp_path):
    """A function that starts the command on twelve videos and returns in the middle of it."""
    paths = [make_video(f"{number:02}.mp4", number, 64) for number in range(12)]
    output, memory = tmp_path / "out.npz", tmp_path / "m"
    words = [*paths, "-o", str(output), "--memory", str(memory)]
    # A shell's background jobs ignore Ctrl-C, and so would a process that they start.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from skvideo3d.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "extract", *words, "--weights", small_c3d]
    processes = []

    def start():
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        limit = time.monotonic() + 120
        # Seven clips a video, at most fifteen on their way: with five opened, two are done.
        while len(readings(memory)) < 5:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < limit
            time.sleep(0.005)
        return process

    yield start, paths, words, output, memory
    for process in processes:
        process.kill()
        process.communicate()


def check_that_it_goes_on(extract, paths, words, output, memory, small_c3d):
    n_done = len(list(memory.glob("??/*.npy")))
    assert 2 <= n_done < 12
    before = len(readings(memory))
    assert extract(*words, "-q") == 0
    again = readings(memory)[before:]
    assert len(again) == len(set(again)) == len(paths) - n_done
    assert paths[0] not in again  # videos are done in about their order
    found = read(output)
    assert found["path"].tolist() == paths
    np.testing.assert_allclose(found["descriptor"], rows_of(paths, small_c3d), atol=1e-6)


@pytest.mark.slow
def test_after_a_kill_only_the_rest_is_read_and_the_result_is_an_undisturbed_runs(
    extract, running, small_c3d
):
    start, paths, words, output, memory = running
    output.write_bytes(b"of an earlier run")
    process = start()
    process.kill()
    assert process.wait() != 0
    assert output.read_bytes() == b"of an earlier run"
    check_that_it_goes_on(extract, paths, words, output, memory, small_c3d)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_is_status_130_says_how_to_go_on_and_keeps_what_is_done(extract, running, small_c3d):
    start, paths, words, output, memory = running
    process = start()
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert f"Stopped. What was described is kept in {memory}: give the same command again" in err
    assert "Traceback" not in err
    assert not output.exists()
    check_that_it_goes_on(extract, paths, words, output, memory, small_c3d)


@pytest.mark.parametrize(
    ("ending", "writer"), [("npz", "numpy.savez"), ("parquet", "pyarrow.parquet.write_table")]
)
def test_an_output_that_cannot_be_finished_leaves_the_old_one_and_the_descriptors(
    extract, videos, tmp_path, monkeypatch, capsys, ending, writer
):
    output = tmp_path / f"out.{ending}"
    assert extract(*videos[:2], "-o", output) == 0
    old = output.read_bytes()

    def disk_is_full(*args, **_):
        path = next(value for value in args if isinstance(value, Path))
        path.write_bytes(b"half a f")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(writer, disk_is_full)
        assert extract(*videos, "-o", output) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err
    assert output.read_bytes() == old
    memory = tmp_path / f"{output.name}.descriptors"
    assert {path for path in tmp_path.iterdir() if path.suffix != ".mp4"} == {output, memory}
    n_read = len(readings(memory))
    assert extract(tmp_path / "no.mp4", *videos, "-o", output) == 1
    assert readings(memory)[n_read:] == []
    assert len(pd.read_parquet(output) if ending == "parquet" else read(output)["path"]) == 5


def test_the_output_is_as_readable_as_any_file(extract, videos, tmp_path):
    extract(videos[0], "-o", tmp_path / "out.npz")
    (tmp_path / "any").touch()
    assert (tmp_path / "out.npz").stat().st_mode == (tmp_path / "any").stat().st_mode


# --- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{video}", "-o", "{tmp}/out.csv"], "ends in .npz or .parquet"),
        (["{video}", "-o", "{tmp}/nowhere/out.npz"], "nowhere' does not exist"),
        (["{video}", "-o", "{tmp}/folder.npz"], "folder.npz' is a folder"),
        (
            ["{video}", "-o", "{tmp}/o.npz", "--layer", "fc9"],
            "'fc9' is no descriptor of C3D; choose from pool5",
        ),
        (["{video}", "-o", "{tmp}/o.npz", "--layer", "fc6", "--layer", "fc6"], "different ones"),
        (["{video}", "-o", "{tmp}/o.npz", "--clip-len", "15"], "16"),
        (["{video}", "-o", "{tmp}/o.npz", "--batch-size", "0"], "batch_size"),
        (["{video}", "-o", "{tmp}/o.npz", "--device", "abacus"], "device='abacus' cannot be used"),
        (["{video}", "-o", "{tmp}/o.npz", "--weights", "{tmp}/no.pth"], "no checkpoint file"),
        (["{tmp}/no.txt", "-o", "{tmp}/o.npz"], "no.txt' does not exist"),
        (["{tmp}/empty.txt", "-o", "{tmp}/o.npz"], "no videos in"),
    ],
)
def test_what_cannot_be_done_is_status_2_and_one_clear_line(
    extract, videos, tmp_path, small_c3d, capsys, words, message
):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "empty.txt").write_text("\n \n")
    before = set(tmp_path.iterdir())
    words = [word.format(video=videos[0], tmp=tmp_path) for word in words]
    weights = None if "--weights" in words else small_c3d
    assert extract(*words, weights=weights) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skvideo3d extract: ")
    assert err.count("\n") == 1
    assert message in err
    assert set(tmp_path.iterdir()) == before


def test_nothing_on_standard_input_is_status_2(extract, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert extract("-", "-o", tmp_path / "out.npz") == 2
    assert "no videos in -" in capsys.readouterr().err


def test_without_the_published_weights_offline_it_says_from_where_to_where(
    extract, videos, tmp_path, monkeypatch, capsys
):
    def offline(*_, **__):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    assert extract(videos[0], "-o", tmp_path / "out.npz", weights=None) == 2
    err = capsys.readouterr().err
    name = "c3d_sports1m_pretrain_20201016-dcc47ddc.pth"
    assert f"https://download.openmmlab.com/mmaction/recognition/c3d/{name}" in err
    assert str(Path(os.environ["SKVIDEO3D_HOME"]) / "weights" / name) in err


def test_parquet_without_pyarrow_says_what_to_install_before_any_work(
    extract, videos, tmp_path, monkeypatch, capsys
):
    words = [videos[0], "--memory", tmp_path / "m"]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        assert extract(*words, "-o", tmp_path / "out.parquet") == 2
        assert "pip install 'skvideo3d[parquet]'" in capsys.readouterr().err
        assert not (tmp_path / "m").exists()
    assert extract(*words, "-o", tmp_path / "out.parquet") == 0


def test_the_bar_is_on_stderr_and_quiet_leaves_it_out(extract, videos, tmp_path, capfd):
    assert extract(*videos, "-o", tmp_path / "out.npz") == 0
    out, err = capfd.readouterr()
    assert "4/4" in err
    assert "clips/s" in err
    assert out.startswith(f"{tmp_path / 'out.npz'}: 4 of 4 videos, 256 features, ")
    assert out.count("\n") == 1
    assert extract(*videos, "-o", tmp_path / "out.npz", "--quiet") == 0
    assert capfd.readouterr().err == ""


def test_what_was_lost_of_damaged_videos_is_said_and_written(
    tmp_path, write_video, numbered_frames, small_c3d, capsys
):
    whole = tmp_path / "whole.avi"
    write_video(whole, numbered_frames(60), codec="mpeg4", options={"g": "1"})
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 4])
    out = tmp_path / "out.npz"
    arguments = ["extract", str(whole), str(cut), "-o", str(out), "--weights", small_c3d, "-q"]
    assert main([*arguments, "--timeout", "60", "--max-pixels", "10000"]) == 0
    shown = capsys.readouterr().err
    assert "1 read only in part" in shown
    assert "cut.avi' ends after" in shown
    with np.load(out) as content:
        assert content["loss"][0] == ""
        assert "of the 60 frames that it announces" in content["loss"][1]
        assert content["error"].tolist() == ["", ""]
        assert np.isfinite(content["descriptor"]).all()
    arguments[4] = str(tmp_path / "other.npz")  # where nothing is described yet
    assert main([*arguments, "--max-pixels", "1000"]) == 1
    assert "has frames of 96x64 pixels, more than max_pixels=1000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a.mp4\0b.mp4\0", "it has null characters; one path a line"),
        (b"a.mp4\n" + b"x" * 5000, "has 5000 characters"),
    ],
)
def test_what_is_no_list_of_paths_is_refused_before_any_work(tmp_path, capsys, content, reason):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    out = tmp_path / "out.npz"
    assert main(["extract", str(path), "-o", str(out), "--weights", "random"]) == 2
    shown = capsys.readouterr().err
    assert "list.txt' is no list of paths" in shown
    assert reason in shown


def test_a_closed_standard_input_and_a_memory_that_is_a_file_are_refused(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("sys.stdin", None)
    assert main(["extract", "-", "-o", str(tmp_path / "out.npz")]) == 2
    assert "the standard input is closed" in capsys.readouterr().err
    file = tmp_path / "file"
    file.touch()
    words = ["extract", "a.mp4", "-o", str(tmp_path / "out.npz"), "--memory", str(file)]
    assert main(words) == 2
    assert "is no folder" in capsys.readouterr().err
