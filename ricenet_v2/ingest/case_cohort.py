"""All rows of a manifest -> a raw dataset; what did not change is left as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.case_pool import KILLED_REMEDY, map_cases
from ricenet_v2.core.errors import DiskFullError, LateError, RicenetError
from ricenet_v2.core.memory import allowed_workers, available_memory
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.ingest.case_conversion import ConvertedCase, convert_case, misfit_case
from ricenet_v2.ingest.case_faults import CaseFault, fault_of_case
from ricenet_v2.ingest.case_inputs import CaseInputs, CaseSources
from ricenet_v2.ingest.case_memory import bytes_of_case
from ricenet_v2.ingest.case_writing import (
    CaseDrawing,
    is_whole,
    made_of,
    provenance_path,
    stored_case,
    write_case,
)
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.misfit import MisfitError
from ricenet_v2.ingest.missing_images import missing_channels
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.records.manifest import Manifest
from ricenet_v2.records.provenance import CaseProvenance


@dataclass(frozen=True)
class ConvertedCohort:
    """Outcome of the rows of a manifest.

    Attributes:
        cases: All that are there now, in the order of the manifest.
        done: Ids of those that were converted now.
        skipped: Ids of those that were there and did not change.
        failed: Cases that could not be converted; their former files stay.
    """

    cases: tuple[CaseProvenance, ...]
    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[CaseFault, ...]


@dataclass(frozen=True)
class _SharedByCases:
    folder: Path | None
    pseudonyms: Pseudonyms
    options: ConvertOptions
    draw: CaseDrawing | None
    refused: Path | None

    def refused_picture(self, case_id: str) -> Path | None:
        return None if self.refused is None else self.refused / f"{case_id}.png"


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
    options: ConvertOptions | None = None,
    draw: CaseDrawing | None = None,
    refused: Path | None = None,
    *,
    has_dose: bool | None = None,
    seconds: float | None = None,
) -> ConvertedCohort:
    """Convert each row for itself.

    Args:
        manifest: Manifest as corrected by a person.
        sources: Sources of the scan.
        folder: Raw dataset that is written; None writes nothing.
        pseudonyms: Pseudonyms for ids and hashes.
        num_workers: Processes, lowered to what memory allows.
        options: Options of the conversion.
        draw: Writes the picture of each.
        refused: Folder, as private as the studies, for pictures of images that were refused since
            they do not fit; None writes none.
        has_dose: Whether the dataset has a dose; where None, if one case has.
        seconds: Time limit in seconds for a case, in addition to that of a program for its brain
            mask.

    Raises:
        DiskFullError: No disk space is left; finished cases are on disk.
    """
    if has_dose is None:
        has_dose = any(row.dose for row in manifest.rows)
    chosen = options or ConvertOptions()
    may_lack = chosen.allow_missing_channels
    tasks, faults = _tasks(manifest, sources, has_dose=has_dose, may_lack=may_lack)
    work = partial(_work, _SharedByCases(folder, pseudonyms, chosen, draw, refused))
    needed = max((bytes_of_case(task.inputs, chosen) for task in tasks), default=0)
    workers = allowed_workers(num_workers, needed, len(tasks), available_memory())
    # A fault in a decoder of another language ends its process: it may cost one case, not all.
    apart = any(task.inputs.is_compressed for task in tasks)
    if seconds is not None and chosen.brain_command:
        seconds += chosen.brain_timeout
    outcomes = map_cases(
        work, tasks, workers, "converting", _killed, _late, apart=apart, seconds=seconds
    )
    pairs = list(zip(tasks, outcomes, strict=True))
    faults += [outcome.fault for outcome in outcomes if outcome.fault is not None]
    return ConvertedCohort(
        cases=tuple(outcome.case for outcome in outcomes if outcome.case is not None),
        done=tuple(t.name for t, o in pairs if o.fault is None and not o.is_skipped),
        skipped=tuple(t.name for t, o in pairs if o.is_skipped),
        failed=tuple(sorted(faults, key=lambda fault: fault.line)),
    )


def _tasks(
    manifest: Manifest, sources: CaseSources, *, has_dose: bool, may_lack: bool
) -> tuple[list[ConversionTask], list[CaseFault]]:
    tasks, faults = [], []
    for row in manifest.rows:
        try:
            missing = missing_channels(row, manifest.columns, has_dose=has_dose, may_lack=may_lack)
            tasks.append(ConversionTask(sources.inputs(row, missing)))
        except RicenetError as error:  # noqa: PERF203 - each row for itself
            faults.append(fault_of_case(sources.case_id(row), row.line, error))
    return tasks, faults


def _killed(task: ConversionTask, reason: str) -> _ConversionOutcome:
    fault = CaseFault(
        task.name,
        task.inputs.line,
        "The process of this case was killed.",
        got=reason,
        remedy=KILLED_REMEDY,
    )
    return _ConversionOutcome(fault=fault)


def _late(task: ConversionTask, error: LateError) -> _ConversionOutcome:
    return _ConversionOutcome(fault=fault_of_case(task.name, task.inputs.line, error, task.inputs))


def _work(shared: _SharedByCases, task: ConversionTask) -> _ConversionOutcome:
    inputs = task.inputs
    try:
        return _converted(shared, inputs)
    except DiskFullError:  # no other case could be written either
        raise
    except Exception as error:  # noqa: BLE001 - the other cases go on
        return _ConversionOutcome(fault=fault_of_case(task.name, inputs.line, error, inputs))


def _checked_case(shared: _SharedByCases, inputs: CaseInputs) -> ConvertedCase:
    """The case; images that do not fit are drawn before they are refused."""
    path = shared.refused_picture(inputs.case_id)
    try:
        return convert_case(inputs, shared.options)
    except MisfitError as error:
        if path is None or shared.draw is None or error.pair is None:
            raise
        path.parent.mkdir(mode=0o700, exist_ok=True)
        shared.draw(misfit_case(inputs, error.pair), path)
        place = f"{path.parent.name}/{path.name}"
        remedy = f"{error.remedy} {place} beside the manifest shows both."
        raise error.with_parts(remedy=remedy) from error


def _converted(shared: _SharedByCases, inputs: CaseInputs) -> _ConversionOutcome:
    if (earlier := shared.refused_picture(inputs.case_id)) is not None:
        earlier.unlink(missing_ok=True)
    hashed = made_of(inputs, shared.pseudonyms, shared.options)
    folder = shared.folder
    before = None if folder is None else stored_case(folder, inputs.case_id)
    if folder is not None and before and before.made_of == hashed and is_whole(folder, before):
        now = _relabelled(before, inputs)
        if now != before:
            documents.write(provenance_path(folder, inputs.case_id), now)
        return _ConversionOutcome(now, is_skipped=now == before)
    case = _checked_case(shared, inputs)
    if folder is None:
        return _ConversionOutcome(case.provenance)
    return _ConversionOutcome(write_case(folder, case, hashed, shared.draw))


def _relabelled(before: CaseProvenance, inputs: CaseInputs) -> CaseProvenance:
    """The case with the current non-image values of the manifest."""
    of_dose = {"fractions", "prescription_gy"} if before.plans else set()
    kept = {name: cell for name, cell in before.covariates.items() if name in of_dose}
    covariates = {**inputs.covariates, **kept}
    return replace(before, label=inputs.label, covariates=covariates, missing=inputs.missing)


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
