"""Predicting a folder of patients: the next is read while the current one is predicted."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.documents import record
from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.progress import track
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.inference.ensemble import Combine, Ensemble
from ricenet_v2.preprocessing.pipeline import load_case, preprocess
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.prediction import CasePrediction, FailedCase, Predictions
from ricenet_v2.store import tables
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON
from ricenet_v2.store.raw import find_cases, mask_path, masks_beside

logger = logging.getLogger(__name__)

_FAULTS = (RicenetError, OSError, RuntimeError, ValueError, MemoryError)


@record
class FinishedCase:
    """One predicted case, kept so that an interrupted command can go on."""

    document: ClassVar[str] = "finished_case"
    schema: ClassVar[int] = 1

    made_by: str
    prediction: CasePrediction


@dataclass(frozen=True)
class _Prepared:
    array: NDArray[np.float32]
    record: PreprocessedCase


def predict_folder(
    ensemble: Ensemble,
    source: Path,
    output: Path,
    *,
    combine: Combine = "mean",
    mirror: bool = True,
    resume: bool = False,
    masks: Path | None = None,
) -> Predictions:
    """Predict every case of a folder and write predictions.csv and predictions.json.

    Args:
        ensemble: The networks.
        source: Folder of CASE_0000 ... files.
        output: Where to write.
        combine: `mean` of probabilities or majority `vote`.
        mirror: Average over mirrorings.
        resume: Keep the cases that an interrupted command finished.
        masks: Folder of CASE_brain files; beside an `images...` folder found by itself.

    Raises:
        DatasetError: No cases, or `output` holds predictions and `resume` is not set.
    """
    cases = find_cases(source, len(ensemble.dataset.channels), ensemble.dataset.file_ending)
    made_by = _made_by(ensemble, combine, mirror=mirror)
    finished = _finished(output, made_by, resume=resume)
    masks = masks or masks_beside(source)
    if masks is not None:
        logger.info("Brain masks are taken from %s where they exist.", masks)
    failed: dict[str, str] = {}
    todo = {case: paths for case, paths in cases.items() if case not in finished}
    for case, prepared in track(_ahead(ensemble, todo, masks), "predicting", total=len(todo)):
        try:
            made = prepared.result()
            found = ensemble.predict(made.array, made.record, combine=combine, mirror=mirror)
        except _FAULTS as error:
            failed[case] = str(error)
            logger.error("%s could not be predicted: %s", case, error)  # noqa: TRY400 - the user reads the reason, not a traceback
            continue
        documents.write(_case_file(output, case), FinishedCase(made_by, found))
        finished[case] = found
    predictions = Predictions(
        dataset=ensemble.dataset.name,
        plan=ensemble.plan.name,
        plan_hash=documents.fingerprint_of(ensemble.plan),
        checkpoint_hashes=ensemble.hashes,
        classes=ensemble.plan.classes,
        combine=combine,
        mirrored=mirror,
        cases=tuple(finished[case] for case in cases if case in finished),
        failed=tuple(FailedCase(case, text) for case, text in failed.items()),
    )
    tables.write_rows(
        output / PREDICTIONS_CSV, [_row(case, predictions) for case in predictions.cases]
    )
    documents.write(output / PREDICTIONS_JSON, predictions)
    return predictions


def _ahead(
    ensemble: Ensemble, cases: Mapping[str, tuple[Path, ...]], masks: Path | None
) -> Iterator[tuple[str, Future[_Prepared]]]:
    """Prepared cases in order; one is read ahead in a thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: list[tuple[str, Future[_Prepared]]] = []
        for case, paths in cases.items():
            waiting.append((case, pool.submit(_prepare, ensemble, case, paths, masks)))
            if len(waiting) > 1:
                yield waiting.pop(0)
        yield from waiting


def _prepare(
    ensemble: Ensemble, case: str, paths: tuple[Path, ...], masks: Path | None
) -> _Prepared:
    chosen = [paths[index] for index in ensemble.channel_indices]
    brain = None if masks is None else mask_path(masks, case, "brain", ensemble.dataset.file_ending)
    if brain is not None and not brain.is_file():
        brain = None
    doubts = _doubts(ensemble, case, chosen, brain)
    images, grid, mask = load_case(chosen, brain)
    array, record = preprocess(images, grid, ensemble.plan, case, mask)
    return _Prepared(array, dataclasses.replace(record, warnings=(*doubts, *record.warnings)))


def _doubts(ensemble: Ensemble, case: str, images: list[Path], brain: Path | None) -> list[str]:
    """What the integrity check of a dataset would warn of.

    Raises:
        DatasetError: It finds errors, e.g. a file whose end is cut off, which ITK reads as zeros.
    """
    channels = [ensemble.dataset.channels[index] for index in ensemble.channel_indices]
    findings = check_case(Case(case, case, label=""), channels, images, brain)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise DatasetError(
            "The images of this patient cannot be used.",
            case=case,
            got="; ".join(f"{finding.file}: {finding.found}" for finding in errors),
            remedy=" ".join(dict.fromkeys(finding.remedy for finding in errors)),
        )
    # Preprocessing says of negative doses itself what it did with them.
    return [
        f"{finding.file}: {finding.check}, {finding.found}"
        for finding in findings
        if finding.check != "negative dose"
    ]


def _made_by(ensemble: Ensemble, combine: Combine, *, mirror: bool) -> str:
    hashes = [f"{name}={value}" for name, value in sorted(ensemble.hashes.items())]
    return sha256_of_text("\n".join([*hashes, combine, str(mirror)]))


def _case_file(output: Path, case: str) -> Path:
    return output / "cases" / f"{case}.json"


def _finished(output: Path, made_by: str, *, resume: bool) -> dict[str, CasePrediction]:
    files = sorted((output / "cases").glob("*.json"))
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
        case = documents.read(FinishedCase, file)
        if case.made_by != made_by:
            raise DatasetError(
                "The output folder holds predictions of another model or other options.",
                case=case.prediction.case_id,
                file=file,
                remedy="Name another folder with -o, or repeat the command with the same options.",
            )
        kept[case.prediction.case_id] = case.prediction
    return kept


def _row(case: CasePrediction, predictions: Predictions) -> dict[str, object]:
    combined = {
        f"prob_{name}": value
        for name, value in zip(predictions.classes, case.probabilities, strict=True)
    }
    members = {
        f"prob_{name}__fold_{member.fold}": value
        for member in case.members
        for name, value in zip(predictions.classes, member.probabilities, strict=True)
    }
    return {
        "case_id": case.case_id,
        "predicted": case.predicted,
        **combined,
        **members,
        "entropy": case.entropy,
        "agreement": case.agreement,
        "warnings": "; ".join(case.warnings),
    }
