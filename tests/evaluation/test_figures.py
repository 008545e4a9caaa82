"""Figures against scikit-learn, intervals against published numbers and hand-worked tables."""

import numpy as np
import pytest
from sklearn import metrics as reference

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals, metrics
from ricenet_v2.evaluation.evaluate import evaluate
from ricenet_v2.evaluation.read import read_scored


def drawn(n_classes, n=60, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, n_classes, n)
    probabilities = random.dirichlet(np.ones(n_classes), n).round(2)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return truth, probabilities


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_figures_agree_with_scikit_learn(n_classes):
    truth, probabilities = drawn(n_classes)
    called = probabilities.argmax(axis=1)
    counts = metrics.confusion(truth, called, n_classes)
    np.testing.assert_array_equal(counts, reference.confusion_matrix(truth, called))
    assert metrics.macro_f1(counts) == pytest.approx(
        reference.f1_score(truth, called, average="macro")
    )
    assert metrics.balanced_accuracy(counts) == pytest.approx(
        reference.balanced_accuracy_score(truth, called)
    )
    np.testing.assert_allclose(
        metrics.sensitivity(counts), reference.recall_score(truth, called, average=None)
    )
    expected = (
        reference.roc_auc_score(truth, probabilities[:, 1])
        if n_classes == 2
        else reference.roc_auc_score(truth, probabilities, multi_class="ovr")
    )
    assert metrics.auroc(truth, probabilities, 1) == pytest.approx(expected)


def test_brier_of_two_classes_is_scikit_learns():
    truth, probabilities = drawn(2)
    expected = reference.brier_score_loss(truth, probabilities[:, 1])
    assert metrics.brier(truth, probabilities) == pytest.approx(expected)


def test_the_papers_eleven_of_twelve():
    low, high = intervals.proportion(11, 12, method="exact")
    assert (round(low, 3), round(high, 3)) == (0.615, 0.998)


def test_wilson_of_a_textbook_case():
    # Newcombe 1998, table I: 81 of 263, score method without continuity correction.
    low, high = intervals.proportion(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_resampling_draws_whole_patients():
    patients = ["a", "a", "b", "c", "c", "c"]
    for sample in intervals.resamples(patients, 50, generator(0, "test")):
        counts = np.bincount(sample, minlength=6)
        assert counts[0] == counts[1]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[2] + counts[3] == 3


def test_bca_agrees_with_scipy():
    from scipy import stats

    data = np.random.default_rng(3).exponential(size=40)
    indices = intervals.resamples([str(i) for i in range(40)], 4000, generator(1, "bca"))
    replicates = np.array([data[i].mean() for i in indices])
    jackknife = np.array([np.delete(data, i).mean() for i in range(40)])
    low, high = intervals.bca(data.mean(), replicates, jackknife)
    peer = stats.bootstrap((data,), np.mean, n_resamples=4000, method="BCa", random_state=2)
    assert low == pytest.approx(peer.confidence_interval.low, abs=0.03)
    assert high == pytest.approx(peer.confidence_interval.high, abs=0.03)


def test_evaluate_gives_counts_intervals_and_undefined_figures():
    truth, probabilities = drawn(2, n=30)
    patients = [str(i) for i in range(30)]
    made = evaluate(truth, probabilities, patients, ("x", "y"), 1, n_bootstrap=200)
    assert made == evaluate(truth, probabilities, patients, ("x", "y"), 1, n_bootstrap=200)
    figures = {figure.name: figure for figure in made.figures}
    for figure in figures.values():
        assert figure.low <= figure.value <= figure.high
    assert figures["sensitivity of y"].n == int((truth == 1).sum())
    alone = evaluate(np.zeros(5, int), probabilities[:5], patients[:5], ("x", "y"), 1)
    named = {figure.name: figure for figure in alone.figures}
    assert named["AUROC"].value is None
    assert named["sensitivity of y"].value is None


def test_all_faults_of_a_predictions_file_come_at_once(tmp_path):
    (tmp_path / "p.csv").write_text(
        "case_id,prob_x,prob_y\na,0.5,0.5\na,0.5,0.5\nb,0.9,0.9\nc,nan,0.5\nd,0.1,0.9\n"
    )
    (tmp_path / "t.csv").write_text("case_id,label\na,x\nb,y\nc,z\n")
    with pytest.raises(DatasetError) as caught:
        read_scored(tmp_path / "p.csv", tmp_path / "t.csv")
    text = str(caught.value)
    faults = ("a: predicted 2 times", "b: probabilities sum to 1.8", "c: its label 'z'", "d: not")
    for said in faults:
        assert said in text
