from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.training import fold
from ricenet_v2.training.loss import class_weights, mean_loss


def _sample():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn((6, 3), generator=random, dtype=torch.float64)
    return logits, torch.tensor([0, 1, 2, 0, 0, 1])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_without_weights_it_is_the_cross_entropy_of_torch(smoothing):
    logits, targets = _sample()
    expected = nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, targets)
    found = mean_loss(logits, nn.functional.one_hot(targets).double(), smoothing)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_weights_are_by_class_and_the_mean_is_over_samples():
    logits, targets = _sample()
    weights = torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)
    expected = nn.CrossEntropyLoss(weight=weights, reduction="sum")(logits, targets) / 6
    found = mean_loss(logits, nn.functional.one_hot(targets).double(), 0.0, weights)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_small_batches_add_up_to_the_large_one():
    logits, targets = _sample()
    soft, weights = nn.functional.one_hot(targets).double(), torch.tensor([0.5, 2.0, 1.0]).double()
    whole = mean_loss(logits, soft, 0.1, weights)
    parts = [mean_loss(logits[i : i + 2], soft[i : i + 2], 0.1, weights) for i in (0, 2, 4)]
    assert float(sum(parts) / 3) == pytest.approx(float(whole), rel=1e-12)


def test_class_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = ["a"] * 7 + ["b"] * 2 + ["c"]
    expected = compute_class_weight("balanced", classes=np.array(list("abc")), y=labels)
    assert class_weights(labels, ("a", "b", "c")) == pytest.approx(expected)


@pytest.mark.parametrize(("balance", "expected"), [("loss", (2 / 3, 2.0)), ("sampler", None)])
def test_a_fold_weighs_the_loss_by_its_own_training_cases_where_its_plan_says_so(balance, expected):
    """Six cases of a and two of b: 8 / (2 * 6) and 8 / (2 * 2)."""
    labels = {f"c{n}": "b" if n in (1, 5) or n > 7 else "a" for n in range(12)}
    plan = SimpleNamespace(
        training=SimpleNamespace(balance=balance), classes=("a", "b"), allows_missing=False
    )
    job = SimpleNamespace(
        plan=plan, labels=labels, train=list(labels)[:8], seed=0, process_group=None
    )
    progress = SimpleNamespace(after_update=None)
    found = fold._task(job, SimpleNamespace(segments=()), progress).class_weights
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_class_without_cases_weighs_nothing():
    assert class_weights(["a", "b"], ("a", "b", "c")) == (1.0, 1.0, 0.0)
