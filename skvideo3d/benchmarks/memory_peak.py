"""The most memory that this process has held since a moment."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["forget_peak", "peak_memory"]


def forget_peak() -> None:
    """Begin anew, where the system can: on Linux. Elsewhere the peak is that of the process."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> float:
    """Give the peak.

    Returns
    -------
    float
        In MiB; NaN where nobody knows.
    """
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 2**10
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
