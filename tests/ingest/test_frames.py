"""Several volumes in one multi-frame file are told apart as those of several files are."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.header import read_header
from ricenet_v2.ingest.header_cache import load_headers
from ricenet_v2.ingest.scan import scan
from ricenet_v2.ingest.series import split_series
from ricenet_v2.ingest.volume import read_volume
from tests.ingest.dicom_writer import save
from tests.ingest.enhanced_writer import Frames, enhanced_object, write_enhanced

VOXELS = np.random.default_rng(0).integers(1, 900, (4, 5, 6)).astype(np.uint16)
SAGITTAL = (0, 1, 0, 0, 0, -1)


def _parts(*files):
    return split_series(read_header(file) for file in files)


def _alternating(count):
    """Frames of `count` volumes of 4 slices in turn, as scanners store repetitions."""
    return [volume * 4 + at for at in range(4) for volume in range(count)]


DIFFERENT = {
    "echo time": [{"EffectiveEchoTime": 4.9}, {"EffectiveEchoTime": 7.4}],
    "temporal position": [{"TemporalPositionIndex": 1}, {"TemporalPositionIndex": 2}],
    "acquisition": [{"FrameAcquisitionNumber": 1}, {"FrameAcquisitionNumber": 2}],
    "b-value": [{"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}],
    "gradient direction": [
        {"DiffusionBValue": 1000.0, "gradient": (1, 0, 0)},
        {"DiffusionBValue": 1000.0, "gradient": (0, 1, 0)},
    ],
    "trigger time": [
        {"NominalCardiacTriggerDelayTime": 0.0},
        {"NominalCardiacTriggerDelayTime": 80.0},
    ],
    "stack": [{"StackID": "1"}, {"StackID": "2"}],
    "image type": [
        {"FrameType": ["ORIGINAL", "PRIMARY"], "ComplexImageComponent": "MAGNITUDE"},
        {"FrameType": ["ORIGINAL", "PRIMARY"], "ComplexImageComponent": "PHASE"},
    ],
    "dimension index": [
        {"DimensionIndexValues": [1, 1, 1]},
        {"DimensionIndexValues": [1, 1, 2]},
    ],
    "repeated position": [{}, {}],
}


@pytest.mark.parametrize("word", DIFFERENT)
def test_two_volumes_in_one_file_are_told_apart(tmp_path, word):
    first, second = DIFFERENT[word]
    both = [Frames(VOXELS, values=first), Frames(VOXELS + 1, values=second)]
    parts = _parts(write_enhanced(tmp_path / "one", both, order=_alternating(2)))
    assert [(part.part, part.split_by) for part in parts] == [(1, (word,)), (2, (word,))]
    for add, part in enumerate(parts):
        volume = read_volume(part)
        assert np.array_equal(volume.voxels, VOXELS + add)
        assert volume.grid.spacing == (2.0, 1.5, 0.75)
        assert volume.notes == (f"part {part.part} of a series split by {word}",)


def test_a_classic_series_that_was_converted_is_split_as_before(tmp_path):
    phases = [Frames(VOXELS + at, values={"TriggerTime": 40.0 * at}) for at in range(3)]
    parts = _parts(write_enhanced(tmp_path / "one", phases, order=_alternating(3)))
    assert [part.split_by for part in parts] == [("trigger time",)] * 3
    assert np.array_equal(read_volume(parts[2]).voxels, VOXELS + 2)


def test_what_only_two_values_together_tell_apart(tmp_path):
    """A dynamic of two echoes would be mixed up by the order of its frames."""
    values = [(echo, time) for time in (1, 2) for echo in (4.9, 7.4)]
    volumes = [
        Frames(VOXELS + at, values={"EffectiveEchoTime": echo, "TemporalPositionIndex": time})
        for at, (echo, time) in enumerate(values)
    ]
    order = np.random.default_rng(0).permutation(16)
    parts = _parts(write_enhanced(tmp_path / "one", volumes, order=order))
    assert {part.split_by for part in parts} == {("echo time", "temporal position")}
    read = {int(read_volume(part).voxels.min() - VOXELS.min()) for part in parts}
    assert read == {0, 1, 2, 3}
    for part in parts:
        added = read_volume(part).voxels - VOXELS
        assert np.ptp(added) == 0


def test_directions_of_a_localiser_and_slabs_are_stacks_of_their_own(tmp_path):
    volumes = [
        Frames(VOXELS, values={"StackID": "1"}),
        Frames(VOXELS + 1, orientation=SAGITTAL, values={"StackID": "2"}),
        Frames(VOXELS + 2, origin=(0, 0, 50), values={"StackID": "3"}),
    ]
    parts = _parts(write_enhanced(tmp_path / "one", volumes))
    assert [part.split_by for part in parts] == [("stack",)] * 3
    origins = [read_volume(part).grid.origin for part in parts]
    assert origins[2] == (0, 0, 50)


def test_a_stack_that_numbers_its_frames_is_one_volume(tmp_path):
    data = enhanced_object([Frames(VOXELS)])
    for at, frame in enumerate(data.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence = [Dataset()]
        frame.FrameContentSequence[0].StackID = str(at)
    (part,) = _parts(save(data, tmp_path / "one"))
    assert part.part == 0
    assert np.array_equal(read_volume(part).voxels, VOXELS)


def test_resolutions_of_one_file_are_told_apart(tmp_path):
    fine, coarse = ({"PixelSpacing": [step, step]} for step in (1.0, 2.0))
    both = [Frames(VOXELS, values=fine), Frames(VOXELS + 1, values=coarse)]
    parts = _parts(write_enhanced(tmp_path / "one", both))
    assert [read_volume(part).grid.spacing for part in parts] == [(2.0, 1.0, 1.0), (2.0, 2.0, 2.0)]


def _scaled(data, slopes):
    for frame, slope in zip(data.PerFrameFunctionalGroupsSequence, slopes, strict=True):
        item = Dataset()
        item.RescaleSlope, item.RescaleIntercept, item.RescaleType = slope, 0.0, "US"
        frame.PixelValueTransformationSequence = [item]


@pytest.mark.parametrize("is_compressed", [False, True])
def test_each_part_keeps_the_scale_of_its_frames(tmp_path, is_compressed):
    both = [Frames(VOXELS + at, values={"TemporalPositionIndex": at + 1}) for at in (0, 1)]
    data = enhanced_object(both)
    _scaled(data, [1, 1, 1, 1, 2, 2, 2, 3])
    if is_compressed:
        data.compress(RLELossless, generate_instance_uid=False)
    parts = _parts(save(data, tmp_path / "one"))
    expected = (VOXELS + 1) * np.array([2, 2, 2, 3])[:, None, None]
    assert np.array_equal(read_volume(parts[1]).voxels, expected)


def _halves(folder, **values):
    for at, half in enumerate((slice(0, 2), slice(2, 4))):
        frames = Frames(VOXELS[half], origin=(0, 0, 4 * at))
        yield write_enhanced(folder / str(at), [frames], **values)


def test_files_of_a_concatenation_are_one_volume(tmp_path):
    (part,) = _parts(*_halves(tmp_path, ConcatenationUID="1.2.3"))
    assert np.array_equal(read_volume(part).voxels, VOXELS)


def test_files_that_are_no_concatenation_are_volumes_of_their_own(tmp_path):
    parts = _parts(*_halves(tmp_path))
    assert [part.split_by for part in parts] == [("file",)] * 2
    assert np.array_equal(read_volume(parts[1]).voxels, VOXELS[2:])


def test_enhanced_files_of_one_frame_are_one_volume(tmp_path):
    files = [
        write_enhanced(tmp_path / str(at), [Frames(VOXELS[at : at + 1], origin=(0, 0, 2 * at))])
        for at in range(4)
    ]
    (part,) = _parts(*files)
    assert np.array_equal(read_volume(part).voxels, VOXELS)


def test_a_repetition_that_is_cut_off_is_refused_with_what_to_do(tmp_path):
    both = [Frames(VOXELS), Frames(VOXELS[:1] + 1)]
    (part,) = _parts(write_enhanced(tmp_path / "one", both))
    with pytest.raises(
        DatasetError, match=r"not form a volume: duplicate(.*\n)*.*1 of 5(.*\n)*.*Export"
    ):
        read_volume(part)


def test_parts_of_a_file_are_rows_of_the_scan_and_stay_in_its_cache(tmp_path):
    both = [Frames(VOXELS + at, values={"DiffusionBValue": 1000.0 * at}) for at in (0, 1)]
    agent = Dataset()
    agent.ContrastBolusAgent = "x"
    write_enhanced(
        tmp_path / "tree" / "one", both, AcquisitionDateTime="20200102120000",
        ContrastBolusAgentSequence=[agent],
    )  # fmt: skip
    first = scan(tmp_path / "tree", tmp_path / "work")
    assert [(row.verdict, row.slices, row.date, row.contrast_agent) for row in first.rows] == [
        ("volume", 4, "20200102", True)
    ] * 2
    assert sorted(row.split_by for row in first.rows) == ["b-value 0", "b-value 1000"]
    again = scan(tmp_path / "tree", tmp_path / "work")
    assert (again.n_read, again.rows, again.series) == (0, first.rows, first.series)
    assert len(load_headers(tmp_path / "work")) == 1
    for part in again.series.values():
        assert read_volume(part).voxels.shape == (4, 5, 6)


def test_a_file_that_changed_is_refused_in_each_part(tmp_path):
    both = [Frames(VOXELS + at, values={"TemporalPositionIndex": at + 1}) for at in (0, 1)]
    parts = _parts(write_enhanced(tmp_path / "one", both))
    both[1].origin = (0, 0, 7)
    write_enhanced(tmp_path / "one", both)
    with pytest.raises(DatasetError, match="changed since"):
        read_volume(parts[1])
