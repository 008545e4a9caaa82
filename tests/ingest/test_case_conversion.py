"""Cases whose files are incomplete, wrong or of several plans."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from scipy import ndimage

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.case_conversion import convert_case
from ricenet_v2.ingest.case_dose import read_plans
from ricenet_v2.ingest.case_faults import fault_of_case
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.case_space import head_of
from ricenet_v2.ingest.case_writing import made_of
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.dose import read_dose
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.resampling import resample
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.ingest.scan import scan
from ricenet_v2.ingest.volume import read_volume
from ricenet_v2.store.images import write_image
from tests.ingest.dicom_patient import gy_at, pose, write_patient
from tests.ingest.dicom_writer import registration_object, save


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patient") / "studies"
    return folder, write_patient(folder / "a", "Muster", is_still=True)


@pytest.fixture(scope="module")
def converted(whole):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ricenet_v2.ingest.checks._SPACING_MM", 2.0)
        return convert_case(_inputs(whole[0]))


@pytest.fixture
def studies(whole, tmp_path):
    """All but the planning CT, for which the registration object stands."""
    return shutil.copytree(whole[0], tmp_path / "studies", ignore=shutil.ignore_patterns("C"))


@pytest.fixture
def with_ct(whole, studies):
    shutil.copytree(whole[0] / "a" / "C", studies / "a" / "C")
    return studies


def _inputs(studies, **cells):
    """The proposed case with its mask, and what is written into other cells."""
    return _inputs_of(scan(studies), **cells)


def _inputs_of(result, **cells):
    (row,) = propose(result.rows, {})
    (mask,) = (key for key, path in result.images.items() if "mask" in path.name)
    row = replace(row, label="x", brain=mask, structures="")
    sources = CaseSources(result, (POST_OP, EVENT), Pseudonyms(bytes(32)))
    return sources.inputs(replace(row, **cells))


def _dose(truth, case):
    points = truth.grid.positions(np.moveaxis(np.indices(truth.grid.shape, dtype=float), 0, -1))
    return case.channels[2][truth.brain], gy_at(points)[truth.brain]


def test_without_a_mask_the_head_stays_and_the_report_says_so(whole):
    case = convert_case(_inputs(whole[0], brain=""))
    assert case.provenance.brain == "non-zero voxels"
    assert not case.provenance.is_stripped
    assert np.array_equal(case.masks["brain"], case.channels[0] > 0)
    assert any("face" in warning for warning in case.provenance.warnings)


def test_a_head_may_be_kept_beside_a_mask(whole, converted):
    folder, truth = whole
    case = convert_case(_inputs(folder), ConvertOptions(keep_head=True))
    assert case.provenance.brain == "given"
    assert case.channels[0][~truth.brain].any()
    assert any("face" in warning for warning in case.provenance.warnings)
    assert not converted.channels[0][~truth.brain].any()


def test_a_planning_ct_is_seen_though_a_registration_object_leads_to_the_dose(whole, converted):
    (_, truth), case = whole, converted
    (bridge,) = case.bridges
    assert bridge.name == "planning CT"
    assert (bridge.voxels[~truth.brain] == -1000).all()
    inner = ndimage.binary_erosion(truth.brain, iterations=2)  # without bone
    assert np.corrcoef(bridge.voxels[inner], case.channels[0][inner])[0, 1] > 0.7
    (record,) = [each for each in case.provenance.registered if each.name == "planning CT"]
    assert record.method == "registration object"
    assert record.correlation > 0.5
    assert not any("does not fit" in warning for warning in case.provenance.warnings)


def test_images_whose_frames_are_known_are_not_registered(studies, monkeypatch):
    """By one frame of reference, and by a registration object from another frame."""

    def refused(*_):
        raise AssertionError("an image was registered")

    monkeypatch.setattr("ricenet_v2.ingest.case_space.register_images", refused)
    methods = {
        each.name: each.method for each in convert_case(_inputs(studies)).provenance.registered
    }
    assert methods["T1c_event"] == "same frame of reference"
    assert methods["dose"] == "registration object"
    away = pose((5, -8, 10), (6, -9, 4))
    frames = {dcmread(studies / "a" / place / "000").FrameOfReferenceUID for place in "AB"}
    (frame,) = frames
    for file in (studies / "a" / "B").iterdir():
        data = dcmread(file)
        corner = np.array([float(v) for v in data.ImagePositionPatient])
        orientation = np.reshape([float(v) for v in data.ImageOrientationPatient], (2, 3))
        data.ImagePositionPatient = away.points(corner).round(6).tolist()
        data.ImageOrientationPatient = (orientation @ away.matrix.T).round(9).ravel().tolist()
        data.FrameOfReferenceUID = "1.2.3.4"
        save(data, file)
    matrix = np.eye(4)
    back = away.inverse()
    matrix[:3, :3], matrix[:3, 3] = back.matrix, back.translation
    moved = registration_object({"1.2.3.4": [matrix]})
    moved.PatientID, moved.FrameOfReferenceUID = "Muster", frame
    moved.SeriesInstanceUID = "1.2.3.4.5"
    save(moved, studies / "a" / "H")
    (event,) = [
        each
        for each in convert_case(_inputs(studies)).provenance.registered
        if each.name == "T1c_event"
    ]
    assert event.method == "registration object"
    assert RigidTransform(event.rotation, event.translation).points(np.zeros(3)) == pytest.approx(
        away.points(np.zeros(3)), abs=1e-4
    )


def test_a_registration_object_that_is_wrong_is_said(with_ct):
    data = dcmread(with_ct / "a" / "G")
    for item in data.RegistrationSequence:
        for matrices in item.MatrixRegistrationSequence:
            for matrix in matrices.MatrixSequence:
                values = [float(value) for value in matrix.FrameOfReferenceTransformationMatrix]
                values[3] += 12
                matrix.FrameOfReferenceTransformationMatrix = values
    save(data, with_ct / "a" / "G")
    case = convert_case(_inputs(with_ct))
    assert any("planning CT does not fit" in warning for warning in case.provenance.warnings)


def test_a_planning_ct_that_cannot_be_read_stops_no_case_that_does_not_need_it(with_ct):
    file = with_ct / "a" / "C" / "004"
    inputs = _inputs(with_ct)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    case = convert_case(inputs)
    assert case.bridges == ()
    assert any("planning CT cannot be shown" in warning for warning in case.provenance.warnings)
    assert not [word for word in ("Muster", "studies") if word in str(case.provenance.warnings)]


def test_the_engine_and_the_last_level_stand_in_the_provenance(studies, monkeypatch):
    frame = {"B": "1.2.3.4"}
    for name, uid in frame.items():
        for file in (studies / "a" / name).iterdir():
            data = dcmread(file)
            data.FrameOfReferenceUID = uid
            save(data, file)
    case = convert_case(_inputs(studies), ConvertOptions(fine=True))
    records = {each.name: each for each in case.provenance.registered}
    assert records["T1c_event"].method == "image registration to 1 mm"
    assert case.provenance.brain_ml == pytest.approx(case.masks["brain"].sum() * 0.125, rel=0.01)
    assert case.provenance.dose_max_gy == pytest.approx(case.channels[2].max(), abs=0.01)


def test_a_dose_without_its_plan_needs_what_the_plan_says(studies, whole):
    (studies / "a" / "E").unlink()
    result = scan(studies)
    with pytest.raises(DatasetError, match="plan of this dose is not among the studies"):
        convert_case(_inputs_of(result))
    case = convert_case(_inputs_of(result, fractions=(30,), prescription_gy=(60.0,)))
    gy, expected = _dose(whole[1], case)
    assert np.abs(gy - expected).max() < 0.5
    assert case.provenance.covariates["fractions"] == "30"


def test_spellings_of_one_patient_are_one(studies):
    """As an archive of images, and a planning system with capitals and a zero more."""
    for name in "DEF":
        _changed(studies / "a" / name, PatientID=" 0MUSTER")
    (row,) = propose(scan(studies).rows, {})
    assert row.patient == "0MUSTER"
    assert all([*row.images.values(), row.dose, row.structures])
    assert convert_case(_inputs(studies)).provenance.plans


def test_copies_of_all_files_in_another_folder_change_nothing(with_ct):
    (row,) = propose(scan(with_ct).rows, {})
    copies = ("A", "B", "C", "D", "E", "F", "G")
    for name in copies:
        copy = shutil.copytree if (with_ct / "a" / name).is_dir() else shutil.copy
        (with_ct / "z").mkdir(exist_ok=True)
        copy(with_ct / "a" / name, with_ct / "z" / name)
    (again,) = propose(scan(with_ct).rows, {})
    assert again == row
    inputs = _inputs(with_ct)
    assert len(inputs.images[0].files) == 34
    assert len(inputs.registrations) == 1
    assert read_plans(inputs.plans)


def test_several_plans_are_summed(studies, whole):
    for name, number in (("D", 1), ("E", 2)):
        data = dcmread(studies / "a" / name)
        if name == "D":
            data.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = "1.2.9"
        data.SOPInstanceUID, data.SeriesInstanceUID = f"1.2.{7 + number}", f"1.3.{number}"
        save(data, studies / "a" / f"{name}2")
    result = scan(studies)
    doses = tuple(row.key for row in result.rows if row.verdict == "dose")
    assert len(doses) == 2
    assert propose(result.rows, {})[0].dose == ()
    case = convert_case(_inputs_of(result, dose=doses))
    gy, expected = _dose(whole[1], case)
    assert np.abs(gy - 2 * expected).max() < 1
    assert (case.provenance.covariates["fractions"], len(case.provenance.plans)) == ("60", 2)
    assert case.provenance.covariates["prescription_gy"] == "120"


def test_a_dose_that_is_an_image_may_lie_over_the_planning_ct(with_ct, whole):
    dose = read_dose([with_ct / "a" / "D"])
    write_image(with_ct / "a" / "dose.nrrd", dose.gy, dose.grid)
    result = scan(with_ct)
    (key,) = (key for key, path in result.images.items() if path.suffix == ".nrrd")
    given = {"dose": (key,), "dose_unit": ("Gy",), "fractions": (30,), "prescription_gy": (60.0,)}
    with pytest.raises(DatasetError, match="coordinate system of the dose is unknown"):
        convert_case(_inputs_of(result, **given))
    case = convert_case(_inputs_of(result, **given, dose_over="planning CT"))
    gy, expected = _dose(whole[1], case)
    assert np.abs(gy - expected).max() < 0.5
    (both,) = (row.key for row in result.rows if row.verdict == "dose")
    with pytest.raises(DatasetError, match="of DICOM and of other formats cannot be summed"):
        _inputs_of(result, **given | {"dose": (key, both)})
    with pytest.raises(DatasetError, match="is of doses in other formats"):
        _inputs_of(result, dose=(both,), dose_over="planning CT")


def _changed(file, **values):
    data = dcmread(file)
    for name, value in values.items():
        setattr(data, name, value)
    save(data, file)


def _relative(studies, scale):
    """The dose as one that is relative; `scale` times 60 Gy, the prescription of the plan."""
    data = dcmread(studies / "a" / "D")
    data.DoseUnits = "RELATIVE"
    data.DoseGridScaling = f"{float(data.DoseGridScaling) * scale / 60:.10g}"
    save(data, studies / "a" / "D")


@pytest.mark.parametrize(("unit", "scale"), [("%", 100), ("share", 1), ("Gy", 60), ("cGy", 6000)])
def test_a_relative_dose_is_taken_where_its_unit_is_written(studies, unit, scale):
    expected = read_dose([studies / "a" / "D"]).gy
    _relative(studies, scale)
    result = scan(studies)
    with pytest.raises(DatasetError, match="dose is relative") as caught:
        read_plans(_inputs_of(result).plans)
    assert "dose_unit of the manifest" in caught.value.remedy
    (plan,) = read_plans(_inputs_of(result, dose_unit=(unit,)).plans)
    np.testing.assert_allclose(plan.gy, expected, rtol=0, atol=0.001)
    assert f"relative dose; 1 is {60 / scale:g} Gy" in plan.notes
    assert plan.prescription.gy == 60


def test_a_unit_that_does_not_fit_a_dose_is_refused(studies):
    result = scan(studies)
    with pytest.raises(DatasetError, match="dose_unit contradicts the dose"):
        read_plans(_inputs_of(result, dose_unit=("%",)).plans)
    assert read_plans(_inputs_of(result, dose_unit=("Gy",)).plans)  # as the header says
    _relative(studies, 100)
    result = scan(studies)
    for unit, what in (("share", "Cannot determine whether"), ("Gy(RBE)", "contradicts the dose")):
        with pytest.raises(DatasetError, match=what):
            read_plans(_inputs_of(result, dose_unit=(unit,)).plans)
    (studies / "a" / "E").unlink()
    result = scan(studies)
    given = {"dose_unit": ("%",), "fractions": (30,), "factor": ("1",)}
    with pytest.raises(DatasetError, match="no prescription"):
        read_plans(_inputs_of(result, **given).plans)
    case = convert_case(_inputs_of(result, **given, prescription_gy=(60.0,)))
    assert case.channels[2].max() == pytest.approx(60, abs=1)


def test_a_dose_on_an_unknown_frame_is_refused(studies):
    (studies / "a" / "G").unlink()
    with pytest.raises(DatasetError, match="dose lies on an unknown frame of reference"):
        convert_case(_inputs(studies))


def test_a_registration_that_is_not_rigid_is_passed_over(studies):
    matrix = np.diag([1.2, 1, 1, 1])
    deformed = registration_object({"1.2.3": [matrix]})
    deformed.PatientID = "Muster"
    save(deformed, studies / "a" / "H")
    assert convert_case(_inputs(studies)).provenance.registered


def test_an_image_of_another_head_is_refused(studies, tmp_path):
    write_patient(tmp_path / "other", "Muster", seed=5, is_still=True)
    shutil.rmtree(studies / "a" / "B")
    shutil.copytree(tmp_path / "other" / "B", studies / "a" / "B")
    frame = dcmread(studies / "a" / "A" / "000").FrameOfReferenceUID
    for file in (studies / "a" / "B").iterdir():
        data = dcmread(file)
        data.FrameOfReferenceUID = frame
        save(data, file)
    with pytest.raises(DatasetError, match="does not fit the reference image: correlation"):
        convert_case(_inputs(studies))


def test_an_image_that_is_too_blurred_to_be_checked_is_named_so(studies, monkeypatch):
    """Voxels of 5 mm by interpolation, of which k-space has those of 12 mm."""
    monkeypatch.setattr("ricenet_v2.ingest.checks._SPACING_MM", 2.0)
    files = sorted((studies / "a" / "B").iterdir())
    slices = [dcmread(file) for file in files]
    space = np.fft.fftn(np.stack([data.pixel_array for data in slices]))
    for axis, n in enumerate(space.shape):
        np.moveaxis(space, axis, 0)[np.abs(np.fft.fftfreq(n, 5.0)) > 0.5 / 12] = 0
    for data, image in zip(slices, np.abs(np.fft.ifftn(space)), strict=True):
        data.PixelData = np.round(image).astype(np.uint16).tobytes()
    for file, data in zip(files, slices, strict=True):
        save(data, file)
    words = r"reference image: shift\.(.*\n)*.*too blurred to be checked(.*\n)*"
    with pytest.raises(DatasetError, match=words):
        convert_case(_inputs(studies))


def test_a_mask_that_is_no_brain_is_refused(studies, whole):
    _, truth = whole
    small = np.zeros(truth.grid.shape, dtype=np.uint8)
    small[10:20, 10:20, 10:20] = 1
    write_image(studies / "a" / "mask_of_Jane.nii.gz", small, truth.grid)
    with pytest.raises(DatasetError, match="brain mask is implausible"):
        convert_case(_inputs(studies))


def test_images_in_other_formats_are_registered_too(whole, tmp_path):
    """On grids of their own, without DICOM, and with an inverted contrast."""
    head = read_volume(_series_of(whole[0], "20200102"))
    truth = pose((9, -6, 14), (7, -9, 12))
    corner = tuple(float(v) for v in np.array(head.grid.origin) + np.array(truth.translation))
    grid = Grid((38, 44, 36), (5.0, 5.0, 5.0), corner)
    moved = resample(head.voxels, head.grid, grid, truth.inverse().of_simpleitk())
    inverted = np.where(moved > 20, 900 - moved, 0).astype(np.float32)
    for name, voxels, where in (("1", head.voxels, head.grid), ("2", inverted, grid)):
        write_image(tmp_path / "nifti" / "sub-1" / f"{name}.nii.gz", voxels, where)
    result = scan(tmp_path / "nifti")
    (draft,) = propose(result.rows, {})
    assert draft.patient == "sub-1"
    keys = {file.name[0]: key for key, file in result.images.items()}
    row = replace(draft, label="x", images={POST_OP.title: keys["1"], EVENT.title: keys["2"]})
    sources = CaseSources(result, (POST_OP, EVENT), Pseudonyms(bytes(32)))
    case = convert_case(sources.inputs(row))
    (record,) = case.provenance.registered
    points = whole[1].grid.positions(np.argwhere(whole[1].brain)[::97].astype(float))
    transform = RigidTransform(record.rotation, record.translation)
    errors = np.linalg.norm(transform.points(points) - truth.points(points), axis=1)
    assert errors.mean() < 1
    assert [channel.shape for channel in case.channels] == [head.grid.shape] * 2
    assert case.provenance.channels == ("T1c_post_op", "T1c_event")
    assert case.provenance.covariates == {}


def _series_of(studies, date):
    result = scan(studies)
    return next(result.series[row.key] for row in result.rows if row.date == date)


DAMAGED = ["A/005", "B/003", "C/004", "D", "E", "mask_of_Jane.nii.gz"]


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_by_its_key_alone(studies, whole, name, caplog, capfd):
    if name[0] == "C":
        shutil.copytree(whole[0] / "a" / "C", studies / "a" / "C")
        (studies / "a" / "G").unlink()
    inputs = _inputs(studies)
    file = studies / "a" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DatasetError) as caught:
        convert_case(inputs)
    fault = fault_of_case("C1", 2, caught.value, inputs)
    assert fault.file.endswith(" of series.csv")
    said = "".join([str(fault), caplog.text, *capfd.readouterr()])
    assert not [word for word in ("Jane", "Muster", "studies/", str(studies)) if word in said]


def test_a_file_that_is_gone_is_named_by_its_key(studies):
    inputs = _inputs(studies)
    (studies / "a" / "D").unlink()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - whatever the system says
        made_of(inputs, Pseudonyms(bytes(32)), ConvertOptions())
    fault = fault_of_case("C1", 2, caught.value, inputs)
    assert fault.file.endswith(" of series.csv")
    assert str(studies) not in str(fault)


def test_without_a_mask_checks_look_at_what_is_brighter_than_air():
    noise = np.random.default_rng(0).integers(1, 9, (12, 12, 12)).astype(np.float32)
    head = np.zeros(noise.shape, dtype=bool)
    head[3:9, 3:9, 3:9] = True
    assert np.array_equal(head_of(noise + 500 * head, noise > 0), head)
    assert np.array_equal(head_of(noise * head, head), head)


def test_whatever_a_library_raises_is_named_without_its_text():
    fault = fault_of_case("C1", 2, ValueError("Muster^Jane"), None)
    assert "Muster" not in str(fault)
    assert fault.got == "ValueError"
