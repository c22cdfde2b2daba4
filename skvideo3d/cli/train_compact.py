"""``skvideo3d train-compact``: the small network that comes with the package, made again."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from skvideo3d.exceptions import SkVideo3DError

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Train a C3D of a quarter of the width on generated clips, and write it to FILE, for

  skvideo3d extract VIDEO ... --weights FILE

The recipe takes hours; the options make it shorter, for trials.
With --checkpoint, a run that was stopped goes on where it was when the command is given again, to
the same result. No recorded video takes part in it.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "train-compact",
        help="train the compact network on generated clips",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="ends in .safetensors")
    parser.add_argument("--checkpoint", metavar="FILE", type=Path, help="to go on from")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--stage",
        metavar="SIDE:EPOCHS",
        type=_stage,
        action="append",
        help="side of the clips in pixels and for how many epochs; may be given several times",
    )
    parser.add_argument("--clips-per-epoch", type=_positive, help="each is shown once")
    parser.add_argument(
        "--ramp", type=_positive, help="epochs after which clips have all of their clutter"
    )
    parser.add_argument("--batch-size", type=_positive)
    parser.add_argument("--lr", type=float, help="of AdamW, the highest")
    parser.add_argument("--warm-up", type=_positive, help="steps in which it rises")
    parser.add_argument("--width", type=float, help="of the C3D")
    parser.add_argument("--hidden", type=_positive, help="units of fc6 and fc7")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--device", default="cpu", help="default: cpu")
    parser.add_argument(
        "--workers", type=int, default=2, help="processes that draw clips (default: 2)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
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
    try:
        from skvideo3d.training.engine import check_skorch

        check_skorch("skvideo3d train-compact")
        from skvideo3d.training.compact import COMPACT, train_compact

        changes = {
            "stages": None if args.stage is None else tuple(args.stage),
            "clips_per_epoch": args.clips_per_epoch,
            "ramp": args.ramp,
            "batch_size": args.batch_size,
            "lr": args.lr,
            "warm_up": args.warm_up,
            "width": args.width,
            "hidden": args.hidden,
        }
        recipe = replace(
            COMPACT, **{name: value for name, value in changes.items() if value is not None}
        )
        rows = train_compact(
            args.file,
            recipe,
            seed=args.seed,
            precision=args.precision,
            device=args.device,
            n_workers=args.workers,
            checkpoint=args.checkpoint,
            verbose=not args.quiet,
        )
    except (SkVideo3DError, ImportError, OSError, ValueError) as error:
        print(f"skvideo3d train-compact: {error}", file=sys.stderr)
        return 2
    print(_table(rows))
    print(f"\nWritten to {args.file} ({args.file.stat().st_size / 1e6:.1f} MB)")
    return 0


def _table(rows: list[dict[str, float]]) -> str:
    """Lay the epochs out: loss, share of right answers to each question, speed."""
    questions = [name for name in rows[0] if name.startswith("train_") and name.endswith("_right")]
    heads = [name.removeprefix("train_").removesuffix("_right") for name in questions]
    lines = [
        "| epoch | loss | " + " | ".join(heads) + " | clips/s |",
        "|---" * (len(heads) + 3) + "|",
    ]
    for row in rows:
        shares = " | ".join(f"{row[name]:.3f}" for name in questions)
        lines.append(
            f"| {row['epoch']:.0f} | {row['train_loss']:.3f} | {shares} "
            f"| {row['clips_per_second']:.1f} |"
        )
    return "\n".join(lines)


def _stage(text: str) -> tuple[int, int]:
    side, colon, epochs = text.partition(":")
    if not (colon and side.isdecimal() and epochs.isdecimal() and int(side) and int(epochs)):
        raise argparse.ArgumentTypeError(f"{text!r} is not SIDE:EPOCHS, such as 64:24")
    return int(side), int(epochs)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)
