"""The networks of the presets, and their smaller variants."""

from __future__ import annotations

import dataclasses

from ricenet_v2.planning.topology import Topology
from ricenet_v2.records.plan_parts import NetworkPlan

FIRST_FEATURES, MOST_FEATURES = 32, 320
LIGHT_STEM = 8
SMALL_FIRST, SMALL_MOST, SMALL_STAGES = 16, 128, 6
# Stem 2, max pool 2, and three stages of 2.
PAPER_STRIDE = 32
# Five strides of 2 behind a first stage at full resolution.
RESENC_L_STRIDE = 32
FULL, LIGHT, SHALLOWER, NARROWER = "full", "light stem", "shallower", "narrower"

Variant = tuple[str, NetworkPlan]


def residual_encoder(topology: Topology) -> NetworkPlan:
    """The residual encoder of `auto`: features double from 32 to 320, two blocks a stage."""
    stages = len(topology.strides)
    return _adapted(topology, FIRST_FEATURES, MOST_FEATURES, (1, *(2,) * (stages - 1)))


def small_residual_encoder(topology: Topology) -> NetworkPlan:
    """The residual encoder of `small`: features double from 16 to 128, one block a stage.

    Six stages with kernels of 3 x 3 x 3 have 2.7 million parameters.
    """
    return _adapted(topology, SMALL_FIRST, SMALL_MOST, (1,) * len(topology.strides))


def _adapted(topology: Topology, first: int, most: int, blocks: tuple[int, ...]) -> NetworkPlan:
    return NetworkPlan(
        architecture="residual_encoder",
        features=tuple(min(first * 2**stage, most) for stage in range(len(blocks))),
        blocks=blocks,
        kernel_sizes=topology.kernels,
        strides=topology.strides,
        norm="instance",
        dropout=0.1,
        stem="conv at full resolution",
    )


def variants(network: NetworkPlan) -> tuple[Variant, ...]:
    """The network and what is left of it, each with less memory than the one before.

    Most of the memory of a step is the stem, which alone works at full resolution: with 8
    features instead of 32 it keeps a quarter. Then each stage has one block, then half the width.
    """
    light = dataclasses.replace(network, stem_features=LIGHT_STEM)
    shallower = dataclasses.replace(light, blocks=(1,) * len(network.blocks))
    narrower = dataclasses.replace(shallower, features=tuple(n // 2 for n in network.features))
    return ((FULL, network), (LIGHT, light), (SHALLOWER, shallower), (NARROWER, narrower))


def resenc_l() -> NetworkPlan:
    """The encoder of nnU-Net's ResEnc-L, as nnssl pretrains it (1 mm, 160 x 160 x 160).

    Source: ResidualEncoderUNet of dynamic-network-architectures with the numbers of
    nnU-Net's ResEncL planner. Nothing of it adapts, so that its pretrained weights fit.
    """
    stride_1, stride_2, kernel_3 = (1, 1, 1), (2, 2, 2), (3, 3, 3)
    return NetworkPlan(
        architecture="residual_encoder",
        features=(32, 64, 128, 256, 320, 320),
        blocks=(1, 3, 4, 6, 6, 6),
        kernel_sizes=(kernel_3,) * 6,
        strides=(stride_1, *(stride_2,) * 5),
        norm="instance",
        dropout=0.1,
        stem="conv at full resolution",
        conv_bias=True,
        nonlinearity="leaky_relu",
    )


def paper_resnet18() -> NetworkPlan:
    """The paper's ResNet-18 with the stem of stride 2 that it needs to be affordable."""
    return NetworkPlan(
        architecture="resnet18",
        features=(64, 128, 256, 512),
        blocks=(2, 2, 2, 2),
        kernel_sizes=((3, 3, 3),) * 4,
        strides=((2, 2, 2),) * 4,
        norm="batch",
        dropout=0.0,
        stem="conv7 stride 2, max pool 3 stride 2",
    )
