"""From a raw folder to preprocessed cases: exit codes, what is written, what is shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from html import unescape
from pathlib import Path

import pytest
from scipy.spatial.transform import Rotation

from ricenet_v2.cli.plan_and_preprocess import build_parser, main
from ricenet_v2.core import documents
from ricenet_v2.core.command import text_of
from ricenet_v2.core.grid import Grid
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.reporting.plan.options import all_options
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import write_raw_tables
from ricenet_v2.store.workspace import dataset_paths
from tests.cli.tiny_dataset import ARGUMENTS, NAME, files_below, run

SHARED = Path(
    os.environ.get(
        "RICENET_SHARED_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"
    )
)
BRAINS = SHARED / "pyradiomics-brain"


def test_the_whole_way(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    ids = [f"case{n:02d}" for n in range(10)] + ["test0"]
    expected = {"integrity.json", "dataset_fingerprint.json", "ricenet_plan.json"}
    expected |= {"splits_final.json", "plan.html"} | {
        f"auto/{i}{e}" for i in ids for e in (".b2nd", ".json")
    }
    assert files_below(tiny.preprocessed) == expected
    plan = documents.read(Plan, tiny.plan())
    assert plan.spacing == pytest.approx((2.0, 2.0, 2.0))
    splits = documents.read(Splits, tiny.splits)
    assert sorted(case for fold in splits.folds for case in fold.validation) == ids[:-1]
    text = capsys.readouterr().out
    assert "10 training cases of 10 patients: tumour 5, RICE 5" in text
    for decision in plan.decisions:
        assert decision.reason.split()[0] in text
    assert "Preprocessed 11 cases" in text


@pytest.mark.usefixtures("real_plan_pages")
def test_a_second_run_changes_no_file(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    before = {p: p.read_bytes() for p in tiny.preprocessed.rglob("*") if p.is_file()}
    stamps = {p: p.stat().st_mtime_ns for p in tiny.cases().iterdir()}
    time.sleep(0.01)
    assert run(tmp_path) == 0
    assert {p: p.read_bytes() for p in tiny.preprocessed.rglob("*") if p.is_file()} == before
    assert {p: p.stat().st_mtime_ns for p in tiny.cases().iterdir()} == stamps
    plan = documents.read(Plan, tiny.plan())
    words = [NAME, "--workspace", str(tmp_path), *ARGUMENTS]
    assert plan.command == ("ricenet_plan_and_preprocess", *words)
    assert text_of(plan.command) in unescape(tiny.page().read_text())
    assert "11 were already done" in capsys.readouterr().out
    # Damage is told, and undone.
    first, second = sorted(tiny.cases().glob("*.b2nd"))[:2]
    shutil.copyfile(first, second)
    assert run(tmp_path) == 0
    told = capsys.readouterr().out
    assert f"Preprocessed again, since the files were damaged (1): {second.stem} (" in told
    assert "10 were already done" in told
    assert {p: p.read_bytes() for p in tiny.preprocessed.rglob("*") if p.is_file()} == before


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


def test_verify_only_and_plan_only_stop_there(tmp_path: Path, tiny: DatasetPaths) -> None:
    assert run(tmp_path, "--verify_only") == 0
    assert files_below(tiny.preprocessed) == {"integrity.json"}
    assert run(tmp_path, "--plan_only") == 0
    assert files_below(tiny.preprocessed) == {
        "integrity.json",
        "dataset_fingerprint.json",
        "ricenet_plan.json",
        "splits_final.json",
        "plan.html",
    }


@pytest.mark.usefixtures("real_plan_pages")
def test_the_page_shows_the_plan_as_it_stands(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--plan_only") == 0
    assert f"Plan page: {tiny.page()}" in capsys.readouterr().out
    made = tiny.page().read_text(encoding="utf-8")
    assert "<dt>epochs</dt><dd>123</dd>" not in made
    fields = json.loads(tiny.plan().read_text())
    fields["training"]["epochs"] = 123
    tiny.plan().write_text(json.dumps(fields))
    assert run(tmp_path, "--plan_only") == 0
    assert "<dt>epochs</dt><dd>123</dd>" in tiny.page().read_text(encoding="utf-8")


def test_a_plan_whose_network_cannot_be_built_is_refused(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--plan_only") == 0
    fields = json.loads(tiny.plan().read_text())
    fields["input_size"] = [17, 16, 16]
    tiny.plan().write_text(json.dumps(fields))
    assert run(tmp_path, "--plan_only") == 2
    assert "input_size: the product of network.strides" in capsys.readouterr().err


def test_the_page_names_options_that_exist() -> None:
    text = build_parser().format_help()
    for option, _ in all_options():
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
    assert run(tmp_path) == 0
    warnings = documents.read(Integrity, tiny.integrity).warnings
    assert {one.check: one.case for one in warnings} == {
        "tilted image": "case01",
        "axes change places": "",
    }
    assert "--straighten" in capsys.readouterr().out
    before = documents.read(Plan, tiny.plan())
    assert not before.straighten
    assert run(tmp_path, "--straighten") == 2
    said = capsys.readouterr().err
    assert "straighten False instead of True" in said
    assert "other training data" not in said
    assert run(tmp_path, "--straighten", "--overwrite") == 0
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
    assert run(tmp_path) == 0
    assert documents.read(Plan, tiny.plan()) == plan
    assert run(tmp_path, "--overwrite") == 0
    assert not documents.read(Plan, tiny.plan()).straighten


def test_each_preset_has_its_page(tiny: DatasetPaths) -> None:
    assert (tiny.page().name, tiny.page("paper").name) == ("plan.html", "plan_paper.html")


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
        run(tmp_path, *wrong)
    assert caught.value.code == 2


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
    """0.78 x 0.78 x 6.5 mm: the plan stays anisotropic, two cases are enough for one network."""
    name = "Dataset902_Brains"
    folder = tmp_path / "raw" / name
    cases = [Case("brain1", "p1", "a"), Case("brain2", "p2", "b")]
    dataset = Dataset(name, (Channel("T1", "mri"),), ("a", "b"), file_ending=".nrrd")
    write_raw_tables(folder, dataset, cases)
    for case in cases:
        voxels, grid = read_image(BRAINS / f"{case.case_id}_image.nrrd")
        write_image(folder / "imagesTr" / f"{case.case_id}_0000.nrrd", voxels, grid)
    words = [name, "--workspace", str(tmp_path), *ARGUMENTS]
    assert main(words) == 2
    paths = dataset_paths(name, tmp_path)
    assert not paths.cases().exists()
    assert "--num_folds 1 for a single network" in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--num_folds", "1"]) == 0
    plan = documents.read(Plan, paths.plan())
    assert plan.spacing[0] == pytest.approx(6.5, abs=0.1)
    assert plan.spacing[0] > 3 * max(plan.spacing[1:])
    assert any("nisotrop" in decision.value + decision.reason for decision in plan.decisions)
    assert plan.network.kernel_sizes[0][0] == 1
    assert files_below(paths.cases()) == {
        f"brain{n}{e}" for n in (1, 2) for e in (".b2nd", ".json")
    }
    out = capsys.readouterr().out
    assert "nisotrop" in out
    assert documents.read(Splits, paths.splits).folds == ()


def test_an_input_that_is_smaller_than_the_patients_is_a_warning(
    tmp_path: Path, tiny: DatasetPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--plan_only", "--input_size", "8", "8", "8") == 0
    told = " ".join(capsys.readouterr().out.split())
    # Of 12 voxels a side, 8 are seen: 1 - (2/3)^3 = 70 %.
    assert (
        "Warning: the input of 8 x 8 x 8 voxels of 2 x 2 x 2 mm (z, y, x) is smaller than the "
        "patient in 10 of 10 training cases. They lose 70% of the box around the patient (median), "
        "and at most 70% (case00)."
    ) in told
    assert "--overwrite) without --input_size, or with --spacing 3 3 3 too" in told
    spacing = ("--spacing", "3", "3", "3")
    assert run(tmp_path, "--plan_only", "--overwrite", *spacing, "--input_size", *"888") == 0
    assert "smaller than the patient" not in capsys.readouterr().out
