"""Trainings with several seeds: which are there, and whether more than the seed differs."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.seeds import folder_seed, seed_models
from tests.evaluation.seeded import NAME, read, train


@pytest.mark.parametrize("seeds", [(0, 0), (0, 3), (1,)])
def test_seeds_that_are_not_there_or_doubled_are_refused(seeded_paths, seeds):
    with pytest.raises(DatasetError, match="several seeds") as caught:
        read(seeded_paths, *seeds)
    assert "trained: 0, 1, 2" in str(caught.value.got)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epochs": 3}, "number of epochs"),
        ({"plan_hash": "other"}, "plan and settings"),
        ({"fold_hash": "other"}, "cases of a fold"),
    ],
)
def test_trainings_that_differ_in_more_than_the_seed_are_refused(seeded_paths, changes, told):
    for fold in range(2):
        file = seeded_paths.run("auto", "all", 2).fold(fold).run
        documents.write(file, dataclasses.replace(documents.read(Run, file), **changes))
    with pytest.raises(DatasetError, match="More than the seed differs") as caught:
        read(seeded_paths)
    assert caught.value.got == f"another {told}"
    assert len(read(seeded_paths, 0, 1).models) == 2


def test_only_folds_that_both_seeds_have_are_compared(seeded_paths):
    shutil.rmtree(seeded_paths.run("auto", "all", 2).fold(1).folder)
    with pytest.raises(DatasetError) as caught:
        read(seeded_paths)
    assert "More than the seed differs" not in str(caught.value)


def test_a_model_trained_with_another_seed_keeps_its_folder(tmp_path, caplog):
    """Seed 5 lies in the folder without a name; seed 0 then gets one of its own."""
    paths = DatasetPaths(NAME, tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert [folder_seed(paths, "auto", "all", seed) for seed in (0, 1)] == [None, 1]
    train(paths, 5, None)
    assert [folder_seed(paths, "auto", "all", seed) for seed in (0, 5)] == [0, None]
    train(paths, 0, 0)
    found = seed_models(paths, "auto", "all")
    assert {seed: model.folder.name for seed, model in found.items()} == {
        0: "auto__all__seed0",
        5: "auto__all",
    }
    file = paths.run().fold(1).run
    documents.write(file, dataclasses.replace(documents.read(Run, file), seed=6))
    assert list(seed_models(paths, "auto", "all")) == [0]
    assert "auto__all has folds of several seeds: 5, 6." in caplog.text
