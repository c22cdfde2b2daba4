"""Same action or not: pairs of videos.

Do two videos show the same action, even one that was never seen in training?
`PairSimilarityTransformer` describes each video once, however many pairs it is in, and turns a pair
into 12 similarities and distances for every layer, from which a classifier learns. This is the way
of the C3D paper on ASLAN; ``skvideo3d benchmark aslan`` does it there.

The weights are random, so that this runs offline: the figures say nothing about C3D.

    python 06_same_or_not.py [FOLDER]
"""

import sys
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, PairSimilarityTransformer
from skvideo3d.datasets import make_action_videos

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos and descriptors are kept in {folder}.")
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)


def pairs_within(positions):
    """All pairs of some videos, and whether both show the same action."""
    pairs = list(combinations(positions, 2))
    same = [int(videos.target[a] == videos.target[b]) for a, b in pairs]
    return [(videos.data[a], videos.data[b]) for a, b in pairs], np.array(same)


# No video is in a training pair and in a test pair.
train, train_same = pairs_within(range(6))
test, test_same = pairs_within(range(6, 12))

describer = C3DTransformer(
    weights=None, layer=("prob", "fc7", "fc6"), random_state=0, memory=folder / "descriptors"
)
similarities = PairSimilarityTransformer(describer)
model = make_pipeline(similarities, StandardScaler(), LinearSVC(random_state=0))
model.fit(train, train_same)
scores = model.decision_function(test)

names = model[:-1].get_feature_names_out()
print(f"{len(train)} pairs to learn from, {len(names)} numbers a pair:")
print("   ", ", ".join(names[:4]), "...")
print(f"Area under the ROC curve over {len(test)} test pairs, {test_same.sum()} of one action:")
print(f"    {roc_auc_score(test_same, scores):.2f} with random weights; chance is 0.50")
