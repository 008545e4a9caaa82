"""Figures, differences and Shapley values of predictions whose truth is known."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from ricenet_v2.ablation.contributions import contributions
from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.subsets import every_subset
from ricenet_v2.ablation.tables import table_of
from ricenet_v2.ablation.values import FIGURES, Resampling, of_nothing, sampled
from ricenet_v2.ablation.words import differences_table
from ricenet_v2.evaluation.alike import Alike
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.phantom.cohort import CHANNELS, CLASSES

NAMES = [channel.name for channel in CHANNELS]
GROUPS = groups_of(CHANNELS, "channel")
SUBSETS = every_subset(GROUPS, NAMES, "auto")
HOW = Resampling(positive=1, n_bootstrap=200)


def scored(signal, n=60, seed=0):
    random = np.random.default_rng(seed)
    truth = np.arange(n) % 3 // 2  # one in three is positive
    score = 1 / (1 + np.exp(-(signal * (2 * truth - 1) + random.normal(0, 1, n))))
    probabilities = np.column_stack([1 - score, score])
    names = tuple(f"case{i:02d}" for i in range(n))
    return Scored(names, names, truth, probabilities.argmax(axis=1), probabilities, CLASSES)


@pytest.fixture(scope="module")
def runs():
    """Dose tells much, the event little, post-OP nothing."""
    weights = {"T1c_post_op": 0.0, "T1c_event": 0.5, "dose": 1.5}
    return {s.name: scored(sum(weights[g] for g in s.groups)) for s in SUBSETS}


def test_figures_are_scikit_learns(runs):
    run = runs["dose"]
    found = sampled(run, HOW).whole
    truth, calls = run.truth, run.predicted
    wanted = (
        f1_score(truth, calls, average="macro"),
        roc_auc_score(truth, run.probabilities[:, 1]),
        balanced_accuracy_score(truth, calls),
    )
    np.testing.assert_allclose(found, wanted)


def test_a_model_of_nothing_calls_the_majority(runs):
    run = runs["dose"]
    calls = np.zeros(len(run))
    wanted = f1_score(run.truth, calls, average="macro", zero_division=0)
    np.testing.assert_allclose(of_nothing(run, 0, HOW).whole, (wanted, 0.5, 0.5))


def test_shapley_values_share_out_the_gain_and_rank_the_channels(runs):
    found = contributions(runs, SUBSETS, GROUPS, 0, HOW)
    assert len(found) == 9
    for name in FIGURES:
        own = {one.group: one for one in found if one.figure == name}
        one = own["dose"]
        total = sum(each.value for each in own.values())
        assert total == pytest.approx(one.whole - one.empty)
        assert one.low < one.value < one.high
        assert own["dose"].value > own["T1c_event"].value > own["T1c_post_op"].value
    missing = {name: run for name, run in runs.items() if name != "dose"}
    assert contributions(missing, SUBSETS, GROUPS, 0, HOW) == ()


def test_a_table_holds_every_subset_against_the_whole(runs):
    table = table_of("out-of-fold", Alike(runs, ()), SUBSETS, GROUPS, 0, HOW)
    first, *others = table.rows
    assert first.subset == SUBSETS[0].name
    assert first.differences == ()
    assert [pair.figure for pair in others[0].differences] == list(FIGURES)
    for row in others:
        for figure, pair in zip(row.figures, row.differences, strict=True):
            assert pair.difference == pytest.approx(figure.value - first_value(first, figure.name))
            assert pair.p_holm >= pair.p
    # Holm over six subsets: the smallest p times six.
    p = [row.differences[1] for row in others]
    smallest = min(p, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(min(1, 6 * smallest.p))


def first_value(row, name):
    return next(figure.value for figure in row.figures if figure.name == name)


def test_a_table_of_few_patients_says_what_its_p_cannot_tell(runs):
    few = {name: run.part(np.arange(3)) for name, run in runs.items()}
    table = table_of("test", Alike(few, ()), SUBSETS, GROUPS, 0, HOW)
    shown = differences_table(table, "all")
    assert "with 3 patients p cannot fall below 0.25" in shown.title
    assert "only 3 patients" in shown.title
    assert all(
        pair.p >= 0.25 for row in table.rows for pair in row.differences if pair.figure != "AUROC"
    )
