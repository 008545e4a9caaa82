"""Faults of dataset.json: the file, and single fields of ours and of nnU-Net."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.hostile.faults import Fault, Place, document

_FILE = (r"dataset\.json",)
_JSON = (r"dataset\.json", "JSON|UTF-8|nested|object|digits")


def _written(content: bytes) -> Callable[[Place], None]:
    return lambda place: _put(place, content)


def _put(place: Place, content: bytes) -> None:
    place.json.write_bytes(content)


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    return lambda place: _put(place, change(place.json.read_bytes()))


def _field(name: str, value: Any) -> Callable[[Place], None]:
    return lambda place: document(place.json, lambda fields: fields.__setitem__(name, value))


def _without(name: str) -> Callable[[Place], None]:
    return lambda place: document(place.json, lambda fields: fields.pop(name, None))


def _channel(name: str, value: Any) -> Callable[[Place], None]:
    return lambda place: document(
        place.json, lambda fields: fields["channels"][place.channel].__setitem__(name, value)
    )


def _nnunet(channel_names: Any, labels: Any = None) -> Callable[[Place], None]:
    fields = {
        "channel_names": channel_names,
        "labels": labels if labels is not None else {"no": 0, "yes": 1},
        "numTraining": 10,
        "file_ending": ".nii.gz",
    }
    return _written(json.dumps(fields).encode())


def _folder(place: Place) -> None:
    place.json.unlink()
    place.json.mkdir()


CHANNEL_FIELDS = (
    Fault("a channel without a name", _channel("name", ""), (*_FILE, "channels", "name")),
    Fault("a channel that leads out", _channel("name", "../../.."), (*_FILE, "name", "path")),
    Fault("a channel called all", _channel("name", "all"), ("channels", "all")),
    Fault("a channel with a slash", _channel("name", "a/b"), (*_FILE, "name", "path")),
    Fault("a number as name", _channel("name", 7), (*_FILE, "name")),
    Fault("an unknown kind", _channel("kind", "ultrasound"), (*_FILE, "kind")),
    Fault("no kind", _channel("kind", None), (*_FILE, "kind")),
    Fault("an unknown field", _channel("colour", "red"), (*_FILE, "colour")),
    Fault("a name of 300 letters", _channel("name", "x" * 300), (*_FILE, "name", "bytes")),
)
"""Put into each channel."""

WHOLE = (
    Fault("no dataset.json", lambda p: p.json.unlink(), ("dataset",)),
    Fault("dataset.json is a folder", _folder, ("dataset",)),
    Fault("an empty dataset.json", _written(b""), _JSON),
    Fault("text", _written(b"hello"), _JSON),
    Fault("a list", _written(b"[1, 2]"), _JSON),
    Fault("null", _written(b"null"), _JSON),
    Fault("half", _bytes(lambda b: b[: len(b) // 2]), _JSON),
    Fault("a comma at the end", _bytes(lambda b: b.rstrip()[:-1] + b",}"), _JSON),
    Fault("Latin-1", _bytes(lambda b: b.replace(b"yes", b"j\xe4")), _JSON),
    Fault("zero bytes", _bytes(lambda b: b + bytes(9)), _JSON),
    Fault("100,000 brackets", _written(b'{"a":' * 100_000), _JSON),
    Fault("deep brackets that close", _written(b"[" * 3000 + b"]" * 3000), _JSON),
    Fault("a number of 5,000 digits", _written(b'{"name": ' + b"9" * 5000 + b"}"), _FILE),
    Fault("schema 99", _field("schema", 99), (*_FILE, "newer")),
    Fault("no schema", _without("schema"), (*_FILE, "schema")),
    Fault("a text as schema", _field("schema", "1"), (*_FILE, "schema")),
    Fault("another document", _field("document", "plan"), (*_FILE, "plan")),
    Fault("an unknown field", _field("colour", "red"), (*_FILE, "colour")),
    Fault("no channels", _field("channels", []), ("channels",)),
    Fault("a text as channels", _field("channels", "T1"), (*_FILE, "channels")),
    Fault("null as channels", _field("channels", None), (*_FILE, "channels")),
    Fault(
        "a channel twice",
        _field("channels", [{"name": "a", "kind": "mri"}] * 3),
        ("channels", "twice"),
    ),
    Fault("the unit cGy", _field("channels", [
        {"name": "T1c", "kind": "mri"}, {"name": "dose", "kind": "dose", "unit": "cGy"},
        {"name": "lesion", "kind": "mask"}]), ("dose", "unit", "cGy")),
    Fault("no unit", _field("channels", [
        {"name": "T1c", "kind": "mri"}, {"name": "dose", "kind": "dose"},
        {"name": "lesion", "kind": "mask"}]), ("dose", "unit", "Gy"), "warned"),
    Fault("no classes", _field("classes", []), ("classes",)),
    Fault("one class", _field("classes", ["yes"]), ("classes", "two")),
    Fault("a class twice", _field("classes", ["yes", "yes"]), ("classes",)),
    Fault("numbers as classes", _field("classes", [0, 1]), (*_FILE, "classes")),
    Fault("a class too many", _field("classes", ["no", "yes", "perhaps"]), ("perhaps", "class")),
    Fault("an unknown positive class", _field("positive_class", "x"), ("positive_class",)),
    Fault("no ending", _field("file_ending", ""), ("ending|missing|no file",)),
    Fault("an ending without a dot", _field("file_ending", "nii.gz"), ("ending|missing|no file",)),
    Fault("an unknown ending", _field("file_ending", ".xyz"), ("ending|missing|no file",)),
    Fault("an ending that leads out", _field("file_ending", "/../x.nii"), ("ending",)),
    Fault("a name that leads out", _field("name", "../../x"), (*_FILE, "name")),
    Fault("a number as name", _field("name", 3), (*_FILE, "name")),
    Fault("channel_names as a list", _nnunet(["mri", "dose", "mask"]), (*_FILE, "channel_names")),
    Fault("channel_names as text", _nnunet("mri"), (*_FILE, "channel_names")),
    Fault("channel_names as null", _nnunet(None), (*_FILE, "channel_names")),
    Fault(
        "numbers in channel_names", _nnunet({"0": 1, "1": 2, "2": 3}), (*_FILE, "channel")
    ),
    Fault("keys that are no numbers", _nnunet({"a": "mri", "b": "ct"}), (*_FILE, "channel_names")),
    Fault("an unknown name", _nnunet({"0": "T1", "1": "zzz"}), (*_FILE, "zzz", "kind")),
    Fault("labels as a list", _nnunet({"0": "mri"}, ["no", "yes"]), (*_FILE, "labels|classes")),
    Fault(
        "regions as labels", _nnunet({"0": "mri"}, {"no": 0, "yes": [1, 2]}), (*_FILE, "labels")
    ),
    Fault(
        "nnU-Net's file", _nnunet({"0": "T1", "1": "dose", "2": "mask"}), ("labels",), "warned"
    ),
    Fault("a byte order mark", _bytes(lambda b: b"\xef\xbb\xbf" + b), (), "sound"),
)  # fmt: skip
"""Put into the file once."""
