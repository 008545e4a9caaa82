from types import SimpleNamespace

import pytest

from ricenet_v2.planning import reasons
from ricenet_v2.planning.networks import NARROWER, SHALLOWER
from ricenet_v2.records.plan_parts import MemoryEstimate

GIB = 1 << 30
LIGHTER = "a lighter stem alone"


@pytest.mark.parametrize("is_fixed", [False, True])
@pytest.mark.parametrize("variant", [LIGHTER, SHALLOWER, NARROWER])
def test_the_resolution_is_named_where_it_was_tried_before_a_smaller_network(variant, is_fixed):
    choice = SimpleNamespace(
        chosen=SimpleNamespace(network=SimpleNamespace(stem_features=16), variant=variant),
        overrides=SimpleNamespace(fix_the_input=is_fixed),
        memory_gb=4.0,
    )
    text = reasons._why_smaller(choice)
    assert "16 features" in text
    assert ("one block" in text) == (variant != LIGHTER)
    assert ("half the features" in text) == (variant == NARROWER)
    assert ("times the target spacing" in text) == (variant != LIGHTER and not is_fixed)


def test_memory_is_explained_part_by_part():
    estimate = MemoryEstimate(
        parameters=1 * GIB,
        gradients=16 * GIB,
        optimiser_state=2 * GIB,
        ema=4 * GIB,
        activations=32 * GIB,
        inputs=8 * GIB,
        workspace=64 * GIB,
        n_parameters=1234,
        multiply_adds=1,
    )
    choice = SimpleNamespace(
        ladder=SimpleNamespace(memory=estimate, rejected=()),
        chosen=SimpleNamespace(batch=2),
        memory_gb=200,
    )
    decision = reasons.memory(choice)
    assert decision.value == "127 GiB"
    for part in ("15 GiB throughout (1,234 weights", "16 GiB gradients", "32 GiB activations"):
        assert part in decision.reason
    assert "64 GiB beyond" in decision.reason
    assert "budget is 200 GiB" in decision.reason
