"""`ricenet_plan_and_preprocess`: check, measure, plan, split, preprocess."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ricenet_v2.api.plan_device import CONTEXT_GB, DEFAULT_MEMORY_GB
from ricenet_v2.cli import common, numbers
from ricenet_v2.core.machine import n_cores
from ricenet_v2.planning.names import PRESETS
from ricenet_v2.records.region import REGION_KINDS
from ricenet_v2.records.splits import NO_GROUP

if TYPE_CHECKING:
    from ricenet_v2.records.integrity import Integrity


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
        help="memory budget of one training step in GiB (default: free GPU memory less "
        f"{CONTEXT_GB:g} GiB, or {DEFAULT_MEMORY_GB:g} GiB without a GPU)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "float16"),
        help="precision in which a training step must fit; bfloat16 is mixed precision on CUDA, "
        "float16 that of cards before Ampere (if left out: that of the CUDA device, else float32)",
    )
    parser.add_argument(
        "--device",
        help="device whose memory and precision a new plan is for: cuda, cuda:1, mps or cpu (if "
        "left out: the best available)",
    )
    parser.add_argument(
        "--activation_checkpointing",
        action="store_true",
        help="layouts that do not fit the memory are tried with activation checkpointing before "
        "coarser ones: a finer spacing for about a third more work",
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
    parser.add_argument(
        "--region",
        choices=("auto", *REGION_KINDS),
        default="auto",
        help="region to which every case and every new patient is cropped: head needs no mask, "
        "brain and lesion need CASE_brain or CASE_lesion of each; auto takes brain where all "
        "training cases have it, else head, and an existing plan keeps its region",
    )
    parser.add_argument(
        "--lesion_margin",
        type=numbers.millimetres,
        metavar="MM",
        help="mm around the lesion that --region lesion leaves (if left out: 20, more where the "
        "lesions are large)",
    )
    parser.add_argument(
        "--allow_missing_channels",
        action="store_true",
        help="cases may lack channels (no file, or the column channels of cases.csv), as long as "
        "one shows the patient: networks are trained for it, and predict patients without them",
    )
    parser.add_argument("--verify_only", action="store_true", help="check the dataset and stop")
    parser.add_argument("--plan_only", action="store_true", help="write the plan and stop")
    _add_folds(parser)
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an existing plan, folds of other cases or that were made in another way, and "
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


def _add_folds(parser: argparse.ArgumentParser) -> None:
    folds = parser.add_argument_group("folds (if left out: as before, at first 5)")
    folds.add_argument(
        "--num_folds",
        type=numbers.folds,
        metavar="K",
        help="number of folds that are stratified by class, of which no two share a patient; 1: no "
        "folds, for ricenet_train DATASET full alone",
    )
    folds.add_argument(
        "--repeats",
        type=numbers.folds,
        metavar="R",
        help="number of times that all cases are divided into K folds, each time differently",
    )
    folds.add_argument(
        "--holdout",
        metavar="SHARE|COLUMN",
        help="hold out this share of the patients of each class, e.g. 0.2, or the cases for which "
        "this column of cases.csv says validation, instead of folds",
    )
    folds.add_argument(
        "--group",
        metavar="COLUMN",
        help="hold out each value of this column of cases.csv in turn, e.g. centre: one fold for "
        f"each, instead of stratified ones; {NO_GROUP}: stratified again",
    )


def plan_and_preprocess(dataset: str, *, verify_only: bool, plan_only: bool, **options: Any) -> int:
    """Check, plan and preprocess; the arguments are those of the command.

    Returns:
        0 when all is done, 1 when some cases failed, 2 when the dataset has errors.
    """
    from ricenet_v2.api import planning
    from ricenet_v2.api.locations import paths_of
    from ricenet_v2.api.planning_steps import IntegrityError, PlanOptions
    from ricenet_v2.cli.plan_tables import PlanPrinter

    printer = PlanPrinter(paths_of(dataset, options["workspace"]))
    execution = {
        name: options.pop(name)
        for name in ("workspace", "overwrite", "num_workers", "case_timeout")
    }
    of_plan = PlanOptions(**options)
    try:
        if verify_only:
            integrity = planning.verify(dataset, of_plan, **execution, observer=printer)
            return _code_of(integrity)
        if plan_only:
            planning.plan(dataset, of_plan, **execution, observer=printer)
        else:
            planning.plan_and_preprocess(dataset, of_plan, **execution, observer=printer)
    except IntegrityError as error:
        return _code_of(error.integrity)
    return common.SOME_FAILED if printer.n_failed else common.OK


def _code_of(integrity: Integrity) -> int:
    """2 for errors of the data, 1 where only the machine kept cases from being checked."""
    if not integrity.errors:
        return common.OK
    return common.SOME_FAILED if integrity.is_of_machine else common.UNUSABLE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 done, 1 some cases failed, 2 unusable input."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: plan_and_preprocess(**options), "ricenet_plan_and_preprocess", argv)


if __name__ == "__main__":
    sys.exit(main())
