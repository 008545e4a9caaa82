from __future__ import annotations

import os
import signal
import threading

import pytest
import torch
from torch import nn

from ricenet_v2.store import checkpoints
from ricenet_v2.training.best_epoch import BestEpoch
from ricenet_v2.training.ema import Ema
from ricenet_v2.training.stop_signal import StopSignal


def _followed(decay: float, values: list[float]) -> list[float]:
    """A one-weight network that takes the values in turn; the average after each."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    ema, seen = Ema(layer, decay), []
    for value in values:
        nn.init.constant_(layer.weight, value)
        ema.update()
        seen.append(float(ema.weights["weight"]))
    return seen


def test_the_average_by_hand():
    # Decays of the first updates: 2/11, 3/12, 4/13, below the 0.5 that is asked for.
    first = 1.0 * 2 / 11 + 5.0 * 9 / 11
    second = first * 3 / 12 + 3.0 * 9 / 12
    third = second * 4 / 13 + 0.0 * 9 / 13
    assert _followed(0.5, [5.0, 3.0, 0.0]) == pytest.approx([first, second, third])


def test_late_updates_have_the_decay_that_was_asked_for():
    values = [0.0] * 30
    seen = _followed(0.5, values)
    assert seen[-1] == pytest.approx(seen[-2] * 0.5)


def test_a_decay_of_zero_follows_the_network():
    assert _followed(0.0, [5.0, 3.0]) == [5.0, 3.0]


def test_counters_are_copied_and_statistics_averaged():
    norm = nn.BatchNorm1d(1)
    ema = Ema(norm, 0.5)
    norm(torch.tensor([[0.0], [2.0], [10.0]]))
    ema.update()
    assert int(ema.weights["num_batches_tracked"]) == 1
    assert float(ema.weights["running_mean"]) == pytest.approx(0.4 * 9 / 11)


class _NamedTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64, bias=False)
        self.again = nn.Sequential(self.layer)


def test_a_layer_of_two_names_is_averaged_once_and_saved_once(tmp_path):
    network = _NamedTwice()
    before = network.layer.weight.detach().clone()
    ema = Ema(network, 0.5)
    with torch.no_grad():
        network.layer.weight.add_(1.0)
    ema.update()
    # The first decay is 2/11; an average that moved twice would be nearer to the network.
    expected = before + 9 / 11
    assert ema.weights.keys() == network.state_dict().keys()
    for value in ema.weights.values():
        torch.testing.assert_close(value, expected)
    checkpoints.save(tmp_path / "ema.pth", ema.state())
    n_bytes = before.numel() * before.element_size()
    assert n_bytes < (tmp_path / "ema.pth").stat().st_size < 1.5 * n_bytes
    saved = checkpoints.load(tmp_path / "ema.pth")
    again = _NamedTwice()
    again.load_state_dict(saved["weights"])
    assert torch.equal(again.layer.weight, ema.weights["layer.weight"])


def test_an_older_state_with_a_copy_for_each_name_is_taken_over():
    network = _NamedTwice()
    older = {name: torch.full((64, 64), 3.0) for name in network.state_dict()}
    ema = Ema(network, 0.5)
    ema.load({"updates": 4, "weights": older})
    assert all(bool((value == 3.0).all()) for value in ema.weights.values())


def test_a_loaded_average_goes_on_as_the_first():
    one, other = nn.Linear(2, 1), nn.Linear(2, 1)
    first = Ema(one, 0.9)
    first.update()
    other.load_state_dict(one.state_dict())
    second = Ema(other, 0.9)
    second.load(first.state())
    for layer, ema in ((one, first), (other, second)):
        nn.init.constant_(layer.weight, 7.0)
        ema.update()
    assert torch.equal(first.weights["weight"], second.weights["weight"])


def test_the_best_epoch_is_that_of_the_moving_average():
    keeper = BestEpoch()
    verdicts = [keeper.update(e, v) for e, v in enumerate([0.5, 0.9, 0.5, 0.6, 0.6])]
    # Averages by hand: 0.5, 0.54, 0.536, 0.5424, 0.54816.
    assert verdicts == [True, True, False, True, True]
    assert (keeper.best_epoch, keeper.best) == (4, pytest.approx(0.54816))
    again = BestEpoch()
    again.load(keeper.state())
    assert again.update(5, 0.0) is False
    assert again.best_epoch == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_wish_and_the_old_handler_comes_back(number):
    before, stop = signal.getsignal(number), StopSignal()
    with stop.listening():
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
    assert signal.getsignal(number) is before


def test_in_another_thread_nobody_listens():
    before, requested = signal.getsignal(signal.SIGTERM), []

    def listen() -> None:
        stop = StopSignal()
        with stop.listening():
            requested.append(stop.requested)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert requested == [False]
    assert signal.getsignal(signal.SIGTERM) is before
