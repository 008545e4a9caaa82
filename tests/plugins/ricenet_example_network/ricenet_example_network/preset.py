"""A preset that plans as `auto` does, for the plain network."""

from functools import partial

from ricenet_v2.plugins import (
    NetworkPlan,
    Preset,
    Rules,
    rounded_up,
    searched,
    topology,
    with_margin,
)

MOST_STAGES = 3


def fit(region, spacing, given):
    """Input size and network for a region (voxels) at a spacing (mm), both (z, y, x)."""
    wanted = with_margin(region)
    stages = topology(given or wanted, spacing, MOST_STAGES)
    network = NetworkPlan(
        architecture="plain_cnn",
        features=tuple(8 * 2**stage for stage in range(len(stages.strides))),
        blocks=(1,) * len(stages.strides),
        kernel_sizes=stages.kernels,
        strides=stages.strides,
        norm="instance",
        dropout=0.1,
        stem="conv at full resolution",
        nonlinearity="leaky_relu",
        settings={"slope": 0.2},
    )
    return rounded_up(wanted, stages.total_stride, given), network


PLAIN = Preset(
    ladder=partial(searched, Rules(fit, lambda network: (("full", network),), by_batch=True)),
    words={"network": "a network that is trained in minutes, as a first look at a dataset"},
)
