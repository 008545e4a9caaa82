"""Norm layers and nonlinearities by the names that a plan gives them."""

from __future__ import annotations

from torch import nn

from ricenet_v2.records.plan_parts import NetworkPlan

_NORMS = {"instance": nn.InstanceNorm3d, "batch": nn.BatchNorm3d}
_NONLINEARITIES = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}


def norm_of(plan: NetworkPlan) -> type[nn.Module]:
    """Class of the norm layers of a plan, which is called with the number of channels.

    Args:
        plan: Its norm is `instance` or `batch`.
    """
    return _NORMS[plan.norm]


def nonlinearity_of(plan: NetworkPlan) -> type[nn.Module]:
    """Class of the layer after each norm, which is called with `inplace`.

    Args:
        plan: Its nonlinearity is `relu`, or `leaky_relu` of slope 0.01.
    """
    return _NONLINEARITIES[plan.nonlinearity]
