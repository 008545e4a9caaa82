"""Do dataset.json, cases.csv and the folders fit each other? Opens no image."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from ricenet_v2.core.names import fault_of
from ricenet_v2.fingerprinting.checks_dose import check_unit
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.prescription import FRACTIONS_COLUMN, PRESCRIPTION_COLUMNS, positive
from ricenet_v2.store.image_files import image_files
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import RawDataset, images_folder

TABLE = "cases.csv"
_SHOWN_LABELS = 10


def check_tables(raw: RawDataset) -> list[Finding]:
    """All faults that can be found without opening an image."""
    findings = [
        *_case_ids(raw.cases),
        *_patients(raw.cases),
        *_nnunet_labels(raw),
        *_labels(raw.cases, raw.dataset.classes),
        *_classes(raw),
        *_numbers(raw.cases),
        *_unexpected_files(raw),
    ]
    for channel in raw.dataset.channels:
        if channel.kind == "dose":
            findings += check_unit(channel)
    return findings


def relative(raw: RawDataset, path: Path) -> str:
    """A path as it is shown in findings: relative to the dataset, with forward slashes."""
    return path.relative_to(raw.folder).as_posix()


def _case_ids(cases: tuple[Case, ...]) -> list[Finding]:
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
    return findings


def _fault_of(case_id: str) -> str:
    wrong = sorted(set(':*?"<>|') & set(case_id))
    told = f"{' '.join(wrong)} cannot be in the name of a file on Windows" if wrong else ""
    return fault_of(case_id) or told


def _patients(cases: tuple[Case, ...]) -> list[Finding]:
    findings = []
    owned: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        owned[case.patient_id].append(case)
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
    return findings


def _nnunet_labels(raw: RawDataset) -> list[Finding]:
    """Labels of voxels may have been taken for classes of cases: an error where none is one."""
    if not raw.has_nnunet_labels:
        return []
    classes, own = raw.dataset.classes, sorted({case.label for case in raw.cases if case.label})
    is_sound = set(own) <= set(classes)
    listed = ", ".join(f'"{name}"' for name in (classes if is_sound else own)[:_SHOWN_LABELS])
    if len(own) > _SHOWN_LABELS:
        listed += ", ..."
    make = warning if is_sound else error
    return [
        make(
            "nnU-Net's labels",
            Place(file=DATASET_JSON),
            found=f"no classes; the names of labels were taken for them: {', '.join(classes)}",
            expected="classes: the names in the column label of cases.csv",
            remedy=f'If these are the classes of whole cases, write "classes": [{listed}] instead '
            "of labels, which name voxels of a segmentation in nnU-Net.",
        )
    ]


def _labels(cases: tuple[Case, ...], classes: tuple[str, ...]) -> list[Finding]:
    findings = []
    for case in cases:
        if case.label in classes:
            continue
        place = Place(case.case_id, TABLE)
        expected = f"one of {', '.join(classes)}"
        if case.split == "test" and not known(case.label):
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
        findings.append(
            error(
                "label",
                place,
                found=repr(case.label),
                expected=expected,
                remedy="Correct the label, or add the class to dataset.json.",
            )
        )
    return findings


def _classes(raw: RawDataset) -> list[Finding]:
    counts = Counter(case.label for case in raw.cases if case.split == "train")
    if not counts:
        return [
            error(
                "no training cases",
                Place(file=TABLE),
                found=f"{len(raw.cases)} cases, none with split train",
                expected="training cases of each class",
                remedy="Set split to train for the cases to learn from.",
            )
        ]
    return [
        error(
            "class without training case",
            Place(file=TABLE),
            found=f"no training case of class {name}",
            expected="training cases of each class",
            remedy="Add cases of this class, or remove it from dataset.json.",
        )
        for name in raw.dataset.classes
        if counts[name] == 0
    ]


def _numbers(cases: tuple[Case, ...]) -> list[Finding]:
    """Covariates that this program computes with are numbers, or say that nothing is known."""
    return [
        warning(
            "covariate",
            Place(case.case_id, TABLE),
            found=f"{name} is {case.covariates[name]!r}",
            expected="a number above 0 without a unit, or an empty cell where it is not known",
            remedy=f"Write the number alone; as it stands the {name} of the case is not known.",
        )
        for case in cases
        for name in (*PRESCRIPTION_COLUMNS, FRACTIONS_COLUMN)
        if not _is_number_or_nothing(case.covariates.get(name, ""))
    ]


def _is_number_or_nothing(cell: str) -> bool:
    return positive(cell) is not None or known(cell).lower() in ("", "none")


def _unexpected_files(raw: RawDataset) -> list[Finding]:
    named = [case for case in raw.cases if not fault_of(case.case_id)]
    images = [path for case in named for path in raw.images(case)]
    owned = {file for path in images for file in image_files(path)}
    findings = []
    for split in ("train", "test"):
        folder = images_folder(raw.folder, split)
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        for path in files:
            if path in owned or path.name.startswith("."):
                continue
            findings.append(
                warning(
                    "unexpected file",
                    Place(file=relative(raw, path)),
                    found="belongs to no case and channel",
                    expected=f"CASE_0000{raw.dataset.file_ending} to "
                    f"CASE_{len(raw.dataset.channels) - 1:04d}{raw.dataset.file_ending} of cases "
                    f"with split {split} in {TABLE}",
                    remedy="It is ignored. Add the case to cases.csv, or rename or remove it.",
                )
            )
    return findings
