"""A grid search over PCA and C in which no video is decoded twice.

The PCA belongs into the cross-validation: it is learnt from training videos alone. A plain pipeline
would pay for that by describing all videos again in every fit. With ``memory=`` they are described
once: the store keeps what comes before the PCA, for every video by itself.

The weights are random, so that this runs offline: the accuracy says nothing about C3D.

    python 02_grid_search.py [FOLDER]
"""

import sys
import tempfile
import time
from pathlib import Path

from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer
from skvideo3d.datasets import make_action_videos
from skvideo3d.feature_extraction.store import DescriptorStore

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos and descriptors are kept in {folder}.")
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)

memory = folder / "descriptors"
model = Pipeline(
    [
        ("c3d", C3DTransformer(weights=None, random_state=0, memory=memory)),
        ("svm", LinearSVC(random_state=0)),
    ]
)
grids = {
    "First search": {"c3d__n_components": [2, 4, None], "svm__C": [0.1, 1, 10]},
    "Second search": {"c3d__n_components": [3, 5], "c3d__norm": ["l1", "l2"], "svm__C": [1, 100]},
}
for name, grid in grids.items():
    n_before = len(DescriptorStore(memory).readings())
    began = time.perf_counter()
    search = GridSearchCV(model, grid, cv=GroupKFold(4))
    search.fit(videos.data, videos.target, groups=videos.groups)
    seconds = time.perf_counter() - began
    n_fits = len(search.cv_results_["params"]) * search.n_splits_ + 1
    n_read = len(DescriptorStore(memory).readings()) - n_before
    print(f"{name}: {n_fits} fits, {n_read} of {len(videos.data)} videos read, {seconds:.1f} s.")
    print(f"    best: {search.best_params_}")
    print(f"    accuracy {search.best_score_:.2f} with random weights; chance is 0.33")
