"""What a calibration says of itself."""

import dataclasses

import pytest

from ricenet_v2.records.calibration import Calibration

FITTED = Calibration(2.0, 1.5, 2.5, 9, 9, "by hand", {}, (), ())


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1.5, 2.5, "1.500 to 2.500"),
        (1.5, None, "1.500 or more"),
        (1.5, 16925445190.0, "1.500 or more"),  # as older versions wrote it
        (0.0, 2.5, "2.500 or less"),
        (0.0, 16925445190.0, "interval not determined: it reaches beyond 0.05 to 20"),
        (None, None, "interval not determined: it reaches beyond 0.05 to 20"),
    ],
)
def test_an_interval_is_told_as_far_as_it_is_determined(low, high, text):
    assert dataclasses.replace(FITTED, low=low, high=high).interval == text


def test_only_a_temperature_has_an_interval():
    other = dataclasses.replace(FITTED, form="slope and offset", low=None, high=None)
    assert other.interval == ""
