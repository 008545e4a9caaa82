"""Laws of the changes that let a slightly different layer work the same."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from ricenet_v2.network.build import build_network
from ricenet_v2.network.weight_changes import norm_after, plain_shortcut, with_channels

counts = st.integers(1, 9)


def random_weight(channels, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, channels, 3, 1, 2, generator=generator, dtype=torch.float64)


@given(there=counts, here=counts, seed=st.integers(0, 99))
def test_the_sum_over_channels_is_kept(there, here, seed):
    weight = random_weight(there, seed)
    made = with_channels(weight, here)
    assert made.shape == (3, here, 3, 1, 2)
    torch.testing.assert_close(made.sum(dim=1), weight.sum(dim=1))


@given(there=counts, times=st.integers(1, 4), seed=st.integers(0, 99))
def test_a_multiple_is_repeated_whole_and_scaled_by_the_ratio(there, times, seed):
    weight = random_weight(there, seed)
    expected = weight.repeat(1, times, 1, 1, 1) * there / (there * times)
    torch.testing.assert_close(with_channels(weight, there * times), expected)
    torch.testing.assert_close(with_channels(expected, there), weight)


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 7), (4, 4), (64, 128)])
def test_a_plain_shortcut_takes_every_other_voxel_and_fills_with_zeros(inputs, outputs):
    norm = nn.BatchNorm3d(outputs)
    layer = nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride=2, bias=False), norm).eval()
    layer.load_state_dict(
        {
            name: plain_shortcut(f"shortcut.{name}", value, norm.eps)
            for name, value in layer.state_dict().items()
        }
    )
    x = torch.randn(2, inputs, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    pooled = functional.avg_pool3d(x, 1, stride=2)
    expected = functional.pad(pooled, (0, 0, 0, 0, 0, 0, 0, outputs - inputs))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["NNUNET", "RESNET"])
def test_the_norm_after_every_bias_is_there_and_has_its_width(foreign, kind):
    plan = dataclasses.replace(getattr(foreign, kind), conv_bias=True)
    named = dict(build_network(plan, 1, 2).encoder.named_parameters())
    found = {name: norm for name in named if (norm := norm_after(name)) is not None}
    n_biased = sum(v.ndim == 5 for v in named.values()) - sum(
        v.shape[2:] == (1, 1, 1) for v in named.values()
    )
    assert len(found) == n_biased
    for name, norm in found.items():
        assert named[name].shape == named[norm + "weight"].shape
