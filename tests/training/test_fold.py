from __future__ import annotations

import csv
import dataclasses
import re
import shutil
from pathlib import Path

import pytest
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, PlanError, StoppedError, TrainingError
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import checkpoints
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.training import fold as fold_module
from ricenet_v2.training import loop

TIMES = ("seconds", "waiting", "validation_seconds")


def weights(paths) -> dict[str, torch.Tensor]:
    return checkpoints.load(paths.run().fold(0).final)["inference_weights"]


def assert_same(one, other) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def history(paths) -> list[dict[str, str]]:
    with paths.run().fold(0).history.open() as stream:
        return list(csv.DictReader(stream))


def test_a_fold_leaves_all_its_files(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    run = run_fold(paths)
    fold = paths.run().fold(0)
    assert run.status == "finished"
    assert documents.read(Run, fold.run) == run
    names = {file.name for file in fold.folder.iterdir()}
    assert names == {
        *(f"checkpoint_{name}.pth" for name in ("latest", "best", "final")),
        *("training_log.txt", "history.csv", "progress.png", "validation.csv", "run.json"),
        "feature_reference.pth",
    }
    assert [row["epoch"] for row in history(paths)] == ["0", "1", "2"]
    assert (run.epochs_done, run.epochs_set, run.validation_checkpoint) == (3, ((0, 3),), "final")
    assert run.validation_mirror_axes == plan.training.augmentation.mirror_axes
    assert (run.precision, run.n_processes) == ("float32", 1)
    assert run.hardware
    for row in history(paths):
        assert 0 < float(row["validation_seconds"]) < float(row["seconds"])


def test_averaged_weights_are_judged_after_each_epoch_and_at_the_end_over_all_mirrorings(
    plan, make_workspace, run_fold, monkeypatch
):
    paths, real, seen = make_workspace(plan), fold_module.predict_validation, []

    def spy(job, network, axes=()):
        state = {name: value.clone() for name, value in network.state_dict().items()}
        seen.append((tuple(axes), state))
        return real(job, network, axes)

    monkeypatch.setattr(fold_module, "predict_validation", spy)
    run_fold(paths, epochs=1)
    mirrored = plan.training.augmentation.mirror_axes
    assert mirrored
    assert [axes for axes, _ in seen] == [(), mirrored]
    for _, judged in seen:
        assert_same(judged, weights(paths))


def test_how_the_dataset_was_converted_comes_into_the_model(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    golden = Path(__file__).parents[1] / "records" / "golden" / "ingest_1.json"
    shutil.copy(golden, paths.ingest())
    run_fold(paths, epochs=1)
    model = paths.run()
    assert documents.read(IngestSettings, model.ingest) == documents.read(IngestSettings, golden)


def test_it_learns_what_is_bright(with_training, make_workspace, run_fold):
    paths = make_workspace(with_training(epochs=12, iterations_per_epoch=6, learning_rate=1e-2))
    run_fold(paths)
    losses = [float(row["validation_loss"]) for row in history(paths)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    "settings",
    [{}, {"mixup": "0.4", "balance": "loss", "network.stochastic_depth": "0.3"}],
    ids=["plain", "mixup"],
)
def test_a_run_broken_off_anywhere_ends_as_the_whole_one(
    plan, make_workspace, run_fold, monkeypatch, settings
):
    whole, broken = make_workspace(plan, "whole"), make_workspace(plan, "broken")
    run_fold(whole, overrides=settings)
    real, calls = loop.mean_loss, []

    def breaking(*given):
        calls.append(1)
        if len(calls) in (3, 6, 13):
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(loop, "mean_loss", breaking)
    for attempt in range(4):
        torch.manual_seed(attempt)
        try:
            run_fold(broken, resume=attempt > 0, overrides=settings)
        except KeyboardInterrupt:
            continue
    # Twelve steps, and what was lost of three broken epochs: 2, 2, 2.
    assert len(calls) > 13
    assert_same(weights(whole), weights(broken))
    assert _without_times(history(whole)) == _without_times(history(broken))
    assert whole.run().fold(0).validation.read_text() == broken.run().fold(0).validation.read_text()


def _without_times(rows):
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def test_a_finished_fold_is_left_alone(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    first = run_fold(paths)
    before = paths.run().fold(0).final.stat().st_mtime_ns
    assert run_fold(paths, resume=True) == first
    assert paths.run().fold(0).final.stat().st_mtime_ns == before


def test_a_finished_fold_can_be_extended(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    run_fold(paths)
    run = run_fold(paths, resume=True, epochs=7)
    rates = [float(row["learning_rate"]) for row in history(paths)]
    assert (run.epochs, len(rates)) == (7, 7)
    assert rates[3] > rates[2]
    assert rates[-1] < 0.1 * max(rates)
    assert run_fold(paths, resume=True) == run


def test_an_extension_is_repeatable(plan, make_workspace, run_fold, monkeypatch):
    once, twice = make_workspace(plan, "once"), make_workspace(plan, "twice")
    for paths in (once, twice):
        run_fold(paths)
    run_fold(once, resume=True, epochs=5)
    real = loop.mean_loss

    def failing(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "mean_loss", failing)
    with pytest.raises(KeyboardInterrupt):
        run_fold(twice, resume=True, epochs=5)
    monkeypatch.setattr(loop, "mean_loss", real)
    run_fold(twice, resume=True)
    assert_same(weights(once), weights(twice))


def test_fewer_epochs_than_are_done_are_refused(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    run_fold(paths)
    with pytest.raises(TrainingError, match="already has more epochs than that"):
        run_fold(paths, resume=True, epochs=2)


def test_a_fold_is_not_overwritten_and_not_continued_otherwise(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    run_fold(paths)
    with pytest.raises(TrainingError, match="already there"):
        run_fold(paths)
    with pytest.raises(TrainingError, match="another plan or other settings"):
        run_fold(paths, resume=True, overrides={"learning_rate": "1e-4"})
    with pytest.raises(TrainingError, match="seed: 0 there, 5 now"):
        run_fold(paths, resume=True, seed=5)


@pytest.mark.parametrize("change", ["sides", "label", "patient"])
def test_a_fold_whose_cases_changed_is_not_continued(plan, make_workspace, run_fold, change):
    paths = make_workspace(plan)
    run_fold(paths)
    splits, raw = documents.read(Splits, paths.splits), load_raw_dataset(paths.raw)
    if change == "sides":
        first, second, *others = splits.folds
        documents.write(paths.splits, dataclasses.replace(splits, folds=(second, first, *others)))
    else:
        field = {"label": {"label": plan.classes[1]}, "patient": {"patient_id": "P99"}}[change]
        cases = [dataclasses.replace(raw.cases[0], **field), *raw.cases[1:]]
        write_raw_tables(paths.raw, raw.dataset, cases)
    with pytest.raises(TrainingError, match="other cases, labels or patients") as caught:
        run_fold(paths, resume=True, epochs=5)
    assert not re.search("[0-9a-f]{64}", str(caught.value))
    if change == "sides":
        assert "on another side of fold 0: C" in caught.value.got


def test_early_stop_ends_a_run_and_is_its_end(with_training, make_workspace, run_fold):
    paths = make_workspace(with_training(epochs=30, learning_rate=1e-9, early_stop_epochs=2))
    run = run_fold(paths)
    done = len(history(paths))
    assert done == run.epochs_done == run.best_epoch + 3 < run.epochs == 30
    assert run_fold(paths, resume=True) == run
    run_fold(paths, resume=True, epochs=40)
    assert len(history(paths)) == done + 2


def test_a_wish_to_stop_keeps_finished_epochs(plan, make_workspace, run_fold, monkeypatch):
    import os
    import signal

    paths, real, calls = make_workspace(plan), loop.mean_loss, []

    def asking(*given):
        calls.append(1)
        if len(calls) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*given)

    monkeypatch.setattr(loop, "mean_loss", asking)
    with pytest.raises(StoppedError, match="1 finished epochs are saved"):
        run_fold(paths)
    assert documents.read(Run, paths.run().fold(0).run).status == "stopped"


def test_a_damaged_checkpoint_is_told(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    run_fold(paths)
    fold = paths.run().fold(0)
    documents.write(fold.run, dataclasses.replace(documents.read(Run, fold.run), status="running"))
    fold.latest.write_bytes(fold.latest.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="checkpoint_latest"):
        run_fold(paths, resume=True)


def _only_weights(state):
    return state["inference_weights"]


def _of_nnunet(state):
    return {"network_weights": _only_weights(state), "trainer_name": "nnUNetTrainer"}


def _of_another_shape(state):
    return {**state, "network": {"head.weight": torch.zeros(9, 9)}}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_only_weights, "a bare state dict"),
        (_of_nnunet, "a checkpoint of nnU-Net"),
        (_of_another_shape, "a dictionary of inference_weights"),
    ],
)
def test_a_checkpoint_that_is_none_of_this_fold_is_told(
    plan, make_workspace, run_fold, spoil, said
):
    paths = make_workspace(plan)
    run_fold(paths)
    fold = paths.run().fold(0)
    documents.write(fold.run, dataclasses.replace(documents.read(Run, fold.run), status="running"))
    checkpoints.save(fold.latest, spoil(checkpoints.load(fold.latest)))
    with pytest.raises(CheckpointError, match="cannot resume from this checkpoint") as caught:
        run_fold(paths, resume=True)
    assert said in caught.value.got


def test_leftovers_of_a_kill_are_swept(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    fold = paths.run().fold(0)
    fold.folder.mkdir(parents=True)
    (fold.folder / ".checkpoint_latest.77.partial.pth").write_bytes(b"half")
    run_fold(paths)
    assert not list(fold.folder.glob(".*"))


def test_names_of_weights_have_no_prefix_whatever_wraps_the_network(
    plan, make_workspace, run_fold, monkeypatch
):
    from torch import nn

    class Wrapped(nn.Module):
        def __init__(self, network):
            super().__init__()
            self._orig_mod = network

        def forward(self, x):
            return self._orig_mod(x)

    plain, wrapped = make_workspace(plan, "plain"), make_workspace(plan, "wrapped")
    run_fold(plain)
    monkeypatch.setattr(fold_module, "wrapped", lambda network, *_: Wrapped(network))
    run_fold(wrapped)
    assert_same(weights(plain), weights(wrapped))


def test_channels_last_trains_to_nearly_the_same(plan, with_training, make_workspace, run_fold):
    plain = make_workspace(plan, "plain")
    last = make_workspace(with_training(channels_last=True), "last")
    run_fold(plain)
    run_fold(last)
    for one, other in zip(weights(plain).values(), weights(last).values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_batch_norm_and_the_resnet_train_too(plan, make_workspace, run_fold):
    resnet = dataclasses.replace(
        plan.network, architecture="resnet18", blocks=(2, 2), stochastic_depth=0.2
    )
    paths = make_workspace(dataclasses.replace(plan, network=resnet))
    run = run_fold(paths, overrides={"network.norm": "batch"})
    assert run.status == "finished"
    assert any("running_mean" in name for name in weights(paths))


@pytest.mark.parametrize(
    "change", [{"spacing": (1.0, 1.0, 2.0)}, {"storage_dtype": "float16"}, {"channels": None}]
)
def test_cases_of_another_plan_are_refused(plan, make_workspace, run_fold, change):
    paths = make_workspace(plan)
    if change == {"channels": None}:
        first, *others = plan.channels
        change = {"channels": (dataclasses.replace(first, interpolation="nearest"), *others)}
    documents.write(paths.plan(), dataclasses.replace(plan, **change))
    with pytest.raises(PlanError, match="not those of this plan") as caught:
        run_fold(paths)
    assert "20 made by another plan" in str(caught.value)
    assert f"Run ricenet_plan_and_preprocess {plan.dataset} again" in str(caught.value)
    assert not paths.results.exists()


def test_a_single_case_of_an_older_version_or_none_is_refused_by_name(
    plan, make_workspace, run_fold
):
    paths = make_workspace(plan)
    older, gone = (paths.cases() / f"{case}.json" for case in ("C03", "C07"))
    record = documents.read(PreprocessedCase, older)
    documents.write(older, dataclasses.replace(record, plan_hash=""))
    gone.unlink()
    with pytest.raises(PlanError, match=r"2 made by another plan.*: C03, C07"):
        run_fold(paths)


def test_a_subset_of_channels_and_other_settings_train_on_the_same_cases(
    plan, make_workspace, run_fold
):
    paths = make_workspace(plan)
    run = run_fold(paths, channels=("dose",), overrides={"batch_size": "4"}, epochs=1)
    assert run.status == "finished"
