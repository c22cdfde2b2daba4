"""``skvideo3d train``: a network from a folder of labelled videos."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skvideo3d.exceptions import SkVideo3DError

from .numbers import positive, share, whole
from .telling import check_writable_file, tell_some

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skvideo3d.training import VideoClassifier

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Train a network on the videos in ROOT, a folder for each class, and write its weights to FILE:

  skvideo3d extract VIDEO ... --weights FILE
  C3DTransformer(weights="FILE")

describe videos by them. Beside FILE a .json of the same name has the classes, the epochs and
all that is needed to repeat the training. A training that was stopped goes on where it was when
the command is given again.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``skvideo3d``.

    Parameters
    ----------
    subparsers : object
        What ``ArgumentParser.add_subparsers`` returned.
    """
    parser = subparsers.add_parser(
        "train",
        help="train a network on labelled videos",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", metavar="ROOT", help="folder of the videos")
    parser.add_argument(
        "-s", "--save", metavar="FILE", type=Path, required=True, help="ends in .safetensors"
    )
    parser.add_argument("--network", default="c3d", help="as VideoClassifier knows it (c3d)")
    parser.add_argument(
        "--weights", help="name or path, to begin with; the last layer is new where classes differ"
    )
    parser.add_argument("--freeze", metavar="LAYER", help="leave all up to this layer as it is")
    parser.add_argument(
        "--width", type=positive, metavar="FACTOR", help="on filters and hidden units (1)"
    )
    parser.add_argument("--input-size", type=whole, metavar="PIXELS", help="of the clips")
    parser.add_argument("--clip-len", type=whole, metavar="FRAMES")
    parser.add_argument("--half", action="store_true", help="write float16, half the size")
    training = parser.add_argument_group("training")
    training.add_argument("--recipe", default="ucf101-study", help="default: ucf101-study")
    training.add_argument("--epochs", type=whole, metavar="N", help="instead of the recipe's")
    training.add_argument("--batch-size", type=whole, metavar="CLIPS", help="the same")
    training.add_argument("--lr", type=positive, help="the same: the first learning rate")
    training.add_argument("--weight-decay", type=float, help="the same")
    training.add_argument(
        "--balanced", action="store_true", help="weigh rare classes up in the loss"
    )
    training.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    training.add_argument("--device", help="such as cpu or cuda:1")
    training.add_argument("--seed", type=int, default=0, help="default: 0")
    training.add_argument(
        "--checkpoint", metavar="FILE", type=Path, help="default: FILE.ckpt, until FILE is written"
    )
    testing = parser.add_argument_group("testing")
    testing.add_argument(
        "--validation", type=share, metavar="SHARE", help="of videos, or groups, left out to test"
    )
    testing.add_argument("--test", metavar="ROOT", help="videos to test on at the end")
    testing.add_argument(
        "--test-clips", type=whole, metavar="N", default=10, help="of a test video (default: 10)"
    )
    videos = parser.add_argument_group("videos")
    videos.add_argument("--labels", metavar="REGEX", help="what finds the class in a path")
    videos.add_argument("--groups", metavar="REGEX", help="what videos have in common: the person")
    videos.add_argument(
        "--pattern", metavar="REGEX", help="what finds both: see benchmark transfer"
    )
    videos.add_argument("--classes", nargs="+", metavar="CLASS", help="default: all")
    videos.add_argument(
        "--follow-links",
        action="store_true",
        help="also where links in ROOT lead out of it (default: they are left out and counted)",
    )
    videos.add_argument("--fps", type=positive, help="resample to this rate")
    videos.add_argument(
        "--on-error",
        choices=("raise", "drop"),
        default="raise",
        help="stop at an unreadable video, or go on without it (default: raise)",
    )
    videos.add_argument("--memory", metavar="DIR", help="keep decoded frames for later trainings")
    videos.add_argument("--n-jobs", type=int, metavar="N", help="processes that read videos")
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
    checkpoint = args.checkpoint or args.save.with_suffix(".ckpt")
    try:
        _check_files(args, checkpoint)
        videos = _load(args, args.root)
        test = None if args.test is None else _load(args, args.test)
        _check_classes(videos, test, args)
        classifier = _classifier(args, checkpoint)
        with warnings.catch_warnings():
            # The lists below say it better.
            warnings.filterwarnings("ignore", message=".*could (not be|be read only)")
            classifier.fit(videos.data, _labels(videos), videos.get("groups"))
            _tell(classifier, videos, args)
            held_out = None if test is None else _score(classifier, test)
        _save(classifier, videos, args, held_out)
    except (SkVideo3DError, ValueError, OSError, ImportError) as error:
        told = str(error).replace("pass on_error='nan'", "give --on-error drop")
        print(f"skvideo3d train: {told}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nStopped. What was learnt is kept in {checkpoint}, if an epoch was over: give the "
            "same command again to go on.",
            file=sys.stderr,
        )
        raise
    if args.checkpoint is None:
        checkpoint.unlink(missing_ok=True)
    return 0


def _check_files(args: argparse.Namespace, checkpoint: Path) -> None:
    if args.save.suffix != ".safetensors":
        raise ValueError(f"--save {str(args.save)!r}: the file ends in .safetensors.")
    if checkpoint.suffix != ".ckpt":
        raise ValueError(f"--checkpoint {str(checkpoint)!r}: the file ends in .ckpt.")
    check_writable_file(args.save, "--save")
    check_writable_file(args.save.with_suffix(".json"), "--save")
    check_writable_file(checkpoint, "--checkpoint")


def _load(args: argparse.Namespace, root: str) -> Bunch:
    from skvideo3d.datasets import load_video_folder

    return load_video_folder(
        root,
        labels=args.labels,
        groups=args.groups,
        pattern=args.pattern,
        classes=args.classes,
        follow_links=args.follow_links,
    )


def _check_classes(videos: Bunch, test: Bunch | None, args: argparse.Namespace) -> None:
    if len(videos.target_names) < 2:
        raise ValueError(
            f"{args.root!r} has one class, {videos.target_names[0]!r}; a classifier needs at least "
            "two. Give the folder that holds a folder for each class, or --labels."
        )
    unknown = [] if test is None else sorted(set(test.target_names) - set(videos.target_names))
    if unknown:
        raise ValueError(
            f"--test {args.test!r} has a class {unknown[0]!r}, of which {args.root!r} has no video "
            "to learn from; leave it out with --classes."
        )


def _classifier(args: argparse.Namespace, checkpoint: Path) -> VideoClassifier:
    from skvideo3d.training import VideoClassifier

    return VideoClassifier(
        args.network,
        weights=args.weights,
        recipe=args.recipe,
        freeze=args.freeze,
        input_size=args.input_size,
        clip_len=args.clip_len,
        network_params=None if args.width is None else {"width": args.width},
        max_epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        weight_decay=args.weight_decay,
        class_weight="balanced" if args.balanced else None,
        validation=args.validation,
        n_test_clips=args.test_clips,
        fps=args.fps,
        on_error="nan" if args.on_error == "drop" else "raise",
        precision=args.precision,
        device=args.device,
        n_jobs=args.n_jobs,
        memory=args.memory,
        checkpoint=checkpoint,
        random_state=args.seed,
        verbose=0 if args.quiet else 1,
    )


def _labels(videos: Bunch) -> list[str]:
    return [videos.target_names[label] for label in videos.target]


def _tell(classifier: VideoClassifier, videos: Bunch, args: argparse.Namespace) -> None:
    n_used = len(videos.data) - len(classifier.failures_)
    print(f"{args.network}, {n_used} videos of {len(classifier.classes_)} classes, {args.root}\n")
    print(_table(classifier.history_), flush=True)
    tell_some(
        [why for *_, why in classifier.failures_], "unreadable, and left out of the training", ""
    )
    tell_some(
        [lost for *_, lost in classifier.losses_],
        "read only in part, and trained on by what could be read",
        "",
    )


def _table(history: list[dict[str, float]]) -> str:
    """Lay the epochs out; accuracies in percent."""
    columns = {
        "epoch": ("epoch", "{:d}"),
        "lr": ("lr", "{:.2g}"),
        "train_loss": ("loss", "{:.3f}"),
        "train_accuracy": ("accuracy", "{:.1%}"),
        "valid_loss": ("validation loss", "{:.3f}"),
        "valid_accuracy": ("clips", "{:.1%}"),
        "valid_video_accuracy": ("videos", "{:.1%}"),
        "clips_per_second": ("clips/s", "{:.1f}"),
    }
    there = {name: column for name, column in columns.items() if name in history[0]}
    rows = [[head for head, _ in there.values()]]
    rows += [[form.format(row[name]) for name, (_, form) in there.items()] for row in history]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _score(classifier: VideoClassifier, test: Bunch) -> dict[str, Any]:
    import numpy as np

    rows = classifier.predict_proba(test.data)
    usable = ~np.isnan(rows).any(axis=1)
    tell_some([why for *_, why in classifier.failures_], "unreadable, and left out of the test", "")
    if not usable.any():
        raise ValueError("no video of --test can be read.")
    guessed = classifier.classes_[rows[usable].argmax(axis=1)]
    accuracy = float(np.mean(guessed == np.array(_labels(test))[usable]))
    print(f"\nHeld out: {accuracy:.1%} of {int(usable.sum())} videos.")
    return {"videos": int(usable.sum()), "accuracy": accuracy}


def _save(
    classifier: VideoClassifier,
    videos: Bunch,
    args: argparse.Namespace,
    held_out: dict[str, Any] | None,
) -> None:
    import torch

    from skvideo3d.models import parameter_counts
    from skvideo3d.models.hashing import sha256_of

    from .records import write_record

    classifier.save_weights(args.save, dtype=torch.float16 if args.half else None)
    beside = write_record(
        args.save,
        args.words,
        str(classifier.net_.on_device),
        sha256=sha256_of(args.save),
        classes=classifier.classes_.tolist(),
        recipe=repr(classifier.recipe_),
        seed=classifier.seed_,
        validated=[str(videos.data[place]) for place in classifier.validation_indices_],
        held_out=held_out,
        history=classifier.history_,
        left_out=[[str(video), why] for _, video, why in classifier.failures_],
    )
    n_parameters = sum(parameter_counts(classifier.network_).values())
    print(
        f"\nWritten: {args.save} ({n_parameters:,} parameters, "
        f"{args.save.stat().st_size / 1e6:.1f} MB) and {beside}."
    )
