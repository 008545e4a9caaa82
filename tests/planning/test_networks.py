from __future__ import annotations

import pytest
import torch

from ricenet_v2.network.build import build_network
from ricenet_v2.planning.names import PRESETS as NAMES
from ricenet_v2.planning.networks import (
    paper_resnet18,
    resenc_l,
    residual_encoder,
    small_residual_encoder,
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


def test_the_papers_network_is_the_resnet18_of_he_et_al():
    """A stem of 7 x 7 x 7, four stages of two blocks of two convolutions, a head: 18 layers."""
    plan = paper_resnet18()
    assert 1 + 2 * sum(plan.blocks) + 1 == 18
    assert plan.dropout == 0
    expected, before = 7**3 * 3 * 64 + 2 * 64, 64
    for width in (64, 128, 256, 512):
        expected += 27 * (before * width + 3 * width**2) + 4 * 2 * width
        expected += before * width + 2 * width if before != width else 0  # the way past the block
        before = width
    with torch.device("meta"):
        network = build_network(plan, 3, 2)
    assert sum(each.numel() for each in network.parameters()) == expected + 2 * 512 + 2


def test_the_small_network_has_2_7_million_parameters():
    plan = small_residual_encoder(topology((256,) * 3, (1.0,) * 3, 6))
    assert plan.features == (16, 32, 64, 128, 128, 128)
    with torch.device("meta"):
        network = build_network(plan, 3, 2)
    assert sum(each.numel() for each in network.parameters()) == pytest.approx(2.7e6, rel=0.02)


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
