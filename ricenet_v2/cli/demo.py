"""ricenet_demo: simulate a cohort and run the whole chain on it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, numbers
from ricenet_v2.core.machine import n_cores

if TYPE_CHECKING:
    from ricenet_v2.phantom.scanner import Scanner

EPOCHS = 8


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Simulate a cohort of glioblastoma patients and run the whole chain on it. The cohort "
        "proves nothing about patients."
    )
    parser.add_argument(
        "--output", type=Path, default=Path("ricenet_demo"), help="workspace folder"
    )
    parser.add_argument(
        "--cases", type=numbers.whole(1, 1_000_000), default=40, help="number of training cases"
    )
    parser.add_argument(
        "--test_cases",
        type=numbers.whole(0, 1_000_000),
        default=10,
        help="number of held-out cases",
    )
    parser.add_argument(
        "--shape",
        type=numbers.voxels,
        nargs=3,
        default=(40, 48, 40),
        metavar=("Z", "Y", "X"),
        help="voxels of the images along z, y, x",
    )
    parser.add_argument(
        "--spacing",
        type=numbers.millimetres,
        nargs=3,
        default=(4.5, 4.5, 4.5),
        metavar=("Z", "Y", "X"),
        help="voxel spacing in mm along z, y, x",
    )
    parser.add_argument(
        "--paper_size",
        action="store_true",
        help="simulate 80 training and 12 test cases, as in the paper",
    )
    parser.add_argument("--epochs", type=numbers.epochs, default=EPOCHS, help="epochs of each fold")
    parser.add_argument(
        "--seed", type=numbers.seed, default=0, help="random seed of the cohort and of the training"
    )
    parser.add_argument(
        "--device",
        help="device that computes: cuda, mps or cpu (if left out: the best available)",
    )
    parser.add_argument(
        "--num_workers", type=numbers.processes, default=n_cores(), help="number of processes"
    )
    parser.add_argument(
        "--clinical_facts",
        action="store_true",
        help="add simulated, informative clinical covariates to cases.csv: MGMT status and days "
        "since radiotherapy",
    )
    parser.add_argument(
        "--lesions",
        type=numbers.whole(1, 5),
        default=1,
        help="number of lesions of each patient; with more than one, each lesion is a case",
    )
    parser.add_argument(
        "--images",
        dest="scanner",
        choices=("clean", "noisy", "ct"),
        default="clean",
        help="kind of simulated images; clean: 0 outside of the head; noisy: noise in the air; ct: "
        "CTs in place of the MRIs",
    )
    parser.add_argument(
        "--no_brain_masks", action="store_true", help="do not write masks of the brain"
    )
    parser.add_argument(
        "--missing_images",
        type=numbers.share_of_channel,
        nargs="+",
        default=[],
        metavar="CHANNEL=SHARE",
        help="share of the patients who lack this channel, e.g. T1c_post_op=0.3; the cohort is "
        "then planned with --allow_missing_channels",
    )
    parser.add_argument("--generate_only", action="store_true", help="write the cohort and stop")
    return parser


def demo(
    *,
    output: Path = Path("ricenet_demo"),
    cases: int = 40,
    test_cases: int = 10,
    shape: Sequence[int] = (40, 48, 40),
    spacing: Sequence[float] = (4.5, 4.5, 4.5),
    paper_size: bool = False,
    epochs: int = EPOCHS,
    seed: int = 0,
    device: str | None = None,
    num_workers: int = 1,
    generate_only: bool = False,
    clinical_facts: bool = False,
    lesions: int = 1,
    scanner: Scanner = "clean",
    no_brain_masks: bool = False,
    missing_images: Sequence[tuple[str, float]] = (),
) -> int:
    """Run the demo; the arguments are those of the command.

    Returns:
        0, or the exit code of the first step that did not succeed.
    """
    from ricenet_v2.phantom.cohort import NAME, write_cohort

    if paper_size:
        cases, test_cases = 80, 12
    raw = write_cohort(
        output / "raw" / NAME,
        cases=cases,
        test_cases=test_cases,
        shape=(shape[0], shape[1], shape[2]),
        spacing=(spacing[0], spacing[1], spacing[2]),
        seed=seed,
        clinical_facts=clinical_facts,
        lesions=lesions,
        scanner=scanner,
        brain_masks=not no_brain_masks,
        missing_images=dict(missing_images),
    )
    print(f"The simulated cohort is in {raw}")
    if generate_only:
        return common.OK
    for line, step in _steps(
        output, raw, epochs, seed, device, num_workers, allow_missing=bool(missing_images)
    ):
        print(f"\n$ {shlex.join(line)}")
        code = step()
        if code != common.OK:
            return code
    _show_files(output, raw)
    _show_answer(output, raw, epochs)
    return common.OK


def _steps(
    output: Path,
    raw: Path,
    epochs: int,
    seed: int,
    device: str | None,
    num_workers: int,
    *,
    allow_missing: bool,
) -> list[tuple[list[str], Callable[[], int]]]:
    """Each command as a user would type it, and the function that it is."""
    from ricenet_v2.cli import evaluate, plan_and_preprocess, predict, report, train
    from ricenet_v2.store.paths import PREDICTIONS_CSV

    name, space = raw.name, ["--workspace", str(output)]
    on = ["--device", device] if device else []
    allowed = ["--allow_missing_channels"] if allow_missing else []
    new, out = str(raw / "imagesTs"), output / "predictions"
    arguments = [name, "--predictions", str(out / PREDICTIONS_CSV), *space]
    workers = ["--num_workers", str(num_workers)]
    training = ["--continue", "--epochs", str(epochs), "--seed", str(seed)]
    commands: list[tuple[str, Callable[[Sequence[str]], int], list[str]]] = [
        ("plan_and_preprocess", plan_and_preprocess.main, [name, *allowed, *space, *workers]),
        ("train", train.main, [name, "all", *training, *on, *space]),
        ("evaluate", evaluate.main, [name, *space]),
        (
            "predict",
            predict.main,
            ["-i", new, "-o", str(out), "-d", name, "--continue", *on, *space],
        ),
        ("evaluate", evaluate.main, [*arguments, "-o", str(out)]),
        ("report", report.main, [name, "--predictions", str(out), *space, *workers]),
    ]
    return [
        ([f"ricenet_{command}", *words], partial(main, words)) for command, main, words in commands
    ]


def _show_files(output: Path, raw: Path) -> None:
    from ricenet_v2.store.workspace import dataset_paths

    paths = dataset_paths(raw.name, output)
    model = paths.run()
    common.table(
        "Where everything is",
        ("what", "file"),
        [
            ("the simulated cohort", raw),
            ("findings of the check", paths.integrity),
            ("fingerprint", paths.fingerprint),
            ("plan with its reasons", paths.plan()),
            ("folds", paths.splits),
            ("preprocessed cases", paths.cases()),
            ("curves of fold 0", model.fold(0).progress),
            ("out-of-fold predictions and metrics", model.crossval),
            ("predictions and metrics of held-out cases", output / "predictions"),
            ("all of it, to read in a browser", model.report / "index.html"),
        ],
    )


def _show_answer(output: Path, raw: Path, epochs: int) -> None:
    """Say whether the model is better than chance, and why not where it is not."""
    from ricenet_v2.core import documents
    from ricenet_v2.records.metrics import Evaluation
    from ricenet_v2.records.plan import Plan
    from ricenet_v2.reporting.results.answer import OUT_OF_FOLD, answer_of, is_better_than_chance
    from ricenet_v2.store.paths import METRICS_JSON
    from ricenet_v2.store.workspace import dataset_paths

    paths = dataset_paths(raw.name, output)
    evaluation = documents.read(Evaluation, paths.run().crossval / METRICS_JSON)
    planned = documents.read(Plan, paths.plan()).training.epochs
    answer = answer_of(evaluation, OUT_OF_FOLD)
    if not is_better_than_chance(evaluation):
        answer += (
            f" More is not to be expected of {evaluation.n_cases} cases and {epochs} of {planned} "
            "planned epochs: --cases and --epochs set both."
        )
    print(answer.strip())
    print("A simulation proves nothing about patients. " + common.RESEARCH_ONLY)


def _held(*, output: Path, **options: Any) -> int:
    """Run the demo while no other command writes its folder."""
    from ricenet_v2.core.locks import using

    with using(writes=[output]):
        return demo(output=output, **options)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: _held(**options), "ricenet_demo", argv)


if __name__ == "__main__":
    sys.exit(main())
