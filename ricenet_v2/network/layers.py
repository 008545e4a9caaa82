"""Norm layers and nonlinearities by the names that a plan gives them."""

from __future__ import annotations

from torch import nn

from ricenet_v2.records.plan_parts import NetworkPlan

_NORMS = {"instance": nn.InstanceNorm3d, "batch": nn.BatchNorm3d}
_NONLINEARITIES = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}


def norm_of(plan: NetworkPlan) -> type[nn.Module]:
    """Class of the norm layers of a plan, `instance` or `batch`."""
    return _NORMS[plan.norm]


def nonlinearity_of(plan: NetworkPlan) -> type[nn.Module]:
    """Class of the layer after each norm; the slope of `leaky_relu` is 0.01."""
    return _NONLINEARITIES[plan.nonlinearity]
