"""The tabular comparator of a dataset, on the folds of its networks, with the files of a run."""

from __future__ import annotations

import logging
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file, sha256_of_text
from ricenet_v2.core.progress import track
from ricenet_v2.evaluation.tabular.dose import statistics_of_case
from ricenet_v2.evaluation.tabular.regression import PENALTIES, Regression, fit
from ricenet_v2.evaluation.tabular.table import CovariateTable, coded
from ricenet_v2.inference.combining import Combined
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.prior import BALANCED, corrected, predicted_classes, prior_of
from ricenet_v2.inference.table import write_predictions
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.prediction import CasePrediction, MemberPrediction, Predictions
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import tables
from ricenet_v2.store.paths import CASES_CSV, DatasetPaths, ModelPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset
from ricenet_v2.training.splits import check_splits

logger = logging.getLogger(__name__)

PLAN = "baseline"
Features = Literal["dose", "covariates"]


@dataclass(frozen=True)
class Baseline:
    """A comparator that was fitted.

    Attributes:
        model: Its files.
        label: Label in the place of the channels, e.g. `dose+covariates`.
        columns: Names of the predictors of the regressions.
        penalties: C of each fold.
        has_test: Whether the test cases were predicted.
    """

    model: ModelPaths
    label: str
    columns: tuple[str, ...]
    penalties: tuple[float, ...]
    has_test: bool


def model_of(paths: DatasetPaths, features: Sequence[Features]) -> ModelPaths:
    """Files of the regressions on these features."""
    return paths.run(PLAN, _label(features))


def _label(features: Sequence[Features]) -> str:
    return "+".join(dict.fromkeys(features))


def run_baseline(
    paths: DatasetPaths, features: Sequence[Features] = ("dose", "covariates"), seed: int = 0
) -> Baseline:
    """Fit a logistic regression in each fold and predict what was held out, and the test cases.

    Args:
        paths: Folders of the dataset, which must have its folds.
        features: Groups of predictors of the regressions.
        seed: Random seed of the inner folds.

    Raises:
        DatasetError: Neither doses nor covariates differ between cases, or the folds are not those
            of cases.csv.
    """
    raw = load_raw_dataset(paths.raw)
    splits = documents.read(Splits, paths.splits)
    check_splits(splits, raw.cases, paths.splits)
    if not splits.folds:
        raise DatasetError(
            "This dataset was planned without folds, on which a baseline is fitted and judged.",
            file=paths.splits,
            remedy="Plan with --num_folds 2 or more and --overwrite.",
        )
    model, label = model_of(paths, features), _label(features)
    table = features_of(raw, features)
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
        fitted[number] = _fit(table, known, raw.dataset, seed)
        held_out = [cases[case] for case in fold.validation]
        # Not balanced: a logistic regression learns how frequent the classes are.
        train_labels, all_labels = (
            [case.label for case in each] for each in (known, known + held_out)
        )
        priors[number] = prior_of(train_labels, raw.dataset.classes, "none", all_labels)
        _write_fold(model, number, fitted[number], table, held_out, raw.dataset, priors[number])
        run = _run(model, raw, number, splits, table, seed, priors[number])
        documents.write(model.fold(number).run, run)
    test = raw.split("test")
    if test:
        _write_test(model, fitted, table, test, raw, Odds.of(priors, balance="none"))
    penalties = tuple(each.penalty for each in fitted.values())
    return Baseline(model, label, table.columns, penalties, bool(test))


def _remove_beyond(model: ModelPaths, n_folds: int) -> None:
    """Remove what an earlier baseline wrote for folds that there are no longer."""
    for fold in model.folds():
        if fold >= n_folds:
            shutil.rmtree(model.fold(fold).folder)


def features_of(raw: RawDataset, features: Sequence[Features]) -> CovariateTable:
    """The table of all cases.

    Lesion masks are used where every case has one; else the high-dose region is, for all of them,
    since having a mask must not carry information.
    """
    cases = sorted(raw.cases, key=lambda case: case.case_id)
    known = [case.case_id for case in cases if case.split == "train"]
    parts = []
    if "dose" in features and any(KINDS[c.kind].is_dose for c in raw.dataset.channels):
        parts.append(_doses(raw, cases))
    if "covariates" in features:
        parts.append(coded({case.case_id: case.covariates for case in cases}, known))
    table = CovariateTable(tuple(case.case_id for case in cases), (), np.empty((len(cases), 0)))
    for part in parts:
        table = table.beside(part)
    if not table.columns:
        raise DatasetError(
            "There are no tabular features that differ between cases.",
            file=raw.folder / CASES_CSV,
            expected="a dose channel, or covariates that differ between training cases",
            got=f"features {', '.join(features)}",
        )
    return table


def _doses(raw: RawDataset, cases: Sequence[Case]) -> CovariateTable:
    with_mask = [case for case in cases if raw.mask(case, "lesion") is not None]
    has_lesions = len(with_mask) == len(cases)
    if with_mask and not has_lesions:
        logger.warning(
            "Only %d of %d cases have a lesion mask: the high-dose region is used for all.",
            len(with_mask),
            len(cases),
        )
    statistics = [
        statistics_of_case(raw, case, has_lesions=has_lesions)
        for case in track(cases, "dose statistics", total=len(cases))
    ]
    columns = tuple(statistics[0])
    values = np.array([[each[name] for name in columns] for each in statistics])
    return CovariateTable(tuple(case.case_id for case in cases), columns, values)


def _fit(table: CovariateTable, cases: Sequence[Case], dataset: Dataset, seed: int) -> Regression:
    truth = np.array([dataset.classes.index(case.label) for case in cases])
    patients = [case.patient_id for case in cases]
    values = table.rows([case.case_id for case in cases])
    return fit(values, truth, patients, len(dataset.classes), seed)


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
) -> Run:
    labels = {case.case_id: case.label for case in raw.cases}
    patients = {case.case_id: case.patient_id for case in raw.cases}
    return Run(
        dataset=raw.dataset.name,
        plan=PLAN,
        plan_hash=sha256_of_text(f"logistic regression, C of {PENALTIES}, seed {seed}"),
        fold=fold,
        channels=table.columns,
        seed=seed,
        device="cpu",
        epochs=0,
        status="finished",
        best_epoch=None,
        command=invocation(),
        versions={"python": platform.python_version(), "scikit-learn": version("scikit-learn")},
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
