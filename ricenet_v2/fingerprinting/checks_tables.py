"""Do dataset.json, cases.csv and the folders fit each other? Opens no image."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from ricenet_v2.core.spelling import without_signs
from ricenet_v2.fingerprinting.checks_covariates import check_covariates
from ricenet_v2.fingerprinting.checks_dose import check_unit
from ricenet_v2.fingerprinting.checks_folders import check_folders
from ricenet_v2.fingerprinting.checks_rows import TABLE, check_rows
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.cells import name_in
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import RawDataset

_MOST_CLASSES = 20


def check_tables(raw: RawDataset) -> list[Finding]:
    """All faults that can be found without opening an image."""
    findings = [
        *check_rows(raw.cases, raw.dataset.classes),
        *_nnunet_labels(raw),
        *_classes(raw),
        *_classes_of_one_name(raw),
        *check_covariates(raw.cases),
        *check_folders(raw),
    ]
    for channel in raw.dataset.channels:
        is_dose = KINDS[channel.kind].is_dose
        findings += check_unit(channel) if is_dose else _unit_of_kind(channel)
    return findings


def _unit_of_kind(channel: Channel) -> list[Finding]:
    """Another unit than that in which the plan and reports give values of the kind."""
    kind = KINDS[channel.kind]
    stated = (channel.unit or kind.unit).lower()
    if not kind.unit or stated in {kind.unit.lower(), kind.values.lower()}:
        return []
    return [
        warning(
            "unit of a channel",
            Place(file=DATASET_JSON),
            found=f"channel {channel.name} has the unit {channel.unit}",
            expected=f'"unit": "{kind.unit}", in which the plan and reports give a {kind.label}',
            remedy=f"Convert the images to {kind.unit}, or give the channel the kind other.",
        )
    ]


def _nnunet_labels(raw: RawDataset) -> list[Finding]:
    """Labels of voxels may have been taken for classes of cases: an error where none is one."""
    if not raw.has_nnunet_labels:
        return []
    classes, labels = raw.dataset.classes, {case.label for case in raw.cases if case.label}
    is_sound = labels <= set(classes)
    names = list(classes) if is_sound else _one_of_each([case.label for case in raw.cases])
    make, wrong = (warning, []) if is_sound else (error, sorted(labels - set(names)))
    written = f'"classes": {json.dumps(names, ensure_ascii=False)}'
    if len(names) > _MOST_CLASSES:
        written = '"classes": [...], the classes in the column label of cases.csv,'
    if wrong:
        written += f" (correct {', '.join(wrong[:_MOST_CLASSES])} in cases.csv)"
    return [
        make(
            "nnU-Net's labels",
            Place(file=DATASET_JSON),
            found=f"no classes; the names of labels were taken for them: {', '.join(classes)}",
            expected="classes: the names in the column label of cases.csv",
            remedy=f"If these are the classes of whole cases, write {written} instead of labels, "
            "which name voxels of a segmentation in nnU-Net.",
        )
    ]


def _one_of_each(labels: Sequence[str]) -> list[str]:
    """Labels of cases; of those that differ in capitals or signs alone the most frequent one."""
    counts = Counter(label for label in labels if name_in(label))
    chosen: dict[str, str] = {}
    for label, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        chosen.setdefault(without_signs(label), label)
    return sorted(chosen.values())


def _classes_of_one_name(raw: RawDataset) -> list[Finding]:
    """Classes that may be one: they differ in capitals, blanks or signs alone."""
    names = _one_of_each([case.label for case in raw.cases if case.label in raw.dataset.classes])
    by_plain = {without_signs(name): name for name in names}
    others = {
        name: by_plain[without_signs(name)]
        for name in raw.dataset.classes
        if by_plain.get(without_signs(name), name) != name
    }
    if not others:
        return []
    classes = [name for name in raw.dataset.classes if name not in others]
    return [
        warning(
            "classes spelled alike",
            Place(file=DATASET_JSON),
            found=f"{', '.join(others)}: classes beside {', '.join(sorted(set(others.values())))}",
            expected="one spelling of each class",
            remedy=f'If these are one class, write "classes": '
            f"{json.dumps(classes, ensure_ascii=False)} in dataset.json and correct the labels in "
            "cases.csv.",
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
