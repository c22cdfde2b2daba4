"""``skvideo3d train-compact``: the small network that comes with the package, made again."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from skvideo3d.exceptions import SkVideo3DError

from .numbers import positive, whole
from .telling import check_writable_file

__all__ = ["add_parser", "run"]

_COUNTED = 500  # clips, to know what a guess is worth

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
    parser.add_argument("--clips-per-epoch", type=whole, help="each is shown once")
    parser.add_argument(
        "--ramp", type=whole, help="epochs after which clips have all of their clutter"
    )
    parser.add_argument("--batch-size", type=whole)
    parser.add_argument("--turn", type=positive, help="of Muon, the highest")
    parser.add_argument("--lr", type=positive, help="of AdamW, the highest")
    parser.add_argument("--warm-up", type=whole, help="steps in which both rise")
    parser.add_argument("--width", type=positive, help="of the C3D")
    parser.add_argument("--hidden", type=whole, help="units of fc6 and fc7")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--device", default="cpu", help="default: cpu")
    parser.add_argument(
        "--workers", type=int, default=2, help="processes that draw clips (default: 2)"
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
        Exit status: 0, or 2 with the reason on stderr.
    """
    try:
        from skvideo3d.training.engine import check_skorch

        check_skorch("skvideo3d train-compact")
        from skvideo3d.models.hashing import sha256_of
        from skvideo3d.training.compact import COMPACT, train_compact

        from .records import write_record

        changes = {
            "stages": None if args.stage is None else tuple(args.stage),
            "clips_per_epoch": args.clips_per_epoch,
            "ramp": args.ramp,
            "batch_size": args.batch_size,
            "turn": args.turn,
            "lr": args.lr,
            "warm_up": args.warm_up,
            "width": args.width,
            "hidden": args.hidden,
        }
        recipe = replace(
            COMPACT, **{name: value for name, value in changes.items() if value is not None}
        )
        for suffix in (".json", ".png"):
            check_writable_file(args.file.with_suffix(suffix), "FILE")
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
        hours = sum(row["seconds"] for row in rows) / 3600
        record = write_record(
            args.file,
            args.words,
            args.device,
            sha256=sha256_of(args.file),
            recipe=asdict(recipe),
            seed=args.seed,
            precision=args.precision,
            hours=hours,
            history=rows,
        )
        written = [args.file, record]
        if _draw(rows, args.file.with_suffix(".png")):
            written.append(args.file.with_suffix(".png"))
    except (SkVideo3DError, ImportError, OSError, ValueError) as error:
        print(f"skvideo3d train-compact: {error}", file=sys.stderr)
        return 2
    print(_table(rows))
    print(f"\nWritten in {hours:.2f} hours: {', '.join(map(str, written))}")
    return 0


def _table(rows: list[dict[str, float]]) -> str:
    """Lay the epochs out: loss, share of right answers to each question, speed."""
    from skvideo3d.training.world.clips import TASKS

    lines = [
        "| epoch | loss | " + " | ".join(TASKS) + " | clips/s |",
        "|---" * (len(TASKS) + 3) + "|",
        f"| a guess | | {' | '.join(f'{guess:.3f}' for guess in _guesses())} | |",
    ]
    for row in rows:
        shares = " | ".join(f"{row[f'train_{task}_right']:.3f}" for task in TASKS)
        lines.append(
            f"| {row['epoch']:.0f} | {row['train_loss']:.3f} | {shares} "
            f"| {row['clips_per_second']:.1f} |"
        )
    return "\n".join(lines)


def _guesses() -> list[float]:
    """Find what is right of each question if the most frequent answer is always given."""
    from skvideo3d.training.world.clips import NO_ANSWER, TASKS, generate_clip

    counts = {task: [0] * len(answers) for task, answers in TASKS.items()}
    for number in range(_COUNTED):
        # Pixels make no difference to the answers.
        for task, answer in generate_clip((0, number), size=(8, 8)).labels.items():
            if answer != NO_ANSWER:
                counts[task][answer] += 1
    return [max(found) / max(sum(found), 1) for found in counts.values()]


def _draw(rows: list[dict[str, float]], path: Path) -> bool:
    """Draw the share of right answers to each question by epoch, if there is matplotlib."""
    from skvideo3d.training.world.clips import TASKS

    try:
        from matplotlib import colormaps
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    from skvideo3d.inspection import TrainingCurveDisplay

    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    histories = {
        task: [{"epoch": r["epoch"], "train_accuracy": r[f"train_{task}_right"]} for r in rows]
        for task in TASKS
    }
    axes: Any = figure.subplots()
    axes.set_prop_cycle(color=[colormaps["tab20"](n) for n in range(len(TASKS))])
    TrainingCurveDisplay(histories).plot(axes)
    axes.set_ylabel("right answers, percent")
    axes.get_legend().set(loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=100)
    return True


def _stage(text: str) -> tuple[int, int]:
    side, colon, epochs = text.partition(":")
    if not (colon and side.isdecimal() and epochs.isdecimal() and int(side) and int(epochs)):
        raise argparse.ArgumentTypeError(f"{text!r} is not SIDE:EPOCHS, such as 64:24")
    return int(side), int(epochs)
