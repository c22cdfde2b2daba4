"""The command runs every protocol, keeps what it did, and says what is wrong."""

import json
import re
import shutil
import subprocess
import sys
import time

import pytest
from miniatures.aslan import write_aslan
from miniatures.dynamic_scenes import write_scenes
from miniatures.hmdb51 import write_hmdb51
from miniatures.object_sequences import write_sequences
from miniatures.ucf101 import write_ucf101

from skvideo3d.benchmarks import BenchmarkResult
from skvideo3d.cli import main
from skvideo3d.feature_extraction.store import DescriptorStore


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    write_ucf101(root / "ucf101")
    write_hmdb51(root / "hmdb51")
    write_aslan(root / "aslan")
    write_scenes(root / "scenes", "maryland", n_videos=3)
    write_sequences(root / "objects")
    shutil.copytree(root / "ucf101" / "UCF-101", root / "video_folder")
    (root / "compactness").symlink_to(root / "ucf101")
    (root / "runtime").symlink_to(root / "objects")
    return root


PROTOCOLS = {
    "ucf101": ["--splits", "1", "3"],
    "hmdb51": ["--classes", "wave", "cartwheel"],
    "compactness": ["--dimensions", "2", "5"],
    "aslan": [],
    "scenes": ["--set", "maryland", "--missing", "drop"],
    "objects": ["--C", "0.1", "1"],
    "runtime": ["--limit", "2"],
    "video_folder": ["--groups", r"_g(\d+)_"],
}
SAVED_AS = {"scenes": "scenes-maryland"}


def run(name, sets, output, small_c3d, *options):
    words = ["--data", str(sets / name), "--output", str(output), "-q", "--weights", small_c3d]
    return main(["benchmark", name, *words, *PROTOCOLS[name], *options])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_prints_its_table_and_saves_it(name, sets, tmp_path, small_c3d, capsys):
    assert run(name, sets, tmp_path, small_c3d) == 0
    printed = capsys.readouterr()
    folder = tmp_path / SAVED_AS.get(name, name)
    result = BenchmarkResult.from_json((folder / "result.json").read_text())
    assert printed.out.startswith(str(result))
    assert printed.err == ""
    assert f"Written to {folder}: result.json, result.md, predictions.csv" in printed.out
    assert "C3D" in result.rows[0].method
    assert result.settings["command"].startswith("skvideo3d ")
    if name != "video_folder":
        assert "published:" in printed.out or name == "compactness"


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "runtime"])
def test_the_same_command_again_describes_nothing(name, sets, tmp_path, small_c3d, capsys):
    run(name, sets, tmp_path, small_c3d)
    store = DescriptorStore(tmp_path / "descriptors")
    before = store.readings()
    first = (tmp_path / SAVED_AS.get(name, name) / "result.json").read_text()
    assert before
    run(name, sets, tmp_path, small_c3d)
    assert store.readings() == before
    assert re.search(r"Described 0 now, \d+ reused, 0 clips computed", capsys.readouterr().out)
    again = (tmp_path / SAVED_AS.get(name, name) / "result.json").read_text()
    one, other = json.loads(first), json.loads(again)
    assert one["rows"] == other["rows"]


def test_a_result_of_another_command_is_not_replaced(sets, tmp_path, small_c3d, capsys):
    run("ucf101", sets, tmp_path, small_c3d)
    run("ucf101", sets, tmp_path, small_c3d)
    assert [path.name for path in tmp_path.glob("ucf101*")] == ["ucf101"]
    run("ucf101", sets, tmp_path, small_c3d, "--classes", "2")
    assert f"is now in {tmp_path / 'ucf101-1'}" in capsys.readouterr().out
    titles = [
        json.loads((tmp_path / name / "result.json").read_text())["title"]
        for name in ("ucf101-1", "ucf101")
    ]
    assert ["3 classes" in titles[0], "2 classes" in titles[1]] == [True, True]


def test_an_output_that_cannot_be_written_to_is_refused_first(sets, tmp_path, small_c3d, capsys):
    (tmp_path / "file").touch()
    assert run("ucf101", sets, tmp_path / "file", small_c3d) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_the_table_is_printed_whatever_happens_to_the_files(
    sets, tmp_path, small_c3d, capsys, monkeypatch
):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BenchmarkResult, "save", full)
    assert run("ucf101", sets, tmp_path, small_c3d) == 2
    printed = capsys.readouterr()
    assert "published:" in printed.out
    assert "No space left" in printed.err


def test_a_reader_that_goes_away_costs_no_files(sets, tmp_path, small_c3d):
    command = [sys.executable, "-m", "skvideo3d", "benchmark", "objects", "-q"]
    command += ["--data", str(sets / "objects"), "--output", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--weights", small_c3d],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1
    assert (tmp_path / "objects" / "result.json").exists()


def test_what_cannot_be_evaluated_is_refused_before_videos_are_described(
    sets, tmp_path, small_c3d, capsys
):
    assert run("ucf101", sets, tmp_path, small_c3d, "--classes", "Archery") == 2
    assert "at least two classes" in capsys.readouterr().err
    assert not (tmp_path / "descriptors").exists()
    with pytest.raises(SystemExit):
        run("ucf101", sets, tmp_path, small_c3d, "--C", "0")
    assert "0 is no positive number" in capsys.readouterr().err


def test_several_weights_are_concatenated(sets, tmp_path, small_c3d):
    other = tmp_path / "other.safetensors"
    shutil.copyfile(small_c3d, other)
    run("ucf101", sets, tmp_path, small_c3d)
    alone = json.loads((tmp_path / "ucf101" / "result.json").read_text())
    assert run("ucf101", sets, tmp_path, small_c3d, "--weights", str(other)) == 0
    both = json.loads((tmp_path / "ucf101" / "result.json").read_text())
    assert both["settings"]["n_features"] == 2 * alone["settings"]["n_features"]
    assert both["rows"][0]["method"] == "C3D fc6 (small) + C3D fc6 (other), linear SVM"


@pytest.mark.slow
def test_c3d_and_i3d_are_concatenated(tmp_path):
    write_sequences(tmp_path / "data", n_sequences=2, objects=("cup", "phone"), n_frames=40)
    command = ["benchmark", "objects", "--data", str(tmp_path / "data"), "--weights", "random"]
    command += ["--network", "c3d", "--network", "i3d", "--clip-len", "16", "-q"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    result = json.loads((tmp_path / "out" / "objects" / "result.json").read_text())
    assert result["settings"]["n_features"] == 4096 + 1024
    assert list(result["settings"]["weights_sha256"]) == ["net1", "net2"]
    assert any("random" in note for note in result["notes"])


def test_networks_and_weights_are_paired(sets, tmp_path, small_c3d, capsys):
    options = [
        "--weights",
        small_c3d,
        "--weights",
        small_c3d,
        "--network",
        "c3d",
        "--network",
        "i3d",
    ]
    assert run("objects", sets, tmp_path, small_c3d, *options) == 2
    assert "2 times --network and 3 times --weights" in capsys.readouterr().err


def test_aslan_takes_the_papers_layers_where_the_weights_have_them(sets, tmp_path, small_c3d):
    run("aslan", sets, tmp_path, small_c3d)
    result = json.loads((tmp_path / "aslan" / "result.json").read_text())
    assert result["rows"][0]["method"].endswith("all 48")


def test_aslan_has_one_bar_of_folds_and_not_one_for_each_similarity(
    sets, tmp_path, small_c3d, capsys
):
    command = ["benchmark", "aslan", "--data", str(sets / "aslan"), "--layer", "fc6"]
    main([*command, "--output", str(tmp_path), "--weights", small_c3d])
    assert capsys.readouterr().err.count("folds:   0%") == 1  # with which each bar begins


def test_what_there_is_to_do_goes_to_stderr(sets, tmp_path, small_c3d, capsys):
    command = ["benchmark", "objects", "--data", str(sets / "objects")]
    main([*command, "--output", str(tmp_path), "--weights", small_c3d])
    assert "about 18 clips to describe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ucf101", ["--data", "nowhere"], "'nowhere' does not exist"),
        ("ucf101", ["--data", "{empty}"], "--lists"),
        ("ucf101", ["--data", "{sets}/ucf101", "--splits", "7"], "choose from 1 to 3"),
        ("ucf101", ["--data", "{sets}/ucf101", "--classes", "Archry"], "Archery"),
        ("scenes", ["--data", "{sets}/scenes"], "--missing drop"),
        ("aslan", ["--data", "{sets}/ucf101"], "View2.mat"),
        ("video_folder", ["--data", "{sets}/video_folder", "--cv", "grouped"], "--groups"),
        ("objects", ["--data", "{sets}/objects", "--layer", "fc9"], "fc9"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    name, arguments, message, sets, tmp_path, small_c3d, capsys
):
    (tmp_path / "empty").mkdir()
    words = [word.format(sets=sets, empty=tmp_path / "empty") for word in arguments]
    command = ["benchmark", name, *words, "--output", str(tmp_path / "out"), "-q"]
    assert main([*command, "--weights", small_c3d]) == 2
    error = capsys.readouterr().err
    assert error.startswith("skvideo3d benchmark: ")
    assert message in error
    assert not (tmp_path / "out" / name).exists()


def test_a_run_that_was_killed_goes_on_where_it_was(sets, tmp_path, small_c3d):
    command = [sys.executable, "-m", "skvideo3d", "benchmark", "ucf101", "--batch-size", "1"]
    command += ["--data", str(sets / "ucf101"), "--output", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--weights", small_c3d], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    store = DescriptorStore(tmp_path / "descriptors")
    while len(store.readings()) < 5 and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    done = len(list((tmp_path / "descriptors").glob("??/*.npy")))
    assert run("ucf101", sets, tmp_path, small_c3d) == 0
    result = json.loads((tmp_path / "ucf101" / "result.json").read_text())
    assert result["counts"]["reused"] == done
    assert result["counts"]["described"] == 36 - done


# --- real clips, by leave-one-out and leave-one-person-out -------------------------------------


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "n_folds"),
    [
        ("ps7", ["--labels", r"A(\d)", "--cv", "leave-one-out"], 27),
        ("ps7", ["--labels", r"A(\d)", "--groups", r"P(\d)T"], 3),
        ("kth", ["--cv", "leave-one-out"], 9),
        ("kth", ["--labels", "^[a-z]+", "--groups", r"person(\d+)"], 9),
    ],
    ids=["ps7 videos", "ps7 persons", "kth videos", "kth persons"],
)
def test_real_videos_are_left_out_one_by_one_and_person_by_person(
    name, options, n_folds, realdata, tmp_path, small_c3d
):
    command = ["benchmark", "video_folder", "--data", str(realdata / name), "-q"]
    command += ["--output", str(tmp_path), "--weights", small_c3d, *options]
    assert main(command) == 0
    result = json.loads((tmp_path / "video_folder" / "result.json").read_text())
    assert len({row["fold"] for row in result["predictions"]}) == n_folds
    assert result["data"]["n_used"] == len(result["predictions"]) in (27, 9)
    assert result["chance"] == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--networks", "nowhere.pth"], "nowhere.pth"),
        (["--networks", "c4d"], "--networks 'c4d': choose c3d or i3d, or give a path of weights"),
        (["--json", "{folder}"], "cannot be written to"),
        (["--json", "{folder}/none/speed.json"], "cannot be written to"),
        (["--networks", "c3d", "--videos", "{folder}/none.mp4"], "none.mp4"),
    ],
)
def test_what_speed_cannot_measure_is_said_in_a_line(words, message, tmp_path, capsys):
    words = [word.format(folder=tmp_path) for word in words]
    assert main(["benchmark", "speed", "-q", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("skvideo3d benchmark speed: ")
    assert message in error
    assert not list(tmp_path.iterdir())
