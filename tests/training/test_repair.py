"""A finished fold of which files are damaged: every way out that an error names ends well."""

from __future__ import annotations

import re
import shlex

import pytest
import torch

from ricenet_v2.cli import train
from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.inference.feature_reference import read_reference
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints, fold_remedy
from ricenet_v2.training.ema import Ema

LATEST, FINAL = "checkpoint_latest.pth", "checkpoint_final.pth"
REFERENCE, TABLE = "feature_reference.pth", "validation.csv"


def _words(paths, *more):
    workspace = str(paths.raw.parent.parent)
    words = ["9", "0", "--epochs", "1", "--device", "cpu", "--num_workers", "0", *more]
    return [*words, "--workspace", workspace]


@pytest.fixture
def paths(make_workspace, with_training, as_it_was):
    """A fold that was trained by the command."""

    def make(folder):
        made = make_workspace(with_training(iterations_per_epoch=1), folder)
        assert train.main(_words(made)) == 0

    return as_it_was(make)


@pytest.fixture
def fold(paths):
    return paths.run().fold(0)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _content(paths):
    """What prediction and metrics need of the fold, equal where the fold is the same."""
    fold = paths.run().fold(0)
    made = load_ensemble(paths.run().folder, device="cpu")
    return (
        {name: value.clone() for name, value in made.members[0].state_dict().items()},
        torch.from_numpy(made.references[0].held_out),
        fold.validation.read_bytes(),
        documents.read(Run, fold.run),
    )


def _is_same(one, other):
    weights = one[0].keys() == other[0].keys()
    weights = weights and all(torch.equal(one[0][name], other[0][name]) for name in one[0])
    return weights and torch.allclose(one[1], other[1], rtol=1e-9) and one[2:] == other[2:]


def _follow(remedy, folder):
    """Do what an error says: delete the files that it names, run the command that it names."""
    deleted = re.search(r"[Dd]elete (\S+pth)(?: and (\S+pth))? and run", remedy)
    for name in filter(None, deleted.groups() if deleted else ()):
        (folder / name).unlink()
    program, *words = shlex.split(re.search(r"`(.*?)`", remedy)[1])
    assert program == "ricenet_train"
    return words


def _problem(paths, checkpoint):
    try:
        load_ensemble(paths.run().folder, [0], checkpoint, device="cpu")
    except CheckpointError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("spoilt", "checkpoint", "epochs_trained"),
    [
        ((FINAL,), "final", 0),
        ((REFERENCE,), "final", 0),
        ((FINAL, REFERENCE), "final", 0),
        ((FINAL, LATEST), "final", 1),
        ((LATEST,), "latest", 1),
        (("checkpoint_best.pth",), "best", 1),
    ],
)
def test_what_the_errors_say_followed_to_the_letter_ends_in_the_same_fold(
    paths, fold, capsys, monkeypatch, spoilt, checkpoint, epochs_trained
):
    before, updates, real = _content(paths), [], Ema.update
    monkeypatch.setattr(Ema, "update", lambda self: (updates.append(1), real(self)))
    for name in spoilt:
        flip(fold.folder / name)
    error, remedies = _problem(paths, checkpoint), []
    remedy = error.remedy
    assert error.file.name in spoilt
    while remedy:
        remedies.append(remedy)
        assert len(remedies) <= 3
        code = train.main(_follow(remedy, fold.folder))
        said = capsys.readouterr().err
        error = _problem(paths, checkpoint)
        told = said.rpartition("what to do: ")[2] if code else ""
        remedy = told or (error.remedy if error else "")
    assert len(updates) == epochs_trained
    assert _problem(paths, checkpoint) is None
    after = _content(paths)
    # The fold itself, also where it was trained anew and its record has another command.
    assert _is_same(before[:3], after[:3])
    assert after[3].validation_hash == before[3].validation_hash


def test_nothing_of_a_whole_fold_is_written(paths, fold):
    def state():
        return {file.name: file.stat().st_mtime_ns for file in fold.folder.iterdir()}

    before = state()
    assert train.main(_words(paths, "--continue")) == 0
    assert state() == before


@pytest.mark.parametrize("names", [(FINAL,), (REFERENCE,), (TABLE,), (FINAL, REFERENCE, TABLE)])
def test_what_is_missing_is_made_again_and_told(paths, fold, caplog, names):
    before = _content(paths)
    for name in names:
        (fold.folder / name).unlink()
    assert train.main(_words(paths, "--continue")) == 0
    assert _is_same(before, _content(paths))
    for name in names:
        assert f"Fold 0: {name} was made again" in caplog.text


def test_a_table_is_made_again_without_the_last_checkpoint(paths, fold):
    before = _content(paths)
    fold.validation.unlink()
    fold.latest.unlink()
    assert train.main(_words(paths, "--continue")) == 0
    assert _is_same(before, _content(paths))


def test_a_table_that_was_edited_is_left_to_its_reader(paths, fold):
    fold.validation.write_text("edited", encoding="utf-8")
    assert train.main(_words(paths, "--continue")) == 0
    assert fold.validation.read_text(encoding="utf-8") == "edited"


@pytest.mark.parametrize("spoil", ["fold", "epoch", "nan", "bare"])
def test_a_last_checkpoint_that_is_another_one_makes_no_final_one(paths, fold, capsys, spoil):
    state = checkpoints.load(fold.latest)
    if spoil == "nan":
        next(iter(state["inference_weights"].values())).view(-1)[0] = torch.nan
    elif spoil == "bare":
        state = state["inference_weights"]
    else:
        state[spoil] = 3
    checkpoints.save(fold.latest, state)
    flip(fold.final)
    damaged = fold.final.read_bytes()
    assert train.main(_words(paths, "--continue")) == 2
    told = capsys.readouterr().err
    assert f"delete {LATEST} and {FINAL} and run `ricenet_train 9 0" in told
    assert fold.final.read_bytes() == damaged


def test_a_folder_in_place_of_a_file_is_named(paths, fold, capsys):
    fold.reference.unlink()
    fold.reference.mkdir()
    assert train.main(_words(paths, "--continue")) == 2
    assert f"file: {fold.reference}" in capsys.readouterr().err
    fold.reference.rmdir()
    assert train.main(_words(paths, "--continue")) == 0
    assert read_reference(fold.reference) is not None


def test_training_features_are_called_so(paths, fold):
    flip(fold.reference)
    with pytest.raises(CheckpointError, match="This file of training features is damaged"):
        read_reference(fold.reference)


@pytest.mark.parametrize("command", [("ricenet_demo", "--output", "x"), ("python", "own.py")])
def test_a_fold_that_no_command_of_training_began_has_a_command_too(paths, fold, command):
    import dataclasses

    run = documents.read(Run, fold.run)
    documents.write(fold.run, dataclasses.replace(run, command=command, seed=4))
    words = shlex.split(fold_remedy.going_on(fold.folder))
    workspace = str(paths.raw.parent.parent)
    expected = ["ricenet_train", paths.name, "0", "--seed", "4", "--epochs", str(run.epochs)]
    assert words == [*expected, "--workspace", workspace, "--continue"]
