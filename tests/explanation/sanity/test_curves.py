"""Deletion and insertion on a network whose answer is known, and the verdict."""

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.explanation.sanity.alike import agreement, rank_correlation
from ricenet_v2.explanation.sanity.curves import Blocks, Curves
from ricenet_v2.explanation.sanity.verdict import faults

SHAPE = (8, 8, 8)


class Corner(nn.Module):
    """Class 1 is as sure as one corner is bright."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(6.0))

    def forward(self, batch):
        value = self.scale * (batch[:, 0, :2, :2, :2].mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([-value, value], dim=1)


@pytest.fixture
def curves():
    array = np.ones((1, *SHAPE), np.float32)
    blocks = Blocks.of(np.ones(SHAPE, dtype=bool), (2, 2, 2))
    random = np.random.default_rng(0)
    return Curves(Corner().eval(), array, np.zeros_like(array), blocks, 1, random)


def test_the_right_map_deletes_and_inserts_at_once(curves):
    right = np.zeros(SHAPE, np.float32)
    right[:2, :2, :2] = 1
    high, low = 1 / (1 + np.exp(-6.0)), 1 / (1 + np.exp(6.0))
    deleted, inserted = curves.deletion(right), curves.insertion(right)
    assert deleted.probability[0] == pytest.approx(high)
    assert deleted.probability[1:] == pytest.approx([low] * 10)
    assert inserted.probability[1:] == pytest.approx([high] * 10)
    assert deleted.area == pytest.approx(low + (high - low) * deleted.shares[1] / 2)
    assert deleted.better_than >= 0.8
    assert inserted.area > inserted.random_area


def test_the_wrong_map_is_worse_than_chance(curves):
    wrong = np.ones(SHAPE, np.float32)
    wrong[:2, :2, :2] = -1
    deleted, inserted = curves.deletion(wrong), curves.insertion(wrong)
    gains = deleted.random_area - deleted.area, inserted.area - inserted.random_area
    assert max(gains) < 0
    told = faults(0.1, 0.2, *gains, 0.9)
    assert len(told) == 2
    assert "deleting" in told[0]


def test_blocks_of_a_region_are_in_the_order_of_their_means():
    region = np.zeros((4, 4, 4), dtype=bool)
    region[:2] = True
    blocks = Blocks.of(region, (2, 2, 2))
    assert blocks.count == 4
    values = np.zeros((4, 4, 4), np.float32)
    values[:2, 2:, :2] = 5
    order = blocks.order_of(values)
    ranks = blocks.ranks(order)
    assert (ranks[:2, 2:, :2] == 0).all()
    assert (ranks[2:] == -1).all()


def test_each_check_can_fail():
    assert faults(0.1, None, 0.1, 0.1, None) == ()
    assert faults(0.6, 0.7, 0.1, 0.1, 0.1) == (
        "much the same with random weights (correlation 0.60)",
        "much the same with shuffled labels (correlation 0.70)",
        "networks of the folds disagree (correlation 0.10)",
    )
    assert len(faults(float("nan"), None, 0.0, float("nan"), None)) == 3


def test_correlations_of_maps():
    rng = np.random.default_rng(3)
    one, region = rng.normal(size=SHAPE).astype(np.float32), np.ones(SHAPE, dtype=bool)
    assert rank_correlation(one, one**3, region) == pytest.approx(1)
    assert rank_correlation(one, -one, region) == pytest.approx(-1)
    assert rank_correlation(one, 0 * one, region) == 0
    assert agreement([one, one, -one], region) == pytest.approx(-1 / 3)
    assert agreement([one], region) is None
