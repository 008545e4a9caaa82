"""What the check says is to be written is right when it is written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ricenet_v2.fingerprinting.checks_tables import check_tables
from ricenet_v2.store.raw import load_raw_dataset

if TYPE_CHECKING:
    from conftest import Planted

SPELLINGS = ("tumour", "RICE", "Tumour", "Rice")


def _with_spellings(planted: Planted, **fields: object) -> None:
    planted.load()
    table = planted.folder / "cases.csv"
    header, *lines = table.read_text().splitlines()
    column = header.split(",").index("label")
    rows = [line.split(",") for line in lines]
    for n, row in enumerate(rows):
        row[column] = SPELLINGS[n % len(SPELLINGS)]
    table.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    described = {"channel_names": {"0": "T1", "1": "dose"}, "file_ending": ".nii.gz", **fields}
    (planted.folder / "dataset.json").write_text(json.dumps(described))


def _paste(planted: Planted, remedy: str) -> None:
    """Put the classes of the remedy into dataset.json, in place of labels."""
    path = planted.folder / "dataset.json"
    fields = json.loads(path.read_text())
    fields.pop("labels", None)
    pasted = re.search(r'"classes": \[.*?\]', remedy)
    assert pasted is not None
    path.write_text(json.dumps({**fields, **json.loads(f"{{{pasted[0]}}}")}, ensure_ascii=False))


def _correct(planted: Planted, findings: list) -> None:
    """Write each label as its remedy says."""
    table = planted.folder / "cases.csv"
    text = table.read_text()
    for finding in findings:
        wrong = re.match(r"'(\w+)'", finding.found)[1]
        right = re.match(r"Write (\w+),", finding.remedy)[1]
        text = text.replace(f",{wrong},", f",{right},")
    table.write_text(text)


def _errors(planted: Planted) -> list:
    raw = load_raw_dataset(planted.folder)
    return [each for each in check_tables(raw) if each.severity == "error"]


def test_classes_from_labels_that_people_wrote_in_several_ways(planted: Planted) -> None:
    _with_spellings(planted, labels={"background": 0, "enhancing": 1})
    (remedy,) = [each.remedy for each in _errors(planted) if each.check == "nnU-Net's labels"]
    assert '"classes": ["RICE", "tumour"]' in remedy
    assert "correct Rice, Tumour in cases.csv" in remedy
    _paste(planted, remedy)
    left = _errors(planted)
    assert {each.check for each in left} == {"label"}
    _correct(planted, left)
    assert _errors(planted) == []
    assert load_raw_dataset(planted.folder).dataset.classes == ("RICE", "tumour")


def test_classes_that_are_one_in_several_spellings_are_told(planted: Planted) -> None:
    _with_spellings(planted, classes=["Tumour", "tumour", "TUMOUR", "RICE", "Rice"])
    raw = load_raw_dataset(planted.folder)
    (finding,) = [each for each in check_tables(raw) if each.check == "classes spelled alike"]
    assert finding.severity == "warning"
    _paste(planted, finding.remedy)
    _correct(planted, [each for each in _errors(planted) if each.check == "label"])
    assert _errors(planted) == []
