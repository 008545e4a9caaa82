"""The name of the home folder leaves what is written, and no command needs one."""

import logging
from pathlib import Path

import pytest

from ricenet_v2.core import documents, files
from ricenet_v2.core.command import portable
from ricenet_v2.core.places import without_home
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.training import fold_log


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "jane.doe"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_only_whole_paths_in_the_home_folder_are_shortened(home):
    assert without_home(f"{home}/a, '{home}' and file:{home}/b.") == "~/a, '~' and file:~/b."
    assert without_home(f"See {home}.") == "See ~."
    for other in (f"{home}s/a", f"/mnt{home}/a", f"{home}-old"):
        assert without_home(other) == other


def test_so_is_what_the_home_folder_leads_to(home, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    assert without_home(f"{home}/a {tmp_path / 'link'}/b") == "~/a ~/b"


@pytest.mark.parametrize("value", ["", "/", "relative"])
def test_what_is_no_home_shortens_nothing(value, monkeypatch):
    monkeypatch.setenv("HOME", value)
    assert without_home("/a/b relative/c .") == "/a/b relative/c ."


def test_a_user_without_a_home_types_and_writes(tmp_path, monkeypatch):
    def none_there():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none_there)
    assert portable(["/x/ricenet_train", "1", "0"]) == ("ricenet_train", "1", "0")
    files.write_text(tmp_path / "a.txt", "/home/a")
    assert (tmp_path / "a.txt").read_text() == "/home/a"


def test_texts_documents_and_logs_are_written_without_it(home, tmp_path):
    files.write_text(tmp_path / "a.txt", f"{home}/in")
    assert (tmp_path / "a.txt").read_text() == "~/in"
    sealed = Calibration(1, None, None, 1, 1, "", {}, (), (), warning=f"see {home}/in")
    documents.write(tmp_path / "calibration.json", sealed)
    assert documents.read(Calibration, tmp_path / "calibration.json").warning == "see ~/in"
    line = logging.makeLogRecord({"msg": "Fold 0 is trained: %s", "args": (home / "fold_0",)})
    assert fold_log._WithoutHome("%(message)s").format(line) == "Fold 0 is trained: ~/fold_0"
