"""The same videos through every entry point: same rows, same gaps, same reasons."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from joblib.externals.loky import get_reusable_executor
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from hostile.harness import CLIP_STRIDE, transformer
from skvideo3d import C3DTransformer
from skvideo3d.cli import main
from skvideo3d.cli.inputs import expand

_ROUNDING = 1e-5  # batches are filled otherwise where a video breaks off


def differences(
    paths: Sequence[Path | str], weights: str, folder: Path, *, n_jobs: int | None = None
) -> list[str]:
    """Describe videos in every way and compare with `transform`.

    Parameters
    ----------
    paths : sequence of path-like
        At least two of them can be described.
    weights : str
    folder : Path
        For what the command writes.
    n_jobs : int, optional
        Processes to use once, too.

    Returns
    -------
    list of str
        What differs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the harness looks at them
        plain = transformer(weights)
        rows = plain.transform(paths)
        found = []
        for name, settings in (
            ("fit_transform", {"batch_size": 3, "n_jobs": n_jobs}),
            ("memory", {"memory": folder / "memory"}),
            ("from memory", {"memory": folder / "memory"}),
        ):
            other = transformer(weights, **settings)
            found += _compare(name, other.fit_transform(paths), other, rows, plain)
        get_reusable_executor().shutdown(wait=True)
        found += _with_pca(paths, weights, rows, plain)
        found += _clip_by_clip(paths, weights, rows, plain)
        found += _with_the_command(paths, weights, rows, plain, folder)
    return found


def _compare(
    name: str,
    found: NDArray[np.float32],
    describer: C3DTransformer,
    rows: NDArray[np.float32],
    plain: C3DTransformer,
) -> list[str]:
    differences = []
    if not np.allclose(found, rows, atol=_ROUNDING, equal_nan=True):
        places = np.flatnonzero(~np.isclose(found, rows, atol=_ROUNDING, equal_nan=True).all(1))
        differences.append(f"{name}: rows {places[:10]} differ from transform's.")
    for attribute in ("failures_", "losses_"):
        ours, theirs = getattr(plain, attribute), getattr(describer, attribute)
        differences += [f"{name}: {attribute} has {b}, not {a}." for a, b in _unequal(ours, theirs)]
    return differences


def _unequal(one: list, other: list) -> list[tuple]:
    if len(one) != len(other):
        return [(f"{len(one)} entries", f"{len(other)} entries")]
    return [(a, b) for a, b in zip(one, other, strict=True) if a != b]


def _with_pca(
    paths: Sequence[Path | str],
    weights: str,
    rows: NDArray[np.float32],
    plain: C3DTransformer,
) -> list[str]:
    usable = np.isfinite(rows).all(1)
    expected = np.full((len(rows), 2), np.nan, dtype=np.float32)
    expected[usable] = PCA(2, random_state=0).fit(rows[usable]).transform(rows[usable])
    fitted = transformer(weights, n_components=2, random_state=0).fit(paths)
    differences = _compare("fit and transform", fitted.transform(paths), fitted, expected, plain)
    both = transformer(weights, n_components=2, random_state=0)
    return differences + _compare("PCA", both.fit_transform(paths), both, expected, plain)


def _clip_by_clip(
    paths: Sequence[Path | str],
    weights: str,
    rows: NDArray[np.float32],
    plain: C3DTransformer,
) -> list[str]:
    describer = transformer(weights)
    pooled = np.full_like(rows, np.nan)
    for i, clips in enumerate(describer.transform_clips(paths)):
        if len(clips.features):
            pooled[i] = normalize(clips.features.mean(0, keepdims=True))
    return _compare("transform_clips", pooled, describer, rows, plain)


def _with_the_command(
    paths: Sequence[Path | str],
    weights: str,
    rows: NDArray[np.float32],
    plain: C3DTransformer,
    folder: Path,
) -> list[str]:
    # Folders of folders are walked by the command, and some texts cannot be given to a process.
    chosen = [i for i, path in enumerate(paths) if _is_a_word(str(path))]
    output = folder / "out.npz"
    words = [str(paths[i]) for i in chosen]
    status = main(
        [
            *("extract", *words, "-o", str(output), "--weights", weights),
            *("--clip-stride", str(CLIP_STRIDE), "--quiet"),
        ]
    )
    with np.load(output, allow_pickle=False) as file:
        content = {name: file[name] for name in file.files}
    differences = []
    reasons = {i: reason for i, _, reason in plain.failures_}
    if status != int(any(i in reasons for i in chosen)):
        differences.append(f"extract: status {status}.")
    if content["path"].tolist() != words:
        differences.append("extract: other paths.")
    if not np.allclose(content["descriptor"], rows[chosen], atol=_ROUNDING, equal_nan=True):
        differences.append("extract: other rows than transform's.")
    losses = {i: loss for i, _, loss in plain.losses_}
    for name, expected in (("error", reasons), ("loss", losses)):
        for i, text in zip(chosen, content[name], strict=True):
            if text != expected.get(i, ""):
                differences.append(f"extract: {text!r}, not {expected.get(i, '')!r}.")
    return differences


def _is_a_word(path: str) -> bool:
    try:
        return b"\0" not in path.encode(errors="surrogateescape") and expand([path]) == [path]
    except ValueError:  # no text of bytes, or a folder with links that are not followed
        return False
