"""Each predicted case in a file of its own, kept so that an interrupted command can go on."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ricenet_v2.core import documents
from ricenet_v2.core.deadline import within
from ricenet_v2.core.documents import record
from ricenet_v2.core.errors import DatasetError, DiskFullError, LateError
from ricenet_v2.core.failures import logged_in_short
from ricenet_v2.core.files import sha256_of_text, stamp
from ricenet_v2.core.names import part, shown
from ricenet_v2.core.progress import track
from ricenet_v2.core.spelling import composed
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.odds import Combine
from ricenet_v2.inference.patient import NewPatient, hash_of
from ricenet_v2.records.prediction import CasePrediction
from ricenet_v2.store.paths import PREDICTIONS_CSV
from ricenet_v2.store.raw import stored

logger = logging.getLogger(__name__)

CASES = "cases"
"""Folder of the finished cases in that of the predictions."""
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Faults of writing that no later case would escape."""


@record
class FinishedCase:
    """One predicted case, and what it was predicted by."""

    document: ClassVar[str] = "finished_case"
    schema: ClassVar[int] = 1

    made_by: str
    prediction: CasePrediction


def maker_of(ensemble: Ensemble, combine: Combine, *, mirror: bool) -> str:
    """SHA-256 over the networks and options that a prediction is made by."""
    hashes = [f"{name}={value}" for name, value in sorted(ensemble.hashes.items())]
    return sha256_of_text("\n".join([*hashes, combine, str(mirror), *ensemble.odds.told]))


def _case_file(output: Path, case: str) -> Path:
    return stored(output / CASES / f"{part(case, 'case', output)}.json")


def write_case(output: Path, finished: FinishedCase) -> str:
    """Write a predicted case down; why that cannot be where it is the fault of this case alone.

    Raises:
        DatasetError: The disk takes nothing, so that all other cases would be lost too.
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
            remedy="Make room, or see to the disk, and run the same command with --continue: the "
            "cases before this one are kept.",
        ) from error
    return ""


def check_alone(
    output: Path, made_by: str, before: tuple[int, int, int] | None, case: str | None = None
) -> None:
    """Refuse to mix with what another process writes, where locks do not keep it out.

    Args:
        output: Folder.
        made_by: Of this command, see `maker_of`.
        before: Stamp of the table when this command began.
        case: That is written next.

    Raises:
        DatasetError: A table came meanwhile, or a file of the case by another model or options.
    """
    file = None if case is None else _case_file(output, case)
    mixes = file is not None and file.is_file() and _read(file).made_by != made_by
    if mixes or stamp(output / PREDICTIONS_CSV) != before:
        raise DatasetError(
            "Another process writes predictions into this folder.",
            case=case,
            file=output,
            expected="what was there when this command began",
            got="another table of predictions, or cases of another model or other options",
            remedy="Its predictions were kept. Name another folder with -o.",
        )


def _read(file: Path) -> FinishedCase:
    return documents.read(FinishedCase, file)


def read_finished(output: Path, made_by: str, *, resume: bool) -> dict[str, CasePrediction]:
    """What earlier commands predicted, by the case's name in the composed Unicode normal form.

    Args:
        output: Folder.
        made_by: Of this command, see `maker_of`.
        resume: Whether it may go on with what is there.

    Raises:
        DatasetError: The folder holds predictions and `resume` is not set, or they were made by
            another model or other options.
    """
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
        case = _read(file)
        if case.made_by != made_by:
            raise DatasetError(
                "The output folder holds predictions of another model or other options.",
                case=case.prediction.case_id,
                file=file,
                remedy="Name another folder with -o, or repeat the command with the same options.",
            )
        kept[composed(case.prediction.case_id)] = case.prediction
    return kept


def of_same_files(
    ensemble: Ensemble,
    patients: Sequence[NewPatient],
    kept: Mapping[str, CasePrediction],
    seconds: float | None,
) -> dict[str, CasePrediction]:
    """The predictions of patients whose files are still those that they were made of, by case.

    Args:
        ensemble: The networks.
        patients: The present ones.
        kept: As `read_finished` gives them.
        seconds: That reading the files of a patient may take; as long as it takes where None.
    """
    there = [patient for patient in patients if composed(patient.case_id) in kept]
    found = {}
    for patient in track(there, "checking finished cases", total=len(there)):
        case = kept[composed(patient.case_id)]
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
