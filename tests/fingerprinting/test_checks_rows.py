"""Patients that nobody is, ids that are one file, labels that are nearly a class."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest

from ricenet_v2.fingerprinting.checks_rows import check_rows
from ricenet_v2.records.dataset import Case

CASES = [Case(f"c{n}", f"p{n}", "ab"[n % 2], "train") for n in range(8)]


def found(cases: list[Case]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.check, one.case) for one in check_rows(cases, ("a", "b"))]


@pytest.mark.parametrize(
    "cell", ["NA", "n/a", "nan", "NaN", "None", "none", "-", "?", "UNKNOWN", "null", "#N/A", "."]
)
def test_a_word_for_nothing_is_no_patient(cell: str) -> None:
    cases = [replace(case, patient_id=cell) for case in CASES]
    cases[7] = replace(cases[7], split="test")
    findings = check_rows(cases, ("a", "b"))
    # Not "patient in train and test", which would be advice for one patient.
    assert {(one.severity, one.check) for one in findings} == {("error", "patient id")}
    assert [one.case for one in findings] == [case.case_id for case in cases]
    assert "leave the cells empty" in findings[0].remedy


@pytest.mark.parametrize("patient", ["0", "n", "nana", "Nan Li", "noname"])
def test_other_words_are_ids(patient: str) -> None:
    assert found([replace(CASES[0], patient_id=patient), *CASES[1:]]) == []


def test_a_patient_of_many_cases_is_a_warning() -> None:
    cases = [replace(CASES[0], case_id=f"c{n}", patient_id="anonymous") for n in range(10)]
    others = [Case(f"d{n}", f"d{n}", "b") for n in range(19)]
    assert found([*cases, *others]) == [("warning", "patient of many cases", "")]
    assert found([*cases, *others, *(Case(f"e{n}", f"e{n}", "b") for n in range(2))]) == []


@pytest.mark.parametrize(
    "twin", ["CASE", "ca\u017fe", unicodedata.normalize("NFD", "cäse"), "Case"], ids=ascii
)
def test_ids_that_are_one_file_elsewhere(twin: str) -> None:
    first = "cäse" if "a\u0308" in twin else "case"
    cases = [Case(first, "p1", "a"), Case(twin, "p2", "b")]
    assert found(cases) == [("error", "case id", "")]


@pytest.mark.parametrize(
    ("label", "advice"),
    [("A", "Write a,"), ("-a_", "Write a,"), ("c", "add the class"), ("NA", "add the class")],
)
def test_a_label_that_is_nearly_a_class(label: str, advice: str) -> None:
    (finding,) = check_rows([replace(CASES[0], label=label), *CASES[1:]], ("a", "b"))
    assert (finding.severity, finding.check) == ("error", "label")
    assert advice in finding.remedy


def test_none_is_no_label_unless_a_class_is_called_so() -> None:
    test = replace(CASES[0], label="None", split="test")
    (finding,) = check_rows([test], ("a", "b"))
    assert (finding.severity, finding.found) == ("warning", "no label (None)")
    assert check_rows([test], ("None", "b")) == []
