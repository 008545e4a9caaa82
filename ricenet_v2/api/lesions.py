"""The lesions of a dataset as cases of their own."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.api.locations import DatasetInput, PathInput, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.core import documents, html
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.locks import using
from ricenet_v2.core.progress import track
from ricenet_v2.ingest.lesions import write_lesions
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.lesion_names import LESION
from ricenet_v2.store.masks import check_masks
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, masks_folder, write_cases

__all__ = ["LesionCases", "split_lesions"]
FORMER_TABLE = "cases_of_images.csv"


@dataclass(frozen=True)
class LesionCases:
    """Cases that are lesions.

    Attributes:
        cases: Rows of cases.csv as it is now.
        former: The table as it was, of whole images.
    """

    cases: tuple[Case, ...]
    former: Path

    def _repr_html_(self) -> str:
        """The rows, for notebooks."""
        rows = [(each.case_id, each.patient_id, each.label, each.split) for each in self.cases]
        columns = ("case", "patient", "label", "split")
        former = f"The table of whole images: {self.former.name}"
        return html.table("Lesions as cases", columns, rows, former)


@public
def split_lesions(
    dataset: DatasetInput, *, workspace: PathInput | None = None, mask_channel: bool = False
) -> LesionCases:
    """Make each lesion of a raw dataset a case; the images are not copied.

    Each lesion of a mask CASE_lesion (its labels, or its connected components) gets a separate
    mask, CASE_l1_lesion, and a row in cases.csv with the label of its patient, which must be
    corrected where lesions of a patient differ.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        mask_channel: Whether networks see the mask of the lesion as a further channel.

    Returns:
        The rows, and the path of the table of whole images.

    Raises:
        DatasetError: The cases are lesions already, or a mask cannot be read.
        RegionError: A case has no lesion mask, or an empty one.

    Example:
        >>> several = space / "lesions" / "raw" / "Dataset002_Lesions"
        >>> size = {"shape": (16, 20, 16), "spacing": (11, 10, 11)}
        >>> _ = rn.write_cohort(several, cases=2, test_cases=0, **size)
        >>> [case.case_id for case in rn.split_lesions(several).cases]
        ['PH0001_l1', 'PH0002_l1']
    """
    raw_folder = paths_of(dataset, workspace).raw
    with using(writes=[raw_folder]):
        raw = load_raw_dataset(raw_folder)
        former = raw.folder / FORMER_TABLE
        if former.exists() or any(case.image_id for case in raw.cases):
            raise DatasetError(
                "The cases of this dataset are lesions already.",
                file=raw.folder / CASES_CSV,
                expected="cases of whole images, without a column image_id",
                got=f"{FORMER_TABLE} beside it" if former.exists() else "a column image_id",
                remedy=f"To start over, rename {FORMER_TABLE} to {CASES_CSV}.",
            )
        check_masks(raw, raw.cases, RegionPlan("lesion"))
        rows = [row for case in track(raw.cases, "splitting masks") for row in _rows(raw, case)]
        if mask_channel:
            _add_channel(raw)
        shutil.copyfile(raw.folder / CASES_CSV, former)
        write_cases(raw.folder, rows)
    return LesionCases(tuple(rows), former)


def _rows(raw: RawDataset, case: Case) -> list[Case]:
    path = raw.mask(case, LESION)
    folder, ending = masks_folder(raw.folder, case.split), raw.dataset.file_ending
    files = write_lesions(path, folder, case.case_id, ending) if path is not None else ()
    return [
        dataclasses.replace(
            case,
            case_id=file.case_id,
            image_id=case.case_id,
            covariates={
                **case.covariates,
                "lesion_ml": f"{file.volume_ml:.4g}",
                "lesion_centre_mm": " ".join(f"{mm:.1f}" for mm in file.centre),
            },
        )
        for file in files
    ]


def _add_channel(raw: RawDataset) -> None:
    if any(channel.mask for channel in raw.dataset.channels):
        return
    channels = (*raw.dataset.channels, Channel(LESION, "mask", mask=LESION))
    documents.write(raw.folder / DATASET_JSON, dataclasses.replace(raw.dataset, channels=channels))
