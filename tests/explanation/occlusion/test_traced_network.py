import pytest
import torch
from torch import nn
from torch.nn import functional

from ricenet_v2.explanation.occlusion.traced_network import (
    UnknownStepError,
    frozen,
    fused,
    in_place,
    steps_of,
)


def test_frozen_statistics_give_the_same_map_and_no_other_mean():
    norm = nn.InstanceNorm3d(3, affine=True)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    one, other = torch.randn(1, 3, 4, 5, 6) * 3 + 2, torch.randn(1, 3, 4, 5, 6)
    still = frozen(norm, one)
    torch.testing.assert_close(still(one), norm(one), atol=1e-4, rtol=1e-4)
    scale = still(one) / norm(one)
    assert not torch.allclose(still(other), norm(other), atol=0.1)
    assert torch.allclose(scale, torch.ones_like(scale), atol=1e-2)


@pytest.mark.parametrize("kind", ["resnet18", "residual_encoder"])
def test_norms_vanish_into_the_convolutions_and_the_map_stays(networks, network_of, kind):
    encoder = network_of(networks[kind]).encoder
    images = torch.randn(1, 2, 16, 16, 16)
    steps = fused(steps_of(encoder))
    assert not any(isinstance(step.layer, nn.BatchNorm3d) for step in steps)
    maps = {"images": images}
    with torch.no_grad():
        for step in steps:
            inputs = [maps[name].clone() for name in step.inputs]
            maps[step.name] = step.layer(inputs[0]) if step.layer else inputs[0] + inputs[1]
        torch.testing.assert_close(maps[steps[-1].name], encoder(images), atol=1e-4, rtol=1e-4)


class _Twice(nn.Module):
    """Its convolution's map is taken by a nonlinearity and by the addition."""

    def __init__(self, *, writes=False):
        super().__init__()
        self.conv, self.once, self.twice = nn.Conv3d(1, 1, 1), nn.ReLU(True), nn.ReLU(writes)

    def forward(self, x):
        before = self.conv(x)
        return self.once(before + self.twice(before))


def test_only_a_map_that_is_not_taken_again_is_written_over():
    steps = steps_of(_Twice())
    written = {step.name: getattr(step.layer, "inplace", None) for step in in_place(steps)}
    assert written == {"conv": None, "twice": False, "add": None, "once": True}
    assert not any(getattr(step.layer, "inplace", False) for step in steps)
    (only,) = in_place(steps_of(nn.Sequential(nn.ReLU())))
    assert not only.layer.inplace  # the images of the case


@pytest.mark.parametrize("layer", [_Twice(writes=True), nn.Sequential(nn.ReLU(True))])
def test_a_network_that_writes_over_what_it_needs_elsewhere_is_not_known(layer):
    with pytest.raises(UnknownStepError, match="writes over"):
        steps_of(layer)


class _Softmax(nn.Module):
    def forward(self, x):
        return functional.softmax(x, dim=1)


class _Branch(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    "layer",
    [
        _Softmax(),
        _Branch(),
        nn.AdaptiveAvgPool3d(1),
        nn.Conv3d(1, 1, 3, padding=1, padding_mode="reflect"),
        nn.Conv3d(1, 1, 3, padding="same"),
        nn.MaxPool3d(2, ceil_mode=True),
        nn.AvgPool3d(2, padding=1),
        nn.BatchNorm3d(1, track_running_stats=False),
        nn.InstanceNorm3d(1, track_running_stats=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_is_not_known_is_not_guessed(layer):
    with pytest.raises(UnknownStepError):
        steps_of(nn.Sequential(layer).eval())


def test_batch_norm_in_training_mode_is_not_known():
    with pytest.raises(UnknownStepError):
        steps_of(nn.Sequential(nn.BatchNorm3d(1)).train())
