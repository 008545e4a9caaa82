"""What `ricenet_plan_and_preprocess` prints, and the page that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.preprocessing.cohort import CohortResult
    from ricenet_v2.records.fingerprint import Fingerprint
    from ricenet_v2.records.integrity import Integrity
    from ricenet_v2.records.plan import Plan

_SHOWN_ROWS = 60
_MAY_BE_CUT, _MAY_BE_LOST = 0.05, 0.1
"""Share of the cases that the input may cut by its rule, and share of a patient that is much."""
_COLUMNS_OF_LARGE = ("spacing (mm)", "input size", "network", "batch", "why not")


def show_result(result: CohortResult, folder: Path) -> int:
    """Say what became of the cases; the exit code."""
    print(
        f"Preprocessed {len(result.done)} cases, {len(result.skipped)} were there already, "
        f"{len(result.failed)} failed: {folder}"
    )
    if result.damaged:
        named = ", ".join(f"{case} ({why})" for case, why in sorted(result.damaged.items()))
        print(f"Made anew, since what was there is damaged ({len(result.damaged)}): {named}")
    if result.failed:
        common.table("Cases that failed", ("case", "error"), sorted(result.failed.items()))
    return common.SOME_FAILED if result.failed else common.OK


def show_leftovers(folder: Path, case_ids: Sequence[str], *, are_deleted: bool) -> None:
    """Name preprocessed cases that are not in cases.csv, and what became or may become of them."""
    named = ", ".join(case_ids)
    if are_deleted:
        print(f"Deleted from {folder}, since not in cases.csv ({len(case_ids)}): {named}")
        return
    print(
        f"Preprocessed in {folder}, but not in cases.csv ({len(case_ids)}): {named}. Nothing uses "
        "them. Delete CASE.b2nd and CASE.json of each, or run the command of this plan with "
        "--overwrite, which deletes them and makes all other cases anew."
    )


def show_integrity(integrity: Integrity, path: Path) -> None:
    """The findings, those alike in one row, and how many of them there are."""
    from ricenet_v2.fingerprinting import summary

    groups = summary.grouped(integrity.findings)
    if groups:
        rows = summary.finding_rows(groups[:_SHOWN_ROWS])
        common.table(f"Integrity of {integrity.dataset}", summary.FINDING_COLUMNS, rows)
    if hidden := sum(len(group) for group in groups[_SHOWN_ROWS:]):
        print(f"{hidden} more findings stand in {path}")
    print(
        f"{integrity.dataset}: {integrity.n_cases} cases, {integrity.n_images} images, "
        f"errors: {len(integrity.errors)}, warnings: {len(integrity.warnings)}. {path}"
    )


def show_fingerprint(fingerprint: Fingerprint) -> None:
    """What was measured."""
    from ricenet_v2.fingerprinting import summary

    counts = ", ".join(f"{name} {count}" for name, count in fingerprint.class_counts.items())
    print(f"{fingerprint.n_cases} training cases of {fingerprint.n_patients} patients: {counts}")
    sizes = summary.size_rows(fingerprint)
    common.table("Geometry", summary.SIZE_COLUMNS, sizes, has_numbers=True)
    common.table("Channels", summary.CHANNEL_COLUMNS, summary.channel_rows(fingerprint))
    if doses := summary.dose_rows(fingerprint):
        common.table("Dose", summary.DOSE_COLUMNS, doses, has_numbers=True)


def show_plan(plan: Plan, path: Path) -> None:
    """Each decision with its reason, and what was too large for the memory."""
    rows = [(decision.what, decision.value, decision.reason) for decision in plan.decisions]
    columns = ("decision", "value", "reason")
    common.table(f"Plan {plan.name} of {plan.dataset}", columns, rows, has_lines=True)
    if larger := _larger(plan):
        title = f"Too large for {plan.memory_budget_gb:g} GiB"
        common.table(title, _COLUMNS_OF_LARGE, larger)
    print(f"Plan: {path}")


def show_cut(fingerprint: Fingerprint, plan: Plan) -> None:
    """Warn where the input is smaller than the patients, beyond what the rule of its size cuts."""
    from statistics import median

    from ricenet_v2.planning.input_size import cut_off, spacing_that_holds
    from ricenet_v2.records.fingerprint import distinct

    cases = distinct(fingerprint.cases)
    lost = cut_off(cases, plan.spacing, plan.input_size)
    if not lost or (len(lost) <= _MAY_BE_CUT * len(cases) and max(lost.values()) < _MAY_BE_LOST):
        return
    most = max(sorted(lost), key=lambda case: lost[case])
    spacing = spacing_that_holds(cases, plan.spacing, plan.input_size)
    preset = "" if plan.preset == "auto" else f"--preset {plan.preset} "
    # The paper fixes the input size.
    size = "" if plan.preset == "paper" else "without --input_size, or "
    print(
        f"Warning: the input of {_times(plan.input_size)} voxels of {_times(plan.spacing)} mm "
        f"(z, y, x) is smaller than the patient in {len(lost)} of {len(cases)} training cases. "
        f"They lose {median(lost.values()):.0%} of the box around the patient (median), and at "
        f"most {lost[most]:.0%} ({most}). The networks do not see what is cut off at the rim. Plan "
        f"again ({preset}--overwrite) {size}with --spacing {' '.join(f'{mm:g}' for mm in spacing)} "
        "too, at which 95 % of the cases fit."
    )


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)


def _larger(plan: Plan) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            " x ".join(f"{value:.3g}" for value in alternative.spacing),
            " x ".join(str(n) for n in alternative.input_size),
            alternative.network,
            str(alternative.batch_size),
            alternative.reason,
        )
        for alternative in plan.alternatives
    )


def write_page(fingerprint: Fingerprint, plan: Plan, path: Path) -> None:
    """Show the network part by part, and write the page that shows everything.

    Raises:
        PlanError: The network of the plan cannot be built, or not for its input size.
    """
    from ricenet_v2.network.mixed import MixedPrecision
    from ricenet_v2.network.stages import stage_costs
    from ricenet_v2.reporting.plan import network
    from ricenet_v2.reporting.plan.page import PlanTable, write_plan_page

    n_channels, n_classes = len(plan.channels), len(plan.classes)
    batch = plan.training.batch_size
    casts = MixedPrecision("cuda") if plan.memory.precision == "bfloat16" else None
    parts = stage_costs(plan.network, n_channels, n_classes, plan.input_size, batch, casts)
    rows = network.rows(plan, parts)
    common.table(f"Network (z, y, x), batch {batch}", network.COLUMNS, rows, has_numbers=True)
    print(network.COLUMNS_NOTE.format(batch=batch))
    write_plan_page(path, fingerprint, plan, parts, PlanTable(_COLUMNS_OF_LARGE, _larger(plan)))
    print(f"Plan page: {path}")
