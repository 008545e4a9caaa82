"""Tables of cases: columns, splits, and all faulty rows in one error."""

import unicodedata

import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.case_table import read_cases, rows_by_id

HEADER = "case_id,patient_id,label,split\n"


def read(tmp_path, text):
    (tmp_path / "cases.csv").write_text(text, encoding="utf-8")
    return read_cases(tmp_path / "cases.csv")


def test_splits_are_read_in_capitals_too(tmp_path):
    cases = read(tmp_path, HEADER + "a,,x,Train\nb,,x,TEST\nc,,x,train\n")
    assert [case.split for case in cases] == ["train", "test", "train"]
    assert [case.patient_id for case in cases] == ["a", "b", "c"]


def test_all_faulty_rows_are_told(tmp_path):
    rows = "a,,x,val\n\nb,,x,train\n../c,,x,train\nd,,x,\n"
    with pytest.raises(DatasetError) as caught:
        read(tmp_path, HEADER + rows)
    said = str(caught.value)
    for line in (
        "3 row(s)",
        "line 2: split 'val' of case a",
        "line 5: case_id '../c'",
        "line 6: split ''",
        "Cases to validate on have split train",
    ):
        assert line in said


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("case_id,patient_id,Label,split", "Rename 'Label' to 'label'."),
        ("Case ID,patient-id,label,split", "Rename 'Case ID' to 'case_id'. Rename 'patient-id'"),
        ("case_id,patient_id,diagnosis,SPLIT", "Rename 'SPLIT' to 'split'. Add: label"),
    ],
)
def test_columns_of_nearly_that_name(tmp_path, header, advice):
    with pytest.raises(DatasetError, match="lacks columns") as caught:
        read(tmp_path, f"{header}\na,a,x,train\n")
    assert advice in str(caught.value)


def test_a_header_without_rows(tmp_path):
    with pytest.raises(DatasetError, match=r"no rows[\s\S]*Add a row for each case"):
        read(tmp_path, HEADER)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_rows_by_id_are_those_of_different_cases(tmp_path, form):
    composed, other = "pü", unicodedata.normalize(form, "pü")
    cases = read(tmp_path, f"{HEADER}a,,x,train\n{composed},,x,train\n")
    assert list(rows_by_id(cases, tmp_path)) == ["a", composed]
    cases = read(tmp_path, f"{HEADER}a,,x,train\n{composed},,x,train\n{other},,y,train\n")
    with pytest.raises(DatasetError, match="several rows") as caught:
        rows_by_id(cases, tmp_path)
    assert ascii(other) in caught.value.got
    assert "'a'" not in caught.value.got
