from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import strategies as st

from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    ChannelMeasurement,
    Distribution,
    Fingerprint,
)
from ricenet_v2.records.plan_parts import MemoryEstimate

Case = tuple[tuple[int, int, int], tuple[float, float, float]]


def flat(value: float) -> Distribution:
    return Distribution(value, value, value, value, value, value, 0.0)


def measured(kind: str, index: int, highest: float = 61.0) -> ChannelFingerprint:
    name = f"{kind}_{index}"
    spread = Distribution(50.0, 52.0, 60.0, 64.0, 66.0, 60.0, 3.0)
    return ChannelFingerprint(
        name, kind, 40.0, 12.0, 1.0, 90.0, spread, flat(highest), flat(40.0), 0.0
    )


def cohort(cases: Sequence[Case], kinds: Sequence[str] = ("mri",), classes: int = 2):
    """Fingerprint and dataset of cases given as (cropped shape, spacing), each another scan."""
    rows = [
        CaseMeasurement(
            f"C{i:04d}", shape, shape, spacing, 1.0, (intensities(i),) * len(kinds), voxels=f"v{i}"
        )
        for i, (shape, spacing) in enumerate(cases)
    ]
    channels = tuple(measured(kind, index) for index, kind in enumerate(kinds))
    names = tuple(f"class_{index}" for index in range(classes))
    fingerprint = Fingerprint(
        "Dataset001_X", len(rows), len(rows), {names[0]: len(rows)}, channels, tuple(rows)
    )
    described = tuple(Channel(channel.name, channel.kind) for channel in channels)
    return fingerprint, Dataset("Dataset001_X", described, names)


def intensities(seed: int) -> ChannelMeasurement:
    return ChannelMeasurement(1.0 + seed, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 2.0, 0.0)


def cheap_cost(
    network, n_channels, n_classes, input_size, batch, precision="float32", *, checkpointing=False
) -> MemoryEstimate:
    """Four float32 maps of the stem and six of each stage at its size; 4 bytes a weight."""
    left, weights = list(input_size), n_classes * network.features[-1]
    maps = 4 * (network.stem_features or network.features[0]) * math.prod(input_size)
    for features, stride, kernel in zip(
        network.features, network.strides, network.kernel_sizes, strict=True
    ):
        left = [n / s for n, s in zip(left, stride, strict=True)]
        maps += int(6 * features * math.prod(left))
        weights += 2 * features * features * math.prod(kernel)
    inputs = n_channels * math.prod(input_size)
    return MemoryEstimate(
        parameters=4 * weights,
        gradients=4 * weights,
        optimiser_state=8 * weights,
        ema=4 * weights,
        activations=4 * batch * maps,
        inputs=4 * batch * inputs,
        workspace=0,
        n_parameters=weights,
        multiply_adds=batch * maps,
        precision=precision,
    )


_LENGTHS = st.floats(0.2, 10.0).map(lambda value: round(value, 3))
_SIDES = st.integers(8, 600)
_CASES = st.tuples(st.tuples(_SIDES, _SIDES, _SIDES), st.tuples(_LENGTHS, _LENGTHS, _LENGTHS))
_KINDS = st.sampled_from(["mri", "ct", "pet", "dose", "mask", "other"])


@st.composite
def _cohorts(draw):
    cases = draw(st.lists(_CASES, min_size=1, max_size=6))
    copies = draw(st.sampled_from([1, 3, 20]))
    kinds = draw(st.lists(_KINDS, min_size=1, max_size=8))
    return cohort(cases * copies, kinds, draw(st.integers(2, 10)))


@pytest.fixture(scope="session")
def make_cohort():
    return cohort


@pytest.fixture(scope="session")
def cost():
    return cheap_cost


@pytest.fixture(scope="session")
def cohorts():
    return _cohorts()
