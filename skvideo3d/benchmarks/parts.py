"""The networks and streams of a describer, which tables show one by one below the whole."""

from __future__ import annotations

from collections.abc import Sequence

from skvideo3d.feature_extraction.base import VideoTransformer

from .method_names import describer_name, stream_names
from .plan import Part

__all__ = ["named_hashes", "named_parts"]

_INDENT = "  "


def named_parts(
    parts: Sequence[Part], columns: Sequence[slice], blocks: dict[str, slice]
) -> dict[str, slice]:
    """Find the networks that are side by side in a descriptor, and the streams of each.

    Parameters
    ----------
    parts : sequence of Part
    columns : sequence of slice
        Of each part.
    blocks : dict of str to slice
        The columns of every layer, as `Described` has them.

    Returns
    -------
    dict of str to slice
        What a table calls them, indented below what they are part of, and their columns.
    """
    found = {}
    indent = _INDENT if len(parts) > 1 else ""
    for part, own in zip(parts, columns, strict=True):
        if indent:
            found[f"{indent}{describer_name(part.describer)}"] = own
        prefix = f"{part.name}__" if part.name else ""
        names = stream_names(part.describer)
        of_stream = {
            stream: [
                block for name, block in blocks.items() if name.startswith(f"{prefix}{stream}/")
            ]
            for stream in names
        }
        n_columns = sum(block.stop - block.start for each in of_stream.values() for block in each)
        if n_columns < own.stop - own.start:
            continue  # scores that are the sum of both are of neither
        for stream, each in of_stream.items():
            found[f"{indent}{_INDENT}{names[stream]}"] = slice(each[0].start, each[-1].stop)
    return found


def named_hashes(name: str, network: VideoTransformer) -> dict[str, str]:
    """Name the hash of a fitted network's weights, or those of its streams.

    Parameters
    ----------
    name : str
    network : VideoTransformer

    Returns
    -------
    dict of str to str
    """
    hashes = network.weights_sha256_
    if isinstance(hashes, str):
        return {name: hashes}
    return {f"{name} {stream}": sha256 for stream, sha256 in hashes.items()}
