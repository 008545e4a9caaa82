"""All sentences of a report, in the order of reading."""

from __future__ import annotations

from ricenet_v2.reporting.methods import (
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
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import Sentence, SentenceTopic

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
    texts = ((topic, topic.describe(facts)) for topic in SUBJECTS)
    return tuple(
        Sentence(topic.key, topic.title, topic.group, text) for topic, text in texts if text
    )


def by_group(ordered: tuple[Sentence, ...]) -> dict[str, list[Sentence]]:
    """The sentences under their headings, in their order."""
    groups: dict[str, list[Sentence]] = {}
    for sentence in ordered:
        groups.setdefault(sentence.group, []).append(sentence)
    return groups
