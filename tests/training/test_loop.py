from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.network.build import build_network
from ricenet_v2.training import loop
from ricenet_v2.training.ema import Ema
from ricenet_v2.training.loader import Batch
from ricenet_v2.training.loop import TrainingTask, predict_cases, train_epoch
from ricenet_v2.training.loss_scaling import LossScaling
from ricenet_v2.training.optimiser import make_optimiser
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.schedule import ScheduleSegment
from ricenet_v2.training.stop_signal import Stopped, StopSignal

ALONE = ProcessGroup(0, 1, torch.device("cpu"))
UNSCALED = LossScaling(torch.device("cpu"), "float32")


def _images(n: int) -> torch.Tensor:
    return torch.randn((n, 2, 8, 8, 8), generator=torch.Generator().manual_seed(0))


def _batches(size: int, n: int = 8):
    images, targets = _images(n), torch.arange(n) % 2
    return iter(
        Batch(
            images[i : i + size], targets[i : i + size], tuple(f"C{k}" for k in range(i, i + size))
        )
        for i in range(0, n, size)
    )


def _epoch(network, optimiser, batches, task):
    arguments = (network, optimiser, Ema(network, 0.9), batches, task, 0, StopSignal())
    return train_epoch(*arguments, UNSCALED)


def _trained(plan, batches, stop=None, class_weights=None, **training):
    """Network and result after one epoch from the same first weights."""
    torch.manual_seed(0)
    made = dataclasses.replace(plan.training, **training)
    network = build_network(dataclasses.replace(plan.network, dropout=0.0), 2, 2)
    task = TrainingTask(made, (ScheduleSegment(0, 1),), 2, class_weights, 0, ALONE)
    optimiser = make_optimiser(network, made)
    ema = Ema(network, made.ema_decay)
    result = train_epoch(network, optimiser, ema, batches, task, 0, stop or StopSignal(), UNSCALED)
    return network, result


def test_accumulated_gradients_are_those_of_the_large_batch(plan):
    common = {"iterations_per_epoch": 1, "warmup_epochs": 0, "gradient_clip": 1e9}
    large, one = _trained(plan, _batches(8), batch_size=8, accumulation_steps=1, **common)
    small, many = _trained(plan, _batches(2), batch_size=2, accumulation_steps=4, **common)
    assert one.loss == pytest.approx(many.loss, rel=1e-5)
    for a, b in zip(large.parameters(), small.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_the_first_step_of_adamw_by_hand(plan):
    """From the gradient g, step one of AdamW is w (1 - lr decay) - lr g / (|g| + eps).

    The decay is that of weights of convolutions and of the head, not of biases and norms.
    """
    torch.manual_seed(0)
    before = build_network(dataclasses.replace(plan.network, dropout=0.0), 2, 2)
    after, _ = _trained(
        plan,
        _batches(8),
        batch_size=8,
        accumulation_steps=1,
        iterations_per_epoch=1,
        warmup_epochs=0,
        gradient_clip=1e9,
    )
    rate, decay = plan.training.learning_rate, plan.training.weight_decay
    kinds = dict(before.named_modules())
    assert decay > 0
    for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True):
        module, _, field = name.rpartition(".")
        decays = field == "weight" and isinstance(kinds[module], nn.Conv3d | nn.Linear)
        moved = rate * new.grad / (new.grad.abs() + 1e-8)
        expected = old * (1 - rate * decay * decays) - moved
        torch.testing.assert_close(new, expected, rtol=2e-7, atol=2e-7)


def test_gradients_are_clipped_to_their_norm_and_keep_their_direction(plan):
    common = {"iterations_per_epoch": 1, "batch_size": 8, "accumulation_steps": 1}
    free, _ = _trained(plan, _batches(8), gradient_clip=1e9, **common)
    clipped, _ = _trained(plan, _batches(8), gradient_clip=0.01, **common)
    before, after = (
        torch.cat([parameter.grad.ravel() for parameter in network.parameters()])
        for network in (free, clipped)
    )
    assert float(before.norm()) > 0.1
    torch.testing.assert_close(after, before * (0.01 / before.norm()), rtol=1e-4, atol=1e-9)


def test_the_loss_is_weighted_by_class(plan):
    """Sum of the weighted cross-entropies over the number of cases, as torch gives them."""
    common = {"iterations_per_epoch": 1, "batch_size": 8, "accumulation_steps": 1}
    torch.manual_seed(0)
    network = build_network(dataclasses.replace(plan.network, dropout=0.0), 2, 2)
    with torch.no_grad():
        logits = network.train()(_images(8))
    weights = torch.tensor([0.4, 3.0])
    summed = nn.CrossEntropyLoss(weight=weights, reduction="sum")(logits, torch.arange(8) % 2)
    _, weighted = _trained(
        plan, _batches(8), class_weights=(0.4, 3.0), label_smoothing=0.0, mixup=0.0, **common
    )
    assert weighted.loss == pytest.approx(float(summed) / 8, rel=1e-5)


def test_a_loss_that_is_not_finite_names_the_cases_of_its_batch(plan):
    images = _images(8)
    images[5] = float("nan")
    made = [
        Batch(images[i : i + 2], torch.tensor([0, 1]), (f"C{i}", f"C{i + 1}"))
        for i in range(0, 8, 2)
    ]
    with pytest.raises(TrainingError, match="not finite") as caught:
        _trained(plan, iter(made), batch_size=2, accumulation_steps=4, iterations_per_epoch=1)
    assert caught.value.case == "C4, C5"


def test_weights_stay_as_they_were_when_the_loss_is_not_finite(plan):
    torch.manual_seed(0)
    network = build_network(plan.network, 2, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    made = dataclasses.replace(plan.training, iterations_per_epoch=1, accumulation_steps=2)
    task = TrainingTask(made, (ScheduleSegment(0, 1),), 2, None, 0, ALONE)
    bad = Batch(torch.full((2, 2, 8, 8, 8), float("inf")), torch.tensor([0, 1]), ("A", "B"))
    good = Batch(_images(2), torch.tensor([0, 1]), ("C", "D"))
    optimiser = make_optimiser(network, made)
    with pytest.raises(TrainingError, match="A, B"):
        _epoch(network, optimiser, iter([bad, good]), task)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_wish_to_stop_is_heard_within_the_epoch(plan):
    stop = StopSignal()

    def batches():
        for number, batch in enumerate(_batches(2)):
            stop.requested = number >= 2
            yield batch

    with pytest.raises(Stopped):
        _trained(plan, batches(), stop, batch_size=2, accumulation_steps=1, iterations_per_epoch=4)


def test_a_step_draws_its_dropout_from_its_place_alone(plan):
    """The second update of an epoch is the same whatever torch's generator did before."""
    losses = []
    for noise in (1, 2):
        torch.manual_seed(0)
        network = build_network(dataclasses.replace(plan.network, dropout=0.5), 2, 2)
        made = dataclasses.replace(plan.training, accumulation_steps=1, iterations_per_epoch=4)
        task = TrainingTask(made, (ScheduleSegment(0, 1),), 2, None, 0, ALONE)
        torch.manual_seed(noise)
        result = _epoch(network, make_optimiser(network, made), _batches(2), task)
        losses.append(result.loss)
    assert losses[0] == losses[1]


def test_dropout_and_mixup_are_drawn_from_seed_epoch_and_first_sample(plan, monkeypatch):
    seen = []
    for name in ("seed_of", "generator"):
        real = getattr(loop, name)
        monkeypatch.setattr(
            loop, name, lambda *names, real=real: seen.append(names) or real(*names)
        )
    made = dataclasses.replace(
        plan.training, batch_size=2, accumulation_steps=2, iterations_per_epoch=2, mixup=0.4
    )
    network = build_network(plan.network, 2, 2)
    task = TrainingTask(made, (ScheduleSegment(0, 9),), 2, None, 5, ALONE)
    arguments = (network, make_optimiser(network, made), Ema(network, 0.9), _batches(2), task, 3)
    train_epoch(*arguments, StopSignal(), UNSCALED)
    assert seen == [(5, what, 3, first) for first in (0, 2, 4, 6) for what in ("mixup", "dropout")]


def test_mixup_changes_the_loss_and_is_the_same_each_time(plan):
    common = {"batch_size": 2, "accumulation_steps": 1, "iterations_per_epoch": 4}
    plain = _trained(plan, _batches(2), **common)[1].loss
    mixed = [_trained(plan, _batches(2), mixup=0.4, **common)[1].loss for _ in range(2)]
    assert mixed[0] == mixed[1] != plain


def test_predictions_come_in_the_order_of_the_cases(plan):
    network = build_network(plan.network, 2, 2)
    images = {f"C{i}": image.numpy() for i, image in enumerate(_images(5))}
    found = predict_cases(network, images.__getitem__, list(images), ALONE)
    turned = predict_cases(network, images.__getitem__, list(images)[::-1], ALONE)
    with torch.no_grad():
        expected = network(_images(5)).softmax(dim=1).double()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert np.array_equal(found.numpy()[::-1], turned.numpy())


@pytest.mark.parametrize(("device", "expected"), [("meta", [2, 2, 1]), ("cpu", [1] * 5)])
def test_an_accelerator_predicts_in_batches_and_a_cpu_case_by_case(
    plan, monkeypatch, device, expected
):
    """Meta tensors stand for those of an accelerator; the answers count the cases."""
    sizes = []

    def counted(_network, batch, _axes):
        first = sum(sizes)
        sizes.append(len(batch))
        return torch.arange(first, first + len(batch)).float()[:, None].expand(-1, 2)

    monkeypatch.setattr(loop, "probabilities", counted)
    network = build_network(plan.network, 2, 2).to(device)
    images = {f"C{i}": image.numpy() for i, image in enumerate(_images(5))}
    process_group = ProcessGroup(0, 1, torch.device(device))
    found = predict_cases(network, images.__getitem__, list(images), process_group, batch_size=2)
    assert sizes == expected
    assert found.tolist() == [[i, i] for i in range(5)]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_cases_of_which_the_network_makes_no_numbers_are_named(plan, value):
    images = {f"C{i}": image.numpy() for i, image in enumerate(_images(4))}
    images["C2"] = np.full_like(images["C2"], value)
    network = build_network(plan.network, 2, 2)
    for ask in (predict_cases, loop.features_of_cases):
        with pytest.raises(TrainingError, match="not finite") as caught:
            ask(network, images.__getitem__, list(images), ALONE)
        assert caught.value.case == "C2"
        assert "1 of 4 cases" in caught.value.got


def test_a_process_without_cases_of_its_own_answers_with_zeros(plan, monkeypatch):
    """Two cases of three processes: the last one has none, and the sum is that of the others."""
    monkeypatch.setattr(ProcessGroup, "sum", lambda _team, values: values)
    monkeypatch.setattr(ProcessGroup, "agreed", lambda _team: nullcontext())
    network = build_network(plan.network, 2, 2)
    images = {f"C{i}": image.numpy() for i, image in enumerate(_images(2))}
    parts = [
        predict_cases(
            network, images.__getitem__, list(images), ProcessGroup(rank, 3, torch.device("cpu"))
        )
        for rank in range(3)
    ]
    whole = predict_cases(network, images.__getitem__, list(images), ALONE)
    assert not parts[2].any()
    assert torch.equal(sum(parts), whole)
