"""``skvideo3d benchmark transfer``: a trained C3D on real videos, beside random ones."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .numbers import count, positive, whole
from .outputs import add_output_options

if TYPE_CHECKING:
    from skvideo3d.benchmarks import BenchmarkResult

__all__ = ["add_parser", "results"]

_DESCRIPTION = """\
Measure what a trained C3D is worth on labelled videos: one group of them (a person, a recording) at
a time is left out, and a linear SVM learns from descriptors of the others. The same is done with
random weights of the same shape, with random weights of the full size, and with colour histograms.
"""


def add_parser(names: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``skvideo3d benchmark``.

    Parameters
    ----------
    names : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = names.add_parser(
        "transfer",
        help="Whether what a C3D has learnt carries over: against random weights and colours",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        metavar="ROOT",
        nargs="+",
        type=Path,
        required=True,
        help="folders of videos; each is evaluated for itself",
    )
    parser.add_argument(
        "--pattern",
        metavar="REGEX",
        help="what finds class and group in a path: a regular expression with (?P<label>...) and "
        "(?P<group>...), or ucf101, kth or trials (A1P2T3: action, person, trial); default: the "
        "one of these three that fits",
    )
    parser.add_argument(
        "--labels", metavar="REGEX", help="what finds the class alone, instead of --pattern"
    )
    parser.add_argument(
        "--groups",
        metavar="REGEX",
        help="what finds the group alone; the class is the folder, unless --labels finds it",
    )
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="default: all")
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="also where links in ROOT lead out of it (default: they are left out and counted)",
    )
    parser.add_argument(
        "--weights", default="compact", help="name or path, of a C3D (default: compact)"
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        metavar="LAYER",
        default=["fc6", "pool5", "pool5-max"],
        help="pool5-max is the largest value of each map (default: fc6 pool5 pool5-max)",
    )
    parser.add_argument(
        "--seeds",
        type=count,
        metavar="N",
        default=5,
        help="random networks of the same shape (default: 5)",
    )
    parser.add_argument(
        "--full-size",
        type=count,
        metavar="N",
        default=1,
        help="random networks of the full size, whose clips take long (default: 1)",
    )
    parser.add_argument("--C", type=positive, default=1.0, help="of the linear SVM (default: 1)")
    parser.add_argument(
        "--no-scale",
        action="store_true",
        help="classify rows as they are (default: features are standardised in each fold)",
    )
    parser.add_argument(
        "--clip-stride", type=whole, metavar="FRAMES", help="default: half the length of a clip"
    )
    parser.add_argument("--fps", type=positive, help="resample to this rate")
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16", "float16", "auto"), default="float32"
    )
    parser.add_argument("--device", help="such as cpu or cuda:1")
    parser.add_argument("--n-jobs", type=int, metavar="N", help="processes")
    parser.add_argument(
        "--on-error",
        choices=("drop", "raise"),
        default="drop",
        help="go on without unreadable videos, and count them, or stop (default: drop)",
    )
    add_output_options(parser)


def results(args: argparse.Namespace) -> Iterator[BenchmarkResult]:
    """Evaluate one data set after the other.

    Parameters
    ----------
    args : argparse.Namespace

    Yields
    ------
    BenchmarkResult
        As soon as it is there.

    Raises
    ------
    ValueError
        If two data sets have the same name, and so their results; and as
        `skvideo3d.benchmarks.transfer`.
    """
    from skvideo3d.benchmarks import transfer

    name, times = Counter(root.resolve().name for root in args.data).most_common(1)[0]
    if times > 1:
        raise ValueError(
            f"--data: {times} of the folders are called {name!r}, and so would be their results; "
            "evaluate them with two commands and an --output of each."
        )
    for root in args.data:
        yield transfer(
            root,
            args.weights,
            layers=[layer for word in args.layers for layer in word.split(",")],
            n_seeds=args.seeds,
            n_full_size=args.full_size,
            pattern=args.pattern,
            labels=args.labels,
            groups=args.groups,
            classes=args.classes,
            scale=not args.no_scale,
            C=args.C,
            clip_stride=args.clip_stride,
            fps=args.fps,
            precision=args.precision,
            device=args.device,
            follow_links=args.follow_links,
            on_error=args.on_error,
            memory=args.output,
            n_jobs=args.n_jobs,
            verbose=0 if args.quiet else 1,
        )
