"""What holds for every plan, whatever the dataset."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.machine import GIB
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning import networks
from ricenet_v2.planning.ladder import Candidate, least_bytes
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.plan import Plan

few = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _total(plan: Plan, axis: int) -> int:
    return math.prod(stride[axis] for stride in plan.network.strides)


@few
@given(data=st.data())
def test_sizes_divide_hold_the_region_and_fit(data, cohorts, cost):
    fingerprint, dataset = data.draw(cohorts)
    memory = data.draw(st.sampled_from([1.0, 8.0, 80.0]))
    plan = make_plan(fingerprint, dataset, cost, memory_gb=memory)
    deepest = [plan.input_size[axis] // _total(plan, axis) for axis in range(3)]
    assert all(plan.input_size[axis] % _total(plan, axis) == 0 for axis in range(3))
    assert min(deepest) >= 4
    assert max(plan.network.features) <= 320
    assert plan.memory.total <= memory * GIB
    for axis in range(3):
        extents = sorted(c.cropped_shape[axis] * c.spacing[axis] for c in fingerprint.cases)
        seen = plan.input_size[axis] * plan.spacing[axis]
        # The 95th percentile lies at or above 19 of 20 sorted values, counted downwards.
        below = extents[math.floor(0.95 * (len(extents) - 1))]
        assert seen >= below


@few
@given(data=st.data())
def test_the_batch_is_a_power_of_two_within_its_limits(data, cohorts, cost):
    fingerprint, dataset = data.draw(cohorts)
    plan = make_plan(fingerprint, dataset, cost)
    batch = plan.training.batch_size
    assert batch in {2**power for power in range(1, 12)}
    assert batch <= max(2, fingerprint.n_cases // 8)
    assert plan.network.norm == ("batch" if batch >= 8 else "instance")
    is_first = not plan.alternatives or plan.alternatives[-1].input_size == plan.input_size
    if 2 * batch <= max(2, fingerprint.n_cases // 8) and is_first:
        needed = cost(
            dataclasses.replace(plan.network, stem_features=None),
            len(dataset.channels),
            len(dataset.classes),
            plan.input_size,
            2 * batch,
        )
        assert needed.total > 8 * GIB
    # A batch above 2 is for inputs at the resolution of the data.
    assert batch == 2 or is_first


@few
@given(data=st.data())
def test_more_memory_never_gives_a_smaller_input_or_batch(data, cohorts, cost):
    fingerprint, dataset = data.draw(cohorts)
    budgets = sorted(data.draw(st.lists(st.floats(0.5, 100), min_size=2, max_size=3)))
    preset = data.draw(st.sampled_from(["auto", "small", "resenc_l"]))
    plans = []
    for budget in budgets:
        # What fits a budget fits every larger one.
        with contextlib.nullcontext() if plans else contextlib.suppress(PlanError):
            plans.append(make_plan(fingerprint, dataset, cost, preset=preset, memory_gb=budget))
    for poor, rich in itertools.pairwise(plans):
        assert all(a <= b for a, b in zip(poor.input_size, rich.input_size, strict=True))
        assert poor.training.batch_size <= rich.training.batch_size


def _decided(plan: Plan) -> Plan:
    """The plan without the name of the fingerprint, which tells even a copy."""
    return dataclasses.replace(plan, fingerprint="")


@few
@given(data=st.data())
def test_neither_order_nor_copies_of_cases_matter(data, cohorts, cost):
    fingerprint, dataset = data.draw(cohorts)
    shuffled = data.draw(st.permutations(fingerprint.cases))
    twice = data.draw(st.lists(st.sampled_from(fingerprint.cases), max_size=20))
    copies = [dataclasses.replace(case, case_id=f"copy{index}") for index, case in enumerate(twice)]
    other = dataclasses.replace(fingerprint, cases=(*shuffled, *copies))
    plans = [make_plan(one, dataset, cost) for one in (fingerprint, other)]
    assert _decided(plans[0]) == _decided(plans[1])


@few
@given(data=st.data())
def test_a_dataset_in_another_unit_of_length_gets_the_same_plan(data, cohorts, cost):
    """Except for the elastic displacement, whose limit of 6 mm is one of anatomy."""
    fingerprint, dataset = data.draw(cohorts)
    factor = data.draw(st.floats(0.1, 10))
    scaled = dataclasses.replace(
        fingerprint,
        cases=tuple(
            dataclasses.replace(case, spacing=tuple(factor * value for value in case.spacing))
            for case in fingerprint.cases
        ),
    )
    here, there = (make_plan(one, dataset, cost) for one in (fingerprint, scaled))
    assert there.spacing == pytest.approx([factor * value for value in here.spacing])
    assert (there.input_size, there.margin) == (here.input_size, here.margin)
    assert (there.network, there.memory) == (here.network, here.memory)
    assert [one.bytes for one in there.alternatives] == [one.bytes for one in here.alternatives]
    without = [
        dataclasses.replace(
            plan.training,
            augmentation=dataclasses.replace(plan.training.augmentation, elastic_mm=0),
        )
        for plan in (here, there)
    ]
    assert without[0] == without[1]


@few
@given(data=st.data())
def test_any_ten_cases_get_a_plan(data, cost, make_cohort):
    lengths = st.floats(0.2, 10)
    triples, shapes = st.tuples(lengths, lengths, lengths), st.tuples(*[st.integers(8, 600)] * 3)
    cases = data.draw(st.lists(st.tuples(shapes, triples), min_size=10, max_size=14))
    channels = data.draw(st.integers(1, 8))
    fingerprint, dataset = make_cohort(cases, ("mri",) * channels, data.draw(st.integers(2, 10)))
    preset = data.draw(st.sampled_from(["auto", "small", "resenc_l"]))
    plan = make_plan(
        fingerprint, dataset, cost, preset=preset, memory_gb=data.draw(st.floats(4, 80))
    )
    assert all(plan.input_size[axis] % _total(plan, axis) == 0 for axis in range(3))
    assert plan.memory.total <= plan.memory_budget_gb * GIB


@pytest.mark.parametrize(("preset", "seed"), [("auto", 0), ("auto", 1), ("small", 2)])
def test_plans_of_any_dataset_build_and_run(preset, seed, make_cohort):
    rng = random.Random(seed)
    cases = [
        (
            tuple(rng.randint(8, 600) for _ in range(3)),
            tuple(round(rng.uniform(0.2, 10), 2) for _ in range(3)),
        )
        for _ in range(10)
    ]
    channels, classes = rng.randint(1, 8), rng.randint(2, 10)
    fingerprint, dataset = make_cohort(cases, ("mri",) * channels, classes)
    plan = make_plan(fingerprint, dataset, estimate, preset=preset, memory_gb=rng.uniform(4, 80))
    with torch.device("meta"):
        network = build_network(plan.network, channels, classes, plan.input_size)
        logits = network(torch.empty(plan.training.batch_size, channels, *plan.input_size))
    assert logits.shape == (plan.training.batch_size, classes)


@settings(few, max_examples=10)
@given(data=st.data())
def test_the_bound_from_below_is_one(data):
    """Against the count itself; this is what lets the planner skip what is far too large."""
    size = tuple(32 * data.draw(st.integers(1, 3)) for _ in range(3))
    spacing, kind = (1.0, 1.0, 1.0), data.draw(st.sampled_from(["auto", "light", "paper"]))
    stages = topology(size, spacing)
    network = {
        "auto": networks.residual_encoder(stages),
        "light": networks.variants(networks.residual_encoder(stages))[1][1],
        "paper": networks.paper_resnet18(),
    }[kind]
    size = (64, *size[1:])
    channels, batch = data.draw(st.integers(1, 8)), data.draw(st.sampled_from([2, 4]))
    precision = data.draw(st.sampled_from(["float32", "bfloat16"]))
    one = Candidate(spacing, size, size, "full", network, batch)
    counted = estimate(network, channels, 2, size, batch, precision).total
    assert least_bytes(one, channels, precision) <= counted


@few
@given(data=st.data())
def test_a_plan_survives_its_file(data, cohorts, cost, tmp_path_factory):
    fingerprint, dataset = data.draw(cohorts)
    preset = data.draw(st.sampled_from(["auto", "paper", "resenc_l", "small"]))
    plan = make_plan(fingerprint, dataset, cost, preset=preset, memory_gb=64)
    path = tmp_path_factory.mktemp("plan") / "ricenet_plan.json"
    documents.write(path, plan)
    assert documents.read(Plan, path) == plan
    assert plan.fingerprint == documents.fingerprint_of(fingerprint)
    assert all(decision.reason and decision.value for decision in plan.decisions)
