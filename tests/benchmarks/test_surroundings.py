"""Versions and machine, as reports and records have them."""

import os
import platform

import numpy as np
import sklearn
import torch

from skvideo3d import __version__
from skvideo3d.benchmarks.surroundings import machine, versions


def test_versions_are_those_of_what_is_imported():
    assert versions() == {
        "skvideo3d": __version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def test_what_was_not_installed_is_unknown_and_stops_nothing():
    assert versions("no-such-distribution")["no-such-distribution"] == "unknown"


def test_the_machine_is_named_with_its_device_if_there_is_one():
    assert f"{os.cpu_count()} processors" in machine()
    assert machine("cuda:0") == f"{machine()}, cuda:0"
