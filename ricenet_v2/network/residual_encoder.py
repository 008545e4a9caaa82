"""The residual encoder of dynamic-network-architectures, as the plan describes it."""

from __future__ import annotations

from dynamic_network_architectures.building_blocks.residual_encoders import ResidualEncoder
from torch import nn

from ricenet_v2.network.layers import nonlinearity_of, norm_of
from ricenet_v2.records.plan_parts import NetworkPlan


def build(plan: NetworkPlan, n_maps: int) -> nn.Module:
    """An encoder from (B, C, Z, Y, X) to the last feature map (B, F, Z', Y', X').

    Args:
        plan: Stages; the stem convolution works at full resolution, before the first stride.
        n_maps: Input channels and bands.
    """
    encoder: nn.Module = ResidualEncoder(
        input_channels=n_maps,
        stem_channels=plan.stem_features,
        n_stages=len(plan.features),
        features_per_stage=list(plan.features),
        conv_op=nn.Conv3d,
        kernel_sizes=[list(kernel) for kernel in plan.kernel_sizes],
        strides=[list(stride) for stride in plan.strides],
        n_blocks_per_stage=list(plan.blocks),
        conv_bias=plan.conv_bias,
        norm_op=norm_of(plan),
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nonlinearity_of(plan),
        nonlin_kwargs={"inplace": True},
        stochastic_depth_p=plan.stochastic_depth,
    )
    return encoder
