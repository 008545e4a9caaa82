"""What a dose channel holds that is not the dose in Gy, and whether the advice fits it."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.checks_dose import TEXTURED_ABOVE, check_dose, roughness
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.phantom.images import PatientImages, make_images
from ricenet_v2.phantom.patient import draw_patient

PLACE = Place("c", "c_0001.nii.gz")


@pytest.fixture(scope="module", params=[3, 7])
def patient(request: pytest.FixtureRequest) -> PatientImages:
    """A patient on a grid of so many mm."""
    shape = tuple(round(length / request.param) for length in (168, 196, 168))
    grid = Grid(shape, (request.param,) * 3, (-84.0, -98.0, -84.0))  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    return make_images(draw_patient(random), grid, random)


def told(image: np.ndarray) -> tuple[str, str]:
    findings = check_dose(image.astype(np.float32), PLACE, {})
    return findings[0].check, findings[0].remedy


def test_doses_are_smooth_and_mri_are_not(patient: PatientImages) -> None:
    assert roughness(patient.dose) < 0.6 * TEXTURED_ABOVE
    assert roughness(patient.post_op) > 1.2 * TEXTURED_ABOVE


def test_roughness_is_the_mean_difference_of_neighbours() -> None:
    image = np.full((3, 3, 3), 10, dtype=np.float32)
    image[1, 1, 1] = 16
    assert roughness(image) == pytest.approx(6 / 16)
    assert roughness(image[:2]) == 0  # no voxel has six neighbours


def test_integers_of_an_rtdose_have_no_factor_of_100(patient: PatientImages) -> None:
    stored = np.round(patient.dose / patient.dose.max() * 1_023_000)
    check, remedy = told(stored)
    assert check == "dose not in Gy"
    assert "DoseGridScaling (3004,000E)" in remedy
    assert "100" not in remedy
    check, remedy = told(stored + np.float32(0.25))
    assert check == "dose not in Gy"
    assert "neither Gy nor cGy" in remedy


def test_centigray_may_be_stored_integers(patient: PatientImages) -> None:
    in_cgy = patient.dose / patient.dose.max() * 6000
    check, remedy = told(in_cgy)
    assert (check, "then 60 Gy" in remedy, "3004" in remedy) == ("dose in cGy", True, False)
    assert "DoseGridScaling" in told(np.round(in_cgy))[1]


@pytest.mark.parametrize("maximum", [255, 1500, 40_000])
def test_an_mri_is_no_dose(patient: PatientImages, maximum: float) -> None:
    check, remedy = told(patient.post_op / patient.post_op.max() * maximum)
    assert check == "not a dose"
    assert "order of the channels" in remedy


def test_a_z_scored_mri_is_no_dose(patient: PatientImages) -> None:
    image = patient.post_op
    check, remedy = told((image - image.mean()) / image.std())
    assert check == "not a dose"
    assert "order of the channels" in remedy


def test_an_mri_from_0_to_1_is_doubted(patient: PatientImages) -> None:
    check, remedy = told(patient.post_op / patient.post_op.max())
    assert check == "dose of one fraction"
    assert remedy.startswith("Is it a dose?")
    assert not told(patient.dose / patient.dose.max())[1].startswith("Is it a dose?")


def test_overshoots_of_an_interpolation_are_a_dose(patient: PatientImages) -> None:
    dose = patient.dose / patient.dose.max() * 60
    dose[dose < 1] = -0.5
    assert told(dose)[0] == "negative dose"
