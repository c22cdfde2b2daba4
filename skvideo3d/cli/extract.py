"""``skvideo3d extract``: descriptors of many videos into one file, one row a video."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError

from .describers import (
    NETWORKS,
    add_describer_options,
    check_describer_options,
    make_describer,
)
from .inputs import expand
from .telling import tell_some

if TYPE_CHECKING:
    from skvideo3d.feature_extraction.base import VideoTransformer

__all__ = ["add_parser", "run"]

_MAX_NOTE = 8192  # characters: the longest path twice
# Parameters that change no descriptor.
_NOT_SAID = ("memory", "verbose", "n_jobs", "batch_size", "device", "timeout", "max_pixels")

_DESCRIPTION = """\
Describe videos and write one row a video, with its path, to a .npz or .parquet file. VIDEO is a
video file, a folder of frames (jpg, png), a folder that holds videos at any depth, or a list: a
.txt file, or - for the standard input, with one path a line, from the current folder.

A video that cannot be described keeps its row, as NaN with the reason; the command then ends with
a summary of failures and exit status 1. Of a damaged video, what can be decoded is described, and
what was lost is noted. What is described is kept beside OUT until the file is
whole, so that a run that was stopped goes on where it was when the command is given again.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "extract",
        help="write descriptors of videos to a file",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("videos", metavar="VIDEO", nargs="+", help="file, folder or list")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True)
    parser.add_argument("--network", choices=NETWORKS, default="c3d")
    parser.add_argument(
        "--weights", help="name, path, or 'random' (default: the network's published weights)"
    )
    parser.add_argument("--memory", metavar="DIR", help="keep descriptors here, for any later run")
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="also where links in a folder lead out of it (default: they are left out and counted)",
    )
    add_describer_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask for.

    Parameters
    ----------
    args : argparse.Namespace

    Returns
    -------
    int
        Exit status: 0, 1 if videos failed, 2 if nothing could be done.
    """
    from skvideo3d.feature_extraction.random_weights import has_random_weights

    began = time.perf_counter()
    own_memory = args.output.with_name(args.output.name + ".descriptors")
    try:
        _check_output(args.output)
        if args.memory and os.path.exists(args.memory) and not os.path.isdir(args.memory):
            raise ValueError(f"--memory {args.memory!r} is no folder; give one, or a new name.")
        check_describer_options(args, [args.network])
        if args.keep_flow and args.memory is None:
            raise ValueError(
                "--keep-flow needs --memory DIR: what is kept beside OUT is removed when OUT is "
                "whole."
            )
        paths = expand(args.videos, follow_links=args.follow_links)
        describer = make_describer(args, args.network, args.weights)
        describer.set_params(
            on_error="nan", memory=args.memory or own_memory, verbose=0 if args.quiet else 1
        )
        with warnings.catch_warnings():
            # The summary below says it better.
            warnings.filterwarnings("ignore", message=".*could not be described")
            warnings.filterwarnings("ignore", message=".*could be read only in part")
            rows = describer.fit_transform(paths)
        reasons = {i: reason for i, _, reason in describer.failures_}
        losses = {i: loss for i, _, loss in describer.losses_}
        notes = {
            "error": [reasons.get(i, "") for i in range(len(paths))],
            "loss": [losses.get(i, "") for i in range(len(paths))],
        }
        try:
            _write(args.output, paths, rows, notes, _settings(describer))
        except OSError as error:
            raise ValueError(
                f"'{args.output}' could not be written: {error.strerror or error}. What was "
                f"described is kept in {args.memory or own_memory}: make room and give the same "
                "command again."
            ) from error
    except (SkVideo3DError, ValueError, OSError, ImportError) as error:
        print(f"skvideo3d extract: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nStopped. What was described is kept in {args.memory or own_memory}: give the same "
            "command again to go on.",
            file=sys.stderr,
        )
        raise
    if not reasons and args.memory is None:
        shutil.rmtree(own_memory, ignore_errors=True)
    n_done = len(paths) - len(reasons)
    print(
        f"{args.output}: {n_done} of {len(paths)} videos, {rows.shape[1]} features, "
        f"{time.perf_counter() - began:.1f} s"
    )
    if has_random_weights(describer):
        print("The weights are random: these descriptors are a baseline, not C3D or I3D features.")
    read_in_part = "read only in part, and described by what could be read"
    tell_some(list(losses.values()), read_in_part, ": see 'loss' in the file")
    if not reasons:
        return 0
    tell_some(list(reasons.values()), "failed; their rows are NaN", ": see 'error' in the file")
    print(
        f"The others are kept in {args.memory or own_memory}: mend the files and give the same "
        "command again.",
        file=sys.stderr,
    )
    return 1


def _check_output(output: Path) -> None:
    if output.suffix not in (".npz", ".parquet"):
        raise ValueError(f"{str(output)!r}: the output ends in .npz or .parquet.")
    if output.is_dir():
        raise ValueError(f"{str(output)!r} is a folder; give a file to write to.")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"{str(output)!r}: the folder {str(output.parent)!r} does not exist.")
    if output.suffix == ".parquet":
        _pyarrow()


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(
            "Writing .parquet needs the package pyarrow: pip install 'skvideo3d[parquet]', or "
            "choose an output that ends in .npz."
        ) from error
    return pyarrow


def _settings(describer: VideoTransformer) -> str:
    from skvideo3d import __version__

    settings = {
        name: value for name, value in describer.get_params().items() if name not in _NOT_SAID
    }
    if settings.get("stream") == "rgb":
        del settings["flow"]  # which it does not look at
    return json.dumps(
        {
            "skvideo3d": __version__,
            "transformer": type(describer).__name__,
            "parameters": settings,
            "weights_sha256": describer.weights_sha256_,
            "blocks": {
                name: [block.start, block.stop] for name, block in describer.feature_blocks_.items()
            },
        },
        default=str,
    )


def _write(
    output: Path,
    paths: list[str],
    rows: NDArray[np.float32],
    notes: dict[str, list[str]],
    settings: str,
) -> None:
    # A name of this process: two that write the same output do not mix.
    unfinished = output.with_name(f".{output.stem}.{os.getpid()}.part{output.suffix}")
    try:
        if output.suffix == ".npz":
            np.savez(
                unfinished,
                path=np.array(paths, dtype=np.str_),
                descriptor=rows,
                # As wide as the widest of all rows.
                error=np.array([text[:_MAX_NOTE] for text in notes["error"]], dtype=np.str_),
                loss=np.array([text[:_MAX_NOTE] for text in notes["loss"]], dtype=np.str_),
                settings=np.array(settings),
            )
        else:
            _write_parquet(unfinished, paths, rows, notes, settings)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_parquet(
    output: Path,
    paths: list[str],
    rows: NDArray[np.float32],
    notes: dict[str, list[str]],
    settings: str,
) -> None:
    pyarrow = _pyarrow()
    flat = pyarrow.array(rows.reshape(-1))
    table = pyarrow.table(
        {
            # Parquet's texts are UTF-8; other bytes of a path become \\xff.
            "path": [os.fsencode(path).decode(errors="backslashreplace") for path in paths],
            **notes,
            "descriptor": pyarrow.FixedSizeListArray.from_arrays(flat, rows.shape[1]),
        }
    ).replace_schema_metadata({"skvideo3d": settings})
    pyarrow.parquet.write_table(table, output)
