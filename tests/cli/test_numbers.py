"""Numbers of options: what is taken, and what is refused in which words."""

import argparse

import pytest

from skvideo3d.cli.numbers import count, positive, share, whole


@pytest.mark.parametrize(
    ("read", "word", "value"),
    [
        (count, "0", 0),
        (whole, "1", 1),
        (whole, "12", 12),
        (positive, "1e-3", 0.001),
        (share, "0.25", 0.25),
    ],
)
def test_numbers_in_range_are_read(read, word, value):
    assert read(word) == value


@pytest.mark.parametrize(
    ("read", "word", "message"),
    [
        *((count, word, "no whole number from 0 on") for word in ("-1", "0.5", "none")),
        *((whole, word, "no whole number from 1 on") for word in ("0", "-1", "2.0", "two", "")),
        *((positive, word, "no positive number") for word in ("0", "-1", "nan", "inf", "x")),
        *((share, word, "no share between 0 and 1") for word in ("0", "1", "nan", "x")),
    ],
)
def test_others_are_refused(read, word, message):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{word} is {message}"):
        read(word)
