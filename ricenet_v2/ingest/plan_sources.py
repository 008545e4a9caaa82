"""The doses that a row of the manifest names -> the plans that they are of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.scan import Scan
from ricenet_v2.records.manifest import DoseUnit, ManifestRow
from ricenet_v2.records.scanned import ScannedSeries


@dataclass(frozen=True)
class PlanSource:
    """A treatment plan and the doses that refer to it, with what a person says of them.

    Attributes:
        uid: UID of the plan.
        doses: Files of each dose series.
        file: File of the plan; None where it was not exported.
        factor: `1`, `n` or empty.
        fractions: Given; None where the plan says it.
        prescription_gy: Given; None where the plan says it.
        unit: Unit of the values, as given by a person; needed for DICOM if the dose is relative.
        is_image: Whether the dose is in another format than DICOM.
    """

    uid: str = field(repr=False)
    doses: tuple[tuple[Path, ...], ...] = field(repr=False)
    file: Path | None = field(repr=False)
    factor: str = ""
    fractions: int | None = None
    prescription_gy: float | None = None
    unit: DoseUnit | Literal[""] = ""
    is_image: bool = False


def plan_sources(
    row: ManifestRow, scan: Scan, of_patient: Sequence[ScannedSeries]
) -> tuple[PlanSource, ...]:
    """The plans of a row in the order of its doses, of which each in another format is one.

    Args:
        row: Row of the manifest; its keys are in the scan.
        scan: Scan of the studies.
        of_patient: Rows of the scan.

    Raises:
        DatasetError: A dose of no plan or several, doses of both kinds, or numbers for another
            number of plans.
    """
    images = [key for key in row.dose if key in scan.images]
    if images and len(images) < len(row.dose):
        raise refused_row(
            "Doses of DICOM and of other formats cannot be summed.",
            "doses of one kind",
            f"{len(images)} of {len(row.dose)} in other formats",
        )
    doses = _by_plan(row, scan)
    for key in images:
        doses[key] = [(scan.images[key],)]
    _check_counts(row, len(doses))
    _check_units(row, bool(images))
    files = {s.plan: scan.series[s.key].first.file for s in of_patient if s.verdict == "plan"}
    _check_owner(doses, files, scan)
    return tuple(
        PlanSource(
            uid=uid,
            doses=tuple(each),
            file=files.get(uid),
            factor=row.factor[at] if row.factor else "",
            fractions=row.fractions[at] if row.fractions else None,
            prescription_gy=row.prescription_gy[at] if row.prescription_gy else None,
            unit=row.dose_unit[at] if row.dose_unit else "",
            is_image=bool(images),
        )
        for at, (uid, each) in enumerate(doses.items())
    )


def _by_plan(row: ManifestRow, scan: Scan) -> dict[str, list[tuple[Path, ...]]]:
    by_plan: dict[str, list[tuple[Path, ...]]] = {}
    for key in row.dose:
        if key in scan.images:
            continue
        headers = scan.series[key].headers
        uids = {uid for header in headers for uid in header.plans}
        if len(uids) != 1:
            raise refused_row(
                "A dose does not refer to one plan.", "one plan", f"{key}: {len(uids)}"
            )
        by_plan.setdefault(uids.pop(), []).append(tuple(h.file for h in headers))
    return by_plan


def _check_owner(uids: Collection[str], of_patient: Collection[str], scan: Scan) -> None:
    plans = {row.plan for row in scan.rows if row.verdict == "plan"}
    if (plans - set(of_patient)) & set(uids):
        raise refused_row(
            "A dose refers to the plan of another patient.",
            "the dose of a plan of the patient in the column patient",
            "a plan that the headers say is of another",
        )


def _check_counts(row: ManifestRow, n_plans: int) -> None:
    for name in ("factor", "fractions", "prescription_gy", "dose_unit"):
        given = getattr(row, name)
        if given and len(given) != n_plans:
            raise refused_row(
                f"{name} is not given for each plan.",
                f"{n_plans} values, one for each plan, in the order of the doses",
                len(given),
            )


def _check_units(row: ManifestRow, are_images: bool) -> None:
    if are_images and not row.dose_unit:
        raise refused_row(
            "The unit of this dose is not known.",
            "Gy, cGy, %, share or Gy(RBE) in the column dose_unit, since an image does not say it",
            "nothing",
        )
    if not are_images and row.dose_over:
        raise refused_row(
            "dose_over is of doses in other formats than DICOM.",
            "an empty cell: RTDOSE says its frame of reference",
            "a value",
        )


def refused_row(what: str, expected: object, got: object) -> DatasetError:
    """The error of a row of the manifest that is to be corrected."""
    return DatasetError(
        what,
        file="manifest.csv",
        expected=expected,
        got=got,
        remedy="Correct this row of the manifest.",
    )
