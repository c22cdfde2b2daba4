"""Seeded damage to files: the same seed, number and content give the same bytes on any machine."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

_EXTREMES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_HEADER = 2048  # bytes at either end in which containers keep their tables
# Names before which (MP4) or after which (AVI) a size of 32 bits stands.
_BOXES = re.compile(
    rb"moov|trak|mdia|minf|stbl|stsd|stts|stsz|stco|stsc|ctts|elst|edts|mdat|moof|traf|trun|avc1"
    rb"|RIFF|LIST|avih|strh|strf|idx1|movi|00dc"
)


def _span(content: bytearray, rng: random.Random, share: float = 0.3) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, min(len(content), start + rng.randint(1, max(1, int(len(content) * share))))


def truncate(content: bytearray, rng: random.Random, _: bytes) -> None:
    del content[rng.randrange(len(content)) :]


def flip_few_bits(content: bytearray, rng: random.Random, _: bytes) -> None:
    for _ in range(rng.randint(1, 5)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def flip_many_bits(content: bytearray, rng: random.Random, _: bytes) -> None:
    for _ in range(max(1, int(len(content) * rng.choice((0.002, 0.01, 0.1))))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def zero_block(content: bytearray, rng: random.Random, _: bytes) -> None:
    start, stop = _span(content, rng)
    content[start:stop] = bytes(stop - start)


def fill_block(content: bytearray, rng: random.Random, _: bytes) -> None:
    start, stop = _span(content, rng)
    content[start:stop] = b"\xff" * (stop - start)


def scramble_block(content: bytearray, rng: random.Random, _: bytes) -> None:
    start, stop = _span(content, rng, 0.1)
    content[start:stop] = rng.randbytes(stop - start)


def delete_block(content: bytearray, rng: random.Random, _: bytes) -> None:
    start, stop = _span(content, rng)
    del content[start:stop]


def duplicate_block(content: bytearray, rng: random.Random, _: bytes) -> None:
    start, stop = _span(content, rng)
    content[start:start] = content[start:stop]


def swap_blocks(content: bytearray, rng: random.Random, _: bytes) -> None:
    length = rng.randint(1, max(1, len(content) // 4))
    one, two = sorted(rng.randrange(max(1, len(content) - length + 1)) for _ in range(2))
    if two - one >= length:
        first, second = content[one : one + length], content[two : two + length]
        content[one : one + length], content[two : two + length] = second, first


def splice(content: bytearray, rng: random.Random, other: bytes) -> None:
    content[rng.randrange(len(content)) :] = other[rng.randrange(len(other)) :]


def append_garbage(content: bytearray, rng: random.Random, _: bytes) -> None:
    content.extend(rng.randbytes(rng.choice((1, 64, 5000))))


def prepend_garbage(content: bytearray, rng: random.Random, _: bytes) -> None:
    content[:0] = rng.randbytes(rng.choice((1, 4, 64, 5000)))


def extreme_fields(content: bytearray, rng: random.Random, _: bytes) -> None:
    """Put extreme numbers where counts and sizes are."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(min(_HEADER, len(content)))
        if rng.random() < 0.5:
            place = len(content) - 1 - place
        place = place // 4 * 4
        value = rng.choice(_EXTREMES).to_bytes(4, rng.choice(("big", "little")))
        content[place : place + 4] = value[: len(content) - place]


def wrong_box_sizes(content: bytearray, rng: random.Random, _: bytes) -> None:
    """Change the sizes of the boxes of MP4 and the chunks of AVI; elsewhere any field."""
    boxes = [match.start() for match in _BOXES.finditer(content)]
    if not boxes:
        extreme_fields(content, rng, b"")
        return
    name = rng.choice(boxes)
    place = max(name + rng.choice((-4, 4)), 0)
    value = rng.choice((*_EXTREMES, rng.randrange(2**16), rng.randrange(2**32)))
    replacement = value.to_bytes(4, rng.choice(("big", "little")))
    content[place : place + 4] = replacement[: len(content) - place]


Mutation = Callable[[bytearray, random.Random, bytes], None]
MUTATIONS: tuple[Mutation, ...] = (
    *(truncate, flip_few_bits, flip_many_bits, zero_block, fill_block, scramble_block),
    *(delete_block, duplicate_block, swap_blocks, splice, append_garbage, prepend_garbage),
    *(extreme_fields, wrong_box_sizes),
)


def mutate(content: bytes, seed: int, number: int, other: bytes) -> tuple[bytes, str]:
    """Damage a file's content.

    Parameters
    ----------
    content : bytes
        At least one.
    seed, number : int
        Decide what is done.
    other : bytes
        Of another file, at least one, for splices.

    Returns
    -------
    mutated : bytes
    kinds : str
        What was done, joined by "+".

    Examples
    --------
    >>> content, kinds = mutate(b"some content", seed=0, number=2, other=b"another")
    >>> len(content), kinds
    (12, 'flip_many_bits')
    """
    rng = random.Random(f"{seed}/{number}")  # seeded by the text's SHA-512: the same anywhere
    # Each kind has its turn; one in four files is damaged twice or three times.
    kinds = [MUTATIONS[number % len(MUTATIONS)]]
    while rng.random() < 0.25 and len(kinds) < 3:
        kinds.append(rng.choice(MUTATIONS))
    mutated = bytearray(content)
    for kind in kinds:
        if mutated:
            kind(mutated, rng, other)
    return bytes(mutated), "+".join(kind.__name__ for kind in kinds)


def mutate_folder(source: Path, target: Path, seed: int, number: int) -> str:
    """Copy a folder of frames with some of them damaged, left out or replaced by others.

    Parameters
    ----------
    source, target : Path
        `target` does not exist.
    seed, number : int

    Returns
    -------
    str
        What was done.
    """
    shutil.copytree(source, target)
    rng = random.Random(f"folder/{seed}/{number}")
    frames = sorted(target.iterdir())
    done = []
    for _ in range(rng.choice((1, 1, 2, 5, len(frames)))):
        frame = rng.choice(frames)
        if not frame.exists():
            continue
        if rng.random() < 0.1:
            frame.unlink()
            done.append("unlink")
            continue
        other = rng.choice([path for path in frames if path.exists()]).read_bytes()
        content, kinds = mutate(
            frame.read_bytes() or b"\0", rng.randrange(2**32), number, other or b"\0"
        )
        frame.write_bytes(content)
        done.append(kinds)
    return "+".join(sorted(set("+".join(done).split("+"))))
