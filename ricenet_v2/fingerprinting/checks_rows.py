"""Rows of cases.csv: ids of cases, patients and labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ricenet_v2.core.names import fault_of
from ricenet_v2.core.spelling import Spellings, as_file
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.cells import name_in
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.integrity import Finding

TABLE = "cases.csv"
_MANY_CASES, _LARGE_SHARE = 10, 3


def check_rows(cases: Sequence[Case], classes: Sequence[str]) -> list[Finding]:
    """Faults of ids, patients and labels."""
    return [*_case_ids(cases), *_images(cases), *_patients(cases), *_labels(cases, classes)]


def _images(cases: Sequence[Case]) -> list[Finding]:
    """Images that cases of several patients share."""
    owners: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        owners[case.image].add(case.patient_id)
    return [
        error(
            "image of two patients",
            Place(file=TABLE),
            found=f"image {image}: patients {', '.join(sorted(patients))}",
            expected="cases with one image_id to be of one patient",
            remedy="Correct image_id or patient_id.",
        )
        for image, patients in sorted(owners.items())
        if len(patients) > 1 and any(case.image_id == image for case in cases)
    ]


def _case_ids(cases: Sequence[Case]) -> list[Finding]:
    findings = []
    for case_id, count in Counter(case.case_id for case in cases).items():
        place = Place(case_id, TABLE)
        if count > 1:
            splits = sorted({case.split for case in cases if case.case_id == case_id})
            findings.append(
                error(
                    "duplicate case id",
                    place,
                    found=f"{count} rows ({', '.join(splits)})",
                    expected="one row for each case",
                    remedy="Keep one row, or give the other case an id and images of its own.",
                )
            )
        if fault := _fault_of(case_id):
            findings.append(
                error(
                    "case id",
                    place,
                    found=f"{case_id!a}: {fault}",
                    expected="a file name of every system, without folders",
                    remedy="Rename the case and its images.",
                )
            )
    return findings + _one_file(cases)


def _fault_of(case_id: str) -> str:
    wrong = sorted(set(':*?"<>|') & set(case_id))
    forbidden = f"{' '.join(wrong)} cannot be in the name of a file on Windows" if wrong else ""
    return fault_of(case_id) or forbidden


def _one_file(cases: Sequence[Case]) -> list[Finding]:
    """Ids that differ, and are one file on macOS and Windows."""
    by_file_name = defaultdict(set)
    for case in cases:
        by_file_name[as_file(case.case_id)].add(case.case_id)
    return [
        error(
            "case id",
            Place(file=TABLE),
            found=f"{' and '.join(sorted(ids))} differ in capitals or Unicode normal form alone",
            expected="ids whose images are different files on every system",
            remedy="If these are different cases, rename one and its images. If not, remove one.",
        )
        for ids in by_file_name.values()
        if len(ids) > 1
    ]


def _patients(cases: Sequence[Case]) -> list[Finding]:
    findings = []
    owned: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if name_in(case.patient_id):
            owned[case.patient_id].append(case)
        else:
            findings.append(_no_patient(case))
    for patient, theirs in owned.items():
        train = sorted({case.case_id for case in theirs if case.split == "train"})
        test = sorted({case.case_id for case in theirs if case.split == "test"})
        if train and test:
            findings.append(
                error(
                    "patient in train and test",
                    Place(file=TABLE),
                    found=f"patient {patient}: train {', '.join(train)}; test {', '.join(test)}",
                    expected="each patient on one side only",
                    remedy="Give all cases of this patient the same split.",
                )
            )
        if len(theirs) >= _MANY_CASES and _LARGE_SHARE * len(theirs) > len(cases):
            findings.append(
                warning(
                    "patient of many cases",
                    Place(file=TABLE),
                    found=f"patient {patient} has {len(theirs)} of {len(cases)} cases",
                    expected="ids that tell patients apart",
                    remedy="If the id says that a patient is not known, leave these cells empty: "
                    "each case is then a patient of its own.",
                )
            )
    return findings


def _no_patient(case: Case) -> Finding:
    """All cases with this cell would be one patient, on one side of each fold."""
    return error(
        "patient id",
        Place(case.case_id, TABLE),
        found=f"{case.patient_id!r} names no patient",
        expected="an id of the patient, or an empty cell",
        remedy="Give the patients ids. Where each case is a patient of its own, leave the cells "
        "empty.",
    )


def _labels(cases: Sequence[Case], classes: Sequence[str]) -> list[Finding]:
    findings = []
    spellings = Spellings(classes)
    for case in cases:
        if case.label in classes:
            continue
        place = Place(case.case_id, TABLE)
        expected = f"one of {', '.join(classes)}"
        if case.split == "test" and not name_in(case.label):
            findings.append(
                warning(
                    "label",
                    place,
                    found=f"no label ({case.label})" if case.label else "no label",
                    expected=expected,
                    remedy="The case can be predicted but not evaluated.",
                )
            )
            continue
        near = spellings.near(case.label)
        findings.append(
            error(
                "label",
                place,
                found=repr(case.label) + (f"; the class {near[0]!r} {near[1]}" if near else ""),
                expected=expected,
                remedy=f"Write {near[0]}, as the class is called in dataset.json."
                if near
                else "Correct the label, or add the class to dataset.json.",
            )
        )
    return findings
