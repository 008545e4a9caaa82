"""Are the classes imaged or masked differently? Then a network may learn that, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ricenet_v2.fingerprinting.checks_rows import TABLE
from ricenet_v2.fingerprinting.confounders import LESION_MASK, THERE, Value, confounders
from ricenet_v2.fingerprinting.findings import Place, warning
from ricenet_v2.fingerprinting.inspection import CaseObservations
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.presence import presence_text
from ricenet_v2.records.typical import volume_of
from ricenet_v2.store.raw import RawDataset

CONFOUNDED = "classes imaged differently"
_BRAIN = "brain mask"
_ORIGIN = "first voxel along {}, mm"


def check_confounders(
    raw: RawDataset, cases: Sequence[Case], seen: Sequence[CaseObservations]
) -> list[Finding]:
    """One warning for each property of the images or masks that tells the classes apart.

    Args:
        raw: The dataset.
        cases: Cases that were examined.
        seen: Observations of each of them.
    """
    trained = {
        case.case_id: case
        for case in cases
        if case.split == "train" and case.label in raw.dataset.classes
    }
    names = [channel.name for channel in raw.dataset.channels]
    # How a mask was drawn may follow the class; how large a head is, is no matter of imaging.
    are_masked = all(raw.mask(case, "brain") is not None for case in trained.values())
    traits: dict[str, dict[str, Value]] = defaultdict(dict)
    are_seen = any(each.lesion_ml is not None for each in seen)
    for case, observed in zip(cases, seen, strict=True):
        if case.case_id not in trained or observed.sizes is None or observed.pose is None:
            continue
        for name in (_BRAIN, LESION_MASK):
            mask = raw.mask(case, name.split(" ", maxsplit=1)[0])
            traits[name][case.case_id] = "none" if mask is None else "there"
        if are_seen:
            traits[volume_of(LESION_MASK)][case.case_id] = observed.lesion_ml
        lacking = [names[index] for index in raw.absent(case)]
        traits[THERE][case.case_id] = presence_text(names, lacking)
        sizes = observed.sizes.values
        for name in sorted(sizes):
            if are_masked or not name.startswith("volume"):
                traits[name][case.case_id] = round(float(sizes[name]), 3)
        for axis, mm in zip("xyz", observed.pose.grid.origin, strict=True):
            traits[_ORIGIN.format(axis)][case.case_id] = round(float(mm), 3)
    labels = {case_id: case.label for case_id, case in trained.items()}
    patients = {case_id: case.patient_id for case_id, case in trained.items()}
    return [
        warning(
            CONFOUNDED,
            Place(file=TABLE),
            found=each.text,
            expected="images and masks that are made alike for all classes",
            remedy="A network can learn this in place of the disease, and its metrics then say "
            "nothing. Make masks for all cases or for none, take cases of each class from each "
            "scanner, or show that it is no artefact (ricenet_evaluate names it too).",
        )
        for each in confounders(traits, labels, patients)
    ]
