import json
import os
from typing import ClassVar

import pytest

from ricenet_v2.core import documents, files
from ricenet_v2.core.documents import record
from ricenet_v2.core.errors import DatasetError, DocumentError, PlanError
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.store.raw import read_dataset
from ricenet_v2.training.settings import with_settings

DATASET = Dataset("D", (Channel("a", "mri"), Channel("d", "dose", unit="Gy")), ("x", "y"))


def test_a_document_comes_back_as_it_was(tmp_path):
    documents.write(tmp_path / "d.json", DATASET)
    assert documents.read(Dataset, tmp_path / "d.json") == DATASET


def test_the_file_says_what_it_is(tmp_path):
    documents.write(tmp_path / "d.json", DATASET)
    fields = json.loads((tmp_path / "d.json").read_text())
    assert (fields["document"], fields["schema"]) == ("dataset", 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"document": "plan"}, "another kind"),
        ({"schema": 99}, "newer version of ricenet_v2"),
        ({"colour": "red"}, "colour"),
        ({"name": 3}, "name"),
        ({"channels": [{"name": "a", "kind": "x-ray"}]}, "channels.0.kind"),
    ],
)
def test_wrong_documents_are_refused_by_name(tmp_path, change, said):
    fields = {**json.loads(documents.to_text(DATASET)), **change}
    (tmp_path / "d.json").write_text(json.dumps(fields))
    with pytest.raises(DocumentError, match=said):
        documents.read(Dataset, tmp_path / "d.json")


def test_older_schemas_are_migrated_step_by_step(tmp_path):
    fields = {**json.loads(documents.to_text(DATASET)), "schema": 0}
    fields["title"] = fields.pop("name")
    (tmp_path / "d.json").write_text(json.dumps(fields))
    migrations = {0: lambda f: {("name" if k == "title" else k): v for k, v in f.items()}}
    assert documents.read(Dataset, tmp_path / "d.json", migrations) == DATASET
    with pytest.raises(DocumentError, match="no migration"):
        documents.read(Dataset, tmp_path / "d.json")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def write_half():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": None}, "does not say which schema"),
        ({"schema": "1"}, "not a whole number"),
        ({"schema": True}, "not a whole number"),
        ({"schema": 1.5}, "not a whole number"),
        ({"schema": -1}, "no migration from schema -1"),
        ({"schema": 2}, "newer version"),
    ],
)
def test_a_schema_that_is_missing_is_not_a_newer_one(tmp_path, change, said):
    fields = {**json.loads(documents.to_text(DATASET)), **change}
    if fields["schema"] is None:
        del fields["schema"]
    (tmp_path / "d.json").write_text(json.dumps(fields))
    with pytest.raises(DocumentError, match=said) as told:
        documents.read(Dataset, tmp_path / "d.json")
    assert told.value.file == tmp_path / "d.json"
    assert ("newer" in str(told.value)) == (said == "newer version")


HOSTILE = {
    "lists": "[" * 100_000,
    "objects": '{"a":' * 100_000,
    "nested, whole": '{"name":' + "[" * 900 + "]" * 900 + "}",
    "nested deeper, whole": '{"name":' + "[" * 5000 + "]" * 5000 + "}",
    "digits": '{"name": ' + "9" * 5000 + "}",
    "digits in a list": '{"channels": [-' + "9" * 5000 + "]}",
    "not text": b"\xff\xfe{",
    "mark of bytes": b"\xef\xbb\xbf{}",
    "no object": "[]",
    "nothing": "",
}


@pytest.mark.parametrize("document", [True, False])
@pytest.mark.parametrize("what", HOSTILE)
def test_json_that_python_does_not_take_is_named(tmp_path, what, document):
    content = HOSTILE[what]
    content = content if isinstance(content, bytes) else content.encode()
    if document and content.startswith(b"{"):
        content = b'{"document": "dataset", "schema": 1, ' + content[1:]
    (tmp_path / "dataset.json").write_bytes(content)
    for reading in (read_dataset, lambda path: documents.read(Dataset, path)):
        with pytest.raises((DocumentError, DatasetError), match=r"dataset\.json"):
            reading(tmp_path / "dataset.json")
    with pytest.raises(DocumentError):
        documents.from_fields(Dataset, documents.parsed_object(content))


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000])
def test_settings_of_a_plan_are_told_when_they_are_wrong(make_plan, value):
    with pytest.raises(PlanError):
        with_settings(make_plan(), {"epochs": value})


@record
class Hashed:
    """A document with a hash."""

    document: ClassVar[str] = "hashed"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    name: str
    value: float


def test_any_flipped_bit_of_a_document_with_a_checksum_is_found(tmp_path):
    path = tmp_path / "d.json"
    documents.write(path, Hashed("nämlich", 0.1))
    whole = path.read_bytes()
    assert documents.read(Hashed, path) == Hashed("nämlich", 0.1)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            found = documents.read(Hashed, path)
        except DocumentError:
            continue
        # White space may become other white space, and the name of the hash another one.
        assert found == Hashed("nämlich", 0.1)


def test_a_document_with_a_checksum_that_was_edited_is_refused(tmp_path):
    path = tmp_path / "d.json"
    documents.write(path, Hashed("a", 0.5))
    path.write_text(path.read_text().replace("0.5", "0.75"))
    with pytest.raises(DocumentError, match="damaged or was edited"):
        documents.read(Hashed, path)
    fields = json.loads(path.read_text())
    del fields["seal"]  # as an older version wrote it
    path.write_text(json.dumps(fields))
    assert documents.read(Hashed, path) == Hashed("a", 0.75)


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.5", "NaN"), ("0.5", "1e999"), ('"a"', '"\\ud800"'), ("0.5", "[" * 400 + "]" * 400)],
)
def test_what_no_document_holds_is_damage(tmp_path, old, new):
    path = tmp_path / "d.json"
    documents.write(path, Hashed("a", 0.5))
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DocumentError, match=r"d\.json"):
        documents.read(Hashed, path)


def test_a_checksum_of_nothing_is_no_older_version(tmp_path):
    path = tmp_path / "d.json"
    documents.write(path, Hashed("a", 0.5))
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "seal": None}))
    with pytest.raises(DocumentError, match="damaged or was edited"):
        documents.read(Hashed, path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir()])
def test_what_is_no_file_is_named_and_not_opened(tmp_path, make):
    make(tmp_path / "a.json")
    with pytest.raises(DocumentError, match=r"pipe|folder"):
        documents.read(Dataset, tmp_path / "a.json")


@pytest.mark.parametrize("read", [lambda path: documents.read(Dataset, path), read_dataset])
def test_a_byte_order_mark_is_read(tmp_path, read):
    path = tmp_path / "d.json"
    path.write_text(documents.to_text(DATASET), encoding="utf-8-sig")
    assert read(path) == DATASET


def test_another_encoding_is_told(tmp_path):
    path = tmp_path / "d.json"
    path.write_text(documents.to_text(DATASET), encoding="utf-16")
    with pytest.raises(DocumentError, match=r"not UTF-8[\s\S]*UTF-16[\s\S]*Save it in UTF-8"):
        documents.read(Dataset, path)


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 3}', '{"x": [{"a": 1, "a": 1}]}'])
def test_a_field_that_is_there_twice_is_refused(text):
    with pytest.raises(DocumentError, match="the same field twice in one object: 'a'"):
        documents.parsed_object(text)
