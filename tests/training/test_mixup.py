from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.training.mixup import mix


def _batch(n: int):
    """Samples whose voxels all tell which they are, in two channels of different scale."""
    number = torch.arange(n, dtype=torch.float32)
    images = torch.stack([number, 10 * number], dim=1)[:, :, None, None, None].repeat(1, 1, 2, 2, 2)
    return images, torch.eye(n)


@given(st.integers(1, 6), st.floats(0.1, 2.0), st.integers(0, 99))
def test_all_channels_and_the_label_mix_by_the_same_share_of_the_same_partner(n, alpha, seed):
    images, targets = mix(*_batch(n), alpha, np.random.default_rng(seed))
    told = targets @ torch.arange(n, dtype=torch.float32)
    torch.testing.assert_close(images[:, 0, 0, 0, 0], told)
    torch.testing.assert_close(images[:, 1, 1, 1, 1], 10 * told)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(n))
    assert int((targets > 0).sum(dim=1).max()) <= 2


@given(st.integers(0, 99))
def test_a_mixed_dose_is_an_average_and_never_above_the_larger(seed):
    random = np.random.default_rng(seed)
    images = torch.from_numpy(random.uniform(0, 60, (4, 1, 2, 2, 2)).astype(np.float32))
    mixed, _ = mix(images, torch.eye(4), 0.4, random)
    assert bool((mixed <= images.amax(dim=0) + 1e-4).all())
    assert bool((mixed >= images.amin(dim=0) - 1e-4).all())


def test_shares_follow_the_beta_distribution():
    from scipy import stats

    random = np.random.default_rng(0)
    images, targets = torch.zeros((4000, 1, 1, 1, 1)), torch.eye(4000)
    _, mixed = mix(images, targets, 0.4, random)
    shares = mixed.diagonal().numpy()
    assert stats.kstest(shares[shares < 1], stats.beta(0.4, 0.4).cdf).pvalue > 0.01


def test_the_same_generator_gives_the_same_pairs():
    one = mix(*_batch(5), 0.4, np.random.default_rng(1))
    two = mix(*_batch(5), 0.4, np.random.default_rng(1))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
