from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.grid import Grid
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.network.levels import Bands, n_bands
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    ChannelMeasurement,
    Distribution,
    Fingerprint,
)
from ricenet_v2.records.plan_parts import MemoryEstimate
from ricenet_v2.training.settings import with_channels
from tests.network.plans import RESIDUAL

SIZES = {"auto": None, "small": None, "resenc_l": None, "paper": (64, 32, 32)}
SIDE = 24
GRID = Grid((SIDE,) * 3, (2.0,) * 3)
LEVELS = st.lists(st.floats(-3, 3).map(lambda v: round(v, 2)), min_size=2, max_size=6, unique=True)


def flat(value):
    return Distribution(*(value,) * 6, 0.0)


def no_cost(*_, **_options):
    return MemoryEstimate(*[0] * 9)


def planned(preset, kinds):
    """A plan for 20 cases of 48 mm with these channels, as the planner makes it."""
    one = ChannelMeasurement(40.0, 20.0, 0.0, 60.0, 0.0, 40.0, 60.0, 60.0, 0.0)
    cases = tuple(
        CaseMeasurement(
            f"C{i}", GRID.shape, GRID.shape, GRID.spacing, 1.0, (one,) * len(kinds), "", f"{i}"
        )
        for i in range(20)
    )
    highest = {"mask": 2.0, "ct": 80.0}
    channels = tuple(
        ChannelFingerprint(
            f"{kind}_{i}", kind, 40.0, 20.0, -20.0, 80.0, *(flat(highest.get(kind, 60.0)),) * 3, 0.0
        )
        for i, kind in enumerate(kinds)
    )
    fingerprint = Fingerprint("Dataset001_X", 20, 20, {"a": 10, "b": 10}, channels, cases)
    dataset = Dataset("Dataset001_X", tuple(Channel(c.name, c.kind) for c in channels), ("a", "b"))
    return make_plan(fingerprint, dataset, no_cost, preset=preset, input_size=SIZES[preset])


def raw_image(kind, random):
    """A blob of 60 Gy, of 60 HU, of label 2, or a texture, axes (z, y, x)."""
    axes = np.meshgrid(*[np.arange(SIDE) - SIDE / 2] * 3, indexing="ij")
    blob = np.sqrt(sum(axis**2 for axis in axes)) < SIDE / 4
    if kind == "mri":
        return random.normal(300, 50, GRID.shape).astype(np.float32)
    return (blob * {"dose": 60.0, "ct": 60.0, "mask": 2.0}[kind]).astype(np.float32)


def logits(plan, images, seeds=4):
    """Of networks with random weights and few features, (networks, classes)."""
    features = tuple(n // 16 for n in plan.network.features)
    narrow = dataclasses.replace(plan.network, features=features)
    array, _ = preprocess(images, GRID, plan, "C0", np.ones(GRID.shape, dtype=bool))
    batch, found = torch.from_numpy(array)[None], []
    for seed in range(seeds):
        torch.manual_seed(seed)
        network = build_network(narrow, len(plan.channels), len(plan.classes)).eval()
        with torch.inference_mode():
            found.append(network(batch)[0].numpy())
    return np.array(found)


WITH_MRI = ("mri", "mri", "dose")
LAW = [
    (preset, (kind,)) for preset in ("auto", "small", "paper") for kind in ("dose", "ct", "mask")
]
LAW += [(preset, WITH_MRI) for preset in ("auto", "small", "paper")]
LAW += [("resenc_l", WITH_MRI)]  # the largest by far


@pytest.mark.parametrize(("preset", "kinds"), LAW)
def test_every_preset_reads_absolute_values_and_no_offset_of_an_mri(preset, kinds):
    plan, random = planned(preset, kinds), np.random.default_rng(0)
    images = np.stack([raw_image(kind, random) for kind in kinds])
    before = logits(plan, images)
    spread = before.std(axis=0)
    halved = images.copy()
    halved[-1] *= 0.5
    assert (np.abs(logits(plan, halved) - before).mean(axis=0) > 1e-3 * spread).all()
    if "mri" in kinds:
        brighter = images.copy()
        brighter[0] += 100
        # What rounding of the z-score leaves, a thousand times below the law's limit.
        assert (np.abs(logits(plan, brighter) - before).max(axis=0) < 1e-3 * spread).all()


def test_without_bands_an_instance_norm_does_not_see_half_of_the_dose():
    plan, random = planned("auto", ("dose",)), np.random.default_rng(0)
    assert plan.network.norm == "instance"
    blind = dataclasses.replace(plan, network=dataclasses.replace(plan.network, levels=()))
    images = raw_image("dose", random)[None]
    before = logits(blind, images)
    change = np.abs(logits(blind, images * 0.5) - before).mean(axis=0)
    assert (change < 1e-3 * before.std(axis=0)).all()


@given(levels=LEVELS.map(sorted), values=st.lists(st.floats(-4, 4), min_size=1, max_size=20))
def test_bands_are_the_linear_interpolation_of_each_level(levels, values):
    images = torch.tensor(values, dtype=torch.float32).view(1, 1, 1, 1, -1)
    made = Bands([levels])(images)[0, :, 0, 0].double().numpy()
    assert np.array_equal(made[0], images.flatten().double().numpy())
    for number in range(1, len(levels)):
        hat = np.eye(len(levels))[number]
        expected = np.interp(made[0], levels, hat)  # constant beyond the ends, so 1 above the last
        np.testing.assert_allclose(made[number], expected, atol=2e-4)


def test_bands_stand_behind_all_channels_in_the_order_of_these():
    images = torch.rand(2, 3, 2, 3, 4)
    made = Bands([(0.0, 0.5, 1.0), (), (0.0, 1.0)])(images)
    assert made.shape == (2, 6, 2, 3, 4)
    assert torch.equal(made[:, :3], images)
    torch.testing.assert_close(made[:, 3], 1 - (2 * images[:, 0] - 1).abs())
    torch.testing.assert_close(made[:, 4], (2 * images[:, 0] - 1).clamp(0))
    torch.testing.assert_close(made[:, 5], images[:, 2])


def test_nothing_of_the_bands_is_saved_or_learnt():
    plan = dataclasses.replace(RESIDUAL, levels=((), (0.0, 0.5, 1.0)))
    network = build_network(plan, 2, 3)
    assert not any("bands" in name for name in network.state_dict())
    assert not list(network.bands.parameters())
    assert not list(network.bands.buffers())  # which processes would send to each other
    assert network.to("meta").bands.edges.device.type == "meta"
    assert network.bands.n_bands == n_bands(plan.levels) == 2


def test_levels_of_other_channels_are_refused():
    plan = dataclasses.replace(RESIDUAL, levels=((0.0, 1.0),))
    with pytest.raises(PlanError, match="levels of 2 channels"):
        build_network(plan, 2, 3)


def test_a_subset_of_the_channels_keeps_its_levels():
    plan = planned("auto", ("mri", "mask", "dose"))
    (_, mask, dose) = plan.network.levels
    assert with_channels(plan, ["dose_2"]).network.levels == (dose,)
    assert with_channels(plan, ["dose_2", "mri_0"]).network.levels == ((), dose)
    assert with_channels(plan, ["mri_0", "mask_1"]).network.levels == ((), mask)
    assert with_channels(plan, ["mri_0"]).network.levels == ()  # as in plans without any


def test_the_memory_of_the_bands_is_counted():
    plan = planned("auto", ("dose",))
    blind = dataclasses.replace(plan.network, levels=())
    size, batch = plan.input_size, plan.training.batch_size
    counted, without = (estimate(n, 1, 2, size, batch) for n in (plan.network, blind))
    bands = 4 * batch * n_bands(plan.network.levels) * np.prod(size)
    assert counted.activations - without.activations >= bands
