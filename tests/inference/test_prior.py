"""The correction for the prior against Bayes' theorem and closed forms; the rule of the calls."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import integrate, special, stats
from sklearn.metrics import roc_auc_score

from ricenet_v2.core.errors import CheckpointError, DatasetError
from ricenet_v2.inference.prior import (
    corrected,
    from_state,
    named_prior,
    predicted_classes,
    prior_of,
    ratios,
    to_state,
)
from ricenet_v2.records.prior import Prior

CLASSES = ("a", "b", "c")
DISTANCE = np.sqrt(2) * stats.norm.ppf(0.8)  # of normal scores whose AUROC is 0.8


def ideal(prevalence: float, wanted: tuple[float, float]) -> dict[str, float]:
    """Mean probability and Brier score of an ideal balanced model, by quadrature over its scores.

    Scores are normal, of width 1, around 0 and DISTANCE.
    """

    def probability(z: float) -> float:
        balanced = special.expit(DISTANCE * z - DISTANCE**2 / 2)
        return corrected(np.array([1 - balanced, balanced]), (0.5, 0.5), wanted)[1]

    def mean(value, around: float) -> float:
        return integrate.quad(lambda z: value(probability(z)) * stats.norm.pdf(z - around), -9, 11)[
            0
        ]

    events, others = prevalence, 1 - prevalence
    return {
        "mean": events * mean(lambda p: p, DISTANCE) + others * mean(lambda p: p, 0),
        "Brier": events * mean(lambda p: (1 - p) ** 2, DISTANCE) + others * mean(lambda p: p**2, 0),
    }


@pytest.mark.parametrize(
    ("prevalence", "as_trained", "right"), [(0.2, 0.183, 0.127), (0.1, 0.183, 0.078)]
)
def test_an_ideal_model_of_balanced_classes_becomes_one_of_the_prior(prevalence, as_trained, right):
    before = ideal(prevalence, (0.5, 0.5))
    after = ideal(prevalence, (1 - prevalence, prevalence))
    assert before["Brier"] == pytest.approx(as_trained, abs=2e-3)
    assert after["Brier"] == pytest.approx(right, abs=2e-3)
    assert after["mean"] == pytest.approx(prevalence, abs=1e-6)
    assert before["mean"] > 2 * prevalence


def test_two_classes_add_the_log_odds_of_the_prior():
    p = np.random.default_rng(0).uniform(size=20)
    found = corrected(np.column_stack([1 - p, p]), (0.5, 0.5), (0.9, 0.1))
    expected = special.expit(special.logit(p) + special.logit(0.1))
    np.testing.assert_allclose(found[:, 1], expected)


def test_three_classes_follow_from_bayes_theorem():
    """Likelihoods of three findings by class; posteriors of both worlds come from them."""
    likelihood = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5]])  # finding, class

    def posterior(prior):
        joint = likelihood * prior
        return joint / joint.sum(axis=1, keepdims=True)

    taught, wanted = (0.2, 0.3, 0.5), (0.6, 0.3, 0.1)
    np.testing.assert_allclose(corrected(posterior(taught), taught, wanted), posterior(wanted))


def shares(n: int) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(float, n, elements=st.floats(0.01, 1)).map(lambda x: x / x.sum())


@given(shares(3), shares(3), shares(3))
def test_the_correction_is_undone_by_its_inverse(p, taught, wanted):
    there = corrected(p, taught, wanted)
    np.testing.assert_allclose(there.sum(), 1)
    np.testing.assert_allclose(corrected(there, wanted, taught), p)
    np.testing.assert_allclose(corrected(p, taught, taught), p)


@given(shares(3), shares(3), shares(3))
def test_the_balanced_call_is_that_of_the_balanced_world_whatever_the_prior(p, taught, wanted):
    margins = np.sort(p / taught)
    if margins[-1] < margins[-2] * (1 + 1e-9):
        return  # a tie, which rounding decides
    balanced = corrected(p, taught, (1 / 3, 1 / 3, 1 / 3))
    assert predicted_classes(corrected(p, taught, wanted), wanted) == balanced.argmax()


def test_of_two_classes_a_case_is_called_from_the_prior_on():
    p = np.array([[0.85, 0.15], [0.75, 0.25], [0.45, 0.55]])
    assert predicted_classes(p, (0.8, 0.2)).tolist() == [0, 1, 1]
    assert predicted_classes(p, (0.8, 0.2), "probable").tolist() == [0, 0, 1]
    assert predicted_classes(p, ()).tolist() == [0, 0, 1]


def test_a_class_that_training_lacked_keeps_its_share():
    assert ratios((0.5, 0.5, 0.0), (0.8, 0.2, 0.0)) == pytest.approx([1.6, 0.4, 1.0])
    assert np.isfinite(corrected(np.array([0.5, 0.4, 0.1]), (0.5, 0.5, 0), (0.8, 0.2, 0))).all()


@pytest.mark.parametrize("balance", ["sampler", "loss"])
def test_balanced_training_teaches_equal_shares(balance):
    made = prior_of("aaab", CLASSES, balance)
    assert (made.trained, made.counts) == ((0.5, 0.5, 0.0), (3, 1, 0))
    assert made.shares == (0.75, 0.25, 0.0)


def test_training_without_balance_teaches_the_shares_of_its_cases():
    made = prior_of("aaab", CLASSES, "none")
    assert made.trained == made.shares == (0.75, 0.25, 0.0)


@pytest.mark.parametrize(("balance", "taught"), [("sampler", 0.5), ("none", 1 / 3)])
def test_all_folds_are_corrected_for_the_shares_of_the_dataset(balance, taught):
    """A fold that holds out few events is trained on many: shares of its own would undo ranks."""
    everyone = "a" * 8 + "b" * 4
    folds = [prior_of("a" * 6 + "b" * n, CLASSES, balance, everyone) for n in (1, 3)]
    assert {fold.shares for fold in folds} == {(8 / 12, 4 / 12, 0.0)}
    assert folds[1].trained[1] == pytest.approx(taught)


def test_held_out_centres_of_other_shares_keep_their_ranks():
    """Networks that know nothing, of centres with 10, 30 and 60 % events, have an AUROC of 0.5."""
    rng, truth, scores = np.random.default_rng(0), [], []
    labels = [np.arange(400) < 400 * share for share in (0.1, 0.3, 0.6)]
    everyone = ["b" if event else "a" for centre in labels for event in centre]
    for held_out in range(3):
        own = [c for number, centre in enumerate(labels) if number != held_out for c in centre]
        prior = prior_of(["b" if e else "a" for e in own], CLASSES[:2], "sampler", everyone)
        p = special.expit(rng.normal(0, 0.5, 400))
        scores.append(corrected(np.stack([1 - p, p], 1), prior.trained, prior.shares)[:, 1])
        truth.append(labels[held_out])
    auroc = roc_auc_score(np.concatenate(truth), np.concatenate(scores))
    assert auroc == pytest.approx(0.5, abs=0.05)


def test_the_sampler_shows_what_the_prior_says():
    from ricenet_v2.training.sampler import epoch_cases

    labels = {f"c{i}": "aaaaaab"[i % 7] for i in range(70)}
    for is_balanced, balance in ((True, "sampler"), (False, "none")):
        shown = Counter(
            labels[case] for case in epoch_cases(labels, 700, 0, 0, balanced=is_balanced)
        )
        made = prior_of(labels.values(), ("a", "b"), balance)
        assert [shown[name] / 700 for name in "ab"] == pytest.approx(made.trained)


def test_weights_in_the_loss_teach_equal_shares():
    from ricenet_v2.training.loss import class_weights

    weights = class_weights("aaab", ("a", "b"))
    shown = np.array([3, 1]) * weights
    assert shown / shown.sum() == pytest.approx(prior_of("aaab", ("a", "b"), "loss").trained)


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["0.1"], (0.1, 0.9)), (["b=0.9", "a=0.1"], (0.1, 0.9)), (["a=0.1001", "b=0.9"], (0.1, 0.9))],
)
def test_a_prior_is_named_by_one_number_or_by_class(words, expected):
    assert named_prior(words, ("a", "b"), 0) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("words", "classes"),
    [
        *((words, ("a", "b")) for words in (["0"], ["1"], ["1.2"], ["often"], ["a=0.1"])),
        *((words, ("a", "b")) for words in (["a=0.1", "b=0.8"], ["a=0.5", "c=0.5"], ["nan"])),
        (["0.1"], CLASSES),
        (["a=1", "b=0", "c=0"], CLASSES),
    ],
)
def test_a_prior_that_cannot_be_is_refused(words, classes):
    with pytest.raises(DatasetError, match="prior cannot be used"):
        named_prior(words, classes, 0)


def test_a_checkpoint_keeps_the_prior():
    made = Prior((0.5, 0.5), (3, 1))
    assert from_state({"prior": to_state(made)}, 2, "f.pth") == made
    assert from_state({}, 2, "f.pth") is None
    for spoilt in (
        {"trained": [0.5, 0.5]},
        {"trained": [1.0], "counts": [1]},
        {**to_state(made), "counts": [0, 0]},
    ):
        with pytest.raises(CheckpointError, match="prior in this checkpoint"):
            from_state({"prior": spoilt}, 2, "f.pth")
