"""Topics of sentences, and functions that join words and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ricenet_v2.reporting.methods.facts import Facts

Describe = Callable[[Facts], str]
"""A function from facts to sentences, whose text is empty where the files do not say it."""


@dataclass(frozen=True)
class SentenceTopic:
    """Subject of a sentence.

    Attributes:
        key: Names the sentence's place in the page.
        title: Title in two or three words.
        group: Group in which it appears.
        describe: Writes the sentences.
    """

    key: str
    title: str
    group: str
    describe: Describe


@dataclass(frozen=True)
class Sentence:
    """Statement on a subject; `text` is one sentence or several, never empty."""

    key: str
    title: str
    group: str
    text: str

    @property
    def anchor(self) -> str:
        """Id of its element in the page."""
        return f"said-{self.key}"


def listed(entries: Iterable[str]) -> str:
    """Words as a list: `a`, `a and b`, `a, b and c`."""
    items = list(entries)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def numbered(numbers: Sequence[int], noun: str = "fold") -> str:
    """A noun with its numbers: `fold 0`, `folds 0, 1 and 3`."""
    return f"{noun}{'' if len(numbers) == 1 else 's'} {listed(map(str, numbers))}"


def capitalised(text: str) -> str:
    """The text with a capital first letter; the rest, such as names, stays as it is."""
    return text[:1].upper() + text[1:]


def paragraph(*sentences: str) -> str:
    """Sentences joined by spaces, without the empty ones."""
    return " ".join(sentence for sentence in sentences if sentence)
