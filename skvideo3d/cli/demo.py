"""``skvideo3d demo``: the main job from files to accuracy, offline, in under two minutes."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["add_parser", "run"]

_CLASSES = ("left", "right", "up", "down")
_GROUPS = 6
"""E.
"""
