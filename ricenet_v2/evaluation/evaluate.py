"""All figures of one set of predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals, metrics
from ricenet_v2.records.figures import Evaluation, Figure

LEVEL = 0.95
N_BOOTSTRAP = 2000

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def evaluate(
    truth: Indices,
    probabilities: Floats,
    patients: Sequence[str],
    classes: Sequence[str],
    positive_index: int,
    *,
    predicted: Indices | None = None,
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = 0,
    title: str = "",
    missing: Sequence[str] = (),
) -> Evaluation:
    """Figures with 95 % intervals.

    Args:
        truth: Class indices (n,).
        probabilities: (n, classes).
        patients: Patient of each case; resampling draws patients.
        classes: Names.
        positive_index: Class that the AUROC of two classes is about.
        predicted: Class indices (n,); the most probable where None.
        n_bootstrap: Resamples.
        seed: Of the resampling.
        title: What was evaluated.
        missing: Cases that should have been predicted; they are listed, not counted.

    Raises:
        DatasetError: No cases.
    """
    n, n_classes = len(truth), len(classes)
    if n == 0:
        raise DatasetError("There are no predictions to evaluate.", got="0 cases")
    called = probabilities.argmax(axis=1) if predicted is None else predicted
    names = ("macro F1", "balanced accuracy", "AUROC", "Brier score")

    def figures(at: Indices) -> Floats:
        counts = metrics.confusion(truth[at], called[at], n_classes)
        chosen = probabilities[at]
        return np.stack(
            [
                metrics.macro_f1(counts),
                metrics.balanced_accuracy(counts),
                metrics.auroc(truth[at], chosen, positive_index),
                metrics.brier(truth[at], chosen),
            ],
            axis=-1,
        )

    samples = intervals.resamples(patients, n_bootstrap, generator(seed, "bootstrap"))
    values = figures(np.arange(n)[None])[0]
    replicates = intervals.bootstrap(figures, samples)
    jackknife = intervals.leave_one_out(figures, patients)
    made = [
        _resampled(name, values[i], replicates[:, i], jackknife[:, i], n)
        for i, name in enumerate(names)
    ]
    counts = metrics.confusion(truth, called, n_classes)
    return Evaluation(
        title=title,
        classes=tuple(classes),
        n_cases=n,
        n_patients=len(set(patients)),
        confusion=tuple(tuple(int(v) for v in row) for row in counts),
        figures=(*made, *_proportions(counts, classes)),
        level=LEVEL,
        n_bootstrap=n_bootstrap,
        seed=seed,
        missing=tuple(missing),
    )


def _resampled(name: str, value: float, replicates: Floats, jackknife: Floats, n: int) -> Figure:
    found = intervals.bca(float(value), replicates, jackknife, LEVEL)
    n_degenerate = int(np.sum(~np.isfinite(replicates)))
    method = f"BCa bootstrap by patient, {len(replicates)} samples"
    if n_degenerate:
        method += f", {n_degenerate} degenerate left out"
    low, high = found if found is not None else (None, None)
    return Figure(name, float(value) if np.isfinite(value) else None, low, high, n, method)


def _proportions(counts: Floats, classes: Sequence[str]) -> list[Figure]:
    right, n = int(np.trace(counts)), int(counts.sum())
    made = [_proportion("accuracy", right, n, "exact")]
    for index, name in enumerate(classes):
        own = int(counts[index].sum())
        hits = int(counts[index, index])
        others = n - own
        false_alarms = int(counts[:, index].sum()) - hits
        made.append(_proportion(f"sensitivity of {name}", hits, own))
        made.append(_proportion(f"specificity of {name}", others - false_alarms, others))
    return made


def _proportion(name: str, hits: int, n: int, kind: str = "wilson") -> Figure:
    method = "Clopper-Pearson" if kind == "exact" else "Wilson"
    if n == 0:
        return Figure(name, None, None, None, 0, method)
    low, high = intervals.proportion(hits, n, LEVEL, "exact" if kind == "exact" else "wilson")
    return Figure(name, hits / n, low, high, n, method)
