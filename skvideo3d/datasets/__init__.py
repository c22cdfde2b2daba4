"""Videos to work on: generated files whose classes differ by motion alone."""

from skvideo3d.datasets.action_rendering import iter_action_frames, render_action_video
from skvideo3d.datasets.action_videos import make_action_videos
from skvideo3d.datasets.actions import ACTIONS

__all__ = ["ACTIONS", "iter_action_frames", "make_action_videos", "render_action_video"]
