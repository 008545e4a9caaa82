"""A network of each architecture, for tests."""

from ricenet_v2.records.plan_parts import NetworkPlan

RESIDUAL = NetworkPlan(
    architecture="residual_encoder",
    features=(4, 8, 8),
    blocks=(1, 1, 2),
    kernel_sizes=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 2, 2), (2, 2, 2), (1, 2, 2)),
    norm="instance",
    dropout=0.0,
    stem="",
)
PAPER = NetworkPlan(
    architecture="resnet18",
    features=(64, 128, 256, 512),
    blocks=(2, 2, 2, 2),
    kernel_sizes=((3, 3, 3),) * 4,
    strides=((2, 2, 2),) * 4,
    norm="batch",
    dropout=0.0,
    stem="",
)
