"""Where evaluations write, and how much they say: the same for all of them."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_output", "add_output_options"]


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``--output``.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("skvideo3d-benchmarks"),
        help="default: skvideo3d-benchmarks",
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--output`` and ``--quiet``.

    Parameters
    ----------
    parser : ArgumentParser
    """
    add_output(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
