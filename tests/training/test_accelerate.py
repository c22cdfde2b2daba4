"""Several processes train one network, each on its share of every epoch."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from skvideo3d.training import VideoClassifier
from skvideo3d.video import Preprocessing

accelerate = pytest.importorskip("accelerate")

# No dropout and no batch normalisation, of which each process has its own.
_MODULE = """
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv3d(3, 4, 3, padding=1)
        self.last = nn.Linear(4, 2)

    def forward(self, clips):
        return self.last(torch.relu(self.first(clips)).mean((2, 3, 4)))

torch.manual_seed(0)
module = Plain()
params = dict(
    preprocessing=Preprocessing((12, 16), (8, 8), scale=1 / 64), lr=0.05, random_state=0,
)
labels = np.array(["red", "blue"] * 6)
"""

_SCRIPT = f"""
import sys
import numpy as np
import torch
from torch import nn
from accelerate import Accelerator
from skvideo3d.training import VideoClassifier
from skvideo3d.video import Preprocessing
torch.set_num_threads(1)
{_MODULE}
found = np.load(sys.argv[1] + "/videos.npz", allow_pickle=False)
videos = [found[f"arr_{{i}}"] for i in range(12)]
accelerator = Accelerator(cpu=True)
assert accelerator.num_processes == 2
params.update(batch_size=2, accelerator=accelerator, validation=1 / 3, verbose=1)
whole = VideoClassifier(module, max_epochs=3, **params).fit(videos, labels)
path = sys.argv[1] + "/training.ckpt"
VideoClassifier(module, max_epochs=1, checkpoint=path, **params).fit(videos, labels)
again = VideoClassifier(module, max_epochs=3, checkpoint=path, **params).fit(videos, labels)
rank = accelerator.process_index
torch.save(whole.network_.state_dict(), f"{{sys.argv[1]}}/whole{{rank}}.pt")
torch.save(again.network_.state_dict(), f"{{sys.argv[1]}}/again{{rank}}.pt")
rows = [[row["train_loss"], row["n_clips"], row["valid_loss"]] for row in whole.history_]
np.save(f"{{sys.argv[1]}}/rows{{rank}}.npy", rows)
"""


def test_two_processes_train_as_one_does_with_both_their_batches(coloured, tmp_path):
    videos, labels = coloured
    np.savez(tmp_path / "videos.npz", *videos)
    (tmp_path / "train.py").write_text(_SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, tmp_path / "train.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = {"np": np, "torch": torch, "nn": nn, "Preprocessing": Preprocessing}
    exec(_MODULE, names)
    alone = VideoClassifier(
        names["module"], max_epochs=3, batch_size=4, validation=1 / 3, **names["params"]
    ).fit(videos, labels)
    rows = [[row["train_loss"], row["n_clips"], row["valid_loss"]] for row in alone.history_]
    for rank in (0, 1):
        found = torch.load(tmp_path / f"whole{rank}.pt", weights_only=True)
        for name, value in alone.network_.state_dict().items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)
        again = torch.load(tmp_path / f"again{rank}.pt", weights_only=True)
        assert all(torch.equal(value, again[name]) for name, value in found.items())
        np.testing.assert_allclose(np.load(tmp_path / f"rows{rank}.npy"), rows, rtol=1e-4)
    assert done.stderr.count("epoch 3: loss") == 2  # of both trainings, and of one process


def test_one_process_with_an_accelerator_is_none_without(coloured, quick):
    quick = {**quick, "network": "c3d-bn"}
    one = VideoClassifier(**quick, accelerator=accelerate.Accelerator(cpu=True)).fit(*coloured)
    other = VideoClassifier(**quick).fit(*coloured)
    found = other.network_.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in one.network_.state_dict().items())
