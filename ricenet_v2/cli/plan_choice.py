"""Which plan `ricenet_plan_and_preprocess` goes by: the one that is there, or a new one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli.plan_device import device_here

if TYPE_CHECKING:
    from ricenet_v2.records.fingerprint import Fingerprint
    from ricenet_v2.records.plan import Plan
    from ricenet_v2.records.splits import Splits
    from ricenet_v2.store.raw import RawDataset


@dataclasses.dataclass(frozen=True)
class FingerprintChange:
    """The fingerprint of the training cases now, and as the last run kept it.

    Attributes:
        now: Of this run.
        then: None where there is none, or it is damaged.
    """

    now: Fingerprint
    then: Fingerprint | None


def earlier(path: Path) -> Fingerprint | None:
    """The fingerprint of the last run; None where there is none. A damaged one is told."""
    from ricenet_v2.core import documents
    from ricenet_v2.core.errors import DocumentError
    from ricenet_v2.records.fingerprint import Fingerprint

    if not path.is_file():
        return None
    try:
        return documents.read(Fingerprint, path)
    except DocumentError as error:
        print(
            f"Warning: {path}: {error.what} Nothing is taken from it: all cases were measured "
            "again, and it is written anew with the plan."
        )
        return None


def plan_for(
    raw: RawDataset,
    measured: FingerprintChange,
    path: Path,
    preset: str,
    wanted: dict[str, Any],
    splits: Splits | None,
    *,
    overwrite: bool,
) -> Plan:
    """The existing plan where it still holds (edits by hand survive), else a new one on disk.

    Raises:
        PlanError: There is a plan for other data or other arguments, and no --overwrite.
    """
    from ricenet_v2.core import documents
    from ricenet_v2.core.command import invocation
    from ricenet_v2.core.errors import PlanError
    from ricenet_v2.network.cost import estimate
    from ricenet_v2.planning.planner import make_plan
    from ricenet_v2.planning.reasons import other_folds
    from ricenet_v2.planning.straightening import straightened
    from ricenet_v2.records.described import other_than_planned
    from ricenet_v2.records.plan import SHAPES_ONLY, Plan

    if path.is_file() and not overwrite:
        existing = documents.read(Plan, path)
        faults = _disagreements(existing, measured, raw, wanted)
        faults += other_folds(existing, splits)
        faults += [f"dataset.json: {each}" for each in other_than_planned(existing, raw.dataset)]
        if faults:
            raise PlanError(
                "There is a plan that was made otherwise.",
                file=path,
                expected="a plan for these data and arguments",
                got="; ".join(faults),
                remedy="Pass --overwrite to plan anew (models of the old plan no longer fit).",
            )
        print(f"The plan in {path} is used as it stands.")
        _tell_labels(measured, raw)
        if existing.shapes_only:
            print(f"Warning: {SHAPES_ONLY % ', '.join(existing.shapes_only)}")
        return existing
    given = {name: value for name, value in wanted.items() if value is not None}
    given = {**device_here(), **given}
    straighten = given.pop("straighten", False)
    planned = make_plan(measured.now, raw.dataset, estimate, preset=preset, splits=splits, **given)
    plan = dataclasses.replace(
        straightened(planned) if straighten else planned, command=invocation()
    )
    documents.write(path, plan)
    return plan


def _disagreements(
    plan: Plan, measured: FingerprintChange, raw: RawDataset, wanted: dict[str, Any]
) -> list[str]:
    """In words, where a plan differs from the data and the arguments that were given."""
    from ricenet_v2.core import documents

    holds = {
        "memory_gb": plan.memory_budget_gb,
        "precision": plan.memory.precision,
        "spacing": plan.spacing,
        "input_size": plan.input_size,
        "batch_size": plan.training.batch_size,
        "straighten": plan.straighten,
    }
    faults = [
        f"{name} {holds[name]} instead of {value}"
        for name, value in wanted.items()
        if value is not None and holds[name] != value
    ]
    # Straightened images measure otherwise, though they are the same.
    is_as_straight = plan.straighten or not wanted.get("straighten")
    if plan.fingerprint != documents.fingerprint_of(measured.now) and is_as_straight:
        faults.insert(0, f"it was made from other training data ({_changes(plan, measured, raw)})")
    return faults


def _changes(plan: Plan, measured: FingerprintChange, raw: RawDataset) -> str:
    """What changed since the plan was made, where that can be told."""
    from ricenet_v2.core import documents
    from ricenet_v2.records.measured_otherwise import differences

    then = measured.then
    if then is None or documents.fingerprint_of(then) != plan.fingerprint:
        return "the fingerprint differs; that of the plan is not kept, so nobody can tell by what"
    changes = differences(then, measured.now, raw.cases)
    return "; ".join(changes) or "the fingerprint differs, by the rules of another version"


def _tell_labels(measured: FingerprintChange, raw: RawDataset) -> None:
    """Labels and patients decide nothing in a plan, but do in what comes after."""
    from ricenet_v2.records.measured_otherwise import relabelled

    if measured.then is not None and (changes := relabelled(measured.then, raw.cases)):
        print(
            f"Warning: cases.csv has changed since the last run: {'; '.join(changes)}. The "
            "plan and the folds stay as they are; folds that are trained already learned from the "
            "former table."
        )


def is_straightened(path: Path) -> bool:
    """Whether the images are straightened by the plan that is there."""
    from ricenet_v2.core import documents
    from ricenet_v2.records.plan import Plan

    return path.is_file() and documents.read(Plan, path).straighten
