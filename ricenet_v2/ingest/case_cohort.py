"""All rows of a manifest -> a raw dataset; what did not change is left as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.case_pool import KILLED_REMEDY, map_cases
from ricenet_v2.core.errors import DatasetError, DiskFullError, RicenetError
from ricenet_v2.core.memory import allowed_workers, available_memory
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.ingest.case_conversion import DOSE, convert_case
from ricenet_v2.ingest.case_faults import CaseFault, fault_of_case
from ricenet_v2.ingest.case_inputs import CaseInputs, CaseSources
from ricenet_v2.ingest.case_memory import bytes_of_case
from ricenet_v2.ingest.case_writing import (
    is_whole,
    made_of,
    provenance_path,
    stored_case,
    write_case,
)
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.records.manifest import Manifest
from ricenet_v2.records.provenance import CaseProvenance


@dataclass(frozen=True)
class ConvertedCohort:
    """What became of the rows of a manifest.

    Attributes:
        cases: All that are there now, in the order of the manifest.
        done: Ids of those that were converted now.
        skipped: Ids of those that were there and did not change.
        failed: Those that could not be converted; what was there of them stays.
    """

    cases: tuple[CaseProvenance, ...]
    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[CaseFault, ...]


@dataclass(frozen=True)
class _SharedByCases:
    folder: Path | None
    pseudonyms: Pseudonyms
    keep_head: bool


@dataclass(frozen=True)
class ConversionTask(PoolTask):
    """A case that is to be converted."""

    inputs: CaseInputs

    @property
    def name(self) -> str:
        """Its id."""
        return self.inputs.case_id


@dataclass(frozen=True)
class _ConversionOutcome:
    case: CaseProvenance | None = None
    is_skipped: bool = False
    fault: CaseFault | None = None


def convert_cohort(
    manifest: Manifest,
    sources: CaseSources,
    folder: Path | None,
    pseudonyms: Pseudonyms,
    num_workers: int = 1,
    *,
    keep_head: bool = False,
) -> ConvertedCohort:
    """Convert each row for itself.

    Args:
        manifest: As a person left it.
        sources: Of the scan.
        folder: Raw dataset that is written; None writes nothing.
        pseudonyms: For ids and hashes.
        num_workers: Processes, lowered to what memory allows.
        keep_head: Whether voxels outside of a brain mask are kept.

    Raises:
        DiskFullError: There is no room; finished cases are on disk.
    """
    tasks, faults = _tasks(manifest, sources)
    work = partial(_work, _SharedByCases(folder, pseudonyms, keep_head))
    needed = max((bytes_of_case(task.inputs) for task in tasks), default=0)
    workers = allowed_workers(num_workers, needed, len(tasks), available_memory())
    # A fault in a decoder of another language ends its process: it may cost one case, not all.
    apart = any(task.inputs.is_compressed for task in tasks)
    outcomes = map_cases(work, tasks, workers, "converting", _killed, apart=apart)
    pairs = list(zip(tasks, outcomes, strict=True))
    faults += [outcome.fault for outcome in outcomes if outcome.fault is not None]
    return ConvertedCohort(
        cases=tuple(outcome.case for outcome in outcomes if outcome.case is not None),
        done=tuple(t.name for t, o in pairs if o.fault is None and not o.is_skipped),
        skipped=tuple(t.name for t, o in pairs if o.is_skipped),
        failed=tuple(sorted(faults, key=lambda fault: fault.line)),
    )


def _tasks(
    manifest: Manifest, sources: CaseSources
) -> tuple[list[ConversionTask], list[CaseFault]]:
    has_dose = any(row.dose for row in manifest.rows)
    tasks, faults = [], []
    for row in manifest.rows:
        try:
            if has_dose and not row.dose:
                raise _without_dose()
            tasks.append(ConversionTask(sources.inputs(row)))
        except RicenetError as error:  # noqa: PERF203 - each row for itself
            faults.append(fault_of_case(sources.case_id(row), row.line, error))
    return tasks, faults


def _without_dose() -> DatasetError:
    return DatasetError(
        "This case has no dose, but others have.",
        file="manifest.csv",
        expected=f"a key in the column {DOSE}",
        got="nothing",
        remedy="Name its dose, or leave the case out.",
    )


def _killed(task: ConversionTask, reason: str) -> _ConversionOutcome:
    fault = CaseFault(
        task.name,
        task.inputs.line,
        "The process of this case was killed.",
        got=reason,
        remedy=KILLED_REMEDY,
    )
    return _ConversionOutcome(fault=fault)


def _work(shared: _SharedByCases, task: ConversionTask) -> _ConversionOutcome:
    inputs = task.inputs
    try:
        return _converted(shared, inputs)
    except DiskFullError:  # no other case could be written either
        raise
    except Exception as error:  # noqa: BLE001 - the other cases go on
        return _ConversionOutcome(fault=fault_of_case(task.name, inputs.line, error, inputs))


def _converted(shared: _SharedByCases, inputs: CaseInputs) -> _ConversionOutcome:
    hashed = made_of(inputs, shared.pseudonyms, keep_head=shared.keep_head)
    folder = shared.folder
    before = None if folder is None else stored_case(folder, inputs.case_id)
    if folder is not None and before and before.made_of == hashed and is_whole(folder, before):
        now = _relabelled(before, inputs)
        if now != before:
            documents.write(provenance_path(folder, inputs.case_id), now)
        return _ConversionOutcome(now, is_skipped=now == before)
    case = convert_case(inputs, keep_head=shared.keep_head)
    if folder is None:
        return _ConversionOutcome(case.provenance)
    return _ConversionOutcome(write_case(folder, case, hashed))


def _relabelled(before: CaseProvenance, inputs: CaseInputs) -> CaseProvenance:
    """With what the manifest says now beside the voxels."""
    of_dose = {"fractions", "prescription_gy"} if before.plans else set()
    kept = {name: cell for name, cell in before.covariates.items() if name in of_dose}
    return replace(before, label=inputs.label, covariates={**inputs.covariates, **kept})


def registration_rows(cases: Sequence[CaseProvenance]) -> list[dict[str, object]]:
    """Rows of registration.csv: a row for each image of each case."""
    rows: list[dict[str, object]] = []
    for case in cases:
        for each in case.registered:
            fields = asdict(each)
            rotation, _ = fields.pop("rotation"), fields.pop("translation")
            rows.append({"case_id": case.case_id, **fields, "degrees": _degrees(rotation)})
    return rows


def _degrees(rotation: Sequence[float]) -> float:
    return round(RigidTransform(tuple(rotation)).degrees, 3)
