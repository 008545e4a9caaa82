"""Answers of a run to the checklists: existing sentences, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ricenet_v2.reporting.checklists.claim import CLAIM
from ricenet_v2.reporting.checklists.item import Item
from ricenet_v2.reporting.checklists.reforms import REFORMS
from ricenet_v2.reporting.checklists.tripod import TRIPOD
from ricenet_v2.reporting.methods.sentence import Sentence
from ricenet_v2.reporting.methods.text import SUBJECTS

CHECKLISTS = (CLAIM, TRIPOD, REFORMS)
COLUMNS = ("checklist", "item", "topic", "status", "where", "answer", "missing")
Status = Literal["answered", "partly", "for the authors"]
_TITLES = {topic.key: topic.title for topic in SUBJECTS}


@dataclass(frozen=True)
class Answer:
    """One item.

    Attributes:
        checklist: Name of the list.
        item: Number in the list.
        topic: Topic of the item.
        status: Whether sentences of this run answer it.
        sentences: Sentences that answer it, or that help the authors where none does.
        missing: Remaining task of an author; empty if it is answered.
    """

    checklist: str
    item: str
    topic: str
    status: Status
    sentences: tuple[Sentence, ...]
    missing: str

    @property
    def row(self) -> dict[str, str]:
        """A row of checklists.csv, see `COLUMNS`."""
        return {
            "checklist": self.checklist,
            "item": self.item,
            "topic": self.topic,
            "status": self.status,
            "where": "; ".join(
                f"{sentence.group}: {sentence.title}" for sentence in self.sentences
            ),
            "answer": " ".join(sentence.text for sentence in self.sentences),
            "missing": self.missing,
        }


def answers(sentences: Sequence[Sentence]) -> list[Answer]:
    """Every item of every checklist, in their order."""
    by_key = {sentence.key: sentence for sentence in sentences}
    return [
        _answer(checklist.name, item, by_key)
        for checklist in CHECKLISTS
        for item in checklist.items
    ]


def _answer(checklist: str, item: Item, by_key: Mapping[str, Sentence]) -> Answer:
    """Answered needs every sentence and nothing beyond; without any of them nothing is."""
    existing = [key for key in item.subjects if key in by_key]
    unmentioned = [_TITLES[key] for key in item.subjects if key not in by_key]
    status: Status = "partly"
    if not existing:
        status = "for the authors"
    elif not unmentioned and not item.rest:
        status = "answered"
    unanswered = f"this run has nothing on: {', '.join(unmentioned)}" if unmentioned else ""
    missing = "; ".join(filter(None, (item.rest, unanswered)))
    shown = tuple(by_key[key] for key in (*item.subjects, *item.also) if key in by_key)
    return Answer(checklist, item.number, item.topic, status, shown, missing)


def counted(all_answers: Sequence[Answer]) -> list[tuple[str, str, dict[Status, int]]]:
    """Name and reference of each list, and how many items have which status."""
    order: tuple[Status, ...] = ("answered", "partly", "for the authors")
    return [
        (
            checklist.name,
            checklist.reference,
            {
                status: sum(
                    a.checklist == checklist.name and a.status == status for a in all_answers
                )
                for status in order
            },
        )
        for checklist in CHECKLISTS
    ]
