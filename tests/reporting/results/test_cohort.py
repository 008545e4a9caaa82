"""The flow of cases and what is known of them."""

import dataclasses

import pytest

from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.dataset import Case
from ricenet_v2.reporting.results.cohort import (
    flow,
    notes_of_check,
    shown_covariates,
    trait_columns,
    traits,
)
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.workspace import dataset_paths


@pytest.fixture(scope="module")
def sources(simulated):
    paths = dataset_paths(NAME, simulated)
    return read_sources(paths, "auto", "all", [simulated / "predictions"])


def test_the_flow_counts_who_fell_out_and_why(sources):
    whole = flow(sources)
    assert (whole.start.cases, whole.start.title) == (23, "Listed in cases.csv, 23 patients")
    assert [step.cases for step in whole.training] == [20, 20, 20]
    assert [step.cases for step in whole.test] == [3, 3]
    gone = {case for case in sources.preprocessed if case not in ("PH0002", "PH0004")}
    fewer = dataclasses.replace(
        sources,
        preprocessed={case: sources.preprocessed[case] for case in gone},
        results=(
            dataclasses.replace(sources.results[0], cases=sources.results[0].cases[5:]),
            dataclasses.replace(
                sources.results[1],
                cases=sources.results[1].cases[:1],
                failed=(("PH0023", "no image"),),
            ),
        ),
    )
    whole = flow(fewer)
    assert [(step.cases, step.left_out) for step in whole.training] == [
        (20, ()),
        (18, ("2 not preprocessed",)),
        (15, ("3 without an out-of-fold prediction",)),
    ]
    assert whole.test[1].left_out == ("1 could not be predicted", "1 not in this folder")


def test_no_raw_dataset_no_flow(sources):
    assert flow(dataclasses.replace(sources, cases={})) is None


def test_counts_of_each_column(sources):
    columns = list(trait_columns(sources))
    assert columns[0] == "training"
    assert columns[3] == "test"
    rows = {row.name: row for row in traits(sources)}
    cells = dict(zip(columns, rows["cases"].cells, strict=True))
    assert cells["training"] == "20"
    assert int(cells["training, recurrence"]) + int(cells["training, radiation_effect"]) == 20
    ages = [
        float(case.covariates["age"]) for case in sources.cases.values() if case.split == "test"
    ]
    told = f"{sorted(ages)[1]:.0f} ({min(ages):.0f} to {max(ages):.0f})"
    assert rows["age, median (range)"].cells[3] == told
    women = sum(
        case.covariates["sex"] == "F" for case in sources.cases.values() if case.split == "train"
    )
    assert rows["F"].cells[0] == f"{women} ({100 * women / 20:.0f} %)"


@pytest.mark.parametrize(
    "name",
    ["patient_name", "Surname", "date_of_birth", "DOB", "MRN", "email", "comment", "study_date",
     "id", "uid", "phone", "PatientID", "pid", "accession", "Geburtsdatum", "Fallnummer",
     "postcode"],
)  # fmt: skip
def test_what_may_name_a_person_is_not_shown(name):
    cases = [Case(f"c{n}", f"p{n}", "a", covariates={name: "1", "age": "50"}) for n in range(3)]
    assert shown_covariates(cases) == ("age",)


def test_free_text_is_not_shown():
    cases = [
        Case(f"c{n}", f"p{n}", "a", covariates={"site": "AB"[n % 2], "seen_by": f"Dr. {n}"})
        for n in range(20)
    ]
    assert shown_covariates(cases) == ("site",)


def test_missing_values_are_counted(sources):
    some = {
        name: dataclasses.replace(case, covariates={**case.covariates, "sex": "", "age": ""})
        if name in ("PH0001", "PH0002")
        else case
        for name, case in sources.cases.items()
    }
    rows = {row.name: row for row in traits(dataclasses.replace(sources, cases=some))}
    assert rows["not known"].cells[0] == "2"
    assert "2 not known" in rows["age, median (range)"].cells[0]


def test_findings_are_told_without_names_of_files(sources):
    from ricenet_v2.records.integrity import Finding, Integrity

    found = (
        Finding("warning", "dose", "PH0001", "/home/somebody/x.nii.gz", "a", "b", "c"),
        Finding("warning", "dose", "PH0002", "/home/somebody/y.nii.gz", "a", "b", "c"),
        Finding("warning", "licence", "", "", "a", "b", "c"),
    )
    checked = dataclasses.replace(sources, integrity=Integrity(NAME, 23, 69, found))
    assert notes_of_check(checked) == [
        ("warning", "dose", "2 cases"),
        ("warning", "licence", "dataset"),
    ]


def test_long_numbers_that_differ_are_not_shown():
    cases = [Case(f"c{n}", f"p{n}", "a", covariates={"chart": f"{400123 + n}"}) for n in range(9)]
    assert shown_covariates(cases) == ()


def test_what_is_no_number_is_not_known(sources):
    words = iter(["nan", "inf", "NA", "none"])
    some = {
        name: dataclasses.replace(
            case, covariates={"age": next(words, str(50 + n)), "steps": "-inf" if n % 2 else "1"}
        )
        for n, (name, case) in enumerate(sources.cases.items())
    }
    rows = {row.name: row for row in traits(dataclasses.replace(sources, cases=some))}
    assert rows["age, median (range)"].cells[0].endswith("4 not known")
    assert "inf" not in rows["age, median (range)"].cells[0]
    assert rows["1"].cells[0] == "10 (50 %)"
    assert rows["not known"].cells[0] == "10"
