from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.core.errors import MissingChannelError
from ricenet_v2.fingerprinting.confounders import THERE
from ricenet_v2.fingerprinting.fingerprint import measure
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.records.dataset import Channel
from tests.fingerprinting.conftest import Planted

CHANNELS = (Channel("before", "mri"), Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))


@pytest.fixture
def cohort(tmp_path):
    """Six cases, of which two lack the first channel."""
    return _planted(tmp_path, 6, {0, 1})


def _planted(folder, n_cases, lacking):
    planted = Planted(folder / "Dataset901_Planted", CHANNELS)
    for n in range(n_cases):
        planted.add(f"case{n}", f"p{n}", ("tumour", "RICE")[n % 2])
    for n in lacking:
        planted.path(f"case{n}", 0).unlink()
    return planted


def _short(integrity):
    return {(one.severity, one.check, one.case) for one in integrity.findings}


def test_missing_channels_are_refused_unless_they_are_asked_for(cohort):
    refused = check(cohort.load())
    assert _short(refused) == {("error", "missing channel", f"case{n}") for n in range(2)}
    assert all("--allow_missing_channels" in one.remedy for one in refused.findings)
    (one,) = check(cohort.load(), allow_missing=True).findings
    assert (one.severity, one.check) == ("warning", "missing channel")
    assert one.found == "before is missing in 2 of 6 training cases: case0, case1"


def test_the_table_says_which_channels_a_case_has(cohort):
    cohort.cases = [
        dataclasses.replace(case, channels="T1c+dose" if number < 2 else "all")
        for number, case in enumerate(cohort.cases)
    ]
    raw = cohort.load()
    assert [raw.absent(case) for case in raw.cases] == [(0,), (0,), (), (), (), ()]
    assert ("error", "missing channel", "") in _short(check(raw))
    assert not check(raw, allow_missing=True).errors
    cohort.path("case2", 1).unlink()  # lost, and not said to be
    cohort.cases[3] = dataclasses.replace(cohort.cases[3], channels="before+T1c")
    cohort.cases[4] = dataclasses.replace(cohort.cases[4], channels="before, T1c")
    assert {one[1:] for one in _short(check(cohort.load(), allow_missing=True)) if one[2]} == {
        ("missing channel", "case2"),
        ("channel against cases.csv", "case3"),
        ("channels", "case4"),
    }


def test_a_case_without_anything_that_shows_the_patient_is_an_error(cohort):
    cohort.path("case0", 1).unlink()
    (one,) = check(cohort.load(), allow_missing=True).errors
    assert one.case == "case0"
    assert one.found == "no channel that shows the patient; there: dose"


def test_intensities_are_measured_where_a_channel_is(cohort):
    raw = cohort.load()
    found = measure(raw, allow_missing=True)
    assert [channel.n_missing for channel in found.channels] == [2, 0, 0]
    assert [case.channels[0] is None for case in found.cases] == [True] * 2 + [False] * 4
    means = [case.channels[0].mean for case in found.cases[2:]]
    assert found.channels[0].mean == pytest.approx(sum(means) / 4)
    again = measure(raw, cache=cohort.folder / "kept", allow_missing=True)
    assert again == found == measure(raw, cache=cohort.folder / "kept", allow_missing=True)
    for case in raw.cases[2:]:
        cohort.path(case.case_id, 0).unlink()
    with pytest.raises(MissingChannelError, match="No training case has the channel before"):
        measure(cohort.load(), allow_missing=True)


def test_a_channel_that_one_class_lacks_is_a_confounder(tmp_path):
    planted = _planted(tmp_path, 16, range(1, 16, 2))
    found = [one.found for one in check(planted.load(), allow_missing=True).warnings]
    assert any(one.startswith(f"{THERE}: T1c+dose in 8 of 8 RICE") for one in found), found
