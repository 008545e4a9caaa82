"""A fusion on disk: the model, its out-of-fold predictions with their metrics, its section."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ricenet_v2.core import documents, html
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.fusion.fuse import BOTH, COVARIATES, Fused
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.thresholds import applied, chosen_thresholds
from ricenet_v2.evaluation.write import write_comparison, write_metrics
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.report import ReportSection, SectionTable
from ricenet_v2.store import tables
from ricenet_v2.store.fold_paths import VALIDATION_CSV
from ricenet_v2.store.paths import REPORT_PART_JSON, ModelPaths

COVARIATES_CSV = "covariates_alone.csv"
ORDER = 20


def write_fusion(
    fused: Fused, model: ModelPaths, options: EvaluationOptions, command: tuple[str, ...]
) -> Fusion:
    """Write the out-of-fold predictions, their metrics and the section; last what is applied.

    Args:
        fused: Fitted model.
        model: Files of the folds.
        options: Options of the metrics.
        command: Command as typed.
    """
    folder, both = model.fused, fused.sides[BOTH]
    _write_table(folder / VALIDATION_CSV, both)
    _write_table(folder / COVARIATES_CSV, fused.sides[COVARIATES])
    thresholds = applied(chosen_thresholds(both, options.positive), both, options.level)
    title = f"{model.folder.name}, image and {', '.join(fused.fusion.names)}: out-of-fold, pooled"
    whole = dataclasses.replace(options, subgroups=())
    evaluation = evaluate(both, whole, title, "out-of-fold", thresholds)
    write_metrics(folder, dataclasses.replace(evaluation, command=command))
    write_comparison(folder, dataclasses.replace(fused.comparison, command=command))
    documents.write(folder / REPORT_PART_JSON, section_of(fused.fusion))
    fusion = dataclasses.replace(fused.fusion, command=command)
    documents.write(model.fusion, fusion)
    return fusion


def _write_table(file: Path, labelled: LabelledPredictions) -> None:
    rows = [
        {
            "case_id": labelled.case_ids[at],
            "patient_id": labelled.patients[at],
            "label": labelled.classes[labelled.truth[at]],
            "predicted": labelled.classes[labelled.predicted[at]],
            **{
                f"prob_{name}": float(value)
                for name, value in zip(labelled.classes, labelled.probabilities[at], strict=True)
            },
            "fold": labelled.folds[at],
        }
        for at in range(len(labelled))
    ]
    tables.write_rows(file, rows)


def section_of(fusion: Fusion) -> ReportSection:
    """Section of a report: metrics side by side, and the weights."""
    words = (
        "A logistic regression on the log odds of the network and on "
        f"{', '.join(fusion.names)}. The metrics are out-of-fold: each fold is predicted by a "
        "regression that was fitted, with its penalty, on the out-of-fold predictions of the other "
        "folds. Below, the weights of the regression on all training cases, which ricenet_predict "
        "applies; they are not effects of the covariates on the disease."
    )
    if fusion.warning:
        words += f" Note: {fusion.warning}."
    return ReportSection(
        title="Image and covariates",
        words=f"{words} {fusion.note}",
        tables=(
            SectionTable(
                "Out-of-fold metrics",
                ("metric", *(side.name for side in fusion.compared)),
                tuple(metric_rows(fusion)),
            ),
            SectionTable(
                "Weights per standard deviation, in log odds",
                ("column", *weighted_classes(fusion), "not known"),
                tuple(weight_rows(fusion)),
            ),
        ),
        order=ORDER,
    )


def metric_rows(fusion: Fusion) -> list[tuple[str, ...]]:
    """A row for each metric: its name, then its value and interval for each side."""
    sides = [side.metrics for side in fusion.compared]
    return [
        (
            metrics[0].name,
            *(f"{html.number(m.value)} ({html.interval(m.low, m.high)})" for m in metrics),
        )
        for metrics in zip(*sides, strict=True)
    ]


def weighted_classes(fusion: Fusion) -> tuple[str, ...]:
    """Classes that have a row of weights."""
    return fusion.classes[1:] if len(fusion.weights) == 1 else fusion.classes


def weight_rows(fusion: Fusion) -> list[tuple[str, ...]]:
    """A row for each column: its name, its weights, and training cases where it is not known."""
    unknown = {
        column: str(each.unknown) for each in fusion.covariates for column in each.covariate.columns
    }
    return [
        (column, *(f"{weights[at]:+.3f}" for weights in fusion.weights), unknown.get(column, "0"))
        for at, column in enumerate(fusion.columns)
    ]
