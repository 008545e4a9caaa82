from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.planning.channels import plan_channel
from ricenet_v2.records.plan_parts import Normalisation


@pytest.fixture
def channel_of(make_cohort):
    return lambda kind: make_cohort([((8, 8, 8), (1.0, 1.0, 1.0))], (kind,))[0].channels[0]


@pytest.mark.parametrize(
    ("kind", "interpolation", "normalisation"),
    [
        ("mri", "cubic", Normalisation("zscore")),
        ("ct", "cubic", Normalisation("clip_zscore", 1.0, 90.0, 40.0, 12.0)),
        ("pet", "cubic", Normalisation("zscore")),
        ("other", "cubic", Normalisation("zscore")),
        ("mask", "nearest", Normalisation("none")),
        ("dose", "linear", Normalisation("divide", divisor=65.0)),
    ],
)
def test_each_kind_has_its_rule(channel_of, kind, interpolation, normalisation):
    made, why = plan_channel(channel_of(kind))
    assert (made.interpolation, made.normalisation) == (interpolation, normalisation)
    assert why.what == f"channel {kind}_0"


@pytest.mark.parametrize(
    ("highest", "divisor"), [(60.0, 60.0), (60.01, 65.0), (3.0, 5.0), (0.0, 5.0), (72.4, 75.0)]
)
def test_dose_is_rounded_up_to_5_gy(channel_of, highest, divisor):
    channel = channel_of("dose")
    highest_of_cases = dataclasses.replace(channel.percentile_99_9, median=1.0, maximum=highest)
    changed = dataclasses.replace(channel, percentile_99_9=highest_of_cases)
    made, why = plan_channel(changed)
    assert made.normalisation.divisor == divisor
    assert "multiple of 5 Gy" in why.reason


def test_a_constant_ct_does_not_divide_by_zero(channel_of):
    made, _ = plan_channel(dataclasses.replace(channel_of("ct"), std=0.0))
    assert made.normalisation.std == pytest.approx(1e-6)
