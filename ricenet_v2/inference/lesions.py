"""The cases of a folder where each lesion is one: IMAGE_l1, IMAGE_l2 ..., and their patients."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.failures import logged_in_short
from ricenet_v2.core.regular import is_missing
from ricenet_v2.ingest.lesions import write_lesions
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.case_table import read_cases
from ricenet_v2.store.images import read_image
from ricenet_v2.store.lesion_names import LESION, image_of, lesion_masks
from ricenet_v2.store.masks import no_mask
from ricenet_v2.store.paths import CASES_CSV
from ricenet_v2.store.raw import mask_path, stored
from ricenet_v2.voxels.volumes import millilitres

logger = logging.getLogger(__name__)
FOLDER = "lesions"
"""Folder of the masks that prediction splits, in the folder of the predictions."""

Paths = tuple[Path, ...]


@dataclass(frozen=True)
class ListedCases:
    """Cases of a folder to predict.

    Attributes:
        paths: Paths of the channels of each case.
        failed: Images whose lesions cannot be determined, and why.
        masks: Folders of masks, in the order in which they are looked at.
    """

    paths: dict[str, Paths]
    failed: dict[str, str] = field(default_factory=dict)
    masks: tuple[Path, ...] = ()

    def volumes(self, ending: str) -> dict[str, float]:
        """Volume of the lesion of each case, mL; of masks that can be read."""
        volumes = {}
        for case in self.paths:
            path = mask_in(self.masks, case, LESION, ending)
            try:
                if path is not None and not is_missing(path):
                    voxels, grid = read_image(path)
                    volumes[case] = millilitres(voxels > 0.5, grid.spacing)
            except RicenetError as error:  # the case failed for it, and its error is written
                logger.debug("No volume of %s: %s", case, error.what)
        return volumes


def patients_of(source: Path, cases: Iterable[str]) -> dict[str, str]:
    """Patient of each lesion: by a cases.csv beside the folder of images, else its image."""
    table = source.resolve().parent / CASES_CSV
    known: dict[str, str] = {}
    if table.is_file():
        for row in read_cases(table):
            known |= {row.case_id: row.patient_id, row.image: row.patient_id}
    return {case: known.get(case, known.get(image_of(case), image_of(case))) for case in cases}


def cases_of(
    dataset: Dataset, plan: Plan, images: Mapping[str, Paths], masks: Path | None, output: Path
) -> ListedCases:
    """The cases of a folder of images: the images themselves, or the lesions of each.

    A mask IMAGE_lesion that holds several lesions is split as `ricenet_convert lesions` does, into
    a folder of `output`; where there are masks IMAGE_l1_lesion already, these are taken.

    Args:
        dataset: Dataset of the model.
        plan: Plan of the model.
        images: Paths of the channels of each image.
        masks: Folder of masks.
        output: Folder of the predictions.
    """
    folders = () if masks is None else (masks,)
    if plan.region is None or not plan.region.per_lesion:
        paths = {case: with_masks(dataset, each, case, folders) for case, each in images.items()}
        return ListedCases(paths, masks=folders)
    split = output / FOLDER
    folders = (*folders, split)
    cases: dict[str, Paths] = {}
    failed: dict[str, str] = {}
    for image, each in images.items():
        try:
            lesions = _lesions(image, masks, split, dataset.file_ending)
        except RicenetError as error:
            failed[image] = logged_in_short(logger, f"{image} could not be predicted", error)
            continue
        cases |= {case: with_masks(dataset, each, case, folders) for case in lesions}
    return ListedCases(cases, failed, folders)


def _lesions(image: str, masks: Path | None, split: Path, ending: str) -> list[str]:
    ready = {} if masks is None else lesion_masks(masks, image, ending)
    if ready:
        return list(ready)
    path = None if masks is None else stored(mask_path(masks, image, LESION, ending))
    if path is None or is_missing(path):
        remedy = "Each case is one lesion: add the mask of the lesions of this patient."
        raise no_mask(image, LESION, path, remedy)
    return [file.case_id for file in write_lesions(path, split, image, ending)]


def with_masks(dataset: Dataset, paths: Paths, case_id: str, folders: tuple[Path, ...]) -> Paths:
    """Paths of the channels of a case, those that are masks in the folders of masks."""
    return tuple(
        mask_in(folders, case_id, channel.mask, dataset.file_ending) or path
        if channel.mask
        else path
        for channel, path in zip(dataset.channels, paths, strict=True)
    )


def mask_in(folders: tuple[Path, ...], case_id: str, name: str, ending: str) -> Path | None:
    """The file of a mask of a case; where there is none, that which is looked for first.

    Lesions of one image share its brain mask.
    """
    names = dict.fromkeys((case_id, case_id if name == LESION else image_of(case_id)))
    paths = [stored(mask_path(folder, each, name, ending)) for folder in folders for each in names]
    return next((path for path in paths if not is_missing(path)), paths[0] if paths else None)
