"""Permuted and zeroed channels: what the networks are shown, and what that costs."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ricenet_v2.ablation.channel_perturbation import PerturbationStage, donors, perturbed, untouched
from ricenet_v2.ablation.importance import importances
from ricenet_v2.ablation.values import Resampling
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.records.ablation import ChannelGroup
from ricenet_v2.records.dataset import Channel, Dataset

SHAPE = (4, 4, 4)


class Keeper(nn.Module):
    """Keeps the values that it was shown; the second channel alone decides what it says."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, batch):
        values = batch[0, :, 0, 0, 0]
        assert torch.equal(batch[0], values[:, None, None, None].expand(-1, *SHAPE))
        self.shown.append(values.tolist())
        return torch.stack([torch.zeros(1), values[1:2]], dim=1)


def arrays(values):
    """Voxels by case: each channel is everywhere the same."""
    return {
        case: np.broadcast_to(np.float32(own)[:, None, None, None], (len(own), *SHAPE)).copy()
        for case, own in values.items()
    }


@pytest.fixture
def stage_of(make_plan):
    """A function that gives cases to a network of their own; patient `a` has the cases `a...`."""
    plan = make_plan(("mri", "mri", "dose"), shape=SHAPE, mirror_axes=())
    channels = tuple(Channel(one.name, one.kind) for one in plan.channels)
    dataset = Dataset("Dataset904_Spoilt", channels, plan.classes)

    def make(*cases):
        members = {0: Keeper().eval()}
        ensemble = Ensemble(plan, dataset, members, torch.device("cpu"), {})
        return PerturbationStage(ensemble, cases, tuple(case[0] for case in cases))

    return make


@pytest.mark.parametrize("group", [[1], [0, 2], [0, 1, 2]])
def test_a_group_comes_from_one_other_patient_of_the_stage(stage_of, group):
    stages = [stage_of("a1", "a2", "b1", "c1", "d1"), stage_of("e1", "f1", "g1")]
    cases = [case for stage in stages for case in stage.cases]
    values = {case: (10 * n + 1, 10 * n + 2, 10 * n + 3) for n, case in enumerate(cases)}
    voxels = arrays(values)
    found = list(perturbed(stages, group, voxels.__getitem__, np.random.default_rng(0)))
    assert [case for case, *_ in found] == cases
    for stage in stages:
        shown = stage.ensemble.members[0].shown
        assert len(shown) == len(stage.cases)
        given = []
        for case, seen in zip(stage.cases, shown, strict=True):
            donor = next(one for one in cases if values[one][group[0]] == seen[group[0]])
            wanted = [values[donor if n in group else case][n] for n in range(3)]
            assert seen == wanted
            assert donor[0] != case[0]
            given.append(donor)
        assert sorted(given) == sorted(stage.cases)
    for case, array in arrays(values).items():
        np.testing.assert_array_equal(voxels[case], array)  # what is kept in memory stays as it is


def test_zeroed_and_untouched(stage_of):
    voxels = arrays({"a1": (1, 2, 3), "b1": (4, 5, 6)})
    stage = stage_of("a1", "b1")
    list(perturbed([stage], [0, 2], voxels.__getitem__, None))
    list(untouched([stage], voxels.__getitem__))
    assert stage.ensemble.members[0].shown == [[0, 2, 0], [0, 5, 0], [1, 2, 3], [4, 5, 6]]


def test_only_the_group_that_the_network_looks_at_is_of_importance(stage_of):
    cases = tuple(f"{chr(97 + n)}1" for n in range(12))
    truth = np.arange(12) % 2
    values = {case: (n, 4 * (n % 2) - 2, n) for n, case in enumerate(cases)}
    stages = [stage_of(*cases[:6]), stage_of(*cases[6:])]
    truths = LabelledPredictions(cases, cases, truth, truth, np.eye(2)[truth], ("first", "second"))
    groups = [
        (ChannelGroup("seen", ("mri1",)), [1]),
        (ChannelGroup("unseen", ("mri0", "dose2")), [0, 2]),
    ]
    read = arrays(values).__getitem__
    found = importances(stages, truths, groups, read, Resampling(1, 50), repeats=3, drop=True)
    areas = {(one.group, one.change): one for one in found if one.metric == "AUROC"}
    assert areas["unseen", "permuted"].repeats == (0, 0, 0)
    assert areas["unseen", "zeroed"].value == 0
    # By hand: all are told apart before; zeroed, all scores are the same.
    assert areas["seen", "zeroed"].value == 0.5
    permuted = areas["seen", "permuted"]
    assert permuted.value > 0.2
    assert permuted.value == pytest.approx(np.mean(permuted.repeats))
    assert len(set(permuted.repeats)) > 1


@given(st.lists(st.integers(0, 9), min_size=2, max_size=25), st.integers(0, 2**32 - 1))
def test_every_case_gives_once_and_none_meets_its_own_patient_where_that_can_be(patients, seed):
    names = [str(n) for n in patients]
    found = donors(names, np.random.default_rng(seed))
    assert sorted(found) == list(range(len(names)))
    # By Hall's theorem it can be where no patient has more than half of the cases.
    if 2 * max(Counter(names).values()) <= len(names):
        assert all(names[donor] != own for own, donor in zip(names, found, strict=True))


def test_another_seed_gives_another_order():
    names = [str(n) for n in range(30)]
    first, second = (donors(names, np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(first, second)
