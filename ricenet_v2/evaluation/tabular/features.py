"""The predictors of a comparator: statistics of the dose, covariates, radiomic features."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.progress import track
from ricenet_v2.core.types import Flags
from ricenet_v2.evaluation.radiomics.cases import columns_of, radiomics_of
from ricenet_v2.evaluation.tabular.dose import statistics_of_case
from ricenet_v2.evaluation.tabular.table import CovariateTable, coded
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.store.paths import CASES_CSV
from ricenet_v2.store.raw import RawDataset

__all__ = ["Features", "features_of", "many_columns"]

logger = logging.getLogger(__name__)

Features = Literal["dose", "covariates", "radiomics"]


def features_of(
    raw: RawDataset, features: Sequence[Features], radiomics: Path, num_workers: int = 1
) -> CovariateTable:
    """The table of all cases.

    For statistics of the dose, lesion masks are used where every case has one; else the high-dose
    region is, for all of them, since having a mask must not carry information. Radiomic features
    need a lesion mask of every case.

    Args:
        raw: The dataset.
        features: Groups of predictors.
        radiomics: Folder in which radiomic features are kept.
        num_workers: Largest number of processes that compute radiomic features.

    Raises:
        DatasetError: No feature differs between cases, or a lesion mask is missing or empty.
        OptionError: The package that computes radiomic features is missing.
    """
    cases = sorted(raw.cases, key=lambda case: case.case_id)
    known = [case.case_id for case in cases if case.split == "train"]
    parts = []
    if "dose" in features and any(KINDS[c.kind].is_dose for c in raw.dataset.channels):
        parts.append(_doses(raw, cases))
    if "covariates" in features:
        parts.append(coded({case.case_id: case.covariates for case in cases}, known))
    if "radiomics" in features:
        parts.append(_table(cases, radiomics_of(raw, cases, radiomics, num_workers)))
    table = CovariateTable(tuple(case.case_id for case in cases), (), np.empty((len(cases), 0)))
    for part in parts:
        table = table.beside(part)
    if not table.columns:
        raise DatasetError(
            "There are no tabular features that differ between cases.",
            file=raw.folder / CASES_CSV,
            expected="a dose channel, or covariates that differ between training cases",
            got=f"features {', '.join(features)}",
        )
    return table


def many_columns(table: CovariateTable, channels: tuple[Channel, ...]) -> Flags:
    """Columns so numerous for the cases that some are left out: radiomic features.

    Returns:
        Shape (columns,).
    """
    names = set(columns_of(channels))
    return np.array([column in names for column in table.columns], dtype=np.bool_)


def _doses(raw: RawDataset, cases: Sequence[Case]) -> CovariateTable:
    with_mask = [case for case in cases if raw.mask(case, "lesion") is not None]
    has_lesions = len(with_mask) == len(cases)
    if with_mask and not has_lesions:
        logger.warning(
            "Only %d of %d cases have a lesion mask: the high-dose region is used for all.",
            len(with_mask),
            len(cases),
        )
    statistics = [
        statistics_of_case(raw, case, has_lesions=has_lesions)
        for case in track(cases, "dose statistics", total=len(cases))
    ]
    return _table(cases, statistics)


def _table(cases: Sequence[Case], rows: Sequence[dict[str, float]]) -> CovariateTable:
    columns = tuple(rows[0])
    values = np.array([[row[name] for name in columns] for row in rows])
    return CovariateTable(tuple(case.case_id for case in cases), columns, values)
