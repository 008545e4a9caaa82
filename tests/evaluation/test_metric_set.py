"""Every metric against scikit-learn, on the cases and on samples of them."""

import numpy as np
import pytest
from sklearn import metrics as reference

from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.metric_set import MetricSet
from ricenet_v2.evaluation.ranking import Ranking


def expected(labelled, positive, at):
    """The metrics of some cases (with repeats), by scikit-learn."""
    truth, called, p = labelled.truth[at], labelled.predicted[at], labelled.probabilities[at]
    n_classes = len(labelled.classes)
    told = [positive] if n_classes == 2 else range(n_classes)
    aurocs = [reference.roc_auc_score(truth == k, p[:, k]) for k in told]
    precisions = [reference.average_precision_score(truth == k, p[:, k]) for k in told]
    briers = [reference.brier_score_loss(truth == k, p[:, k]) for k in told]
    labels = list(range(n_classes))
    found = {
        "macro F1": reference.f1_score(truth, called, average="macro"),
        "balanced accuracy": reference.balanced_accuracy_score(truth, called),
        "MCC": reference.matthews_corrcoef(truth, called),
        "AUROC": np.mean(aurocs),
        "average precision": np.mean(precisions),
        "Brier score": np.sum(briers),
        "log loss": reference.log_loss(truth, p, labels=labels),
    }
    f1s = reference.f1_score(truth, called, average=None)
    found |= {f"F1 of {name}": f1 for name, f1 in zip(labelled.classes, f1s, strict=True)}
    if n_classes > 2:
        found |= {f"AUROC of {labelled.classes[k]}": aurocs[k] for k in told}
        found |= {f"average precision of {labelled.classes[k]}": precisions[k] for k in told}
    return found


@pytest.mark.parametrize(("n_classes", "positive"), [(2, 0), (2, 1), (3, 0), (5, 0)])
def test_metrics_agree_with_scikit_learn_on_the_cases_and_on_samples(draw, n_classes, positive):
    labelled = draw(n_classes, n=80)
    metric_set = MetricSet.of(labelled, positive)
    random = np.random.default_rng(5)
    samples = [np.arange(80), *random.integers(0, 80, (6, 80))]
    weights = np.stack([np.bincount(sample, minlength=80) for sample in samples], axis=1)
    values = metric_set.values(weights.astype(float))
    assert values.shape == (7, len(metric_set.names))
    for sample, row in zip(samples, values, strict=True):
        found = dict(zip(metric_set.names, row, strict=True))
        for name, value in expected(labelled, positive, sample).items():
            assert found[name] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_parts_of_the_brier_score_are_the_whole(draw, n_classes):
    labelled = draw(n_classes, n=200)
    metric_set = MetricSet.of(labelled, 1)
    values = dict(zip(metric_set.names, metric_set.values(np.ones((200, 1)))[0], strict=True))
    parts = values["Brier reliability"] - values["Brier resolution"] + values["Brier uncertainty"]
    assert parts == pytest.approx(values["Brier score"])
    assert values["Brier reliability"] >= 0


def test_calibration_error_of_a_hand_worked_table(draw):
    # Bin 0.6 to 0.7: twice 0.65, one right. Bin 0.9 to 1: four times 0.95, all right.
    from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions

    p = np.array([0.65, 0.35, 0.95, 0.95, 0.95, 0.95])
    truth = np.array([1, 1, 1, 1, 1, 1])
    names = tuple("abcdef")
    probabilities = np.column_stack([1 - p, p])
    labelled = LabelledPredictions(
        names, names, truth, (p > 0.5).astype(int), probabilities, ("x", "y")
    )
    metric_set = MetricSet.of(labelled, 1)
    values = dict(zip(metric_set.names, metric_set.values(np.ones((6, 1)))[0], strict=True))
    assert values["expected calibration error"] == pytest.approx(
        (2 * abs(0.5 - 0.65) + 4 * abs(1 - 0.95)) / 6
    )


def test_a_sample_without_a_class_is_degenerate_for_what_rests_on_classes(draw):
    labelled = draw(2, n=30)
    weights = np.stack([np.ones(30), (labelled.truth == 0).astype(float)], axis=1)
    metric_set = MetricSet.of(labelled, 1)
    whole, lacking = (
        dict(zip(metric_set.names, row, strict=True)) for row in metric_set.values(weights)
    )
    for name in ("macro F1", "AUROC", "MCC", "balanced accuracy", "F1 of x", "average precision"):
        assert np.isfinite(whole[name])
        assert np.isnan(lacking[name])
    assert np.isfinite(lacking["Brier score"])


def test_scores_without_ties_and_with_ties_rank_alike():
    random = np.random.default_rng(1)
    own = random.random(50) < 0.4
    for scores in (random.random(50), random.integers(0, 5, 50) / 5):
        auroc, precision = Ranking.of(scores, own).metrics(np.ones((50, 1)))
        assert auroc[0] == pytest.approx(reference.roc_auc_score(own, scores))
        assert precision[0] == pytest.approx(reference.average_precision_score(own, scores))


def test_mcc_of_one_call_is_0_and_of_one_truth_not_defined():
    assert confusion_matrix.mcc(np.array([[5.0, 0], [3, 0]])) == 0
    assert np.isnan(confusion_matrix.mcc(np.array([[5.0, 3], [0, 0]])))
