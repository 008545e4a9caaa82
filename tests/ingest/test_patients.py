"""Two people are never taken for one without a word, whatever headers leave out or share."""

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.manifest import EVENT, POST_OP, read_manifest, write_manifest
from ricenet_v2.ingest.patients import is_somebody
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.scan import scan
from ricenet_v2.records.manifest import Manifest, ManifestRow
from tests.ingest.dicom_writer import write_series

VOXELS = np.random.default_rng(0).integers(0, 900, (3, 4, 5)).astype(np.uint16)


class Export:
    """Series of a tree, each with identifiers of its own where they are not given."""

    def __init__(self, folder):
        """Begin with an empty folder."""
        self.folder, self._n = folder, 0

    def add(self, place, **values):
        """One more series; identifiers that are None are left out."""
        self._n += 1
        chosen = {
            "PatientID": None,
            "StudyInstanceUID": f"1.2.{self._n}.1",
            "SeriesInstanceUID": f"1.2.{self._n}.2",
            "FrameOfReferenceUID": f"1.2.{self._n}.3",
            "SeriesDescription": f"n{self._n}",
            "StudyDate": "20200101",
        }
        chosen |= values
        given = {n: v for n, v in chosen.items() if v is not None or n == "PatientID"}
        write_series(self.folder / place / str(self._n), VOXELS, **given)
        return self

    def patients(self):
        """Patient and what says so, by number of the series."""
        rows = sorted(scan(self.folder).rows, key=lambda row: int(row.description[1:]))
        return [(row.patient, row.patient_by) for row in rows]


@pytest.fixture
def export(tmp_path):
    return Export(tmp_path / "studies")


FOLDER, STUDY = "folder", "study or frame of reference"
ID = {"PatientID": "7"}


def test_an_id_is_the_patient_in_any_folder(export):
    export.add("a", **ID).add("a/b", PatientID=" 007")
    assert export.patients() == [("7", ""), ("007", "")]
    assert len(propose(scan(export.folder).rows, {})) == 1


@pytest.mark.parametrize("name", ["ANON", "anonymous", "Unknown^", "", "000", "XXXX", "?", "Test"])
def test_what_stands_in_the_place_of_a_patient_is_none(name):
    assert not is_somebody(name.strip("^"))


@pytest.mark.parametrize("name", ["1", "ANON7", "demo001", "Anonymos, Maria", "P-0", "Tester"])
def test_other_ids_and_names_are_of_somebody(name):
    assert is_somebody(name)


@pytest.mark.parametrize("patient", [None, "ANON"])
def test_without_an_id_folders_side_by_side_tell_patients_apart(export, patient):
    for place in ("export/x", "export/y", "export/x/more"):
        export.add(place, PatientID=patient)
    assert export.patients() == [("x", FOLDER), ("y", FOLDER), ("x", FOLDER)]


def test_without_an_id_one_folder_is_not_taken_for_one_patient(export):
    shared = {"StudyInstanceUID": "1.9"}
    export.add("export/MR", **shared).add("export/CT", **shared).add("export/MR").add("export/CT")
    (one, by), same, other, third = export.patients()
    assert (one, by) == same
    assert by == other[1] == third[1] == STUDY
    assert len({one, other[0], third[0]}) == 3
    assert all(name.startswith("export study ") for name in (one, other[0], third[0]))


def test_the_only_study_of_a_folder_is_its_patient(export):
    shared = {"StudyInstanceUID": "1.9"}
    export.add("export", **shared).add("export", **shared)
    assert export.patients() == [("export", STUDY)] * 2


def test_what_lost_its_id_is_of_the_patient_of_its_study_or_frame(export):
    export.add("a", **ID).add("b", StudyInstanceUID="1.2.1.1").add(
        "c", FrameOfReferenceUID="1.2.2.3"
    )
    assert export.patients() == [("7", ""), ("7", STUDY), ("7", STUDY)]


def test_an_identifier_of_two_patients_links_nothing(export):
    frame = {"FrameOfReferenceUID": "1.9"}
    export.add("a", **ID, **frame).add("b", PatientID="8", **frame).add("a", **frame)
    assert export.patients() == [("7", ""), ("8", ""), ("a", STUDY)]


def test_a_name_stands_for_an_id_that_is_not_there(export):
    export.add("e", PatientName="Doe^Jane").add("e", PatientName="Roe^Jane", PatientID="UNKNOWN")
    assert export.patients() == [("Doe^Jane", "PatientName"), ("Roe^Jane", "PatientName")]


def test_one_id_with_two_birth_dates_is_of_two_people(export):
    for born in ("19500101", "19620202", None, "19000101"):
        export.add("a", **ID, PatientBirthDate=born, StudyInstanceUID="1.9" if born else "1.8")
    by = "PatientID and birth date"
    first, second, third, fourth = export.patients()
    assert (first, second) == (("7 born 19500101", by), ("7 born 19620202", by))
    # Its study is that of both; nothing says whose the others are.
    assert third[1] == fourth[1] == STUDY
    assert len({third[0], fourth[0], first[0], second[0]}) == 4


def test_what_has_no_birth_date_is_of_the_person_of_its_study(export):
    export.add("a", **ID, PatientBirthDate="19500101").add("a", **ID, PatientBirthDate="19620202")
    export.add("a", **ID, StudyInstanceUID="1.2.2.1")
    assert export.patients()[2] == ("7 born 19620202", STUDY)


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (("Doe^Jane", "DOE^JANE^M", "Doe, J.", "7", "Anonymous", None), 1),
        (("Doe^Jane", "Roe^Jane"), 2),
        (("Doe^Jane", "Doe^Mary"), 2),
        (("Yamada^Tarou=山田^太郎", "YAMADA^TAROU"), 1),
    ],
)
def test_one_id_with_names_that_contradict_each_other_is_of_several_people(export, names, count):
    for name in names:
        export.add("a", **ID, PatientName=name, SpecificCharacterSet="ISO_IR 192")
    patients = export.patients()
    assert len({patient for patient, _ in patients}) == count
    if count > 1:
        assert patients[0] == (f"7 named {names[0]}", "PatientID and PatientName")


@pytest.mark.parametrize(("other", "count"), [("Smith^Jane", 1), ("Smith^Mary", 2)])
def test_a_name_may_change_where_the_birth_date_stays(export, other, count):
    for name in ("Doe^Jane", other):
        export.add("a", **ID, PatientName=name, PatientBirthDate="19500101")
    assert len({patient for patient, _ in export.patients()}) == count


def test_an_id_in_folders_of_two_hospitals_is_said_to_be_all_there_is(export):
    export.add("north", **ID).add("south", **ID)
    assert export.patients() == [("7", "PatientID alone, in several folders")] * 2
    (row,) = propose(scan(export.folder).rows, {})
    assert (
        "decided by PatientID alone, in several folders; check that it is one person" in row.reason
    )
    export.add("south", **ID, PatientBirthDate="19500101")
    assert export.patients()[0] == ("7", "")


def test_a_file_of_another_birth_date_in_a_series_is_no_part_of_a_volume(tmp_path):
    def change(at, data):
        data.PatientBirthDate = f"1950010{at}"

    write_series(tmp_path / "a", VOXELS, change=change)
    (row,) = scan(tmp_path).rows
    assert row.verdict == "no volume: patients, files of several"


def test_a_person_may_say_that_files_are_of_one_patient(export, tmp_path):
    export.add("a", **ID, PatientBirthDate="19500101").add("a", **ID, PatientBirthDate="19510101")
    result = scan(export.folder)
    first, second = (row.key for row in sorted(result.rows, key=lambda row: row.description))
    cells = {POST_OP.title: first, EVENT.title: second}
    row = ManifestRow("7 born 19500101", label="a", images=cells)

    def inputs(row):
        write_manifest(tmp_path / "manifest.csv", Manifest((POST_OP, EVENT), (row,)))
        manifest = read_manifest(tmp_path / "manifest.csv")
        sources = CaseSources(result, manifest.columns, Pseudonyms(b"k" * 32))
        return sources.inputs(manifest.rows[0])

    words = r"another patient(.*\n)*.*by PatientID and birth date(.*\n)*.*one_person"
    with pytest.raises(DatasetError, match=words):
        inputs(row)
    both = inputs(ManifestRow("7", label="a", images=cells, one_person=True))
    assert [image.channel for image in both.images] == [POST_OP.channel, EVENT.channel]
    assert both.covariates["days_T1c_event"] == "0"
