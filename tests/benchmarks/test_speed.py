"""What `speed` counts and reports; how fast anything is, no test can say."""

import contextlib
import dataclasses
import io
import json
import math

import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.benchmarks import SpeedReport, speed
from skvideo3d.benchmarks.arithmetic import clip_work, matrix_rate
from skvideo3d.benchmarks.looped_videos import write_looped
from skvideo3d.benchmarks.speed_of_files import check_videos_fit, clips_fit, times_read
from skvideo3d.benchmarks.speed_of_networks import affordable, spread_of
from skvideo3d.benchmarks.speed_report import (
    FileSpeed,
    Machine,
    MemoryGrowth,
    NetworkSpeed,
    StoreSpeed,
)
from skvideo3d.benchmarks.stopwatch import all_seconds, best_seconds
from skvideo3d.cli import main
from skvideo3d.models import C3D, I3D
from skvideo3d.video.readers import read_file

MACHINE = Machine(
    processor="Abacus 9",
    device="cpu",
    cores=2,
    threads=1,
    system="Linux x86_64",
    python="3.11.1",
    torch="2.4.0",
    date="2026-01-01T12:00:00+00:00",
    matrix_gflops={"float32": 400.0, "bfloat16": 800.0},
)
C3D_FLOAT = NetworkSpeed(
    "C3D fc6",
    "float32",
    (16, 112, 112),
    80.0,
    {1: 0.5, 4: 0.4},
    {1: 0.25, 4: 0.16},
    2e-6,
    1.0,
    plain_spread=1.25,
    ours_spread=1.02,
)
C3D_BFLOAT = dataclasses.replace(
    C3D_FLOAT, precision="bfloat16", ours={1: 0.1, 4: 0.125}, relative_error=3e-3, cosine=0.99995
)
FILES = FileSpeed("C3D fc6", "float32", 4, 200, 20, 0.2, 0.1, 0.5, 0.25, 3.8, 4.0, 0.0)
REPORT = SpeedReport(
    MACHINE,
    (C3D_FLOAT, C3D_BFLOAT),
    (FILES,),
    StoreSpeed(20, 2e-5, 3e-4, 1.5e-3),
    MemoryGrowth((100, 10_000), (500.0, 510.0)),
    0.04,
    {"rounds": 3},
)


# --- counting --------------------------------------------------------------------------------


def test_the_work_of_c3d_is_what_its_paper_s_figure_adds_up_to():
    # Tran et al. 2015, figure 3: values of the output map, times channels of the input, times 27.
    # Pools halve rows and columns, and all but the first halve the frames.
    by_hand = (
        16 * 112 * 112 * 64 * 3 * 27
        + 16 * 56 * 56 * 128 * 64 * 27
        + 8 * 28 * 28 * 256 * 128 * 27
        + 8 * 28 * 28 * 256 * 256 * 27
        + 4 * 14 * 14 * 512 * 256 * 27
        + 4 * 14 * 14 * 512 * 512 * 27
        + 2 * (2 * 7 * 7 * 512 * 512 * 27)
        + 512 * 4 * 4 * 4096
    )
    with torch.device("meta"):
        network, clip = C3D().eval(), torch.empty(1, 3, 16, 112, 112)
    work = clip_work(network, clip, ["fc6"])
    assert work.multiply_adds == by_hand
    assert work.gflop == pytest.approx(77.06, abs=0.01)
    # conv1a's output alone, in float32; what others need beside it is a guess.
    assert work.n_bytes > 16 * 112 * 112 * 64 * 4


def test_work_ends_at_the_deepest_layer():
    with torch.device("meta"):
        network, clip = I3D().eval(), torch.empty(1, 3, 64, 224, 224)
    first = clip_work(network, clip, ["Conv3d_1a_7x7"])
    # Stride 2 on every axis, 7x7x7 values of 3 channels for each of 64.
    assert first.multiply_adds == 32 * 112 * 112 * 64 * 3 * 7**3
    whole = clip_work(network, clip, ["avg_pool"])
    # 1x1x1 from 64 channels to 64, then 3x3x3 from 64 to 192, on what a pool left; and so on.
    second = 32 * 56 * 56 * 64 * (64 + 192 * 27)
    assert whole.multiply_adds > first.multiply_adds + second
    # The scores come after.
    assert clip_work(network, clip, ["logits"]).multiply_adds - whole.multiply_adds == (
        7 * 1024 * 400
    )


def test_counting_leaves_no_hooks():
    network = C3D(width=1 / 16, input_size=(16, 32, 32)).eval()
    with pytest.raises(ValueError, match="no layer"):
        clip_work(network, torch.zeros(1, 3, 16, 32, 32), ["fc9"])
    assert not any(module._forward_hooks for module in network.modules())


def test_batches_too_large_for_a_quarter_of_the_memory_are_left_out_but_the_first():
    assert affordable((1, 2, 4, 8), n_bytes=10, memory=160) == [1, 2, 4]
    assert affordable((4, 8), n_bytes=10, memory=1) == [4]


def test_functions_take_turns_and_the_best_run_counts():
    runs = []
    seconds = best_seconds({"a": lambda: runs.append("a"), "b": lambda: runs.append("b")}, 3)
    assert runs == ["a", "b"] * 3
    assert seconds.keys() == {"a", "b"}
    assert all(0 <= value < math.inf for value in seconds.values())


@pytest.mark.parametrize(
    ("runs", "spread"), [([1.0], 1), ([3, 1, 2], 2), ([1, 1.5, 1.2], 1.5), ([4, 2], 1)]
)
def test_runs_are_as_far_apart_as_the_slowest_but_the_first_and_the_best(runs, spread):
    assert spread_of(runs) == spread


def test_no_round_is_begun_when_patience_is_over():
    seconds = all_seconds({"a": lambda: None, "b": lambda: None}, 3, patience=0)
    assert {name: len(runs) for name, runs in seconds.items()} == {"a": 1, "b": 1}
    assert {len(runs) for runs in all_seconds({"a": lambda: None}, 3).values()} == {3}


@pytest.mark.parametrize("slow", [1e-9, 1e9])
def test_smaller_matrices_do_where_every_way_is_slow(slow, monkeypatch):
    monkeypatch.setattr("skvideo3d.benchmarks.arithmetic._SLOW", slow)
    sizes = []
    monkeypatch.setattr(
        "skvideo3d.benchmarks.arithmetic._ways",
        lambda size, *_: {"mm": lambda: sizes.append(size)},
    )
    assert matrix_rate("float16", "cpu", rounds=1) > 0
    assert set(sizes) == ({768} if slow < 1 else {768, 1536})


@pytest.mark.parametrize("n_videos", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("n_cores", [1, 2, 16])
def test_every_core_has_two_videos_to_read_and_no_list_too_many(n_videos, n_cores):
    n_times = times_read(n_videos, n_cores)
    assert n_times * n_videos >= 2 * n_cores
    assert (n_times - 1) * n_videos < 2 * n_cores


@pytest.mark.parametrize(("n_cores", "expected"), [(2, (4, 256)), (16, (32, 192)), (64, (111, 64))])
def test_a_gpu_gets_two_videos_a_core_as_long_as_their_clips_fit(n_cores, expected):
    from skvideo3d.benchmarks.speed import _plenty

    spec = I3DTransformer(None, random_state=0)._spec()
    # A clip of 64x224x224x3 float32 is 36.75 MiB, one every 64 frames: 111 fit into 4 GiB.
    assert _plenty(n_cores, False, [spec]) == expected
    assert clips_fit(111, 64, spec)
    assert not clips_fit(112, 64, spec)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_matrices_are_multiplied_in_every_precision(precision):
    assert matrix_rate(precision, "cpu", rounds=1) > 0


def test_looped_videos_begin_again_after_a_second(tmp_path):
    frames = [
        frame.pixels for frame in read_file(write_looped(tmp_path / "a.mp4", 60, (48, 64), seed=1))
    ]
    assert len(frames) == 60
    assert frames[0].shape == (48, 64, 3)
    # Each second begins with a key frame, so that it is coded as the one before.
    assert np.array_equal(frames[5], frames[30])


# --- the report ------------------------------------------------------------------------------


def test_speed_ups_are_between_the_best_batches():
    assert (C3D_FLOAT.plain_batch, C3D_FLOAT.batch) == (4, 4)
    assert C3D_FLOAT.speed_up == pytest.approx(0.4 / 0.16)
    assert C3D_BFLOAT.batch == 1
    assert C3D_BFLOAT.speed_up == pytest.approx(4)
    assert FILES.share == pytest.approx(0.95)
    assert REPORT.memory.ratio == pytest.approx(1.02)


def test_the_tables_show_every_figure():
    lines = [" ".join(line.split()) for line in str(REPORT).splitlines()]
    # 80 GFLOP in 0.4 s are 200 a second, half of 400; in 0.16 s 500; in 0.1 s 800.
    assert "plain PyTorch float32 0.4000 4 2.50 200 0.50" in lines
    assert "ours float32 0.1600 4 6.25 500 1.25 2.50 2.0e-06 1.0000000" in lines
    assert "ours bfloat16 0.1000 1 10.00 800 1.00 4.00 3.0e-03 0.9999500" in lines
    assert "C3D fc6 float32 4 20 5.00 95 % 0.0e+00" in lines
    assert "C3D fc6 400 40.0 1.00 ms 0.50 ms 800 frames/s" in lines
    text = str(REPORT)
    assert "Abacus 9, 2 cores, 1 thread; on cpu" in text
    assert "400 float32, 800 bfloat16" in text
    assert "20 us in the process, 300 us from disk; transform on 20 of them 1.50 ms" in text
    assert "500 MiB for 100 frames, 510 MiB for 10000, ratio 1.02" in text
    assert "0.040 s beyond scikit-learn's" in text


def test_a_busy_machine_is_said_in_the_last_line():
    assert REPORT.spread == 1.25
    assert "busy" not in str(REPORT)
    disturbed = dataclasses.replace(C3D_BFLOAT, ours_spread=1.5)
    report = dataclasses.replace(REPORT, networks=(C3D_FLOAT, disturbed))
    assert str(report).splitlines()[-1] == (
        "The machine was busy: runs of the same thing differed by a factor of 1.50; measure again "
        "when it is quiet."
    )


def test_on_a_gpu_the_share_of_reading_is_beside_that_of_the_network():
    assert "of reading" not in str(REPORT)
    on_gpu = dataclasses.replace(REPORT, machine=dataclasses.replace(MACHINE, device="Abacus GPU"))
    lines = [" ".join(line.split()) for line in str(on_gpu).splitlines()]
    # All cores read in 0.25 s what takes 4 s from files to descriptors.
    assert "C3D fc6 float32 4 20 5.00 95 % 6 % 0.0e+00" in lines


def test_a_report_comes_back_from_its_file(tmp_path):
    REPORT.save(tmp_path / "speed.json")
    text = (tmp_path / "speed.json").read_text()
    assert SpeedReport.from_json(text) == REPORT
    assert json.loads(text)["networks"][0]["plain"] == {"1": 0.5, "4": 0.4}


def test_what_json_lacks_comes_back_as_nan():
    unknown = dataclasses.replace(
        REPORT, memory=MemoryGrowth((1, 2), (math.nan, 3.0)), settings={"videos": None}
    )
    again = SpeedReport.from_json(unknown.to_json())
    assert math.isnan(again.memory.peaks[0])
    assert again.settings == {"videos": None}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 1, "settings": {}}'])
def test_other_texts_are_no_report(text):
    with pytest.raises(ValueError, match="no report of speed"):
        SpeedReport.from_json(text)


# --- measuring -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(small_c3d, tmp_path_factory):
    """The whole command on a small network: what it printed, and the report it wrote."""
    path = tmp_path_factory.mktemp("speed") / "speed.json"
    words = ["--networks", small_c3d, "--precisions", "float32", "bfloat16", "--quick", "-q"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["benchmark", "speed", *words, "--device", "cpu", "--json", str(path)]) == 0
    return printed.getvalue(), SpeedReport.from_json(path.read_text())


@pytest.mark.slow
def test_the_command_prints_the_report_that_it_writes(measured):
    printed, report = measured
    assert printed == f"{report}\n"
    assert report.settings["command"].startswith("skvideo3d benchmark speed --networks")
    assert report.machine.matrix_gflops.keys() == {"float32", "bfloat16"}


@pytest.mark.slow
def test_precisions_are_beside_the_same_plain_network(measured):
    _, report = measured
    exact, rounded = report.networks
    assert (exact.precision, rounded.precision) == ("float32", "bfloat16")
    assert exact.plain == rounded.plain
    assert exact.plain.keys() == exact.ours.keys() == {1, 4}
    assert exact.plain_spread == rounded.plain_spread >= 1
    assert min(exact.ours_spread, rounded.ours_spread) >= 1
    assert exact.clip == (16, 32, 32)
    assert exact.relative_error < 1e-5
    # bfloat16 has 8 bits: it differs, and not by much.
    assert 1e-4 < rounded.relative_error < 0.1
    assert rounded.cosine > 0.999


@pytest.mark.slow
def test_files_are_described_as_after_reading_all_of_them(measured):
    _, report = measured
    # Two videos of 64 frames: clips of 16 at 0, 8 ... 48.
    assert [(row.n_videos, row.n_frames, row.n_clips) for row in report.files] == [(2, 128, 14)] * 2
    assert report.files[0].difference < 1e-6
    assert report.memory.frames == (100, 1000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": "c3d"}, "give a list"),
        ({"networks": []}, "give a list"),
        ({"networks": ["c4d"]}, "networks has 'c4d'; use 'c3d', 'i3d'"),
        ({"precisions": "float32"}, "give a list"),
        ({"precisions": ["int8"]}, "precisions has 'int8'; use float32"),
        ({"device": "abacus"}, "device='abacus' cannot be used"),
        ({"device": "meta"}, "device='meta' cannot be used"),
        ({"videos": []}, "minimum of 1 is required"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        speed(**{"networks": ["c3d"], **arguments})


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here, and can be measured")
def test_another_device_is_not_measured_in_its_place():
    with pytest.raises(ValueError, match="device='cuda' cannot be measured"):
        speed(device="cuda")


def test_videos_whose_clips_do_not_fit_are_refused():
    spec = I3DTransformer(None, random_state=0)._spec()
    long = np.broadcast_to(np.zeros((1, 24, 32, 3), np.uint8), (64 * 200, 24, 32, 3))
    # 200 clips of 64 frames of 224x224 pixels of 3 float32: 7.2 GiB.
    with pytest.raises(ValueError, match=r"the 200 clips of these videos take 7\.2 GiB"):
        check_videos_fit([long], spec)
    check_videos_fit([long[: 64 * 50]], spec)


def test_a_transformer_is_measured_without_its_store_and_pca(small_c3d, tmp_path):
    from skvideo3d.benchmarks.speed import _checked_networks

    given = C3DTransformer(small_c3d, n_components=5, memory=tmp_path / "store", n_jobs=2)
    (used,) = _checked_networks([given], "cpu")
    assert (used.n_components, used.memory, used.n_jobs) == (None, None, None)
    assert given.n_components == 5
    assert not (tmp_path / "store").exists()
