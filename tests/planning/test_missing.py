from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.planning.missing import dropout_rates
from ricenet_v2.records.fingerprint import ChannelFingerprint, Distribution

ONE = Distribution(1, 1, 1, 1, 1, 1, 0)


def _channel(n_missing: int) -> ChannelFingerprint:
    return ChannelFingerprint("a", "mri", 1, 1, 0, 1, ONE, ONE, ONE, 0, n_missing)


@pytest.mark.parametrize(("n", "rate"), [(0, 0.1), (1, 0.1), (6, 0.3), (15, 0.5)])
def test_channels_are_dropped_as_often_as_they_are_missing_within_bounds(n, rate):
    assert dropout_rates([_channel(n)], 20) == (rate,)


@pytest.mark.parametrize(
    ("presence", "rates", "said"),
    [(False, (0.1,) * 4, "is not shown"), (True, (0.1,), "one rate for each")],
)
def test_a_plan_whose_rates_fit_nothing_is_refused(make_plan, presence, rates, said):
    plan = make_plan()
    augmentation = dataclasses.replace(plan.training.augmentation, channel_dropout=rates)
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(
            plan,
            network=dataclasses.replace(plan.network, presence=presence),
            training=dataclasses.replace(plan.training, augmentation=augmentation),
        )
