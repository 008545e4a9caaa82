"""Paired tests against published numbers and statsmodels."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.aligned_runs import AlignedRuns, on_same_cases
from ricenet_v2.evaluation.comparisons import compare, holm
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.records.comparison import Pair

# The ovarian cancer patients of DeLong, DeLong and Clarke-Pearson (1988) with all three tests
# known, as the manual of SAS/STAT prints them (PROC LOGISTIC, example "Comparing Receiver Operating
# Characteristic Curves": albumin, total protein, K-G score, outcome), with its metrics below:
# support.sas.com/documentation/cdl/en/statug/68162/HTML/default/statug_logistic_examples08.htm
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""


@pytest.fixture
def ovarian():
    table = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    scores = np.stack([table[:, 0], 10 - table[:, 2], table[:, 1]])
    return scores, table[:, 3] == 1, [f"{i:02d}" for i in range(43)]


def test_delong_of_the_published_example(ovarian):
    scores, own, names = ovarian
    found = areas(scores, own, Patients.of(names))
    np.testing.assert_allclose(found.values, [0.7366, 0.7258, 0.6478], atol=5e-5)
    deviations = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(deviations, [0.0927, 0.1028, 0.1000], atol=5e-5)
    protein = found.difference(2, 1)
    np.testing.assert_allclose(protein, [-0.0780, -0.2830, 0.1271, 0.4561], atol=6e-5)
    albumin = found.difference(0, 1)
    np.testing.assert_allclose(albumin, [0.0108, -0.1761, 0.1976, 0.9102], atol=6e-5)
    # All three areas at once: chi-square with two degrees of freedom.
    contrast = np.array([[1, -1, 0], [0, -1, 1]])
    apart, spread = contrast @ found.values, contrast @ found.covariance @ contrast.T
    chi_square = apart @ np.linalg.solve(spread, apart)
    assert chi_square == pytest.approx(2.5340, abs=5e-5)
    assert stats.chi2.sf(chi_square, 2) == pytest.approx(0.2817, abs=5e-5)


def test_delong_is_what_its_definition_says(ovarian):
    """Every pair of patients compared, one by one: equations 1 to 5 of the paper."""
    scores, own, names = ovarian
    above = scores[:, own][:, :, None] - scores[:, ~own][:, None, :]
    pairs = (above > 0) + 0.5 * (above == 0)
    by_own, by_other = pairs.mean(axis=2), pairs.mean(axis=1)
    covariance = np.cov(by_own) / own.sum() + np.cov(by_other) / (~own).sum()
    found = areas(scores, own, Patients.of(names))
    np.testing.assert_allclose(found.values, pairs.mean(axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)


def test_cases_that_come_twice_in_a_patient_change_nothing(ovarian):
    scores, own, names = ovarian
    once = areas(scores, own, Patients.of(names))
    twice = areas(np.tile(scores, 2), np.tile(own, 2), Patients.of(names * 2))
    np.testing.assert_allclose(twice.values, once.values)
    np.testing.assert_allclose(twice.covariance, once.covariance)
    apart = areas(
        np.tile(scores, 2), np.tile(own, 2), Patients.of([*names, *(f"x{n}" for n in names)])
    )
    assert np.diag(apart.covariance) == pytest.approx(np.diag(once.covariance) / 2, rel=0.1)


def _obuchowski(scores, own, owner):
    """Covariance of two AUROCs, pair by pair and patient by patient: her equations 4 to 7."""
    above = scores[:, own][:, :, None] - scores[:, ~own][:, None, :]
    pairs = (above > 0) + 0.5 * (above == 0)
    theta, (n_own, n_others) = pairs.mean(axis=(1, 2)), pairs.shape[1:]
    patients = np.unique(owner)
    with_own = [p for p in patients if own[owner == p].any()]
    with_others = [p for p in patients if (~own)[owner == p].any()]
    x = {p: sum(row - theta for row in pairs.mean(axis=2)[:, owner[own] == p].T) for p in patients}
    y = {p: sum(row - theta for row in pairs.mean(axis=1)[:, owner[~own] == p].T) for p in patients}

    def product(a, b):
        return np.outer(a + np.zeros(2), b + np.zeros(2))

    s10 = sum(product(x[p], x[p]) for p in with_own) * len(with_own)
    s10 = s10 / ((len(with_own) - 1) * n_own)
    s01 = sum(product(y[p], y[p]) for p in with_others) * len(with_others)
    s01 = s01 / ((len(with_others) - 1) * n_others)
    s11 = sum(product(x[p], y[p]) for p in patients) * len(patients) / (len(patients) - 1)
    cross = (s11 + s11.T) / (n_own * n_others)
    return s10 / n_own + s01 / n_others + cross, cross


def test_delong_of_patients_with_cases_of_both_classes_is_obuchowskis():
    """Obuchowski 1997 (Biometrics 53:567); the cross term is there where a patient has both."""
    random = np.random.default_rng(3)
    owner = np.repeat(np.arange(15), 4)
    own = random.random(60) < 0.4
    shared = np.repeat(random.normal(size=(2, 15)), 4, axis=1)
    scores = (own + shared + random.normal(size=(2, 60))).round(1)
    expected, cross = _obuchowski(scores, own, owner)
    found = areas(scores, own, Patients.of([f"{p:02d}" for p in owner]))
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-9)
    assert np.abs(cross).min() > 0.1 * np.abs(expected).min()


def test_delong_keeps_its_level_where_patients_have_several_cases():
    """Of two equal scores, each with noise shared in a patient: 5 % of the tests say otherwise."""
    random, rejected, trials = np.random.default_rng(0), 0, 600
    patients = Patients.of(np.repeat([f"{i:02d}" for i in range(40)], 3).tolist())
    for _ in range(trials):
        own = np.repeat(random.random(40) < 0.5, 3)
        shared = np.repeat(random.normal(size=(2, 40)), 3, axis=1)
        found = areas(own + shared + 0.3 * random.normal(size=(2, 120)), own, patients)
        rejected += found.difference(0, 1)[3] < 0.05
    assert 0.03 < rejected / trials < 0.075


def by_metric(made):
    return {pair.metric: pair for pair in made.pairs}


@pytest.fixture
def two_runs(draw):
    first = draw(2, n=90, seed=1, knowledge=2.5)
    other = draw(2, n=90, seed=1, knowledge=2.5).probabilities[:, ::-1] * 0.2 + 0.4
    noise = np.random.default_rng(4).uniform(-0.3, 0.3, 90)
    p = np.clip(0.5 * first.probabilities[:, 1] + 0.5 * other[:, 1] + noise, 0.01, 0.99)
    probabilities = np.column_stack([1 - p, p])
    second = dataclasses.replace(
        first, probabilities=probabilities, predicted=probabilities.argmax(axis=1)
    )
    return {"a": first, "b": second}


def test_accuracy_is_tested_as_statsmodels_does(two_runs):
    pair = by_metric(compare(on_same_cases(two_runs), 1, 200))["accuracy"]
    right = [run.truth == run.predicted for run in two_runs.values()]
    table = [[np.sum(x & y) for y in (right[1], ~right[1])] for x in (right[0], ~right[0])]
    assert pair.p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert pair.difference == pytest.approx(right[0].mean() - right[1].mean())
    assert "exact McNemar" in pair.test


def test_differences_of_a_better_run_are_told(two_runs):
    made = by_metric(compare(on_same_cases(two_runs), 1, 500))
    for metric, sign in (("AUROC", 1), ("macro F1", 1), ("Brier score", -1)):
        pair = made[metric]
        assert sign * pair.difference > 0
        assert pair.p < 0.05
        assert pair.low * pair.high > 0
        assert pair.p_holm == pair.p


def test_a_run_against_itself_does_not_differ(draw):
    run = draw(3, n=50)
    made = by_metric(compare(on_same_cases({"a": run, "b": run}), 0, 100))
    assert set(made) == {
        *("AUROC of x", "AUROC of y", "AUROC of z"),
        *("accuracy", "macro F1", "balanced accuracy", "Brier score", "log loss", "AUROC"),
    }
    assert all(pair.difference == 0 and pair.p == 1 for pair in made.values())
    assert all(pair.low is None and "no interval" in pair.warning for pair in made.values())


def test_holm_is_that_of_statsmodels():
    p = [0.01, 0.04, 0.03, 0.2, 0.005]
    pairs = [
        Pair("AUROC", str(i), "", *(None,) * 5, "", value, None, 5) for i, value in enumerate(p)
    ]
    other = Pair("accuracy", "", "", *(None,) * 5, "", 0.04, None, 5)
    undefined = Pair("AUROC", "", "", *(None,) * 5, "", None, None, 5)
    made = holm([*pairs, other, undefined])
    expected = multipletests(p, method="holm")[1]
    assert [pair.p_holm for pair in made[:5]] == pytest.approx(list(expected))
    assert (made[5].p_holm, made[6].p_holm) == (0.04, None)


def test_only_shared_cases_count_in_any_order_of_cases_and_classes(draw):
    run = draw(3, n=30)
    turned = dataclasses.replace(
        run.part(np.arange(29, 4, -1)),
        classes=("z", "x", "y"),
        truth=(run.truth[29:4:-1] + 1) % 3,
        predicted=(run.predicted[29:4:-1] + 1) % 3,
        probabilities=run.probabilities[29:4:-1][:, [2, 0, 1]],
    )
    alike = on_same_cases({"a": run, "b": turned})
    assert alike.left_out == run.case_ids[:5]
    first, second = alike.runs.values()
    np.testing.assert_array_equal(first.truth, second.truth)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    made = compare(alike, 0, 50)
    assert (made.n_cases, made.left_out) == (25, run.case_ids[:5])
    assert all(pair.difference == 0 for pair in made.pairs)


def test_runs_that_cannot_be_compared_are_refused(draw):
    run = draw(2, n=20)
    other = dataclasses.replace(run, truth=1 - run.truth)
    with pytest.raises(DatasetError, match="c000: x in a, y in b"):
        on_same_cases({"a": run, "b": other})
    with pytest.raises(DatasetError, match="no case in common"):
        on_same_cases(
            {"a": run, "b": dataclasses.replace(run, case_ids=tuple("abcdefghijklmnopqrst"))}
        )
    with pytest.raises(DatasetError, match="different classes"):
        on_same_cases({"a": run, "b": draw(3, n=20)})


def test_runs_of_other_folds_are_warned_of(draw):
    runs = {
        name: draw(2, n=20, folds=tuple((i + shift) % 5 for i in range(20)))
        for name, shift in (("a", 0), ("b", 1))
    }
    made = compare(on_same_cases(runs), 1, 50)
    assert all("same folds" in pair.warning for pair in made.pairs)


def test_where_delongs_variance_is_nothing_the_swaps_are_asked(draw):
    labelled = draw(2, n=80)
    own = np.arange(80) % 2
    sure, wrong = (
        dataclasses.replace(labelled, truth=own, probabilities=np.column_stack([1 - p, p]))
        for p in (0.1 + 0.8 * own, 0.9 - 0.8 * own)
    )
    found = areas(np.stack([sure.probabilities[:, 1], wrong.probabilities[:, 1]]), own == 1,
                  sure.grouping)  # fmt: skip
    assert found.difference(0, 1) == (1.0, None, None, None)
    pair = by_metric(compare(on_same_cases({"a": sure, "b": wrong}), 1, 99))["AUROC"]
    assert pair.difference == 1.0
    assert pair.p == 0.01
    assert "permutation" in pair.test
    same = by_metric(compare(on_same_cases({"a": sure, "b": sure}), 1, 50))["AUROC"]
    assert (same.difference, same.low, same.p) == (0.0, None, 1.0)


def test_delong_is_used_where_both_classes_have_many_patients(draw):
    runs = {name: draw(2, n=80, seed=7, knowledge=k) for name, k in (("a", 1.0), ("b", 2.0))}
    truth = np.arange(80) < 30
    for n_positive, word in ((30, "DeLong"), (29, "paired permutation")):
        same = {
            name: dataclasses.replace(run, truth=(np.arange(80) < n_positive).astype(int))
            for name, run in runs.items()
        }
        pair = by_metric(compare(on_same_cases(same), 1, 99))["AUROC"]
        assert pair.test.startswith(word)
        if word == "DeLong":
            scores = np.stack([run.probabilities[:, 1] for run in same.values()])
            wanted = areas(scores, truth, runs["a"].grouping).difference(0, 1)
            assert (pair.difference, pair.low, pair.high, pair.p) == wanted


def test_accuracy_of_several_cases_a_patient_is_tested_by_swaps(draw):
    """Three of eight patients answer otherwise, each in two cases: 2 / 2^3, by McNemar 2 / 2^6."""
    right = draw(2, n=16, per_patient=2)
    right = dataclasses.replace(right, predicted=right.truth)
    calls = np.where(np.arange(16) < 6, 1 - right.truth, right.truth)
    other = dataclasses.replace(right, predicted=calls)
    pair = by_metric(compare(on_same_cases({"a": right, "b": other}), 1, 500))["accuracy"]
    assert pair.p == 0.25
    assert pair.test == "paired permutation by patient, all 256 permutations"
    assert pair.low <= 0 <= pair.high
    alone = [dataclasses.replace(run, patients=run.case_ids) for run in (right, other)]
    pair = by_metric(compare(on_same_cases(dict(zip("ab", alone, strict=True))), 1, 500))
    assert pair["accuracy"].p == pytest.approx(2 / 2**6)
    assert pair["accuracy"].test == (
        "exact McNemar, 6 correct in the first run only, 0 in the second only"
    )
    assert pair["accuracy"].low > 0


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(3, 40),
    seed=st.integers(0, 2**32 - 1),
    knowledge=st.sampled_from([0.0, 1.0, 4.0]),
    per_patient=st.sampled_from([1, 3]),
    n_classes=st.sampled_from([2, 3]),
    samples=st.sampled_from([19, 99, 400]),
)
def test_no_interval_contradicts_its_p(draw, n, seed, knowledge, per_patient, n_classes, samples):
    """p below 0.05 just where the interval leaves 0 out, and the difference lies inside."""
    n = max(n, n_classes)
    first = draw(n_classes, n=n, seed=seed, per_patient=per_patient)
    other = draw(n_classes, n=n, seed=seed + 1, knowledge=knowledge)
    runs = {"a": first, "b": dataclasses.replace(other, truth=first.truth, patients=first.patients)}
    for pair in compare(on_same_cases(runs), 1, samples).pairs:
        if pair.low is None:
            assert "no interval" in pair.warning
            continue
        assert (pair.p < 0.05) == (pair.low > 0 or pair.high < 0)
        assert pair.low <= pair.difference <= pair.high
        if pair.metric != "log loss":
            assert abs(pair.low) <= 2
            assert abs(pair.high) <= 2


def test_what_cases_of_one_class_do_not_tell_is_none():
    names = tuple("abcd")
    random = np.random.default_rng(0)
    runs = {}
    for name in ("first", "second"):
        probabilities = random.dirichlet(np.ones(2), 4)
        calls = probabilities.argmax(axis=1)
        truth = np.ones(4, dtype=int)
        runs[name] = LabelledPredictions(names, names, truth, calls, probabilities, ("no", "yes"))
    made = compare(AlignedRuns(runs, ()), 1, n_bootstrap=50)
    assert documents.to_text(made)  # it has no place for what is not a number
    found = {pair.metric: pair for pair in made.pairs}
    one = found["balanced accuracy"]
    assert (one.value_a, one.value_b, one.difference, one.p) == (None,) * 4
    assert found["macro F1"].difference is not None


def test_probabilities_for_other_class_shares_are_warned_of(draw):
    """One network, corrected for the prior and not: its losses differ, and not by what it knows."""
    first = dataclasses.replace(draw(2, n=60), prior=(0.9, 0.1))
    second = dataclasses.replace(first, prior=())
    other_rule = dataclasses.replace(first, decide="probable")
    alike = on_same_cases({"a": first, "b": second, "c": other_rule})
    pairs = {(p.a, p.b, p.metric): p.warning for p in compare(alike, 1, 99).pairs}
    shares, rules = "refer to different class shares", "use different decision rules"
    assert all(shares in pairs["a", "b", name] for name in ("Brier score", "log loss"))
    assert all(rules in pairs["a", "c", name] for name in ("accuracy", "macro F1"))
    assert not any(shares in pairs["a", "c", name] for name in ("Brier score", "log loss"))
    assert not any(text in pairs["a", "b", "AUROC"] for text in (shares, rules))
