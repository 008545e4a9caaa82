"""What the page of a case says of its images where these are not on the machine."""

import dataclasses

import pytest

from ricenet_v2.records.cases import PreprocessedCase, StraightBox
from ricenet_v2.reporting.case.page import CaseJob, write_case
from ricenet_v2.reporting.formatting import times
from ricenet_v2.reporting.results.predicted import PredictedCase

RECORD = PreprocessedCase(
    "A", (1, 8, 9, 10), (30, 40, 50), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (3, 4, 5), (20, 30, 40), "brain mask", {}, (),
    "hash",
)  # fmt: skip


@pytest.fixture
def page_of(tmp_path):
    """A function from the record of a case to the text of its page."""

    def made(record, *outputs):
        job = CaseJob(
            case_id="A", dataset="D", classes=("x", "y"), model="network", case=None, raw=None,
            outputs=outputs, covariates=(), record=record, flags=(), before="", after="", parts=(),
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


@pytest.mark.parametrize(
    ("predicted", "is_vote", "explained"),
    [("x", False, True), ("x", True, False), ("y", False, False)],
)
def test_a_predicted_class_that_is_not_the_most_probable_one_is_explained(
    page_of, predicted, is_vote, explained
):
    prediction = PredictedCase(
        "A", None, predicted, (0.4, 0.6), (), 0.67, None, None, None, (), "fold 0", None,
        is_vote=is_vote,
    )  # fmt: skip
    page = page_of(RECORD, ("folder p", "By one network.", prediction))
    assert "By one network." in page
    assert ("relative to its share of the cases" in page) == explained
