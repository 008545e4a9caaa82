"""Series that hold several volumes, and volumes against the arrays that were written."""

import dataclasses
import traceback

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.pixels import apply_rescale
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.header import _ONLY, read_header
from ricenet_v2.ingest.reading import NotDicomError, quiet
from ricenet_v2.ingest.series import split_series
from ricenet_v2.ingest.volume import read_volume
from tests.ingest.dicom_writer import FRAME, INGEST, save, slice_object, write_series

VOXELS = np.random.default_rng(0).integers(0, 900, (4, 5, 6)).astype(np.uint16)
SAGITTAL = (0, 1, 0, 0, 0, -1)


def _series(files):
    return split_series(read_header(file) for file in files)


def _volume(files):
    (series,) = _series(files)
    return read_volume(series)


def test_voxels_and_grid_are_those_that_were_written(tmp_path):
    files = write_series(tmp_path, VOXELS, origin=(-3, 4, 50), spacing=(2.5, 1.5, 0.75))
    volume = _volume(files[::-1])
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.voxels.dtype == np.float32
    assert volume.grid.spacing == (2.5, 1.5, 0.75)
    assert volume.grid.origin == (-3, 4, 50)
    assert volume.frame_of_reference == FRAME
    assert volume.notes == ()


@pytest.mark.parametrize(
    "orientation", [SAGITTAL, (-1, 0, 0, 0, 1, 0), (0.8, 0.6, 0, -0.6, 0.8, 0)]
)
def test_a_voxel_lies_where_its_header_says(tmp_path, orientation):
    normal = np.cross(orientation[:3], orientation[3:])
    origin, spacing = np.array([-3.0, 4, 50]), (2.5, 1.5, 0.75)
    marked = np.zeros((4, 5, 6), np.uint16)
    marked[3, 1, 4] = 1
    volume = _volume(
        write_series(tmp_path, marked, origin=origin, orientation=orientation, spacing=spacing)
    )
    ((index),) = np.argwhere(volume.voxels > 0)
    expected = (
        origin
        + 3 * 2.5 * normal
        + 1 * 1.5 * np.array(orientation[3:])
        + 4 * 0.75 * np.array(orientation[:3])
    )
    assert volume.grid.world(tuple(index)) == pytest.approx(expected)


def test_values_are_rescaled_slice_by_slice(tmp_path):
    def change(at, data):
        data.RescaleSlope, data.RescaleIntercept = at + 1, -1024

    volume = _volume(write_series(tmp_path, VOXELS, change=change, modality="CT"))
    assert np.array_equal(volume.voxels, VOXELS * np.arange(1, 5)[:, None, None] - 1024.0)


def _big_endian(data):
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()


def _compress(data):
    data.compress(RLELossless, generate_instance_uid=False)


@pytest.mark.parametrize(
    ("change", "note"), [(_big_endian, "recoded from big endian"), (_compress, None)]
)
def test_other_encodings_give_the_same_voxels(tmp_path, change, note):
    volume = _volume(write_series(tmp_path, VOXELS, change=lambda _, data: change(data)))
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("is_implicit", "is_little"), [(True, True), (False, True), (False, False)]
)
def test_files_without_preamble_and_transfer_syntax_give_the_same_voxels(
    tmp_path, is_implicit, is_little
):
    files = write_series(tmp_path, VOXELS)
    for file in files:
        data = dcmread(file)
        del data.file_meta
        if not is_little:
            stored = np.frombuffer(data.PixelData, "<u2").astype(">u2")
            data.PixelData = stored.tobytes()
        dcmwrite(file, data, implicit_vr=is_implicit, little_endian=is_little)
    volume = _volume(files)
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.grid.spacing == (2.0, 1.0, 1.0)


def test_without_a_frame_of_reference_none_is_claimed(tmp_path):
    volume = _volume(write_series(tmp_path, VOXELS, FrameOfReferenceUID=None))
    assert volume.frame_of_reference == ""
    assert volume.notes == ("the frame of reference is not known",)


def test_several_frames_of_reference_are_refused(tmp_path):
    def change(at, data):
        data.FrameOfReferenceUID = f"{FRAME}.{at % 2}"

    with pytest.raises(DatasetError, match="several frames of reference"):
        _volume(write_series(tmp_path, VOXELS, change=change))


def _two(folder, **values):
    """The same positions twice, with one value for the first and another for the second."""
    files = []
    for at in (0, 1):
        chosen = {name: pair[at] for name, pair in values.items()}
        files += write_series(folder / str(at), VOXELS + at, **chosen)
    return files


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"ImageType": (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"])}, "image type"),
        ({"EchoNumbers": (1, 2)}, "echo"),
        ({"EchoTime": (4.9, 7.4)}, "echo time"),
        ({"AcquisitionNumber": (1, 2)}, "acquisition"),
        ({"TemporalPositionIdentifier": (1, 2)}, "temporal position"),
        ({"orientation": ((1, 0, 0, 0, 1, 0), SAGITTAL)}, "orientation"),
        ({}, "repeated position"),
    ],
)
def test_two_volumes_in_one_series_are_told_apart(tmp_path, values, word):
    series = _series(_two(tmp_path, **values))
    assert [(part.part, part.split_by) for part in series] == [(1, (word,)), (2, (word,))]
    volumes = [read_volume(part) for part in series]
    assert {int(volume.voxels.max()) for volume in volumes} == {VOXELS.max(), VOXELS.max() + 1}
    assert volumes[0].notes == (f"part 1 of a series split by {word}",)


def test_an_acquisition_that_begins_in_the_middle_of_a_volume_does_not_split_it(tmp_path):
    def change(at, data):
        data.AcquisitionNumber = 1 + at // 2

    (series,) = _series(write_series(tmp_path, VOXELS, change=change))
    assert series.part == 0
    assert read_volume(series).voxels.shape == (4, 5, 6)


def test_copies_of_files_count_once(tmp_path):
    files = write_series(tmp_path, VOXELS)
    for file in files[:3]:
        (tmp_path / f"copy of {file.name}").write_bytes(file.read_bytes())
    volume = _volume(sorted(tmp_path.iterdir()))
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.notes == ("3 copies of files left out",)


def test_a_position_that_repeats_once_is_refused(tmp_path):
    files = write_series(tmp_path, VOXELS)
    files += write_series(tmp_path / "more", VOXELS[:1])
    with pytest.raises(DatasetError, match="not form a volume: duplicate"):
        _volume(files)


def _colour(data):
    data.PhotometricInterpretation = "MONOCHROME1"


def _burned(data):
    data.BurnedInAnnotation = "YES"


def _mosaic(data):
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


def _no_spacing(data):
    del data.PixelSpacing


def _cut(data):
    data.PixelData = data.PixelData[:-8]


def _no_voxels(data):
    del data.PixelData


def _claims(data):
    data.Rows = data.Columns = 60000


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_colour, "not form a volume: colour"),
        (_burned, "not form a volume: burned-in text"),
        (_mosaic, "not form a volume: mosaic"),
        (_no_spacing, "not form a volume: spacing"),
        (_cut, "fewer voxels than its header claims"),
        (_no_voxels, "has no pixel data"),
        (_claims, "fewer voxels than its header claims"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, change, text):
    files = write_series(tmp_path, VOXELS, change=lambda _, data: change(data))
    with pytest.raises(DatasetError, match=text):
        _volume(files)


def test_a_file_that_changed_is_refused(tmp_path):
    (series,) = _series(write_series(tmp_path, VOXELS))
    write_series(tmp_path, VOXELS, origin=(1, 0, 0))
    with pytest.raises(DatasetError, match="changed since"):
        read_volume(series)


def test_a_multi_frame_file_is_a_volume(tmp_path):
    data = slice_object(VOXELS, (0, 0, 0))
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    del data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing
    data.NumberOfFrames = 4
    measures, plane, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1.5, 0.75], 2.5
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    data.SharedFunctionalGroupsSequence = [shared]
    data.PerFrameFunctionalGroupsSequence = []
    for z in (7.5, 0.0, 5.0, 2.5):
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = [1, 2, z]
        frame.PlanePositionSequence = [position]
        data.PerFrameFunctionalGroupsSequence.append(frame)
    data.DimensionIndexSequence = []
    volume = _volume([save(data, tmp_path / "one")])
    assert volume.grid.spacing == (2.5, 1.5, 0.75)
    assert volume.grid.origin == (1, 2, 0)
    assert np.array_equal(volume.voxels, VOXELS[[1, 3, 2, 0]])


def test_headers_do_not_show_who_the_patient_is(tmp_path):
    secrets = {
        "PatientID": "SECRET1",
        "SeriesDescription": "SECRET2",
        "StudyDate": "19991231",
        "StudyInstanceUID": "1.2.3.999",
    }
    header = read_header(write_series(tmp_path, VOXELS, **secrets)[0])
    assert (header.patient, header.description, header.date) == ("SECRET1", "SECRET2", "19991231")
    assert not [secret for secret in secrets.values() if secret in repr(header)]


def test_a_file_that_is_compressed_as_a_whole_is_not_unpacked(tmp_path):
    def change(_, data):
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    files = write_series(tmp_path, np.zeros_like(VOXELS), change=change)
    with pytest.raises(DatasetError, match="compressed as a whole"):
        read_header(files[0])


def test_another_kind_of_file_is_told_apart(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no image " * 200)
    with pytest.raises(NotDicomError):
        read_header(text)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DatasetError):
        read_header(tmp_path / "empty")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_header(tmp_path)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return write_series(
        tmp_path_factory.mktemp("pair"), VOXELS[:2], SeriesDescription="SECRET", EchoNumbers=1
    )


def _read_in_words(first, second):
    """Read two slices of which the first is damaged; nothing but an error in words comes out."""
    words = ""
    try:
        for series in _series([first, second]):
            read_volume(series)
    except DatasetError as error:
        words = "".join(traceback.format_exception(error))
    assert "SECRET" not in words


SHARES = st.floats(0, 1, exclude_max=True)


@settings(max_examples=60)
@given(st.lists(st.tuples(SHARES, st.integers(0, 255)), min_size=1, max_size=4), SHARES, SHARES)
def test_damaged_files_end_in_an_error_with_words_or_in_a_volume(pair, changes, cut, end):
    content = bytearray(pair[0].read_bytes())
    for share, value in changes:
        content[int(share * len(content))] = value
    damaged = pair[0].with_suffix(".damaged")
    damaged.write_bytes(content[: int(end * len(content))] if cut > 0.7 else content)
    _read_in_words(damaged, pair[1])


@settings(max_examples=60)
@given(
    st.sampled_from([tag for name in _ONLY if (tag := tag_for_keyword(name))]),
    st.binary(max_size=40) | st.sampled_from([b"nan", b"1e999", b"-1\\\\2", b"9" * 400, b"1,5"]),
)
def test_values_of_any_bytes_end_in_an_error_with_words_or_in_a_volume(pair, tag, value):
    data = dcmread(pair[0])
    data._dict[BaseTag(tag)] = RawDataElement(BaseTag(tag), "UN", len(value), value, 0, False, True)
    damaged = pair[0].with_suffix(".damaged")
    with quiet():
        data.save_as(damaged)
    _read_in_words(damaged, pair[1])


SHARED_SERIES = {
    # Shape and spacing as the headers of the first files have them, in LPS.
    "dicom2nifti/jpeg_lossless": [((256, 256, 4), (1, 1, 1))],
    "dicom2nifti/jpeg_ls": [((256, 256, 4), (1, 1, 1))],
    "dicom2nifti/siemens_sagittal": [((256, 256, 4), (1, 1, 1))],
    "dicom2nifti/enhanced_mr_philips": [((256, 256, 8), (1, 1, 1.2))],
    "dicom2nifti/two_volumes_one_series_ge": [((4, 128, 128), (2, 2, 2))] * 2,
    "dicom2nifti/mixed_orientation": [
        ((288, 288, 2), (0.32, 0.32, 3.3)),
        ((2, 288, 288), (4.4, 0.5556, 0.5556)),
    ],
    "dicom2nifti/unequal_in_plane": [((4, 28, 64), (0.5, 4.0, 6.4))],
    "dicom2nifti/gantry_tilt": "not form a volume: tilt.*\n.*\n.*\n.*14 degrees",
    "dicom2nifti/varying_spacing": "not form a volume: gap.*\n.*\n.*\n.*10 mm after slice 3",
    "dcm_qa_frag/jpeg_lossless_fragments": [((128, 128, 6), (2, 2, 2))],
    "rt-utils/oblique_no_preamble": [((3, 50, 100), (4.5, 3.5, 2.5))],
    "ibsi2-phantoms/orientation": [((64, 48, 32), (2, 2, 2))],
    "pydicom-data/emri_small.dcm": "not form a volume: spacing",
}


@pytest.mark.skipif(not INGEST.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
@pytest.mark.parametrize("name", SHARED_SERIES)
def test_files_of_scanners(name):
    place, expected = INGEST / name, SHARED_SERIES[name]
    files = [place] if place.is_file() else sorted(place.glob("*.dcm"))
    series = _series(files)
    if isinstance(expected, str):
        with pytest.raises(DatasetError, match=expected):
            read_volume(series[0])
        return
    volumes = [read_volume(part) for part in series]
    grids = [(volume.grid.shape, volume.grid.spacing) for volume in volumes]
    assert [shape for shape, _ in grids] == [shape for shape, _ in expected]
    for (_, spacing), (_, right) in zip(grids, expected, strict=True):
        assert spacing == pytest.approx(right, abs=0.002)
    read = np.sort(np.concatenate([volume.voxels.ravel() for volume in volumes]))
    expected = np.sort(np.concatenate(list(_scaled_by_pydicom(files))))
    assert read.shape == expected.shape
    assert np.allclose(read, expected, rtol=1e-5)


def _scaled_by_pydicom(files):
    """All values of files as pydicom decodes them, with the rescaling of each frame."""
    for data in map(dcmread, files):
        frames = data.get("PerFrameFunctionalGroupsSequence")
        if frames is None:
            yield apply_rescale(data.pixel_array, data).ravel().astype(np.float64)
            continue
        for stored, frame in zip(data.pixel_array, frames, strict=True):
            shared = data.SharedFunctionalGroupsSequence[0]
            groups = frame if "PixelValueTransformationSequence" in frame else shared
            (scaling,) = groups.PixelValueTransformationSequence
            yield stored.ravel() * float(scaling.RescaleSlope) + float(scaling.RescaleIntercept)


@pytest.mark.skipif(not INGEST.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_both_compressions_of_one_scan_hold_the_same_voxels():
    volumes = [
        _volume(sorted((INGEST / "dicom2nifti" / name).glob("*.dcm")))
        for name in ("jpeg_lossless", "jpeg_ls")
    ]
    assert volumes[0].voxels.std() > 1
    assert np.array_equal(volumes[0].voxels, volumes[1].voxels)


@pytest.mark.skipif(not INGEST.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_the_orientation_phantom_lies_as_its_authors_say():
    """IBSI 2: values of x + 1, y + 1, z + 1 voxels are summed, so that each axis is told apart."""
    volume = _volume(sorted((INGEST / "ibsi2-phantoms" / "orientation").glob("*.dcm")))
    assert dataclasses.astuple(volume.grid)[2] == (0, 0, -126)
    steps = [np.median(np.diff(volume.voxels, axis=axis)) for axis in range(3)]
    assert steps[1:] == [1, 1]
    assert abs(steps[0]) == 1
