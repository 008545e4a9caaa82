"""ricenet_benchmark on the tiny cohort: what is measured, shown, written and refused."""

import json
import shutil
import statistics
import subprocess
import sys

import pytest

from ricenet_v2.cli.benchmark import main
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.benchmark import Benchmark
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths

STAGES = [
    "bare step",
    "step with everything",
    "waiting for data in a step",
    "augmenting one sample",
    "reading one case",
    "preprocessing one case",
    "predicting one case",
    "validating one case",
    "copying the state",
    "writing a checkpoint",
]
BRIEF = ("--device", "cpu", "--updates", "1", "--rounds", "1", "--num_workers", "0")


def _run(workspace, *more):
    return main([NAME, "--workspace", str(workspace), *BRIEF, *more])


def _files(workspace):
    # Folders without their times: a lock comes and goes in them.
    there = workspace.rglob("*")
    return {path: path.is_file() and path.stat().st_mtime_ns for path in there}


@pytest.fixture(scope="module")
def measured(planned_cohort, tmp_path_factory):
    """What one run wrote, and the files of the workspace before and after it."""
    file, before = tmp_path_factory.mktemp("benchmark") / "out" / "b.json", _files(planned_cohort)
    assert _run(planned_cohort, "--fold", "1", "--rounds", "2", "-o", str(file)) == 0
    return file, before, _files(planned_cohort)


@pytest.fixture(scope="module")
def made(measured):
    return documents.read(Benchmark, measured[0])


def test_the_dataset_is_left_as_it_was(measured):
    _, before, after = measured
    assert after == before


def test_every_stage_is_there_with_its_rounds(made):
    assert [stage.name for stage in made.stages] == STAGES
    for stage in made.stages:
        assert stage.unit == "s"
        assert stage.measured == statistics.median(stage.rounds)
        assert min(stage.rounds) >= 0
        if stage.name != "reading one case":
            assert len(stage.rounds) == made.rounds == 2


def test_ratios_are_the_medians_of_those_of_the_rounds(made):
    bare, full, waiting = made.stages[:3]
    for stage, reference, limit in ((full, bare, 1.10), (waiting, full, 0.05)):
        pairs = zip(stage.rounds, reference.rounds, strict=True)
        assert stage.ratio == pytest.approx(statistics.median(a / b for a, b in pairs))
        assert (stage.against, stage.reference) == (reference.name, reference.measured)
        assert stage.limit == limit
        assert stage.holds == (stage.ratio <= limit)
    assert all(stage.ratio is None and stage.holds is None for stage in made.stages[3:])


def test_the_estimate_follows_from_the_stages(made, planned_cohort):
    paths = dataset_paths(NAME, planned_cohort)
    plan = documents.read(Plan, paths.plan()).training
    took = {stage.name: stage.measured for stage in made.stages}
    update = plan.iterations_per_epoch * took["step with everything"] + took["copying the state"]
    epochs, folds = [], []
    for fold in documents.read(Splits, paths.splits).folds:
        validation = len(fold.validation) * took["validating one case"]
        epochs.append(update + validation)
        folds.append(plan.epochs * epochs[-1] + 2 * validation)  # two mirrorings at the end
    assert made.estimate.epoch == pytest.approx(epochs[1])
    assert made.estimate.fold == pytest.approx(folds[1])
    assert made.estimate.all_folds == pytest.approx(sum(folds))


def test_what_was_measured_is_told(made, planned_cohort):
    plan = documents.read(Plan, dataset_paths(NAME, planned_cohort).plan())
    assert made.plan_hash == documents.fingerprint_of(plan)
    assert (made.dataset, made.plan, made.fold) == (NAME, "auto", 1)
    assert (made.updates, made.num_workers) == (1, 0)
    assert made.machine.device == "cpu"
    assert made.machine.name
    assert made.machine.threads >= 1
    assert set(made.machine.versions) == {"python", "torch"}


def test_the_file_is_a_versioned_document(measured):
    fields = json.loads(measured[0].read_text(encoding="utf-8"))
    assert (fields["document"], fields["schema"]) == ("benchmark", 1)


def test_a_missed_limit_is_told_and_no_failure(planned_cohort, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules["ricenet_v2.benchmarking.stages"].LIMITS, "step", 0.0)
    assert _run(planned_cohort) == 0
    text = capsys.readouterr().out
    assert "Over its limit: step with everything" in text
    assert "over" in text
    for words in (
        "for an epoch of",
        "for this fold of",
        "for all 3 folds",
        "on this device.",
    ):
        assert words in text


def test_without_images_preprocessing_is_left_out(planned_cohort, tmp_path):
    shutil.copytree(planned_cohort, tmp_path / "w")
    shutil.rmtree(tmp_path / "w" / "raw" / NAME / "imagesTr")
    assert load_raw_dataset(tmp_path / "w" / "raw" / NAME).cases
    assert _run(tmp_path / "w", "-o", str(tmp_path / "b.json")) == 0
    names = [stage.name for stage in documents.read(Benchmark, tmp_path / "b.json").stages]
    assert names == [name for name in STAGES if name != "preprocessing one case"]


def test_a_dataset_that_was_not_planned_is_refused(raw_cohort, capsys):
    assert _run(raw_cohort) == 2
    text = capsys.readouterr().err
    assert "not planned" in text
    assert f"ricenet_plan_and_preprocess {NAME}" in text


def test_a_dataset_that_was_not_preprocessed_is_refused(planned_cohort, tmp_path, capsys):
    shutil.copytree(planned_cohort, tmp_path / "w")
    next(dataset_paths(NAME, tmp_path / "w").cases().glob("*.b2nd")).unlink()
    assert _run(tmp_path / "w") == 2
    text = capsys.readouterr().err
    assert "1 missing" in text
    assert f"ricenet_plan_and_preprocess {NAME}" in text


@pytest.mark.parametrize("wrong", [("--fold", "5"), ("--device", "abacus"), ("--plan", "none")])
def test_wrong_arguments_end_with_2(planned_cohort, wrong):
    assert _run(planned_cohort, *wrong) == 2


def test_no_rounds_end_with_2(planned_cohort):
    with pytest.raises(SystemExit, match="2"):
        _run(planned_cohort, "--rounds", "0")


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from ricenet_v2.cli.benchmark import build_parser; build_parser();"
        "print([n for n in ('torch', 'SimpleITK', 'numpy', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
