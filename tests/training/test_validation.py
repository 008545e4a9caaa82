"""Out-of-fold probabilities and calls of a fold, and the metric of its epochs."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn import metrics

from ricenet_v2.inference.prior import prior_of
from ricenet_v2.store.tables import read_rows
from ricenet_v2.training import validation

CLASSES = ("other", "event")


@pytest.fixture
def job(tmp_path):
    """Eight validation cases, and training cases of which a tenth are events."""
    labels = {f"c{n}": CLASSES[n >= 6] for n in range(8)}
    return SimpleNamespace(
        plan=SimpleNamespace(classes=CLASSES, allows_missing=False),
        labels=labels,
        patients={case: case for case in labels},
        validation=tuple(labels),
        prior=prior_of(["other"] * 90 + ["event"] * 10, CLASSES, "sampler"),
        paths=SimpleNamespace(validation=tmp_path / "validation.csv"),
    )


def test_the_metric_judges_the_calls_of_equal_class_weights(job):
    p = np.array([0.02, 0.05, 0.08, 0.09, 0.12, 0.3, 0.15, 0.4])
    found = torch.from_numpy(np.column_stack([1 - p, p]))
    truth = [0] * 6 + [1] * 2
    loss, f1 = validation.loss_and_macro_f1(job, found)
    assert loss == pytest.approx(metrics.log_loss(truth, found.numpy()))
    assert f1 == pytest.approx(metrics.f1_score(truth, p >= 0.1, average="macro"))
    assert f1 > metrics.f1_score(truth, p >= 0.5, average="macro")


def test_the_table_has_the_same_calls(job):
    p = np.array([0.02, 0.05, 0.08, 0.09, 0.12, 0.3, 0.15, 0.4])
    validation.write_validation(job, torch.from_numpy(np.column_stack([1 - p, p])))
    rows = read_rows(job.paths.validation)
    assert [row["predicted"] for row in rows] == [CLASSES[int(value >= 0.1)] for value in p]
    assert [float(row["prob_event"]) for row in rows] == pytest.approx(p)


@pytest.mark.parametrize("is_corrected", [True, False])
def test_outputs_of_balanced_classes_become_those_of_the_shares_of_training(
    job, monkeypatch, is_corrected
):
    """A tenth are events: odds of 1, 3/2 and 1/9 become a ninth of that."""
    outputs = torch.tensor([[0.5, 0.5], [0.4, 0.6], [0.9, 0.1]], dtype=torch.float64)
    monkeypatch.setattr(validation, "predict_cases", lambda *_: outputs)
    job.prior = job.prior if is_corrected else None
    job.plan.training, job.reader, job.process_group = SimpleNamespace(batch_size=2), None, None
    found = validation.predict_validation(job, None)
    expected = np.array([1, 3 / 2, 1 / 9]) / (9 if is_corrected else 1)
    assert (found[:, 1] / found[:, 0]).tolist() == pytest.approx(expected)
    assert found.sum(dim=1).tolist() == pytest.approx([1] * 3)
