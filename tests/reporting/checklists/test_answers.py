"""An item is answered by sentences of the run alone; each list is whole."""

import csv
import dataclasses
import re

import pytest

from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.reporting.checklists.answers import CHECKLISTS, COLUMNS, answers, counted
from ricenet_v2.reporting.checklists.claim import CLAIM
from ricenet_v2.reporting.checklists.reforms import REFORMS
from ricenet_v2.reporting.checklists.tripod import TRIPOD
from ricenet_v2.reporting.methods.facts import facts_of
from ricenet_v2.reporting.methods.text import SUBJECTS, sentences
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.workspace import dataset_paths


@pytest.fixture(scope="module")
def facts(simulated):
    paths = dataset_paths(NAME, simulated)
    return facts_of(read_sources(paths, "auto", "all", [simulated / "predictions"]))


def _by_item(facts):
    return {(one.checklist, one.item): one for one in answers(sentences(facts))}


def test_claim_has_44_items():
    assert [one.number for one in CLAIM.items] == [str(n) for n in range(1, 45)]


def test_tripod_has_27_items_in_52_parts():
    parts = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef",
             20: "abc", 23: "ab", 27: "abc"}  # fmt: skip
    wanted = [f"{n}{letter}" for n in range(1, 28) for letter in parts.get(n, [""])]
    assert [one.number for one in TRIPOD.items] == wanted
    assert len(wanted) == 52


def test_reforms_has_32_items_in_8_sections():
    parts = {1: "abc", 2: "abcde", 3: "abcdefg", 4: "abc", 5: "abcdef", 6: "abc", 7: "abc", 8: "ab"}
    wanted = [f"{n}{letter}" for n, letters in parts.items() for letter in letters]
    assert [one.number for one in REFORMS.items] == wanted
    assert len(wanted) == 32


def test_items_rest_on_sentences_that_can_be_said():
    keys = {one.key for one in SUBJECTS}
    for one in CHECKLISTS:
        for item in one.items:
            assert {*item.subjects, *item.also} <= keys, (one.name, item.number)
            assert not set(item.subjects) & set(item.also)
            assert item.subjects or item.rest  # what nothing answers tells what is missing


@pytest.mark.parametrize(
    "item", [("TRIPOD+AI", "10"), ("TRIPOD+AI", "12d"), ("TRIPOD+AI", "14"), ("TRIPOD+AI", "18f"),
             ("CLAIM 2024", "13")]
)  # fmt: skip
def test_items_that_no_file_answers_are_for_the_authors(facts, item):
    """Sample size, clusters, fairness, availability of code, image acquisition."""
    one = _by_item(facts)[item]
    # Newer evaluations tell what a sample size allows, which does not tell how it was arrived at.
    has_sizes = item[1] == "10" and any(s.key == "sample_size" for s in one.sentences)
    assert one.status == ("partly" if has_sizes else "for the authors")
    assert one.missing


def test_answered_means_every_sentence_and_nothing_left(facts):
    said = {one.key for one in sentences(facts)}
    for one in CHECKLISTS:
        for item in one.items:
            found = _by_item(facts)[one.name, item.number]
            whole = bool(item.subjects) and set(item.subjects) <= said and not item.rest
            assert (found.status == "answered") == whole
            assert (found.status == "for the authors") == (not set(item.subjects) & said)
            assert bool(found.missing) == (found.status != "answered")
            assert {s.key for s in found.sentences} <= said


@pytest.mark.parametrize(
    ("changes", "item", "status"),
    [
        ({"splits": None}, ("REFORMS", "5c"), "partly"),
        ({"plan": None}, ("CLAIM 2024", "22"), "partly"),
        ({"folds": ()}, ("CLAIM 2024", "25"), "for the authors"),
        ({"cases": {}}, ("REFORMS", "3e"), "for the authors"),
        ({"results": ()}, ("CLAIM 2024", "37"), "for the authors"),
    ],
)
def test_what_is_not_there_answers_nothing(facts, changes, item, status):
    assert _by_item(facts)[item].status == "answered"
    found = _by_item(dataclasses.replace(facts, **changes))[item]
    assert found.status == status
    assert "this run has nothing on" in found.missing


def test_every_item_of_the_page_leads_to_a_sentence_of_it(reported):
    text = (reported / "index.html").read_text(encoding="utf-8")
    part = text.split('<section id="checklists">')[1].split("</section>")[0]
    links = set(re.findall(r'href="#(said-\w+)"', part))
    assert links
    assert links <= set(re.findall(r'<div id="(said-\w+)">', text))
    for name, _, counts in counted([]):
        assert f"<summary>{name}: " in part
        assert set(counts.values()) == {0}


def test_the_table_has_every_item(reported):
    with (reported / "data" / "checklists.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 44 + 52 + 32
    assert list(rows[0]) == list(COLUMNS)
    assert {row["status"] for row in rows} == {"answered", "partly", "for the authors"}
    with (reported / "data" / "methods.csv").open(encoding="utf-8") as stream:
        said = [row["text"] for row in csv.DictReader(stream)]
    for row in rows:
        assert (row["answer"] != "") or row["status"] == "for the authors"
        if row["status"] == "answered":
            assert any(text in row["answer"] for text in said)
