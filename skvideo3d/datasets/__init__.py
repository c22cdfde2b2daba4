"""Videos to work on: data sets in their official layouts, one's own folders, generated files."""

from skvideo3d.datasets.action_rendering import iter_action_frames, render_action_video
from skvideo3d.datasets.action_videos import make_action_videos
from skvideo3d.datasets.actions import ACTIONS
from skvideo3d.datasets.aslan import load_aslan
from skvideo3d.datasets.dynamic_scenes import load_dynamic_scenes
from skvideo3d.datasets.hmdb51 import load_hmdb51
from skvideo3d.datasets.object_sequences import load_object_sequences
from skvideo3d.datasets.ucf101 import load_ucf101
from skvideo3d.datasets.video_folder import load_video_folder

__all__ = [
    "ACTIONS",
    "iter_action_frames",
    "load_aslan",
    "load_dynamic_scenes",
    "load_hmdb51",
    "load_object_sequences",
    "load_ucf101",
    "load_video_folder",
    "make_action_videos",
    "render_action_video",
]
