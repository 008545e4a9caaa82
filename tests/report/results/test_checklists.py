"""The checklists are whole, and filled in only with what was written."""

import csv
import dataclasses

import pytest

from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.figures import FigureSet
from ricenet_v2.report.results.checklist_items import CLAIM_ITEMS, TRIPOD_ITEMS
from ricenet_v2.report.results.checklists import _FACTS, answers
from ricenet_v2.report.results.sources import read_sources
from ricenet_v2.store.paths import dataset_paths


@pytest.fixture(scope="module")
def sources(simulated):
    paths = dataset_paths(NAME, simulated)
    return read_sources(paths, "auto", "all", [simulated / "predictions"])


def test_claim_has_44_items():
    assert [item for item, _, _ in CLAIM_ITEMS] == [str(n) for n in range(1, 45)]


def test_tripod_has_27_items_in_52_parts():
    parts = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef",
             20: "abc", 23: "ab", 27: "abc"}  # fmt: skip
    wanted = [f"{n}{letter}" for n in range(1, 28) for letter in parts.get(n, [""])]
    assert [item for item, _, _ in TRIPOD_ITEMS] == wanted
    assert len(wanted) == 52


def test_every_key_has_a_fact_and_every_fact_a_use():
    keys = {key for _, _, key in (*CLAIM_ITEMS, *TRIPOD_ITEMS) if key}
    assert keys == set(_FACTS)


def test_answers_come_from_the_run(sources):
    found = {(one.checklist, one.item): one for one in answers(sources)}
    assert found["CLAIM 2024", "21"].where == "for the authors"
    assert found["CLAIM 2024", "20"].value == "patients"
    assert found["CLAIM 2024", "27"].value == "mean of 5 networks, mirrored"
    auroc = {f.name: f.value for f in sources.results[0].evaluation.figures}["AUROC"]
    assert f"AUROC {auroc:.3f}" in found["TRIPOD+AI", "23a"].value
    assert "n = 20" in found["CLAIM 2024", "37"].value
    assert found["TRIPOD+AI", "12f"].where == "for the authors"  # nobody calibrated


def test_the_number_of_folds_is_that_of_the_splits(sources):
    fewer = dataclasses.replace(sources.splits, folds=sources.splits.folds[:3])
    for splits, n_folds in ((sources.splits, 5), (fewer, 3), (None, 5)):
        made = answers(dataclasses.replace(sources, splits=splits))
        (model,) = {one.value for one in made if one.topic == "The model in detail"}
        assert model.endswith(f"; {n_folds}-fold cross-validation")


def test_subgroups_of_few_cases_fill_no_item(sources):
    result = sources.results[0]
    few, enough = (
        FigureSet(name, "subgroup", n, n, ((n, 0), (0, 0)), (), warning)
        for name, n, warning in (("site = A", 1, "fewer than 10 cases"), ("site = B", 12, ""))
    )

    def told(*groups):
        evaluation = dataclasses.replace(result.evaluation, groups=groups)
        changed = (dataclasses.replace(result, evaluation=evaluation),)
        made = answers(dataclasses.replace(sources, results=changed))
        return next(one for one in made if (one.checklist, one.item) == ("CLAIM 2024", "30"))

    assert told(few, enough).value == "site = B"
    assert not told(few).is_filled


def test_nothing_is_claimed_where_nothing_was_written(sources):
    bare = dataclasses.replace(
        sources, plan=None, splits=None, folds=(), results=(), preprocessed={}, cases={}, parts=()
    )
    filled = {one.topic for one in answers(bare) if one.is_filled}
    assert "The model in detail" not in filled
    assert "Results on each partition, with uncertainty" not in filled


def test_the_table_has_every_item(reported):
    with (reported / "data" / "checklists.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 96
    assert list(rows[0]) == ["checklist", "item", "topic", "where", "value"]
