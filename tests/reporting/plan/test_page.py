"""The page: complete, self-contained, valid, and safe against the names that users choose."""

from __future__ import annotations

import dataclasses
import re
from html import escape, unescape
from html.parser import HTMLParser

import pytest

from ricenet_v2.reporting.plan.page import PlanTable, plan_page, write_plan_page

VOID = {"meta", "br", "hr", "img", "input", "link", "col"}
HOSTILE = "<script>alert('1')</script>&\"x"
NAME = HOSTILE.replace("/", "")  # names that become parts of paths have no slash


class _Checker(HTMLParser):
    """Balance of the tags, ids, targets, and the visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "action", "data", "srcset"):
                self.targets.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def _checked(page: str) -> _Checker:
    checker = _Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


def _page(made, alternatives=None) -> str:
    return plan_page(made.fingerprint, made.plan, made.parts, alternatives)


def _assert_sound(page: str) -> _Checker:
    """Valid, and without anything that a browser would fetch or run."""
    checker = _checked(page)
    assert len(set(checker.ids)) == len(checker.ids)
    for target in checker.targets:
        assert target.startswith("#")
        assert target[1:] in checker.ids
    assert not checker.tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert not re.search(r"https?:|@import|url\((?!#)|\son\w+=|javascript:", page)
    return checker


@pytest.fixture(scope="module")
def usual_page(usual):
    return _page(usual)


def test_the_page_is_sound_and_holds_what_was_decided(usual, usual_page):
    page = usual_page
    text = " ".join(_assert_sound(page).text)
    assert "Research use only. Not a medical device." in text
    for decision in usual.plan.decisions:
        for words in (decision.what, decision.value, decision.reason):
            assert words in text
    assert usual.plan.fingerprint in text
    assert "12 training cases of 12 patients" in text
    for name, count in usual.fingerprint.class_counts.items():
        assert name in text
        assert f"{count} (50 %)" in text
    for case in usual.fingerprint.cases:
        assert case.case_id in text
    for part in usual.parts:
        assert f'<th scope="row">{part.name}</th>' in page


def test_every_field_of_network_and_training_is_shown(usual, usual_page):
    for record in (usual.plan.network, usual.plan.training, usual.plan.training.augmentation):
        names = {field.name for field in dataclasses.fields(record)} - {"augmentation"}
        assert all(f"<dt>{name}</dt>" in usual_page for name in names)


def test_the_same_records_give_the_same_bytes(usual, usual_page):
    assert _page(usual) == usual_page


@pytest.mark.parametrize(
    ("kinds", "n_cases", "spacing"),
    [
        (("mri",), 2, (6.5, 0.78, 0.78)),
        (("mask",), 1, (1.0, 1.0, 1.0)),
        (("dose",), 5, (2.0, 2.0, 2.0)),
        (("mri", "mri", "ct", "pet", "mask", "dose", "dose", "other"), 6, (1.0, 1.0, 1.0)),
    ],
)
def test_cohorts_of_all_kinds(make_planned, kinds, n_cases, spacing):
    made = make_planned(kinds, n_cases, spacing)
    page = _page(made)
    text = " ".join(_assert_sound(page).text)
    for channel in made.plan.channels:
        assert f'<th scope="row">{channel.name}</th>' in page
    assert ("fixed divisor" in text) == ("dose" in kinds)
    assert text.count("size of the mask") == kinds.count("mask")
    assert text.count(": intensities") == sum(kind not in ("mask", "dose") for kind in kinds)
    # Spacing, extent and voxels; per channel three of dose, one of a mask, else two; outliers.
    per_channel = {"dose": 3, "mask": 1}
    expected = 9 + sum(per_channel.get(kind, 3) for kind in kinds)
    assert page.count('<svg class="chart"') == expected


def test_names_that_users_choose_are_escaped(usual):
    case = dataclasses.replace(usual.fingerprint.cases[0], case_id=NAME)
    channels = usual.fingerprint.channels
    fingerprint = dataclasses.replace(
        usual.fingerprint,
        dataset=HOSTILE,
        class_counts={HOSTILE: 12},
        channels=tuple(
            dataclasses.replace(channel, name=NAME + channel.kind) for channel in channels
        ),
        cases=(case, *usual.fingerprint.cases[1:]),
    )
    plan = dataclasses.replace(
        usual.plan,
        dataset=HOSTILE,
        name=NAME,
        channels=tuple(
            dataclasses.replace(one, name=NAME + one.kind) for one in usual.plan.channels
        ),
        dose_range={HOSTILE: (1.0, 2.0)},
        decisions=tuple(dataclasses.replace(one, reason=HOSTILE) for one in usual.plan.decisions),
    )
    table = PlanTable((HOSTILE,), ((HOSTILE,),))
    page = plan_page(fingerprint, plan, usual.parts, table)
    _assert_sound(page)
    assert "<script" not in page
    assert unescape(page).count(HOSTILE) + unescape(page).count(NAME) > 20
    assert HOSTILE in unescape(page)
    assert NAME in unescape(page)
    assert escape("<script>alert(") in page


def test_alternatives_are_shown_where_there_are_any(usual, usual_page):
    assert "Considered and not taken" not in usual_page
    table = PlanTable(("spacing", "reason"), (("0.5 mm", "needs 31 GiB"),))
    page = _page(usual, table)
    assert "Considered and not taken" in page
    assert "<td>needs 31 GiB</td>" in page


def test_the_command_that_made_the_plan_is_told(usual):
    command = ("ricenet_plan_and_preprocess", "~/my data", "--batch_size", "4")
    planned = dataclasses.replace(usual, plan=dataclasses.replace(usual.plan, command=command))
    assert "ricenet_plan_and_preprocess ~/'my data' --batch_size 4" in unescape(_page(planned))


def test_no_more_than_200_cases_stand_in_the_table(make_planned):
    made = make_planned(("mri",), 230)
    page = _page(made)
    assert page.count('<th scope="row" class="id">') == 200
    assert "30 more cases are listed in dataset_fingerprint.json" in page


def test_a_plan_that_was_edited_by_hand_says_so(usual, usual_page):
    memory = dataclasses.replace(usual.plan.memory, activations=2 * usual.plan.memory.activations)
    edited = dataclasses.replace(usual, plan=dataclasses.replace(usual.plan, memory=memory))
    words = "edited after its memory was counted"
    assert words not in usual_page
    assert words in _page(edited)


def test_a_file_takes_the_place_of_the_old_one_at_once(tmp_path, usual, monkeypatch):
    path = tmp_path / "plan.html"
    path.write_text("old")

    def broken(*_args, **_named):
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", broken)
        with pytest.raises(RuntimeError, match="planted"):
            write_plan_page(path, usual.fingerprint, usual.plan, usual.parts)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.html"]
    write_plan_page(path, usual.fingerprint, usual.plan, usual.parts)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
