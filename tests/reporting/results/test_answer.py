"""What the first page says at its top."""

from types import SimpleNamespace

import pytest

from ricenet_v2.records.metrics import Metric
from ricenet_v2.reporting.results import answer as module


def _evaluation(classes, positive, **area):
    metric = Metric(name="AUROC", n=40, method="Newcombe's method 5", **area)
    return SimpleNamespace(classes=classes, positive_class=positive, metrics=(metric,), level=0.95)


@pytest.fixture
def said(monkeypatch):
    monkeypatch.setattr(module, "optimism", lambda *_: "")

    def sentences(evaluation, **named):
        result = SimpleNamespace(evaluation=evaluation, is_out_of_fold=True, title="", **named)
        return module.answer(None, [result])

    return sentences


@pytest.mark.parametrize(
    ("low", "high", "judgement"),
    [
        (0.62, 0.91, "That is better than chance, 0.5."),
        (0.41, 0.91, "Whether that is better than chance is open: the interval includes 0.5."),
        (0.10, 0.44, "That is worse than chance, 0.5"),
    ],
)
def test_two_classes_against_chance(said, low, high, judgement):
    (text,) = said(_evaluation(("a", "b"), "a", value=(low + high) / 2, low=low, high=high))
    number = f"AUROC {(low + high) / 2:.3f} (95 % interval {low:.3f} to {high:.3f}, 40 cases)"
    assert text.startswith(f"Out-of-fold: {number}, a against b. {judgement}")


def test_several_classes_and_no_interval(said):
    (text,) = said(_evaluation(("a", "b", "c"), "", value=0.7, low=None, high=None))
    assert "AUROC 0.700 (40 cases), mean of 3 classes, each against the rest." in text
    assert "unknown whether" in text


def test_nothing_is_said_without_metrics(said):
    assert said(None) == []
    assert said(_evaluation(("a", "b"), "a", value=None, low=None, high=None)) == []
