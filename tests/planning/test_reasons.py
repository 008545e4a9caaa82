from types import SimpleNamespace

import pytest

from ricenet_v2.planning import reasons
from ricenet_v2.planning.networks import NARROWER, SHALLOWER

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
