from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.planning.channels import plan_channel
from ricenet_v2.planning.levels import MOST_BANDS, every, plan_levels
from ricenet_v2.planning.planner import make_plan


@pytest.mark.parametrize(
    ("highest", "levels"),
    [
        (65.0, (0, 10, 20, 30, 40, 50, 60)),
        (40.0, (0, 5, 10, 15, 20, 25, 30, 35, 40)),
        (20.0, (0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20)),
        (5.0, (0, 1, 2, 3, 4, 5)),
        (200.0, (0, 25, 50, 75, 100, 125, 150, 175, 200)),
    ],
)
def test_levels_are_multiples_of_a_round_number(highest, levels):
    assert every(highest) == pytest.approx(levels)


@given(st.floats(1e-3, 1e5))
def test_there_are_never_more_than_eight_bands_nor_fewer_than_three(highest):
    levels = every(highest)
    assert 3 <= len(levels) - 1 <= MOST_BANDS
    assert levels[-1] <= highest * (1 + 1e-6)


def _levels(make_cohort, kind, **changes):
    channel = make_cohort([((8, 8, 8), (1.0, 1.0, 1.0))], (kind,))[0].channels[0]
    channel = dataclasses.replace(channel, **changes)
    return plan_levels([channel], [plan_channel(channel)[0]])


def test_each_absolute_kind_has_levels_in_what_the_network_sees(make_cohort):
    (dose,), (why,) = _levels(make_cohort, "dose")
    assert dose == pytest.approx([n / 65 for n in (0, 10, 20, 30, 40, 50, 60)])
    assert (why.what, why.value) == ("levels of dose_0", "10, 20, 30, 40, 50, 60 Gy")
    (ct,), (why,) = _levels(make_cohort, "ct")
    assert ct == pytest.approx([(1 + 89 / 8 * n - 40) / 12 for n in range(9)])
    assert why.value.endswith("90 HU")
    labels = make_cohort([((8, 8, 8), (1.0,) * 3)], ("mask",))[0].channels[0].maximum
    (mask,), _ = _levels(make_cohort, "mask", maximum=dataclasses.replace(labels, maximum=3.0))
    assert mask == (0.5, 1, 2, 3)


@pytest.mark.parametrize("kind", ["mri", "pet", "other"])
def test_what_is_normalised_by_its_own_case_has_none(make_cohort, kind):
    assert _levels(make_cohort, kind) == ((), ())


@pytest.mark.parametrize("preset", ["auto", "small", "resenc_l", "paper"])
def test_every_preset_but_the_published_one_has_levels_and_says_why(make_cohort, cost, preset):
    cases = [((40 + n, 40, 40), (1.0, 1.0, 1.0)) for n in range(20)]
    fingerprint, dataset = make_cohort(cases, ("mri", "dose"))
    plan = make_plan(fingerprint, dataset, cost, preset=preset, memory_gb=500)
    why = [one.reason for one in plan.decisions if one.what == "levels of dose_1"]
    if preset == "paper":
        assert (plan.network.levels, why) == ((), [])
    else:
        assert plan.network.levels[0] == ()
        assert len(plan.network.levels[1]) == 7
        assert "whatever the norm, the batch and the other channels" in why[0]


def test_a_ct_of_one_value_has_no_levels(make_cohort):
    assert _levels(make_cohort, "ct", percentile_00_5=40.0, percentile_99_5=40.0) == ((), ())
