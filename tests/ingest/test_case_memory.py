"""The memory that a case is reckoned with, against what was measured."""

import re
from pathlib import Path

import pytest

from ricenet_v2.core.memory import PROCESS_BYTES
from ricenet_v2.ingest.case_inputs import CaseInputs, ImageSource, PlanSource
from ricenet_v2.ingest.case_memory import bytes_of_case
from ricenet_v2.ingest.header import DicomHeader
from ricenet_v2.ingest.series import DicomSeries

PAGE = Path(__file__).parents[2] / "documentation" / "benchmarks.md"
MIB = 1 << 20


def _image(slices, side):
    header = DicomHeader(Path("/studies/1"), "MR", rows=side, columns=side, positions=((0, 0, 0),))
    return ImageSource("T1c", "mri", DicomSeries((header,) * slices))


def _estimate(folder, slices, of_ct):
    """Of two MRI, a CT and a dose of 32 bits, in MiB."""
    dose = folder / "dose"
    with dose.open("wb") as stream:
        stream.truncate(4 * slices**3)
    inputs = CaseInputs(
        "C1", "P1", 2, "x", "train", (_image(slices, slices),) * 2,
        plans=(PlanSource("1", ((dose,),), None),), planning_cts=(_image(slices, of_ct),),
    )  # fmt: skip
    return (PROCESS_BYTES + bytes_of_case(inputs)) / MIB


def _rows():
    """Voxels a side, columns of the CT, MiB measured and reckoned with, as the page has them."""
    text = PAGE.read_text(encoding="utf-8").partition("<!-- ingest begin -->")[2]
    text = text.partition("<!-- ingest end -->")[0]
    pattern = r"\| (all images|its CT) of (\d+) (?:x (\d+) x|voxels).*\| (\d+) MiB \| (\d+) MiB \|"
    return [
        (int(side), int(columns or side), int(measured), int(estimate))
        for _, side, columns, measured, estimate in re.findall(pattern, text)
    ]


def test_the_page_has_all_patients():
    assert len(_rows()) == 2


@pytest.mark.parametrize(("side", "columns", "measured", "estimate"), _rows())
def test_what_is_reckoned_with_is_enough_and_not_too_much(
    tmp_path, side, columns, measured, estimate
):
    assert _estimate(tmp_path, side, columns) == pytest.approx(estimate, rel=0.01)
    assert measured <= estimate <= 2 * measured


def test_files_that_are_gone_count_nothing(tmp_path):
    image = ImageSource("T1c", "mri", file=tmp_path / "gone.nii.gz")
    plan = PlanSource("1", ((tmp_path / "gone",),), None)
    assert bytes_of_case(CaseInputs("C1", "P1", 2, "x", "train", (image,), plans=(plan,))) == 0
