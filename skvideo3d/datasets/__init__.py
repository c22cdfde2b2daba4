"""Videos to work on: data sets in their official layouts, one's own folders, generated files."""

from skvideo3d.datasets.action_rendering import iter_action_frames, render_action_video
from skvideo3d.datasets.action_videos import make_action_videos
from skvideo3d.datasets.actions import ACTIONS
from skvideo3d.datasets.aslan import load_aslan
from skvideo3d.datasets.dynamic_scenes import load_dynamic_scenes
from skvideo3d.datasets.object_sequences import load_object_sequences

__all__ = [
    "ACTIONS",
    "iter_action_frames",
    "load_aslan",
    "load_dynamic_scenes",
    "load_object_sequences",
    "make_action_videos",
    "render_action_video",
]
