from __future__ import annotations

import pytest

from ricenet_v2.planning.names import PRESETS as NAMES
from ricenet_v2.planning.networks import (
    paper_resnet18,
    resenc_l,
    residual_encoder,
    variants,
)
from ricenet_v2.planning.presets import PRESETS
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.architectures import ARCHITECTURES


def test_features_double_to_320():
    network = residual_encoder(topology((512, 512, 512), (1.0,) * 3))
    assert network.features == (32, 64, 128, 256, 320, 320, 320)
    assert network.architecture == "residual_encoder"


def test_each_variant_has_less_than_the_one_before():
    names, networks = zip(*variants(residual_encoder(topology((64,) * 3, (1.0,) * 3))), strict=True)
    assert names == ("full", "light stem", "shallower", "narrower")
    assert [network.stem_features for network in networks] == [None, 8, 8, 8]
    assert [network.blocks for network in networks][1:3] == [(1, 2, 2, 2), (1, 1, 1, 1)]
    assert networks[3].features == (16, 32, 64, 128)


@pytest.mark.parametrize(
    ("network", "stem"),
    [
        (paper_resnet18(), (64, (2, 2, 2))),
        (resenc_l(), (32, (1, 1, 1))),
        (variants(resenc_l())[1][1], (8, (1, 1, 1))),
    ],
)
def test_the_stem_is_known(network, stem):
    assert ARCHITECTURES[network.architecture].first_maps(network) == stem


def test_the_command_offers_the_presets_of_the_planner():
    from ricenet_v2.cli.plan_and_preprocess import build_parser

    (action,) = [one for one in build_parser()._actions if one.dest == "preset"]
    assert tuple(action.choices) == tuple(NAMES) == tuple(PRESETS.names)
