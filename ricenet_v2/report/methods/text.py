"""All sentences of a report, in the order of reading."""

from __future__ import annotations

from ricenet_v2.report.methods import (
    augmentation,
    data,
    evaluation,
    network,
    partition,
    prediction,
    preparation,
    selection,
    software,
    training,
)
from ricenet_v2.report.methods.facts import Facts
from ricenet_v2.report.methods.sentence import Sentence, SentenceTopic

SUBJECTS: tuple[SentenceTopic, ...] = (
    *data.SUBJECTS,
    *partition.SUBJECTS,
    *preparation.SUBJECTS,
    *network.SUBJECTS,
    *training.SUBJECTS,
    *augmentation.SUBJECTS,
    *selection.SUBJECTS,
    *prediction.SUBJECTS,
    *evaluation.SUBJECTS,
    *software.SUBJECTS,
)


def sentences(facts: Facts) -> tuple[Sentence, ...]:
    """Every sentence that the facts allow."""
    told = ((one, one.tell(facts)) for one in SUBJECTS)
    return tuple(Sentence(one.key, one.title, one.group, text) for one, text in told if text)


def by_group(found: tuple[Sentence, ...]) -> dict[str, list[Sentence]]:
    """The sentences under their headings, in their order."""
    groups: dict[str, list[Sentence]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    return groups
