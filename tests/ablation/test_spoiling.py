"""Donors of permuted channels."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.ablation.spoiling import donors


@given(st.lists(st.integers(0, 9), min_size=2, max_size=25), st.integers(0, 2**32 - 1))
def test_every_case_gives_once_and_none_meets_its_own_patient_where_that_can_be(patients, seed):
    names = [str(n) for n in patients]
    found = donors(names, np.random.default_rng(seed))
    assert sorted(found) == list(range(len(names)))
    # By Hall's theorem it can be where no patient has more than half of the cases.
    if 2 * max(Counter(names).values()) <= len(names):
        assert all(names[donor] != own for own, donor in zip(names, found, strict=True))


def test_another_seed_gives_another_order():
    names = [str(n) for n in range(30)]
    first, second = (donors(names, np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(first, second)
