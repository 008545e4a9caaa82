"""Do dataset.json, cases.csv and the folders fit each other? Opens no image."""

from __future__ import annotations

from collections import Counter

from ricenet_v2.fingerprinting.checks_covariates import check_covariates
from ricenet_v2.fingerprinting.checks_dose import check_unit
from ricenet_v2.fingerprinting.checks_folders import check_folders
from ricenet_v2.fingerprinting.checks_rows import TABLE, check_rows
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import RawDataset

_SHOWN_LABELS = 10


def check_tables(raw: RawDataset) -> list[Finding]:
    """All faults that can be found without opening an image."""
    findings = [
        *check_rows(raw.cases, raw.dataset.classes),
        *_nnunet_labels(raw),
        *_classes(raw),
        *check_covariates(raw.cases),
        *check_folders(raw),
    ]
    for channel in raw.dataset.channels:
        if KINDS[channel.kind].is_dose:
            findings += check_unit(channel)
    return findings


def _nnunet_labels(raw: RawDataset) -> list[Finding]:
    """Labels of voxels may have been taken for classes of cases: an error where none is one."""
    if not raw.has_nnunet_labels:
        return []
    classes, labels = raw.dataset.classes, sorted({case.label for case in raw.cases if case.label})
    is_sound = set(labels) <= set(classes)
    listed = ", ".join(f'"{name}"' for name in (classes if is_sound else labels)[:_SHOWN_LABELS])
    if len(labels) > _SHOWN_LABELS:
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
