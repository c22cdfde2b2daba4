"""The gallery: every script runs as it stands, and finds what its page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))

# A pattern of the lines that each script is there for. No figure: the weights are random.
CLAIMS = {
    "01_five_lines.py": r"9 videos became a matrix of 9 x 4096, float32\.\n"
    r"(action-000\d\d\.mp4 shows \w+; predicted, with random weights: \w+\.\n){3}$",
    # The other values of the second search are tried on what the first one described.
    "02_grid_search.py": r"First search: 37 fits, (0|12) of 12 videos read(.|\n)*"
    r"Second search: 33 fits, 0 of 12 videos read",
    "03_leave_one_out.py": r"each of 12 videos: [01]\.\d\d\n.*each of 4 places: [01]\.\d\d\n"
    r".*\n( +\w+( +\d+){3}\n){3}$",
    "04_own_folder.py": r"C3D fc6 \(random weights\), linear SVM +\d(.|\n)*"
    r"Saved: result\.json, result\.md, predictions\.csv(.|\n)*By hand.*\n +accuracy [01]\.",
    "05_two_networks.py": r"c3d, 4096 columns: .*\n +i3d, 1024 columns: .*\n +both, 5120 columns: ",
    "06_same_or_not.py": r"15 pairs to learn from, 36 numbers a pair:\n +prob_inner_product(.|\n)*"
    r"[01]\.\d\d with random weights; chance is 0\.50\n$",
    "07_two_streams.py": r"Flow of 192 frames is kept in \d+\.\d MB\.\n"
    r" +rgb, 1024 columns \(avg_pool\): accuracy (.*)\n +flow, 1024 columns (.*)\n"
    r"two-stream, 2048 columns \(rgb/avg_pool, flow/avg_pool\)(.*)\n"
    r"Joint scores less the sum of both: (0e\+00|\de-0[6-9]) of the largest\.\n$",
    "08_fit_a_network.py": r"(epoch +\d+: loss \d\.\d\d\n){4}"
    r"Learnt by heart: (0\.[89]\d|1\.00) of the videos\.\n"
    r"mine\.safetensors, fc6, linear SVM: [01]\.\d\d of the same videos\.\n"
    r"Fine-tuned for translate_left, translate_right: [01]\.\d\d\.\n$",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, worker_id):
    # As the gallery's page advises: descriptors are computed once for all, by any process of xdist.
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "examples"


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_an_example_runs_and_shows_what_it_is_there_for(script, folder, tmp_path):
    with FileLock(f"{folder}.lock"):
        done = subprocess.run(
            [sys.executable, str(script), str(folder)],
            cwd=tmp_path,
            env={**os.environ, "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert re.search(CLAIMS[script.name], done.stdout), done.stdout
    assert not list(tmp_path.iterdir()), "it left something in the current folder"


def test_every_example_has_a_claim_and_a_row_in_the_gallery():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+\.py)\]\((\w+\.py)\) \|", page, re.MULTILINE)
    names = [script.name for script in SCRIPTS]
    assert rows == [(name, name) for name in names]
    assert sorted(CLAIMS) == names
