"""Sequences in which the object in hand changes, with label files of both forms."""

from pathlib import Path

import numpy as np


def write_sequences(root, n_sequences=3, objects=("cup", "phone", "book"), n_frames=64):
    """Write sequence_1.avi, sequence_1.txt and on: every sequence shows every object in turn.

    Sequence `i` begins with object `i`. Each object has an equal share of the frames, rounded
    down, of which the last three, as what is left at the end, show none. The label files of
    sequences 1, 3, ... have a label a frame, of the others "first last label", with a last range of
    background to the end.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    share = n_frames // len(objects)
    for number in range(n_sequences):
        order = [(number + turn) % len(objects) for turn in range(len(objects))]
        shown = np.full(n_frames, len(objects))
        for turn, item in enumerate(order):
            shown[turn * share : (turn + 1) * share - 3] = item
        stem = root / f"sequence_{number + 1}"
        _write_video(stem.with_suffix(".avi"), shown, seed=number)
        if number % 2 == 0:
            lines = [(*objects, "background")[item] for item in shown]
        else:
            lines = [
                f"{turn * share} {(turn + 1) * share - 4} {objects[item]}"
                for turn, item in enumerate(order)
            ]
            lines.append(f"{len(objects) * share - 3} {n_frames - 1} background")
        stem.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_video(path, shown, *, seed, size=(32, 48), noise=12.0):
    import av

    rng = np.random.default_rng(seed)
    patterns = [
        np.random.default_rng(item).integers(30, 226, (4, 6, 3)).repeat(8, 0).repeat(8, 1)
        for item in range(max(shown) + 1)
    ]
    container = av.open(str(path), "w")
    stream = container.add_stream("mpeg4", rate=25)
    stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
    for item in shown:
        pixels = patterns[item] + rng.normal(0, noise, patterns[item].shape)
        picture = av.VideoFrame.from_ndarray(pixels.clip(0, 255).astype(np.uint8), format="rgb24")
        container.mux(stream.encode(picture))
    container.mux(stream.encode())
    container.close()
