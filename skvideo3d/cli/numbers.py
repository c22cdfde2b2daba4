"""What options take that are numbers: refused by the option's own name before any work."""

from __future__ import annotations

import argparse
import math

__all__ = ["count", "positive", "share", "whole"]


def whole(word: str) -> int:
    """Read a whole number from 1 on.

    Parameters
    ----------
    word : str

    Returns
    -------
    int

    Examples
    --------
    >>> whole("0")
    Traceback (most recent call last):
        ...
    argparse.ArgumentTypeError: 0 is no whole number from 1 on
    """
    return _whole_from(1, word)


def count(word: str) -> int:
    """Read a whole number from 0 on.

    Parameters
    ----------
    word : str

    Returns
    -------
    int

    Examples
    --------
    >>> count("0")
    0
    """
    return _whole_from(0, word)


def positive(word: str) -> float:
    """Read a positive number.

    Parameters
    ----------
    word : str

    Returns
    -------
    float
    """
    return _within(word, math.inf, "positive number")


def share(word: str) -> float:
    """Read a share, between 0 and 1.

    Parameters
    ----------
    word : str

    Returns
    -------
    float

    Examples
    --------
    >>> share("0.2")
    0.2
    """
    return _within(word, 1.0, "share between 0 and 1")


def _whole_from(least: int, word: str) -> int:
    if not word.isdecimal() or int(word) < least:
        raise argparse.ArgumentTypeError(f"{word} is no whole number from {least} on")
    return int(word)


def _within(word: str, end: float, what: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not 0 < value < end:
        raise argparse.ArgumentTypeError(f"{word} is no {what}")
    return value
