"""Do predicted cases show images that the networks were trained on, under whatever id?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.lineage import distinguishing, identifying
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.sanity import SanityCheck
from ricenet_v2.store.cases import has_case, readable_records
from ricenet_v2.store.paths import DATASET_JSON, PREDICTIONS_CSV, PREDICTIONS_JSON, DatasetPaths
from ricenet_v2.store.raw import read_dataset

NAME = "images of training"
_MOST_LISTED = 5


def training_images(
    paths: DatasetPaths, cases: Sequence[Case], predictions: Path, case_ids: Iterable[str]
) -> list[SanityCheck]:
    """The check, where predictions.json lies beside the predictions and both sides have hashes.

    Args:
        paths: Folders of the dataset.
        cases: Cases of the dataset.
        predictions: predictions.csv of ricenet_predict.
        case_ids: Cases that are evaluated.

    Returns:
        One check, or none where it cannot be made.
    """
    beside = predictions.with_name(PREDICTIONS_JSON)
    if predictions.name != PREDICTIONS_CSV or not beside.is_file():
        return []
    provenance, channels = (
        documents.read(Predictions, beside),
        read_dataset(paths.raw / DATASET_JSON),
    )
    folder, judged = paths.cases(provenance.plan), frozenset(case_ids)
    patients = {case.case_id: case.patient_id for case in cases if case.split == "train"}
    records = readable_records(folder, patients)
    images = {case: identifying(record, channels.channels) for case, record in records.items()}
    unread = [case for case in patients if case not in records and has_case(folder, case)]
    owners = {
        image: case for case, hashes in distinguishing(images, patients).items() for image in hashes
    }
    shown = {
        case.case_id: identifying(case.source, channels.channels)
        for case in provenance.cases
        if case.case_id in judged and case.source is not None and case.source.voxel_hashes
    }
    if not shown or not (owners or unread):
        return []
    faults = [
        f"{case} shows an image of training case {owner}"
        for case, images in shown.items()
        if (owner := next((owners[image] for image in images if image in owners), None))
    ]
    if unread and not faults:
        names = first_of(unread, _MOST_LISTED)
        return [SanityCheck(NAME, "doubt", f"the records of training cases {names} cannot be read")]
    if not faults:
        return [SanityCheck(NAME, "fine", "no case shows an image that was trained on")]
    return [SanityCheck(NAME, "doubt", first_of(faults, _MOST_LISTED, "; "))]
