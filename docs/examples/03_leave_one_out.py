"""Leave one video out, or one place with all its videos.

Small sets of videos are evaluated by leave-one-out: each video is classified by a model of all the
others. With ``memory=`` all these fits cost one pass over the files. Mind that in small, balanced
sets the class of the video left out is the rarest among the others: who has learnt nothing guesses
the other classes, and falls below chance.

Often videos were taken at one place, or of one person, and what is seen there may give the label
away. Leaving a whole group out asks the harder and mostly the fairer question.

The weights are random, so that this runs offline: the accuracies say nothing about C3D.

    python 03_leave_one_out.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import LeaveOneGroupOut, LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer
from skvideo3d.datasets import make_action_videos

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos and descriptors are kept in {folder}.")
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)
model = make_pipeline(
    C3DTransformer(weights=None, random_state=0, memory=folder / "descriptors"),
    LinearSVC(random_state=0),
)

one_video = cross_val_predict(model, videos.data, videos.target, cv=LeaveOneOut())
one_place = cross_val_predict(
    model, videos.data, videos.target, groups=videos.groups, cv=LeaveOneGroupOut()
)

n_videos, n_places = len(videos.data), len(np.unique(videos.groups))
print("Accuracy with random weights; chance is 0.33:")
print(f"    leaving out each of {n_videos} videos: {np.mean(one_video == videos.target):.2f}")
print(f"    leaving out each of {n_places} places: {np.mean(one_place == videos.target):.2f}")
print("Confusion, leaving out places (a row is what a video shows):")
table = confusion_matrix(videos.target, one_place)
for name, counts in zip(videos.target_names, table, strict=True):
    print(f"    {name:<16}", *counts)
