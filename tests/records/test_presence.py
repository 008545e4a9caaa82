from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.presence import lacks_anatomy, missing_by, presence_text

NAMES = ("T1c", "T1c+late", "dose")
CHANNELS = (Channel("T1c", "mri"), Channel("T1c+late", "mri"), Channel("dose", "dose"))


@given(st.sets(st.sampled_from(NAMES), max_size=2))
def test_what_is_written_is_read_as_it_was_meant(missing):
    told = missing_by(presence_text(NAMES, missing), NAMES)
    assert told == tuple(name for name in NAMES if name in missing)


@pytest.mark.parametrize("cell", ["", "T2", "T1c+", "+dose", "dose T1c", "T1c+T2", "T1cdose"])
def test_a_cell_that_names_no_channels_says_nothing(cell):
    assert missing_by(cell, NAMES) is None


def test_names_may_stand_in_any_order():
    assert missing_by("dose+T1c", NAMES) == ("T1c+late",)
    assert missing_by("all", NAMES) == ()


@pytest.mark.parametrize(
    ("channels", "missing", "lacks"),
    [
        (CHANNELS, ("T1c",), False),
        (CHANNELS, ("T1c", "T1c+late"), True),
        (CHANNELS, (), False),
        (CHANNELS[2:], (), False),
        (CHANNELS[2:], ("dose",), True),
    ],
)
def test_one_channel_that_shows_the_patient_is_needed(channels, missing, lacks):
    assert lacks_anatomy(channels, missing) is lacks
