"""The encoder of nnU-Net's ResEnc-L at true size, layer by layer, on torch's meta device."""

from __future__ import annotations

import pytest
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from torch import nn

from ricenet_v2.network.build import build_network
from ricenet_v2.records.plan_parts import NetworkPlan

RESENC_L = NetworkPlan(
    architecture="residual_encoder",
    features=(32, 64, 128, 256, 320, 320),
    blocks=(1, 3, 4, 6, 6, 6),
    kernel_sizes=((3, 3, 3),) * 6,
    strides=((1, 1, 1), *((2, 2, 2),) * 5),
    norm="instance",
    dropout=0.0,
    stem="",
    conv_bias=True,
    nonlinearity="leaky_relu",
)


def resenc_l(n_channels):
    """As nnssl's `get_res_enc_l` builds it, and nnU-Net's planner for six stages."""
    with torch.device("meta"):
        return ResidualEncoderUNet(
            input_channels=n_channels,
            n_stages=6,
            features_per_stage=[32, 64, 128, 256, 320, 320],
            conv_op=nn.Conv3d,
            kernel_sizes=[[3, 3, 3]] * 6,
            strides=[[1, 1, 1], *([[2, 2, 2]] * 5)],
            n_blocks_per_stage=[1, 3, 4, 6, 6, 6],
            num_classes=2,
            n_conv_per_stage_decoder=[1] * 5,
            conv_bias=True,
            norm_op=nn.InstanceNorm3d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
        ).encoder


def ours(n_channels):
    with torch.device("meta"):
        return build_network(RESENC_L, n_channels, 2)


def shapes(module):
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize("n_channels", [1, 3])
def test_every_name_and_shape_is_that_of_nnunet(n_channels):
    found = shapes(ours(n_channels).encoder)
    assert found == shapes(resenc_l(n_channels))
    assert found["stem.convs.0.conv.weight"] == (32, n_channels, 3, 3, 3)
    assert found["stages.5.blocks.5.conv2.norm.bias"] == (320,)


def test_every_layer_has_the_settings_of_nnunet():
    """Strides, paddings, slopes and epsilons are no weights: the text of each layer shows them."""
    theirs = {name: repr(m) for name, m in resenc_l(1).named_modules() if not [*m.children()]}
    found = {name: repr(m) for name, m in ours(1).encoder.named_modules() if not [*m.children()]}
    assert found == theirs
    kinds = {text.partition("(")[0] for text in found.values()}
    assert kinds == {"Conv3d", "InstanceNorm3d", "LeakyReLU", "AvgPool3d"}


def test_the_parameters_are_counted_by_hand():
    """Convolutions of 27 taps and a bias, norms of scale and shift, projections without bias."""

    def convolution(inputs, outputs):
        return 27 * inputs * outputs + outputs + 2 * outputs

    total, width = convolution(1, 32), 32
    for features, blocks in zip((32, 64, 128, 256, 320, 320), (1, 3, 4, 6, 6, 6), strict=True):
        total += convolution(width, features) + (2 * blocks - 1) * convolution(features, features)
        if features != width:
            total += width * features + 2 * features
        width = features
    assert sum(p.numel() for p in ours(1).encoder.parameters()) == total


def test_the_last_map_is_a_thirty_second_of_the_image():
    found = ours(1).features(torch.empty(1, 1, 160, 192, 64, device="meta"))
    assert found.shape == (1, 320, 5, 6, 2)
