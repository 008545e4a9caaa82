"""What is refused before a further seed is trained."""

from __future__ import annotations

import pytest
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.seeds import setups_of_seeds
from ricenet_v2.training.training_setup import load_setup

PRIOR = Prior((0.5, 0.5), (10, 10))


@pytest.fixture
def files(tmp_path):
    """Two files of weights; their content does not matter here."""
    made = (tmp_path / "first.pth", tmp_path / "second.pth")
    for file in made:
        file.write_text(file.name, encoding="utf-8")
    return made


@pytest.fixture
def setup(make_workspace, plan):
    """A function that makes the study with a file of weights, beside folds of seed 0."""
    paths = make_workspace(plan)

    def make(file, *begun_with, prior=PRIOR):
        options = TrainOptions(pretrained_weights=file)
        workspace, process_group = paths.raw.parent.parent, ProcessGroup(0, 1, torch.device("cpu"))
        made = load_setup(paths.name, plan.name, workspace, options, process_group)
        labels = {case.case_id: case.label for case in made.cases}
        patients = {case.case_id: case.patient_id for case in made.cases}
        for fold, began in enumerate(begun_with):
            source = PretrainedSource(began.name, sha256_of_file(began), "nnU-Net", 1, 0, 0, 0)
            run = Run(
                paths.name, plan.name, "", fold, ("T1c",), 0, "cpu", plan.training.epochs,
                "finished", 0, (), {}, pretrained=source,
                fold_hash=made.splits.folds[fold].hash_with(labels, patients), prior=prior,
            )  # fmt: skip
            documents.write(paths.run().fold(fold).run, run)
        return made

    return make


def test_another_file_of_first_weights_than_the_other_seeds_began_with_is_refused(setup, files):
    first, second = files
    with pytest.raises(
        TrainingError, match="The model of seed 0 was trained with other settings"
    ) as got:
        setups_of_seeds(setup(second, first, first), (0, 1), (0, 1))
    assert "other pretrained weights, second.pth, than fold 0 (first.pth), 1 (first.pth)" in str(
        got.value
    )
    made = setups_of_seeds(setup(first, first, first), (0, 1), (0, 1))
    assert [each.options.seed for each in made] == [0, 1]
    with pytest.raises(TrainingError, match="got: no pretrained weights"):
        setups_of_seeds(setup(None, first), (0, 1), (0, 1))


def test_each_fold_may_begin_with_a_file_of_its_own(setup, files):
    """Fold 0 began with the file of its own, which says nothing of that of fold 1."""
    first, second = files
    assert len(setups_of_seeds(setup(second, first), (0, 1), (1,))) == 2


def test_a_file_of_the_same_content_under_another_name_is_the_same(setup, files):
    first, second = files
    second.write_bytes(first.read_bytes())
    assert len(setups_of_seeds(setup(second, first), (0, 1), (0,))) == 2


def test_no_seed_begins_beside_one_that_is_not_corrected_for_the_prior(setup, files):
    """Its own folds may be finished all the same."""
    older = setup(files[0], files[0], prior=None)
    with pytest.raises(TrainingError, match="got: a version that corrects probabilities"):
        setups_of_seeds(older, (0, 1), (0,))
    assert len(setups_of_seeds(older, (0,), (0,))) == 1
