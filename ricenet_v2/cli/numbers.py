"""Types of argparse for numbers: each has a range, so that no option takes a number without end."""

from __future__ import annotations

import argparse
from collections.abc import Callable

_MANY = 1_000_000_000


def whole(lowest: int, highest: int = _MANY) -> Callable[[str], int]:
    """A type of argparse: whole numbers from `lowest` to `highest`."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError as error:
            raise _refusal(f"a whole number from {lowest} to {highest}", text) from error
        if not lowest <= value <= highest:
            raise _refusal(f"a whole number from {lowest} to {highest}", text)
        return value

    return number


def real(lowest: float, highest: float, expected: str = "") -> Callable[[str], float]:
    """A type of argparse: numbers from `lowest` to `highest`; NaN is none of them.

    Args:
        lowest: Lower end of the range.
        highest: Upper end of the range.
        expected: The range in words, where these say more than its ends.
    """
    expected = expected or f"a number from {lowest:g} to {highest:g}"

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise _refusal(expected, text) from error
        if not lowest <= value <= highest:
            raise _refusal(expected, text)
        return value

    return number


def or_auto(kind: Callable[[str], int]) -> Callable[[str], str]:
    """A type of argparse: the word `auto`, or a number of that kind; as text."""

    def number(text: str) -> str:
        try:
            return text if text == "auto" else str(kind(text))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(
                str(error).replace("expected a", "expected auto or a", 1)
            ) from error

    return number


def by_name(kind: Callable[[str], float]) -> Callable[[str], tuple[str, float]]:
    """A type of argparse: `NAME=NUMBER`, the number of that kind."""

    def pair(text: str) -> tuple[str, float]:
        name, sign, value = text.rpartition("=")
        if not (name and sign):
            raise _refusal("NAME=NUMBER", text)
        return name, kind(value)

    return pair


def _refusal(expected: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {expected}, got {text[:40]!a}")


# What numpy, scikit-learn and torch all take for a seed.
seed = whole(0, 2**32 - 1)
seed_of_folder = whole(0, _MANY - 1)
"""The seed of a training whose folder is named after it."""
fold = whole(0, _MANY - 1)
folds = whole(1, 10_000)
"""The number of folds, or of their repeats."""


def fold_or_full(text: str) -> int | str:
    """The number of a fold, or the word `full`."""
    try:
        return text if text == "full" else fold(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            str(error).replace("expected a", "expected full or a", 1)
        ) from error


epochs = whole(1)
draws = whole(1, 10_000_000)
"""The number of samples of a bootstrap or of a permutation test."""
voxels = whole(1, 4096)
samples = whole(1, 65_536)
threads = whole(1, 1024)
workers = whole(0, 1024)
processes = whole(1, 1024)
processes_or_auto = or_auto(processes)
millimetres = real(1e-6, 1e4)
gigabytes = real(1e-3, 1e6)
gigabytes_or_none = real(0, 1e6)
share = real(1e-6, 1, "a share above 0 and at most 1 (0.9 for 90 %)")
share_of_channel = by_name(real(0, 0.99))
seconds = real(1e-3, 1e7)
