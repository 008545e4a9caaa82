"""ricenet_predict: ensemble predictions of a folder of patients."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common, numbers
from ricenet_v2.core.machine import n_cores

if TYPE_CHECKING:
    from ricenet_v2.inference.ensemble import Ensemble
    from ricenet_v2.records.prediction import Predictions


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = common.parser("Predict every patient of a folder with the trained folds.")
    common.add_new_cases(
        parser,
        "CASE_brain or CASE_lesion",
        "; or a raw dataset, whose test cases are predicted; or studies of new patients (DICOM), "
        "which are converted as the dataset of the model was",
    )
    common.add_case_timeout(parser)
    parser.add_argument(
        "--covariates_table",
        type=Path,
        metavar="FILE",
        help="table with case_id and the covariates that ricenet_fuse was given, which are added "
        "to the image (if left out: the image alone)",
    )
    parser.add_argument(
        "--combine",
        choices=("mean", "vote"),
        default="mean",
        help="combination of the networks: mean of their probabilities, or majority vote",
    )
    parser.add_argument(
        "--calibrated", action="store_true", help="apply the calibration of ricenet_calibrate"
    )
    parser.add_argument(
        "--prior",
        nargs="+",
        default=[],
        metavar="SHARE",
        help="frequency of the positive class where the patients come from, e.g. 0.1, or "
        "CLASS=SHARE for every class (if left out: as in the training cases)",
    )
    parser.add_argument(
        "--decide",
        choices=("balanced", "probable"),
        default="balanced",
        help="rule for the predicted class; balanced: the class whose probability is "
        "largest in relation to its prior; probable: the class with the highest probability",
    )
    parser.add_argument(
        "--per_patient",
        choices=("worst", "mean", "largest"),
        default="worst",
        help="rule for a patient whose cases are lesions: the lesion with the largest probability "
        "of the positive class, the mean, or the largest lesion",
    )
    parser.add_argument("--no_tta", action="store_true", help="switch off mirroring at test time")
    parser.add_argument(
        "--device",
        help="device that computes: cuda, mps or cpu (if left out: the best available)",
    )
    _add_studies(parser)
    common.add_workspace(parser)
    return parser


def _add_studies(parser: argparse.ArgumentParser) -> None:
    studies = parser.add_argument_group("studies of new patients")
    studies.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="manifest.csv that you have corrected (if left out: the one in WORK, which is drafted "
        "where there is none)",
    )
    studies.add_argument(
        "--work",
        type=Path,
        metavar="WORK",
        help="folder for what identifies the patients, with the table of the case ids (if left "
        "out: the folder of a scan that --manifest lies in, else OUT_work)",
    )
    studies.add_argument(
        "--num_workers",
        type=numbers.processes,
        default=min(8, n_cores()),
        metavar="N",
        help="largest number of processes that convert",
    )
    studies.add_argument(
        "--brain_command",
        default="",
        metavar="COMMAND",
        help="program that made the brain masks of the dataset, where one did; a model does not "
        "run it unless you name it",
    )


def predict(
    source: Path,
    output: Path,
    *,
    dataset: str | None,
    model: Path | None,
    plan: str,
    channels: str,
    resume: bool,
    masks: Path | None,
    covariates_table: Path | None,
    device: str | None,
    case_timeout: float | None,
    workspace: Path | None,
    no_tta: bool,
    manifest: Path | None,
    work: Path | None,
    num_workers: int,
    brain_command: str,
    **options: Any,
) -> int:
    """Predict; the arguments are those of the command.

    Returns:
        0, or 1 when some cases failed.
    """
    from ricenet_v2.api.prediction import PredictOptions, predicted
    from ricenet_v2.api.studies import StudyOptions
    from ricenet_v2.cli.convert_tables import show_patients
    from ricenet_v2.inference.channel_compatibility import warn_changed
    from ricenet_v2.inference.feature_reference import why_no_distance
    from ricenet_v2.inference.per_patient import PATIENTS_CSV
    from ricenet_v2.reporting.formatting import several
    from ricenet_v2.store.paths import DATASET_JSON, PREDICTIONS_CSV
    from ricenet_v2.store.workspace import dataset_paths

    def warn(ensemble: Ensemble) -> None:
        if dataset is not None:
            warn_changed(ensemble.dataset, dataset_paths(dataset, workspace).raw / DATASET_JSON)

    named = (model, dataset, plan, channels, workspace)
    folder, folds = common.named_model(*named, options.pop("folds"))
    run = predicted(
        source,
        output,
        folder,
        PredictOptions(mirror=not no_tta, folds=folds, **options),
        StudyOptions(manifest, work, num_workers, brain_command, case_timeout),
        masks=masks,
        covariates_table=covariates_table,
        resume=resume,
        device=device,
        case_timeout=case_timeout,
        observer=warn,
    )
    predictions, ensemble = run.predictions, run.ensemble
    common.table(
        f"{several(len(predictions.cases), 'prediction')} by "
        f"{several(len(ensemble.members), 'network')}. "
        f"{common.RESEARCH_ONLY}",
        ("case", "predicted", *predictions.classes, "agreement", "distance", "warnings"),
        [
            (
                case.case_id,
                case.predicted,
                *(f"{value:.3f}" for value in case.probabilities),
                f"{case.agreement:.2f}",
                case.distance_flag,
                "; ".join(case.warnings),
            )
            for case in predictions.cases
        ],
    )
    print(summary_of(predictions))
    if why := why_no_distance(ensemble.references.values()):
        print(f"Distances are not available: {why}.")
    print(f"Predictions: {output / PREDICTIONS_CSV}")
    if ensemble.plan.region is not None and ensemble.plan.region.per_lesion:
        print(f"Predictions of patients from their lesions: {output / PATIENTS_CSV}")
    refused = show_patients(run.patients) if run.patients is not None else frozenset()
    failed = [case for case in predictions.failed if case.case_id not in refused]
    if failed:
        common.table(
            f"{several(len(failed), 'case')} failed",
            ("case", "error"),
            [(case.case_id, case.error) for case in failed],
        )
    return common.SOME_FAILED if predictions.failed else common.OK


def summary_of(predictions: Predictions) -> str:
    """Population of the probabilities, and the rule for `predicted`, in sentences."""
    beware = [f"Note: {warning}." for warning in predictions.warnings]
    if not predictions.prior:
        return "\n".join(beware)
    shares = ", ".join(
        f"{name} {share:.3f}"
        for name, share in zip(predictions.classes, predictions.prior, strict=True)
    )
    whose = "the prior that was named" if predictions.prior_named else "the training cases"
    sentences = [f"Probabilities are for the class shares of {whose}: {shares}."]
    if predictions.combine == "vote":
        sentences.append("Those without a fold are proportions of votes.")
    if predictions.covariates:
        sentences.append(f"Covariates are added: {', '.join(predictions.covariates)}.")
    if predictions.calibrated:
        what = (
            "unchanged"
            if predictions.applied is None
            else f"with {predictions.applied.description}"
        )
        sentences.append(f"Calibrated: {what}.")
    rule = (
        "the class whose probability is largest for its share (--decide balanced)"
        if predictions.decide == "balanced"
        else "the most probable class"
    )
    sentences.append(
        f"The predicted class has the most votes; each network votes for {rule}."
        if predictions.combine == "vote"
        else f"Predicted is {rule}."
    )
    return "\n".join([" ".join(sentences), *beware])


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = common.parsed(build_parser(), argv)
    return common.run(lambda: predict(**options), "ricenet_predict", argv)


if __name__ == "__main__":
    sys.exit(main())
