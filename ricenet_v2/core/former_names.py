"""Former names: fields of documents that were renamed, and attributes of their records."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from ricenet_v2.core.documents import Fields


def rename(fields: Fields, former: str, new: str, *places: str) -> Fields:
    """Rename a field of the records at some places of a document.

    What does not have the shape of such a record is left for the check of the fields.

    Args:
        fields: Fields of the document; they are not changed.
        former: Name in the file.
        new: Name of today.
        places: Fields that lead to the records, e.g. `tables.rows`; empty for the document itself.

    Returns:
        The fields with the new name.
    """
    return {
        key: value
        for name, content in fields.items()
        for key, value in _renamed(name, content, former, new, places)
    }


def _renamed(
    name: str, content: object, former: str, new: str, places: tuple[str, ...]
) -> Iterator[tuple[str, object]]:
    inner = tuple(
        rest for head, _, rest in (place.partition(".") for place in places) if head == name
    )
    if inner:
        content = _in_each(content, former, new, inner)
    yield (new if name == former and "" in places else name), content


def _in_each(content: object, former: str, new: str, places: tuple[str, ...]) -> object:
    if isinstance(content, list):
        return [_in_each(each, former, new, places) for each in content]
    return rename(content, former, new, *places) if isinstance(content, dict) else content


class FormerName:
    """The former name of an attribute: it works, and warns with the new one."""

    def __init__(self, new: str) -> None:
        """A name in place of which `new` is used."""
        self.new = new
        self.former = ""

    def __set_name__(self, owner: type, name: str) -> None:  # noqa: D105
        self.former = name

    def __get__(self, instance: object, owner: type) -> Any:  # noqa: D105
        if instance is None:
            return self
        warnings.warn(
            f"{owner.__name__}.{self.former} is called {self.new} since version 0.2.0; the former "
            "name will be removed in 0.4.0 at the earliest.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(instance, self.new)
