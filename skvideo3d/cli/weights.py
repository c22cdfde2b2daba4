"""``skvideo3d weights``: what is published, what is here, and turning one format into another."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skvideo3d.exceptions import CheckpointError, SkVideo3DError

if TYPE_CHECKING:
    from skvideo3d.models import C3D, I3D, StudyNetwork
    from skvideo3d.models.registry import WeightsEntry
    from skvideo3d.video.preprocessing import Preprocessing

__all__ = ["add_parser", "run"]

# Names that stand for the file of a stream.
_SHORT = ("kinetics400", "kinetics400-hassony")
_HEADINGS = ("name", "network", "size", "check", "licence", "here")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "weights", help="list, download, verify and convert network weights"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what is published, and whether it is here")
    listing.add_argument(
        "-l", "--long", action="store_true", help="also addresses, hashes, papers and notes"
    )
    download = actions.add_parser(
        "download", help="fetch published weights and what belongs to them"
    )
    download.add_argument("name", metavar="NAME", help="as 'skvideo3d weights list' calls it")
    verify = actions.add_parser(
        "verify", help="compare files that are here with the published hashes"
    )
    verify.add_argument("names", metavar="NAME", nargs="*", help="default: all that are here")
    convert = actions.add_parser("convert", help="any checkpoint to safetensors with its metadata")
    convert.add_argument("source", metavar="IN", help="path of a checkpoint, or a published name")
    convert.add_argument("target", metavar="OUT", type=Path, help="ends in .safetensors")
    convert.add_argument(
        "--dtype", choices=("float32", "float16", "bfloat16"), help="default: float32"
    )
    convert.add_argument(
        "--mean", metavar="FILE", help="mean cube of a C3D: .binaryproto, .npy or .safetensors"
    )
    convert.add_argument(
        "--input-size",
        nargs=3,
        type=int,
        metavar=("T", "H", "W"),
        help="frames and size of the clips that a C3D was trained on; default: 16 112 112",
    )
    convert.add_argument(
        "--pool5",
        choices=("ceil", "padded", "global"),
        help="how a C3D pools last: as Caffe, as its ports, or over the whole map",
    )
    for option, what in (("--resize", "frames are resized to"), ("--crop", "their centre is")):
        convert.add_argument(
            option,
            nargs=2,
            type=int,
            metavar=("H", "W"),
            help=f"what {what}; default: what the file or the paper says",
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask for.

    Parameters
    ----------
    args : argparse.Namespace

    Returns
    -------
    int
        Exit status: 0, or 1 with the reason on stderr.
    """
    try:
        if args.action == "list":
            return _list(long=args.long)
        if args.action == "download":
            return _download(args.name)
        if args.action == "verify":
            return _verify(args.names)
        return _convert(args)
    except BrokenPipeError:
        raise  # the reader of a pipe went away: main knows what to do
    except (SkVideo3DError, ValueError, OSError) as error:
        print(f"skvideo3d weights: {error}", file=sys.stderr)
        return 1


def _list(*, long: bool) -> int:
    from skvideo3d.models.download import weights_folder
    from skvideo3d.models.registry import WEIGHTS, published

    rows = [
        (
            entry.name,
            entry.architecture if entry.kind == "network" else f"{entry.architecture} mean",
            f"{entry.size / 1e6:.0f} MB" if entry.size else "?",
            "sha256" if entry.sha256 else "git blob" if entry.git_blob else "none",
            entry.licence,
            _whether_here(entry),
        )
        for entry in WEIGHTS.values()
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())
    if long:
        for entry in WEIGHTS.values():
            print(f"\n{_details(entry)}")
    print()
    for short in _SHORT:
        found = [published(short, stream) for stream in ("rgb", "flow")]
        rgb, flow = (entry.name if entry else "" for entry in found)
        print(f"{short} is {rgb}, or {flow} where the flow stream is asked for.")
    print(f"Files are kept in {weights_folder()} (set SKVIDEO3D_HOME to move them).")
    return 0


def _whether_here(entry: WeightsEntry) -> str:
    from skvideo3d.models.download import locate

    if not locate(entry).exists():
        return "no"
    return "shipped" if entry.shipped else "yes"


def _details(entry: WeightsEntry) -> str:
    from skvideo3d.models.download import locate

    nowhere = "none; comes with skvideo3d" if entry.shipped else f"none; linked from {entry.source}"
    lines = {
        "address": entry.url or nowhere,
        "file": str(locate(entry)) if entry.shipped else entry.filename,
        "sha256": entry.sha256,
        "git blob": entry.git_blob,
        "source": entry.source,
        "licence": entry.licence,
        "paper": entry.paper,
        "lacks": ", ".join(entry.lacks),
        "notes": entry.notes,
    }
    return "\n".join(
        [entry.name, *(f"  {name + ':':10}{text}" for name, text in lines.items() if text)]
    )


def _download(name: str) -> int:
    from skvideo3d.models.download import fetch, locate, refuse_foreign
    from skvideo3d.models.registry import WEIGHTS

    entry = _entry(name)
    for wanted in (entry, WEIGHTS[entry.mean] if entry.mean else None):
        if wanted is not None:
            if locate(wanted).exists() and not wanted.shipped:
                try:
                    refuse_foreign(wanted)
                except CheckpointError as error:  # fetched anew, if it could be moved aside
                    print(f"skvideo3d weights: {error}", file=sys.stderr)
            print(fetch(wanted, progress=sys.stderr.isatty()))
    return 0


def _verify(names: list[str]) -> int:
    from skvideo3d.models.download import locate, verify, weights_folder
    from skvideo3d.models.hashing import sha256_of
    from skvideo3d.models.registry import WEIGHTS

    entries = [_entry(name) for name in names] or [
        entry for entry in WEIGHTS.values() if locate(entry).exists()
    ]
    if all(entry.shipped for entry in entries) and not names:
        print(f"There are no weights in {weights_folder()}.")
    status = 0
    for entry in entries:
        path = locate(entry)
        if not path.exists():
            print(f"{entry.name}: not here ({path})")
            status = 1
            continue
        try:
            verify(path, entry)
        except CheckpointError as error:
            print(f"{entry.name}: WRONG. {error}")
            status = 1
            continue
        verdict = "ok" if entry.verifiable else "nobody published a hash"
        print(f"{entry.name}: {verdict}, sha256 {sha256_of(path)}")
    return status


def _convert(args: argparse.Namespace) -> int:
    import torch

    from skvideo3d.models.checkpoints import (
        load_network,
        load_weights,
        resolve_weights,
        save_weights,
    )
    from skvideo3d.models.description import architecture_of

    given = {"input_size": args.input_size, "pool5": args.pool5}
    config = {name: value for name, value in given.items() if value is not None}
    architecture = architecture_of(args.source, config)
    if architecture == "i3d" and args.mean is not None:
        raise ValueError(
            f"--mean: '{args.source}' is an I3D, which takes no mean cube; leave the option out."
        )
    network: Any = (
        # Without fetching the cube that --mean replaces.
        load_weights(args.source, architecture, config=config)
        if args.mean is not None
        else load_network(resolve_weights(args.source, architecture, stream=None, config=config))
    )
    recipe = _recipe(network, args)
    save_weights(
        network,
        args.target,
        preprocessing=recipe,
        dtype=getattr(torch, args.dtype) if args.dtype else None,
    )
    arguments = ", ".join(f"{name}={value!r}" for name, value in network.config.items())
    print(f"{args.target}: {architecture}({arguments}), {args.target.stat().st_size / 1e6:.1f} MB")
    return 0


def _recipe(network: C3D | I3D | StudyNetwork, args: argparse.Namespace) -> Preprocessing:
    """Give what belongs before the network, and refuse what its clips cannot come through."""
    from skvideo3d.video.preprocessing import MeanCube

    assert network.preprocessing is not None  # it came out of load_network
    changes: dict[str, Any] = {
        name: tuple(size)
        for name in ("resize", "crop")
        if (size := getattr(args, name)) is not None
    }
    if args.mean is not None:
        changes["mean"] = MeanCube.from_file(args.mean)
    recipe = replace(network.preprocessing, **changes)
    if input_size := network.config.get("input_size"):
        frames, *size = input_size
        if tuple(size) != recipe.crop and network.config.get("pool5") != "global":
            raise ValueError(
                f"The network takes clips of {size[0]}x{size[1]} pixels, and frames are cropped to "
                f"{recipe.crop[0]}x{recipe.crop[1]}: add --crop {size[0]} {size[1]}, and the "
                "--resize before it."
            )
        recipe.check_clip_len(frames)
    return recipe


def _entry(name: str) -> WeightsEntry:
    from skvideo3d.models.registry import WEIGHTS, find_entry

    # Mean cubes are in the list but are no answer to `weights=`, which find_entry is for.
    return WEIGHTS.get(name) or find_entry(name, None, None)
