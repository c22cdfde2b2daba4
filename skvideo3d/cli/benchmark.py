"""``skvideo3d benchmark``: the published evaluations, one command each, and the speed."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skvideo3d.exceptions import SkVideo3DError

from . import architecture, speed, transfer
from .describers import (
    NETWORKS,
    add_describer_options,
    check_describer_options,
    make_describer,
)
from .numbers import positive
from .outputs import add_output
from .telling import check_writable

if TYPE_CHECKING:
    from skvideo3d.benchmarks import ArchitectureReport, BenchmarkResult

    Result = ArchitectureReport | BenchmarkResult

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Run a published evaluation on a data set that lies on this machine in its official layout, and print
its table with this run's figures beside the published ones.

Everything is kept in the output folder: descriptors, so that no video is described twice, whatever
is run later; outcomes of folds, so that a run that was stopped goes on when the command is given
again; and for each evaluation result.json, result.md, predictions.csv and result.png.

"architecture" trains networks, and needs no data if there are none. "speed" needs none either and
keeps nothing: it measures what descriptors cost on this machine.
"""


@dataclass(frozen=True)
class _Protocol:
    help: str
    add_options: Callable[[argparse.ArgumentParser], None] | None = None
    options: tuple[str, ...] = ()  # what it adds: further arguments of the protocol's function
    classifies: bool = True


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "benchmark",
        help="run a published evaluation, or measure the speed",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = parser.add_subparsers(dest="protocol", required=True, metavar="NAME")
    for name, protocol in _PROTOCOLS.items():
        one = names.add_parser(name, help=protocol.help, description=f"{protocol.help}.")
        one.add_argument("--data", metavar="ROOT", required=True, help="where the set was unpacked")
        one.add_argument(
            "--follow-links",
            action="store_true",
            help="also where links in ROOT lead out of it (default: they are left out and counted)",
        )
        add_output(one)
        one.add_argument(
            "--network",
            choices=NETWORKS,
            action="append",
            help="of several networks the descriptors are concatenated (default: c3d); frame is "
            "one for images",
        )
        one.add_argument(
            "--weights",
            action="append",
            help="name, path, or 'random'; several are of several networks, one for each --network "
            "or all for the same (default: the network's published weights)",
        )
        if protocol.add_options is not None:
            protocol.add_options(one)
        if protocol.classifies:
            one.add_argument(
                "--C",
                type=positive,
                nargs="+",
                metavar="C",
                help="of the linear SVM; of several, the best in a grid search inside the training "
                "videos (default: 1)",
            )
            one.add_argument(
                "--on-error",
                choices=("drop", "raise"),
                default="drop",
                help="go on without unreadable videos, and count them, or stop (default: drop)",
            )
        add_describer_options(one)
    architecture.add_parser(names)
    transfer.add_parser(names)
    speed.add_parser(names)
    parser.set_defaults(run=run)


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
    if args.protocol == "speed":
        return speed.run(args)
    try:
        check_writable(args.output, "--output")
        for number, result in enumerate(_results(args)):
            result.settings["command"] = shlex.join(["skvideo3d", *args.words])
            _tell_and_save(result, args.output, is_first=number == 0)
    except BrokenPipeError:
        raise
    except (SkVideo3DError, ValueError, OSError, ImportError) as error:
        print(f"skvideo3d benchmark: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nStopped. What was done is kept in {args.output}: give the same command again to go "
            "on.",
            file=sys.stderr,
        )
        raise
    return 0


def _results(args: argparse.Namespace) -> Iterable[Result]:
    if args.protocol == "architecture":
        return architecture.results(args)
    if args.protocol == "transfer":
        return transfer.results(args)
    return [_evaluate(args)]


def _tell_and_save(result: Result, output: Path, *, is_first: bool) -> None:
    folder = output / result.benchmark.replace("/", "-")
    try:
        # First of all, whatever happens to the files.
        print(result if is_first else f"\n{result}", flush=True)
    finally:  # and files also for a reader that went away, as head does
        earlier = _make_room(folder, result)
        written = result.save(folder)
    print(f"\nWritten to {folder}: {', '.join(path.name for path in written)}.")
    if earlier is not None:
        print(f"The earlier result, of another command, is now in {earlier}.")


def _make_room(folder: Path, result: Result) -> Path | None:
    """Move a result of other settings aside: the same command alone replaces what it wrote."""
    try:
        settings = json.loads((folder / "result.json").read_text(encoding="utf-8"))["settings"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError):
        settings = {}
    if settings.get("command") == result.settings["command"]:
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}-{number}")).exists():
        number += 1
    return folder.rename(aside)


def _evaluate(args: argparse.Namespace) -> BenchmarkResult:
    from skvideo3d import benchmarks

    protocol = _PROTOCOLS[args.protocol]
    if "splits" in protocol.options and args.classes and len(args.classes) == 1:
        # No class of these sets is called by a number.
        args.classes = int(args.classes[0]) if args.classes[0].isdecimal() else args.classes
    options: dict[str, Any] = {name: getattr(args, name) for name in protocol.options}
    if protocol.classifies:
        options |= {"on_error": args.on_error, "memory": args.output, **_classifier(args)}
    function = getattr(benchmarks, args.protocol)
    result: BenchmarkResult = function(
        args.data,
        describer=_describer(args),
        follow_links=args.follow_links,
        n_jobs=args.n_jobs,
        verbose=0 if args.quiet else 1,
        **options,
    )
    return result


def _describer(args: argparse.Namespace) -> Any:
    from sklearn.pipeline import FeatureUnion

    from skvideo3d.feature_extraction.random_weights import has_random_weights

    networks, weights = args.network or ["c3d"], args.weights or [None]
    check_describer_options(args, networks)
    if args.keep_flow and args.protocol == "runtime":
        raise ValueError("--keep-flow: runtime keeps nothing, so that all of it is measured.")
    n_networks = max(len(networks), len(weights))
    if {len(networks), len(weights)} - {1, n_networks}:
        raise ValueError(
            f"{len(networks)} times --network and {len(weights)} times --weights: give one of each "
            "for every network, or one alone for all."
        )
    each = zip(
        networks * (n_networks // len(networks)),
        weights * (n_networks // len(weights)),
        strict=True,
    )
    describers = [make_describer(args, *names) for names in each]
    if args.protocol == "aslan" and not args.layer:
        from skvideo3d.benchmarks.action_similarity import with_layers

        describers = [with_layers(describer) for describer in describers]
    for number, describer in enumerate(describers):
        if has_random_weights(describer):
            describer.set_params(random_state=args.seed + number)
    if len(describers) == 1:
        return describers[0]
    return FeatureUnion(
        [(f"net{number}", describer) for number, describer in enumerate(describers, start=1)]
    )


def _classifier(args: argparse.Namespace) -> dict[str, Any]:
    if args.C is None:
        return {}
    from skvideo3d.benchmarks.evaluation import default_classifier

    if len(args.C) > 1:
        return {"param_grid": {"C": args.C}}
    return {"classifier": default_classifier().set_params(C=args.C[0])}


def _add_missing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--missing",
        choices=("raise", "drop"),
        default="raise",
        help="stop at videos that the lists name and the disk lacks, or go on without them "
        "(default: raise)",
    )


def _add_splits(parser: argparse.ArgumentParser) -> None:
    _add_missing(parser)
    parser.add_argument(
        "--splits", type=int, nargs="+", metavar="N", default=(1, 2, 3), help="default: 1 2 3"
    )
    _add_classes(parser)
    parser.add_argument(
        "--lists", metavar="DIR", help="folder of the official lists (default: found in ROOT)"
    )


def _add_classes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help="names of those to use; of UCF101 and HMDB51 a number, too, for the first so many "
        "(default: all)",
    )


def _add_dimensions(parser: argparse.ArgumentParser) -> None:
    _add_splits(parser)
    parser.add_argument(
        "--dimensions", type=int, nargs="+", metavar="N", default=(10, 50, 100, 500)
    )


def _add_scenes(parser: argparse.ArgumentParser) -> None:
    _add_missing(parser)
    parser.add_argument(
        "--set",
        dest="name",
        choices=("yupenn", "maryland"),
        help="default: recognised by its classes",
    )


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, metavar="N", help="measure on N videos, and scale up")


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        metavar="REGEX",
        help="what finds the class in a path (default: the folder in ROOT that the video is in)",
    )
    parser.add_argument(
        "--groups", metavar="REGEX", help="what finds in a path the group of videos kept together"
    )
    _add_classes(parser)
    parser.add_argument(
        "--cv",
        choices=("stratified", "grouped", "leave-one-out", "leave-one-group-out"),
        help="default: leave-one-group-out with --groups, else stratified",
    )
    parser.add_argument("--folds", dest="n_folds", type=int, metavar="N", help="default: 5")


_SPLITS = ("splits", "classes", "lists", "missing")
_PROTOCOLS = {
    "ucf101": _Protocol("Actions: UCF101, three splits", _add_splits, _SPLITS),
    "hmdb51": _Protocol("Actions: HMDB51, three splits", _add_splits, _SPLITS),
    "compactness": _Protocol(
        "Accuracy on UCF101 by PCA dimensions", _add_dimensions, (*_SPLITS, "dimensions")
    ),
    "aslan": _Protocol("Same action or not: ASLAN, ten folds", _add_missing, ("missing",)),
    "scenes": _Protocol(
        "Dynamic scenes: YUPENN or Maryland, leave one out", _add_scenes, ("missing", "name")
    ),
    "objects": _Protocol("Objects: labelled sequences, leave one out"),
    "runtime": _Protocol("Hours and frames per second", _add_limit, ("limit",), classifies=False),
    "video_folder": _Protocol(
        "Your own labelled videos, cross-validated",
        _add_folder,
        ("labels", "groups", "classes", "cv", "n_folds"),
    ),
}
