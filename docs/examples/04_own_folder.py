"""Your own folder of videos: the protocol of one call, and the same by hand.

`skvideo3d.benchmarks.video_folder` takes a folder with a subfolder for each class, describes every
video once, cross-validates, and gives a result that prints, saves and draws itself. To decide more
than its parameters allow, load the folder and use scikit-learn's own tools.

The weights are random, so that this runs offline: the accuracies say nothing about C3D.

    python 04_own_folder.py [FOLDER]
"""

import shutil
import sys
import tempfile
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skvideo3d import C3DTransformer
from skvideo3d.benchmarks import video_folder
from skvideo3d.datasets import load_video_folder, make_action_videos

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos and descriptors are kept in {folder}.")
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)

# This stands for a folder of yours: clips/bounce/place2-7.mp4, and so on.
clips = folder / "clips"
for i, (path, label, place) in enumerate(
    zip(videos.data, videos.target, videos.groups, strict=True)
):
    copy = clips / videos.target_names[label] / f"place{place}-{i}.mp4"
    copy.parent.mkdir(parents=True, exist_ok=True)
    if not copy.exists():
        shutil.copy2(path, copy)

# One call. The pattern finds in each path what videos have in common, here the place.
describer = C3DTransformer(weights=None, random_state=0)
result = video_folder(clips, groups=r"(place\d+)", describer=describer, memory=folder)
print(result)
written = result.save(folder / "result")
print("Saved:", ", ".join(path.name for path in written))

# By hand: another splitter, another classifier, several scores. The videos are in the store.
own = load_video_folder(clips, groups=r"(place\d+)")
model = make_pipeline(
    describer.set_params(memory=folder / "descriptors"), StandardScaler(), LogisticRegression()
)
scores = cross_validate(
    model,
    own.data,
    own.target,
    groups=own.groups,
    cv=StratifiedGroupKFold(2),
    scoring=["accuracy", "neg_log_loss"],
)
print("\nBy hand, two folds, logistic regression, with random weights:")
print(f"    accuracy {scores['test_accuracy'].mean():.2f}, chance is 0.33")
print(f"    log loss {-scores['test_neg_log_loss'].mean():.2f}")
