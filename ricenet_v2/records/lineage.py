"""Training cases of weights, including those of the weights that they began with."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from typing import ClassVar, TypeVar

from ricenet_v2.core.documents import record
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan_parts import ChannelPlan

Key = TypeVar("Key", bound=Hashable)


@record
class TrainedCase:
    """A case that weights were trained on, without a word that names a patient.

    Digests of ids can be found by trying all ids, so ids should be pseudonyms all the same.

    Attributes:
        dataset: Name of its dataset.
        case: `digest` of the case id.
        patient: `digest` of the patient id.
        images: Hashes of the voxels of its images, whatever plan, file name and format, without
            those that other patients of the dataset have too; empty where the case was preprocessed
            by a version that kept none.
    """

    dataset: str
    case: str
    patient: str
    images: tuple[str, ...] = ()


@record
class Lineage:
    """All cases that have a part in some weights.

    Attributes:
        dataset: Dataset of the run that wrote the weights; empty if unknown.
        fold: Fold of that run.
        cases: Its training cases, and those of all weights before it.
        untold: Reason why there may be further cases, in words; empty if these are all.
    """

    document: ClassVar[str] = "lineage"
    schema: ClassVar[int] = 1

    dataset: str = ""
    fold: int | None = None
    cases: tuple[TrainedCase, ...] = ()
    untold: tuple[str, ...] = ()


def identifying(
    case: PreprocessedCase, channels: Iterable[Channel | ChannelPlan]
) -> tuple[str, ...]:
    """Hashes of the images of a case that may identify the patient; see also `distinguishing`.

    Masks do not where there is anything else: one of an atlas may be that of every patient.

    Args:
        case: Case as it was preprocessed.
        channels: Kinds of its images.
    """
    kinds = {channel.name: channel.kind for channel in channels}
    shown = [
        hashed
        for name, hashed in case.voxel_hashes.items()
        if name not in kinds or not KINDS[kinds[name]].is_mask
    ]
    return tuple(sorted(shown or case.voxel_hashes.values()))


def distinguishing(
    images: Mapping[Key, Iterable[str]], patients: Mapping[Key, str]
) -> dict[Key, tuple[str, ...]]:
    """The images of each case of a dataset that the fewest patients have.

    What several patients have, e.g. an atlas or a template of whatever kind, distinguishes no
    patient from another. Images of a patient who is in the dataset under two ids are kept where the
    case has no others.

    Args:
        images: Hashes of the images of each case.
        patients: Patient of each case.
    """
    owners: dict[str, set[str]] = {}
    for case, hashes in images.items():
        for hashed in hashes:
            owners.setdefault(hashed, set()).add(patients[case])
    distinctive = {}
    for case, hashes in images.items():
        of_case = tuple(hashes)
        fewest = min((len(owners[hashed]) for hashed in of_case), default=0)
        distinctive[case] = tuple(hashed for hashed in of_case if len(owners[hashed]) == fewest)
    return distinctive


def digest(text: str) -> str:
    """16 bytes of BLAKE2b, in hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Trained:
    """Looks up whether a case is one of those that weights were trained on."""

    def __init__(self, cases: Iterable[TrainedCase]) -> None:
        """Index the cases; images that do not distinguish patients of the dataset are left out."""
        cases = tuple(cases)
        self._images: set[str] = set()
        for name in {case.dataset for case in cases}:
            of_dataset = {index: case for index, case in enumerate(cases) if case.dataset == name}
            images = {index: case.images for index, case in of_dataset.items()}
            distinctive = distinguishing(
                images, {index: case.patient for index, case in of_dataset.items()}
            )
            self._images.update(*distinctive.values())
        # Case 5 need not be of patient 5: cases are compared with cases, patients with patients.
        self._cases: set[tuple[str, str]] = set()
        self._patients: set[tuple[str, str]] = set()
        for case in cases:
            self._cases |= {(case.dataset, case.case), ("", case.case)}
            self._patients |= {(case.dataset, case.patient), ("", case.patient)}

    def how(self, dataset: str, case_id: str, patient_id: str, images: Iterable[str]) -> str:
        """Identification of a case.

        Args:
            dataset: Name of its dataset: the ids of two datasets may be of other people.
            case_id: The case.
            patient_id: Its patient.
            images: Hashes of its images.

        Returns:
            `same images`, `same patient`, or nothing.
        """
        if self.has_image(images):
            return "same images"
        return "same patient" if self._knows(dataset, case_id, patient_id) else ""

    def has_image(self, images: Iterable[str]) -> bool:
        """Whether any of these hashes is that of a trained image."""
        return bool(self._images.intersection(images))

    def has_id(self, case_id: str, patient_id: str) -> bool:
        """Whether a case of any dataset has this id; that may be chance."""
        return self._knows("", case_id, patient_id)

    def _knows(self, dataset: str, case_id: str, patient_id: str) -> bool:
        case, patient = (dataset, digest(case_id)), (dataset, digest(patient_id))
        return case in self._cases or patient in self._patients
