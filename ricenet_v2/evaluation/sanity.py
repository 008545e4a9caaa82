"""Checks that metrics are not too good to be true."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.listing import first_of
from ricenet_v2.evaluation.evaluate import EvaluationOptions, metrics_of
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.initial_weight_leakage import first_weights, judged_by_fold
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.permutation import shuffled_labels
from ricenet_v2.evaluation.tabular.regression import fit
from ricenet_v2.evaluation.training_images import training_images
from ricenet_v2.fingerprinting.confounders import (
    LESION_MASK,
    Confounder,
    confounders,
    measured_traits,
)
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.fingerprint import CaseMeasurement, Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.sanity import Outcome, Sanity, SanityCheck
from ricenet_v2.records.typical import volume_of
from ricenet_v2.store.as_trained import held_out_by, since_training
from ricenet_v2.store.case_table import read_cases
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON, DatasetPaths
from ricenet_v2.store.raw import read_dataset

logger = logging.getLogger(__name__)

SIZE_AND_SPACING = "size and spacing only"
CONFOUNDING = "classes imaged differently"
CHECKED_ALONE = ("brain mask", LESION_MASK, "first voxel", volume_of(LESION_MASK))
_DUPLICATES = "same image in two cases"
_MOST_LISTED, _SHUFFLES = 5, 999


@dataclass(frozen=True)
class SanityOptions:
    """Optional checks beside those for patients and images on both sides.

    Attributes:
        n_permutations: Shuffles of the labels; 0 for none.
        size_and_spacing: Whether to fit a model of size and spacing alone.
        seed: Random seed of the shuffles and of the inner folds.
    """

    n_permutations: int = 0
    size_and_spacing: bool = False
    seed: int = 0


def check(evaluated: EvaluationInput, options: SanityOptions) -> Sanity:
    """All checks that can be made for these predictions."""
    checks = _sides(evaluated)
    if options.n_permutations:
        shuffles = options.n_permutations
        checks.append(
            shuffled_labels(evaluated.labelled, evaluated.positive, shuffles, options.seed)
        )
    if options.size_and_spacing:
        checks.append(size_and_spacing(evaluated, options.seed))
    return Sanity(title=evaluated.title, checks=tuple(checks))


def _sides(evaluated: EvaluationInput) -> list[SanityCheck]:
    """Patients and images that are on both sides of a split."""
    if evaluated.dataset is None:
        return []
    checks = []
    table = evaluated.dataset.raw / CASES_CSV
    cases = read_cases(table) if table.is_file() else ()
    if evaluated.source == "out-of-fold":
        checks += [
            _patients_of_folds(evaluated.labelled),
            _duplicates_of_folds(evaluated.dataset, evaluated.labelled),
            _confounding(evaluated.dataset, evaluated.labelled),
        ]
    elif cases:
        checks.append(_patients_of_training(evaluated, cases))
        if evaluated.predictions is not None:
            ids = evaluated.labelled.case_ids
            checks += training_images(evaluated.dataset, cases, evaluated.predictions, ids)
    if evaluated.model is not None:
        checks += first_weights(evaluated.model, judged_by_fold(evaluated))
        checks += since_training(evaluated.model, table)
    if evaluated.dataset.integrity.is_file():
        integrity = documents.read(Integrity, evaluated.dataset.integrity)
        checks.append(_duplicates_of_dataset(integrity, len(cases)))
    return checks


def _verdict(name: str, faults: Sequence[str], fine: str) -> SanityCheck:
    if not faults:
        return SanityCheck(name, "fine", fine)
    return SanityCheck(name, "doubt", first_of(faults, _MOST_LISTED, "; "))


def _patients_of_folds(labelled: LabelledPredictions) -> SanityCheck:
    """A patient held out of several folds was trained on in each of them."""
    folds: dict[str, set[int]] = defaultdict(set)
    for patient, fold in zip(labelled.patients, labelled.folds, strict=True):
        folds[patient].add(fold)
    faults = [
        f"patient {name} is held out of folds {', '.join(map(str, sorted(fold_numbers)))}"
        for name, fold_numbers in sorted(folds.items())
        if len(fold_numbers) > 1
    ]
    return _verdict("patients on both sides of a fold", faults, "no patient is in two folds")


def _patients_of_training(evaluated: EvaluationInput, cases: Sequence[Case]) -> SanityCheck:
    """Check for patients of the training cases of cases.csv, and of those the folds trained on."""
    trained = {case.patient_id for case in cases if case.split == "train"}
    if evaluated.model is not None:
        trained |= {case.patient_id for case in held_out_by(evaluated.model)}
    patients = sorted(set(evaluated.labelled.patients) & trained)
    faults = [f"patient {name} was trained on" for name in patients]
    return _verdict("patients of training", faults, "no patient of these cases was trained on")


def _measured(paths: DatasetPaths) -> dict[str, CaseMeasurement]:
    if not paths.fingerprint.is_file():
        return {}
    fingerprint = documents.read(Fingerprint, paths.fingerprint)
    return {case.case_id: case for case in fingerprint.cases}


def _duplicates_of_folds(paths: DatasetPaths, labelled: LabelledPredictions) -> SanityCheck:
    """Cases of the same voxels in several folds."""
    name = "the same images in two folds"
    measured = _measured(paths)
    if not measured:
        return SanityCheck(name, "not available", "there is no fingerprint of this dataset")
    owners: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for case, fold in zip(labelled.case_ids, labelled.folds, strict=True):
        if case in measured and measured[case].voxels:
            owners[measured[case].voxels].append((case, fold))
    faults = [
        "the same images: " + ", ".join(f"{case} (fold {fold})" for case, fold in places)
        for places in owners.values()
        if len({fold for _, fold in places}) > 1
    ]
    return _verdict(name, faults, "no two folds share all images of a case")


def _confounding(paths: DatasetPaths, labelled: LabelledPredictions) -> SanityCheck:
    """Properties of how the images were made that tell the classes apart."""
    measured, described = _measured(paths), paths.raw / DATASET_JSON
    chosen = [measured[case] for case in labelled.case_ids if case in measured]
    if not chosen or not described.is_file():
        why = "there is no fingerprint of this dataset, or no dataset.json"
        return SanityCheck(CONFOUNDING, "not available", why)
    traits = measured_traits(chosen, read_dataset(described).channels)
    truth = [labelled.classes[index] for index in labelled.truth]
    labels = dict(zip(labelled.case_ids, truth, strict=True))
    patients = dict(zip(labelled.case_ids, labelled.patients, strict=True))
    there = confounders(traits, {case.case_id: labels[case.case_id] for case in chosen}, patients)
    fine = (
        "size, spacing, masks, channels, position and intensity scale do not tell the classes apart"
    )
    return _verdict(CONFOUNDING, [*(e.text for e in there), *_of_the_check(paths, there)], fine)


def _of_the_check(paths: DatasetPaths, there: Sequence[Confounder]) -> list[str]:
    """Findings that only the check of the dataset has: on masks and positions of images.

    Args:
        paths: Paths of the dataset.
        there: Checks that are known already.
    """
    if not paths.integrity.is_file():
        return []
    findings = documents.read(Integrity, paths.integrity).findings
    return [
        finding.found
        for finding in findings
        if finding.check == CONFOUNDING
        and finding.found.startswith(CHECKED_ALONE)
        and not any(each.is_said_by(finding.found) for each in there)
    ]


def _duplicates_of_dataset(integrity: Integrity, n_cases: int) -> SanityCheck:
    """Copies that the check of the dataset reported; `n_cases` is that of cases.csv, 0 if gone."""
    name = "copies found by the check of the dataset"
    faults = [
        f"{finding.file} of {finding.case}: {finding.found}"
        for finding in integrity.errors
        if finding.check == _DUPLICATES
    ]
    if not faults and n_cases not in {0, integrity.n_cases}:
        text = f"{integrity.n_cases} cases were checked, cases.csv has {n_cases} now"
        return SanityCheck(name, "not available", f"{text}: run ricenet_plan_and_preprocess")
    return _verdict(name, faults, "none between patients or splits")


def size_and_spacing(evaluated: EvaluationInput, seed: int) -> SanityCheck:
    """Out-of-fold metrics of a logistic regression on the size and spacing of the images.

    Metrics well above chance say that the classes were imaged differently, and that a network may
    have learned the scanner. The doubt is raised where its AUROC is above that of 95 % of shuffled
    labels.
    """
    name, labelled = SIZE_AND_SPACING, evaluated.labelled
    measured = (
        _measured(evaluated.dataset)
        if evaluated.dataset and evaluated.source == "out-of-fold"
        else {}
    )
    unknown = [case for case in labelled.case_ids if case not in measured]
    if unknown:
        why = "needs out-of-fold predictions and the fingerprint of their dataset"
        return SanityCheck(name, "not available", why)
    values = np.array([_shape(measured[case]) for case in labelled.case_ids])
    probabilities, shares = _held_out(values, labelled, seed)
    alone = LabelledPredictions(
        case_ids=labelled.case_ids,
        patients=labelled.patients,
        truth=labelled.truth,
        predicted=(probabilities / np.where(shares > 0, shares, 1)).argmax(axis=1),
        probabilities=probabilities,
        classes=labelled.classes,
    )
    metrics = metrics_of(alone, EvaluationOptions(evaluated.positive, seed=seed))
    chosen = tuple(metric for metric in metrics if metric.name in {"macro F1", "AUROC"})
    auroc = next(metric for metric in chosen if metric.name == "AUROC")
    text = "AUROC not defined" if auroc.value is None else f"AUROC {auroc.value:.3f}"
    if auroc.low is not None and auroc.high is not None:
        text += f" ({auroc.low:.3f} to {auroc.high:.3f})"
    shuffled = shuffled_labels(alone, evaluated.positive, _SHUFFLES, seed).metrics[0]
    is_above = auroc.value is not None and shuffled.value is not None and shuffled.value < 0.05
    text += "" if shuffled.value is None else f", p = {shuffled.value:.3f}"
    suffix = ": the classes differ in how they were imaged" if is_above else ""
    outcome: Outcome = (
        "doubt" if is_above else "fine" if auroc.value is not None else "not available"
    )
    return SanityCheck(name, outcome, text + suffix, (*chosen, shuffled))


def _shape(case: CaseMeasurement) -> list[float]:
    return [*case.spacing, *case.shape, *case.cropped_shape, case.foreground_share]


def _held_out(
    values: NDArray[np.float64], labelled: LabelledPredictions, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities (cases, classes) of the held-out cases, and the class shares of training."""
    probabilities, folds = np.empty_like(labelled.probabilities), np.array(labelled.folds)
    shares = np.empty_like(probabilities)
    for fold in np.unique(folds):
        train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        patients = [labelled.patients[index] for index in train]
        model = fit(values[train], labelled.truth[train], patients, len(labelled.classes), seed)
        probabilities[held] = model.probabilities(values[held])
        counts = np.bincount(labelled.truth[train], minlength=len(labelled.classes))
        shares[held] = counts / len(train)
    return probabilities, shares
