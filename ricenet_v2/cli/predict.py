"""ricenet_predict: ensemble predictions of a folder of patients."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ricenet_v2.cli import common


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser("Predict every patient of a folder with the trained folds.")
    common.add_new_cases(parser, "CASE_brain")
    parser.add_argument("--combine", choices=("mean", "vote"), default="mean")
    parser.add_argument(
        "--calibrated", action="store_true", help="apply the temperature of ricenet_calibrate"
    )
    parser.add_argument("--no_tta", action="store_true", help="no mirroring at test time")
    parser.add_argument("--device", help="cuda, mps or cpu; the best there is if left out")
    common.add_workspace(parser)
    return parser


def predict(
    source: Path,
    output: Path,
    *,
    dataset: str | None = None,
    model: Path | None = None,
    plan: str = "auto",
    channels: str = "all",
    folds: Sequence[int] | None = None,
    checkpoint: str = "final",
    combine: Literal["mean", "vote"] = "mean",
    calibrated: bool = False,
    no_tta: bool = False,
    resume: bool = False,
    masks: Path | None = None,
    device: str | None = None,
    workspace: Path | None = None,
) -> int:
    """Predict; the arguments are those of the command.

    Returns:
        0, or 1 when some cases failed.
    """
    from ricenet_v2.inference.ensemble import load_ensemble
    from ricenet_v2.inference.folder import predict_folder
    from ricenet_v2.report.words import several
    from ricenet_v2.store.paths import PREDICTIONS_CSV

    model = common.model_folder(model, dataset, plan, channels, workspace)
    ensemble = load_ensemble(model, folds, checkpoint, device, calibrated=calibrated)
    found = predict_folder(
        ensemble, source, output, combine=combine, mirror=not no_tta, resume=resume, masks=masks
    )
    common.table(
        f"{several(len(found.cases), 'prediction')} by "
        f"{several(len(ensemble.members), 'network')}. "
        f"{common.RESEARCH_ONLY}",
        ("case", "predicted", *found.classes, "agreement", "distance", "warnings"),
        [
            (
                case.case_id,
                case.predicted,
                *(f"{value:.3f}" for value in case.probabilities),
                f"{case.agreement:.2f}",
                case.distance_flag,
                "; ".join(case.warnings),
            )
            for case in found.cases
        ],
    )
    print(f"Predictions: {output / PREDICTIONS_CSV}")
    if not found.failed:
        return common.OK
    common.table(
        f"{several(len(found.failed), 'case')} failed",
        ("case", "error"),
        [(case.case_id, case.error) for case in found.failed],
    )
    return common.SOME_FAILED


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = vars(build_parser().parse_args(argv))
    return common.run(lambda: predict(**options))


if __name__ == "__main__":
    sys.exit(main())
