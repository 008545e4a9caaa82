"""Results of a model that was never trained: the files of five folds and of a test folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.seeds import generator
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import CasePrediction, MemberPrediction, Predictions
from ricenet_v2.records.run import EpochRow, Run
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store import tables
from ricenet_v2.store.cases import has_case, write_case
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON, DatasetPaths
from ricenet_v2.store.raw import RawDataset

FOLDS = 5
Floats = NDArray[np.float64]


def simulate(
    paths: DatasetPaths, raw: RawDataset, plan: Plan, predictions: Path, *, epochs: int = 6
) -> None:
    """Write what training and prediction of a raw dataset would have written.

    Args:
        paths: Paths of the dataset.
        raw: Its tables; images are not opened.
        plan: Plan of the model.
        predictions: Folder of the test cases' predictions.
        epochs: Epochs of each fold.
    """
    random = generator(0, "simulated results")
    model = paths.run(plan.name)
    documents.write(paths.plan(plan.name), plan)
    plan = dataclasses.replace(plan, training=dataclasses.replace(plan.training, epochs=epochs))
    documents.write(model.plan, plan)
    documents.write(model.dataset, raw.dataset)
    training = raw.split("train")
    sides = [tuple(training[n::FOLDS]) for n in range(FOLDS)]
    names = [tuple(sorted(case.case_id for case in side)) for side in sides]
    everyone = {case.case_id for case in training}
    folds = tuple(Fold(tuple(sorted(everyone - set(held_out))), held_out) for held_out in names)
    documents.write(paths.splits, Splits(0, folds))
    for number, side in enumerate(sides):
        _write_fold(paths, raw, plan, number, side, epochs, random)
    for case in raw.cases:
        if has_case(paths.cases(plan.name), case.case_id):
            continue
        write_case(
            paths.cases(plan.name),
            np.zeros((len(raw.dataset.channels), 1, 1, 1), np.float32),
            _record(case.case_id, len(raw.dataset.channels)),
        )
    _write_predictions(raw, plan, raw.split("test"), predictions, random)


def _write_fold(
    paths: DatasetPaths,
    raw: RawDataset,
    plan: Plan,
    number: int,
    side: Sequence[Case],
    epochs: int,
    random: np.random.Generator,
) -> None:
    fold = paths.run(plan.name).fold(number)
    classes = raw.dataset.classes
    values = _probabilities(side, classes, random)
    rows = [
        {
            "case_id": case.case_id,
            "patient_id": case.patient_id,
            "label": case.label,
            "predicted": classes[int(p.argmax())],
            **{f"prob_{name}": float(v) for name, v in zip(classes, p, strict=True)},
        }
        for case, p in zip(side, values, strict=True)
    ]
    tables.write_rows(fold.validation, rows)
    course = np.exp(-np.arange(epochs) / max(epochs / 3, 1))
    noise = random.normal(0, 0.02, (3, epochs))
    history = [
        EpochRow(n, 3e-4, 0.3 + 0.4 * c + a, 0.45 + 0.25 * c + b, 0.7 - 0.3 * c + d, 0.7 - 0.3 * c,
                 10.0, 0.01, 1.0)
        for n, (c, a, b, d) in enumerate(zip(course, *noise, strict=True))
    ]  # fmt: skip
    tables.write_rows(fold.history, [vars(row) for row in history])
    run = Run(
        dataset=raw.dataset.name,
        plan=plan.name,
        plan_hash=documents.fingerprint_of(plan),
        fold=number,
        channels=tuple(channel.name for channel in raw.dataset.channels),
        seed=0,
        device="cpu",
        epochs=epochs,
        status="finished",
        best_epoch=epochs - 1,
        command=("ricenet_train", "1", "all"),
        versions={"python": "3.11", "ricenet_v2": "0.1", "torch": "2.9"},
        preprocessed_hash="simulated",
        epochs_done=epochs,
        epochs_set=((0, epochs),),
        validation_checkpoint="final",
        validation_mirror_axes=plan.training.augmentation.mirror_axes,
        precision="float32",
        n_processes=1,
    )
    documents.write(fold.run, run)


def _write_predictions(
    raw: RawDataset,
    plan: Plan,
    cases: Sequence[Case],
    folder: Path,
    random: np.random.Generator,
) -> None:
    classes = raw.dataset.classes
    members = np.stack([_probabilities(cases, classes, random) for _ in range(FOLDS)], axis=1)
    predictions = tuple(
        _predicted(case, p, classes, len(raw.dataset.channels))
        for case, p in zip(cases, members, strict=True)
    )
    hashes = {f"fold_{n}/checkpoint_final.pth": f"{n}" * 64 for n in range(FOLDS)}
    whole = Predictions(
        dataset=raw.dataset.name,
        plan=plan.name,
        plan_hash=documents.fingerprint_of(plan),
        checkpoint_hashes=hashes,
        classes=classes,
        combine="mean",
        mirrored=True,
        cases=predictions,
        failed=(),
    )
    documents.write(folder / PREDICTIONS_JSON, whole)
    rows = [
        {
            "case_id": prediction.case_id,
            "predicted": prediction.predicted,
            **{
                f"prob_{name}": v for name, v in zip(classes, prediction.probabilities, strict=True)
            },
        }
        for prediction in predictions
    ]
    columns = ["case_id", "predicted", *(f"prob_{name}" for name in classes)]
    tables.write_rows(folder / PREDICTIONS_CSV, rows, columns)


def _predicted(
    case: Case, members: Floats, classes: Sequence[str], n_channels: int
) -> CasePrediction:
    mean = members.mean(axis=0)
    called = int(mean.argmax())
    return CasePrediction(
        case_id=case.case_id,
        predicted=classes[called],
        probabilities=tuple(float(v) for v in mean),
        members=tuple(
            MemberPrediction(n, tuple(float(v) for v in p)) for n, p in enumerate(members)
        ),
        entropy=float(-(mean * np.log(mean)).sum()),
        agreement=float((members.argmax(axis=1) == called).mean()),
        warnings=(),
        source=_record(case.case_id, n_channels),
    )


def _probabilities(
    cases: Sequence[Case], classes: Sequence[str], random: np.random.Generator
) -> Floats:
    """Shape (cases, classes): right more often than not."""
    logits = random.normal(0, 1, (len(cases), len(classes)))
    for row, case in enumerate(cases):
        if case.label in classes:
            logits[row, classes.index(case.label)] += 1
    weights = np.exp(logits)
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _record(case_id: str, n_channels: int) -> PreprocessedCase:
    ones, zeros = (1.0, 1.0, 1.0), (0, 0, 0)
    return PreprocessedCase(
        case_id=case_id,
        shape=(n_channels, 1, 1, 1),
        source_grid_shape=(1, 1, 1),
        source_spacing=ones,
        source_origin=ones,
        source_direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        crop_start=zeros,
        crop_stop=(1, 1, 1),
        region="brain mask",
        dose_maximum={"dose": 60.0},
        warnings=(),
        inputs_hash=case_id,
    )
