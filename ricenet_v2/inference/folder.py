"""Predicting a folder of patients: the next is read while the current one is predicted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.ahead import one_ahead
from ricenet_v2.core.command import invocation
from ricenet_v2.core.device_faults import has_lost_device, lost_device
from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.failures import logged_in_short
from ricenet_v2.core.files import check_writable, stamp
from ricenet_v2.core.names import shown
from ricenet_v2.core.progress import track
from ricenet_v2.inference.channel_compatibility import check_images
from ricenet_v2.inference.combining import Combine
from ricenet_v2.inference.converted import ConvertedPatients
from ricenet_v2.inference.covariate_rows import read_covariates
from ricenet_v2.inference.finished import (
    CASES,
    FinishedCase,
    check_alone,
    maker_of,
    of_same_covariates,
    of_same_files,
    read_finished,
    write_case,
)
from ricenet_v2.inference.fusion import PatientCovariates
from ricenet_v2.inference.lesions import ListedCases, cases_of, patients_of
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.patient import files_of, prepare
from ricenet_v2.inference.per_patient import PatientRule, write_patients
from ricenet_v2.inference.prediction_consistency import inconsistency
from ricenet_v2.inference.retained_cases import Finished, check_rows, of_others, warn_kept
from ricenet_v2.inference.table import write_predictions
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.prediction import CasePrediction, FailedCase, Predictions
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON
from ricenet_v2.store.raw import faults_of_names, find_cases, image_path, masks_beside

logger = logging.getLogger(__name__)


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
    converted: ConvertedPatients | None = None,
    covariates: Path | None = None,
    per_patient: PatientRule = "worst",
) -> Predictions:
    """Predict every case of a folder and write predictions.csv and predictions.json.

    Whatever goes wrong with one case is the fault of that case alone, and the others are predicted.

    Args:
        ensemble: The networks.
        source: Folder of CASE_0000 ... files.
        output: Where to write.
        combine: `mean` of probabilities or majority `vote`.
        mirror: Average over mirrorings.
        resume: Keep the cases that an interrupted command finished and whose files are the same,
            and all results of earlier commands for cases that are not in `source`.
        masks: Folder of CASE_brain or CASE_lesion files; if left out, the one beside an `images...`
            folder.
        seconds: Time in seconds that reading and preparing a case may take; None for no limit.
        converted: Cases of the folder that are predicted, if they were converted for that; all
            where None.
        covariates: Table of those that the fusion of the networks takes, where there is one.
        per_patient: Rule by which lesions that are cases become a prediction of their patient.

    Returns:
        All that is written, that of earlier commands among it.

    Raises:
        DatasetError: No cases, a dataset.json beside `source` has the channels in another order
            than the model, `output` holds predictions and `resume` is not set, or such that would
            be lost or are of another model or other options; another process writes there, nothing
            can be written there, or calibrated predictions without mirroring.
        DeviceLostError: The device failed; no further case is begun.
    """
    ensemble.check(mirror=mirror)
    check_images(ensemble.dataset, source)
    before = stamp(output / PREDICTIONS_CSV)
    images, refused = _cases(ensemble.dataset, source, converted)
    masks = masks or masks_beside(source)
    made_by, command = maker_of(ensemble, combine, mirror=mirror), invocation()
    fits = partial(inconsistency, ensemble=ensemble, combine=combine)
    kept = read_finished(output, made_by, resume=resume, fault_of=fits)
    listed = cases_of(ensemble.dataset, ensemble.plan, images, masks, output)
    cases, refused = listed.paths, {**refused, **listed.failed}
    done, failed = _of_earlier(output, kept, [*cases, *refused]) if resume else ({}, {})
    failed |= refused
    check_writable(output / CASES)
    if masks is not None:
        logger.info("Masks are taken from %s where they exist.", masks)
    unusable = faults_of_names(cases)
    for case, fault in unusable.items():
        logger.error("%s could not be predicted: %s", ascii(case), fault)
    facts, without = _facts(ensemble, covariates, cases)
    unusable |= {case: fault for case, fault in without.items() if case not in unusable}
    usable = {case: paths for case, paths in cases.items() if case not in unusable}
    failed |= unusable
    patients = [files_of(ensemble, case, paths, listed.masks) for case, paths in usable.items()]
    finished = of_same_covariates(of_same_files(ensemble, patients, kept, seconds), facts)
    todo = [patient for patient in patients if patient.case_id not in finished]
    coming = one_ahead(partial(prepare, ensemble.plan), todo, seconds)
    for patient, prepared in track(coming, "predicting", total=len(todo)):
        case = patient.case_id
        try:
            patient_input = prepared.result()
            ensemble.check_labels(patient_input.record)
            prediction = ensemble.predict(
                patient_input.array,
                patient_input.record,
                combine=combine,
                mirror=mirror,
                covariates=facts.get(case),
            )
        except Exception as error:
            if has_lost_device(error):
                what = f"The device failed while {shown(case)} was predicted; no other is begun."
                raise lost_device(error, what) from error
            # Whatever it is, the others are predicted.
            failed[case] = logged_in_short(logger, f"{shown(case)} could not be predicted", error)
        else:
            if converted is not None:
                prediction = converted.noted(prediction)
            check_alone(output, made_by, before, case)
            fault = write_case(output, FinishedCase(made_by, prediction))
            failed |= {case: fault} if fault else {}
            finished |= {} if fault else {case: prediction}
    done |= finished
    predictions = ensemble.predictions(
        [done[case] for case in sorted(done)],
        [FailedCase(shown(case), failed[case]) for case in sorted(failed)],
        combine=combine,
        mirror=mirror,
        command=command,
    )
    check_alone(output, made_by, before)
    write_predictions(output, predictions, ensemble.members)
    _write_patients(ensemble, source, output, listed, predictions, per_patient)
    return predictions


def _write_patients(
    ensemble: Ensemble,
    source: Path,
    output: Path,
    listed: ListedCases,
    predictions: Predictions,
    rule: PatientRule,
) -> None:
    """The prediction of each patient, where cases are lesions."""
    if ensemble.plan.region is None or not ensemble.plan.region.per_lesion:
        return
    dataset = ensemble.dataset
    volumes = listed.volumes(dataset.file_ending)
    positive = dataset.classes[dataset.positive_index]
    write_patients(output, predictions, patients_of(source, listed.paths), volumes, rule, positive)


def _cases(
    dataset: Dataset, source: Path, converted: ConvertedPatients | None
) -> tuple[dict[str, tuple[Path, ...]], Mapping[str, str]]:
    """Paths of the channels of each case, and why other cases cannot be used."""
    n_channels, ending = len(dataset.channels), dataset.file_ending
    if converted is None:
        return find_cases(source, n_channels, ending), {}
    paths = {
        case: tuple(image_path(source, case, index, ending) for index in range(n_channels))
        for case in converted.cases
    }
    return paths, converted.refused


def _facts(
    ensemble: Ensemble, table: Path | None, cases: Iterable[str]
) -> tuple[Mapping[str, PatientCovariates], Mapping[str, str]]:
    """Covariates of the cases, and why others have none; nothing where the image is alone."""
    fusion = ensemble.odds.fusion
    if fusion is None or table is None:
        return {}, {}
    rows = read_covariates(fusion, table, cases)
    for case, fault in rows.faults.items():
        logger.error("%s could not be predicted: %s", ascii(case), fault.partition("\n")[0])
    return rows.patients, rows.faults


def _of_earlier(
    output: Path, kept: Finished[CasePrediction], cases: Iterable[str]
) -> tuple[dict[str, CasePrediction], dict[str, str]]:
    """Predictions of earlier commands, and why others failed, of cases that are not present.

    A case that failed after it had been predicted counts as failed: its files had changed.
    """
    check_rows(output / PREDICTIONS_CSV, kept.cases(), cases)
    failed = of_others(_failed_before(output / PREDICTIONS_JSON), cases)
    failed |= kept.damaged_of_others(cases)
    done = {
        prediction.case_id: prediction
        for prediction in of_others(of_others(kept.whole, cases), failed).values()
    }
    warn_kept("predictions", done)
    warn_kept("failures", failed)
    return done, failed


def _failed_before(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        return {case.case_id: case.error for case in documents.read(Predictions, file).failed}
    except RicenetError as error:
        logger.warning("The failed cases listed in %s can no longer be read: %s", file, error.what)
        return {}
