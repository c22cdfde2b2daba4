"""The options of a command that say how videos are described, and the transformer they mean."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skvideo3d.feature_extraction.base import VideoTransformer

__all__ = ["NETWORKS", "add_describer_options", "make_describer"]

NETWORKS = ("c3d", "i3d")


def add_describer_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser, which has ``--network`` and ``--weights`` of its own.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("--layer", action="append", help="may be given several times")
    parser.add_argument("--clip-len", type=int, metavar="FRAMES")
    parser.add_argument("--clip-stride", type=int, metavar="FRAMES")
    parser.add_argument("--fps", type=float, help="resample to this rate")
    parser.add_argument("--pooling", choices=("mean", "max"))
    parser.add_argument("--norm", choices=("l2", "l1", "max", "none"))
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16", "auto"))
    parser.add_argument("--device", help="such as cpu or cuda:1")
    parser.add_argument("--batch-size", type=int, metavar="CLIPS")
    parser.add_argument("--n-jobs", type=int, metavar="N", help="processes")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="that reading one video may take (1800)"
    )
    parser.add_argument(
        "--max-pixels", type=int, metavar="N", help="refuse larger frames (67108864, twice 8k)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of --weights random (default: 0)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def make_describer(args: argparse.Namespace, network: str, weights: str | None) -> VideoTransformer:
    """Make the transformer that the options mean.

    Parameters
    ----------
    args : argparse.Namespace
        With the options of `add_describer_options`.
    network : {"c3d", "i3d"}
    weights : str or None
        A name, a path, or "random"; None for the network's published weights.

    Returns
    -------
    C3DTransformer or I3DTransformer
    """
    from skvideo3d import C3DTransformer, I3DTransformer

    asked = {
        "layer": tuple(args.layer) if args.layer else None,
        "clip_len": args.clip_len,
        "clip_stride": args.clip_stride,
        "fps": args.fps,
        "pooling": args.pooling,
        "precision": args.precision,
        "device": args.device,
        "batch_size": args.batch_size,
        "n_jobs": args.n_jobs,
        "timeout": args.timeout,
        "max_pixels": args.max_pixels,
        "weights": weights,
    }
    transformer = C3DTransformer if network == "c3d" else I3DTransformer
    describer = transformer(random_state=args.seed)
    describer.set_params(**{name: value for name, value in asked.items() if value is not None})
    if weights == "random":
        describer.set_params(weights=None)
    if args.norm is not None:
        describer.set_params(norm=None if args.norm == "none" else args.norm)
    return describer
