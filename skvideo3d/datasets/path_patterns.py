"""How well-known sets name their files: what of a path is the class, and what the group."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["PATH_PATTERNS", "labels_and_groups"]

#: Patterns by name, each with the groups ``label`` and ``group``: ``v_Archery_g01_c02`` of UCF101,
#: whose groups are recordings; ``person07_walking_d2`` of KTH; and ``A1P2T3`` for action 1, person
#: 2, trial 3.
PATH_PATTERNS: Final = {
    "ucf101": r"v_(?P<label>[^/_]+)_g(?P<group>\d+)_c\d+[^/]*$",
    "kth": r"person(?P<group>\d+)_(?P<label>[^/_]+)_d\d+[^/]*$",
    "trials": r"A(?P<label>\d+)P(?P<group>\d+)T\d+[^/]*$",
}

_SHOWN: Final = 5


def labels_and_groups(
    paths: Sequence[str], pattern: str | None = None
) -> tuple[list[str], list[str]]:
    r"""Find the class and the group in every path.

    Parameters
    ----------
    paths : sequence of str
        With ``/`` between folders.
    pattern : str or None, default=None
        A name out of `PATH_PATTERNS`, or a regular expression with the named groups ``label`` and
        ``group``, which is searched for in each path. None is the first of `PATH_PATTERNS` that
        fits all paths.

    Returns
    -------
    labels, groups : list of str

    Raises
    ------
    ValueError
        If the pattern is none, lacks a group, or does not fit all paths.

    Examples
    --------
    >>> labels_and_groups(["PS7A1P2T1.avi", "PS7A3P2T2.avi"])
    (['1', '3'], ['2', '2'])
    >>> labels_and_groups(["ann/run-1.avi"], r"^(?P<group>\w+)/(?P<label>\w+)-")
    (['run'], ['ann'])
    """
    if pattern is not None:
        return _found(_compiled(pattern), paths, f"pattern={pattern!r} (--pattern)")
    unmatched = {}
    for name, known in PATH_PATTERNS.items():
        unmatched[name] = [path for path in paths if re.search(known, path) is None]
        if not unmatched[name]:
            return _found(re.compile(known), paths, name)
    closest = min(unmatched, key=lambda name: len(unmatched[name]))
    if len(unmatched[closest]) < len(paths):
        return _found(re.compile(PATH_PATTERNS[closest]), paths, f"pattern {closest!r}")
    raise ValueError(
        f"no known pattern ({', '.join(PATH_PATTERNS)}) fits the paths of the {len(paths)} videos: "
        f"{_shorten(paths)}. Pass pattern= (--pattern), a regular expression that finds the class "
        r"and the group in each, such as '(?P<group>person\d+)_(?P<label>[a-z]+)'."
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(PATH_PATTERNS.get(pattern, pattern))
    except (re.error, TypeError) as error:
        raise ValueError(
            f"pattern={pattern!r} (--pattern) is neither a regular expression ({error}) nor one of "
            f"{', '.join(PATH_PATTERNS)}."
        ) from error
    lacking = [name for name in ("label", "group") if name not in compiled.groupindex]
    without = " and none called ".join(lacking)
    if lacking:
        raise ValueError(
            f"pattern={pattern!r} (--pattern) has no group called {without}: mark what is the "
            "class as (?P<label>...), and what videos have in common, such as the person, as "
            f"(?P<group>...); or use one of {', '.join(PATH_PATTERNS)}."
        )
    return compiled


def _found(
    pattern: re.Pattern[str], paths: Sequence[str], name: str
) -> tuple[list[str], list[str]]:
    matches = [pattern.search(path) for path in paths]
    pairs = [(match["label"], match["group"]) if match else ("", "") for match in matches]
    wrong = [path for path, pair in zip(paths, pairs, strict=True) if not all(pair)]
    if wrong:
        raise ValueError(
            f"{name} finds no class and group in the paths of {len(wrong)} of the {len(paths)} "
            f"videos: {_shorten(wrong)}. Change it so that it fits all of them, or move these away."
        )
    return [label for label, _ in pairs], [group for _, group in pairs]


def _shorten(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
