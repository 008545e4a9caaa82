"""Images that lie obliquely: from where on it is told, and cohorts whose axes change places."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.grid import turned as turned_by
from ricenet_v2.fingerprinting.checks_tilt import Pose, check_tilt, check_turns
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check, check_case
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.store.images import read_grid
from ricenet_v2.store.stored_image import StoredImage

PLACE = Place("case", "file")


@pytest.fixture
def turned(tmp_path):
    """A function that writes an image turned about an axis, and returns its path."""

    def make(name, degrees, axis="x"):
        image = sitk.GetImageFromArray(np.random.default_rng(0).random((6, 7, 8), np.float32))
        matrix = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
        image.SetDirection(matrix.ravel().tolist())
        path = tmp_path / f"{name}_0000.nii.gz"
        sitk.WriteImage(image, str(path))
        return path

    return make


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize(
    ("degrees", "tilt", "is_told"),
    [
        *[(0, 0, 0), (10, 10, 0), (14, 14, 0), (16, 16, 1), (20, 20, 1), (40, 40, 2), (44, 44, 2)],
        *[(46, 44, 2), (70, 20, 1), (80, 10, 0), (90, 0, 0), (180, 0, 0)],
    ],
)
def test_a_tilt_is_told_from_15_degrees_and_the_exchange_near_45(
    turned, degrees, tilt, is_told, axis
):
    grid = read_grid(turned("a", degrees, axis))
    assert grid.tilt == pytest.approx(tilt, abs=0.01)
    # The axis that is turned about stays where it is.
    assert sorted(grid.tilts) == pytest.approx([0, tilt, tilt], abs=0.01)
    assert grid.tilts["zyx".index(axis)] == pytest.approx(0, abs=0.01)
    findings = check_tilt(grid, PLACE)
    assert len(findings) == min(is_told, 1)
    for finding in findings:
        assert finding.severity == "warning"
        assert f"tilted by {tilt} degrees" in finding.found
        assert ("axes are exchanged" in finding.found) == (is_told == 2)
        assert "--straighten" in finding.remedy


def pose_of(path):
    return Pose(path.name[:1], read_grid(path), StoredImage(path).axes)


def test_two_degrees_may_turn_a_patient_by_88(turned):
    poses = [pose_of(turned("a", 43)), pose_of(turned("b", 44)), pose_of(turned("c", 46))]
    (finding,) = check_turns(poses)
    assert finding.case == ""
    assert finding.found == (
        "c (tilted by 44, axes of the file LSA) is turned by 88 degrees against b (tilted by 44, "
        "axes of the file LPS); 1 of 3 cases lie closer to the former"
    )


def test_upright_cases_between_two_that_are_tilted_hide_nothing(turned):
    poses = [pose_of(turned("a", 0)), pose_of(turned("b", 0)), pose_of(turned("c", 44))]
    assert check_turns(poses) == []
    (finding,) = check_turns([*poses, pose_of(turned("d", 46))])
    assert "turned by 88 degrees" in finding.found


def test_cases_that_lie_alike_or_were_stored_otherwise_are_no_fault(turned):
    assert check_turns([]) == []
    alike = [pose_of(turned("a", 10)), pose_of(turned("b", -20)), pose_of(turned("c", 5, "z"))]
    assert check_turns(alike) == []
    # A sagittal scan has other axes on disk, and the same ones when it is read.
    assert check_turns([*alike, pose_of(turned("d", 90))]) == []


def test_grids_agree_with_scipy_on_the_angle_between_them():
    one, other = Rotation.random(2, rng=np.random.default_rng(4))
    expected = np.degrees((one.inv() * other).magnitude())
    found = turned_by(one.as_matrix().ravel(), other.as_matrix().ravel())
    assert found == pytest.approx(expected)


def test_an_index_is_the_way_back_from_the_world():
    matrix = Rotation.from_euler("xyz", (20, -30, 40), degrees=True).as_matrix()
    grid = Grid((5, 6, 7), (3.0, 1.0, 2.0), (4.0, -5.0, 6.0), tuple(matrix.ravel()))
    np.testing.assert_allclose(grid.index(grid.world((1.5, 2.0, 3.25))), (1.5, 2.0, 3.25))
    assert grid.index(grid.corners()).shape == (8, 3)


def test_a_dataset_says_it_once_a_case_and_once_for_all(planted):
    for number, degrees in enumerate((44, 44, 46)):
        matrix = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
        _turn(planted, planted.cases[number], matrix)
    found = check(planted.load()).warnings
    assert [one.check for one in found].count("tilted image") == 3
    assert [one.check for one in found].count("axes change places") == 1
    assert not any(
        one.check in {"tilted image", "axes change places"}
        for one in check(planted.load(), straighten=True).warnings
    )


def test_a_new_patient_is_told_too(turned):
    path = turned("p", 30)
    case = Case("p", "p", label="")
    channels = (Channel("T1c", "mri"),)
    seen = check_case(case, channels, [path], allow_any_size=True)
    assert [one.check for one in seen.findings] == ["tilted image"]
    assert check_case(case, channels, [path], straighten=True, allow_any_size=True).findings == ()


def _turn(planted, case, matrix):
    for path in planted.load().images(case):
        image = sitk.ReadImage(str(path))
        image.SetDirection(matrix.ravel().tolist())
        sitk.WriteImage(image, str(path))
