"""Differences of metrics: against scikit-learn swapped by hand, and how often intervals hold."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    roc_auc_score,
)

from ricenet_v2.evaluation.compared_metrics import (
    ACCURACY,
    BALANCED,
    LOG_LOSS,
    MACRO_F1,
    auroc_of,
    values_of,
)
from ricenet_v2.evaluation.paired import PermutationScheme
from ricenet_v2.evaluation.paired_permutation import PairedPermutation
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.swapped_differences import Term

NAMES = (ACCURACY, MACRO_F1, BALANCED, "Brier score", LOG_LOSS, "AUROC", auroc_of("y"))


def by_scikit_learn(truth, calls, p, ranks):
    areas = [roc_auc_score(truth == k, ranks[:, k]) for k in range(3)]
    return (
        accuracy_score(truth, calls),
        f1_score(truth, calls, average="macro"),
        balanced_accuracy_score(truth, calls),
        ((p - np.eye(3)[truth]) ** 2).sum(axis=1).mean(),
        log_loss(truth, p),
        np.mean(areas),
        areas[1],
    )


@pytest.fixture
def runs(draw):
    first = draw(3, n=14, seed=1, per_patient=2)
    return first, dataclasses.replace(draw(3, n=14, seed=2), truth=first.truth)


def test_metrics_and_every_swap_are_scikit_learns(runs):
    first, second = runs
    ranks = [stats.rankdata(run.probabilities, axis=0) for run in runs]
    tested = PermutationScheme(1).test([Term(1, first, second)], NAMES)
    owner = np.unique(first.patients, return_inverse=True)[1]
    for n in (0, 1, 37, 63):
        swapped = np.array([0, *((n >> k) & 1 for k in range(6))])[owner] == 1
        sides = []
        for one, other, own, others in ((*runs, *ranks), (*runs[::-1], *ranks[::-1])):
            calls = np.where(swapped, other.predicted, one.predicted)
            p = np.where(swapped[:, None], other.probabilities, one.probabilities)
            scores = np.where(swapped[:, None], others, own)
            sides.append(by_scikit_learn(first.truth, calls, p, scores))
        wanted = np.subtract(*sides)
        found = [tested[name].samples[n] for name in NAMES]
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    values = values_of(first, 1, NAMES)
    whole = by_scikit_learn(first.truth, first.predicted, first.probabilities, ranks[0])
    np.testing.assert_allclose(list(values.values()), whole)


def test_terms_are_summed_by_their_factors(runs):
    first, second = runs
    one, both = (
        PermutationScheme(1).test(terms, (MACRO_F1, "AUROC"))
        for terms in (
            [Term(1, first, second)],
            [Term(0.75, first, second), Term(-0.25, second, first)],
        )
    )
    for name, found in both.items():
        np.testing.assert_allclose(found.samples, one[name].samples)


def cohort(n, aurocs, random):
    """Two runs that call 15 % positive cases by scores of half the same noise."""
    truth = (random.random(n) < 0.15).astype(int)
    truth[:2] = 0, 1
    shared, made = random.normal(size=n), []
    for auroc in aurocs:
        apart = 2**0.5 * stats.norm.ppf(auroc)
        scores = (shared + random.normal(size=n)) / 2**0.5 + apart * truth
        p = 1 / (1 + np.exp(-(scores - apart / 2)))
        made.append((truth, np.column_stack([1 - p, p])))
    return made


def as_labelled(draw, part):
    truth, p = part
    return dataclasses.replace(
        draw(2, n=len(truth)), truth=truth, probabilities=p, predicted=p.argmax(axis=1)
    )


@pytest.mark.parametrize(("aurocs", "wanted"), [((0.75, 0.75), 0.0), ((0.9, 0.75), 0.1343)])
def test_intervals_at_imbalance_hold_what_is_true(draw, aurocs, wanted):
    """92 patients, 15 % positive, of which a bootstrap left 0 out in 14 to 16 of 100 cohorts.

    The difference of balanced accuracies follows from the normal law. Limits are those of the
    binomial law (99.9 %) around 93 and 98 %.
    """
    from_theory = [stats.norm.cdf(stats.norm.ppf(auroc) / 2**0.5) for auroc in aurocs]
    assert from_theory[0] - from_theory[1] == pytest.approx(wanted, abs=5e-4)
    random, trials, held = np.random.default_rng(5), 150, dict.fromkeys((MACRO_F1, BALANCED), 0)
    for seed in range(trials):
        first, second = (as_labelled(draw, part) for part in cohort(92, aurocs, random))
        tested = PermutationScheme(1, 199, seed).test([Term(1, first, second)], tuple(held))
        for name, found in tested.items():
            low, high = found.ends()
            held[name] += low <= wanted <= high
    least = stats.binom.ppf(0.0005, trials, 0.93)
    assert held[BALANCED] >= least
    if wanted == 0:
        assert held[MACRO_F1] >= least


def test_swaps_of_ten_thousand_patients_take_twenty_megabytes():
    swaps = PairedPermutation.of(10_000, 2000, np.random.default_rng(0))
    assert swaps.swapped.nbytes == 10_000 * 2001
    part = next(swaps.by_case(Patients.of([f"p{n}" for n in range(10_000)])))
    assert part.nbytes <= 8_000_000
