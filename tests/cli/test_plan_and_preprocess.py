"""From a raw folder to preprocessed cases: exit codes, what is written, what is kept."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ricenet_v2.cli import common
from ricenet_v2.cli.plan_and_preprocess import build_parser, main
from ricenet_v2.core import documents
from ricenet_v2.core.command import text_of
from ricenet_v2.core.errors import GeometryError, KilledError, LateError, RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.cohort import CohortResult, preprocess_dataset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.reporting.plan.options import OPTIONS
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.paths import DatasetPaths, dataset_paths
from ricenet_v2.store.raw import (
    RawDataset,
    image_path,
    images_folder,
    load_raw_dataset,
    write_raw_tables,
)
from tests.hostile_case import deadly, endless_file, read_endless

NAME = "Dataset901_Tiny"
SHARED = Path(
    os.environ.get(
        "RICENET_SHARED_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"
    )
)
BRAINS = SHARED / "pyradiomics-brain"
ARGUMENTS = ("--num_workers", "1", "--gpu_memory_gb", "2")


def _cases(count: int) -> list[Case]:
    return [Case(f"case{n:02d}", f"p{n:02d}", ("tumour", "RICE")[n % 2]) for n in range(count)]


def _write(workspace: Path, cases: list[Case]) -> DatasetPaths:
    """A raw dataset of two channels with 16 voxels a side."""
    folder = workspace / "raw" / NAME
    channels = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))
    write_raw_tables(folder, Dataset(NAME, channels, ("tumour", "RICE")), cases)
    for case in cases:
        rng = np.random.default_rng(list(case.case_id.encode()))
        mri = np.zeros((16, 16, 16), dtype=np.float32)
        mri[2:14, 2:14, 2:14] = rng.normal(100, 10, (12, 12, 12))
        dose = (60 * rng.uniform(0, 1, (16, 16, 16))).astype(np.float32)
        for index, image in enumerate((mri, dose)):
            path = image_path(images_folder(folder, case.split), case.case_id, index, ".nii.gz")
            write_image(path, image, Grid((16, 16, 16), (2.0, 2.0, 2.0)))
    return dataset_paths(NAME, workspace)


def _run(workspace: Path, *more: str) -> int:
    return main([NAME, "--workspace", str(workspace), *ARGUMENTS, *more])


@pytest.fixture
def tiny(tmp_path: Path) -> DatasetPaths:
    """Ten training cases and one test case."""
    return _write(tmp_path, [*_cases(10), Case("test0", "p99", "RICE", "test")])


def _files(folder: Path) -> set[str]:
    """Names below a folder, without the measurements of single cases."""
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return {name for name in names if not name.startswith("measurements/")}


def test_the_whole_way(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path) == 0
    ids = [f"case{n:02d}" for n in range(10)] + ["test0"]
    expected = {"integrity.json", "dataset_fingerprint.json", "ricenet_plan.json"}
    expected |= {"splits_final.json", "plan.html"} | {
        f"auto/{i}{e}" for i in ids for e in (".b2nd", ".json")
    }
    assert _files(tiny.preprocessed) == expected
    plan = documents.read(Plan, tiny.plan())
    assert plan.spacing == pytest.approx((2.0, 2.0, 2.0))
    splits = documents.read(Splits, tiny.splits)
    assert sorted(case for fold in splits.folds for case in fold.validation) == ids[:-1]
    text = capsys.readouterr().out
    assert "10 training cases of 10 patients: tumour 5, RICE 5" in text
    for decision in plan.decisions:
        assert decision.reason.split()[0] in text
    assert "Preprocessed 11 cases" in text


def test_a_second_run_changes_no_file(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path) == 0
    before = {p: p.read_bytes() for p in tiny.preprocessed.rglob("*") if p.is_file()}
    stamps = {p: p.stat().st_mtime_ns for p in tiny.cases().iterdir()}
    time.sleep(0.01)
    assert _run(tmp_path) == 0
    assert {p: p.read_bytes() for p in tiny.preprocessed.rglob("*") if p.is_file()} == before
    assert {p: p.stat().st_mtime_ns for p in tiny.cases().iterdir()} == stamps
    plan = documents.read(Plan, tiny.plan())
    words = [NAME, "--workspace", str(tmp_path), *ARGUMENTS]
    assert plan.command == ("ricenet_plan_and_preprocess", *words)
    assert text_of(plan.command) in unescape(tiny.page().read_text())
    assert "11 were there already" in capsys.readouterr().out
    # Damage is told, and undone.
    first, second = sorted(tiny.cases().glob("*.b2nd"))[:2]
    shutil.copyfile(first, second)
    assert _run(tmp_path) == 0
    told = capsys.readouterr().out
    assert f"Made anew, since what was there is damaged (1): {second.stem} (" in told
    assert "10 were there already" in told
    assert {p: p.read_bytes() for p in tiny.preprocessed.rglob("*") if p.is_file()} == before


def test_cases_that_left_the_table_are_named_and_deleted_only_with_overwrite(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path) == 0
    assert "not in cases.csv" not in capsys.readouterr().out
    other = tiny.preprocessed / "small"
    for folder in (tiny.cases(), other):
        folder.mkdir(exist_ok=True)
        for name in ("gone.b2nd", "gone.json", ".busy.b2nd", "notes.txt"):
            (folder / name).write_bytes(b"x")
    before = _files(tiny.preprocessed)
    assert _run(tmp_path) == 0
    out = capsys.readouterr().out
    assert f"Preprocessed in {tiny.cases()}, but not in cases.csv (1): gone." in out
    assert f"Preprocessed in {other}, but" in out
    assert _files(tiny.preprocessed) == before
    assert _run(tmp_path, "--overwrite") == 0
    out = capsys.readouterr().out
    assert f"Deleted from {tiny.cases()}, since not in cases.csv (1): gone" in out
    assert f"Preprocessed in {other}, but" in out
    assert before - _files(tiny.preprocessed) == {"auto/gone.b2nd", "auto/gone.json"}


def test_what_was_too_large_is_shown(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [NAME, "--workspace", str(tmp_path), "--num_workers", "1", "--plan_only"]
    assert main([*arguments, "--gpu_memory_gb", "0.0126", "--precision", "bfloat16"]) == 0
    plan = documents.read(Plan, tiny.plan())
    assert plan.memory.precision == "bfloat16"
    assert plan.memory.total <= 0.0126 * 1024**3 < plan.alternatives[-1].bytes
    out = capsys.readouterr().out
    assert "Too large for 0.0126 GiB" in out
    assert f"{plan.alternatives[-1].bytes / 1024**3:.3g} of 0.0126 GiB" in out
    assert main([*arguments, "--precision", "float32"]) == 2
    assert "precision bfloat16 instead of float32" in capsys.readouterr().err


def test_a_plan_that_was_broken_by_hand_is_refused(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, "--plan_only")
    fields = json.loads(tiny.plan().read_text())
    fields["input_size"][1] += 1
    tiny.plan().write_text(json.dumps(fields))
    assert _run(tmp_path, "--plan_only") == 2
    error = capsys.readouterr().err
    assert "input_size: the product of network.strides" in error
    assert str(tiny.plan()) in error


def test_an_unusable_dataset_leaves_only_the_findings(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny.raw / "imagesTr" / "case03_0001.nii.gz").unlink()
    assert _run(tmp_path) == 2
    assert _files(tiny.preprocessed) == {"integrity.json"}
    (finding,) = documents.read(Integrity, tiny.integrity).findings
    assert (finding.check, finding.case) == ("missing channel", "case03")
    out = capsys.readouterr().out
    assert "missing channel" in out
    assert "errors: 1, warnings: 0" in out


def test_verify_only_and_plan_only_stop_there(tmp_path: Path, tiny: DatasetPaths) -> None:
    assert _run(tmp_path, "--verify_only") == 0
    assert _files(tiny.preprocessed) == {"integrity.json"}
    assert _run(tmp_path, "--plan_only") == 0
    assert _files(tiny.preprocessed) == {
        "integrity.json",
        "dataset_fingerprint.json",
        "ricenet_plan.json",
        "splits_final.json",
        "plan.html",
    }


def test_the_page_shows_the_plan_as_it_stands(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, "--plan_only") == 0
    assert f"Plan page: {tiny.page()}" in capsys.readouterr().out
    made = tiny.page().read_text(encoding="utf-8")
    assert "<dt>epochs</dt><dd>123</dd>" not in made
    fields = json.loads(tiny.plan().read_text())
    fields["training"]["epochs"] = 123
    tiny.plan().write_text(json.dumps(fields))
    assert _run(tmp_path, "--plan_only") == 0
    assert "<dt>epochs</dt><dd>123</dd>" in tiny.page().read_text(encoding="utf-8")


def test_a_plan_whose_network_cannot_be_built_is_refused(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, "--plan_only") == 0
    fields = json.loads(tiny.plan().read_text())
    fields["input_size"] = [17, 16, 16]
    tiny.plan().write_text(json.dumps(fields))
    assert _run(tmp_path, "--plan_only") == 2
    assert "input_size: the product of network.strides" in capsys.readouterr().err


def test_the_page_names_options_that_exist() -> None:
    text = build_parser().format_help()
    for option, _ in OPTIONS:
        assert option.split()[0] in text


def _tilt(paths: DatasetPaths, case: str, degrees: float) -> None:
    turn = tuple(Rotation.from_euler("x", degrees, degrees=True).as_matrix().ravel())
    for path in sorted((paths.raw / "imagesTr").glob(f"{case}_*")):
        voxels, _ = read_image(path)
        write_image(path, voxels, Grid((16, 16, 16), (2.0, 2.0, 2.0), direction=turn))


def test_tilted_images_are_told_and_straightened_where_it_is_asked_for(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    _tilt(tiny, "case00", 44)
    _tilt(tiny, "case01", 46)
    assert _run(tmp_path) == 0
    warnings = documents.read(Integrity, tiny.integrity).warnings
    assert {one.check: one.case for one in warnings} == {
        "tilted image": "case01",
        "axes change places": "",
    }
    assert "--straighten" in capsys.readouterr().out
    before = documents.read(Plan, tiny.plan())
    assert not before.straighten
    assert _run(tmp_path, "--straighten") == 2
    said = capsys.readouterr().err
    assert "straighten False instead of True" in said
    assert "other training data" not in said
    assert _run(tmp_path, "--straighten", "--overwrite") == 0
    plan = documents.read(Plan, tiny.plan())
    assert plan.straighten
    assert plan.decisions[-1].what == "straightening"
    assert documents.read(Integrity, tiny.integrity).warnings == ()
    records = {
        name: documents.read(PreprocessedCase, tiny.cases() / f"{name}.json")
        for name in ("case00", "case01", "case02")
    }
    assert [record.straight is not None for record in records.values()] == [True, True, False]
    # The plan stays as it is where nothing is said, and so do the cases.
    assert _run(tmp_path) == 0
    assert documents.read(Plan, tiny.plan()) == plan
    assert _run(tmp_path, "--overwrite") == 0
    assert not documents.read(Plan, tiny.plan()).straighten


def test_each_preset_has_its_page(tiny: DatasetPaths) -> None:
    assert (tiny.page().name, tiny.page("paper").name) == ("plan.html", "plan_paper.html")


def test_edits_of_the_plan_by_hand_survive(tmp_path: Path, tiny: DatasetPaths) -> None:
    _run(tmp_path, "--plan_only")
    fields = json.loads(tiny.plan().read_text())
    fields["training"]["epochs"] = 123
    edited = json.dumps(fields)
    tiny.plan().write_text(edited)
    assert _run(tmp_path, "--plan_only") == 0
    assert tiny.plan().read_text() == edited
    assert documents.read(Plan, tiny.plan()).training.epochs == 123
    assert _run(tmp_path, "--plan_only", "--overwrite") == 0
    assert documents.read(Plan, tiny.plan()).training.epochs != 123


def test_other_arguments_need_overwrite(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ("--plan_only", "--spacing", "2.5", "2.5", "2.5")
    _run(tmp_path, "--plan_only")
    before = tiny.plan().read_text()
    assert _run(tmp_path, *other) == 2
    error = capsys.readouterr().err
    assert "--overwrite" in error
    assert "spacing" in error
    assert tiny.plan().read_text() == before
    assert _run(tmp_path, *other, "--overwrite") == 0
    assert documents.read(Plan, tiny.plan()).spacing == (2.5, 2.5, 2.5)
    assert _run(tmp_path, *other) == 0


def test_other_cases_need_overwrite_and_nothing_is_written(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, "--plan_only")
    before = {p: p.read_bytes() for p in tiny.preprocessed.glob("[!i]*.json")}
    _write(tmp_path, _cases(12))
    assert _run(tmp_path, "--plan_only") == 2
    assert "2 new (" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in tiny.preprocessed.glob("[!i]*.json")} == before
    assert _run(tmp_path, "--plan_only", "--overwrite") == 0
    splits = documents.read(Splits, tiny.splits)
    assert sum(len(fold.validation) for fold in splits.folds) == 12


def test_a_dataset_that_became_too_small_keeps_no_folds(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, "--plan_only")
    assert tiny.splits.is_file()
    _write(tmp_path, _cases(6))
    assert _run(tmp_path, "--plan_only", "--overwrite") == 0
    assert "ricenet_train will refuse this dataset" in capsys.readouterr().out
    assert not tiny.splits.exists()


def test_changed_images_of_the_same_cases_need_overwrite(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, "--plan_only")
    path = tiny.raw / "imagesTr" / "case00_0000.nii.gz"
    voxels, grid = read_image(path)
    write_image(path, voxels * 2, grid)
    assert _run(tmp_path, "--plan_only") == 2
    assert "other training data" in capsys.readouterr().err


def test_patients_that_were_joined_make_old_folds_leak(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, "--plan_only")
    cases = [
        Case(case.case_id, "same" if n < 4 else case.patient_id, case.label)
        for n, case in enumerate(_cases(10))
    ]
    _write(tmp_path, cases)
    assert _run(tmp_path, "--plan_only") == 2
    assert "patients on both sides: same" in capsys.readouterr().err


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
    assert _run(tmp_path) == 1
    out = capsys.readouterr().out
    assert "Preprocessed 10 cases, 0 were there already, 1 failed" in out
    assert "Planted." in out
    assert len(list(tiny.cases().glob("*.b2nd"))) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        ("--spacing", "0", "1", "1"),
        ("--gpu_memory_gb", "-1"),
        ("--num_workers", "0"),
        ("--batch_size", "x"),
        ("--preset", "nonsense"),
    ],
)
def test_wrong_arguments_end_with_2(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(tmp_path, *wrong)
    assert caught.value.code == 2


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """SIGKILL after the first, fourth and seventh case; then the result is that of one run."""
    cases = _cases(10)
    whole, broken = _write(tmp_path / "whole", cases), _write(tmp_path / "broken", cases)
    assert _run(tmp_path / "whole") == 0
    code = "import sys; from ricenet_v2.cli.plan_and_preprocess import main; sys.exit(main())"
    arguments = [NAME, "--workspace", str(tmp_path / "broken"), *ARGUMENTS]
    for enough in (1, 4, 7):
        with subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while process.poll() is None and len(_stored(broken)) < enough:
                time.sleep(0.001)
            process.kill()
    assert 0 < len(_stored(broken)) <= 10
    assert _run(tmp_path / "broken") == 0
    names = _files(whole.preprocessed)
    assert {n for n in _files(broken.preprocessed) if ".partial" not in n} == names
    for name in names:
        there = (broken.preprocessed / name).read_bytes()
        # The plan and its page keep the command, which names the workspace.
        there = there.replace(str(tmp_path / "broken").encode(), str(tmp_path / "whole").encode())
        assert there == (whole.preprocessed / name).read_bytes(), name


def _stored(paths: DatasetPaths) -> list[Path]:
    return [path for path in paths.cases().glob("*.b2nd") if not path.name.startswith(".")]


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
    monkeypatch.setattr("ricenet_v2.api.planning.load_raw_dataset", hostile)
    times = 2
    assert _run(tmp_path, "--num_workers", "2", "--verify_only") == 1
    told = capsys.readouterr().out
    assert "killed process" in told
    (fault,) = documents.read(Integrity, tiny.integrity).errors
    assert (fault.check, fault.case) == ("killed process", "case00")
    assert "SIGKILL" in fault.found
    assert documents.read(Integrity, tiny.integrity).n_images == 2 * len(rest)
    times = 1
    assert _run(tmp_path, "--num_workers", "2", "--verify_only") == 0


@pytest.mark.usefixtures("processes_for_little_work")
def test_cases_that_were_killed_in_preprocessing_are_exit_code_1(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    def hostile(raw: RawDataset, *given: Any, **named: Any) -> CohortResult:
        bad = deadly(raw.cases[0], tmp_path / "kills", 2)
        changed = dataclasses.replace(raw, cases=(bad, *raw.cases[1:]))
        return preprocess_dataset(changed, *given, **named)

    monkeypatch.setattr("ricenet_v2.api.planning.preprocess_dataset", hostile)
    assert _run(tmp_path, "--num_workers", "2") == 1
    assert "killed twice" in capsys.readouterr().out
    assert len(_stored(tiny)) == 10
    assert not (tiny.cases() / "case00.b2nd").exists()


@pytest.mark.parametrize("kind", [KilledError, LateError])
def test_cases_that_were_killed_or_given_up_while_measured_are_exit_code_1(
    capsys: pytest.CaptureFixture[str], kind: type[RicenetError]
) -> None:
    def ends() -> int:
        raise kind("1 case(s) could not be worked on; all others are done.", case="C1")

    assert common.run(ends) == 1
    assert "case: C1" in capsys.readouterr().err


def test_a_case_that_never_ends_is_given_up_and_all_others_are_looked_at(
    tmp_path: Path, tiny: DatasetPaths, monkeypatch
) -> None:
    def slow(path: Path) -> tuple[Any, Grid]:
        if path.name.startswith("case03"):
            read_endless(pipe)
        return read_image(path)

    monkeypatch.setattr("ricenet_v2.fingerprinting.look.read_image", slow)
    with endless_file(tmp_path) as pipe:
        assert _run(tmp_path, "--verify_only", "--case_timeout", "3") == 1
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
    assert _run(tmp_path) == 2
    errors = documents.read(Integrity, tiny.integrity).errors
    assert [(one.check, one.case) for one in errors] == [
        ("unreadable file", "case01"),
        ("unreadable file", "test0"),
    ]
    assert all("a named pipe" in one.found for one in errors)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from ricenet_v2.cli.plan_and_preprocess import build_parser; build_parser();"
        "print([n for n in ('torch', 'SimpleITK', 'numpy', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["Dataset777_Nothing", "--workspace", str(tmp_path)]) == 2
    assert "no such dataset" in capsys.readouterr().err


@pytest.mark.skipif(
    not BRAINS.is_dir(), reason="set RICENET_SHARED_DATA to the folder of pyradiomics-brain"
)
def test_two_thick_sliced_brain_mri(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0.78 x 0.78 x 6.5 mm: the plan stays anisotropic, and two cases are enough to preprocess."""
    name = "Dataset902_Brains"
    folder = tmp_path / "raw" / name
    cases = [Case("brain1", "p1", "a"), Case("brain2", "p2", "b")]
    dataset = Dataset(name, (Channel("T1", "mri"),), ("a", "b"), file_ending=".nrrd")
    write_raw_tables(folder, dataset, cases)
    for case in cases:
        voxels, grid = read_image(BRAINS / f"{case.case_id}_image.nrrd")
        write_image(folder / "imagesTr" / f"{case.case_id}_0000.nrrd", voxels, grid)
    assert main([name, "--workspace", str(tmp_path), *ARGUMENTS]) == 0
    paths = dataset_paths(name, tmp_path)
    plan = documents.read(Plan, paths.plan())
    assert plan.spacing[0] == pytest.approx(6.5, abs=0.1)
    assert plan.spacing[0] > 3 * max(plan.spacing[1:])
    assert any("nisotrop" in decision.value + decision.reason for decision in plan.decisions)
    assert plan.network.kernel_sizes[0][0] == 1
    assert _files(paths.cases()) == {f"brain{n}{e}" for n in (1, 2) for e in (".b2nd", ".json")}
    out = capsys.readouterr().out
    assert "nisotrop" in out
    assert "no folds were made" in out
    assert "ricenet_train will refuse this dataset" in out
    assert not paths.splits.exists()


def test_folds_of_centres_stand_in_the_plan_and_are_not_replaced_in_silence(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        dataclasses.replace(case, covariates={"centre": "AABB"[n % 4]})
        for n, case in enumerate([*_cases(10), Case("test0", "p99", "RICE", "test")])
    ]
    channels = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))
    write_raw_tables(tiny.raw, Dataset(NAME, channels, ("tumour", "RICE")), cases)
    assert _run(tmp_path, "--plan_only") == 0
    capsys.readouterr()
    assert _run(tmp_path, "--plan_only", "--group", "centre") == 2
    assert "got: 5 folds, stratified by class" in capsys.readouterr().err
    assert _run(tmp_path, "--plan_only", "--group", "centre", "--overwrite") == 0
    made = documents.read(Splits, tiny.splits)
    assert (made.group, made.held_out) == ("centre", ("A", "B"))
    decision = documents.read(Plan, tiny.plan()).decisions[0]
    assert (decision.what, decision.value) == ("folds", "2, leave-one-group-out by centre")
    assert "0 A (6 cases), 1 B (4 cases)" in decision.reason


def test_a_plan_of_other_data_says_what_changed(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tiny.raw / "cases.csv"
    sound = table.read_text()
    assert _run(tmp_path, "--plan_only") == 0
    table.write_text(sound.replace("case03,p03,RICE", "case03,p03,tumour"))
    assert _run(tmp_path, "--plan_only") == 2
    told = capsys.readouterr().err
    assert "other training data (1 case(s) with another label: case03: RICE then, tumour now)" in (
        " ".join(told.split())
    )
    # Two labels that change places change nothing in the plan, and are told all the same.
    table.write_text(
        sound.replace("case03,p03,RICE", "case03,p03,tumour").replace(
            "case04,p04,tumour", "case04,p04,RICE"
        )
    )
    assert _run(tmp_path, "--plan_only") == 0
    assert "2 case(s) with another label: case03: RICE then" in capsys.readouterr().out
    assert _run(tmp_path, "--plan_only") == 0
    assert "another label" not in capsys.readouterr().out


def test_a_damaged_fingerprint_is_told_and_written_anew(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, "--plan_only") == 0
    assert "Warning" not in capsys.readouterr().out
    whole = tiny.fingerprint.read_bytes()
    assert whole.count(b'"mean": 1') > 1
    tiny.fingerprint.write_bytes(whole.replace(b'"mean": 1', b'"mean": 3', 1))
    assert _run(tmp_path, "--plan_only") == 0
    assert "dataset_fingerprint.json: This document is damaged" in capsys.readouterr().out
    assert tiny.fingerprint.read_bytes() == whole
    # Those of earlier versions have neither hash nor labels.
    fields = json.loads(whole)
    for name in ("seal", "labels", "patients"):
        del fields[name]
    tiny.fingerprint.write_text(json.dumps(fields))
    assert _run(tmp_path, "--plan_only") == 0
    assert "Warning" not in capsys.readouterr().out
    assert tiny.fingerprint.read_bytes() == whole


def test_an_input_that_is_smaller_than_the_patients_is_a_warning(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, "--plan_only", "--input_size", "8", "8", "8") == 0
    told = " ".join(capsys.readouterr().out.split())
    # Of 12 voxels a side, 8 are seen: 1 - (2/3)^3 = 70 %.
    assert (
        "Warning: the input of 8 x 8 x 8 voxels of 2 x 2 x 2 mm (z, y, x) is smaller than the "
        "patient in 10 of 10 training cases. They lose 70% of the box around the patient (median), "
        "and at most 70% (case00)."
    ) in told
    assert "--overwrite) without --input_size, or with --spacing 3 3 3 too" in told
    spacing = ("--spacing", "3", "3", "3")
    assert _run(tmp_path, "--plan_only", "--overwrite", *spacing, "--input_size", *"888") == 0
    assert "smaller than the patient" not in capsys.readouterr().out
