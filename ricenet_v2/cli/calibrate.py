"""ricenet_calibrate: the temperature of a model, from its out-of-fold predictions."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.records.calibration import Calibration


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Fit a temperature on the out-of-fold predictions of a dataset and store it with the model."
    )
    parser.add_argument("dataset", help="dataset whose folds are pooled")
    common.add_model(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="PREDICTIONS",
        help="predictions.csv, or its folder, of a test set (made without --calibrated), to show "
        "what the temperature does to the ensemble",
    )
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="its table of truths; cases.csv of the dataset if left out",
    )
    common.add_resampling(parser)
    common.add_workspace(parser)
    return parser


def calibrate(
    dataset: str,
    *,
    plan: str = "auto",
    channels: str = "all",
    predictions: Path | None = None,
    truth: Path | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: Path | None = None,
) -> int:
    """Calibrate; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.core import documents
    from ricenet_v2.core.command import typed
    from ricenet_v2.core.errors import DatasetError
    from ricenet_v2.evaluation import question
    from ricenet_v2.evaluation.calibrate import calibrate as fit
    from ricenet_v2.evaluation.calibrate import with_ensemble
    from ricenet_v2.evaluation.evaluate import Options
    from ricenet_v2.inference.temperature import has_met_limit, temperature_of_predictions
    from ricenet_v2.store.paths import PREDICTIONS_JSON, dataset_paths

    asked = question.out_of_fold(dataset, plan, channels, workspace)
    model = dataset_paths(dataset, workspace).run(plan, channels)
    options = Options(asked.positive, n_bootstrap=n_bootstrap, seed=seed)
    made = fit(asked.scored, model, options)
    if predictions is not None:
        predictions = common.table_of(predictions)
        if (temperature := temperature_of_predictions(predictions)) is not None:
            raise DatasetError(
                "These predictions are calibrated already and would be scaled twice.",
                file=predictions,
                got=f"temperature {temperature:.3f} in {PREDICTIONS_JSON} beside them",
                remedy="Predict the test set without --calibrated and name that file.",
            )
        test = question.of_dataset(dataset, plan, channels, workspace, predictions, truth)
        made = with_ensemble(made, test.scored, options)
    documents.write(model.calibration, dataclasses.replace(made, command=typed()))
    show(made)
    print(
        f"Calibration: {model.calibration}. ricenet_predict --calibrated "
        + ("refuses it." if has_met_limit(made.temperature) else "applies it.")
    )
    return common.OK


def show(made: Calibration) -> None:
    """Print the temperature and what it does."""
    from ricenet_v2.cli.evaluate_tables import interval, number

    ends = f" ({made.low:.3f} to {made.high:.3f})" if made.low and made.high else ""
    print(
        f"Temperature {made.temperature:.3f}{ends}, from {made.n_cases} cases of "
        f"{made.n_patients} patients." + (f" Beware: {made.warning}." if made.warning else "")
    )
    sides = {
        "Out-of-fold predictions (single networks; scaled by the other folds' temperature)": (
            made.before,
            made.after,
        ),
        "Ensemble on the test set": (made.ensemble_before, made.ensemble_after),
    }
    for title, (before, after) in sides.items():
        if not before:
            continue
        common.table(
            title,
            ("figure", "before", "after", "n", "warning"),
            [
                (
                    old.name,
                    f"{number(old.value)} ({interval(old)})",
                    f"{number(new.value)} ({interval(new)})",
                    old.n,
                    old.warning,
                )
                for old, new in zip(before, after, strict=True)
            ],
        )
    print(verdict(made))
    if not made.ensemble_before:
        print(
            "What it does to the ensemble is not known: an ensemble is less extreme than its "
            "members. Name a test set with --predictions."
        )
    print(made.note)


def verdict(made: Calibration) -> str:
    """Whether the log loss of the out-of-fold cases fell, and the temperature is told from 1."""
    losses = [
        figure.value
        for figures in (made.before, made.after)
        for figure in figures
        if figure.name == "log loss" and figure.value is not None
    ]
    if len(losses) != 2:
        return "Whether it helps cannot be told."
    told = f"out-of-fold log loss {losses[0]:.3f} before, {losses[1]:.3f} after"
    if losses[1] < losses[0]:
        if made.low is None or made.high is None or made.low <= 1 <= made.high:
            return f"Whether it helps cannot be told: {told}, but 1, no change, is in the interval."
        return f"It helps: {told}."
    return f"It does not help: {told}. Predict without --calibrated."


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: calibrate(**options))


if __name__ == "__main__":
    sys.exit(main())
