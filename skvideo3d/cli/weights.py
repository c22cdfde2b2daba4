"""``skvideo3d weights``: what is published, what is here, and turning one format into another."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skvideo3d.exceptions import CheckpointError, SkVideo3DError

if TYPE_CHECKING:
    from skvideo3d.models.registry import WeightsEntry

__all__ = ["add_parser", "run"]

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
    actions.add_parser("list", help="what is published, and whether it is here")
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
        "--mean", metavar="FILE", help="mean cube to put in: .binaryproto, .npy or .safetensors"
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
            return _list()
        if args.action == "download":
            return _download(args.name)
        if args.action == "verify":
            return _verify(args.names)
        return _convert(args.source, args.target, args.dtype, args.mean)
    except (SkVideo3DError, ValueError, FileNotFoundError) as error:
        print(f"skvideo3d weights: {error}", file=sys.stderr)
        return 1


def _list() -> int:
    from skvideo3d.models.download import locate, weights_folder
    from skvideo3d.models.registry import WEIGHTS

    rows = [
        (
            entry.name,
            entry.architecture if entry.kind == "network" else f"{entry.architecture} mean",
            f"{entry.size / 1e6:.0f} MB" if entry.size else "?",
            "sha256" if entry.sha256 else "git blob" if entry.git_blob else "none",
            entry.licence,
            "yes" if locate(entry).exists() else "no",
        )
        for entry in WEIGHTS.values()
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())
    print(f"\nFiles are kept in {weights_folder()} (set SKVIDEO3D_HOME to move them).")
    return 0


def _download(name: str) -> int:
    from skvideo3d.models.download import fetch
    from skvideo3d.models.registry import WEIGHTS

    entry = _entry(name)
    for wanted in (entry, WEIGHTS[entry.mean] if entry.mean else None):
        if wanted is not None:
            print(fetch(wanted, progress=sys.stderr.isatty()))
    return 0


def _verify(names: list[str]) -> int:
    from skvideo3d.models.download import locate, sha256_of, verify, weights_folder
    from skvideo3d.models.registry import WEIGHTS

    entries = [_entry(name) for name in names] or [
        entry for entry in WEIGHTS.values() if locate(entry).exists()
    ]
    if not entries:
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


def _convert(source: str, target: Path, dtype: str | None, mean: str | None) -> int:
    import torch

    from skvideo3d.models.checkpoints import load_network, resolve_weights, save_weights
    from skvideo3d.models.description import architecture_of
    from skvideo3d.video.preprocessing import MeanCube

    weights = resolve_weights(source, architecture_of(source), stream=None)
    recipe = weights.preprocessing
    if mean is not None:
        recipe = replace(recipe, mean=MeanCube.from_file(mean))
    values = getattr(torch, dtype) if dtype else None
    save_weights(load_network(weights), target, preprocessing=recipe, dtype=values)
    arguments = ", ".join(f"{name}={value!r}" for name, value in weights.config)
    print(f"{target}: {weights.architecture}({arguments}), {target.stat().st_size / 1e6:.1f} MB")
    return 0


def _entry(name: str) -> WeightsEntry:
    from skvideo3d.models.registry import WEIGHTS, find_entry

    # Mean cubes are in the list but are no answer to `weights=`, which find_entry is for.
    return WEIGHTS.get(name) or find_entry(name, None, None)
