"""Datasets, images and processes that fail while they are planned and preprocessed."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ricenet_v2.cli import common
from ricenet_v2.core import documents
from ricenet_v2.core.errors import GeometryError, KilledError, LateError, RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.cohort import CohortResult, preprocess_dataset
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset
from ricenet_v2.store.stored_image import StoredImage
from tests.cli.tiny_dataset import (
    ARGUMENTS,
    NAME,
    files_below,
    run,
    some_cases,
    stored_arrays,
    write_tiny,
)
from tests.forked import ForkServer
from tests.hostile_case import deadly, endless_file, read_endless


def test_an_unusable_dataset_leaves_only_the_findings(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny.raw / "imagesTr" / "case03_0001.nii.gz").unlink()
    assert run(tmp_path) == 2
    assert files_below(tiny.preprocessed) == {"integrity.json"}
    (finding,) = documents.read(Integrity, tiny.integrity).findings
    assert (finding.check, finding.case) == ("missing channel", "case03")
    out = capsys.readouterr().out
    assert "missing channel" in out
    assert "errors: 1, warnings: 0" in out


def test_cases_that_fail_are_listed(
    tmp_path: Path,
    tiny: DatasetPaths,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ricenet_v2.preprocessing import pipeline

    whole = pipeline.preprocess_channels

    def broken(*args: object, **more: object) -> object:
        if any(isinstance(value, str) and value == "case04" for value in args):
            raise GeometryError("Planted.", case="case04")
        return whole(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("ricenet_v2.preprocessing.cohort.preprocess_channels", broken)
    assert run(tmp_path) == 1
    out = capsys.readouterr().out
    assert "Preprocessed 10 cases, 0 were already done, 1 failed" in out
    assert "Planted." in out
    assert len(list(tiny.cases().glob("*.b2nd"))) == 10


def test_a_run_that_was_killed_goes_on_where_it_was(
    tmp_path: Path, fork_server: ForkServer
) -> None:
    """SIGKILL after the first, fourth and seventh case; then the result is that of one run."""
    cases = some_cases(10)
    whole, broken = write_tiny(tmp_path / "whole", cases), write_tiny(tmp_path / "broken", cases)
    assert run(tmp_path / "whole") == 0
    words = ["ricenet_plan_and_preprocess", NAME, "--workspace", str(tmp_path / "broken")]
    for enough in (1, 4, 7):
        process = fork_server.start([*words, *ARGUMENTS])
        while process.poll() is None and len(stored_arrays(broken)) < enough:
            time.sleep(0.001)
        process.kill()
        process.wait()
    assert 0 < len(stored_arrays(broken)) <= 10
    assert run(tmp_path / "broken") == 0
    names = files_below(whole.preprocessed)
    assert {n for n in files_below(broken.preprocessed) if ".partial" not in n} == names
    for name in names:
        there = (broken.preprocessed / name).read_bytes()
        # The plan and its page keep the command, which names the workspace.
        there = there.replace(str(tmp_path / "broken").encode(), str(tmp_path / "whole").encode())
        assert there == (whole.preprocessed / name).read_bytes(), name


@pytest.mark.usefixtures("processes_for_little_work")
def test_a_killed_worker_is_named_and_ends_nothing_else(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    """While images are checked; once it costs nothing, twice it is exit code 1."""
    whole = load_raw_dataset(tiny.raw)

    def hostile(folder: Path) -> RawDataset:
        kills = tmp_path / f"kills{times}"
        return dataclasses.replace(whole, cases=(deadly(whole.cases[0], kills, times), *rest))

    rest = whole.cases[1:]
    monkeypatch.setattr("ricenet_v2.api.planning_work.load_raw_dataset", hostile)
    times = 2
    assert run(tmp_path, "--num_workers", "2", "--verify_only") == 1
    told = capsys.readouterr().out
    assert "killed process" in told
    (fault,) = documents.read(Integrity, tiny.integrity).errors
    assert (fault.check, fault.case) == ("killed process", "case00")
    assert "SIGKILL" in fault.found
    assert documents.read(Integrity, tiny.integrity).n_images == 2 * len(rest)
    times = 1
    assert run(tmp_path, "--num_workers", "2", "--verify_only") == 0


@pytest.mark.usefixtures("processes_for_little_work")
def test_cases_that_were_killed_in_preprocessing_are_exit_code_1(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    def hostile(raw: RawDataset, *given: Any, **named: Any) -> CohortResult:
        bad = deadly(raw.cases[0], tmp_path / "kills", 2)
        changed = dataclasses.replace(raw, cases=(bad, *raw.cases[1:]))
        return preprocess_dataset(changed, *given, **named)

    monkeypatch.setattr("ricenet_v2.api.planning_work.preprocess_dataset", hostile)
    assert run(tmp_path, "--num_workers", "2") == 1
    assert "killed twice" in capsys.readouterr().out
    assert len(stored_arrays(tiny)) == 10
    assert not (tiny.cases() / "case00.b2nd").exists()


@pytest.mark.parametrize("kind", [KilledError, LateError])
def test_cases_that_were_killed_or_given_up_while_measured_are_exit_code_1(
    capsys: pytest.CaptureFixture[str], kind: type[RicenetError]
) -> None:
    def ends() -> int:
        raise kind("1 case(s) could not be processed; all others are done.", case="C1")

    assert common.run(ends) == 1
    assert "case: C1" in capsys.readouterr().err


def test_a_case_that_never_ends_is_given_up_and_all_others_are_looked_at(
    tmp_path: Path, tiny: DatasetPaths, monkeypatch
) -> None:
    read = StoredImage.read

    def slow(image: StoredImage) -> tuple[Any, Grid]:
        if image.path.name.startswith("case03"):
            read_endless(pipe)
        return read(image)

    monkeypatch.setattr(StoredImage, "read", slow)
    with endless_file(tmp_path) as pipe:
        assert run(tmp_path, "--verify_only", "--case_timeout", "2") == 1
    found = documents.read(Integrity, tiny.integrity)
    assert [(one.check, one.case) for one in found.errors] == [("took too long", "case03")]
    assert found.n_images == 2 * 10


def test_pipes_in_place_of_images_are_named_and_not_waited_for(
    tmp_path: Path, tiny: DatasetPaths
) -> None:
    for case in ("case01", "test0"):
        (path,) = tiny.raw.glob(f"images*/{case}_0000.nii.gz")
        path.unlink()
        os.mkfifo(path)
    assert run(tmp_path) == 2
    errors = documents.read(Integrity, tiny.integrity).errors
    assert [(one.check, one.case) for one in errors] == [
        ("unreadable file", "case01"),
        ("unreadable file", "test0"),
    ]
    assert all("a named pipe" in one.found for one in errors)


def test_a_damaged_fingerprint_is_told_and_written_anew(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--plan_only") == 0
    assert "Warning" not in capsys.readouterr().out
    whole = tiny.fingerprint.read_bytes()
    assert whole.count(b'"mean": 1') > 1
    tiny.fingerprint.write_bytes(whole.replace(b'"mean": 1', b'"mean": 3', 1))
    assert run(tmp_path, "--plan_only") == 0
    assert "dataset_fingerprint.json: This document is damaged" in capsys.readouterr().out
    assert tiny.fingerprint.read_bytes() == whole
    # Those of earlier versions have neither hash nor labels.
    fields = json.loads(whole)
    for name in ("seal", "labels", "patients"):
        del fields[name]
    tiny.fingerprint.write_text(json.dumps(fields))
    assert run(tmp_path, "--plan_only") == 0
    assert "Warning" not in capsys.readouterr().out
    assert tiny.fingerprint.read_bytes() == whole
