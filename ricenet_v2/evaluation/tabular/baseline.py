"""The tabular comparator of a dataset, on the folds of its networks, with the files of a run."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file, sha256_of_text
from ricenet_v2.core.types import Flags
from ricenet_v2.evaluation.radiomics import ibsi
from ricenet_v2.evaluation.tabular.features import Features, features_of, many_columns
from ricenet_v2.evaluation.tabular.regression import NUMBERS_KEPT, PENALTIES, Regression, fit
from ricenet_v2.evaluation.tabular.table import CovariateTable
from ricenet_v2.inference.combining import Combined
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.prior import BALANCED, corrected, predicted_classes, prior_of
from ricenet_v2.inference.table import write_predictions
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.prediction import CasePrediction, MemberPrediction, Predictions
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import tables
from ricenet_v2.store.paths import CASES_CSV, DatasetPaths, ModelPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset
from ricenet_v2.training.splits import check_splits

PLAN = "baseline"


@dataclass(frozen=True)
class Baseline:
    """A comparator that was fitted.

    Attributes:
        model: Its files.
        label: Label in the place of the channels, e.g. `dose+covariates`.
        columns: Names of the predictors of the regressions.
        penalties: C of each fold.
        kept: Radiomic features that each fold kept; empty without radiomics.
        has_test: Whether the test cases were predicted.
    """

    model: ModelPaths
    label: str
    columns: tuple[str, ...]
    penalties: tuple[float, ...]
    kept: tuple[int, ...]
    has_test: bool


def model_of(paths: DatasetPaths, features: Sequence[Features]) -> ModelPaths:
    """Files of the regressions on these features."""
    return paths.run(PLAN, _label(features))


def _label(features: Sequence[Features]) -> str:
    return "+".join(dict.fromkeys(features))


def run_baseline(
    paths: DatasetPaths,
    features: Sequence[Features] = ("dose", "covariates"),
    seed: int = 0,
    num_workers: int = 1,
) -> Baseline:
    """Fit a logistic regression in each fold and predict what was held out, and the test cases.

    Args:
        paths: Folders of the dataset, which must have its folds.
        features: Groups of predictors of the regressions.
        seed: Random seed of the inner folds.
        num_workers: Largest number of processes that compute radiomic features.

    Raises:
        DatasetError: No feature differs between cases, a lesion mask is missing or empty, or the
            folds are not those of cases.csv.
        OptionError: The package that computes radiomic features is missing.
    """
    raw = load_raw_dataset(paths.raw)
    splits = documents.read(Splits, paths.splits)
    check_splits(splits, raw.cases, paths.splits)
    if not splits.folds:
        raise DatasetError(
            "This dataset was planned without folds, on which a baseline is fitted and evaluated.",
            file=paths.splits,
            remedy="Plan with --num_folds 2 or more and --overwrite.",
        )
    model, label = model_of(paths, features), _label(features)
    table = features_of(raw, features, paths.radiomics, num_workers)
    many = many_columns(table, raw.dataset.channels)
    rows = [
        {"case_id": case, **dict(zip(table.columns, map(float, values), strict=True))}
        for case, values in zip(table.case_ids, table.values, strict=True)
    ]
    tables.write_rows(model.features, rows, ("case_id", *table.columns))
    documents.write(model.dataset, raw.dataset)
    _remove_beyond(model, len(splits.folds))
    cases = {case.case_id: case for case in raw.cases}
    fitted: dict[int, Regression] = {}
    priors: dict[int, Prior] = {}
    for number, fold in enumerate(splits.folds):
        known = [cases[case] for case in fold.train]
        fitted[number] = _fit(table, known, raw.dataset, seed, many)
        held_out = [cases[case] for case in fold.validation]
        # Not balanced: a logistic regression learns how frequent the classes are.
        train_labels, all_labels = (
            [case.label for case in each] for each in (known, known + held_out)
        )
        priors[number] = prior_of(train_labels, raw.dataset.classes, "none", all_labels)
        _write_fold(model, number, fitted[number], table, held_out, raw.dataset, priors[number])
        run = _run(model, raw, number, splits, table, seed, priors[number], many)
        documents.write(model.fold(number).run, run)
    test = raw.split("test")
    if test:
        _write_test(model, fitted, table, test, raw, Odds.of(priors, balance="none"))
    penalties = tuple(each.penalty for each in fitted.values())
    kept = tuple(int((each.weights[:, many] != 0).any(axis=0).sum()) for each in fitted.values())
    return Baseline(model, label, table.columns, penalties, kept if many.any() else (), bool(test))


def _remove_beyond(model: ModelPaths, n_folds: int) -> None:
    """Remove what an earlier baseline wrote for folds that there are no longer."""
    for fold in model.folds():
        if fold >= n_folds:
            shutil.rmtree(model.fold(fold).folder)


def _fit(
    table: CovariateTable, cases: Sequence[Case], dataset: Dataset, seed: int, many: Flags
) -> Regression:
    truth = np.array([dataset.classes.index(case.label) for case in cases])
    patients = [case.patient_id for case in cases]
    values = table.rows([case.case_id for case in cases])
    return fit(values, truth, patients, len(dataset.classes), seed, many)


def _write_fold(
    model: ModelPaths,
    fold: int,
    fitted: Regression,
    table: CovariateTable,
    cases: Sequence[Case],
    dataset: Dataset,
    prior: Prior,
) -> None:
    """Write validation.csv and coefficients.csv."""
    learned = fitted.probabilities(table.rows([case.case_id for case in cases]))
    probabilities = corrected(learned, prior.trained, prior.shares)
    rows = [
        {
            "case_id": case.case_id,
            "patient_id": case.patient_id,
            "label": case.label,
            "predicted": dataset.classes[int(call)],
            **{f"prob_{name}": float(v) for name, v in zip(dataset.classes, values, strict=True)},
        }
        for case, call, values in zip(
            cases, predicted_classes(probabilities, prior.shares), probabilities, strict=True
        )
    ]
    tables.write_rows(model.fold(fold).validation, rows)
    weights, classes = fitted.coefficients
    coefficients = [
        {"class": dataset.classes[index], **dict(zip(table.columns, map(float, row), strict=True))}
        for index, row in zip(classes, weights, strict=True)
    ]
    tables.write_rows(model.fold(fold).coefficients, coefficients, ("class", *table.columns))


def _run(
    model: ModelPaths,
    raw: RawDataset,
    fold: int,
    splits: Splits,
    table: CovariateTable,
    seed: int,
    prior: Prior,
    many: Flags,
) -> Run:
    labels = {case.case_id: case.label for case in raw.cases}
    patients = {case.case_id: case.patient_id for case in raw.cases}
    rules = f"logistic regression, C of {PENALTIES}, seed {seed}"
    versions = {"python": platform.python_version(), "scikit-learn": version("scikit-learn")}
    if many.any():
        rules += f", radiomic features kept of {NUMBERS_KEPT}"
        versions["mirp"] = ibsi.version()
    return Run(
        dataset=raw.dataset.name,
        plan=PLAN,
        plan_hash=sha256_of_text(rules),
        fold=fold,
        channels=table.columns,
        seed=seed,
        device="cpu",
        epochs=0,
        status="finished",
        best_epoch=None,
        command=invocation(),
        versions=versions,
        preprocessed_hash=sha256_of_file(model.features),
        fold_hash=splits.folds[fold].hash_with(labels, patients),
        validation_hash=sha256_of_file(model.fold(fold).validation),
        n_folds=len(splits.folds),
        repeats=splits.repeats,
        holdout=splits.holdout,
        group=splits.group,
        held_out=splits.folds[fold].held_out,
        prior=prior,
        decide=BALANCED,
    )


def _write_test(
    model: ModelPaths,
    fitted: dict[int, Regression],
    table: CovariateTable,
    cases: Sequence[Case],
    raw: RawDataset,
    odds: Odds,
) -> None:
    """Predictions of the test cases by the mean of the folds, as ricenet_predict writes them."""
    dataset = raw.dataset
    values = table.rows([case.case_id for case in cases])
    by_fold = {fold: each.probabilities(values) for fold, each in fitted.items()}
    case_predictions = []
    for index, case in enumerate(cases):
        of_case = {fold: each[index] for fold, each in by_fold.items()}
        case_predictions.append(
            _case(case.case_id, tuple(fitted), odds.combined(of_case, "mean"), dataset)
        )
    predictions = Predictions(
        dataset=dataset.name,
        plan=PLAN,
        plan_hash=sha256_of_file(model.features),
        checkpoint_hashes={},
        classes=dataset.classes,
        combine="mean",
        mirrored=False,
        cases=tuple(case_predictions),
        failed=(),
        command=invocation(),
        cases_hash=sha256_of_file(raw.folder / CASES_CSV),
        priors=odds.recorded,
        prior=odds.prior,
        decide=odds.rule,
    )
    write_predictions(model.predictions, predictions, fitted)


def _case(
    case_id: str, folds: tuple[int, ...], combined: Combined, dataset: Dataset
) -> CasePrediction:
    return CasePrediction(
        case_id=case_id,
        predicted=dataset.classes[combined.predicted],
        probabilities=tuple(combined.probabilities.tolist()),
        members=tuple(
            MemberPrediction(fold, tuple(row.tolist()))
            for fold, row in zip(folds, combined.members, strict=True)
        ),
        entropy=float(entropy(combined.probabilities)),
        agreement=combined.agreement,
        warnings=(),
        disagreement=float(disagreement(combined.members)),
    )
