"""The published evaluations: a data set, its splits, a describer, a classifier, the paper's table.

>>> from skvideo3d.benchmarks import ucf101
>>> result = ucf101("data/UCF101", memory="work")  # doctest: +SKIP
>>> print(result)  # doctest: +SKIP
"""

from .action_recognition import hmdb51, ucf101
from .action_similarity import aslan
from .architecture import architecture
from .architecture_report import ArchitectureReport, NetworkTrainings
from .compression import compactness
from .object_recognition import objects
from .own_videos import video_folder
from .published import PUBLISHED, Published
from .results import BenchmarkResult, DataUse, ResultRow
from .running_time import runtime
from .scene_recognition import scenes
from .speed import speed
from .speed_report import SpeedReport
from .transfer import transfer

__all__ = [
    "PUBLISHED",
    "ArchitectureReport",
    "BenchmarkResult",
    "DataUse",
    "NetworkTrainings",
    "Published",
    "ResultRow",
    "SpeedReport",
    "architecture",
    "aslan",
    "compactness",
    "hmdb51",
    "objects",
    "runtime",
    "scenes",
    "speed",
    "transfer",
    "ucf101",
    "video_folder",
]
