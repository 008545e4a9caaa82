"""One table says what each architecture is, and what a package builds is looked at."""

import dataclasses
import re
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from ricenet_v2.core import plugins
from ricenet_v2.core.errors import PlanError, PluginError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.network.stages import stage_costs
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.reporting.methods.network import describe_norm
from tests.network.plans import PAPER, RESIDUAL
from tests.plugins.installed import write_metadata

PACKAGE = Path(__file__).parents[2] / "ricenet_v2"
COMPARED = re.compile(r"architecture\w*( is)? (==|!=|in|not in) [(\[{]?\"")
PLAN = dataclasses.replace(RESIDUAL, architecture="tiny")
HEAD = """
import torch
from torch import nn
from ricenet_v2.records.architectures import ArchitectureSpecification
"""
TINY = """
class Tiny(nn.Module):
    def __init__(self, plan, n_maps):
        super().__init__()
        self.stem = nn.Conv3d(n_maps, plan.features[0], 1)
        stages = [nn.Conv3d(a, b, 3, s, 1) for a, b, s in zip(
            (plan.features[0], *plan.features), plan.features, plan.strides)]
        self.stages = nn.Sequential(*stages)
    def forward(self, x):
        return self.stages(self.stem(x))
"""
SPECIFICATION = "TINY = ArchitectureSpecification('tiny net', {build}, {more})\n"


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """A function that installs a package with a network."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def bring(code=TINY, build="Tiny", more=""):
        (tmp_path / "brings_tiny.py").write_text(
            HEAD + code + SPECIFICATION.format(build=build, more=more)
        )
        entries = {"ricenet_v2.networks": {"tiny": "brings_tiny:TINY"}}
        write_metadata(tmp_path, "brings_tiny", "1", entries)
        plugins.forget()

    yield bring
    plugins.forget()
    ARCHITECTURES._loaded.clear()
    sys.modules.pop("brings_tiny", None)


def test_nothing_else_compares_names_of_architectures():
    files = PACKAGE.rglob("*.py")
    assert [file for file in files if COMPARED.search(file.read_text(encoding="utf-8"))] == []
    assert COMPARED.search('if plan.architecture == "resnet18":')


@pytest.mark.parametrize("plan", [RESIDUAL, PAPER], ids=lambda plan: plan.architecture)
def test_the_parts_are_those_of_the_very_network(plan):
    size = (64, 64, 64)
    parts = stage_costs(plan, 2, 2, size, 1)[:-2]
    specification = ARCHITECTURES[plan.architecture]
    for number, part in enumerate(parts):
        stride = specification.stride_of(plan, number) if number else parts[0].stride
        assert part.size == tuple(-(-n // s) for n, s in zip(size, stride, strict=True))
    assert parts[-1].size == specification.deepest_map(plan, size)


def test_a_package_brings_a_network(bring):
    bring()
    network = build_network(PLAN, 2, 3, (8, 16, 16))
    assert network(torch.zeros(2, 2, 8, 16, 16)).shape == (2, 3)
    assert [part.name for part in stage_costs(PLAN, 2, 3, (8, 16, 16), 1)][:2] == [
        "stem",
        "stage 1",
    ]


def test_a_network_that_is_not_installed_is_named():
    with pytest.raises(PluginError, match="no network 'tiny'"):
        build_network(PLAN, 2, 3)


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        ("lambda plan, n: 1 / 0", r"tiny of brings_tiny 1 cannot be built[\s\S]*ZeroDivision"),
        ("lambda plan, n: nn.Conv3d(n, 8, 3)", r"of brings_tiny 1 is not made of the parts"),
        ("lambda plan, n: 'a net'", r"is not made of the parts[\s\S]*got: str"),
        ("'brings_tiny:Tinny'", r"tiny of brings_tiny 1 cannot be imported[\s\S]*Tinny"),
    ],
)
def test_a_package_that_builds_none_is_named(bring, build, fault):
    bring(build=build)
    with pytest.raises(PluginError, match=fault):
        build_network(PLAN, 2, 3)


@pytest.mark.parametrize(
    ("more", "changes", "fault"),
    [
        ("norms=('batch',)", {}, r"network.norm: batch for a tiny net, got instance"),
        ("settings={'width': 1}", {"settings": {"wide": 2}}, "has width, got wide"),
    ],
)
def test_what_the_architecture_cannot_be_is_refused(bring, more, changes, fault):
    bring(more=more)
    with pytest.raises(PlanError, match=fault):
        build_network(dataclasses.replace(PLAN, **changes), 2, 3)


def test_norms_of_its_own_are_for_architectures_that_have_them(bring, make_plan):
    with pytest.raises(PlanError, match="instance or batch for a 3D residual encoder, got own"):
        build_network(dataclasses.replace(RESIDUAL, norm="own"), 2, 3)
    bring(more="norms=('own',)")
    network = dataclasses.replace(PLAN, norm="own")
    build_network(network, 2, 3)
    plan = dataclasses.replace(make_plan(shape=(8, 16, 16)), network=network)
    assert plan.shapes_only == ()
    assert describe_norm(plan.network.norm) == "norm layers of its own or none"


def test_strides_that_must_divide_are_asked_of_the_specification(bring):
    bring(more="strides_divide=True")
    with pytest.raises(PlanError, match="do not divide the input size"):
        build_network(PLAN, 2, 3, (8, 16, 15))


NETWORK = """
class Odd(nn.Module):
    def __init__(self, plan, n_maps):
        super().__init__()
        {init}
        self.stem = nn.Conv3d(n_maps, plan.features[0], 1)
        stages = [nn.Conv3d(a, b, 3, s, 1) for a, b, s in zip(
            (plan.features[0], *features), features, strides)]
        self.stages = nn.Sequential(*stages)
    def forward(self, x):
        {forward}
"""
AS_PLANNED = "features, strides = plan.features, plan.strides"
THROUGH = "return self.stages(self.stem(x))"


@pytest.mark.parametrize("is_planning", [True, False])
@pytest.mark.parametrize(
    ("init", "forward", "fault"),
    [
        (
            "features, strides = plan.features, [(1, 1, 1)] * len(plan.strides)",
            THROUGH,
            r"expected: stage 2: {1} voxels[\s\S]*got: 8 channels of {0} voxels",
        ),
        (
            "features, strides = (*plan.features[:-1], 5), plan.strides",
            THROUGH,
            r"expected: its output: 8 channels of {2} voxels[\s\S]*got: 5 channels of {2} voxels",
        ),
        (AS_PLANNED, "raise KeyError('oops')", r"cannot be run[\s\S]*got: KeyError: 'oops'"),
        (AS_PLANNED, "return None", r"stage 1: {0} voxels[\s\S]*got: a stage that is not called"),
        (AS_PLANNED, THROUGH + ".mean()", r"its output: 8 channels[\s\S]*got: shape \(\)"),
        (AS_PLANNED, THROUGH + ".shape", r"its output: 8 channels[\s\S]*got: Size"),
    ],
)
def test_maps_that_are_not_as_planned_name_stage_and_package(
    bring, init, forward, fault, is_planning
):
    strides, features = ((1, 1, 1), (1, 2, 2), (2, 2, 2)), (4, 8, 8)
    plan = dataclasses.replace(
        PLAN, strides=strides, features=features, blocks=(1, 1, 1), kernel_sizes=((3, 3, 3),) * 3
    )
    bring(code=NETWORK.format(init=init, forward=forward), build="Odd")
    size = (8, 16, 24) if is_planning else (32, 32, 32)  # a training asks for no size
    maps = [
        r" x ".join(str(n // s) for n, s in zip(size, each, strict=True))
        for each in ((1, 1, 1), (1, 2, 2), (2, 4, 4))
    ]
    use = partial(estimate, input_size=size, batch=2) if is_planning else build_network
    with pytest.raises(PluginError, match=fault.format(*maps)) as caught:
        use(plan, 2, 3)
    assert "tiny of brings_tiny 1 " in str(caught.value)


def test_the_check_of_maps_draws_no_random_numbers(bring):
    bring()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        drawn = build_network(PLAN, 2, 3).encoder.state_dict()
        after = torch.rand(1)
        torch.manual_seed(3)
        alone = sys.modules["brings_tiny"].Tiny(PLAN, 2).state_dict()
        torch.nn.Linear(8, 3)
        assert torch.equal(after, torch.rand(1))
    assert all(torch.equal(drawn[name], value) for name, value in alone.items())


def test_a_network_that_fails_at_work_names_its_package(bring):
    fails = "if x.shape[0] > 1: raise KeyError('oops')\n        return self.stages(self.stem(x))"
    bring(code=NETWORK.format(init=AS_PLANNED, forward=fails), build="Odd")
    network = build_network(PLAN, 2, 3)
    assert network(torch.zeros(1, 2, 8, 16, 16)).shape == (1, 3)
    with pytest.raises(PluginError, match=r"tiny of brings_tiny 1 cannot be run[\s\S]*KeyError"):
        network(torch.zeros(2, 2, 8, 16, 16))


def test_memory_that_runs_out_in_a_network_stays_what_it_is(bring):
    fails = "if x.shape[0] > 1: raise torch.OutOfMemoryError('CUDA out of memory')\n        "
    bring(code=NETWORK.format(init=AS_PLANNED, forward=fails + THROUGH), build="Odd")
    with pytest.raises(torch.OutOfMemoryError):
        build_network(PLAN, 2, 3)(torch.zeros(2, 2, 8, 16, 16))
