"""Two networks side by side.

The best descriptors of the C3D paper are those of three networks, joined into one row. In
scikit-learn that is a union: each network describes the videos, and the columns stand side by side.
The union is one transformer, with parameters that a grid search can reach.

Here C3D and I3D are joined. Several C3D are ``make_union(C3DTransformer(), C3DTransformer(path))``.

The weights are random, so that this runs offline: the accuracies say nothing about the networks.

    python 05_two_networks.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.datasets import make_action_videos

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos and descriptors are kept in {folder}.")
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)

# One store serves both: whatever determines the numbers is part of its keys.
memory = folder / "descriptors"
c3d = C3DTransformer(weights=None, random_state=0, memory=memory)
# I3D's own clips are of 64 frames; 9 are the fewest that it takes, and soon done.
i3d = I3DTransformer(weights=None, clip_len=9, random_state=0, memory=memory)
both = FeatureUnion([("c3d", c3d), ("i3d", i3d)])

print("Accuracy with random weights, leaving out places; chance is 0.33:")
for name, describer in {"c3d": c3d, "i3d": i3d, "both": both}.items():
    n_columns = describer.fit_transform(videos.data).shape[1]
    model = make_pipeline(describer, LinearSVC(random_state=0))
    scores = cross_val_score(
        model, videos.data, videos.target, groups=videos.groups, cv=LeaveOneGroupOut()
    )
    print(f"    {name}, {n_columns} columns: {scores.mean():.2f}")
