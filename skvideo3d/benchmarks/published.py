"""What the papers report, each figure once, with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["PUBLISHED", "Published", "published"]


@dataclass(frozen=True)
class Published:
    """A row of a published table.

    Parameters
    ----------
    benchmark : str
        Name of the protocol: "ucf101", "hmdb51", "compactness", "aslan", "scenes/yupenn",
        "scenes/maryland", "objects" or "runtime".
    method : str
        What was measured.
    figures : mapping of str to float
        Metric to value as printed; accuracies and areas under curves in percent. For "compactness"
        the metrics are numbers of dimensions. What holds for a split alone has the split's name,
        as "split 1".
    source : str
        Who says so, and where.
    note : str, default=""
        In what it differs from the protocol's other rows.
    """

    benchmark: str
    method: str
    figures: Mapping[str, float] = field(hash=False)
    source: str
    note: str = ""


def published(benchmark: str) -> tuple[Published, ...]:
    """Look up what was published on a protocol.

    Parameters
    ----------
    benchmark : str
        See `Published`.

    Returns
    -------
    tuple of Published

    Raises
    ------
    ValueError
        If nothing is known under that name.

    Examples
    --------
    >>> [row.method for row in published("objects")]
    ['C3D', 'ImageNet features', 'earlier best']
    """
    rows = tuple(row for row in PUBLISHED if row.benchmark == benchmark)
    if not rows:
        names = ", ".join(repr(name) for name in dict.fromkeys(row.benchmark for row in PUBLISHED))
        raise ValueError(f"benchmark={benchmark!r} has no published figures; there are {names}.")
    return rows


def _accuracies(
    benchmark: str, source: str, rows: Mapping[str, float], split: str = ""
) -> tuple[Published, ...]:
    return tuple(
        Published(benchmark, method, {split or "accuracy": value}, source, split)
        for method, value in rows.items()
    )


_C3D: Final = "Tran et al. 2015"
_I3D: Final = "Carreira & Zisserman 2017"

PUBLISHED: Final[tuple[Published, ...]] = (
    *_accuracies(
        "ucf101",
        f"{_C3D}, table 3",
        {
            "C3D, 1 network": 82.3,
            "C3D, 3 networks": 85.2,
            "C3D, 3 networks, with iDT": 90.4,
            "ImageNet features": 68.8,
            "iDT, bag of words": 76.2,
        },
    ),
    Published(
        "ucf101",
        "C3D, public weights",
        {"accuracy": 81.8, "split 1": 83.14, "split 2": 79.75, "split 3": 82.52},
        "measured by others, no paper",
    ),
    *_accuracies(
        "ucf101",
        f"{_I3D}, table 2",
        {
            "LSTM, RGB": 81.0,
            "3D-ConvNet, RGB": 51.6,
            "Two-stream, RGB": 83.6,
            "Two-stream, flow": 85.6,
            "Two-stream, RGB + flow": 91.2,
            "3D-fused, RGB": 83.2,
            "3D-fused, flow": 85.8,
            "3D-fused, RGB + flow": 89.3,
            "I3D, RGB": 84.5,
            "I3D, flow": 90.6,
            "I3D, RGB + flow": 93.4,
        },
        split="split 1",
    ),
    *_accuracies(
        "ucf101",
        f"{_I3D}, table 4",
        {
            "I3D, RGB + flow, Kinetics, fixed features": 97.7,
            "I3D, RGB + flow, Kinetics, fine-tuned": 98.0,
        },
        split="split 1",
    ),
    *_accuracies(
        "hmdb51",
        f"{_I3D}, table 2",
        {
            "LSTM, RGB": 36.0,
            "3D-ConvNet, RGB": 24.3,
            "Two-stream, RGB": 43.2,
            "Two-stream, flow": 56.3,
            "Two-stream, RGB + flow": 58.3,
            "3D-fused, RGB": 49.2,
            "3D-fused, flow": 55.5,
            "3D-fused, RGB + flow": 56.8,
            "I3D, RGB": 49.8,
            "I3D, flow": 61.9,
            "I3D, RGB + flow": 66.4,
        },
        split="split 1",
    ),
    *_accuracies(
        "hmdb51",
        f"{_I3D}, table 4",
        {
            "I3D, RGB + flow, Kinetics, fixed features": 79.7,
            "I3D, RGB + flow, Kinetics, fine-tuned": 81.2,
        },
        split="split 1",
    ),
    Published(
        "compactness",
        "C3D",
        {"10": 52.8, "50": 72.6, "100": 75.6, "500": 79.4},
        f"{_C3D}, section 4 and figure 5",
    ),
    Published("compactness", "iDT", {"10": 32.0}, f"{_C3D}, section 4", note="about"),
    Published("compactness", "ImageNet features", {"10": 32.0}, f"{_C3D}, section 4", note="about"),
    *(
        Published("aslan", method, {"accuracy": accuracy, "auc": auc}, f"{_C3D}, table 4")
        for method, accuracy, auc in (
            ("C3D", 78.3, 86.5),
            ("STIP", 60.9, 65.3),
            ("iDT + FV", 68.7, 75.4),
            ("ImageNet features", 67.5, 73.8),
            ("human", 94.2, 97.8),
        )
    ),
    *_accuracies("scenes/yupenn", f"{_C3D}, table 5", {"C3D": 98.1, "ImageNet features": 96.7}),
    *_accuracies("scenes/maryland", f"{_C3D}, table 5", {"C3D": 87.7, "ImageNet features": 87.7}),
    *_accuracies("objects", f"{_C3D}, table 1", {"C3D": 22.3}),
    *_accuracies("objects", f"{_C3D}, section 6", {"ImageNet features": 25.7}),
    *_accuracies("objects", f"{_C3D}, table 1", {"earlier best": 12.0}),
    *(
        Published("runtime", method, {"hours": hours, "fps": fps}, f"{_C3D}, table 6")
        for method, hours, fps in (
            ("C3D, one K40", 2.2, 313.9),
            ("Brox flow, GPU", 607.8, 1.2),
            ("iDT", 202.2, 3.5),
        )
    ),
)
