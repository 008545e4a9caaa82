import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ricenet_v2.explanation.occlusion.full import FullPass
from ricenet_v2.explanation.occlusion.incremental import IncrementalPass
from ricenet_v2.explanation.occlusion.passes import choose_pass
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.occlusion.traced_network import UnknownStepError
from ricenet_v2.network.build import Classifier

STRIDE = st.sampled_from([(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 1, 2)])
KERNEL = st.sampled_from([(1, 3, 3), (3, 3, 3), (3, 1, 3), (5, 3, 1)])


def both(network, array, make_plan, size, spacing=(1.0, 1.0, 1.0)):
    """Logits of whole and of incremental passes, for windows here and there and in the corners.

    Passes that are whole behind the first layer are compared here: they are exact with any norm.
    """
    plan = make_plan(kinds=("mri", "dose"), shape=array.shape[1:], spacing=spacing)
    how = OcclusionSettings(window_mm=size, stride_mm=size)
    occlusions = prepare(array, np.ones(array.shape[1:], bool), plan, how)
    n = len(occlusions.windows)
    numbers = np.unique(np.linspace(0, n - 1, min(n, 30)).astype(int))
    with torch.inference_mode():
        ours = IncrementalPass(network, occlusions)
        full = FullPass(network, occlusions)
        behind = IncrementalPass(network, occlusions, only_first=True)
        assert behind.is_exact
        for one in (behind, ours):  # no pass writes over what the next one needs
            assert torch.equal(one.logits(numbers[:3]), one.logits(numbers[:3]))
            one.forward_passes = 0.0
        assert behind.kept <= ours.kept
        assert_same(full.logits(numbers), behind.logits(numbers), full.whole)
        return full.logits(numbers), ours.logits(numbers), full.whole, ours


def assert_same(full, ours, whole, seen=0.0):
    """Found to 1e-4 of a logit (rounding grows with it); smaller changes are still found."""
    change, off = (full - whole).abs().max(), (full - ours).abs().max()
    assert change > seen
    assert off < 1e-4 + 1e-6 * whole.abs().max()
    assert off < 0.1 * change + 1e-5


@settings(max_examples=12, deadline=None)
@given(
    size=st.tuples(*[st.integers(17, 26)] * 3),
    stem=STRIDE,
    step=STRIDE,
    window=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_resnet18_with_odd_sizes(
    networks, network_of, noise, make_plan, size, stem, step, window, seed
):
    strides = (stem, (1, 1, 1), step, (2, 2, 2))
    plan = dataclasses.replace(networks["resnet18"], strides=strides)
    found = both(network_of(plan, seed=seed), noise(2, *size, seed=seed), make_plan, window)
    assert_same(*found[:3])
    torch.testing.assert_close(found[3].whole, found[2], atol=1e-5, rtol=1e-5)


@settings(max_examples=12, deadline=None)
@given(
    blocks=st.tuples(*[st.integers(2, 4)] * 3),
    kernels=st.tuples(KERNEL, KERNEL, KERNEL),
    strides=st.tuples(STRIDE, STRIDE, STRIDE),
    window=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_residual_encoder_with_anisotropic_strides_and_kernels(
    networks, network_of, noise, make_plan, blocks, kernels, strides, window, seed
):
    plan = dataclasses.replace(
        networks["residual_encoder"], kernel_sizes=kernels, strides=strides, nonlinearity="relu"
    )
    total = np.prod(strides, axis=0)
    size = [max(8 // t, n) * t for n, t in zip(blocks, total.tolist(), strict=True)]
    window = min(window, *size)
    found = both(network_of(plan, seed=seed), noise(2, *size, seed=seed), make_plan, window)
    assert_same(*found[:3])


def test_windows_of_unequal_sides_and_leaky_nonlinearities(networks, network_of, noise, make_plan):
    network = network_of(networks["residual_encoder"])
    assert_same(*both(network, noise(2, 8, 24, 20), make_plan, 6, (3.0, 1.0, 1.5))[:3], seen=1e-2)


@pytest.mark.parametrize(
    ("architecture", "size"), [("resnet18", (17, 20, 23)), ("residual_encoder", (8, 24, 20))]
)
def test_bands_of_levels_follow_a_window(
    networks, network_of, noise, make_plan, architecture, size
):
    plan = dataclasses.replace(networks[architecture], levels=((), (-1.0, 0.0, 0.5, 1.5)))
    network = network_of(plan)
    assert network.bands.n_bands == 3
    found = both(network, noise(2, *size), make_plan, 5)
    assert_same(*found[:3], seen=1e-3)
    torch.testing.assert_close(found[3].whole, found[2], atol=1e-5, rtol=1e-5)


def test_it_counts_less_work_than_whole_passes(networks, network_of, noise, make_plan):
    network = network_of(networks["resnet18"])
    full, _, _, ours = both(network, noise(2, 48, 48, 48), make_plan, 8)
    assert 0 < ours.forward_passes < 0.6 * len(full)
    assert ours.is_exact
    _, _, _, everything = both(network, noise(2, 16, 16, 16), make_plan, 16)
    # One window over all of the image: every map is the whole map.
    assert everything.forward_passes == pytest.approx(1)


def test_instance_norm_is_an_approximation_and_says_so(networks, network_of, noise, make_plan):
    plan = dataclasses.replace(networks["residual_encoder"], norm="instance")
    full, ours, _, passes = both(network_of(plan), noise(2, 16, 32, 32), make_plan, 5)
    assert not passes.is_exact
    assert "approximation" in passes.words
    assert (full - ours).abs().max() > 0
    # A window that is all of the image leaves nothing to approximate.
    last = both(network_of(plan), noise(2, 16, 16, 16), make_plan, 16)
    torch.testing.assert_close(last[0], last[1], atol=1e-4, rtol=1e-4)


def test_dilation_groups_and_average_pools_are_followed(noise, make_plan):
    torch.manual_seed(0)
    encoder = nn.Sequential(
        nn.Conv3d(2, 4, 3, padding=2, dilation=2, groups=2),
        nn.MaxPool3d(3, stride=2, padding=1),
        nn.ReLU(),
        nn.AvgPool3d((1, 2, 2)),
        nn.MaxPool3d(2, stride=1, dilation=2),
        nn.Conv3d(4, 4, (1, 3, 3), padding=(0, 1, 1)),
    )
    network = Classifier(encoder, 4, 2, 0.0).eval()
    assert_same(*both(network, noise(2, 13, 17, 22), make_plan, 5)[:3], seen=1e-3)


class _TwoStems(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other, self.more = (nn.Conv3d(n, 4, 3, padding=1) for n in (2, 2, 4))

    def forward(self, x):
        return self.more(self.one(x)) + self.other(x)


@pytest.mark.parametrize(
    "encoder", [nn.Sequential(nn.BatchNorm3d(2), nn.Conv3d(2, 4, 3)), _TwoStems()]
)
def test_only_one_first_layer_is_shared_by_whole_passes(noise, make_plan, encoder):
    network = Classifier(encoder, 4, 2, 0.0).eval()
    plan = make_plan(kinds=("mri", "dose"), shape=(8, 8, 8))
    how = OcclusionSettings(window_mm=4, stride_mm=4)
    occlusions = prepare(noise(2, 8, 8, 8), np.ones((8, 8, 8), bool), plan, how)
    with pytest.raises(UnknownStepError, match="does not begin with one"):
        IncrementalPass(network, occlusions, only_first=True)
    assert isinstance(choose_pass(network, occlusions, "full"), FullPass)


def test_the_weights_that_norms_were_drawn_into_count_as_kept(
    networks, network_of, noise, make_plan
):
    network = network_of(networks["resnet18"])
    _, _, _, ours = both(network, noise(2, 16, 16, 16), make_plan, 8)
    convolutions = [each for each in network.encoder.modules() if isinstance(each, nn.Conv3d)]
    maps = sum(each.nbytes for each in ours._maps.maps.values())
    drawn = sum(4 * (each.weight.numel() + len(each.weight)) for each in convolutions)
    assert ours.kept == maps + drawn
