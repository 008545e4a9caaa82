from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ricenet_v2.planning.channels import plan_channel
from ricenet_v2.planning.levels import plan_levels
from ricenet_v2.records.kinds import KINDS, KindSpecification
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
    assert f"({highest:.4g} Gy) rounded up to a multiple of 5 Gy, so that 30 Gy means" in why.reason


@pytest.fixture
def diffusion(monkeypatch, channel_of):
    """A function from the highest percentile to a channel of a kind that this program has not."""
    kind = KindSpecification("ADC map", "linear", "divide", "diffusion in mm2/s", unit="mm2/s")
    monkeypatch.setitem(KINDS, "other", kind)

    def channel(highest):
        measured = channel_of("other")
        of_cases = dataclasses.replace(measured.percentile_99_9, median=0.0, maximum=highest)
        return dataclasses.replace(measured, percentile_99_9=of_cases)

    return channel


@pytest.mark.parametrize(
    ("highest", "divisor", "step"),
    [
        (0.002745, 0.0028, "0.0002"),
        (0.003, 0.003, "0.0002"),
        (0.0049, 0.005, "0.0002"),
        (0.0051, 0.0055, "0.0005"),
        (2.745e-9, 2.8e-9, "2e-10"),
        (1.0, 1.0, "0.1"),
        (2745.0, 2800.0, "200"),
        (9.99, 10.0, "0.5"),
        (0.0, 1.0, "1"),
        (-3.0, 1.0, "1"),
    ],
)
def test_a_divisor_follows_the_values_of_a_kind_whatever_their_unit(
    diffusion, highest, divisor, step
):
    channel, why = plan_channel(diffusion(highest))
    assert channel.normalisation.divisor == divisor
    assert why.value == f"linear resampling, divide by {divisor:g}"
    assert f"({highest:.4g} mm2/s) rounded up to a multiple of {step} mm2/s," in why.reason
    assert why.reason.startswith("ADC map: one divisor")


def test_levels_of_a_kind_lie_among_its_values(diffusion):
    measured = diffusion(0.003)
    channel, _ = plan_channel(measured)
    (levels,), (why,) = plan_levels([measured], [channel])
    assert why.value == "0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003 mm2/s"
    assert "the diffusion in mm2/s" in why.reason
    np.testing.assert_allclose(levels, np.arange(7) / 6)


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        ("zscore", "other: whatever the scale, so each case by itself"),
        ("clip_zscore", "other: diffusion in mm2/s, taken as comparable, so constants of the"),
        ("none", "other: diffusion in mm2/s, left as it is"),
    ],
)
def test_reasons_speak_of_the_kind(diffusion, scheme, reason):
    assert plan_channel(diffusion(0.003), scheme)[1].reason.startswith(reason)


def test_a_deviation_of_small_values_stays(channel_of):
    small = dataclasses.replace(channel_of("ct"), mean=8e-10, std=3e-10)
    assert plan_channel(small)[0].normalisation.std == 3e-10
    nothing = dataclasses.replace(channel_of("ct"), mean=0.0, std=0.0)
    assert plan_channel(nothing)[0].normalisation.std > 0


def test_a_constant_ct_does_not_divide_by_zero(channel_of):
    made, _ = plan_channel(dataclasses.replace(channel_of("ct"), std=0.0))
    assert made.normalisation.std == pytest.approx(1e-6)
