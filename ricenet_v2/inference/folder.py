"""Predicting a folder of patients: the next is read while the current one is predicted."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from ricenet_v2.core import documents
from ricenet_v2.core.ahead import one_ahead
from ricenet_v2.core.command import typed
from ricenet_v2.core.deadline import within
from ricenet_v2.core.documents import record
from ricenet_v2.core.errors import DatasetError, DiskFullError, LateError
from ricenet_v2.core.failures import logged
from ricenet_v2.core.files import check_writable, sha256_of_text, stamp
from ricenet_v2.core.names import fault_of, part, shown
from ricenet_v2.core.progress import track
from ricenet_v2.inference.described import check_images
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.inference.odds import Combine
from ricenet_v2.inference.patient import Patient, files_of, hash_of, prepare, refuse_other_labels
from ricenet_v2.records.cells import digits
from ricenet_v2.records.prediction import CasePrediction, FailedCase, Predictions
from ricenet_v2.store import tables
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON
from ricenet_v2.store.raw import find_cases, masks_beside

logger = logging.getLogger(__name__)

CASES = "cases"
"""Folder of the finished cases in that of the predictions."""
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Faults of writing that no later case would escape."""


@record
class FinishedCase:
    """One predicted case, kept so that an interrupted command can go on."""

    document: ClassVar[str] = "finished_case"
    schema: ClassVar[int] = 1

    made_by: str
    prediction: CasePrediction


def predict_folder(
    ensemble: Ensemble,
    source: Path,
    output: Path,
    *,
    combine: Combine = "mean",
    mirror: bool = True,
    resume: bool = False,
    masks: Path | None = None,
    seconds: float | None = None,
) -> Predictions:
    """Predict every case of a folder and write predictions.csv and predictions.json.

    Whatever goes wrong with one case is the fault of that case alone, and the others are predicted.

    Args:
        ensemble: The networks.
        source: Folder of CASE_0000 ... files.
        output: Where to write.
        combine: `mean` of probabilities or majority `vote`.
        mirror: Average over mirrorings.
        resume: Keep the cases that an interrupted command finished and whose files are the same.
        masks: Folder of CASE_brain files; beside an `images...` folder found by itself.
        seconds: That reading and preparing a case may take; as long as it takes where None.

    Raises:
        DatasetError: No cases, a dataset.json beside `source` has the channels in another order
            than the model, `output` holds predictions and `resume` is not set, another process
            writes there, nothing can be written there, or calibrated predictions without mirroring.
    """
    ensemble.check(mirror=mirror)
    check_images(ensemble.dataset, source)
    before = stamp(output / PREDICTIONS_CSV)
    cases = find_cases(source, len(ensemble.dataset.channels), ensemble.dataset.file_ending)
    made_by, command = _made_by(ensemble, combine, mirror=mirror), typed()
    kept = _kept(output, made_by, resume=resume)
    check_writable(output / CASES)
    masks = masks or masks_beside(source)
    if masks is not None:
        logger.info("Brain masks are taken from %s where they exist.", masks)
    failed = _unusable(cases)
    usable = {case: paths for case, paths in cases.items() if case not in failed}
    patients = [files_of(ensemble, case, paths, masks) for case, paths in usable.items()]
    finished = _unchanged(ensemble, patients, kept, seconds)
    todo = [patient for patient in patients if patient.case_id not in finished]
    coming = one_ahead(partial(prepare, ensemble.plan), todo, seconds)
    for patient, prepared in track(coming, "predicting", total=len(todo)):
        case = patient.case_id
        try:
            made = prepared.result()
            refuse_other_labels(ensemble, made.record)
            found = ensemble.predict(made.array, made.record, combine=combine, mirror=mirror)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are predicted
            failed[case] = logged(logger, f"{shown(case)} could not be predicted", error)
        else:
            _check_alone(output, made_by, before, case)
            fault = _write_case(output, FinishedCase(made_by, found))
            failed |= {case: fault} if fault else {}
            finished |= {} if fault else {case: found}
    predictions = ensemble.predictions(
        [finished[case] for case in cases if case in finished],
        [FailedCase(shown(case), text) for case, text in failed.items()],
        combine=combine,
        mirror=mirror,
        command=command,
    )
    _check_alone(output, made_by, before)
    write_predictions(output, predictions, ensemble.members)
    return predictions


def _write_case(output: Path, finished: FinishedCase) -> str:
    """Write a predicted case down; why that cannot be where it is the fault of this case alone.

    Raises:
        DatasetError: The disk takes nothing, so that all other cases would be lost too.
    """
    case = finished.prediction.case_id
    try:
        documents.write(_case_file(output, case), finished)
    except OSError as error:
        if not isinstance(error, DiskFullError) and error.errno not in _OF_THE_DISK:
            return logged(logger, f"{shown(case)} could not be predicted", error)
        raise DatasetError(
            "The prediction of this case cannot be written, and no other could.",
            case=case,
            file=output,
            got=error,
            remedy="Make room, or see to the disk, and run the same command with --continue: the "
            "cases before this one are kept.",
        ) from error
    return ""


def _check_alone(
    output: Path, made_by: str, before: tuple[int, int, int] | None, case: str | None = None
) -> None:
    """Refuse to mix with what another process writes, where locks do not keep it out.

    Raises:
        DatasetError: A table came meanwhile, or a file of the case by another model or options.
    """
    file = None if case is None else _case_file(output, case)
    mixes = file is not None and file.is_file() and _read_case(file).made_by != made_by
    if mixes or stamp(output / PREDICTIONS_CSV) != before:
        raise DatasetError(
            "Another process writes predictions into this folder.",
            case=case,
            file=output,
            expected="what was there when this command began",
            got="another table of predictions, or cases of another model or other options",
            remedy="Its predictions were kept. Name another folder with -o.",
        )


def _read_case(file: Path) -> FinishedCase:
    return documents.read(FinishedCase, file)


def write_predictions(output: Path, predictions: Predictions, folds: Iterable[int]) -> None:
    """Write predictions.csv and predictions.json.

    Args:
        output: Folder.
        predictions: What is written.
        folds: Of the members, in the order of their columns.
    """
    tables.write_rows(
        output / PREDICTIONS_CSV,
        [_row(case, predictions) for case in predictions.cases],
        _columns(predictions.classes, folds),
    )
    documents.write(output / PREDICTIONS_JSON, predictions)


def _unusable(cases: Iterable[str]) -> dict[str, str]:
    """Cases whose names no file can have, and why; the others go on without them."""
    failed = {
        case: f"This name cannot be part of a path: {fault}. Rename its images."
        for case in cases
        if (fault := fault_of(case))
    }
    for case, fault in failed.items():
        logger.error("%s could not be predicted: %s", ascii(case), fault)
    return failed


def _made_by(ensemble: Ensemble, combine: Combine, *, mirror: bool) -> str:
    hashes = [f"{name}={value}" for name, value in sorted(ensemble.hashes.items())]
    return sha256_of_text("\n".join([*hashes, combine, str(mirror), *ensemble.odds.told]))


def _case_file(output: Path, case: str) -> Path:
    return output / CASES / f"{part(case, 'case', output)}.json"


def _kept(output: Path, made_by: str, *, resume: bool) -> dict[str, CasePrediction]:
    """What an earlier command predicted, by case."""
    # Hidden ones are what a kill left of a file that was being written.
    files = sorted(
        path for path in (output / CASES).glob("*.json") if not path.name.startswith(".")
    )
    if not resume:
        if files or (output / PREDICTIONS_CSV).exists():
            raise DatasetError(
                "The output folder already holds predictions.",
                file=output,
                expected="an empty or new folder",
                remedy="Name another folder with -o, or go on with --continue.",
            )
        return {}
    kept = {}
    for file in files:
        case = _read_case(file)
        if case.made_by != made_by:
            raise DatasetError(
                "The output folder holds predictions of another model or other options.",
                case=case.prediction.case_id,
                file=file,
                remedy="Name another folder with -o, or repeat the command with the same options.",
            )
        kept[case.prediction.case_id] = case.prediction
    return kept


def _unchanged(
    ensemble: Ensemble,
    patients: Sequence[Patient],
    kept: Mapping[str, CasePrediction],
    seconds: float | None,
) -> dict[str, CasePrediction]:
    """The predictions whose files are still those that they were made of."""
    there = [patient for patient in patients if patient.case_id in kept]
    found = {}
    for patient in track(there, "checking finished cases", total=len(there)):
        case = kept[patient.case_id]
        try:
            made_of = within(seconds, hash_of, patient, ensemble.plan)
        except LateError:
            made_of = ""
        if made_of and case.source is not None and case.source.inputs_hash == made_of:
            found[patient.case_id] = case
        else:
            logger.warning(
                "%s is predicted again: its files are not those that it was predicted from.",
                patient.case_id,
            )
    return found


def _columns(classes: Sequence[str], folds: Iterable[int]) -> list[str]:
    """Of predictions.csv, also where no case could be predicted."""
    return [
        "case_id",
        "predicted",
        *(f"prob_{name}" for name in classes),
        *(f"prob_{name}__fold_{fold}" for fold in folds for name in classes),
        "entropy",
        "agreement",
        "disagreement",
        "distance",
        "distance_flag",
        "warnings",
    ]


def _row(case: CasePrediction, predictions: Predictions) -> dict[str, object]:
    combined = {
        f"prob_{name}": digits(value)
        for name, value in zip(predictions.classes, case.probabilities, strict=True)
    }
    members = {
        f"prob_{name}__fold_{member.fold}": digits(value)
        for member in case.members
        for name, value in zip(predictions.classes, member.probabilities, strict=True)
    }
    return {
        "case_id": case.case_id,
        "predicted": case.predicted,
        **combined,
        **members,
        "entropy": digits(case.entropy),
        "agreement": digits(case.agreement),
        "disagreement": digits(case.disagreement),
        "distance": digits(case.distance),
        "distance_flag": case.distance_flag,
        "warnings": "; ".join(case.warnings),
    }
