"""The hash of what decides voxels: of those parts of a plan, and of no others."""

import dataclasses

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Normalisation
from ricenet_v2.records.voxels import voxels_hash


def _normalised(plan, **fields):
    first, *others = plan.channels
    changed = dataclasses.replace(first, normalisation=Normalisation(**fields))
    return dataclasses.replace(plan, channels=(changed, *others))


def test_what_decides_voxels_changes_it(make_plan):
    plan = make_plan()
    others = [
        dataclasses.replace(plan, spacing=(1.0, 1.0, 1.5)),
        dataclasses.replace(plan, input_size=(16, 12, 16)),
        dataclasses.replace(plan, storage_dtype="float16"),
        dataclasses.replace(plan, channels=plan.channels[::-1]),
        dataclasses.replace(plan, channels=plan.channels[:2]),
        _normalised(plan, scheme="divide", divisor=60.0),
        _normalised(plan, scheme="divide", divisor=70.0),
    ]
    assert len({voxels_hash(each) for each in (plan, *others)}) == 1 + len(others)


@pytest.mark.parametrize(
    "change", [{"memory_budget_gb": 9.0}, {"classes": ("a", "b")}, {"margin": (1, 1, 1)}]
)
def test_what_does_not_decide_voxels_leaves_it(make_plan, change):
    assert voxels_hash(dataclasses.replace(make_plan(), **change)) == voxels_hash(make_plan())


def test_a_plan_that_was_just_made_has_the_hash_of_its_file(make_plan, tmp_path):
    size = np.float64(1.0)
    plan = _normalised(make_plan(spacing=(1, size, size)), scheme="divide", divisor=np.float64(60))
    documents.write(tmp_path / "plan.json", plan)
    assert voxels_hash(documents.read(Plan, tmp_path / "plan.json")) == voxels_hash(plan)
