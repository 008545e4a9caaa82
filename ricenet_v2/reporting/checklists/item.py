"""One item of a checklist, and what answers it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """Item of a checklist, in words of this project; the full text is in the paper.

    Attributes:
        number: Number in the list.
        topic: Topic of the item, in a few words.
        subjects: Keys of the sentences that answer it; each is needed.
        rest: Further requirements, which no file of a run can answer; empty if the sentences answer
            the whole item.
        also: Keys of sentences that help an author and answer nothing.
    """

    number: str
    topic: str
    subjects: tuple[str, ...] = ()
    rest: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checklist:
    """A list of items, by its short name and where it was published."""

    name: str
    reference: str
    items: tuple[Item, ...]
