from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.core.errors import OptionError
from ricenet_v2.phantom.cohort import CHANNELS
from ricenet_v2.phantom.missing import checked, drawn


def test_shares_come_out_and_each_patient_is_shown_by_an_image():
    rates = checked({"dose": 0.4, "T1c_post_op": 0.3, "T1c_event": 0.2}, CHANNELS)
    assert list(rates) == ["T1c_post_op", "T1c_event", "dose"]
    random = np.random.default_rng(0)
    lacking = [drawn(rates, CHANNELS, random) for _ in range(4000)]
    assert not any({"T1c_post_op", "T1c_event"} <= set(each) for each in lacking)
    share = np.mean(["T1c_post_op" in each for each in lacking])
    assert share == pytest.approx(0.3 * 0.8, abs=0.03)


@pytest.mark.parametrize("rates", [{"T2": 0.1}, {"dose": 1.0}, {"dose": -0.1}, {"dose": np.nan}])
def test_shares_that_cannot_be_are_refused(rates):
    with pytest.raises(OptionError):
        checked(rates, CHANNELS)
