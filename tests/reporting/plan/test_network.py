import dataclasses

import pytest

from ricenet_v2.reporting.formatting import NOTHING, TIMES
from ricenet_v2.reporting.plan import memory, network


def test_rows_follow_the_images_from_the_input_to_the_sum(make_planned):
    made = make_planned(kinds=("mri",), n_cases=4, spacing=(5.0, 1.0, 1.0))
    rows = network.rows(made.plan, made.parts)
    assert {len(row) for row in rows} == {len(network.COLUMNS)}
    names = [row[0] for row in rows]
    assert names[:3] == ["input", "stem", "stage 1"]
    assert names[-3:] == ["pool", "head", "sum"]
    assert rows[0][3] == rows[1][3] == f"5 {TIMES} 1 {TIMES} 1"
    stride = made.plan.network.strides[0]
    spacing = [mm * n for mm, n in zip((5, 1, 1), stride, strict=True)]
    assert rows[2][3] == f" {TIMES} ".join(str(mm) for mm in spacing)
    assert rows[-3][2:9] == (NOTHING,) * 7


def test_blocks_are_drawn_to_scale(usual):
    blocks = network.blocks(usual.plan, usual.parts)
    assert [block.name for block in blocks] == ["input", *(part.name for part in usual.parts)]
    assert blocks[0].features == "2 channels"
    assert blocks[-1].features == "2 classes"
    areas = [block.width * block.height for block in blocks]
    assert areas == sorted(areas, reverse=True)


def test_the_bill_adds_up(usual):
    bill = memory.bill(usual.plan)
    assert sum(item.width for item in bill.items) == pytest.approx(100, abs=0.01)
    assert bill.budget == "4 GiB"
    assert not bill.is_exceeded
    assert bill.used == round(100 * usual.plan.memory.total / (4 * 1024**3), 3)


def test_a_bill_above_the_budget_says_so(usual):
    plan = dataclasses.replace(usual.plan, memory_budget_gb=1e-3)
    bill = memory.bill(plan)
    assert bill.is_exceeded
    assert bill.used == 100
