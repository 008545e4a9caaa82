"""A patient is shown to the networks alike, whatever Python holds the images as."""

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.cases import read_array
from ricenet_v2.store.images import read_image, write_image
from tests.pretended_images import affine_image

NAMES = ("mri0", "ct1", "mri2", "dose3")


def grid_of(image):
    return Grid(
        image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()
    )


@pytest.fixture
def patient(make_patients):
    """Patients with brain masks, the paths of one and its mask."""
    patients = make_patients(masks=True)
    case = patients.raw.cases[0]
    return patients, list(patients.raw.images(case)), patients.raw.mask(case, "brain")


def turned(paths, mask, code):
    """The images and the mask of SimpleITK with axes that run as a code says."""
    return [sitk.DICOMOrient(sitk.ReadImage(str(path)), code) for path in (*paths, mask)]


def test_files_and_images_in_any_direction_are_shown_as_in_training(patient):
    patients, paths, mask = patient
    model = patients.model((0, 1, 2, 3))
    trained = read_array(patients.preprocessed, "p0")

    def is_shown(*given, brain):
        model.predict_case(*given, brain=brain, mirror=False)
        return np.array_equal(patients.shown(), trained)

    assert is_shown(paths, brain=mask)
    assert is_shown([str(path) for path in paths], brain=str(mask))
    assert is_shown(dict(zip(reversed(NAMES), reversed(paths), strict=True)), brain=mask)
    for code in ("LPS", "RAS", "PIR", "SAL"):
        *images, brain = turned(paths, mask, code)
        assert is_shown(images, brain=brain)
        assert is_shown([affine_image(image) for image in images], brain=affine_image(brain))
        arrays = [sitk.GetArrayFromImage(image) for image in (*images, brain)]
        assert is_shown(np.stack(arrays[:4]), grid_of(brain), brain=arrays[4] > 0)
        assert is_shown(arrays[:4], grid_of(brain), brain=255 * arrays[4])
        assert is_shown(np.stack(arrays[:4]), grid_of(brain), brain=mask)
    mixed = turned(paths, mask, "RAS")[:2] + turned(paths, mask, "PIR")[2:4]
    assert is_shown(mixed, brain=mask)


def test_oblique_arrays_are_shown_as_their_files(patient, tmp_path):
    patients, paths, mask = patient
    model = patients.model((0, 1, 2, 3))
    c, s = np.cos(0.3), np.sin(0.3)
    files, arrays = [], []
    for number, image in enumerate(turned(paths, mask, "SAL")):
        cosines = np.reshape(image.GetDirection(), (3, 3))
        image.SetDirection((np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ cosines).ravel())
        files.append(tmp_path / f"{number}.nrrd")
        sitk.WriteImage(image, str(files[-1]))
        arrays.append(sitk.GetArrayFromImage(image))
    model.predict_case(files[:4], brain=files[4], mirror=False)
    of_files = patients.shown().copy()
    model.predict_case(np.stack(arrays[:4]), grid_of(image), brain=arrays[4], mirror=False)
    np.testing.assert_array_equal(patients.shown(), of_files)


def test_channels_that_are_seen_are_taken_by_name(patient):
    patients, paths, mask = patient
    model = patients.model((2, 3))
    trained = read_array(patients.preprocessed, "p0")[2:]
    for images in ({"dose3": paths[3], "mri2": paths[2]}, dict(zip(NAMES, paths, strict=True))):
        model.predict_case(images, brain=mask, mirror=False)
        np.testing.assert_array_equal(patients.shown(), trained)
    with pytest.raises(DatasetError, match="mri2, dose3, of the channels mri0") as caught:
        model.predict_case({"mri2": paths[2]}, brain=mask)
    assert "a channel that the patient lacks is None" in caught.value.remedy
    with pytest.raises(DatasetError, match="got: dose3, mri2, flair"):
        model.predict_case(dict.fromkeys(("dose3", "mri2", "flair"), paths[2]), brain=mask)
    with pytest.raises(DatasetError, match="follows all channels that show anatomy"):
        model.predict_case({"mri2": paths[2], "dose3": paths[3]})


def test_a_single_channel_is_a_path_or_an_image(patient):
    patients, paths, mask = patient
    model = patients.model((3,))
    trained = read_array(patients.preprocessed, "p0")[3:]
    for image in (paths[3], str(paths[3]), sitk.ReadImage(str(paths[3]))):
        model.predict_case(image, brain=mask, mirror=False)
        np.testing.assert_array_equal(patients.shown(), trained)


def test_what_cannot_be_used_is_named(patient, tmp_path):
    patients, paths, mask = patient
    model = patients.model((0, 1, 2, 3))
    *images, brain = turned(paths, mask, "LPS")
    arrays = np.stack([sitk.GetArrayFromImage(image) for image in images])
    voxels, grid = read_image(mask)
    apart = Grid(grid.shape, grid.spacing, (grid.origin[0] + 1, *grid.origin[1:]))
    write_image(tmp_path / "apart.nii.gz", voxels, apart)
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(paths[3].read_bytes()[:-200])
    four = sitk.JoinSeries([images[0], images[1]])
    refused = [
        ((arrays, None, brain), GeometryError, "channel mri0.*no grid"),
        ((images, grid, brain), GeometryError, "own geometry"),
        (([None, *images[1:]], grid, brain), GeometryError, "own geometry"),
        ((paths, grid, mask), GeometryError, "own geometry"),
        ((images, None, voxels), GeometryError, "brain mask.*no grid"),
        (([four, *images[1:]], None, brain), DatasetError, "channel mri0.*4 axes"),
        (([*images[:3], tmp_path / "apart.nii.gz"], None, brain), GeometryError, "channel dose3"),
        ((images, None, tmp_path / "apart.nii.gz"), GeometryError, "brain mask.*the images"),
        (([*paths[:3], cut], None, mask), DatasetError, r"cut\.nii\.gz"),
        ((arrays[0], grid, brain), DatasetError, r"axes \(channels, z, y, x\).*array\[None\]"),
        ((arrays[:, 1:], grid, brain), DatasetError, "differ in shape"),
        ((arrays.astype(complex), grid, brain), DatasetError, "must be numeric"),
        ((7, None, brain), DatasetError, "not an image.*int"),
        (([*images[:3], None], None, brain), DatasetError, "lacks dose3"),
        ((images[:3], None, brain), DatasetError, "expected: 4: mri0"),
        (([], None, brain), DatasetError, "expected: 4"),
    ]
    for (given, lying, marked), error, said in refused:
        with pytest.raises(error, match=f"(?s){said}") as caught:
            model.predict_case(given, lying, brain=marked, case_id="patient7")
        assert caught.value.case == "patient7"
