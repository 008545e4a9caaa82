"""Float16 on a card before Ampere: scaled losses, updates that are left out, and going on."""

import dataclasses
import logging
import os
import signal

import numpy as np
import pytest
import torch

from ricenet_v2.cli import train
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.network.build import build_network
from ricenet_v2.store import checkpoints
from ricenet_v2.store.history import read_history
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training import loop
from ricenet_v2.training.ema import Ema
from ricenet_v2.training.loader import Batch
from ricenet_v2.training.loop import TrainingTask, train_epoch
from ricenet_v2.training.loss_scaling import LossScaling
from ricenet_v2.training.optimiser import make_optimiser
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.schedule import ScheduleSegment, learning_rate
from ricenet_v2.training.stop_signal import StopSignal
from tests.pretended_cuda import V100
from tests.pretended_cuda.cohort import NAME, copy_of, plan_of

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")


def _batches(plan, device, n):
    random = np.random.default_rng(0)
    for _ in range(n):
        images = random.standard_normal((2, 3, *plan.input_size), dtype=np.float32)
        yield Batch(torch.from_numpy(images).to(device), torch.tensor([0, 1]), ("A", "B"))


class _Epoch:
    """One epoch on a device; its gradients can be made infinite."""

    def __init__(self, device, *, scale=None, overflows_at=(), fused=False, **settings):
        plan = plan_of()
        training = dataclasses.replace(
            plan.training, batch_size=2, learning_rate=0.01, fused_optimiser=fused, **settings
        )
        torch.manual_seed(0)
        network = dataclasses.replace(plan.network, dropout=0.0)
        self.network = build_network(network, 3, 2).to(device)
        self.optimiser = make_optimiser(self.network, training)
        self.ema = Ema(self.network, 0.9)
        precision = "float16" if device.type == "cuda" else "float32"
        self.scaling = LossScaling(device, precision)
        if scale is not None:
            self.scaling.load({**self.scaling.state(), "scale": scale})
        segments = (ScheduleSegment(0, 2),)
        self.task = TrainingTask(training, segments, 2, None, 0, ProcessGroup(0, 1, device))
        self._passes, self._overflows_at = 0, overflows_at
        self.network.head.bias.register_hook(self._gradient)
        steps = training.iterations_per_epoch * training.accumulation_steps
        self.batches = _batches(plan, device, steps)

    def _gradient(self, gradient):
        self._passes += 1
        wild = self._passes - 1 in self._overflows_at
        return torch.full_like(gradient, float("inf")) if wild else gradient

    def run(self):
        arguments = (self.network, self.optimiser, self.ema, self.batches, self.task, 0)
        return train_epoch(*arguments, StopSignal(), self.scaling)

    def weights(self):
        return [p.detach().cpu().clone() for p in self.network.parameters()]


def test_scaled_losses_train_as_those_of_float32(pretended_cuda):
    """With accumulation, and with gradients that are clipped: after they are unscaled."""
    settings = {"iterations_per_epoch": 3, "accumulation_steps": 2, "gradient_clip": 0.05}
    reference = _Epoch(CPU, **settings)
    on_cpu = reference.run()
    with pretended_cuda(cards=(V100,)) as gpu:
        epoch = _Epoch(CUDA, **settings)
        before = epoch.weights()
        result = epoch.run()
        norm = torch.stack([p.grad.float().norm() for p in epoch.network.parameters()]).norm()
        after, norm = epoch.weights(), float(norm.cpu())
        assert torch.float16 in {dtype for _, dtype in gpu.products}
    assert norm == pytest.approx(0.05, rel=0.02)
    assert result.skipped == 0
    assert result.loss == pytest.approx(on_cpu.loss, abs=0.01)
    moved = [a - b for a, b in zip(after, before, strict=True)]
    expected = [a - b for a, b in zip(reference.weights(), before, strict=True)]
    ours, theirs = (torch.cat([each.flatten() for each in parts]) for parts in (moved, expected))
    assert float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1]) > 0.95


@pytest.mark.parametrize("fused", [False, True])
def test_an_update_that_overflows_is_left_out_by_weights_averages_and_moments(
    pretended_cuda, fused
):
    """The second of three; the learning rate goes on by the number of the update."""
    settings = {"iterations_per_epoch": 3, "accumulation_steps": 1, "fused": fused}
    with pretended_cuda(cards=(V100,)):
        epoch = _Epoch(CUDA, overflows_at=(1,), **settings)
        result = epoch.run()
        scale = epoch.scaling.state()["scale"]
        steps = {int(state["step"]) for state in epoch.optimiser.state.values()}
        averages = [value.cpu() for value in epoch.ema.weights.values()]
        weights = epoch.weights()
    assert result.skipped == 1
    assert epoch.ema.updates == 2
    assert steps == {2}
    assert scale == 2.0**15
    last = learning_rate(epoch.task.plan, epoch.task.segments, 2)
    assert epoch.optimiser.param_groups[0]["lr"] == last
    assert all(value.isfinite().all() for value in (*weights, *averages))


def test_one_overflow_in_accumulated_gradients_leaves_out_the_update(pretended_cuda):
    settings = {"iterations_per_epoch": 2, "accumulation_steps": 2}
    with pretended_cuda(cards=(V100,)):
        epoch = _Epoch(CUDA, overflows_at=(0,), **settings)
        assert epoch.run().skipped == 1
    assert epoch.ema.updates == 1


def test_gradients_that_overflow_at_any_scale_end_the_training(pretended_cuda):
    settings = {"iterations_per_epoch": 40, "accumulation_steps": 1}
    with pretended_cuda(cards=(V100,)):
        epoch = _Epoch(CUDA, scale=2.0**-12, overflows_at=range(40), **settings)
        with pytest.raises(TrainingError, match="however small"):
            epoch.run()


def test_in_other_precisions_nothing_is_scaled():
    for precision in ("float32", "bfloat16"):
        scaling = LossScaling(CPU, precision)
        loss = torch.tensor(3.0)
        assert scaling.scaled(loss) is loss
        assert not scaling.is_used
        assert scaling.state() == {}
        scaling.load({"scale": 4.0})  # of a run on an older card


def test_a_run_that_goes_on_has_the_weights_of_one_in_one_go(
    preprocessed, tmp_path, pretended_cuda, monkeypatch, caplog
):
    """A first scale of 2^40 overflows until it is small enough: it is a part of the state."""
    real = torch.amp.GradScaler

    def large(device, enabled):
        return real(device, init_scale=2.0**40, enabled=enabled)

    monkeypatch.setattr(torch.amp, "GradScaler", large)
    spaces = [copy_of(preprocessed, tmp_path / name) for name in ("whole", "parts")]
    folds = [dataset_paths(NAME, space).run().fold(0) for space in spaces]
    words = [NAME, "0", "--device", "cuda:0", "--num_workers", "0", "--epochs", "3"]
    words += ["--set", "iterations_per_epoch=3"]
    with caplog.at_level(logging.INFO), pretended_cuda(cards=(V100,)):
        assert train.main([*words, "--workspace", str(spaces[0])]) == 0
    assert "were left out" in caplog.text
    with pretended_cuda(cards=(V100,)), pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "mean_loss", _asks_for_an_end(8))
        train.main([*words, "--workspace", str(spaces[1])])
    assert len(read_history(folds[1].history)) == 1
    with pretended_cuda(cards=(V100,)):
        assert train.main([*words, "--workspace", str(spaces[1]), "--continue"]) == 0
    whole, parts = (checkpoints.load(fold.latest) for fold in folds)
    assert whole["loss_scale"] == parts["loss_scale"]
    assert whole["loss_scale"]["scale"] < 2.0**40
    assert all(torch.equal(value, parts["network"][n]) for n, value in whole["network"].items())
    skipped = [[row.skipped_updates for row in read_history(fold.history)] for fold in folds]
    assert skipped[0] == skipped[1]
    assert sum(skipped[0]) > 3


def _asks_for_an_end(after):
    """The loss, which sends the signal of Ctrl-C after so many steps."""
    real, calls = loop.mean_loss, []

    def asking(*given):
        calls.append(1)
        if len(calls) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*given)

    return asking
