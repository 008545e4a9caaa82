from __future__ import annotations

import pytest
import torch

from ricenet_v2.network.build import build_network
from ricenet_v2.records.run import EpochRow
from ricenet_v2.training.best_epoch import BestEpoch
from ricenet_v2.training.ema import Ema
from ricenet_v2.training.loss_scaling import LossScaling
from ricenet_v2.training.optimiser import make_optimiser
from ricenet_v2.training.schedule import ScheduleSegment
from ricenet_v2.training.state import State, load


@pytest.fixture
def state(plan):
    network = build_network(plan.network, 2, 2)
    optimiser = make_optimiser(network, plan.training)
    segments, scaling = (ScheduleSegment(0, 10),), LossScaling(torch.device("cpu"), "float32")
    return State(network, Ema(network, 0.9), optimiser, BestEpoch(), [], segments, scaling)


def _lived(state: State, values: list[float]) -> None:
    for value in values:
        state.best.update(state.epoch, value)
        state.rows.append(EpochRow(state.epoch, 0.0, 0.0, 0.0, value, value, 0.0, 0.0))


def test_a_run_is_done_after_its_epochs(state):
    _lived(state, [0.5] * 9)
    assert not state.is_done(0)
    _lived(state, [0.5])
    assert state.is_done(0)


def test_early_stop_waits_so_many_epochs_after_the_best(state):
    _lived(state, [0.5, 0.6, 0.1, 0.1])
    assert not state.is_done(3)
    _lived(state, [0.1])
    assert state.is_done(3)
    assert not state.is_done(0)


def test_an_extension_gives_early_stop_its_patience_back(state):
    _lived(state, [0.5, 0.1, 0.1, 0.1])
    assert state.is_done(3)
    state.segments = (ScheduleSegment(0, 10), ScheduleSegment(4, 20))
    assert not state.is_done(3)
    _lived(state, [0.1, 0.1])
    assert not state.is_done(3)
    _lived(state, [0.1])
    assert state.is_done(3)


def test_optimiser_moments_come_back(state, plan):
    network = build_network(plan.network, 2, 2)
    optimiser = make_optimiser(network, plan.training)
    network(torch.ones(2, 2, 8, 8, 8)).sum().backward()
    optimiser.step()
    saved = {
        "network": network.state_dict(),
        "ema": Ema(network, 0.9).state(),
        "optimiser": optimiser.state_dict(),
        "best": {"average": 0.5, "best": 0.6, "best_epoch": 1},
        "rows": [],
        "legs": [[0, 5], [3, 10]],
    }
    load(state, saved)
    assert state.segments == (ScheduleSegment(0, 5), ScheduleSegment(3, 10))
    ours, theirs = state.optimiser.state_dict()["state"], optimiser.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert torch.equal(ours[key]["exp_avg_sq"], theirs[key]["exp_avg_sq"])
