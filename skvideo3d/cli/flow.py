"""``skvideo3d flow``: the optical flow of many videos, kept for whatever looks at it later."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from skvideo3d.exceptions import SkVideo3DError

from .describers import FLOW_METHODS, FLOW_PRECISIONS
from .inputs import expand
from .telling import check_writable, tell_some

if TYPE_CHECKING:
    from collections.abc import Callable

    from skvideo3d.flow import PrecomputedFlow

__all__ = ["add_parser", "run"]

_MAX_WORDS = 3  # that are said again
_DESCRIPTION = """\
Compute the optical flow of videos and keep it below DIR, so that

  skvideo3d extract VIDEO ... --network i3d --stream flow --memory DIR

finds it there, whatever its weights, layers and clips, if --flow, --flow-precision and --fps are
those given here, and the weights resize frames as --resize says. VIDEO is what it is there: a video
file, a folder of frames, a folder that holds videos at any depth, or a list.

A run that was stopped goes on where it was when the command is given again, in the middle of a
video too, and several runs at once share the videos out. A video that has no flow, as of one frame,
is named at the end with the reason; the exit status is then 1.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "flow",
        help="compute optical flow of videos and keep it",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("videos", metavar="VIDEO", nargs="+", help="file, folder or list")
    parser.add_argument(
        "--memory", metavar="DIR", type=Path, required=True, help="folder in which to keep it"
    )
    parser.add_argument(
        "--flow",
        choices=FLOW_METHODS,
        default="tvl1",
        help="tvl1 as the published weights want it, dis far faster (default: tvl1)",
    )
    parser.add_argument(
        "--flow-precision",
        "--precision",
        dest="precision",
        choices=FLOW_PRECISIONS,
        default="float32",
        help="in which it is kept; uint8 takes about a thirtieth of the room (default: float32)",
    )
    parser.add_argument("--fps", type=float, help="resample to this rate first")
    parser.add_argument(
        "--resize",
        metavar="PIXELS",
        help="shorter side of the frames, or HEIGHTxWIDTH, as weights of your own have it "
        "(default: 256, as all published ones)",
    )
    parser.add_argument("--n-jobs", type=int, metavar="N", help="processes, each at a video")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="that reading one video may take (1800)"
    )
    parser.add_argument(
        "--max-pixels", type=int, metavar="N", help="refuse larger frames (67108864, twice 8k)"
    )
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="also where links in a folder lead out of it (default: they are left out and counted)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
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
    began = time.perf_counter()
    try:
        check_writable(args.memory, "--memory")
        paths = expand(args.videos, follow_links=args.follow_links)
        found = _precompute(args, paths)
    except (SkVideo3DError, ValueError, OSError, ImportError) as error:
        print(f"skvideo3d flow: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nStopped. What was computed is kept in {args.memory}: give the same command again "
            "to go on.",
            file=sys.stderr,
        )
        raise
    print(_summary(args, found, time.perf_counter() - began))
    losses = [loss for _, _, loss in found.losses]
    tell_some(losses, "read only in part, and kept as far as they could be read", "")
    reasons = [reason for _, _, reason in found.failures]
    tell_some(reasons, "failed", "")
    if len(reasons) < len(paths):
        print(f"To use it: {_command(args)}")
    return 1 if reasons else 0


def _precompute(args: argparse.Namespace, paths: Sequence[str]) -> PrecomputedFlow:
    from skvideo3d.flow import OpticalFlow, precompute_flow
    from skvideo3d.video.limits import ReadingLimits

    if args.fps is not None and not 0 < args.fps < math.inf:
        raise ValueError(f"--fps {args.fps:g}: give frames a second, more than 0.")
    if args.timeout is not None and not args.timeout > 0:
        raise ValueError(f"--timeout {args.timeout:g}: give seconds, more than 0.")
    if args.max_pixels is not None and args.max_pixels < 1:
        raise ValueError(f"--max-pixels {args.max_pixels}: give pixels, 1 or more.")
    resize = {} if args.resize is None else {"resize": _size_of(args.resize)}
    limits = {"timeout": args.timeout, "max_pixels": args.max_pixels}
    with _bar(len(paths), enabled=not args.quiet) as on_video:
        return precompute_flow(
            paths,
            args.memory,
            OpticalFlow(args.flow, precision=args.precision),
            fps=args.fps,
            **resize,
            on_error="skip",
            limits=ReadingLimits(**{k: v for k, v in limits.items() if v is not None}),
            n_jobs=args.n_jobs,
            on_video=on_video,
        )


def _size_of(word: str) -> int | tuple[int, int]:
    from skvideo3d.flow.methods import SMALLEST_SIDE

    sides = [int(side) if side.isdecimal() else 0 for side in word.split("x")]
    if len(sides) > 2 or min(sides) < SMALLEST_SIDE:
        raise ValueError(
            f"--resize {word}: give the shorter side in pixels, or HEIGHTxWIDTH, at least "
            f"{SMALLEST_SIDE} each."
        )
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


@contextmanager
def _bar(n_videos: int, *, enabled: bool) -> Iterator[Callable[[int], None]]:
    from tqdm import tqdm

    with tqdm(
        total=n_videos, desc="flow", unit="video", file=sys.stderr, disable=not enabled
    ) as bar:
        n_frames = 0

        def on_video(n_more: int) -> None:
            nonlocal n_frames
            n_frames += n_more
            bar.set_postfix_str(f"{n_frames} frames", refresh=False)
            bar.update()

        yield on_video


def _summary(args: argparse.Namespace, found: PrecomputedFlow, seconds: float) -> str:
    n_kept = len(found.n_frames) - len(found.failures)
    return (
        f"{args.memory}: flow of {n_kept} of {len(found.n_frames)} videos, "
        f"{sum(found.n_frames)} frames ({sum(found.n_computed)} pairs computed now), "
        f"{seconds:.1f} s; in all {_size(args.memory)} of flow are kept there"
    )


def _size(memory: Path) -> str:
    from skvideo3d.flow.storage import FLOW_FOLDER

    n_bytes = float(
        sum(path.stat().st_size for path in (memory / FLOW_FOLDER).rglob("*.gz") if path.is_file())
    )
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB" if n_bytes < 1000 else f"{n_bytes / 1000:.3g} TB"


def _command(args: argparse.Namespace) -> str:
    """Say what finds this flow."""
    videos = args.videos if len(args.videos) <= _MAX_WORDS else ["VIDEOS"]
    words = ["skvideo3d", "extract", *videos, "-o", "OUT.npz", "--network", "i3d"]
    words += ["--stream", "flow", "--flow", args.flow, "--flow-precision", args.precision]
    words += [] if args.fps is None else ["--fps", f"{args.fps:g}"]
    words += [] if args.resize is None else ["--weights", "YOUR_WEIGHTS"]
    words += ["--follow-links"] if args.follow_links else []
    return shlex.join([*words, "--memory", str(args.memory)])
