"""Which cases are flagged, on numbers worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.reporting.plan.cases import case_rows, far_out, flags


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1.0] * 9 + [6.5], [0] * 9 + [1]),  # no spread: 5 % of the median counts
        ([1.0] * 9 + [1.1], [0] * 10),  # 1 + 3 x 0.05 is above
        ([0.2] + [1.0] * 9, [-1] + [0] * 9),
        ([1.0] * 8 + [3.0] * 2, [0] * 10),  # two of ten are a group
        ([1.0, 9.0], [0, 0]),
        ([5.0], [0]),
        ([0.0] * 30 + [0.5], [0] * 30 + [1]),
    ],
)
def test_far_out_by_hand(values, found):
    assert far_out(values) == found


_COLUMNS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=80)


@given(_COLUMNS, st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    found = far_out(values)
    assert far_out([values[n] for n in order]) == [found[n] for n in order]


@given(_COLUMNS)
def test_outliers_are_rare_and_at_the_ends(values):
    found = np.array(far_out(values))
    most = max(1, len(values) // 20)
    assert (found == 1).sum() <= most
    assert (found == -1).sum() <= most
    column = np.array(values)
    if (found == 1).any():
        assert column[found == 1].min() > column[found != 1].max()


def test_flagged_cases_come_first_with_the_reason_in_words(usual):
    fingerprint, plan = usual.fingerprint, usual.plan
    cases = list(fingerprint.cases)
    large = tuple(4 * n for n in cases[5].cropped_shape)
    cases[5] = dataclasses.replace(cases[5], cropped_shape=large)
    dose = dataclasses.replace(cases[7].channels[1], maximum=95.0, outlier_share=0.02)
    cases[7] = dataclasses.replace(cases[7], channels=(cases[7].channels[0], dose))
    changed = dataclasses.replace(fingerprint, cases=tuple(cases))
    rows = case_rows(changed, plan)
    assert [row.case_id for row in rows[:2]] == ["case005", "case007"]
    assert "larger than the input" in rows[0].flags
    assert "region z high" in rows[0].flags
    assert "dose 1: 2 % below 0 or above 80 Gy" in rows[1].flags
    assert "dose 1 maximum high" in rows[1].flags
    assert [row.case_id for row in rows[2:]] == sorted(row.case_id for row in rows[2:])
    assert all(not row.flags for row in rows[2:])
    assert rows[1].doses == ("95",)


def test_a_plain_cohort_has_no_flags(usual):
    assert not any(flags(usual.fingerprint, usual.plan).values())
