"""Choice of a plan: the existing one, or a new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ricenet_v2.api.plan_device import device_budget
from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import DocumentError, PlanError
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning.ladder import WITH_CHECKPOINTING
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.planning.reasons import other_folds
from ricenet_v2.planning.region import RegionChoice
from ricenet_v2.planning.straightening import straightened
from ricenet_v2.records.described import other_than_planned
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.fingerprint_difference import differences, relabelled
from ricenet_v2.records.plan import SHAPES_ONLY, Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.raw import RawDataset


@dataclasses.dataclass(frozen=True)
class FingerprintChange:
    """The fingerprint of the training cases now, and as the last run kept it.

    Attributes:
        now: Fingerprint of this run.
        then: Fingerprint before; None if there is none or it is damaged.
    """

    now: Fingerprint
    then: Fingerprint | None


def previous_fingerprint(path: Path) -> tuple[Fingerprint | None, tuple[str, ...]]:
    """The fingerprint of the last run, or None, and what is to be known of a damaged one."""
    if not path.is_file():
        return None, ()
    try:
        return documents.read(Fingerprint, path), ()
    except DocumentError as error:
        return None, (
            f"Warning: {path}: {error.what} Nothing is taken from it: all cases were measured "
            "again, and it is rewritten with the plan.",
        )


def plan_for(
    raw: RawDataset,
    measured: FingerprintChange,
    path: Path,
    preset: str,
    fixed: Mapping[str, Any],
    splits: Splits | None,
    *,
    overwrite: bool,
    device: str | None = None,
    region: RegionChoice | None = None,
) -> tuple[Plan, list[str]]:
    """The existing plan where it still holds (edits by hand survive), else a new one on disk.

    Args:
        raw: The dataset.
        measured: Its fingerprint.
        path: File of the plan.
        preset: Rules of the plan.
        fixed: User-specified planning decisions, by the names of its arguments.
        splits: Folds of the dataset.
        overwrite: Whether another plan may be replaced.
        device: Device for which a new plan is made, where `fixed` does not state its memory.
        region: Region to which a new plan crops.

    Returns:
        The plan, and what is to be known of it, in sentences.

    Raises:
        PlanError: There is a plan for other data or other arguments, and no --overwrite.
    """
    if path.is_file() and not overwrite:
        existing = documents.read(Plan, path)
        faults = _disagreements(existing, measured, raw, fixed)
        faults += other_folds(existing, splits)
        faults += [f"dataset.json: {each}" for each in other_than_planned(existing, raw.dataset)]
        if faults:
            raise PlanError(
                "The existing plan was made from other data or options.",
                file=path,
                expected="a plan for these data and arguments",
                got="; ".join(faults),
                remedy="Pass --overwrite to plan again (models of the old plan no longer fit).",
            )
        notes = [f"The plan in {path} is used as it stands.", *_relabelled(measured, raw)]
        if existing.shapes_only:
            notes.append(f"Warning: {SHAPES_ONLY % ', '.join(existing.shapes_only)}")
        return existing, notes
    given = {name: value for name, value in fixed.items() if value is not None}
    notes = []
    if not {"memory_gb", "precision"} <= given.keys():
        budget = device_budget(device)
        notes = [] if "memory_gb" in given else list(budget.notes)
        given = {"memory_gb": budget.memory_gb, "precision": budget.precision, **given}
    straighten = given.pop("straighten", False)
    for name in ("region", "lesion_margin"):  # these decided what was measured
        given.pop(name, None)
    planned = make_plan(
        measured.now, raw.dataset, estimate, preset=preset, splits=splits, region=region, **given
    )
    plan = dataclasses.replace(
        straightened(planned) if straighten else planned, command=invocation()
    )
    documents.write(path, plan)
    return plan, notes


def _disagreements(
    plan: Plan, measured: FingerprintChange, raw: RawDataset, fixed: Mapping[str, Any]
) -> list[str]:
    """Differences of a plan from the data and the given arguments, in words."""
    holds = {
        "memory_gb": plan.memory_budget_gb,
        "precision": plan.memory.precision,
        "spacing": plan.spacing,
        "input_size": plan.input_size,
        "batch_size": plan.training.batch_size,
        "straighten": plan.straighten,
        "allow_missing_channels": plan.allows_missing,
        "region": "by the brain mask of each case" if plan.region is None else plan.region.kind,
        "lesion_margin": None if plan.region is None else plan.region.margin_mm,
        # It makes no difference to a plan whose first layout fitted.
        "activation_checkpointing": plan.training.activation_checkpointing
        or not plan.alternatives
        or any(WITH_CHECKPOINTING in each.reason for each in plan.alternatives),
    }
    faults = [
        f"{name} {holds[name]} instead of {value}"
        for name, value in fixed.items()
        if value is not None and holds[name] != value
    ]
    # Straightened images measure otherwise, though they are the same.
    is_as_straight = plan.straighten or not fixed.get("straighten")
    if plan.fingerprint != documents.fingerprint_of(measured.now) and is_as_straight:
        faults.insert(0, f"it was made from other training data ({_changes(plan, measured, raw)})")
    return faults


def _changes(plan: Plan, measured: FingerprintChange, raw: RawDataset) -> str:
    """Known changes since the plan was made."""
    then = measured.then
    if then is None or documents.fingerprint_of(then) != plan.fingerprint:
        return "the fingerprint differs; that of the plan was not kept, so it is not known in what"
    changes = differences(then, measured.now, raw.cases)
    return "; ".join(changes) or "the fingerprint differs, by the rules of another version"


def _relabelled(measured: FingerprintChange, raw: RawDataset) -> list[str]:
    """Labels and patients decide nothing in a plan, but do in what comes after."""
    changes = [] if measured.then is None else relabelled(measured.then, raw.cases)
    if not changes:
        return []
    return [
        f"Warning: cases.csv has changed since the last run: {'; '.join(changes)}. The "
        "plan and the folds stay as they are; folds that are trained already learned from the "
        "former table."
    ]


def stored(path: Path) -> Plan | None:
    """The plan that is there."""
    return documents.read(Plan, path) if path.is_file() else None
