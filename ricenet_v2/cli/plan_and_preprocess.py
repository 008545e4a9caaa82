"""`ricenet_plan_and_preprocess`: check, measure, plan, split, preprocess."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ricenet_v2.cli import common, folders, numbers, plan_choice, plan_folds, plan_tables
from ricenet_v2.cli.plan_device import CONTEXT_GB, DEFAULT_MEMORY_GB
from ricenet_v2.core.machine import n_cores
from ricenet_v2.planning.names import PRESETS

if TYPE_CHECKING:
    from ricenet_v2.records.plan import Plan
    from ricenet_v2.store.paths import DatasetPaths
    from ricenet_v2.store.raw import RawDataset


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = common.parser(
        "Check a raw dataset, measure it, plan for it, split it into folds and preprocess it."
    )
    parser.add_argument(
        "dataset", metavar="DATASET", help="id, name or path of the raw dataset folder"
    )
    common.add_workspace(parser)
    parser.add_argument("--preset", choices=PRESETS, default="auto", help="set of planning rules")
    parser.add_argument(
        "--gpu_memory_gb",
        type=numbers.gigabytes,
        metavar="GiB",
        help="GiB that one training step may take (else that of the CUDA device less "
        f"{CONTEXT_GB:g}, else {DEFAULT_MEMORY_GB:g})",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="precision in which a training step must fit; bfloat16 is mixed precision on CUDA "
        "(if left out: bfloat16 where there is a CUDA device, else float32)",
    )
    parser.add_argument(
        "--spacing",
        type=numbers.millimetres,
        nargs=3,
        metavar=("Z", "Y", "X"),
        help="target spacing in mm along z, y, x",
    )
    parser.add_argument(
        "--input_size",
        type=numbers.voxels,
        nargs=3,
        metavar=("Z", "Y", "X"),
        help="voxels along z, y, x that the network sees",
    )
    parser.add_argument(
        "--batch_size", type=numbers.samples, metavar="N", help="samples of a training step"
    )
    parser.add_argument(
        "--straighten",
        action="store_true",
        help="resample tilted images along the axes of the patient; prediction then does the "
        "same, and a plan that was made so stays so",
    )
    parser.add_argument("--verify_only", action="store_true", help="check the dataset and stop")
    parser.add_argument("--plan_only", action="store_true", help="write the plan and stop")
    parser.add_argument(
        "--group",
        metavar="COLUMN",
        help="hold out each value of this column of cases.csv in turn, e.g. centre: one fold for "
        f"each, instead of five stratified ones; {plan_folds.NO_GROUP}: stratified again (if left "
        "out: as before)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an existing plan, folds of other cases or of another --group, and "
        "preprocessed cases; those of cases that are no longer in cases.csv are deleted",
    )
    parser.add_argument(
        "--num_workers",
        type=numbers.processes,
        default=min(8, n_cores()),
        metavar="N",
        help="largest number of processes",
    )
    common.add_case_timeout(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 done, 1 some cases failed, 2 unusable input."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: plan_and_preprocess(**options), "ricenet_plan_and_preprocess", argv)


@folders.holding(folders.planning)
def plan_and_preprocess(
    dataset: str,
    *,
    workspace: Path | None = None,
    preset: str = "auto",
    gpu_memory_gb: float | None = None,
    precision: Literal["float32", "bfloat16"] | None = None,
    spacing: Sequence[float] | None = None,
    input_size: Sequence[int] | None = None,
    batch_size: int | None = None,
    straighten: bool = False,
    verify_only: bool = False,
    plan_only: bool = False,
    group: str | None = None,
    overwrite: bool = False,
    num_workers: int = 1,
    case_timeout: float | None = None,
) -> int:
    """Check a raw dataset, measure it, plan for it, split it into folds and preprocess it.

    Args:
        dataset: Id, name, or path of a raw dataset folder.
        workspace: Holds raw/, preprocessed/ and results/.
        preset: One of `PRESETS`.
        gpu_memory_gb: Memory of one training step; None asks the CUDA device.
        precision: In which a step must fit; None is bfloat16 where there is a CUDA device.
        spacing: Target spacing, mm along (z, y, x).
        input_size: Voxels along (z, y, x) that the network sees.
        batch_size: Samples per step.
        straighten: Resample images that lie tilted along the axes of the patient.
        verify_only: Stop after the integrity check, and after that of the folds where `group` is
            given.
        plan_only: Stop after planning.
        group: Column of cases.csv of which each fold holds out one value; `none` for folds that are
            stratified by class; None keeps the folds that are there, else stratifies.
        overwrite: Replace an existing plan, folds of other cases or of another column, and
            preprocessed cases; those of cases that are no longer in cases.csv are deleted.
        num_workers: Processes at most.
        case_timeout: Seconds that checking, measuring or preprocessing a case may take; as long as
            it takes where None.

    Returns:
        0 when all is done, 1 when some cases failed, 2 when the dataset has errors.

    Raises:
        RicenetError: Unusable input, or something there that --overwrite would replace.
    """
    from ricenet_v2.core import documents
    from ricenet_v2.fingerprinting.fingerprint import measure
    from ricenet_v2.fingerprinting.integrity import KILLED, LATE, check
    from ricenet_v2.store.paths import dataset_paths
    from ricenet_v2.store.raw import load_raw_dataset

    paths = dataset_paths(dataset, workspace)
    raw = load_raw_dataset(paths.raw)
    is_straight = straighten or (plan_choice.is_straightened(paths.plan(preset)) and not overwrite)
    integrity = check(raw, num_workers, straighten=is_straight, seconds=case_timeout)
    documents.write(paths.integrity, integrity)
    plan_tables.show_integrity(integrity, paths.integrity)
    if integrity.errors:
        is_of_machine = all(finding.check in (KILLED, LATE) for finding in integrity.errors)
        return common.SOME_FAILED if is_of_machine else common.UNUSABLE
    if verify_only and group is None:
        return common.OK
    folds = plan_folds.chosen_folds(raw.cases, paths, group, overwrite=overwrite)
    plan_folds.show(folds, raw.cases, paths)
    if verify_only:
        return common.OK
    with plan_folds.replacing(folds, paths, preset):  # refused now, not after all is measured
        pass
    fingerprint = measure(
        raw, num_workers, paths.measurements, straighten=is_straight, seconds=case_timeout
    )
    plan_tables.show_fingerprint(fingerprint)
    wanted: dict[str, Any] = {
        "memory_gb": gpu_memory_gb,
        "precision": precision,
        "spacing": None if spacing is None else tuple(float(value) for value in spacing),
        "input_size": None if input_size is None else tuple(input_size),
        "batch_size": batch_size,
        "straighten": straighten or None,
    }
    measured = plan_choice.FingerprintChange(fingerprint, plan_choice.earlier(paths.fingerprint))
    plan = plan_choice.plan_for(
        raw, measured, paths.plan(preset), preset, wanted, folds.splits, overwrite=overwrite
    )
    plan_tables.show_plan(plan, paths.plan(preset))
    plan_tables.show_cut(fingerprint, plan)
    plan_tables.write_page(fingerprint, plan, paths.page(preset))
    documents.write(paths.fingerprint, fingerprint)
    with plan_folds.replacing(folds, paths, preset):
        if folds.splits is not None:
            documents.write(paths.splits, folds.splits)
        else:
            # Folds of the cases that were there before would belong to nothing.
            paths.splits.unlink(missing_ok=True)
    limits = (num_workers, case_timeout)
    code = common.OK if plan_only else _preprocess(raw, plan, paths, limits, overwrite)
    if folds.doubt:
        warning = "Warning: no folds were made, so ricenet_train will refuse this dataset."
        print(f"{warning}\n{folds.doubt}")
    return code


def _preprocess(
    raw: RawDataset,
    plan: Plan,
    paths: DatasetPaths,
    limits: tuple[int, float | None],
    overwrite: bool,
) -> int:
    from ricenet_v2.preprocessing.cohort import preprocess_dataset
    from ricenet_v2.store.cases import delete_case, leftovers

    folder, (n, seconds) = paths.cases(plan.name), limits
    result = preprocess_dataset(raw, plan, folder, n, overwrite=overwrite, seconds=seconds)
    code = plan_tables.show_result(result, folder)
    for place, ids in leftovers(paths.preprocessed, {case.case_id for case in raw.cases}).items():
        is_replaced = overwrite and place == folder
        for case_id in ids if is_replaced else ():
            delete_case(place, case_id)
        plan_tables.show_leftovers(place, ids, are_deleted=is_replaced)
    return code


if __name__ == "__main__":
    sys.exit(main())
