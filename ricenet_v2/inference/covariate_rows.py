"""A table with the covariates of new patients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.spelling import Spellings, composed
from ricenet_v2.inference.fusion import PatientCovariates, covariates_of
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.store.case_table import check_case_table
from ricenet_v2.store.tables import read_table

_MOST_NAMED = 5


@dataclass(frozen=True)
class CovariateRows:
    """Covariates of patients by case id.

    Attributes:
        patients: Patients of the cases that have a usable row.
        faults: Why others have none, in words.
    """

    patients: dict[str, PatientCovariates]
    faults: dict[str, str]


def read_covariates(fusion: Fusion, file: Path, cases: Iterable[str]) -> CovariateRows:
    """Read the covariates of the cases that are predicted; other rows and columns do not matter.

    Args:
        fusion: The model.
        file: Table with case_id and the covariates of the model.
        cases: Case ids.

    Raises:
        DatasetError: A column is missing, several rows are of one case, or no case has a row.
    """
    table = read_table(file)
    check_case_table(table, ("case_id", *fusion.names))
    rows = {composed(row["case_id"]): row for row in table.rows}
    if len(rows) < len(table.rows):
        ids = [composed(row["case_id"]) for row in table.rows]
        several = [ascii(case) for case in rows if ids.count(case) > 1]
        raise DatasetError(
            "A case has several rows in the table of covariates.",
            file=file,
            expected="one row for each case",
            got=", ".join(several[:_MOST_NAMED]),
        )
    wanted = list(cases)
    if wanted and not any(composed(case) in rows for case in wanted):
        raise DatasetError(
            "No case that is predicted has a row in the table of covariates.",
            file=file,
            expected=f"case_id {', '.join(map(ascii, wanted[:_MOST_NAMED]))}",
            got=", ".join(map(ascii, list(rows)[:_MOST_NAMED])),
            remedy="Write the case ids as the images have them, e.g. P001 for P001_0000.nii.gz.",
        )
    patients: dict[str, PatientCovariates] = {}
    faults: dict[str, str] = {}
    spellings = Spellings([row["case_id"] for row in table.rows])
    for case in wanted:
        row = rows.get(composed(case))
        if row is None:
            near = spellings.near(case)
            hint = f" {near[0]} {near[1]}." if near else ""
            faults[case] = f"The table of covariates {file.name} has no row for this case.{hint}"
            continue
        try:
            patients[case] = covariates_of(fusion, row, case, file)
        except DatasetError as error:
            faults[case] = reason_of(error)
    return CovariateRows(patients, faults)
