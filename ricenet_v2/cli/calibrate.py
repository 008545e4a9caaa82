"""ricenet_calibrate: what makes the probabilities of a model right, from held-out cases."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.records.calibration import Calibration


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser(
        "Fit slope and offsets, or a temperature, on the out-of-fold predictions of a dataset, "
        "where that helps on cases it was not fitted on, and store it with the model."
    )
    parser.add_argument("dataset", help="dataset whose out-of-fold predictions are used")
    common.add_model(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="PREDICTIONS",
        help="predictions.csv of a test set, or its folder, predicted without --calibrated; "
        "shows what the calibration does to the ensemble",
    )
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="table with the labels of that test set (if left out: cases.csv of the dataset)",
    )
    common.add_resampling(parser)
    common.add_workspace(parser)
    return parser


def calibrate(dataset: str, **options: Any) -> int:
    """Calibrate; the arguments are those of the command.

    Returns:
        0.
    """
    from ricenet_v2.api.calibration import calibrate as fit
    from ricenet_v2.api.locations import model_folder
    from ricenet_v2.inference.recalibration import NOTHING
    from ricenet_v2.store.paths import ModelPaths

    calibration = fit(dataset, **options)
    place = {name: options[name] for name in ("plan", "channels", "workspace")}
    model = ModelPaths(model_folder(dataset, **place))
    show(calibration)
    print(
        f"Calibration: {model.calibration}. ricenet_predict --calibrated "
        + ("changes nothing." if calibration.form == NOTHING else "applies it.")
    )
    return common.OK


def show(calibration: Calibration) -> None:
    """Print what was fitted, what was tried, and what it does."""
    from ricenet_v2.cli.evaluate_tables import interval, number

    ends = f" ({calibration.interval})" if calibration.interval else ""
    print(
        f"{calibration.description}{ends}, from {calibration.n_cases} cases of "
        f"{calibration.n_patients} patients."
        + (f" Note: {calibration.warning}." if calibration.warning else "")
    )
    if not calibration.prior:
        print(
            "Note: the folds were trained by an older version, and their probabilities are not "
            "corrected for the prior of the training cases."
        )
    common.table(
        "Forms, by their log loss on cases that they were not fitted on",
        ("form", "log loss", "cases needed", "outcome"),
        [
            (
                each.form,
                "" if each.log_loss is None else f"{each.log_loss:.4f}",
                each.cases_needed,
                each.reason,
            )
            for each in calibration.trials
        ],
    )
    sides = {
        "Out-of-fold predictions (single networks; calibrated by the other folds)": (
            calibration.before,
            calibration.after,
        ),
        "Ensemble on the test set": (calibration.ensemble_before, calibration.ensemble_after),
    }
    for title, (before, after) in sides.items():
        if not before:
            continue
        common.table(
            title,
            ("metric", "before", "after", "n", "warning"),
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
    print(verdict(calibration))
    if not calibration.ensemble_before:
        print(
            "Its effect on the ensemble is unknown: an ensemble is less extreme than its "
            "members. Specify a test set with --predictions."
        )
    print(calibration.note)


def verdict(calibration: Calibration) -> str:
    """Whether the log loss of the out-of-fold cases fell, choosing the form included."""
    losses = [
        metric.value
        for metrics in (calibration.before, calibration.after)
        for metric in metrics
        if metric.name == "log loss" and metric.value is not None
    ]
    if len(losses) != 2:
        return "Whether it helps is not known."
    comparison = f"out-of-fold log loss {losses[0]:.3f} before, {losses[1]:.3f} after"
    if calibration.form == "nothing":
        return (
            f"No form improves the log loss: the probabilities remain unchanged ({comparison}, "
            "including the choice)."
        )
    if losses[1] < losses[0]:
        return f"It helps: {comparison}."
    return f"Whether it helps is not clear: {comparison}. The form differs between the folds."


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: calibrate(**options), "ricenet_calibrate", argv)


if __name__ == "__main__":
    sys.exit(main())
