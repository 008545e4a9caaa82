"""Progress bars with the time left, silent where nobody watches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Iterate with a bar on stderr where it is a terminal: share done, time left, rate.

    Args:
        items: What to iterate over.
        description: What the step does, in a few words.
        total: Number of items where `items` has no length.
    """
    from tqdm import tqdm

    bar = tqdm(
        items, desc=description, total=total, dynamic_ncols=True, mininterval=0.5, disable=None
    )
    yield from bar
