"""The command ``skvideo3d``: one subcommand a file."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Sequence

from . import benchmark, demo, extract, flow, train, train_compact, weights

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit status: 0, 1 if something failed, 2 for a command that makes no sense, 130 if it was
        interrupted.
    """
    from skvideo3d import __version__

    parser = argparse.ArgumentParser(
        prog="skvideo3d", description="Video descriptors: C3D and I3D as scikit-learn transformers."
    )
    parser.add_argument("--version", action="version", version=f"skvideo3d {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (benchmark, demo, extract, flow, train, train_compact, weights):
        command.add_parser(subparsers)
    words = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None:
        # The process ends with this: looking for garbage among torch's modules would take a second.
        atexit.register(gc.freeze)
    args = parser.parse_args(words)
    args.words = words
    try:
        status: int = args.run(args)
        print(end="", flush=True)  # here, where a broken pipe is caught, and not at exit
    except KeyboardInterrupt:
        print("\nskvideo3d: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe went away, as head does; a second complaint at exit helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # of the standard output: a full disk
        print(f"skvideo3d: the output could not be shown: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return status
