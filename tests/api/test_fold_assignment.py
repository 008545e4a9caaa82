"""Folds that are there are kept, and never replaced in silence."""

from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.api.fold_assignment import chosen_folds
from ricenet_v2.cli.plan_tables import show_folds
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.planning.reasons import folds as decision_of
from ricenet_v2.planning.reasons import other_folds
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.training.fold_scheme import RequestedFolds


@pytest.fixture
def paths(tmp_path):
    return DatasetPaths("D", *(tmp_path / name for name in ("raw", "preprocessed", "results")))


def _cases(centres: str = "AB") -> list[Case]:
    """Twelve patients, two of each centre in turn."""
    return [
        Case(
            f"c{n:02d}",
            f"p{n:02d}",
            "xy"[n % 2],
            covariates={"centre": centres[n // 2 % len(centres)], "age": str(50 + n)},
        )
        for n in range(12)
    ]


def _written(cases, paths, group=None, *, overwrite=False):
    made = chosen_folds(cases, paths, RequestedFolds(group=group), overwrite=overwrite)
    documents.write(paths.splits, made.splits)
    return made.splits


def test_folds_of_a_column_stay_until_another_scheme_is_asked_for(paths):
    cases = _cases()
    made = _written(cases, paths, "centre")
    assert made.held_out == ("A", "B")
    for again in (None, "centre"):
        for overwrite in (False, True):
            assert (
                chosen_folds(cases, paths, RequestedFolds(group=again), overwrite=overwrite).splits
                == made
            )
    with pytest.raises(DatasetError, match="made with other options") as caught:
        chosen_folds(cases, paths, RequestedFolds(group="none"), overwrite=False)
    assert caught.value.got == "2 folds, leave-one-group-out by centre (A, B)"
    back = chosen_folds(cases, paths, RequestedFolds(group="none"), overwrite=True).splits
    assert (len(back.folds), back.group) == (5, "")


def test_a_column_that_makes_no_folds_is_refused_before_anything_is_replaced(paths):
    made = _written(_cases(), paths)
    with pytest.raises(DatasetError, match="The values of age cannot serve as groups"):
        chosen_folds(_cases(), paths, RequestedFolds(group="age"), overwrite=True)
    assert chosen_folds(_cases(), paths, RequestedFolds(group=None), overwrite=False).splits == made


def test_a_case_of_another_centre_makes_folds_of_the_same_column_anew(paths):
    _written(_cases(), paths, "centre")
    with pytest.raises(DatasetError, match="not those of this dataset"):
        chosen_folds(_cases("AAB"), paths, RequestedFolds(group=None), overwrite=False)
    made = chosen_folds(_cases("AAB"), paths, RequestedFolds(group=None), overwrite=True).splits
    assert [len(fold.validation) for fold in made.folds] == [8, 4]


def test_models_of_replaced_folds_are_named(paths, capsys):
    _written(_cases(), paths)
    begun = paths.run().fold(3)
    begun.folder.mkdir(parents=True)
    begun.run.write_text("{}", encoding="utf-8")
    (paths.results / "notes").mkdir()
    made = chosen_folds(_cases(), paths, RequestedFolds(group="centre"), overwrite=True)
    assert made.outdated == ("auto__all (fold 3)",)
    show_folds(made, paths)
    told = capsys.readouterr().out
    assert "cannot be continued: auto__all (fold 3)" in told
    assert "centre of fewer than 10 cases" in told


def test_plans_know_which_folds_they_were_made_for(paths, make_plan):
    grouped = chosen_folds(_cases(), paths, RequestedFolds(group="centre"), overwrite=False).splits
    stratified = chosen_folds(_cases(), paths, RequestedFolds(group=None), overwrite=False).splits
    before = make_plan()
    of = {s: dataclasses.replace(before, decisions=decision_of(s)) for s in (grouped, stratified)}
    assert not other_folds(before, stratified)
    assert not other_folds(of[grouped], grouped)
    # Ten stratified folds that were written by hand are none of another column.
    assert not other_folds(of[stratified], dataclasses.replace(stratified, folds=grouped.folds))
    for plan, splits in ((before, grouped), (of[stratified], grouped), (of[grouped], stratified)):
        assert "it was made for other folds" in other_folds(plan, splits)[0]
