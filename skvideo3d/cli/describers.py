"""The options of a command that say how videos are described, and the transformer they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skvideo3d.feature_extraction.base import VideoTransformer

__all__ = [
    "FLOW_METHODS",
    "FLOW_PRECISIONS",
    "NETWORKS",
    "add_describer_options",
    "check_describer_options",
    "make_describer",
]

NETWORKS = ("c3d", "i3d", "frame")
FLOW_METHODS = ("tvl1", "dis")
FLOW_PRECISIONS = ("float32", "float16", "uint8")

# Options of one network or of one stream, by their place in the parsed arguments.
_OF_I3D = ("stream", "flow", "flow_precision", "keep_flow", "flow_weights")
_OF_FLOW = ("flow", "flow_precision", "keep_flow")
_OF_FRAMES = ("frame_network", "frame_stride")
_OF_CLIPS = ("clip_len", "clip_stride")


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
    flow = parser.add_argument_group("of --network i3d")
    flow.add_argument(
        "--stream",
        choices=("rgb", "flow", "two-stream"),
        help="look at frames, at optical flow, or at both with two networks (default: rgb)",
    )
    flow.add_argument(
        "--flow",
        choices=FLOW_METHODS,
        help="how flow is computed: tvl1 as the published weights want it, dis far faster "
        "(default: tvl1)",
    )
    flow.add_argument(
        "--flow-precision", choices=FLOW_PRECISIONS, help="in which flow is held (default: float32)"
    )
    flow.add_argument(
        "--keep-flow",
        action="store_true",
        default=None,
        help="keep flow beside descriptors (what is kept there is used in any case)",
    )
    flow.add_argument(
        "--flow-weights",
        metavar="WEIGHTS",
        help="of the network that sees flow, as --weights is of the one that sees frames, with "
        "--stream two-stream (default: those of --weights, where the name is of both)",
    )
    frames = parser.add_argument_group("of --network frame, a network for images")
    frames.add_argument(
        "--frame-network", metavar="NAME", help="of torchvision, such as resnet50 (resnet18)"
    )
    frames.add_argument("--frame-stride", type=int, metavar="FRAMES", help="from one to the next")


def check_describer_options(args: argparse.Namespace, networks: Sequence[str]) -> None:
    """Refuse options that would change nothing, or that need others.

    Parameters
    ----------
    args : argparse.Namespace
        With the options of `add_describer_options`.
    networks : sequence of {"c3d", "i3d", "frame"}
        Those that the command has.

    Raises
    ------
    ValueError
        Naming the options.
    """
    for options, owners in (
        (_OF_I3D, ("i3d",)),
        (_OF_FRAMES, ("frame",)),
        (_OF_CLIPS, ("c3d", "i3d")),
    ):
        given = _given(args, options)
        if given and not set(owners) & set(networks):
            raise ValueError(
                f"{_words(given)}: --network {' and '.join(dict.fromkeys(networks))} has no such "
                f"option; leave it out, or use --network {' or '.join(owners)}."
            )
    stream = args.stream or "rgb"
    given = _given(args, _OF_FLOW)
    if given and stream == "rgb":
        raise ValueError(
            f"{_words(given)}: --stream rgb looks at no optical flow; add --stream flow or "
            "--stream two-stream."
        )
    if args.flow_weights and stream != "two-stream":
        raise ValueError(
            f"--flow-weights are the second of two with --stream two-stream; with --stream "
            f"{stream} give --weights alone."
        )


def make_describer(args: argparse.Namespace, network: str, weights: str | None) -> VideoTransformer:
    """Make the transformer that the options mean.

    Parameters
    ----------
    args : argparse.Namespace
        With the options of `add_describer_options`, checked.
    network : {"c3d", "i3d", "frame"}
    weights : str or None
        A name, a path, or "random"; None for the network's published weights.

    Returns
    -------
    C3DTransformer, I3DTransformer or FrameTransformer

    Raises
    ------
    ValueError
        If two streams need two weights.
    """
    from skvideo3d import C3DTransformer, I3DTransformer

    asked: dict[str, Any] = {
        "layer": tuple(args.layer) if args.layer else None,
        "fps": args.fps,
        "pooling": args.pooling,
        "precision": args.precision,
        "device": args.device,
        "batch_size": args.batch_size,
        "n_jobs": args.n_jobs,
        "timeout": args.timeout,
        "max_pixels": args.max_pixels,
    }
    describer: VideoTransformer
    if network == "frame":
        from skvideo3d import FrameTransformer

        describer = FrameTransformer(random_state=args.seed)
        asked |= {"network": args.frame_network, "frame_stride": args.frame_stride}
    else:
        transformer = C3DTransformer if network == "c3d" else I3DTransformer
        describer = transformer(random_state=args.seed)
        asked |= {"clip_len": args.clip_len, "clip_stride": args.clip_stride}
    if network == "i3d":
        asked |= {"stream": args.stream, "flow": _flow(args)}
    describer.set_params(**{name: value for name, value in asked.items() if value is not None})
    if network == "i3d" and args.stream == "two-stream":
        describer.set_params(weights=_of_both(weights, args.flow_weights, describer.weights))
    elif weights is not None:
        describer.set_params(weights=_or_random(weights))
    if args.norm is not None:
        describer.set_params(norm=None if args.norm == "none" else args.norm)
    return describer


def _flow(args: argparse.Namespace) -> Any:
    """Give the recipe of flow, or None where nothing is asked for."""
    from skvideo3d.flow import OpticalFlow

    asked = {"method": args.flow, "precision": args.flow_precision, "keep": args.keep_flow}
    given = {name: value for name, value in asked.items() if value is not None}
    return OpticalFlow(**given) if given else None


def _of_both(weights: str | None, flow_weights: str | None, default: Any) -> Any:
    """Give the weights of two streams: one word for both, or a pair."""
    from skvideo3d.models.registry import names_both_streams

    if flow_weights is not None:
        return (default if weights is None else _or_random(weights), _or_random(flow_weights))
    if weights is None or weights == "random" or names_both_streams(weights):
        return default if weights is None else _or_random(weights)
    raise ValueError(
        f"--weights {weights!r} is of one network, and --stream two-stream has two: add "
        "--flow-weights for the one that sees flow."
    )


def _or_random(weights: str) -> str | None:
    return None if weights == "random" else weights


def _given(args: argparse.Namespace, options: Sequence[str]) -> list[str]:
    return [name for name in options if getattr(args, name) is not None]


def _words(options: Sequence[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in options)
