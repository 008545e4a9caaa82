"""Layouts with feature maps beyond 32-bit indices are left out, and the plan says so."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.machine import GIB
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning.ladder import MOST_ELEMENTS
from ricenet_v2.planning.planner import make_plan

HEADS = [((230, 250, 230), (1.0, 1.0, 1.0))] * 300
KINDS = ("mri", "mri", "dose")
ENDLESS = 10_000.0


def _reason(plan, what):
    return next(decision.reason for decision in plan.decisions if decision.what == what)


def _first_map(plan):
    return plan.training.batch_size * plan.network.features[0] * math.prod(plan.input_size)


def test_a_plan_for_any_memory_has_no_larger_map(make_cohort, cost):
    """At 39 and 79 GiB plans had maps of 2^31 and 2^32 elements."""
    plan = make_plan(*make_cohort(HEADS, KINDS), cost, memory_gb=ENDLESS)
    assert _first_map(plan) <= MOST_ELEMENTS < 2 * _first_map(plan)
    assert plan.alternatives
    for alternative in plan.alternatives:
        assert "feature map of at least" in alternative.reason
        assert "over the 2,147,483,647" in alternative.reason
    assert "More memory would not help" in _reason(plan, "memory")
    assert "feature map" in _reason(plan, "batch size")


def test_it_is_not_said_where_the_memory_decides(make_cohort, cost):
    plan = make_plan(*make_cohort(HEADS, KINDS), cost, memory_gb=8)
    assert "More memory would not help" not in _reason(plan, "memory")
    assert all(each.reason.startswith("needs ") for each in plan.alternatives)


def test_what_was_counted_goes_before_the_bound(make_cohort, cost):
    def twice(*arguments, **named):
        network, *_, size, batch, _ = arguments
        elements = 2 * batch * network.features[0] * math.prod(size)
        return dataclasses.replace(cost(*arguments, **named), largest_map=elements)

    plan = make_plan(*make_cohort(HEADS, KINDS), twice, memory_gb=ENDLESS)
    assert 2 * _first_map(plan) <= MOST_ELEMENTS
    assert plan.memory.largest_map == 2 * _first_map(plan)
    assert f"{plan.memory.largest_map:,} elements" in _reason(plan, "memory")


def test_a_given_input_size_that_is_too_large_is_refused_in_words(make_cohort, cost):
    with pytest.raises(PlanError, match="too many elements") as refused:
        make_plan(
            *make_cohort(HEADS, KINDS), cost, memory_gb=ENDLESS, input_size=(1024, 1024, 1024)
        )
    assert "at most 2,147,483,647 with a batch of 2" in str(refused.value)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_estimate_counts_the_largest_map(make_cohort, checkpointing):
    """Seen by hooks on the very network; the images with their bands are a map, too."""
    plan = make_plan(*make_cohort([((40, 48, 40), (1.0, 1.0, 1.0))] * 40, KINDS), estimate)
    sizes = []
    with torch.device("meta"):
        network = build_network(plan.network, 3, 2).train()
        for module in network.modules():
            if not isinstance(module, nn.Linear):
                module.register_forward_hook(
                    lambda _m, inputs, output: sizes.extend((inputs[0].numel(), output.numel()))
                )
        network(torch.empty(plan.training.batch_size, 3, *plan.input_size))
    counted = estimate(
        plan.network,
        3,
        2,
        plan.input_size,
        plan.training.batch_size,
        checkpointing=checkpointing,
    )
    assert counted.largest_map == max(sizes)


def test_checkpointing_saves_the_batch_and_the_plan_says_why(make_cohort, cost):
    def halved(*arguments, checkpointing=False, **named):
        counted = cost(*arguments, **named)
        part = counted.activations // (2 if checkpointing else 1)
        return dataclasses.replace(counted, activations=part)

    cohort = make_cohort([((60, 64, 60), (1.0, 1.0, 1.0))] * 40, KINDS)
    whole = make_plan(*cohort, halved, memory_gb=100)
    budget = 0.8 * whole.memory.total / GIB
    plain, saved = (
        make_plan(*cohort, halved, memory_gb=budget, activation_checkpointing=each)
        for each in (False, True)
    )
    assert (saved.input_size, saved.network) == (whole.input_size, whole.network)
    assert saved.training.batch_size == whole.training.batch_size > plain.training.batch_size
    assert saved.training.activation_checkpointing
    assert not plain.training.activation_checkpointing
    assert "activation checkpointing" not in {decision.what for decision in plain.decisions}
    assert "saves the layout" in _reason(saved, "activation checkpointing")
    assert saved.memory.total <= budget * GIB
    assert make_plan(*cohort, halved, memory_gb=100, activation_checkpointing=True) == whole
    least = make_plan(*cohort, halved, memory_gb=0.3 * budget, activation_checkpointing=True)
    reasons = [each.reason for each in least.alternatives]
    assert any(reason.endswith("with activation checkpointing") for reason in reasons)
