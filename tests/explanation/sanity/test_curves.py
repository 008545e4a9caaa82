"""Deletion and insertion on a network whose answer is known, and the verdict."""

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.explanation.sanity.curves import Blocks, PerturbationCurves
from ricenet_v2.explanation.sanity.map_similarity import agreement, rank_correlation
from ricenet_v2.explanation.sanity.verdict import least_better

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
    return PerturbationCurves(Corner().eval(), array, np.zeros_like(array), blocks, 1, random)


def test_the_right_map_deletes_and_inserts_at_once(curves):
    right = np.zeros(SHAPE, np.float32)
    right[:2, :2, :2] = 1
    high, low = 1 / (1 + np.exp(-6.0)), 1 / (1 + np.exp(6.0))
    deleted, inserted = curves.deletion(right), curves.insertion(right)
    assert deleted.probability[0] == pytest.approx(high)
    assert deleted.probability[1:] == pytest.approx([low] * 10)
    assert inserted.probability[1:] == pytest.approx([high] * 10)
    assert deleted.area == pytest.approx(low + (high - low) * deleted.shares[1] / 2)
    assert deleted.better_than >= 18 / 19  # one order may begin with that very block
    assert inserted.area > inserted.random_area


def test_the_wrong_map_is_worse_than_chance(curves):
    wrong = np.ones(SHAPE, np.float32)
    wrong[:2, :2, :2] = -1
    deleted, inserted = curves.deletion(wrong), curves.insertion(wrong)
    assert deleted.area > deleted.random_area
    assert inserted.area < inserted.random_area
    assert (deleted.better_than, inserted.better_than) == (0.0, 0.0)


def test_steps_are_closer_at_the_beginning_and_reach_the_end(curves):
    assert curves.cuts.tolist() == [0, 1, 3, 6, 11, 16, 24, 32, 41, 52, 64]


class Linear(nn.Module):
    """Log odds are a weighed sum of the voxels."""

    def __init__(self, seed):
        super().__init__()
        drawn = torch.Generator().manual_seed(seed)
        self.weights = nn.Parameter(torch.randn(SHAPE, generator=drawn) / 8)

    def forward(self, batch):
        value = (batch[:, 0] * self.weights).sum(dim=(1, 2, 3)) / 2
        return torch.stack([-value, value], dim=1)


def test_maps_of_noise_seldom_pass_and_right_ones_do():
    n = 100
    beaten = {"noise": np.zeros((n, 2)), "right": np.zeros((n, 2))}
    for seed in range(n):
        rng, network = np.random.default_rng(seed), Linear(seed).eval()
        array = rng.normal(1, 1, (1, *SHAPE)).astype(np.float32)
        blocks = Blocks.of(np.ones(SHAPE, dtype=bool), (2, 2, 2))
        made = PerturbationCurves(network, array, np.zeros_like(array), blocks, 1, rng, batch=64)
        maps = {
            "noise": rng.normal(size=SHAPE).astype(np.float32),
            "right": array[0] * network.weights.detach().numpy(),
        }
        for name, values in maps.items():
            curves = made.deletion(values), made.insertion(values)
            beaten[name][seed] = [curve.better_than for curve in curves]
    for name, passing in (("noise", (0.0, 0.12)), ("right", (0.95, 1.0))):
        for n_patients in (1, 4):
            shares = beaten[name].reshape(-1, n_patients, 2).mean(axis=1)
            passed = np.mean(shares >= least_better(n_patients), axis=0)
            assert (passing[0] <= passed).all(), name
            assert (passed <= passing[1]).all(), name


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


def test_correlations_of_maps():
    rng = np.random.default_rng(3)
    one, region = rng.normal(size=SHAPE).astype(np.float32), np.ones(SHAPE, dtype=bool)
    assert rank_correlation(one, one**3, region) == pytest.approx(1)
    assert rank_correlation(one, -one, region) == pytest.approx(-1)
    assert rank_correlation(one, 0 * one, region) == 0
    assert agreement([one, one, -one], region) == pytest.approx(-1 / 3)
    assert agreement([one], region) is None
