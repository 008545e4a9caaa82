"""Doses and lesions that are images: units, coordinates and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.case_conversion import convert_case
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.case_memory import bytes_of_case
from ricenet_v2.ingest.case_writing import made_of
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.image_dose import read_image_dose
from ricenet_v2.ingest.image_file import read_image_file
from ricenet_v2.ingest.manifest import POST_OP
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.scan import scan
from ricenet_v2.records.manifest import ManifestRow
from ricenet_v2.store.images import write_image

SHAPE = (10, 12, 11)
GRID = Grid(SHAPE, (15.0, 14.0, 13.0), (-60.0, -70.0, -80.0))
OTHER = Grid((12, 12, 12), (14.0, 14.0, 14.0), (-66.0, -75.0, -85.0))
DOSE = np.zeros(SHAPE, np.float32)
DOSE[3:7, 3:7, 3:7] = 60
PSEUDONYMS = Pseudonyms(bytes(32))


@pytest.fixture
def tree(tmp_path):
    head = np.zeros(SHAPE, np.float32)
    head[1:-1, 1:-1, 1:-1] = np.random.default_rng(0).uniform(100, 900, (8, 10, 9))
    write_image(tmp_path / "p" / "t1c.nii.gz", head, GRID)
    write_image(tmp_path / "p" / "dose.nii.gz", DOSE, GRID)
    return tmp_path


def _inputs(tree, **cells):
    result = scan(tree)
    keys = {path.name.split(".")[0]: key for key, path in result.images.items()}
    row = ManifestRow("p", label="x", images={POST_OP.title: keys["t1c"]}, dose=(keys["dose"],),
                      fractions=(30,), prescription_gy=(60.0,), dose_unit=("Gy",))  # fmt: skip
    cells = {name: keys.get(cell, cell) if isinstance(cell, str) else cell
             for name, cell in cells.items()}  # fmt: skip
    if "dose" in cells:
        cells["dose"] = tuple(keys[name] for name in cells["dose"])
    sources = CaseSources(result, (POST_OP,), PSEUDONYMS)
    return sources.inputs(replace(row, **cells))


@pytest.mark.parametrize("ending", [".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize(
    ("unit", "scale"), [("Gy", 1), ("cGy", 100), ("%", 100 / 60), ("share", 1 / 60), ("Gy(RBE)", 1)]
)
def test_values_are_turned_into_gray(tree, ending, unit, scale):
    (tree / "p" / "dose.nii.gz").unlink()
    write_image(tree / "p" / f"dose{ending}", DOSE * np.float32(scale), GRID)
    case = convert_case(_inputs(tree, dose_unit=(unit,)))
    assert np.abs(case.channels[-1] - DOSE).max() < 1e-3
    (plan,) = case.provenance.plans
    assert plan.dose_type == ("EFFECTIVE" if unit == "Gy(RBE)" else "PHYSICAL")
    assert (f"values in {unit}, as given" in plan.notes) == (unit != "Gy")
    assert case.provenance.covariates == {"fractions": "30", "prescription_gy": "60"}
    assert case.provenance.registered[-1].method == "same grid"


def test_voxels_below_0_are_set_to_0_and_counted_without_those_of_0(tmp_path):
    values = DOSE.copy()
    values[0, 0, :2] = -0.5
    write_image(tmp_path / "dose.nii.gz", values, GRID)
    dose = read_image_dose(tmp_path / "dose.nii.gz", "1.2.3", "Gy", None)
    assert dose.n_negative == 2
    np.testing.assert_array_equal(dose.gy, DOSE)


def test_a_dose_of_one_fraction_is_multiplied(tree):
    write_image(tree / "p" / "dose.nii.gz", DOSE / np.float32(30), GRID)
    case = convert_case(_inputs(tree))
    assert case.channels[-1].max() == pytest.approx(60)
    assert case.provenance.plans[0].times_fractions


def test_without_a_prescription_the_factor_must_be_given(tree):
    with pytest.raises(DatasetError, match="plan of this dose is not among the studies"):
        convert_case(_inputs(tree, prescription_gy=()))
    case = convert_case(_inputs(tree, prescription_gy=(), factor=("1",)))
    assert case.channels[-1].max() == pytest.approx(60)
    assert case.provenance.covariates == {"fractions": "30"}
    assert case.provenance.plans[0].prescription_gy is None


REFUSED = {
    "unit of this dose is not known": {"dose_unit": ()},
    "This dose is in per cent": {"dose_unit": ("%",), "prescription_gy": (), "factor": ("1",)},
    "dose_unit is not given for each plan": {"dose_unit": ("Gy", "Gy")},
    "coordinate system of the dose is unknown": {"dose_over": "FLAIR"},
    "whether this dose is that of one fraction": {"prescription_gy": (20.0,)},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_plain_is_refused(tree, what):
    with pytest.raises(DatasetError, match=what):
        convert_case(_inputs(tree, **REFUSED[what]))


def test_the_range_is_that_of_dicom(tree):
    # In cGy, and said to be Gy: the factor is given, so that the numbers do not decide.
    write_image(tree / "p" / "dose.nii.gz", DOSE * np.float32(100), GRID)
    with pytest.raises(DatasetError, match="dose is too high"):
        convert_case(_inputs(tree, factor=("1",)))
    below = DOSE.copy()
    below[0, 0, :3] = -1
    write_image(tree / "p" / "dose.nii.gz", below, GRID)
    case = convert_case(_inputs(tree))
    assert case.channels[-1].min() == 0
    assert "3 voxels below 0 were set to 0" in case.provenance.warnings


def test_a_dose_on_another_grid_needs_the_channel_it_lies_over(tree):
    write_image(tree / "p" / "dose.nii.gz", np.full(OTHER.shape, 60, np.float32), OTHER)
    with pytest.raises(DatasetError, match="coordinate system of the") as caught:
        convert_case(_inputs(tree))
    assert "dose_over" in caught.value.remedy
    case = convert_case(_inputs(tree, dose_over=POST_OP.channel))
    assert case.channels[-1][5, 6, 5] == pytest.approx(60)
    assert case.provenance.registered[-1].method == "given"


def test_doses_of_several_images_are_summed(tree):
    write_image(tree / "p" / "boost.nii.gz", DOSE / np.float32(6), GRID)
    given = {"fractions": (30, 5), "prescription_gy": (60.0, 10.0), "dose_unit": ("Gy", "Gy")}
    case = convert_case(_inputs(tree, dose=("dose", "boost"), **given))
    assert case.channels[-1].max() == pytest.approx(70)
    assert case.provenance.covariates["fractions"] == "35"


def test_a_mask_of_the_lesion_is_an_image(tree):
    write_image(tree / "p" / "lesion.nii.gz", (DOSE > 0).astype(np.uint8), GRID)
    case = convert_case(_inputs(tree, structures="lesion"))
    assert np.array_equal(case.masks["lesion"], DOSE > 0)
    with pytest.raises(DatasetError, match="mask, which has no regions"):
        _inputs(tree, structures="lesion", lesion_roi="GTV")


def test_another_unit_place_or_lesion_is_converted_anew(tree):
    write_image(tree / "p" / "lesion.nii.gz", (DOSE > 0).astype(np.uint8), GRID)
    changes = [{}, {"dose_unit": ("cGy",)}, {"dose_over": "x"}, {"structures": "dose"}]
    hashes = {made_of(_inputs(tree, **cells), PSEUDONYMS, ConvertOptions()) for cells in changes}
    assert len(hashes) == len(changes)


def test_images_in_other_formats_count_as_memory(tree):
    inputs = _inputs(tree)
    whole = bytes_of_case(inputs)
    assert whole > 5 * 4 * 10 * 12 * 11
    (tree / "p" / "t1c.nii.gz").unlink()
    assert bytes_of_case(inputs) == 5 * 4 * 10 * 12 * 11  # the dose alone


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".mha", ".nrrd"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_refused(tmp_path, ending, bad):
    voxels = DOSE.copy()
    voxels[1, 2, 3] = bad
    write_image(tmp_path / f"dose{ending}", voxels, GRID)
    with pytest.raises(DatasetError, match=r"infinite|not finite"):
        read_image_file(tmp_path / f"dose{ending}")
    with pytest.raises(DatasetError):
        read_image_dose(tmp_path / f"dose{ending}", "p", "Gy", None)
