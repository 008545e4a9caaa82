"""A file for each predicted case, kept so that an interrupted command can continue."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ricenet_v2.core import documents
from ricenet_v2.core.deadline import within
from ricenet_v2.core.documents import record
from ricenet_v2.core.errors import DatasetError, DiskFullError, DocumentError, LateError
from ricenet_v2.core.failures import logged_in_short
from ricenet_v2.core.files import sha256_of_text, stamp
from ricenet_v2.core.names import part, shown
from ricenet_v2.core.progress import track
from ricenet_v2.core.spelling import composed
from ricenet_v2.inference.combining import Combine
from ricenet_v2.inference.fusion import PatientCovariates
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.patient import NewPatient, hash_of
from ricenet_v2.inference.retained_cases import (
    Finished,
    check_own_file,
    files_of_cases,
    read_each,
)
from ricenet_v2.records.prediction import CasePrediction
from ricenet_v2.store.paths import PREDICTIONS_CSV
from ricenet_v2.store.raw import stored

logger = logging.getLogger(__name__)

CASES = "cases"
"""Folder of the finished cases in that of the predictions."""
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Faults of writing that every later case would have too."""


@record
class FinishedCase:
    """One predicted case, and the model and options that predicted it."""

    document: ClassVar[str] = "finished_case"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    made_by: str
    prediction: CasePrediction


def maker_of(ensemble: Ensemble, combine: Combine, *, mirror: bool) -> str:
    """SHA-256 over the networks and options that a prediction is made by."""
    hashes = [f"{name}={value}" for name, value in sorted(ensemble.hashes.items())]
    return sha256_of_text("\n".join([*hashes, combine, str(mirror), *ensemble.odds.described]))


def _case_file(output: Path, case: str) -> Path:
    return stored(output / CASES / f"{part(case, 'case', output)}.json")


def write_case(output: Path, finished: FinishedCase) -> str:
    """Write a predicted case; the reason where this fails for this case alone.

    Raises:
        DatasetError: The disk cannot be written, so that all other cases would be lost too.
    """
    case = finished.prediction.case_id
    try:
        documents.write(_case_file(output, case), finished)
    except OSError as error:
        if not isinstance(error, DiskFullError) and error.errno not in _OF_THE_DISK:
            return logged_in_short(logger, f"{shown(case)} could not be predicted", error)
        raise DatasetError(
            "The prediction of this case cannot be written, and no other could.",
            case=case,
            file=output,
            got=error,
            remedy="Free disk space, or repair the disk, and run the same command with --continue: "
            "the cases before this one are kept.",
        ) from error
    return ""


def check_alone(
    output: Path, made_by: str, before: tuple[int, int, int] | None, case: str | None = None
) -> None:
    """Refuse to mix with what another process writes, where locks do not keep it out.

    Args:
        output: Folder.
        made_by: Digest of this command, see `maker_of`.
        before: Stamp of the table when this command began.
        case: Case that is written next.

    Raises:
        DatasetError: A table came meanwhile, or a file of the case by another model or options.
    """
    mixes = case is not None and _is_of_another(_case_file(output, case), made_by)
    if mixes or stamp(output / PREDICTIONS_CSV) != before:
        raise DatasetError(
            "Another process writes predictions into this folder.",
            case=case,
            file=output,
            expected="what was there when this command began",
            got="another table of predictions, or cases of another model or other options",
            remedy="Its predictions were kept. Choose another folder with -o.",
        )


def _is_of_another(file: Path, made_by: str) -> bool:
    """Whether there is a prediction by another model or options; damaged files do not count."""
    if not file.is_file():
        return False
    try:
        return documents.read(FinishedCase, file).made_by != made_by
    except DocumentError:
        return False


def check_free(output: Path, *, resume: bool) -> None:
    """Refuse a folder that holds predictions, where a command is not to go on with them.

    Raises:
        DatasetError: It does.
    """
    if resume or not (files_of_cases(output / CASES) or (output / PREDICTIONS_CSV).exists()):
        return
    raise DatasetError(
        "The output folder already holds predictions.",
        file=output,
        expected="an empty or new folder",
        remedy="Choose another folder with -o, or resume with --continue.",
    )


def read_finished(
    output: Path,
    made_by: str,
    *,
    resume: bool,
    fault_of: Callable[[CasePrediction], str] = lambda _: "",
) -> Finished[CasePrediction]:
    """Read the predictions of earlier commands.

    Args:
        output: Folder.
        made_by: Digest of this command, see `maker_of`.
        resume: Whether it may go on with what is there.
        fault_of: Function that returns an inconsistency of a prediction, in words: files of earlier
            versions have no checksum.

    Raises:
        DatasetError: The folder holds predictions and `resume` is not set, or they were made by
            another model or other options.
    """
    check_free(output, resume=resume)
    if not resume:
        return Finished()
    files = files_of_cases(output / CASES)

    def read(file: Path) -> CasePrediction:
        case = documents.read(FinishedCase, file)
        check_own_file(case.prediction.case_id, file)
        if case.made_by != made_by:
            raise DatasetError(
                "The output folder holds predictions of another model or other options.",
                case=case.prediction.case_id,
                file=file,
                remedy="Choose another folder with -o, or repeat the command with the same "
                "options.",
            )
        if fault := fault_of(case.prediction):
            raise DocumentError("This prediction is damaged.", file=file, got=fault)
        return case.prediction

    return read_each(files, read)


def of_same_files(
    ensemble: Ensemble,
    patients: Sequence[NewPatient],
    kept: Finished[CasePrediction],
    seconds: float | None,
) -> dict[str, CasePrediction]:
    """The predictions of patients whose files are still those that they were made of, by case.

    Args:
        ensemble: The networks.
        patients: The present ones.
        kept: Cases that are kept, as `read_finished` returns them.
        seconds: Time in seconds that reading the files of a patient may take; None for no limit.
    """
    for patient in patients:
        if why := kept.damaged.get(composed(patient.case_id)):
            logger.warning(
                "%s is predicted again: its file in the folder %s cannot be used (%s).",
                patient.case_id,
                CASES,
                why,
            )
    there = [patient for patient in patients if composed(patient.case_id) in kept.whole]
    files = {}
    for patient in track(there, "checking finished cases", total=len(there)):
        case = kept.whole[composed(patient.case_id)]
        try:
            made_of = within(seconds, hash_of, patient, ensemble.plan)
        except LateError:
            made_of = ""
        if made_of and case.source is not None and case.source.inputs_hash == made_of:
            files[patient.case_id] = case
        else:
            logger.warning(
                "%s is predicted again: its files are not those that it was predicted from.",
                patient.case_id,
            )
    return files


def of_same_covariates(
    finished: Mapping[str, CasePrediction], covariates: Mapping[str, PatientCovariates]
) -> dict[str, CasePrediction]:
    """The predictions that the present covariates were added to, by case.

    Args:
        finished: Predictions of the same files.
        covariates: Covariates of the present cases; empty where none are added.
    """
    same = {}
    for case, prediction in finished.items():
        if case in covariates and prediction.covariates != dict(covariates[case].cells):
            logger.warning("%s is predicted again: its covariates have changed.", case)
        else:
            same[case] = prediction
    return same
