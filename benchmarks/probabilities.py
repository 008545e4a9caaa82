"""What the correction for the prior and ricenet_calibrate do to probabilities, old and new.

    python -m benchmarks.probabilities --write documentation/benchmarks.md

Networks are simulated that were shown both classes equally often: normal scores of the two classes,
whose AUROC is 0.80, and the log odds of balanced classes that follow from them; the overconfident
one gives log odds that are twice as large. Calibrations are fitted on cohorts of few cases in five
folds; what they do is measured on other cases.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from benchmarks import page
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation.calibration import fit_temperature, slope_and_intercept
from ricenet_v2.evaluation.calibration_forms import FORMS, Cases, choose, fit
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.sufficient_statistics import brier_of, log_loss_of
from ricenet_v2.inference.prior import corrected, predicted_classes
from ricenet_v2.inference.recalibration import recalibrated
from ricenet_v2.inference.temperature import scaled
from ricenet_v2.records.calibration import Form

PREVALENCES = (0.35, 0.2, 0.1)
SIZES = (60, 92, 300)
SHARPNESS = {"ideal": 1.0, "overconfident": 2.0}
AUROC = 0.8
N_OTHERS = 2_000
BALANCED = (0.5, 0.5)
OLD, NEW = "as trained, temperature (old)", "corrected, calibrated (new)"
OLDER = "as trained, calibrated (new, of an older model)"
COLUMNS = ("mean p", "Brier", "log loss", "intercept", "slope", "called", "macro F1")
"""`called` is the share of cases that are called events, by equal class weights."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Row:
    """Means over the cohorts that a calibration was fitted on; one cohort where nothing is fitted.

    Attributes:
        model: Name of the model in `SHARPNESS`.
        prevalence: Prevalence of the event.
        what: What was done to the outputs.
        n: Cases that it was fitted on; 0 where nothing is fitted.
        values: Values in the order of `COLUMNS`.
        forms: How often each form was chosen.
    """

    model: str
    prevalence: float
    what: str
    n: int
    values: tuple[float, ...]
    forms: dict[Form, int]


def drawn(
    n: int, prevalence: float, sharpness: float, random: np.random.Generator | None
) -> tuple[Indices, Floats]:
    """Truths (n,), events in their exact share, and outputs (n, 2) of balanced classes.

    Args:
        n: Cases.
        prevalence: Prevalence of the event.
        sharpness: Factor by which log odds are multiplied.
        random: Draws the scores; None takes evenly spaced quantiles, in the place of very many.
    """
    truth = np.zeros(n, dtype=np.intp)
    truth[: round(prevalence * n)] = 1
    distance = np.sqrt(2) * stats.norm.ppf(AUROC)
    if random is None:
        counts = np.bincount(truth)[::-1]
        scores = np.concatenate([stats.norm.ppf((np.arange(m) + 0.5) / m) for m in counts])
    else:
        scores = random.normal(size=n)
    scores = scores + distance * truth
    p = expit(sharpness * (distance * scores - distance**2 / 2))
    return truth, np.column_stack([1 - p, p])


def measures(truth: Indices, probabilities: Floats, prior: Sequence[float]) -> tuple[float, ...]:
    """Measures of one set of probabilities, in the order of `COLUMNS`.

    Args:
        truth: Class of each case.
        probabilities: Axes (cases, classes).
        prior: Prior by which the calls divide.
    """
    names, calls = tuple(map(str, range(len(truth)))), predicted_classes(probabilities, prior)
    labelled = LabelledPredictions(names, names, truth, calls, probabilities, ("other", "event"))
    slope, intercept = slope_and_intercept(labelled, 1, 0.95)
    hits = [2 * np.sum((calls == k) & (truth == k)) for k in (0, 1)]
    both = [np.sum(calls == k) + np.sum(truth == k) for k in (0, 1)]
    return (
        float(probabilities[:, 1].mean()),
        float(brier_of(truth, probabilities).mean()),
        float(log_loss_of(truth, probabilities).mean()),
        float(intercept.value or 0.0),
        float(slope.value or 0.0),
        float(calls.mean()),
        float(np.mean(np.divide(hits, both))),
    )


def rows_of(model: str, prevalence: float, cohorts: int, sizes: Sequence[int]) -> list[Row]:
    """All rows of a model and a prevalence."""
    sharpness, prior = SHARPNESS[model], (1 - prevalence, prevalence)
    random = generator(0, "probabilities", model, str(prevalence))
    truth, outputs = drawn(N_OTHERS, prevalence, sharpness, None)
    right = corrected(outputs, BALANCED, prior)
    rows = [
        Row(model, prevalence, "as trained (old)", 0, measures(truth, outputs, BALANCED), {}),
        Row(model, prevalence, "corrected (new)", 0, measures(truth, right, prior), {}),
    ]
    for n in sizes:
        results: dict[str, list[tuple[float, ...]]] = {what: [] for what in (OLD, OLDER, NEW)}
        forms: dict[str, list[Form]] = {OLDER: [], NEW: []}
        for _ in range(cohorts):
            seen, given = drawn(n, prevalence, sharpness, random)
            names, folds = tuple(map(str, range(n))), random.permutation(n) % 5
            temperature = fit_temperature(seen, given, Patients.of(names)).value
            results[OLD].append(measures(truth, scaled(outputs, temperature), BALANCED))
            plain = Cases(seen, given, names, folds)
            forms[OLDER].append(choose(plain).form)
            by = fit(forms[OLDER][-1], plain)
            ends = recalibrated(outputs, by)
            results[OLDER].append(measures(truth, ends, by.shares if by else ()))
            cases = Cases(
                seen, corrected(given, BALANCED, prior), names, folds, np.tile(prior, (n, 1))
            )
            forms[NEW].append(choose(cases).form)
            ends = recalibrated(right, fit(forms[NEW][-1], cases), prior)
            results[NEW].append(measures(truth, ends, prior))
        for what, values in results.items():
            counts = Counter(forms.get(what, []))
            tallies: dict[Form, int] = {form: counts[form] for form in FORMS} if counts else {}
            rows.append(Row(model, prevalence, what, n, _mean(values), tallies))
    return rows


def _mean(values: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.mean(values, axis=0))


def section(rows: Sequence[Row], cohorts: int) -> str:
    """Markdown of all rows."""
    cells = []
    for row in rows:
        of = sum(row.forms.values())
        chosen = ", ".join(f"{form} {count / of:.0%}" for form, count in row.forms.items())
        mean, brier, loss, intercept, slope, calls, f1 = row.values
        numbers = (f"{mean:.3f}", f"{brier:.3f}", f"{loss:.3f}", f"{intercept:+.2f}")
        shown = (*numbers, f"{slope:.2f}", f"{calls:.2f}", f"{f1:.3f}")
        where = (row.model, f"{row.prevalence:.0%}", row.what, row.n or "")
        cells.append((*where, *shown, chosen))
    return "\n\n".join(
        [
            f"Simulated networks that were shown both classes equally often, AUROC {AUROC:.2f}; "
            f"the overconfident one gives twice the log odds. Metrics on other cases, at "
            f"{N_OTHERS:,} evenly spaced quantiles of the scores; for a calibration the means over "
            f"{cohorts} cohorts of n cases that it was fitted on; "
            f"{page.machine('numpy', 'scipy')}. An ideal intercept is 0, an ideal slope 1.",
            page.table(
                ("network", "events", "probabilities", "n", *COLUMNS, "forms chosen"), cells
            ),
        ]
    )


def main() -> None:
    """Simulate, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=100, help="that calibrations are fitted on")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="cases of a cohort")
    parser.add_argument("--output", type=Path, metavar="JSON")
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    rows = [
        row
        for model in SHARPNESS
        for prevalence in PREVALENCES
        for row in rows_of(model, prevalence, chosen.cohorts, chosen.sizes)
    ]
    markdown = section(rows, chosen.cohorts)
    print(markdown)
    if chosen.output:
        text = json.dumps([vars(row) for row in rows], indent=2)
        chosen.output.write_text(text, encoding="utf-8")
    if chosen.write:
        page.write(chosen.write, "probabilities", markdown)


if __name__ == "__main__":
    main()
