"""Five lines: a pipeline from video files to labels.

A transformer turns each video into a row of numbers, and everything of scikit-learn can follow it.
The videos are generated: all classes show the same things, and only the motion differs.

The network has random weights, so that this runs offline. Leave ``weights=None`` out, and the
published Sports-1M weights are fetched and used. What C3D can do is seen with them alone.

    python 01_five_lines.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer
from skvideo3d.datasets import make_action_videos

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos and descriptors are kept in {folder}.")

# Video i shows action i % 3. Three videos in a row share a place and its people.
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)
paths, labels = videos.data[:9], videos.target[:9]
other_paths, other_labels = videos.data[9:], videos.target[9:]

# The five lines, two of which are the imports above.
describer = C3DTransformer(weights=None, random_state=0, memory=folder / "descriptors")
model = make_pipeline(describer, LinearSVC(random_state=0)).fit(paths, labels)
predictions = model.predict(other_paths)

rows = describer.transform(paths)  # from the store: no video is opened again
print(f"{len(rows)} videos became a matrix of {rows.shape[0]} x {rows.shape[1]}, {rows.dtype}.")
for path, label, prediction in zip(other_paths, other_labels, predictions, strict=True):
    shown, guessed = videos.target_names[label], videos.target_names[prediction]
    print(f"{Path(path).name} shows {shown}; predicted, with random weights: {guessed}.")
