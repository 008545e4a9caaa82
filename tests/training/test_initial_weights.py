"""A fold that begins with pretrained weights: what it begins with, says, and goes on with."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
import torch

from ricenet_v2.api import fold_execution
from ricenet_v2.cli import train
from ricenet_v2.core import documents
from ricenet_v2.network.build import build_network
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.weights import WeightsReport
from ricenet_v2.store import checkpoints
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.options import TrainOptions

SHORT = ("--set", "iterations_per_epoch=2", "batch_size=2")
# A step so small that no weight changes.
STILL = ("learning_rate=1e-30", "ema_decay=0")


@pytest.fixture
def workspace(planned_cohort, tmp_path):
    """A workspace of its own on the shared preprocessed cases."""
    for name in ("raw", "preprocessed"):
        (tmp_path / name).symlink_to(planned_cohort / name)
    return tmp_path


def write_weights(workspace, name="weights.pth", seed=0, **changes):
    """An encoder of the plan's images, without bands, as nnU-Net writes it, but for the changes."""
    plan = documents.read(Plan, dataset_paths(NAME, workspace).plan())
    images_only = dataclasses.replace(plan.network, levels=())
    network = build_network(images_only, len(plan.channels), 2).encoder
    generator = torch.Generator().manual_seed(seed)
    weights = {
        f"encoder.{k}": torch.randn(v.shape, generator=generator) * 0.1
        for k, v in network.named_parameters()
    }
    weights.update(changes)
    torch.save({"network_weights": weights}, workspace / name)
    return workspace / name, weights


def run(workspace, *more, epochs="1", settings=()):
    words = [NAME, "0", "--epochs", epochs, "--device", "cpu", "--workspace", str(workspace)]
    return train.main([*words, *map(str, more), *SHORT, *settings])


def fold_of(workspace):
    return dataset_paths(NAME, workspace).run().fold(0)


def test_the_first_step_starts_from_the_file_and_the_run_says_so(workspace):
    file, weights = write_weights(workspace)
    assert run(workspace, "--pretrained_weights", file, settings=STILL) == 0
    paths = fold_of(workspace)
    final = checkpoints.load(paths.final)["inference_weights"]
    adapted = {name for name, value in weights.items() if final[name].shape != value.shape}
    assert all(torch.equal(final[n], value) for n, value in weights.items() if n not in adapted)
    assert all(torch.equal(final[n][:, :3], weights[n]) for n in adapted)
    assert all(final[n][:, 3:].abs().max() < 1e-20 for n in adapted)  # those of the bands
    record = documents.read(Run, paths.run)
    assert record.pretrained is not None
    assert record.pretrained.file == "weights.pth"
    assert record.pretrained.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (record.pretrained.loaded, record.pretrained.fresh) == (len(weights) - 1, 0)
    report = documents.read(WeightsReport, paths.pretrained)
    assert {f"encoder.{name}" for name in report.loaded} == set(weights) - adapted
    assert {f"encoder.{name}" for name in report.adapted} == adapted
    said = paths.log.read_text(encoding="utf-8")
    assert f"weights.pth (nnU-Net): {len(weights) - 1} tensors loaded, 1 adapted, 0 fresh" in said
    assert "fresh: the head (head.weight, head.bias)" in said


def test_a_fold_begins_with_a_checkpoint_of_our_own(workspace):
    assert run(workspace) == 0
    file = fold_of(workspace).final.rename(workspace / "own.pth")
    fold_of(workspace).folder.rename(workspace / "elsewhere")
    assert run(workspace, "--pretrained_weights", file, settings=STILL) == 0
    record = documents.read(Run, fold_of(workspace).run)
    assert record.pretrained is not None
    assert (record.pretrained.format, record.pretrained.fresh) == ("ricenet_v2", 0)
    begun = checkpoints.load(fold_of(workspace).final)["inference_weights"]
    own = checkpoints.load(file)["inference_weights"]
    equal = {name: torch.equal(begun[name], value) for name, value in own.items()}
    assert {name for name, same in equal.items() if not same} == {"head.weight", "head.bias"}


def test_a_run_without_a_file_says_none(workspace):
    assert run(workspace) == 0
    assert documents.read(Run, fold_of(workspace).run).pretrained is None
    assert not fold_of(workspace).pretrained.exists()


def interrupt_after_the_first_epoch(monkeypatch):
    save = checkpoints.save

    def save_and_stop(path, state):
        save(path, state)
        if path.name == "checkpoint_latest.pth":
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", save_and_stop)


def test_a_continued_run_does_not_load_them_again(workspace, tmp_path, monkeypatch):
    file, _ = write_weights(workspace)
    given = ("--pretrained_weights", file)
    assert run(workspace, *given, epochs="2") == 0
    paths = fold_of(workspace)
    whole = checkpoints.load(paths.final)["inference_weights"]
    paths.folder.rename(tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after_the_first_epoch(patch)
        assert run(workspace, *given, epochs="2") == 1
    before = documents.read(Run, paths.run).pretrained
    file.unlink()
    assert run(workspace, "--continue", epochs="2") == 0
    final = checkpoints.load(paths.final)["inference_weights"]
    assert all(torch.equal(final[name], value) for name, value in whole.items())
    record = documents.read(Run, paths.run)
    assert record.status == "finished"
    assert record.pretrained == before is not None


def test_other_weights_than_it_began_with_are_refused(workspace, capsys):
    file, _ = write_weights(workspace)
    other, _ = write_weights(workspace, "other.pth", seed=1)
    assert run(workspace, "--pretrained_weights", file) == 0
    assert run(workspace, "--continue", "--pretrained_weights", other) == 2
    said = capsys.readouterr().err
    assert "started with other pretrained weights" in said
    assert hashlib.sha256(file.read_bytes()).hexdigest() in said
    assert run(workspace, "--continue", "--pretrained_weights", file) == 0
    fold_of(workspace).latest.unlink()
    assert run(workspace, "--continue") == 2
    assert run(workspace, "--continue", "--pretrained_weights", file) == 0


def test_weights_that_do_not_fit_stop_before_the_run_unless_allowed(workspace, capsys):
    name = "encoder.stages.0.blocks.0.conv1.norm.weight"
    file, weights = write_weights(workspace, **{name: torch.zeros(3)})
    assert run(workspace, "--pretrained_weights", file) == 2
    assert "(3,) in the file" in capsys.readouterr().err
    assert not fold_of(workspace).run.exists()
    allowed = ("--pretrained_weights", file, "--allow_missing_weights")
    assert run(workspace, *allowed, settings=STILL) == 0
    said = fold_of(workspace).log.read_text(encoding="utf-8")
    assert "of another shape in the file: stages.0." in said
    record = documents.read(Run, fold_of(workspace).run)
    assert (record.pretrained.loaded, record.pretrained.fresh) == (len(weights) - 2, 1)
    final = checkpoints.load(fold_of(workspace).final)["inference_weights"]
    assert torch.equal(final[name], torch.ones_like(final[name]))


def test_folds_trained_at_the_same_time_are_told_the_file(tmp_path):
    options = TrainOptions(
        pretrained_weights=tmp_path / "weights.pth",
        allow_missing_weights=True,
        allow_leak=True,
        epochs=3,
    )
    told = vars(
        train.build_parser().parse_args([NAME, "0", *fold_execution._arguments_of(options)])
    )
    names = ("pretrained_weights", "allow_missing_weights", "allow_leak", "epochs", "seed")
    assert [told[name] for name in names] == [getattr(options, name) for name in names]


def test_a_file_that_is_not_there_is_named(workspace, capsys):
    assert run(workspace, "--pretrained_weights", workspace / "nowhere.pth") == 2
    assert "nowhere.pth" in capsys.readouterr().err
