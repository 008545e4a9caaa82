"""What the page of a case says of its images where these are not on the machine."""

import dataclasses

import pytest

from ricenet_v2.records.cases import PreprocessedCase, StraightBox
from ricenet_v2.reporting.case.page import CaseJob, write_case
from ricenet_v2.reporting.formatting import times

RECORD = PreprocessedCase(
    "A", (1, 8, 9, 10), (30, 40, 50), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (3, 4, 5), (20, 30, 40), "brain mask", {}, (),
    "hash",
)  # fmt: skip


@pytest.fixture
def page_of(tmp_path):
    """A function from the record of a case to the text of its page."""

    def made(record):
        job = CaseJob(
            case_id="A", dataset="D", classes=("x", "y"), model="network", case=None, raw=None,
            outputs=(), covariates=(), record=record, flags=(), before="", after="", parts=(),
            maps=(), folder=tmp_path, n_bytes=None, has_png=False,
        )  # fmt: skip
        write_case(job)
        return (tmp_path / "cases" / "A.html").read_text(encoding="utf-8")

    return made


def test_the_crop_is_that_of_the_images(page_of):
    page = page_of(RECORD)
    assert f"brain mask, {times((17, 26, 35))} voxels" in page
    assert "Straightened" not in page


def test_of_a_straightened_case_it_is_the_box_that_the_network_sees(page_of):
    box = StraightBox((11, 12, 13), (2.0, 2.0, 3.0), (0.0, 0.0, 0.0))
    page = page_of(dataclasses.replace(RECORD, straight=box))
    assert "Straightened to" in page
    assert f"brain mask, {times((11, 12, 13))} voxels of {times((2, 2, 3))} mm" in page
    assert times((17, 26, 35)) not in page
    assert "Cropped to" not in page
