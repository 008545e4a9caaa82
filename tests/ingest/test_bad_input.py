"""Exports with everything wrong that is usual: one table says what, and good patients come out."""

import contextlib
import errno
import io
import itertools
import os
import resource
import shutil
import signal
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from ricenet_v2.cli import common, convert
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.dicom_patient import write_patient
from tests.ingest.dicom_writer import save

pytestmark = pytest.mark.usefixtures("no_case_pictures")
GOOD = ("good-Anna", "good-Otto")
SECRET = "Klinik-Muster"
"""Of the place of the studies, which no message tells."""


def _run(*words):
    """Exit code, and all that was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = convert.main([str(word) for word in words])
    return code, out.getvalue()


def _written(folder, seed):
    """A patient who needs no registration, nor the CT, which the registration object stands for."""
    write_patient(folder, folder.name, seed=seed, is_still=True)
    shutil.rmtree(folder / "C")


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
        got="2 that differ", remedy="Name the one that was delivered",
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


def _named(work):
    """Write the labels and all keys, as a person would who wants every patient."""
    series = read_rows(work / "series.csv")
    rows = read_rows(work / "manifest.csv")
    for at, row in enumerate(rows):
        own = [each for each in series if each["folder"].split("/")[0] == row["patient"]]
        keys = {Path(each["folder"]).name: each["key"] for each in own if each["modality"] == "MR"}
        doses = [each["key"] for each in own if each["verdict"] == "dose"]
        row |= {
            "label": "ab"[at % 2],
            "lesion_roi": "GTV Doe",
            "mri:T1c_post_op": keys["A"],
            "mri:T1c_event": keys["B"],
            "dose": " ".join(doses),
            "structures": next(each["key"] for each in own if each["verdict"] == "structures"),
            "brain": next(each["key"] for each in own if not each["modality"]),
        }
        row |= dict(FAULTS[row["patient"]].cells if row["patient"] in FAULTS else ())
    write_rows(work / "manifest.csv", rows)


def _state(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


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
        _written(studies / name, seed % 2)
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
        scanned = _run("scan", studies, "-o", folder / "work")
    _named(folder / "work")
    tables = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common, "table", lambda *given, **_: tables.append(given))
        code, said = _run("cases", folder / "work" / "manifest.csv", folder / "raw")
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
    written = [path for path in _state(bad.raw) if path.suffix == ".gz"]
    assert len(written) == 2 * 5
    assert not [path for path in _state(bad.raw) if path.name.startswith(".")]


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


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two good patients with labels, and the dataset of a conversion that nothing disturbed."""
    folder = tmp_path_factory.mktemp("two")
    for seed, name in enumerate(GOOD):
        _written(folder / "studies" / name, seed)
    assert _run("scan", folder / "studies", "-o", folder / "work")[0] == 0
    scanned = _state(folder / "work")
    _named(folder / "work")
    assert _run("cases", folder / "work" / "manifest.csv", folder / "raw")[0] == 0
    return folder, scanned


@pytest.fixture
def again(two, tmp_path):
    """The folder of the scan with the key of the ids, where nothing is converted yet."""
    shutil.copytree(two[0] / "work", tmp_path / "work")
    return two[0], tmp_path / "work" / "manifest.csv", tmp_path / "raw"


@contextlib.contextmanager
def _full(most_bytes):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_ends_the_command_and_the_next_one_goes_on(again):
    two, manifest, raw = again
    with _full(60_000):  # more than the headers need, and less than an image
        code, said = _run("cases", manifest, raw)
    assert code == 2
    assert "There is no room for this file" in said
    assert "Make room" in said
    assert "Traceback" not in said
    assert not [path for path in _state(raw) if path.suffix in {".json", ".csv"}]
    assert _run("cases", manifest, raw)[0] == 0
    assert _state(raw) == _as_named(two, raw)


def test_a_full_disk_under_a_scan(two, tmp_path):
    with _full(3000):
        code, said = _run("scan", two[0] / "studies", "-o", tmp_path / "work")
    assert code == 2
    assert "There is no room for this file" in said
    assert _run("scan", two[0] / "studies", "-o", tmp_path / "work")[0] == 0
    assert _state(tmp_path / "work") == two[1]


def _without_links_and_permissions(monkeypatch):
    """A disk as that of a USB stick, which refuses to change permissions, too."""

    def refused(place, *_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted", str(place))

    for name in ("link", "symlink", "chmod", "fchmod", "chown"):
        monkeypatch.setattr(os, name, refused)


def test_a_disk_without_hard_links_and_permissions(two, again, tmp_path, monkeypatch):
    _without_links_and_permissions(monkeypatch)
    folder, manifest, raw = again
    assert _run("scan", folder / "studies", "-o", tmp_path / "other")[0] == 0
    assert _state(tmp_path / "other") == two[1]
    assert _run("cases", manifest, raw)[0] == 0
    assert _state(raw) == _as_named(folder, raw)


def _as_named(two, raw):
    """What undisturbed work wrote; the name of the dataset is that of its folder."""
    expected = _state(two / "raw")
    name = Path("dataset.json")
    return {**expected, name: expected[name].replace(b'"raw"', f'"{raw.name}"'.encode())}


class KilledError(BaseException):
    """Ends the work at once."""


def _ended_at(patch, nth):
    """Let the nth file not come to its place, as where the process is killed just before."""
    count, replace = itertools.count(1), Path.replace

    def instead(path, target):
        if next(count) == nth:
            raise KilledError
        return replace(path, target)

    patch.setattr(Path, "replace", instead)


def _runs_until_whole(*words):
    """Run again and again, each time ended one file later."""
    code, nth = None, 0
    while code is None:
        nth += 1
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KilledError):
            _ended_at(patch, nth)
            code = _run(*words)[0]
    return code, nth


def test_a_conversion_that_is_ended_at_any_file_goes_on_to_the_same_bytes(again):
    two, manifest, raw = again
    code, n_runs = _runs_until_whole("cases", manifest, raw)
    assert code == 0
    assert n_runs > 6
    assert _state(raw) == _as_named(two, raw)


def test_a_scan_that_is_ended_at_any_file_goes_on_to_the_same_bytes(two, tmp_path):
    code, n_runs = _runs_until_whole("scan", two[0] / "studies", "-o", tmp_path / "work")
    assert code == 0
    assert n_runs > 4
    assert _state(tmp_path / "work") == two[1]


def test_what_a_row_no_longer_wants_goes_also_where_the_work_was_ended(again):
    _, manifest, raw = again
    assert _run("cases", manifest, raw)[0] == 0
    rows = read_rows(manifest)
    rows[0] |= {"split": "test", "lesion_roi": "", "structures": ""}
    write_rows(manifest, rows)
    shutil.copytree(raw, raw.with_name("other"))
    assert _runs_until_whole("cases", manifest, raw)[0] == 0
    assert _run("cases", manifest, raw.with_name("other"))[0] == 0
    other, whole = _state(raw.with_name("other")), _state(raw)
    assert other == whole
    assert len([path for path in whole if path.parent.name.startswith("masks")]) == 3


def test_another_table_of_the_same_name_is_not_overwritten(two, tmp_path):
    (tmp_path / "series.csv").write_text("mine")
    code, said = _run("scan", two[0] / "studies", "-o", tmp_path)
    assert code == 2
    assert "another table of the same name" in said
    assert _state(tmp_path) == {Path("series.csv"): b"mine"}


def test_studies_that_are_gone_are_named_without_their_place(two, tmp_path):
    work = shutil.copytree(two[0] / "work", tmp_path / "work")
    for studies in (tmp_path / "Muster", tmp_path / "Muster2"):
        (work / "studies.txt").write_text(f"{studies}\n")
        if studies.name == "Muster2":
            studies.mkdir()  # and empty
        code, said = _run("cases", work / "manifest.csv", tmp_path / "raw")
        assert code == 2
        assert "studies.txt" in said
        assert "Put them back" in said
        assert "Muster" not in said


def test_names_of_files_that_are_no_text_do_not_end_a_scan(two, tmp_path):
    studies = os.fsencode(tmp_path / "studies")
    os.mkdir(studies)  # noqa: PTH102 - bytes
    name = studies + b"/\xff\xfe"
    shutil.copytree(os.fsencode(two[0] / "studies" / GOOD[0]), name)
    code, said = _run("scan", tmp_path / "studies", "-o", tmp_path / "work")
    assert code == 1
    assert "1 x The path of this image is not text" in said
    (row,) = read_rows(tmp_path / "work" / "manifest.csv")
    assert row["dose"]
    (unread,) = read_rows(tmp_path / "work" / "unread.csv")
    assert unread["file"] == "\\udcff\\udcfe/mask_of_Jane.nii.gz"
    assert _run("scan", tmp_path / "studies", "-o", tmp_path / "work")[0] == 1


def test_wrong_columns_are_named(again):
    _, manifest, raw = again
    manifest.write_text(manifest.read_text().replace("label", "lable", 1))
    code, said = _run("cases", manifest, raw)
    assert code == 2
    assert "columns of this manifest are not right" in said
    assert "without label" in said
    assert "1 unknown: 'lable'" in said
    assert not raw.exists()


DEADLY_DECODER = """
import os, signal

class Version:
    @staticmethod
    def GetVersion():
        return "3.0.24"

class Fragment:
    def __init__(self):
        {}
"""
"""In the place of GDCM, which is imported again in each process that is started."""


def _hostile(two, tmp_path, monkeypatch, body):
    """The patients, of whom one has an image on which the decoder does as it is told."""
    studies = shutil.copytree(two[0] / "studies", tmp_path / "studies")
    for file in (studies / GOOD[1] / "B").iterdir():
        data = dcmread(file)
        data.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        data.PixelData = encapsulate([b"\xff\xd8\xff\xc3 hostile "])
        data["PixelData"].is_undefined_length = True
        save(data, file)
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "gdcm.py").write_text(DEADLY_DECODER.format(body))
    monkeypatch.syspath_prepend(tmp_path / "libraries")
    return studies


@pytest.mark.usefixtures("spawned_workers")
def test_an_image_that_crashes_its_decoder_costs_its_own_case_alone(two, tmp_path, monkeypatch):
    body = "os.kill(os.getpid(), signal.SIGSEGV)"
    studies = _hostile(two, tmp_path, monkeypatch, body)
    assert _run("scan", studies, "-o", tmp_path / "work")[0] == 0
    shutil.copy(two[0] / "work" / "pseudonym.key", tmp_path / "work")
    _named(tmp_path / "work")
    code, said = _run("cases", tmp_path / "work" / "manifest.csv", tmp_path / "raw")
    assert code == 1
    assert "1 case converted, 0 unchanged, 1 failed" in said
    assert "SIGSEGV" in said
    expected = _state(two[0] / "raw")
    (case,) = {path.name for path in (tmp_path / "raw" / "provenance").iterdir()}
    written = {
        path: text for path, text in _state(tmp_path / "raw").items() if case[:-5] in str(path)
    }
    assert written == {path: text for path, text in expected.items() if case[:-5] in str(path)}


@pytest.mark.usefixtures("spawned_workers")
def test_an_image_on_which_its_decoder_hangs_costs_its_own_case_alone(two, tmp_path, monkeypatch):
    # In a library, which lets no thread of its process go on.
    body = "import ctypes; ctypes.PyDLL(None).sleep(600)"
    studies = _hostile(two, tmp_path, monkeypatch, body)
    work, raw = tmp_path / "work", tmp_path / "raw"
    shutil.copytree(two[0] / "raw", raw)
    assert _run("scan", studies, "-o", work)[0] == 0
    shutil.copy(two[0] / "work" / "pseudonym.key", work)
    _named(work)
    before = _state(raw / "imagesTr")
    code, said = _run("cases", work / "manifest.csv", raw, "--case_timeout", "3")
    assert code == 1
    assert "0 cases converted, 1 unchanged, 1 failed" in said
    assert "took longer than 3 s" in said
    assert "--case_timeout" in said
    assert _state(raw / "imagesTr") == before
