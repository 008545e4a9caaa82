"""Output of `ricenet_plan_and_preprocess`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import singledispatchmethod
from pathlib import Path
from statistics import median

from ricenet_v2.api.fold_assignment import FoldAssignment
from ricenet_v2.api.planning_steps import PlanCost, PlanningStep, PlanNotes, UnlistedCases
from ricenet_v2.cli import common
from ricenet_v2.fingerprinting import summary
from ricenet_v2.planning.input_size import cut_off, spacing_that_holds
from ricenet_v2.planning.region import not_cropped
from ricenet_v2.preprocessing.cohort import CohortResult
from ricenet_v2.records.fingerprint import Fingerprint, distinct
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.reporting.plan import network
from ricenet_v2.reporting.plan.alternatives import alternatives_of
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.training.fold_scheme import FoldScheme

_SHOWN_ROWS, _NAMED = 60, 3
_MAY_BE_CUT, _MAY_BE_LOST = 0.05, 0.1
"""Share of the cases that the input may cut by its rule, and share of a patient that is much."""


class PlanPrinter:
    """Prints each step of planning and preprocessing as it is done."""

    def __init__(self, paths: DatasetPaths) -> None:
        """Print for this dataset.

        Args:
            paths: Files that are named behind the steps.
        """
        self._paths = paths
        self._fingerprint: Fingerprint | None = None
        self._plan_name = ""
        self.n_failed = 0

    def __call__(self, step: PlanningStep) -> None:
        """Print a step."""
        self._show(step)

    @singledispatchmethod
    def _show(self, step: PlanningStep) -> None:
        raise TypeError(step)

    @_show.register
    def _(self, step: Integrity) -> None:
        show_integrity(step, self._paths.integrity)

    @_show.register
    def _(self, step: FoldAssignment) -> None:
        show_folds(step, self._paths)

    @_show.register
    def _(self, step: Fingerprint) -> None:
        self._fingerprint = step
        show_fingerprint(step)

    @_show.register
    def _(self, step: PlanNotes) -> None:
        for note in step.notes:
            print(note)

    @_show.register
    def _(self, step: Plan) -> None:
        self._plan_name = step.name
        show_plan(step, self._paths.plan(step.name))
        if self._fingerprint is not None:
            show_cut(self._fingerprint, step)
            show_not_cropped(self._fingerprint, step)

    @_show.register
    def _(self, step: PlanCost) -> None:
        show_network(step, self._paths.page(step.plan.name))

    @_show.register
    def _(self, step: CohortResult) -> None:
        self.n_failed = len(step.failed)
        show_result(step, self._paths.cases(self._plan_name))

    @_show.register
    def _(self, step: UnlistedCases) -> None:
        show_unlisted(step)


def show_folds(folds: FoldAssignment, paths: DatasetPaths) -> None:
    """Print folds that hold out the values of a column, and what is to be known of them."""
    splits = folds.splits
    if splits.group:
        labels = {case.case_id: case.label for case in folds.cases}
        patients = {case.case_id: case.patient_id for case in folds.cases}
        classes = sorted({case.label for case in folds.cases if case.split == "train"})
        rows = []
        for number, fold in enumerate(splits.folds):
            counts = Counter(labels[case] for case in fold.validation)
            held_out = {patients[case] for case in fold.validation}
            sizes = (len(fold.validation), len(held_out), *(counts[name] for name in classes))
            rows.append((f"{number}: {fold.held_out}", *sizes, len(fold.train)))
        columns = (f"fold: {splits.group} held out", "cases", "patients", *classes, "trained on")
        title = f"Folds: {splits.scheme}"
        common.table(title, columns, rows, has_numbers=True)
    elif FoldScheme.of(splits) != FoldScheme():
        n_held_out = sorted({len(fold.validation) for fold in splits.folds}) or [0]
        size = " to ".join(map(str, dict.fromkeys((n_held_out[0], n_held_out[-1]))))
        print(f"Folds: {splits.described}; {size} validation cases each.")
    for warning in folds.warnings:
        print(f"Warning: {warning}")
    if folds.outdated:
        print(
            "Warning: these models were trained on the former splits and cannot be continued: "
            f"{', '.join(folds.outdated)}. Move their folders out of {paths.results}."
        )


def show_result(result: CohortResult, folder: Path) -> None:
    """Say what became of the cases."""
    print(
        f"Preprocessed {len(result.done)} cases, {len(result.skipped)} were already done, "
        f"{len(result.failed)} failed: {folder}"
    )
    if result.damaged:
        named = ", ".join(f"{case} ({why})" for case, why in sorted(result.damaged.items()))
        print(f"Preprocessed again, since the files were damaged ({len(result.damaged)}): {named}")
    if result.failed:
        common.table("Cases that failed", ("case", "error"), sorted(result.failed.items()))


def show_unlisted(unlisted: UnlistedCases) -> None:
    """Name preprocessed cases that are not in cases.csv, and what became or may become of them."""
    folder, n, named = unlisted.folder, len(unlisted.case_ids), ", ".join(unlisted.case_ids)
    if unlisted.are_deleted:
        print(f"Deleted from {folder}, since not in cases.csv ({n}): {named}")
        return
    print(
        f"Preprocessed in {folder}, but not in cases.csv ({n}): {named}. Nothing uses "
        "them. Delete CASE.b2nd and CASE.json of each, or run the command of this plan with "
        "--overwrite, which deletes them and preprocesses all other cases again."
    )


def show_integrity(integrity: Integrity, path: Path) -> None:
    """The findings, those alike in one row, and how many of them there are."""
    groups = summary.grouped(integrity.findings)
    if groups:
        rows = summary.finding_rows(groups[:_SHOWN_ROWS])
        common.table(f"Integrity of {integrity.dataset}", summary.FINDING_COLUMNS, rows)
    if hidden := sum(len(group) for group in groups[_SHOWN_ROWS:]):
        print(f"{hidden} more findings are in {path}")
    print(
        f"{integrity.dataset}: {integrity.n_cases} cases, {integrity.n_images} images, "
        f"errors: {len(integrity.errors)}, warnings: {len(integrity.warnings)}. {path}"
    )


def show_fingerprint(fingerprint: Fingerprint) -> None:
    """Print the fingerprint."""
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
    larger = alternatives_of(plan)
    if larger.rows:
        title = f"Too large for {plan.memory_budget_gb:g} GiB"
        common.table(title, larger.columns, larger.rows)
    print(f"Plan: {path}")


def show_cut(fingerprint: Fingerprint, plan: Plan) -> None:
    """Warn where the input is smaller than the patients, beyond what the rule of its size cuts."""
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


def show_not_cropped(fingerprint: Fingerprint, plan: Plan) -> None:
    """Warn where the crop leaves whole images, with the air around the patient."""
    cases = distinct(fingerprint.cases)
    names = not_cropped(cases)
    if not names or (plan.region is not None and plan.region.kind == "image"):
        return
    more = ", ..." if len(names) > _NAMED else ""
    by = "brain masks or non-zero voxels" if plan.region is None else plan.region.label
    advice = (
        "If there is air around the patient, make brain masks (CASE_brain) and plan again "
        "(--overwrite), so that networks need not look at it. If the images were cropped before, "
        "this is right."
    )
    print(
        f"Warning: the region ({by}) removes nothing in {len(names)} of {len(cases)} training "
        f"cases ({', '.join(names[:_NAMED])}{more}). {advice}"
    )


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)


def show_network(cost: PlanCost, page: Path) -> None:
    """Print the network part by part, and where the page of the plan is."""
    batch, rows = cost.plan.training.batch_size, network.rows(cost.plan, cost.parts)
    common.table(f"Network (z, y, x), batch {batch}", network.COLUMNS, rows, has_numbers=True)
    print(network.COLUMNS_NOTE.format(batch=batch))
    print(f"Plan page: {page}")
