"""Models that were trained with several seeds, as far as evaluation reads them."""

from __future__ import annotations

import dataclasses

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.evaluation.trainings import Trainings, read_trainings
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.tables import write_rows

NAME = "Dataset005_Seeds"
RUN = Run(NAME, "auto", "plan", 0, ("mri",), 0, "cpu", 2, "finished", 0, (), {}, n_folds=2)
_LABELS = {f"c{fold}{case}": "ab"[case % 2] for fold in range(2) for case in range(10)}
_PATIENTS = {case: f"p{case[1:]}" for case in _LABELS}
_SIDES = [tuple(case for case in _LABELS if case[1] == fold) for fold in "01"]
HASHES = [Fold(_SIDES[1 - fold], _SIDES[fold]).hash_with(_LABELS, _PATIENTS) for fold in range(2)]


def train(paths: DatasetPaths, seed: int, folder_seed: int | None, **changes: object) -> None:
    """Two folds of ten cases, whose scores depend on the seed."""
    model = paths.run("auto", "all", folder_seed)
    for fold in range(2):
        random = np.random.default_rng([seed, fold])
        rows = []
        for case in range(10):
            score = float(np.clip(0.3 + 0.3 * (case % 2) + 0.2 * random.normal(), 0.01, 0.99))
            rows.append(
                {
                    "case_id": f"c{fold}{case}",
                    "patient_id": f"p{fold}{case}",
                    "label": "ab"[case % 2],
                    "prob_a": 1 - score,
                    "prob_b": score,
                }
            )
        write_rows(model.fold(fold).validation, rows)
        known = {"fold_hash": HASHES[fold], **changes}
        run = dataclasses.replace(RUN, fold=fold, seed=seed, **known)
        documents.write(model.fold(fold).run, run)


def read(paths: DatasetPaths, *seeds: int) -> Trainings:
    """The trainings of these seeds, or of all."""
    return read_trainings(NAME, "auto", "all", paths.raw.parent.parent, seeds)
