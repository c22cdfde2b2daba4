"""``skvideo3d benchmark architecture``: the C3D paper's study of kernel depth, by training."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .numbers import positive, whole
from .outputs import add_output_options
from .telling import check_writable_file

if TYPE_CHECKING:
    from skvideo3d.benchmarks import ArchitectureReport

__all__ = ["add_parser", "results"]

_DESCRIPTION = """\
Train the networks of the C3D paper's study, which differ in how many frames their kernels see
together, on the same videos by the same recipe, and test them after every epoch. The full study on
UCF101 needs a GPU; --width and --input-size make networks that learn on a processor.

Frames, generated videos and checkpoints are kept in the output folder: videos are decoded once, and
a study that was stopped goes on when the command is given again.
"""


def add_parser(names: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``skvideo3d benchmark``.

    Parameters
    ----------
    names : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = names.add_parser(
        "architecture",
        help="Kernel depths in time: the C3D paper's networks, trained and compared",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        metavar="ROOT",
        default="generated",
        help="UCF101, or a folder of videos; default: 'generated', videos whose classes no single "
        "frame gives away",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        metavar="NAME",
        help="default: study-depth-1, -3, -5, -7, study-increasing, study-decreasing; net-64, "
        "net-128 and net-256 are those of the study of input sizes",
    )
    parser.add_argument(
        "--width", type=positive, metavar="FACTOR", help="on filters and hidden units (default: 1)"
    )
    parser.add_argument(
        "--input-size", type=whole, metavar="PIXELS", help="of the clips (default: the network's)"
    )
    parser.add_argument(
        "--seeds", type=whole, metavar="N", default=1, help="trainings of each network (default: 1)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and short, to see that all works"
    )
    parser.add_argument("--figure", metavar="FILE", type=Path, help="draw accuracy by epoch")
    training = parser.add_argument_group("training")
    training.add_argument(
        "--recipe", help="default: ucf101-study, and one by AdamW for generated videos"
    )
    training.add_argument("--epochs", type=whole, metavar="N", help="instead of the recipe's")
    training.add_argument("--batch-size", type=whole, metavar="CLIPS", help="the same")
    training.add_argument("--lr", type=positive, help="the same: the first learning rate")
    training.add_argument("--weight-decay", type=float, help="the same")
    training.add_argument(
        "--test-clips", type=whole, metavar="N", default=10, help="of a test video (default: 10)"
    )
    training.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    training.add_argument("--device", help="such as cpu or cuda:1")
    videos = parser.add_argument_group("videos")
    videos.add_argument(
        "--videos", type=whole, metavar="N", help="generated ones to train on (default: 1600)"
    )
    videos.add_argument("--split", type=whole, default=1, help="of UCF101 (default: 1)")
    videos.add_argument(
        "--lists", metavar="DIR", help="of UCF101's official lists (default: found in ROOT)"
    )
    videos.add_argument(
        "--missing",
        choices=("raise", "drop"),
        default="raise",
        help="of UCF101: stop at videos that the lists name and the disk lacks, or go on without "
        "them (default: raise)",
    )
    videos.add_argument(
        "--classes", nargs="+", metavar="CLASS", help="names, or a number of classes (default: all)"
    )
    videos.add_argument("--labels", metavar="REGEX", help="what finds the class in a path")
    videos.add_argument(
        "--groups", metavar="REGEX", help="what finds the group of videos kept together"
    )
    videos.add_argument("--pattern", metavar="REGEX", help="what finds both, as in transfer")
    videos.add_argument(
        "--follow-links",
        action="store_true",
        help="also where links in ROOT lead out of it (default: they are left out and counted)",
    )
    videos.add_argument("--on-error", choices=("drop", "raise"), default="drop")
    videos.add_argument("--n-jobs", type=int, metavar="N", help="processes that read videos")
    add_output_options(parser)


def results(args: argparse.Namespace) -> Iterator[ArchitectureReport]:
    """Train and test the networks.

    Parameters
    ----------
    args : argparse.Namespace

    Yields
    ------
    ArchitectureReport
        The only one.
    """
    from skvideo3d.benchmarks import architecture
    from skvideo3d.benchmarks.architecture import DEPTHS

    if args.figure is not None:
        _check_figure(args.figure)
    classes = args.classes
    if classes and len(classes) == 1 and classes[0].isdecimal():
        classes = int(classes[0])
    report = architecture(
        args.data,
        args.networks or DEPTHS,
        width=args.width,
        input_size=args.input_size,
        recipe=args.recipe,
        max_epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        weight_decay=args.weight_decay,
        n_seeds=args.seeds,
        n_test_clips=args.test_clips,
        precision=args.precision,
        device=args.device,
        n_videos=args.videos,
        split=args.split,
        lists=args.lists,
        missing=args.missing,
        classes=classes,
        labels=args.labels,
        groups=args.groups,
        pattern=args.pattern,
        follow_links=args.follow_links,
        on_error=args.on_error,
        memory=args.output,
        n_jobs=args.n_jobs,
        quick=args.quick,
        verbose=0 if args.quiet else 1,
    )
    yield report  # whatever becomes of the figure
    if args.figure is not None:
        report.save_figure(args.figure)
        print(f"Accuracy by epoch is drawn in {args.figure}.")


def _check_figure(path: Path) -> None:
    """Refuse what cannot be drawn before hours of training, not after."""
    check_writable_file(path, "--figure")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "--figure needs the package matplotlib: pip install 'skvideo3d[plot]'."
        ) from error
    formats = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in formats:
        raise ValueError(
            f"--figure {str(path)!r}: end it in one of .{', .'.join(sorted(formats))}."
        )
