"""Radiomic features of the cases of a dataset, each kept beside the preprocessed cases."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.case_pool import map_cases
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.listing import first_of
from ricenet_v2.core.names import part
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.evaluation.radiomics import ibsi
from ricenet_v2.evaluation.radiomics.volumes import (
    LESION,
    SPACING_MM,
    LesionFiles,
    band_names,
    volumes_of,
)
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.prescription import prescription_of
from ricenet_v2.records.radiomics import CaseRadiomics
from ricenet_v2.store.image_files import sha256_of_image
from ricenet_v2.store.raw import RawDataset, mask_path, masks_folder

__all__ = ["columns_of", "radiomics_of"]

RULES = 1
"""Raise it when features are computed otherwise: what was kept before is then computed again."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class RadiomicsTask(PoolTask):
    """A case and where its features are kept; a value that can be sent to a worker."""

    files: LesionFiles
    path: Path

    @property
    def name(self) -> str:
        """Id of the case."""
        return self.files.case.case_id


def columns_of(channels: tuple[Channel, ...]) -> tuple[str, ...]:
    """Names of the features of every case of a dataset with these channels.

    Shape of the lesion; then of each channel with intensities first order and texture in the
    lesion, and first order in each isodose band.
    """
    names = [f"{LESION} {name}" for name in ibsi.SHAPE]
    for channel in channels:
        if not KINDS[channel.kind].is_dose and not KINDS[channel.kind].is_mask:
            names += [
                f"{channel.name} {region} {name}"
                for region in (LESION, *band_names(channels))
                for name in (*ibsi.FIRST_ORDER, *(ibsi.TEXTURE if region == LESION else ()))
            ]
    return tuple(names)


def radiomics_of(
    raw: RawDataset, cases: Sequence[Case], folder: Path, num_workers: int = 1
) -> list[dict[str, float]]:
    """The features of `columns_of` of each case; NaN where one is not defined.

    Args:
        raw: The dataset.
        cases: Cases whose features are computed.
        folder: Where they are kept; a case is recomputed where its files have changed.
        num_workers: Largest number of processes.

    Raises:
        OptionError: The package is missing.
        DatasetError: Cases have no lesion mask, or an empty one; they are named.
    """
    ibsi.check_mirp()
    lesions = _lesions(raw, cases)
    tasks = [
        RadiomicsTask(
            LesionFiles(
                case,
                raw.dataset.channels,
                raw.images(case),
                lesions[case.case_id],
                raw.mask(case, "brain"),
            ),
            folder / f"{part(case.case_id, 'case', folder)}.radiomics.json",
        )
        for case in cases
    ]
    rows = map_cases(_values_of, tasks, num_workers, "radiomics")
    names = columns_of(raw.dataset.channels)
    return [{name: row.get(name, math.nan) for name in names} for row in rows]


def _lesions(raw: RawDataset, cases: Sequence[Case]) -> dict[str, Path]:
    """The lesion mask of each case, by its id."""
    paths = {case.case_id: raw.mask(case, LESION) for case in cases}
    missing = [case for case in cases if paths[case.case_id] is None]
    if not missing:
        return {case_id: path for case_id, path in paths.items() if path is not None}
    first = missing[0]
    raise DatasetError(
        f"{len(missing)} of {len(cases)} cases have no lesion mask, of which radiomic features are "
        "computed.",
        case=first_of([case.case_id for case in missing], _MOST_NAMED),
        file=mask_path(
            masks_folder(raw.folder, first.split), first.case_id, LESION, raw.dataset.file_ending
        ),
        expected="a lesion mask of each case",
        got="no such file",
        remedy="Add the masks, take the cases out of cases.csv, or leave out radiomics from "
        "--features.",
    )


def _values_of(task: RadiomicsTask) -> dict[str, float]:
    # Before computing: a file that changes meanwhile is then computed again.
    key = _key(task.files)
    kept = _kept(task.path, key)
    if kept is None:
        kept = CaseRadiomics(
            case_id=task.name,
            inputs_hash=key,
            package=f"mirp {ibsi.version()}".strip(),
            spacing_mm=SPACING_MM,
            bins=ibsi.N_BINS,
            values={
                name: None if math.isnan(value) else value
                for name, value in _computed(task.files).items()
            },
        )
        documents.write(task.path, kept)
    return {name: math.nan if value is None else value for name, value in kept.values.items()}


def _computed(files: LesionFiles) -> dict[str, float]:
    volumes = volumes_of(files)
    lesion = volumes.regions[LESION]
    values = {f"{LESION} {name}": value for name, value in ibsi.shape_of(lesion).items()}
    for channel, image in volumes.channels.items():
        texture = ibsi.texture_of(image, lesion)
        values |= {f"{channel} {LESION} {name}": value for name, value in texture.items()}
        for region, mask in volumes.regions.items():
            first_order = ibsi.first_order_of(image, mask)
            values |= {f"{channel} {region} {name}": value for name, value in first_order.items()}
    return values


def _kept(path: Path, key: str) -> CaseRadiomics | None:
    try:
        kept = documents.read(CaseRadiomics, path)
    except DocumentError:  # it is missing or damaged: compute again
        return None
    return kept if kept.inputs_hash == key else None


def _key(files: LesionFiles) -> str:
    """SHA-256 over the files of a case, and over what the rules look at besides."""
    masks = [files.lesion, *([] if files.brain is None else [files.brain])]
    contents = [(path.name, sha256_of_image(path)) for path in (*files.images, *masks)]
    channels = [(channel.name, channel.kind) for channel in files.channels]
    rules = [RULES, ibsi.version(), SPACING_MM, ibsi.N_BINS]
    prescribed = prescription_of(files.case.covariates)
    return sha256_of_text(json.dumps([rules, prescribed, channels, contents]))
