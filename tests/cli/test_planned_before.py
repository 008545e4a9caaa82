"""Planning where there is a plan already: what is kept, and what needs --overwrite."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import write_raw_tables
from tests.cli.tiny_dataset import NAME, files_below, run, some_cases, write_tiny


def test_cases_that_left_the_table_are_named_and_deleted_only_with_overwrite(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    assert "not in cases.csv" not in capsys.readouterr().out
    other = tiny.preprocessed / "small"
    for folder in (tiny.cases(), other):
        folder.mkdir(exist_ok=True)
        for name in ("gone.b2nd", "gone.json", ".busy.b2nd", "notes.txt"):
            (folder / name).write_bytes(b"x")
    before = files_below(tiny.preprocessed)
    assert run(tmp_path) == 0
    out = capsys.readouterr().out
    assert f"Preprocessed in {tiny.cases()}, but not in cases.csv (1): gone." in out
    assert f"Preprocessed in {other}, but" in out
    assert files_below(tiny.preprocessed) == before
    assert run(tmp_path, "--overwrite") == 0
    out = capsys.readouterr().out
    assert f"Deleted from {tiny.cases()}, since not in cases.csv (1): gone" in out
    assert f"Preprocessed in {other}, but" in out
    assert before - files_below(tiny.preprocessed) == {"auto/gone.b2nd", "auto/gone.json"}


def test_how_the_dataset_was_converted_follows_the_preprocessed_cases(
    tmp_path: Path, tiny: DatasetPaths
) -> None:
    golden = Path(__file__).parents[1] / "records" / "golden" / "ingest_1.json"
    source = tiny.raw / "ingest.json"
    shutil.copy(golden, source)
    assert run(tmp_path, "--plan_only") == 0
    assert not tiny.ingest().exists()
    assert run(tmp_path) == 0
    assert documents.read(IngestSettings, tiny.ingest()) == documents.read(IngestSettings, golden)
    source.unlink()
    assert run(tmp_path) == 0
    assert not tiny.ingest().exists()
    assert tiny.ingest("small").name == "ingest_small.json"


def test_a_plan_that_was_broken_by_hand_is_refused(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "--plan_only")
    fields = json.loads(tiny.plan().read_text())
    fields["input_size"][1] += 1
    tiny.plan().write_text(json.dumps(fields))
    assert run(tmp_path, "--plan_only") == 2
    error = capsys.readouterr().err
    assert "input_size: the product of network.strides" in error
    assert str(tiny.plan()) in error


def test_edits_of_the_plan_by_hand_survive(tmp_path: Path, tiny: DatasetPaths) -> None:
    run(tmp_path, "--plan_only")
    fields = json.loads(tiny.plan().read_text())
    fields["training"]["epochs"] = 123
    edited = json.dumps(fields)
    tiny.plan().write_text(edited)
    assert run(tmp_path, "--plan_only") == 0
    assert tiny.plan().read_text() == edited
    assert documents.read(Plan, tiny.plan()).training.epochs == 123
    assert run(tmp_path, "--plan_only", "--overwrite") == 0
    assert documents.read(Plan, tiny.plan()).training.epochs != 123


def test_other_arguments_need_overwrite(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ("--plan_only", "--spacing", "2.5", "2.5", "2.5")
    run(tmp_path, "--plan_only")
    before = tiny.plan().read_text()
    assert run(tmp_path, *other) == 2
    error = capsys.readouterr().err
    assert "--overwrite" in error
    assert "spacing" in error
    assert tiny.plan().read_text() == before
    assert run(tmp_path, *other, "--overwrite") == 0
    assert documents.read(Plan, tiny.plan()).spacing == (2.5, 2.5, 2.5)
    assert run(tmp_path, *other) == 0


def test_other_cases_need_overwrite_and_nothing_is_written(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "--plan_only")
    before = {p: p.read_bytes() for p in tiny.preprocessed.glob("[!i]*.json")}
    write_tiny(tmp_path, some_cases(12))
    assert run(tmp_path, "--plan_only") == 2
    assert "2 new (" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in tiny.preprocessed.glob("[!i]*.json")} == before
    assert run(tmp_path, "--plan_only", "--overwrite") == 0
    splits = documents.read(Splits, tiny.splits)
    assert sum(len(fold.validation) for fold in splits.folds) == 12


def test_a_dataset_that_became_too_small_is_refused_before_it_is_measured(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "--plan_only")
    assert tiny.splits.is_file()
    write_tiny(tmp_path, some_cases(6))
    capsys.readouterr()
    assert run(tmp_path, "--verify_only", "--overwrite") == 0
    assert "Warning: planning will refuse this dataset." in capsys.readouterr().out
    assert run(tmp_path, "--overwrite") == 2
    shown = capsys.readouterr()
    assert "Plan with --num_folds 3, the most that these cases make" in shown.err
    assert "training cases of" not in shown.out
    assert run(tmp_path, "--plan_only", "--overwrite", "--num_folds", "3") == 0
    assert len(documents.read(Splits, tiny.splits).folds) == 3
    assert run(tmp_path, "--plan_only") == 0
    assert run(tmp_path, "--plan_only", "--num_folds", "2") == 2
    assert "3 folds, stratified by class" in capsys.readouterr().err


def test_changed_images_of_the_same_cases_need_overwrite(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "--plan_only")
    path = tiny.raw / "imagesTr" / "case00_0000.nii.gz"
    voxels, grid = read_image(path)
    write_image(path, voxels * 2, grid)
    assert run(tmp_path, "--plan_only") == 2
    assert "other training data" in capsys.readouterr().err


def test_patients_that_were_joined_make_old_folds_leak(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "--plan_only")
    cases = [
        Case(case.case_id, "same" if n < 4 else case.patient_id, case.label)
        for n, case in enumerate(some_cases(10))
    ]
    write_tiny(tmp_path, cases)
    assert run(tmp_path, "--plan_only") == 2
    assert "patients on both sides: same" in capsys.readouterr().err


def test_folds_of_centres_stand_in_the_plan_and_are_not_replaced_in_silence(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        dataclasses.replace(case, covariates={"centre": "AABB"[n % 4]})
        for n, case in enumerate([*some_cases(10), Case("test0", "p99", "RICE", "test")])
    ]
    channels = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))
    write_raw_tables(tiny.raw, Dataset(NAME, channels, ("tumour", "RICE")), cases)
    assert run(tmp_path, "--plan_only") == 0
    capsys.readouterr()
    assert run(tmp_path, "--plan_only", "--group", "centre") == 2
    assert "got: 5 folds, stratified by class" in capsys.readouterr().err
    assert run(tmp_path, "--plan_only", "--group", "centre", "--overwrite") == 0
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
    assert run(tmp_path, "--plan_only") == 0
    table.write_text(sound.replace("case03,p03,RICE", "case03,p03,tumour"))
    assert run(tmp_path, "--plan_only") == 2
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
    assert run(tmp_path, "--plan_only") == 0
    assert "2 case(s) with another label: case03: RICE then" in capsys.readouterr().out
    assert run(tmp_path, "--plan_only") == 0
    assert "another label" not in capsys.readouterr().out
