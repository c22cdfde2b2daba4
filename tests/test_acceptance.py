"""What a user was promised, on real clips and with the full-size network."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer
from skvideo3d.feature_extraction.store import DescriptorStore

pytestmark = [pytest.mark.slow, pytest.mark.realdata]

LEAVE_ONE_OUT = """
import sys
import numpy as np
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from skvideo3d import C3DTransformer

memory, *paths = sys.argv[1:]
labels = [path.split("PS7")[-1][:2] for path in paths]
model = make_pipeline(
    C3DTransformer(weights=None, random_state=0, memory=memory, clip_stride=64),
    LinearSVC(random_state=0),
)
print(*cross_val_predict(model, paths, labels, cv=LeaveOneOut()))
"""


def test_leave_one_out_over_27_real_clips_decodes_27_times_and_never_again(realdata, tmp_path):
    paths = sorted(str(path) for path in (realdata / "ps7").glob("*.avi"))
    assert len(paths) == 27
    labels = [path.split("PS7")[-1][:2] for path in paths]
    memory = tmp_path / "descriptors"
    model = make_pipeline(
        C3DTransformer(weights=None, random_state=0, memory=memory, clip_stride=64),
        LinearSVC(random_state=0),
    )
    predicted = cross_val_predict(model, paths, labels, cv=LeaveOneOut())
    assert sorted(DescriptorStore(memory).readings()) == paths

    # The same in a new process: nothing is decoded, and the predictions are the same.
    output = subprocess.run(
        [sys.executable, "-c", LEAVE_ONE_OUT, str(memory), *paths],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert len(DescriptorStore(memory).readings()) == 27
    assert output.split() == predicted.tolist()

    # A pipeline with PCA in front of the classifier is small enough to mail, without the weights.
    model.set_params(c3dtransformer__n_components=5).fit(paths, labels)
    assert len(pickle.dumps(model)) < 1_000_000
    assert (
        pickle.loads(pickle.dumps(model)).predict(paths).tolist() == model.predict(paths).tolist()
    )


def test_grid_search_in_two_processes_decodes_each_real_clip_once(realdata, tmp_path):
    paths = sorted(str(path) for path in (realdata / "ucf101").glob("*.avi"))
    paths += sorted(str(path) for path in (realdata / "hmdb51").glob("*.avi"))
    labels = np.arange(8) // 4
    memory = tmp_path / "descriptors"
    model = make_pipeline(
        C3DTransformer(weights=None, random_state=0, memory=memory, clip_stride=64),
        LinearSVC(random_state=0),
    )
    grid = {"c3dtransformer__n_components": [2, 3], "linearsvc__C": [1.0, 10.0]}
    search = GridSearchCV(model, grid, cv=4, n_jobs=2).fit(paths, labels)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert sorted(DescriptorStore(memory).readings()) == sorted(paths)
