"""What the patients at hand allow."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics

from ricenet_v2.evaluation.precision import sample_sizes
from ricenet_v2.evaluation.sample_size import LogOdds, n_shrinkage, se_auroc


def test_of_a_cohort(draw):
    labelled = draw(2, n=92, digits=6)
    (made,) = sample_sizes(labelled, 1, "out-of-fold", 0.95)
    own = labelled.truth == 1
    assert (made.class_name, made.n_patients, made.n_of_class) == ("y", 92, own.sum())
    auroc = metrics.roc_auc_score(own, labelled.probabilities[:, 1])
    rows = {row.metric: row for row in made.precision}
    assert made.auroc == rows["AUROC"].assumed == pytest.approx(auroc)
    reach = 1.959964 * se_auroc(92, own.mean(), auroc)
    assert rows["AUROC"].low == pytest.approx(auroc - reach)
    # As many patients as a width takes give that width.
    width = 2 * 1.959964 * se_auroc(rows["AUROC"].n_needed, own.mean(), auroc)
    assert width == pytest.approx(0.1, rel=0.01)
    assert rows["observed : expected"].low * rows["observed : expected"].high == pytest.approx(1)
    assert rows["calibration slope"].low + rows["calibration slope"].high == pytest.approx(2)
    benefit = rows["standardised net benefit at 0.5"]
    called = labelled.probabilities[:, 1] >= 0.5
    expected = ((called & own).sum() - (called & ~own).sum()) / own.sum()
    assert benefit.assumed == pytest.approx(expected)
    most = made.development.most_parameters
    assert n_shrinkage(most, made.development.r_squared) <= 92 * (1 + 1e-9)
    assert sample_sizes(labelled, 1, "test", 0.95)[0].development is None


def test_several_cases_of_a_patient_count_as_one(draw):
    labelled = draw(2, n=90, per_patient=3, digits=6)
    (made,) = sample_sizes(labelled, 1, "test", 0.95)
    assert made.n_patients == 30
    assert made.n_of_class == len(
        {p for p, t in zip(labelled.patients, labelled.truth, strict=True) if t}
    )
    (single,) = sample_sizes(
        dataclasses.replace(labelled, patients=labelled.case_ids), 1, "test", 0.95
    )
    for row, other in zip(made.precision, single.precision, strict=True):
        # The ratio's logarithm, and all others themselves; ends stay within 0 and 1.
        reach, of_single = (
            np.log(one.high) if one.metric == "observed : expected" else one.assumed - one.low
            for one in (row, other)
        )
        assert reach == pytest.approx(3**0.5 * of_single, rel=0.03)
        assert row.n_needed == other.n_needed


def test_a_class_without_cases_or_rest_is_left_out_and_extremes_are_defined(draw):
    labelled = draw(3, n=30)
    without = labelled.part(np.flatnonzero(labelled.truth != 2))
    assert [one.class_name for one in sample_sizes(without, 0, "test", 0.95)] == ["x", "y"]
    one_class = labelled.part(np.flatnonzero(labelled.truth == 0))
    assert sample_sizes(one_class, 0, "test", 0.95) == ()
    perfect = dataclasses.replace(labelled, probabilities=np.eye(3)[labelled.truth])
    for made in sample_sizes(perfect, 0, "out-of-fold", 0.95):
        assert made.auroc == 0.99
        assert "standardised net benefit at 0.5" not in {row.metric for row in made.precision}
    blind = dataclasses.replace(labelled, probabilities=np.full((30, 3), 1 / 3))
    for made in sample_sizes(blind, 0, "out-of-fold", 0.95):
        assert made.auroc == 0.55
        assert all(np.isfinite([row.low, row.high]).all() for row in made.precision)


def test_supposed_log_odds_have_the_auroc_and_the_prevalence():
    odds = LogOdds.calibrated(0.15, 0.8)
    p = 1 / (1 + np.exp(-odds.points))
    assert odds.weights.sum() == pytest.approx(1)
    assert odds.mean(p) == pytest.approx(0.15)
    # Every point weighs as an event by its probability, and as none by the rest.
    truth = np.repeat([1, 0], len(p))
    weights = np.concatenate([odds.weights * p, odds.weights * (1 - p)])
    found = metrics.roc_auc_score(truth, np.tile(p, 2), sample_weight=weights)
    assert found == pytest.approx(0.8, abs=0.01)
