"""Flow that is kept: had from the store as far as it is there, and computed from there on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from skvideo3d.video.arrays import holds_flow
from skvideo3d.video.clips import ClipRecipe, VideoClip
from skvideo3d.video.damage import Losses
from skvideo3d.video.sources import VideoSource

from .recipe import OpticalFlow
from .storage import CHUNK, FlowChunk, FlowStore, KeptFlow
from .stream import FlowItem, FlowWork, begin_ahead, video_items

__all__ = ["flow_key", "is_flow_known", "kept_items"]

# Raised whenever a change of the code changes flow, so that what is kept is not mixed up.
_ALGORITHM = 1


def flow_key(identity: tuple[Any, ...], flow: OpticalFlow, recipe: ClipRecipe) -> str:
    """Name the flow of a video by all that it depends on.

    Parameters
    ----------
    identity : tuple
        Of the video; see `VideoSource`.
    flow : OpticalFlow
    recipe : ClipRecipe
        Of which the frame rate and the size count.

    Returns
    -------
    str
        In hexadecimal.
    """
    fps = None if recipe.fps is None else float(recipe.fps)
    values = (_ALGORITHM, identity, flow.fingerprint(), fps, recipe.preprocessing.resize)
    return hashlib.sha256(repr(values).encode(errors="surrogateescape")).hexdigest()


def is_flow_known(
    source: VideoSource, flow: OpticalFlow, recipe: ClipRecipe, folder: Path | None
) -> bool:
    """Tell whether nothing needs to be computed for the flow of a video.

    Parameters
    ----------
    source : VideoSource
    flow : OpticalFlow
    recipe : ClipRecipe
    folder : Path or None
        Where flow is kept.

    Returns
    -------
    bool

    Raises
    ------
    SkVideo3DError
        If there is no such video.
    """
    if holds_flow(source):
        return True
    key = flow_key(source.identity(), flow, recipe)
    return folder is not None and FlowStore(folder).open(key).is_whole


def kept_items(
    frames: Iterator[VideoClip],
    kept: KeptFlow,
    work: FlowWork,
    losses: Losses,
    *,
    with_pixels: bool,
) -> Iterator[FlowItem]:
    """Give the frames of a video with flow that is kept, and keep what is not.

    Parameters
    ----------
    frames : iterator of VideoClip
        Of one whole frame each; not read where all flow is there and pixels are not asked for.
    kept : KeptFlow
    work : FlowWork
    losses : Losses
        Told what was lost when the flow was computed.
    with_pixels : bool

    Yields
    ------
    FlowItem
        All whose flow is not there is computed: it may be wanted for other clips.
    """
    n_given = 0
    missing = None  # a chunk that was looked for in vain
    if kept.is_complete and not with_pixels:
        for item in _from_store(kept, work):
            yield item
            n_given += 1
        if n_given == kept.n_frames:
            losses.take(kept.loss)
            return
        missing = n_given // CHUNK
    items = video_items(frames, work, losses)
    batches = _batches(items, kept, missing)
    yield from islice(_from_video(batches, kept, losses, with_pixels), n_given, None)


def _from_store(kept: KeptFlow, work: FlowWork) -> Iterator[FlowItem]:
    place = number = 0
    while (chunk := kept.chunk(number)) is not None:
        for held, frame, time in zip(chunk.flow, chunk.number, chunk.time, strict=True):
            yield FlowItem(work, place, int(frame), float(time), held=held)
            place += 1
        number += 1
        if place == kept.n_frames:
            return


def _from_video(
    batches: Iterator[list[FlowItem]], kept: KeptFlow, losses: Losses, with_pixels: bool
) -> Iterator[FlowItem]:
    n_items = 0
    for number, batch in enumerate(begin_ahead(batches)):
        if any(item.held is None for item in batch):
            chunk = FlowChunk(
                np.stack([item.hold() for item in batch]),
                np.array([item.number for item in batch], np.int64),
                np.array([item.time for item in batch], np.float64),
            )
            kept.put(number, chunk)
        for item in batch:
            item.take(with_pixels=with_pixels)  # whole frames need not wait for their clip
        n_items += len(batch)
        yield from batch
    kept.finish(n_items, losses.text())


def _batches(
    items: Iterator[FlowItem], kept: KeptFlow, missing: int | None
) -> Iterator[list[FlowItem]]:
    number = 0
    while batch := list(islice(items, CHUNK)):
        chunk = None if number == missing else kept.chunk(number)
        numbers = [item.number for item in batch]
        if chunk is not None and chunk.number.tolist() == numbers:
            for item, held in zip(batch, chunk.flow, strict=True):
                item.held = held
        yield batch
        number += 1
