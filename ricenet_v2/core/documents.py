"""Versioned JSON documents: a record class, its name and its schema number.

A document that no user edits may carry a checksum: its class has a class variable `has_checksum =
True`, and the file holds the SHA-256 of what it says, which is compared when it is read.
"""

from __future__ import annotations

import dataclasses
import json
import math
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, cast

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import dataclass_transform

from ricenet_v2.core import files
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.core.packages import UPGRADE
from ricenet_v2.core.places import without_home
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.core.text import NotTextError, decoded

_CHECKSUM = "seal"

Fields = dict[str, Any]
# Not written where false, so that documents of earlier versions keep their hash.
NewFlag = Annotated[bool, Field(exclude_if=operator.not_)]
_REMEDY = "Correct the file, or let the command that wrote it rewrite it."
Migration = Callable[[Fields], Fields]
Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: Class) -> Class:
    """Make a frozen dataclass whose fields are checked; unknown fields are refused."""
    config = ConfigDict(extra="forbid", ser_json_inf_nan="null")
    return cast("Class", pydantic.dataclasses.dataclass(cls, frozen=True, config=config))


class Document(Protocol):
    """A record that is a whole file.

    Its class may have `migrations`, the function to the next schema for each older one, and
    `former_documents`, names that the document had before.
    """

    document: ClassVar[str]
    schema: ClassVar[int]


D = TypeVar("D", bound=Document)


def to_text(value: Document) -> str:
    """Canonical JSON text: document and schema first, then the fields in their order."""
    return _text(value, ())


def _text(value: Document, without: Sequence[str]) -> str:
    fields = TypeAdapter(type(value)).dump_python(value, mode="json", exclude=set(without))
    return _json({"document": value.document, "schema": value.schema, **fields})


def _json(fields: Fields) -> str:
    return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def fingerprint_of(value: Document) -> str:
    """SHA-256 of a document's canonical text without the fields that its class calls `unhashed`."""
    return files.sha256_of_text(_text(value, getattr(value, "unhashed", ())))


def write(path: Path, value: Document) -> None:
    """Write a document atomically, with its checksum where its class has one."""
    # Before it is hashed: `files.write_text` would change it after that.
    text = without_home(to_text(value))
    if getattr(value, "has_checksum", False):
        text = _json({**json.loads(text), _CHECKSUM: files.sha256_of_text(text)})
    files.write_text(path, text)


def from_fields(kind: type[D], fields: object, file: Path | None = None) -> D:
    """Build a record from parsed JSON; every wrong field is named.

    Raises:
        DocumentError: Not an object, unknown or missing fields, or a field of a wrong type.
    """
    try:
        return TypeAdapter(kind).validate_json(_dumped(fields, file), strict=True)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'document'}: {fault['msg']}"
            f" (got {str(fault['input'])[:60]!r})"
            for fault in error.errors()
        )
        raise DocumentError(
            f"{kind.__name__} has {error.error_count()} invalid field(s).",
            file=file,
            expected=f"the fields of a {kind.__name__}",
            got=faults,
            remedy="Correct the named fields, or let the command that wrote the file rewrite it.",
        ) from error


def _dumped(fields: object, file: Path | None) -> str:
    try:
        return json.dumps(fields)
    except RecursionError as error:  # Python may read deeper than it writes
        raise _nested(file) from error


def _nested(file: Path | None) -> DocumentError:
    return DocumentError(
        "This file is nested too deeply.",
        file=file,
        expected="a document of ricenet_v2 or of nnU-Net, with a few levels",
        got="brackets inside of brackets, more than Python takes",
        remedy=_REMEDY,
    )


def read(kind: type[D], path: Path, migrations: dict[int, Migration] | None = None) -> D:
    """Read a document, migrating older schemas step by step.

    Args:
        kind: The record class that is expected.
        path: The JSON file.
        migrations: Pure functions from each older schema number to the next one; those of the class
            where None.

    Raises:
        DocumentError: No such file, not JSON, another document, a newer schema, wrong fields, or
            other content than its hash says.
    """
    fields = _parse(path)
    _compare_checksum(fields, path)
    name, schema = fields.pop("document", None), fields.pop("schema", None)
    if name not in (kind.document, *getattr(kind, "former_documents", ())):
        raise DocumentError(
            "This is another kind of document.", file=path, expected=kind.document, got=name
        )
    if type(schema) is not int:
        raise DocumentError(
            f"This {kind.document} does not say which schema it follows."
            if schema is None
            else f"The schema of this {kind.document} is not a whole number.",
            file=path,
            expected=f'"schema": {kind.schema}, or a smaller whole number',
            got="no schema" if schema is None else repr(schema)[:60],
            remedy="Let the command that wrote the file rewrite it.",
        )
    if schema > kind.schema:
        raise DocumentError(
            f"This {kind.document} was written by a newer version.",
            file=path,
            expected=f"schema {kind.schema} or older",
            got=schema,
            remedy=UPGRADE,
        )
    if migrations is None:
        migrations = getattr(kind, "migrations", {})
    for step in range(schema, kind.schema):
        if step not in migrations:
            raise DocumentError(
                f"There is no migration from schema {step} of {kind.document} to {kind.schema}.",
                file=path,
            )
        fields = migrations[step](fields)
    return from_fields(kind, fields, path)


def _compare_checksum(fields: Fields, path: Path) -> None:
    """Take the hash out of the fields and compare it; files of older versions have none."""
    if _CHECKSUM not in fields:
        return
    digest = fields.pop(_CHECKSUM)
    try:
        computed = files.sha256_of_text(_json(fields))
    except RecursionError as error:  # Python may read deeper than it writes
        raise _nested(path) from error
    except ValueError as error:  # not-a-number, infinity, half a character: none is written
        computed = f"{type(error).__name__}: {error}"
    if digest != computed:
        raise DocumentError(
            "This document is damaged or was edited.",
            file=path,
            expected=f"content with the SHA-256 {digest}, which stands in the file",
            got="other content",
            remedy="Run the command that wrote it again. This document need not be edited by hand.",
        )


def name_of(path: Path) -> str | None:
    """Kind of document that a file states; None where it is none or cannot be read."""
    try:
        name = _parse(path).get("document")
    except DocumentError:
        return None
    return name if isinstance(name, str) else None


def holds_checksum(path: Path) -> bool:
    """Whether a document has its checksum; those of versions that wrote none do not.

    Raises:
        DocumentError: No such file, or not JSON.
    """
    return _CHECKSUM in _parse(path)


def _parse(path: Path) -> Fields:
    try:
        text = read_bytes(path)
    except FileNotFoundError as error:
        raise DocumentError("There is no such document.", file=path) from error
    except OSError as error:
        raise DocumentError("This document cannot be read.", file=path, got=error) from error
    return parsed_object(text, path)


def parsed_object(text: str | bytes, file: Path | None = None) -> Fields:
    """The JSON object of a text.

    Raises:
        DocumentError: Not UTF-8, not JSON, nested too deeply, a number of thousands of digits or
            none that is finite, a text that UTF-8 cannot hold, a field twice, or not an object.
    """
    try:
        whole = text if isinstance(text, str) else decoded(text)
        fields = json.loads(whole, object_pairs_hook=_unique)
    except RecursionError as error:
        raise _nested(file) from error
    except NotTextError as error:
        raise DocumentError(
            "This file is not UTF-8 text.", file=file, got=error, remedy="Save it in UTF-8."
        ) from error
    except ValueError as error:  # JSON, and whole numbers of thousands of digits
        raise DocumentError(
            "This file is not valid JSON.", file=file, got=error, remedy=_REMEDY
        ) from error
    if not isinstance(fields, dict):
        raise DocumentError(
            "A document is a JSON object.", file=file, expected="{...}", got=type(fields).__name__
        )
    if faults := _not_storable(fields):
        raise DocumentError(
            "This file contains values that documents must not contain.",
            file=file,
            expected="finite numbers, and texts that UTF-8 can hold",
            got=", ".join(faults[:5]),
            remedy=_REMEDY,
        )
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> Fields:
    """The fields of an object; Python would take the last of those that share a name."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = [repr(name)[:60] for name, count in counts.items() if count > 1]
        raise ValueError(f"the same field twice in one object: {', '.join(twice[:5])}")
    return fields


def _not_storable(fields: Fields) -> list[str]:
    """Fields that JSON in UTF-8 cannot hold, though Python reads them: NaN, 1e999, surrogates."""
    faults, waiting = [], list(fields.items())
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            faults += [ascii(key) for key in value if _is_broken(key)]
            waiting += [(_below(place, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(_below(place, index), inner) for index, inner in enumerate(value)]
        elif isinstance(value, float):
            faults += [] if math.isfinite(value) else [f"{place!a}: {value}"]
        elif isinstance(value, str) and _is_broken(value):
            faults.append(f"{place!a}: {ascii(value)[:60]}")
    return faults + [ascii(key) for key in fields if _is_broken(key)]


def _below(place: str, key: object) -> str:
    return f"{place}.{key}"[-120:]  # the end of it: texts of a deep document would fill the memory


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)
