"""A metric of another package, with the interval that draws patients."""

import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from ricenet_v2.core import plugins
from ricenet_v2.core.errors import PluginError
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.further_metrics import METRICS, further_metrics
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.metrics import Metric
from tests.plugins.installed import write_metadata

HEAD = """
import numpy as np
from tests.evaluation.test_further_metrics import kappa
from ricenet_v2.evaluation.further_metrics import MetricSpecification
"""
KAPPA = "lambda truth, predicted, *_: kappa(truth, predicted)"
ACCURACY = "lambda truth, predicted, *_: np.mean(truth == predicted)"


def kappa(truth, predicted):
    """Cohen's kappa of two classes, 0 and 1; quicker than that of scikit-learn."""
    a, b = float(truth.mean()), float(predicted.mean())
    chance = a * b + (1 - a) * (1 - b)
    return (float((truth == predicted).mean()) - chance) / (1 - chance)


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """A function that installs a package with a metric."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def bring(value=KAPPA, label="kappa"):
        (tmp_path / "brings_kappa.py").write_text(
            f"{HEAD}KAPPA = MetricSpecification({label!r}, {value})\n"
        )
        entries = {"ricenet_v2.metrics": {"kappa": "brings_kappa:KAPPA"}}
        write_metadata(tmp_path, "brings_kappa", "2", entries)
        plugins.forget()

    yield bring
    plugins.forget()
    METRICS._loaded.clear()
    sys.modules.pop("brings_kappa", None)


def predictions(truth, predicted, patients=None):
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    ids = tuple(f"c{n}" for n in range(len(truth)))
    probabilities = np.where(predicted[:, None] == [0, 1], 0.8, 0.2)
    return LabelledPredictions(
        ids, tuple(patients or ids), truth, predicted, probabilities, ("a", "b")
    )


def random_predictions(n, seed=0, right=0.8):
    random = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    return predictions(truth, np.where(random.random(n) < right, truth, 1 - truth))


def test_without_packages_there_are_none():
    assert further_metrics(random_predictions(10), 1, 10, 0, 0.95) == []


def test_the_value_is_that_of_the_package_and_the_interval_that_of_scipy(bring):
    bring()
    scored = random_predictions(60)
    (metric,) = further_metrics(scored, 1, 4000, 0, 0.95)
    assert (metric.name, metric.n, metric.package) == ("kappa", 60, "brings_kappa 2")
    assert metric.value == pytest.approx(cohen_kappa_score(scored.truth, scored.predicted))
    expected = stats.bootstrap(
        (scored.truth, scored.predicted), kappa, paired=True, vectorized=False,
        n_resamples=4000, method="BCa", random_state=1,
    ).confidence_interval  # fmt: skip
    assert metric.low == pytest.approx(expected.low, abs=0.05)
    assert metric.high == pytest.approx(expected.high, abs=0.05)
    assert further_metrics(scored, 1, 4000, 0, 0.95) == [metric]


def test_patients_are_drawn_with_all_of_their_cases(bring):
    bring(ACCURACY)
    scored = random_predictions(40)
    twice = [index for index in range(40) for _ in range(4)]
    copied = predictions(
        scored.truth[twice], scored.predicted[twice], [f"p{index}" for index in twice]
    )
    (single,), (several,) = (further_metrics(each, 1, 1000, 0, 0.95) for each in (scored, copied))
    assert several.value == pytest.approx(single.value)
    assert several.high - several.low == pytest.approx(single.high - single.low, rel=0.1)


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        ("lambda *_: float('nan')", "not defined"),
        ("lambda *_: 0.5", "no variation between samples"),
    ],
)
def test_a_metric_without_value_or_interval_says_why(bring, value, warning):
    bring(value)
    (metric,) = further_metrics(random_predictions(20), 1, 50, 0, 0.95)
    assert metric.low is None
    assert warning in metric.warning


def test_of_few_patients_with_several_cases_there_is_no_interval(bring):
    bring()
    truth = [0, 1] * 6
    scored = predictions(truth, truth, ["p", "q", "r"] * 4)
    (metric,) = further_metrics(scored, 1, 50, 0, 0.95)
    assert metric.low is None
    assert "12 cases of only 3 patients" in metric.warning


@pytest.mark.parametrize(
    ("value", "label", "fault"),
    [
        ("lambda *_: 1 / 0", "kappa", r"kappa of brings_kappa 2 cannot be computed[\s\S]*ZeroDiv"),
        ("lambda *_: 'much'", "kappa", r"cannot be computed[\s\S]*ValueError"),
        (KAPPA, "AUROC", r"kappa of brings_kappa 2 has the name of another metric: AUROC"),
    ],
)
def test_a_metric_that_fails_names_its_package(bring, value, label, fault):
    bring(value, label)
    with pytest.raises(PluginError, match=fault):
        evaluate(random_predictions(20), EvaluationOptions(1, n_bootstrap=20))


def test_an_evaluation_has_it_behind_its_own(bring):
    scored = random_predictions(24)
    before = evaluate(scored, EvaluationOptions(1, n_bootstrap=50))
    bring()
    after = evaluate(scored, EvaluationOptions(1, n_bootstrap=50))
    further = [metric for metric in after.metrics if metric not in before.metrics]
    assert [metric.name for metric in further] == ["kappa"]
    assert [metric for metric in after.metrics if metric.package] == further
    assert isinstance(further[0], Metric)
