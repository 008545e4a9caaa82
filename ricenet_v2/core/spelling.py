"""Names that look alike: what differs between them, for words about a name that is not there."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

_BETWEEN = re.compile(r"[\s_-]+")
_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")


def composed(name: str) -> str:
    """The name in the composed Unicode normal form: a letter and its accent are one character."""
    return unicodedata.normalize("NFC", name)


def one_name(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Different names that are one in the composed Unicode normal form: each, and the others."""
    by_composed = defaultdict(list)
    for name in dict.fromkeys(names):
        by_composed[composed(name)].append(name)
    return {
        name: tuple(other for other in several if other != name)
        for several in by_composed.values()
        if len(several) > 1
        for name in several
    }


def as_file(name: str) -> str:
    """Common form of names that are one file on macOS and Windows."""
    return unicodedata.normalize("NFC", composed(name).casefold())


def without_signs(name: str) -> str:
    """Common form of names that differ only in capitals, blanks, underscores or hyphens."""
    return _BETWEEN.sub("", as_file(name))


def _without_zeros(name: str) -> str:
    return _BETWEEN.sub("", _ZEROS.sub("", as_file(name)))


_STEPS: tuple[tuple[Callable[[str], str], str], ...] = (
    (composed, "looks the same but is written in another Unicode normal form"),
    (as_file, "differs in capitals"),
    (without_signs, "differs in blanks, underscores or hyphens"),
    (_without_zeros, "differs in leading zeros, which spreadsheets drop"),
)


class Spellings:
    """Names, among which those are looked for that are spelled nearly like another one."""

    def __init__(self, names: Iterable[str]) -> None:
        """Keep the names by what near spellings have in common."""
        self._steps: list[tuple[Callable[[str], str], str, dict[str, list[str]]]] = []
        unique = tuple(dict.fromkeys(names))
        for plain, how in _STEPS:
            by_plain = defaultdict(list)
            for name in unique:
                by_plain[plain(name)].append(name)
            self._steps.append((plain, how, dict(by_plain)))

    def near(self, name: str) -> tuple[str, str] | None:
        """The nearest other name, and how it differs, in words.

        None where there is none, or where several are equally near.
        """
        for plain, how, by_plain in self._steps:
            matches = [other for other in by_plain.get(plain(name), ()) if other != name]
            if matches:
                return (matches[0], how) if len(matches) == 1 else None
        return None
