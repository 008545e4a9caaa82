"""Full disks, killed commands, decoders that crash, tables of something else: nothing is lost."""

import contextlib
import errno
import itertools
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from ricenet_v2.store.tables import read_rows, write_rows
from tests.ingest.conversions import GOOD, command, contents_of, fill_manifest, write_still_patient
from tests.ingest.dicom_writer import save

pytestmark = pytest.mark.usefixtures("fine_checks", "no_case_pictures")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two good patients with labels, and the dataset of a conversion that nothing disturbed."""
    folder = tmp_path_factory.mktemp("two")
    for seed, name in enumerate(GOOD):
        write_still_patient(folder / "studies" / name, seed)
    assert command("scan", folder / "studies", "-o", folder / "work")[0] == 0
    scanned = contents_of(folder / "work")
    fill_manifest(folder / "work")
    assert command("cases", folder / "work" / "manifest.csv", folder / "raw")[0] == 0
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
        code, said = command("cases", manifest, raw)
    assert code == 2
    assert "No space for this file" in said
    assert "Free disk space" in said
    assert "Traceback" not in said
    assert not [path for path in contents_of(raw) if path.suffix in {".json", ".csv"}]
    assert command("cases", manifest, raw)[0] == 0
    assert contents_of(raw) == _asfill_manifest(two, raw)


def test_a_full_disk_under_a_scan(two, tmp_path):
    with _full(3000):
        code, said = command("scan", two[0] / "studies", "-o", tmp_path / "work")
    assert code == 2
    assert "No space for this file" in said
    assert command("scan", two[0] / "studies", "-o", tmp_path / "work")[0] == 0
    assert contents_of(tmp_path / "work") == two[1]


def _without_links_and_permissions(monkeypatch):
    """A disk as that of a USB stick, which refuses to change permissions, too."""

    def refused(place, *_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted", str(place))

    for name in ("link", "symlink", "chmod", "fchmod", "chown"):
        monkeypatch.setattr(os, name, refused)


def test_a_disk_without_hard_links_and_permissions(two, again, tmp_path, monkeypatch):
    _without_links_and_permissions(monkeypatch)
    folder, manifest, raw = again
    assert command("scan", folder / "studies", "-o", tmp_path / "other")[0] == 0
    assert contents_of(tmp_path / "other") == two[1]
    assert command("cases", manifest, raw)[0] == 0
    assert contents_of(raw) == _asfill_manifest(folder, raw)


def _asfill_manifest(two, raw):
    """What undisturbed work wrote; the name of the dataset is that of its folder."""
    expected = contents_of(two / "raw")
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
            code = command(*words)[0]
    return code, nth


def test_a_conversion_that_is_ended_at_any_file_goes_on_to_the_same_bytes(again):
    two, manifest, raw = again
    code, n_runs = _runs_until_whole("cases", manifest, raw)
    assert code == 0
    assert n_runs > 6
    assert contents_of(raw) == _asfill_manifest(two, raw)


def test_a_scan_that_is_ended_at_any_file_goes_on_to_the_same_bytes(two, tmp_path):
    code, n_runs = _runs_until_whole("scan", two[0] / "studies", "-o", tmp_path / "work")
    assert code == 0
    assert n_runs > 4
    assert contents_of(tmp_path / "work") == two[1]


def test_what_a_row_no_longer_wants_goes_also_where_the_work_was_ended(again):
    _, manifest, raw = again
    assert command("cases", manifest, raw)[0] == 0
    rows = read_rows(manifest)
    rows[0] |= {"split": "test", "lesion_roi": "", "structures": ""}
    write_rows(manifest, rows)
    shutil.copytree(raw, raw.with_name("other"))
    assert _runs_until_whole("cases", manifest, raw)[0] == 0
    assert command("cases", manifest, raw.with_name("other"))[0] == 0
    other, whole = contents_of(raw.with_name("other")), contents_of(raw)
    assert other == whole
    assert len([path for path in whole if path.parent.name.startswith("masks")]) == 3


def test_another_table_of_the_same_name_is_not_overwritten(two, tmp_path):
    (tmp_path / "series.csv").write_text("mine")
    code, said = command("scan", two[0] / "studies", "-o", tmp_path)
    assert code == 2
    assert "another table of the same name" in said
    assert contents_of(tmp_path) == {Path("series.csv"): b"mine"}


def test_studies_that_are_gone_are_named_without_their_place(two, tmp_path):
    work = shutil.copytree(two[0] / "work", tmp_path / "work")
    for studies in (tmp_path / "Muster", tmp_path / "Muster2"):
        (work / "studies.txt").write_text(f"{studies}\n")
        if studies.name == "Muster2":
            studies.mkdir()  # and empty
        code, said = command("cases", work / "manifest.csv", tmp_path / "raw")
        assert code == 2
        assert "studies.txt" in said
        assert "Put them back" in said
        assert "Muster" not in said


def test_names_of_files_that_are_no_text_do_not_end_a_scan(two, tmp_path):
    studies = os.fsencode(tmp_path / "studies")
    os.mkdir(studies)  # noqa: PTH102 - bytes
    name = studies + b"/\xff\xfe"
    shutil.copytree(os.fsencode(two[0] / "studies" / GOOD[0]), name)
    code, said = command("scan", tmp_path / "studies", "-o", tmp_path / "work")
    assert code == 1
    assert "1 x The path of this image is not text" in said
    (row,) = read_rows(tmp_path / "work" / "manifest.csv")
    assert row["dose"]
    (unread,) = read_rows(tmp_path / "work" / "unread.csv")
    assert unread["file"] == "\\udcff\\udcfe/mask_of_Jane.nii.gz"
    assert command("scan", tmp_path / "studies", "-o", tmp_path / "work")[0] == 1


def test_wrong_columns_arefill_manifest(again):
    _, manifest, raw = again
    manifest.write_text(manifest.read_text().replace("label", "lable", 1))
    code, said = command("cases", manifest, raw)
    assert code == 2
    assert "columns of this manifest are wrong" in said
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
    assert command("scan", studies, "-o", tmp_path / "work")[0] == 0
    shutil.copy(two[0] / "work" / "pseudonym.key", tmp_path / "work")
    fill_manifest(tmp_path / "work")
    code, said = command("cases", tmp_path / "work" / "manifest.csv", tmp_path / "raw")
    assert code == 1
    assert "1 case converted, 0 unchanged, 1 failed" in said
    assert "SIGSEGV" in said
    expected = contents_of(two[0] / "raw")
    (case,) = {path.name for path in (tmp_path / "raw" / "provenance").iterdir()}
    written = {
        path: text for path, text in contents_of(tmp_path / "raw").items() if case[:-5] in str(path)
    }
    assert written == {path: text for path, text in expected.items() if case[:-5] in str(path)}


@pytest.mark.usefixtures("spawned_workers")
def test_an_image_on_which_its_decoder_hangs_costs_its_own_case_alone(two, tmp_path, monkeypatch):
    # In a library, which lets no thread of its process go on.
    body = "import ctypes; ctypes.PyDLL(None).sleep(600)"
    studies = _hostile(two, tmp_path, monkeypatch, body)
    work, raw = tmp_path / "work", tmp_path / "raw"
    shutil.copytree(two[0] / "raw", raw)
    assert command("scan", studies, "-o", work)[0] == 0
    shutil.copy(two[0] / "work" / "pseudonym.key", work)
    fill_manifest(work)
    before = contents_of(raw / "imagesTr")
    code, said = command("cases", work / "manifest.csv", raw, "--case_timeout", "3")
    assert code == 1
    assert "0 cases converted, 1 unchanged, 1 failed" in said
    assert "took longer than 3 s" in said
    assert "--case_timeout" in said
    assert contents_of(raw / "imagesTr") == before
