"""Exports with everything wrong that is usual: one table says what, and good patients come out."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread

from ricenet_v2.cli import common
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows
from tests.ingest.conversions import GOOD, command, contents_of, fill_manifest, write_still_patient
from tests.ingest.dicom_writer import save

pytestmark = pytest.mark.usefixtures("no_case_pictures")
SECRET = "Klinik-Muster"
"""Of the place of the studies, which no message tells."""


def _changed(file, **values):
    data = dcmread(file)
    for name, value in values.items():
        setattr(data, name, value)
    save(data, file)


def _cut(file, share=0.5):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def _two_doses(patient):
    data = dcmread(patient / "D")
    data.SOPInstanceUID, data.SeriesInstanceUID = "1.2.99.1", "1.2.99.2"
    data.DoseGridScaling = float(data.DoseGridScaling) * 1.02
    save(data, patient / "D2")


@dataclass(frozen=True)
class Fault:
    """What is done to a patient, or written into the row, and the words of the table."""

    spoil: object = None
    cells: tuple = ()
    what: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""
    file: str = "series.csv"


FAULTS = {
    "missing slices": Fault(
        lambda p: [(p / "A" / f"{n:03d}").unlink() for n in (9, 10)],
        what="names a series of another kind", expected="volume",
        got="no volume: gap, 15 mm after slice 9", remedy="Correct this row", file="manifest.csv",
    ),
    "a truncated file": Fault(
        lambda p: _cut(p / "B" / "007", 0.8), what="fewer voxels than its header claims",
        remedy="export it again",
    ),
    "no plan": Fault(
        lambda p: (p / "E").unlink(), what="plan of this dose is not among the studies",
        expected="the RTPLAN", got="neither", remedy="write these into the manifest",
    ),
    "another patient's plan": Fault(
        lambda p: _changed(p / "E", PatientID=GOOD[0]),
        what="refers to the plan of another patient",
        expected="of the patient in the column patient", remedy="Correct", file="manifest.csv",
    ),
    "two doses": Fault(
        _two_doses, what="several doses of its whole delivery", expected="one",
        got="2 that differ", remedy="Specify the one that was delivered",
    ),
    "a dose on an unknown frame": Fault(
        lambda p: (p / "G").unlink(), what="dose lies on an unknown frame of reference",
        expected="that of an image of the case", remedy="Export the image", file="",
    ),
    "a relative dose": Fault(
        lambda p: _changed(p / "D", DoseUnits="RELATIVE"), what="This dose is relative",
        expected="DoseUnits GY", got="RELATIVE", remedy="Export it in Gy",
    ),
    "an empty region": Fault(
        cells=(("lesion_roi", "empty"),), what="is empty", expected="1 or more closed",
        got="none",
    ),
    "no label": Fault(
        cells=(("label", ""),), what="This case has no label", expected="a class", got="nothing",
        remedy="Correct this row", file="manifest.csv",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Bad:
    folder: Path
    studies: Path
    code: int
    said: str
    faults: dict
    scanned: tuple

    @property
    def work(self):
        return self.folder / "work"

    @property
    def raw(self):
        return self.folder / "raw"


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """Two good patients and one for each fault, converted."""
    folder = tmp_path_factory.mktemp("bad")
    studies = folder / SECRET
    for seed, name in enumerate((*GOOD, *FAULTS)):
        write_still_patient(studies / name, seed % 2)
    for name, fault in FAULTS.items():
        if fault.spoil:
            fault.spoil(studies / name)
    with zipfile.ZipFile(studies / "more.of.Muster.zip", "w") as archive:
        archive.writestr("a", "b")
    (studies / "notes.of.Muster.txt").write_text("Muster")
    (studies / "cut.of.Muster").write_bytes((studies / GOOD[0] / "D").read_bytes()[:200])
    (studies / "locked.of.Muster").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        listed = os.scandir

        def scandir(place):
            if str(place).endswith("locked.of.Muster"):
                raise PermissionError(13, "Permission denied", str(place))
            return listed(place)

        patch.setattr(os, "scandir", scandir)  # root may read whatever it likes
        scanned = command("scan", studies, "-o", folder / "work")
    fill_manifest(folder / "work", {name: dict(fault.cells) for name, fault in FAULTS.items()})
    tables = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common, "table", lambda *given, **_: tables.append(given))
        code, said = command("cases", folder / "work" / "manifest.csv", folder / "raw")
    _, columns, rows = tables[-1]
    faults = {row[1]: dict(zip(columns, row, strict=True)) for row in rows}
    lines = {
        at: row["patient"] for at, row in enumerate(read_rows(folder / "work/manifest.csv"), 2)
    }
    by_name = {lines[line]: cells for line, cells in faults.items()}
    return Bad(folder, studies, code, said, by_name, scanned)


def test_the_good_patients_are_converted_and_the_others_are_a_table(bad):
    assert bad.code == 1
    assert f"2 cases converted, 0 unchanged, {len(FAULTS)} failed" in bad.said
    assert set(bad.faults) == set(FAULTS)
    raw = load_raw_dataset(bad.raw)
    assert len(raw.cases) == 2
    faults = {fault.check for fault in check(raw, 1).errors}
    assert faults <= {"training cases", "same image in two cases"}  # all patients have one dose
    written = [path for path in contents_of(bad.raw) if path.suffix == ".gz"]
    assert len(written) == 2 * 5
    assert not [path for path in contents_of(bad.raw) if path.name.startswith(".")]


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_says_what_is_expected_and_what_to_do(bad, name):
    fault, cells = FAULTS[name], bad.faults[name]
    for column in ("expected", "got", "file"):
        assert getattr(fault, column) in cells[column], cells
    assert fault.what in cells["fault"], cells
    assert fault.remedy in cells["what to do"], cells
    assert not [word for word in (SECRET, "Muster", "Doe", "good-") if word in str(cells)]


def test_what_cannot_be_read_is_counted_on_screen_and_named_in_the_folder(bad):
    code, said = bad.scanned
    assert code == 1
    assert "Muster" not in said.replace(str(bad.work), "")
    assert "3 files and folders cannot be read" in said
    faults = {row["file"]: row["fault"] for row in read_rows(bad.work / "unread.csv")}
    assert set(faults) == {"more.of.Muster.zip", "cut.of.Muster", "locked.of.Muster"}
    assert "unpack" in faults["more.of.Muster.zip"]
    assert "Permission denied" in faults["locked.of.Muster"]
