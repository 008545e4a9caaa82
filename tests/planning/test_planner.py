from __future__ import annotations

import dataclasses
import itertools
import math
import re

import pytest

from ricenet_v2.core.errors import PlanError, PluginError
from ricenet_v2.core.machine import GIB
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning.ladder import MemoryBudget, first_that_fits
from ricenet_v2.planning.overrides import Overrides
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.planning.presets import PRESETS

BRAIN = [((170, 210, 165), (1.0, 1.0, 1.0))] * 80
RICE = ("mri", "mri", "dose")


def reason(plan, what):
    return next(decision.reason for decision in plan.decisions if decision.what == what)


def test_rice_net_gets_a_plan_with_the_real_cost(make_cohort):
    plan = make_plan(*make_cohort(BRAIN, RICE), estimate, memory_gb=8)
    assert plan.memory.total <= 8 * GIB
    assert plan.memory == estimate(plan.network, 3, 2, plan.input_size, plan.training.batch_size)
    assert all(n >= r for n, r in zip(plan.input_size, (170 / 2, 210 / 2, 165 / 2), strict=True))
    assert plan.training.batch_size * plan.training.accumulation_steps == 8
    assert plan.dose_range == {"dose_2": (50.0, 66.0)}
    assert plan.spacing_range == ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    assert plan.training.augmentation.mirror_axes == (2,)


def test_little_memory_coarsens_the_spacing_and_says_so(make_cohort, cost):
    rich = make_plan(*make_cohort(BRAIN, RICE), cost, memory_gb=1000)
    poor = make_plan(*make_cohort(BRAIN, RICE), cost, memory_gb=1)
    assert rich.spacing == (1.0, 1.0, 1.0)
    assert "did not fit" not in reason(rich, "spacing")
    assert min(poor.spacing) > 1.1
    assert len(set(poor.spacing)) == 1
    told = reason(poor, "spacing")
    first = " x ".join(str(n) for n in rich.input_size)
    assert f"1 x 1 x 1 mm (z, y, x); there {first} voxels with a batch of 8 need" in told
    assert int(re.search(r"\((\d+) layouts did not\)", told).group(1)) >= 4


def test_the_finest_axes_pay_first(make_cohort, cost):
    cases = [((20, 256, 256), (5.0, 0.5, 0.5))] * 40
    plan = make_plan(*make_cohort(cases), cost, memory_gb=0.2)
    assert plan.spacing[0] == 5.0
    assert plan.spacing[1] == plan.spacing[2] > 0.5
    assert "in plane" in next(d.value for d in plan.decisions if d.what == "rotation")


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"ladder": lambda *_: iter(())}, r"plugins\.Candidate\n  got: NoneType"),
        ({"ladder": lambda *_: iter(["half"])}, r"plugins\.Candidate\n  got: str"),
        ({"adapt": lambda *_: None}, r"plugins\.Plan\n  got: NoneType"),
    ],
)
def test_a_preset_that_gives_something_else_is_named(make_cohort, cost, monkeypatch, changes, got):
    changed = dataclasses.replace(PRESETS["small"], **changes)
    monkeypatch.setitem(PRESETS._built_in, "small", changed)
    with pytest.raises(PluginError, match=rf"The preset small [\s\S]*{got}"):
        make_plan(*make_cohort(BRAIN, RICE), cost, preset="small")


@pytest.mark.parametrize("side", [8, 20, 28, 31])
def test_cubes_below_32_voxels_get_a_plan_that_trains(make_cohort, side):
    cases = [((side,) * 3, (1.0, 1.0, 1.0))] * 80
    plan = make_plan(*make_cohort(cases, ("mask",)), estimate)
    total = [math.prod(stride[axis] for stride in plan.network.strides) for axis in range(3)]
    assert all(n >= side and n % t == 0 for n, t in zip(plan.input_size, total, strict=True))
    assert max(plan.input_size) <= 40
    assert plan.training.batch_size == 8
    assert plan.training.augmentation.elastic_mm <= 0.04 * max(plan.input_size) + 1e-3
    assert "no other symmetry" in reason(plan, "mirroring")


def test_the_paper_preset_is_the_paper(make_cohort):
    plan = make_plan(*make_cohort(BRAIN, RICE), estimate, preset="paper", memory_gb=8)
    assert (plan.spacing, plan.input_size) == ((1.0, 1.0, 1.0), (224, 224, 224))
    network = plan.network
    assert (network.architecture, network.norm) == ("resnet18", "batch")
    assert network.strides[0] == (2, 2, 2)
    assert network.features == (64, 128, 256, 512)
    assert plan.memory.total <= 8 * GIB
    assert (plan.name, plan.training.epochs) == ("paper", 800)
    assert plan.margin == (54, 14, 59)


def test_the_paper_preset_says_what_it_needs(make_cohort):
    with pytest.raises(PlanError, match=r"at most 2 GiB with a batch of 2(.|\n)*GiB at \(224, 2"):
        make_plan(*make_cohort(BRAIN, RICE), estimate, preset="paper", memory_gb=2)
    with pytest.raises(PlanError, match="leave a single voxel"):
        make_plan(*make_cohort(BRAIN), estimate, preset="paper", input_size=(32, 32, 32))


def test_nothing_fits_is_an_error_with_numbers(make_cohort, cost):
    with pytest.raises(PlanError, match=r"at most 0.001 GiB with a batch of 2(.|\n)*voxels"):
        make_plan(*make_cohort(BRAIN), cost, memory_gb=0.001)
    with pytest.raises(PlanError, match="leave --spacing and --input_size to the planner"):
        make_plan(*make_cohort(BRAIN), cost, memory_gb=0.5, spacing=(0.5, 0.5, 0.5))


def test_what_the_user_gives_is_kept(make_cohort, cost):
    plan = make_plan(
        *make_cohort(BRAIN),
        cost,
        spacing=(2.0, 2.0, 2.0),
        input_size=(96, 112, 64),
        batch_size=3,
        epochs=7,
    )
    assert (plan.spacing, plan.input_size) == ((2.0, 2.0, 2.0), (96, 112, 64))
    assert (plan.training.batch_size, plan.training.epochs) == (3, 7)
    assert "cases are cropped" in reason(plan, "input size")
    assert reason(plan, "batch size") == reason(plan, "epochs") == "given by the user"


def test_a_given_batch_decides_the_spacing(make_cohort, cost):
    two, eight = (make_plan(*make_cohort(BRAIN), cost, memory_gb=2, batch_size=n) for n in (2, 8))
    assert math.prod(eight.input_size) < math.prod(two.input_size)
    assert eight.memory.total <= 2 * GIB
    assert (two.network.norm, eight.network.norm) == ("instance", "batch")


def test_a_given_size_that_does_not_divide_names_one_that_does(make_cohort, cost):
    with pytest.raises(PlanError, match="--input_size 112 112 112"):
        make_plan(*make_cohort(BRAIN), cost, input_size=(100, 100, 100))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"preset": "best"}, "no such preset"),
        ({"memory_gb": 0.0}, "--gpu_memory_gb"),
        ({"memory_gb": math.nan}, "--gpu_memory_gb"),
        ({"spacing": (1.0, -1.0, 1.0)}, "--spacing"),
        ({"input_size": (64, 0, 64)}, "--input_size"),
        ({"batch_size": 0}, "--batch_size"),
        ({"epochs": 0}, "--epochs"),
    ],
)
def test_unusable_values_are_named(make_cohort, cost, wrong, named):
    with pytest.raises(PlanError, match=named):
        make_plan(*make_cohort(BRAIN), cost, **wrong)


def test_a_fingerprint_of_another_dataset_is_refused(make_cohort, cost):
    fingerprint, _ = make_cohort(BRAIN, ("mri",))
    _, other = make_cohort(BRAIN, ("mri", "dose"))
    with pytest.raises(PlanError, match="does not belong"):
        make_plan(fingerprint, other, cost)
    _, same = make_cohort(BRAIN, ("mri",))
    with pytest.raises(PlanError, match="0 cases"):
        make_plan(dataclasses.replace(fingerprint, cases=()), same, cost)


def test_the_ladder_never_grows_along_any_axis(make_cohort):
    rungs = list(PRESETS["auto"].ladder(make_cohort(BRAIN)[0].cases, Overrides(), ()))
    for before, after in itertools.pairwise(rungs):
        assert all(a <= b for a, b in zip(after.input_size, before.input_size, strict=True))
        assert after.batch <= before.batch
    assert [(rung.variant, rung.batch) for rung in rungs[:6]] == [
        ("full", 8),
        ("full", 4),
        ("full", 2),
        ("light stem", 2),
        ("full", 2),
        ("light stem", 2),
    ]
    assert {rung.input_size for rung in rungs if rung.batch > 2} == {rungs[0].input_size}
    assert len({rung.input_size for rung in rungs}) > 10
    assert max(rungs[-1].input_size) <= 24


@pytest.mark.parametrize("limit", [0.3, 0.9, 2.0, 5.0, 30.0])
@pytest.mark.parametrize("preset", ["auto", "resenc_l"])
def test_the_search_finds_what_trying_one_after_another_finds(make_cohort, cost, limit, preset):
    fingerprint, _ = make_cohort([((90, 260, 240), (2.1, 1.0, 0.9))] * 80)
    rungs = list(PRESETS[preset].ladder(fingerprint.cases, Overrides(), ()))
    requested = []

    def measure(one):
        requested.append(one)
        return cost(one.network, 1, 2, one.input_size, one.batch)

    fitting = [rung for rung in rungs if measure(rung).total <= limit * GIB]
    requested.clear()
    budget = MemoryBudget(limit, 1, "float32", measure)
    if not fitting:
        with pytest.raises(PlanError):
            first_that_fits(rungs, budget, "")
        return
    found = first_that_fits(rungs, budget, "")
    assert found.chosen == fitting[0]
    assert len(found.rejected) == rungs.index(fitting[0])
    assert len(requested) == len(set(map(id, requested)))
    assert len(requested) <= max(12, len(rungs) // 2)


def test_what_was_too_large_stands_in_the_plan(make_cohort, cost):
    plan = make_plan(*make_cohort(BRAIN, RICE), cost, memory_gb=1)
    first, last = plan.alternatives[0], plan.alternatives[-1]
    assert (first.network, first.batch_size, first.spacing) == ("full", 8, (1.0, 1.0, 1.0))
    assert last.batch_size == 2
    assert all(one.bytes > GIB for one in plan.alternatives)
    assert "of 1 GiB" in first.reason
    assert make_plan(*make_cohort(BRAIN, RICE), cost, memory_gb=1000).alternatives == ()


def test_a_long_list_keeps_its_ends(make_cohort, cost):
    fine = [((600, 600, 600), (0.2, 0.2, 0.2))] * 20
    plan = make_plan(*make_cohort(fine), cost, memory_gb=1)
    assert len(plan.alternatives) == 24
    told = re.search(r"\((\d+) layouts did not\)", reason(plan, "spacing")).group(1)
    assert int(told) > 24


def test_the_stem_pays_first_then_the_spacing_then_depth_and_width(make_cohort, cost):
    kinds = {}
    for memory in (16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.12):
        plan = make_plan(*make_cohort(BRAIN), cost, memory_gb=memory, batch_size=2)
        blocks, width = max(plan.network.blocks), plan.network.features[0]
        kinds[memory] = (plan.network.stem_features, blocks, width, min(plan.spacing) > 1.5)
    assert kinds[16.0] == (None, 2, 32, False)
    assert kinds[8.0] == (8, 2, 32, False)
    assert all(coarse for _, blocks, _, coarse in kinds.values() if blocks == 1)
    assert kinds[0.12][1:3] == (1, 16)


def test_the_small_preset_stays_below_3_million_weights(make_cohort):
    for shape in ((600, 600, 600), (28, 28, 28), (20, 256, 256)):
        plan = make_plan(
            *make_cohort([(shape, (1.0, 1.0, 1.0))] * 12, RICE, classes=10),
            estimate,
            preset="small",
            memory_gb=24,
        )
        assert plan.memory.n_parameters < 3_000_000
        assert max(plan.network.features) <= 128


def test_resenc_l_is_the_public_encoder(make_cohort):
    plan = make_plan(*make_cohort(BRAIN, RICE), estimate, preset="resenc_l", memory_gb=24)
    network = plan.network
    assert network.features == (32, 64, 128, 256, 320, 320)
    assert network.blocks == (1, 3, 4, 6, 6, 6)
    assert network.strides == ((1, 1, 1),) + ((2, 2, 2),) * 5
    assert set(network.kernel_sizes) == {(3, 3, 3)}
    assert (network.conv_bias, network.nonlinearity) == (True, "leaky_relu")
    assert (network.norm, network.stem_features) == ("instance", None)
    assert all(n % 32 == 0 for n in plan.input_size)
    assert plan.memory.total <= 24 * GIB


def test_resenc_l_leaves_two_voxels_of_a_tiny_input(make_cohort):
    tiny = make_cohort([((28, 20, 24), (1.0, 1.0, 1.0))] * 12)
    assert make_plan(*tiny, estimate, preset="resenc_l").input_size == (64, 32, 32)
    with pytest.raises(PlanError, match="64 or more along one axis"):
        make_plan(*tiny, estimate, preset="resenc_l", input_size=(32, 32, 32))


def test_mixed_precision_fits_more(make_cohort):
    both = [
        make_plan(*make_cohort(BRAIN, RICE), estimate, memory_gb=4, precision=precision)
        for precision in ("float32", "bfloat16")
    ]
    assert [plan.memory.precision for plan in both] == ["float32", "bfloat16"]
    assert math.prod(both[0].input_size) < math.prod(both[1].input_size)
    assert "bfloat16" in reason(both[1], "memory")


def test_rejected_and_reasons_have_numbers(make_cohort, cost):
    plan = make_plan(*make_cohort(BRAIN, RICE), cost, memory_gb=4)
    for what in ("spacing", "input size", "batch size", "norm", "rotation", "memory"):
        assert re.search(r"\d", reason(plan, what)), what
    assert "8 would be allowed" in reason(plan, "batch size")
