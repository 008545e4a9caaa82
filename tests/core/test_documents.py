import json

import pytest

from ricenet_v2.core import documents, files
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.records.dataset import Channel, Dataset

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
        ({"schema": 99}, "pip install --upgrade"),
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
    with pytest.raises(DocumentError, match="no way"):
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
