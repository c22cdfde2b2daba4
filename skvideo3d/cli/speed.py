"""``skvideo3d benchmark speed``: what descriptors cost on this machine."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from skvideo3d.exceptions import SkVideo3DError

from .telling import check_writable_file

__all__ = ["add_parser", "run"]

_NETWORKS = ("c3d", "i3d")

_DESCRIPTION = """\
Measure what descriptors cost on this machine: each network against plain PyTorch, in turns, with
the error beside the speed-up; how fast the machine multiplies matrices; reading alone; files to
descriptors; known videos, memory and the import. It takes a few minutes on two cores.
"""


def add_parser(names: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``skvideo3d benchmark``.

    Parameters
    ----------
    names : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = names.add_parser(
        "speed",
        help="Seconds, memory and errors on this machine, against plain PyTorch",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        metavar="NETWORK",
        default=list(_NETWORKS),
        help=f"{', '.join(_NETWORKS)} with random weights, or paths of weights (default: "
        f"{' '.join(_NETWORKS)})",
    )
    parser.add_argument(
        "--precisions",
        nargs="+",
        choices=("float32", "bfloat16", "float16", "auto"),
        default=("float32", "auto"),
        help="of ours; auto is bfloat16 where the device has it (default: float32 auto)",
    )
    parser.add_argument(
        "--videos", nargs="+", metavar="PATH", help="short videos (default: generated ones)"
    )
    parser.add_argument("--device", help="such as cpu or cuda:1")
    parser.add_argument("--quick", action="store_true", help="rougher figures, sooner")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures to a file")
    parser.add_argument("-q", "--quiet", action="store_true", help="do not say what is at work")


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask for.

    Parameters
    ----------
    args : argparse.Namespace

    Returns
    -------
    int
        Exit status: 0, or 2 with the reason on stderr.
    """
    try:
        if args.json is not None:
            check_writable_file(args.json, "--json")
        from skvideo3d.benchmarks import speed

        report = speed(
            [_network(word) for word in args.networks],
            precisions=args.precisions,
            videos=args.videos,
            device=args.device,
            quick=args.quick,
            verbose=0 if args.quiet else 1,
        )
        report.settings["command"] = shlex.join(["skvideo3d", *args.words])
        print(report, flush=True)
        if args.json is not None:
            report.save(args.json)
    except BrokenPipeError:
        raise
    except (SkVideo3DError, ValueError, OSError) as error:
        print(f"skvideo3d benchmark speed: {error}", file=sys.stderr)
        return 2
    return 0


def _network(word: str) -> object:
    """Give a name as it is, and for weights the transformer that they are for."""
    if word in _NETWORKS:
        return word
    from skvideo3d import C3DTransformer, I3DTransformer
    from skvideo3d.models.description import architecture_of

    try:
        is_i3d = architecture_of(word, None) == "i3d"
    except ValueError as error:
        raise ValueError(
            f"--networks {word!r}: choose {' or '.join(_NETWORKS)}, or give a path of weights "
            f"({error})"
        ) from error
    return I3DTransformer(word) if is_i3d else C3DTransformer(word)
