"""Simulated clinical covariates: informative as they say, and nothing else changes."""

import numpy as np

from ricenet_v2.phantom.clinical import MEDIAN_DAYS, METHYLATED, UNKNOWN, clinical_facts
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.store.tables import read_rows


def test_they_are_as_frequent_as_they_say():
    n = 2000
    for is_recurrence in (True, False):
        facts = [clinical_facts(0, str(k), is_recurrence=is_recurrence) for k in range(n)]
        status = [fact["mgmt"] for fact in facts]
        assert abs(status.count("") / n - UNKNOWN) < 0.03
        known = n - status.count("")
        assert abs(status.count("methylated") / known - METHYLATED[is_recurrence]) < 0.04
        days = np.median([float(fact["days_since_rt"]) for fact in facts])
        assert abs(np.log(days / MEDIAN_DAYS[is_recurrence])) < 0.06


def test_images_labels_and_other_covariates_are_the_same(tmp_path):
    size = {"cases": 3, "test_cases": 1, "shape": (8, 10, 8), "spacing": (22.0, 20.0, 22.0)}
    plain = write_cohort(tmp_path / "plain" / NAME, **size)
    facts = write_cohort(tmp_path / "facts" / NAME, **size, clinical_facts=True)
    before, after = (read_rows(folder / "cases.csv") for folder in (plain, facts))
    assert set(after[0]) - set(before[0]) == {"mgmt", "days_since_rt"}
    assert [{name: row[name] for name in before[0]} for row in after] == before
    for file in (plain / "imagesTr").iterdir():
        assert file.read_bytes() == (facts / "imagesTr" / file.name).read_bytes()
