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
    if not word.isdecimal() or not int(word):
        raise argparse.ArgumentTypeError(f"{word} is no whole number from 1 on")
    return int(word)


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
    if not word.isdecimal():
        raise argparse.ArgumentTypeError(f"{word} is no whole number from 0 on")
    return int(word)


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


def _within(word: str, end: float, what: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not 0 < value < end:
        raise argparse.ArgumentTypeError(f"{word} is no {what}")
    return value
