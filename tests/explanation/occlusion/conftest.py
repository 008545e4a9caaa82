"""Small random networks of both kinds, whose norms do something."""

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.network.build import build_network
from ricenet_v2.records.plan_parts import NetworkPlan

RESNET = NetworkPlan(
    architecture="resnet18",
    features=(4, 6, 8, 8),
    blocks=(2, 1, 1, 1),
    kernel_sizes=((3, 3, 3),) * 4,
    strides=((2, 2, 2),) * 4,
    norm="batch",
    dropout=0.0,
    stem="",
)
RESIDUAL = NetworkPlan(
    architecture="residual_encoder",
    features=(4, 6, 8),
    blocks=(1, 2, 1),
    kernel_sizes=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)),
    norm="batch",
    dropout=0.2,
    stem="",
    conv_bias=True,
    nonlinearity="leaky_relu",
    stem_features=3,
)
_NORMS = nn.BatchNorm3d | nn.InstanceNorm3d


def _network(plan, n_channels=2, n_classes=2, seed=0):
    torch.manual_seed(seed)
    made = build_network(plan, n_channels, n_classes).eval()
    for layer in made.modules():
        if isinstance(layer, _NORMS):
            nn.init.normal_(layer.weight, 1, 0.3)
            nn.init.normal_(layer.bias, 0, 0.3)
        if isinstance(layer, nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.BatchNorm3d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.3, 1)
    nn.init.normal_(made.head.weight, 0, 0.3)
    return made


@pytest.fixture(scope="session")
def networks():
    return {"resnet18": RESNET, "residual_encoder": RESIDUAL}


@pytest.fixture(scope="session")
def network_of():
    return _network


@pytest.fixture(scope="session")
def noise():
    def made(*shape, seed=0):
        return np.random.default_rng(seed).normal(size=shape).astype(np.float32)

    return made
