"""Two streams of I3D: what is seen, and how it moves.

The optical flow of every video is computed first and kept, in 8 bits, so that both streams and any
later run find it there. Then I3D describes frames, flow, and both side by side; and the scores of
the two networks are added, as the paper does.

Flow is by DIS here, which is fast; TV-L1 is what the published weights were trained with. The
weights are random, so that this runs offline. Random networks know no classes, but they pass on
what they see: the classes of these videos differ by motion alone, and that is what flow shows.
Needs OpenCV: pip install 'skvideo3d[flow]'.

    python 07_two_streams.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skvideo3d import I3DTransformer
from skvideo3d.datasets import make_action_videos
from skvideo3d.flow import OpticalFlow, precompute_flow

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="skvideo3d-"))
print(f"Videos, flow and descriptors are kept in {folder}.")
memory = folder / "descriptors"
videos = make_action_videos(
    12, classes=3, n_groups=4, n_frames=16, random_state=0, folder=folder / "videos"
)

flow = OpticalFlow("dis", precision="uint8", keep=True)
kept = precompute_flow(videos.data, memory, flow)
size = sum(path.stat().st_size for path in (memory / "flow").rglob("*.npy.gz"))
print(f"Flow of {sum(kept.n_frames)} frames is kept in {size / 1e6:.1f} MB.")

for stream in ("rgb", "flow", "two-stream"):
    describer = I3DTransformer(
        weights=None, stream=stream, flow=flow, clip_len=16, memory=memory, random_state=0
    )
    X = describer.fit_transform(videos.data)
    model = make_pipeline(describer, StandardScaler(), LinearSVC(random_state=0))
    scores = cross_val_score(
        model, videos.data, videos.target, groups=videos.groups, cv=LeaveOneGroupOut()
    )
    blocks = ", ".join(describer.feature_blocks_)
    print(f"{stream:>10}, {X.shape[1]} columns ({blocks}): accuracy {scores.mean():.2f}")

# As the paper adds them: "logits" of two streams are the sum of both networks' scores.
scores = {
    stream: I3DTransformer(
        None,
        stream=stream,
        layer="logits",
        norm=None,
        flow=flow,
        clip_len=16,
        memory=memory,
        random_state=0,
    ).fit_transform(videos.data[:1])
    for stream in ("rgb", "flow", "two-stream")
}
difference = abs(scores["two-stream"] - (scores["rgb"] + scores["flow"])).max()
largest = abs(scores["two-stream"]).max()
print(f"Joint scores less the sum of both: {difference / largest:.0e} of the largest.")
