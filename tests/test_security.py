"""No file can run code here: what the package never calls, and files that would run it."""

import ast
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import skvideo3d
from skvideo3d.benchmarks.fold_store import FoldOutcome, open_fold_store
from skvideo3d.benchmarks.results import BenchmarkResult
from skvideo3d.benchmarks.speed import SpeedReport
from skvideo3d.datasets import load_aslan, load_hmdb51, load_object_sequences, load_ucf101
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import load_weights
from skvideo3d.video.preprocessing import MeanCube

PACKAGE = Path(skvideo3d.__file__).parent

# Running code, and readers that run what they read.
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "runpy"),
    *(
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "_pickle",
        "cPickle",
        "dill",
        "cloudpickle",
    ),
    *("marshal", "shelve", "joblib.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    *("pandas.read_pickle", "torch.jit.load", "torch.package", "torch.hub", "torch.export.load"),
    *("torch.serialization", "multiprocessing.connection", "multiprocessing.Pipe"),
    # Archives write where their names say.
    *("tarfile", "shutil.unpack_archive"),
}
FORBIDDEN_METHODS = {"extractall", "extract", "add_safe_globals", "safe_globals", "read_pickle"}
# Readers that do so unless they are told not to.
SAFE_WITH = {
    "torch.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
    "numpy.lib.format.open_memmap": ("mode", "r"),
    "numpy.lib.format.read_array": ("allow_pickle", False),
    "numpy.save": None,  # writes; the next rule is about its argument
}
UNSAFE_ARGUMENTS = {("allow_pickle", True), ("weights_only", False), ("shell", True)}


def dangers(source):
    """Name what a module must not use, by line."""
    tree = ast.parse(source)
    meaning = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                meaning[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def dotted(node):
        if isinstance(node, ast.Name):
            return meaning.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (inner := dotted(node.value)):
            return f"{inner}.{node.attr}"
        return None

    found, told = [], set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            for keyword in node.keywords:
                value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
                if (keyword.arg, value) in UNSAFE_ARGUMENTS:
                    found.append(f"{node.lineno}: {keyword.arg}={value}")
                if SAFE_WITH.get(name) == (keyword.arg, value):
                    told.add(id(node.func))
        elif isinstance(node, ast.Attribute | ast.Name):
            names = [dotted(node) or ""]
            if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_METHODS:
                found.append(f"{node.lineno}: .{node.attr}")
        for name in names:
            if any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN):
                found.append(f"{node.lineno}: {name}")
            if (
                SAFE_WITH.get(name)
                and id(node) not in told
                and not isinstance(node, ast.ImportFrom)
            ):
                found.append(f"{node.lineno}: {name} without {SAFE_WITH[name]}")
    return found


@pytest.mark.parametrize(
    "snippet",
    [
        "eval('1')",
        "run = exec",
        "__import__('os')",
        "import pickle\npickle.loads(b'')",
        "import pickle as p\nread = p.load",
        "from pickle import loads as parse",
        "from pickle import Unpickler",
        "import marshal",
        "import joblib\njoblib.load('x')",
        "def f():\n    import shelve",
        "import yaml\nyaml.load('x', Loader=yaml.Loader)",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import torch\ntorch.load('x', weights_only=flag)",
        "import torch\nread = torch.load",
        "from torch import load\nload('x')",
        "import torch\ntorch.serialization.load('x')",
        "torch.serialization.add_safe_globals([f])",
        "import numpy as np\nnp.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', mmap_mode='r')",
        "np.save(path, x, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle('x')",
        "import tarfile",
        "import zipfile\nzipfile.ZipFile('x').extractall()",
        "import shutil\nshutil.unpack_archive('x')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
    ],
)
def test_the_search_finds_what_is_forbidden(snippet):
    assert dangers(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "import torch\ntorch.load('x', weights_only=True, mmap=True)",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "import pickle\ntry: pass\nexcept pickle.UnpicklingError: pass",
        "import re\nre.compile('x')",
        "import json\njson.loads('1')",
        "network.eval()",
        "import numpy as np\nnp.save('x', x, allow_pickle=False)",
    ],
)
def test_the_search_finds_nothing_else(snippet):
    assert dangers(snippet) == []


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_no_module_runs_what_it_reads(path):
    assert dangers(path.read_text(encoding="utf-8")) == []


# --- Files that would run code if they were unpickled ---------------------------------------------


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trap(tmp_path):
    place = tmp_path / "sprung"
    yield Trap(place)
    assert not place.exists()


def test_the_trap_works(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").is_dir()


def pickled_array(trap):
    array = np.empty(1, dtype=object)
    array[0] = trap
    return array


def write_npy(path, trap):
    np.save(path, pickled_array(trap), allow_pickle=True)


def write_pickle(path, trap):
    path.write_bytes(pickle.dumps({"conv1a.weight": trap}, protocol=2))


def write_torch(path, trap):
    torch.save({"conv1a.weight": torch.zeros(1), "x": trap}, path)


def write_old_torch(path, trap):
    content = {"conv1a.weight": torch.zeros(1), "x": trap}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_archive_of_pickle(path, trap):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(trap, protocol=2))
        file.writestr("archive/version", "3")


def write_safetensors_with_pickle(path, trap):
    content = pickle.dumps(trap)
    entry = {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}
    header = json.dumps({"__metadata__": {"skvideo3d": "x"}, "conv1a.weight": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + content)


WRITERS = [write_pickle, write_torch, write_old_torch, write_archive_of_pickle]


@pytest.mark.parametrize("write", [*WRITERS, write_safetensors_with_pickle, write_npy])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pickle", ".safetensors", ".caffemodel", ""])
def test_no_checkpoint_runs_code_whatever_it_is_called(write, suffix, trap, tmp_path):
    path = tmp_path / "plain"
    write(path, trap)
    (path if path.exists() else path.with_suffix(".npy")).rename(tmp_path / f"weights{suffix}")
    with pytest.raises(CheckpointError, match=str(tmp_path / f"weights{suffix}")):
        load_weights(tmp_path / f"weights{suffix}", "c3d")


@pytest.mark.parametrize("write", [*WRITERS, write_safetensors_with_pickle, write_npy])
@pytest.mark.parametrize("suffix", [".npy", ".safetensors", ".binaryproto"])
def test_no_mean_cube_runs_code_whatever_it_is_called(write, suffix, trap, tmp_path):
    path = tmp_path / "plain.npy"
    write(path, trap)
    path.rename(tmp_path / f"mean{suffix}")
    with pytest.raises(CheckpointError, match=str(tmp_path / f"mean{suffix}")):
        MeanCube.from_file(tmp_path / f"mean{suffix}")


@pytest.mark.parametrize("write", [write_pickle, write_npy, write_torch])
def test_no_kept_fold_runs_code(write, trap, tmp_path):
    store = open_fold_store(tmp_path, np.zeros((4, 2)), np.zeros(4), None, None)
    train, test = np.array([0, 1]), np.array([2, 3])
    store.put(train, test, FoldOutcome(0, test, np.array([0, 1]), None, {}))
    (path,) = tmp_path.glob("*.npz")
    assert store.get(0, train, test).predictions.tolist() == [0, 1]
    path.unlink()
    write(tmp_path / "x.npy", trap)
    (tmp_path / "x.npy").rename(path)
    assert store.get(0, train, test) is None  # as if it had never been there
    np.savez(path, predictions=pickled_array(trap), best_params=np.array("{}"))
    assert store.get(0, train, test) is None
    np.savez(path, predictions=np.array([0, 1]), best_params=pickled_array(trap))
    assert store.get(0, train, test) is None


@pytest.mark.parametrize("protocol", [0, 5])
@pytest.mark.parametrize("read", [BenchmarkResult.from_json, SpeedReport.from_json])
def test_no_result_runs_code(read, protocol, trap):
    with pytest.raises(ValueError, match="is no "):
        read(pickle.dumps(trap, protocol=protocol).decode("latin-1"))


@pytest.mark.parametrize("protocol", [0, 5])
def test_no_list_of_a_set_runs_code(protocol, trap, tmp_path):
    content = pickle.dumps(trap, protocol=protocol)
    ucf101, hmdb51 = tmp_path / "ucf101", tmp_path / "hmdb51"
    lists = ["classInd", *(f"{part}list0{k}" for part in ("train", "test") for k in (1, 2, 3))]
    for folder, names in ((ucf101, lists), (hmdb51, [f"wave_test_split{k}" for k in (1, 2, 3)])):
        folder.mkdir()
        (folder / "a.avi").touch()
        for name in names:
            (folder / f"{name}.txt").write_bytes(content)
    for load, folder in ((load_ucf101, ucf101), (load_hmdb51, hmdb51)):
        with pytest.raises(ValueError, match=str(folder)):
            load(folder)


@pytest.mark.parametrize("protocol", [0, 5])
def test_no_table_of_pairs_runs_code(protocol, trap, tmp_path):
    path = tmp_path / "View2.mat"
    path.write_bytes(pickle.dumps(trap, protocol=protocol))
    with pytest.raises(ValueError, match=str(path)):
        load_aslan(tmp_path)


@pytest.mark.parametrize("protocol", [0, 5])
def test_no_labels_of_frames_run_code(protocol, trap, tmp_path):
    content = pickle.dumps({"labels": trap}, protocol=protocol)
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").touch()
        (tmp_path / f"{name}.txt").write_bytes(content)
    with pytest.raises(ValueError, match=str(tmp_path)):
        load_object_sequences(tmp_path)
