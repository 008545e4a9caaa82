"""What is sent to processes: never the cohort, and by one pool alone."""

import ast
import importlib
import pickle
import pkgutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import ricenet_v2
from ricenet_v2.ablation import training
from ricenet_v2.ablation.budget import TrainingBudget
from ricenet_v2.ablation.jobs import FoldJob
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.evaluation.radiomics import cases as radiomics
from ricenet_v2.fingerprinting import fingerprint, integrity
from ricenet_v2.fingerprinting.cache import CachedMeasurement
from ricenet_v2.fingerprinting.inspection import InspectionFiles
from ricenet_v2.fingerprinting.measure import CaseFiles
from ricenet_v2.ingest import case_cohort
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.header import DicomHeader
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.scan import Scan
from ricenet_v2.ingest.series import DicomSeries
from ricenet_v2.preprocessing import cohort
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.manifest import ImageColumn, Manifest, ManifestRow
from ricenet_v2.records.scanned import ScannedSeries
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.reporting.case.page import CaseJob
from ricenet_v2.reporting.results import write
from ricenet_v2.reporting.results.predicted import PredictedCase, Result
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.training_setup import TrainingSetup

HOUSE = Path(ricenet_v2.__file__).parent
DATASET = Dataset("D", (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy")), ("a", "b"))


class CapturedError(Exception):
    """Holds the work that would have been sent."""


def _captured(monkeypatch, module, call):
    """The function and the tasks that a call gives to the pool."""

    def instead(function, tasks, *given, **named):
        raise CapturedError(function, tasks)

    monkeypatch.setattr(module, "map_cases", instead)
    for name in ("bytes_of_case", "bytes_of_largest"):
        monkeypatch.setattr(module, name, lambda *_, **__: 0, raising=False)
    with pytest.raises(CapturedError) as caught:
        call()
    return caught.value.args


def _raw(n):
    cases = [
        Case(f"C{i:06d}", f"P{i:06d}", "ab"[i % 2], covariates={"age": "61"}) for i in range(n)
    ]
    return RawDataset(Path("/raw"), DATASET, tuple(cases))


def _checked(patch, raw, plan, folder):
    return _captured(patch, integrity, lambda: integrity.check(raw, 2))


def _measured(patch, raw, plan, folder):
    return _captured(patch, fingerprint, lambda: fingerprint.measure(raw, 2))


def _measured_and_kept(patch, raw, plan, folder):
    patch.setattr(fingerprint, "load", lambda _: None)
    return _captured(patch, fingerprint, lambda: fingerprint.measure(raw, 2, Path("/kept")))


def _preprocessed(patch, raw, plan, folder):
    return _captured(patch, cohort, lambda: cohort.preprocess_dataset(raw, plan, folder, 2))


def _reported(patch, raw, plan, folder):
    predicted = tuple(
        PredictedCase(
            case.case_id, case.label, "a", (0.5, 0.5), (("fold 0", (0.5, 0.5)),),
            0.1, 1.0, 0.1, 0.5, (), "fold 0", None, False, (0,), False,
        )
        for case in raw.cases
    )  # fmt: skip
    sources = SimpleNamespace(
        dataset=DATASET,
        raw=raw,
        cases={case.case_id: case for case in raw.cases},
        preprocessed={},
        fingerprint=None,
        plan=plan,
        parts=(),
        results=(Result("new", Path("/new"), predicted, (), None, None, None, None),),
    )
    ids = sorted(sources.cases)
    facts = SimpleNamespace(model="network", splits=None)
    return write.write_case, write._jobs(sources, facts, Path("/report"), ids, 95.0, {})


def _ablated(patch, raw, plan, folder):
    paths = DatasetPaths("D", Path("/raw"), Path("/preprocessed"), Path("/results"))
    ids = tuple(case.case_id for case in raw.cases)
    splits = Splits(1, (Fold(ids[1:], ids[:1]), Fold(ids[:1], ids[1:])))
    process_group = ProcessGroup(0, 1, torch.device("cpu"))
    setup = TrainingSetup(paths, plan, DATASET, raw.cases, splits, TrainOptions(), process_group)
    subset = Subset("dose", ("dose",), ("dose",), "auto__dose")
    machine = training.TrainingMachine(device="cpu")
    jobs, _ = training._jobs(setup, TrainingBudget(plan, 0), [(subset, 0), (subset, 1)], machine)
    return training.train_job, jobs


def _converted(patch, raw, plan, folder):
    column = ImageColumn("mri", "T1c")
    series = [ScannedSeries(f"s{i}", "volume", f"p{i}", "MR") for i in range(len(raw.cases))]
    rows = [
        ManifestRow(row.patient, label="a", images={column.title: row.key}, line=i + 2)
        for i, row in enumerate(series)
    ]
    header = DicomHeader(Path("/studies/1"), "MR", rows=5, columns=5)
    by_key = {row.key: DicomSeries((replace(header, patient=row.patient),)) for row in series}
    pseudonyms = Pseudonyms(bytes(32))
    scan = Scan(Path("/studies"), tuple(series), by_key, {}, (), 0, 0)
    sources = CaseSources(scan, [column], pseudonyms)
    manifest = Manifest((column,), tuple(rows))
    return _captured(
        patch,
        case_cohort,
        lambda: case_cohort.convert_cohort(manifest, sources, folder, pseudonyms, 2),
    )


def _featured(patch, raw, plan, folder):
    patch.setattr(radiomics.ibsi, "check_mirp", lambda: None)
    patch.setattr(
        radiomics, "_lesions", lambda _, cases: {case.case_id: Path("/lesion") for case in cases}
    )
    return _captured(patch, radiomics, lambda: radiomics.radiomics_of(raw, raw.cases, folder, 2))


MAKERS = {
    radiomics.RadiomicsTask: _featured,
    case_cohort.ConversionTask: _converted,
    InspectionFiles: _checked,
    CaseFiles: _measured,
    CachedMeasurement: _measured_and_kept,
    cohort._Task: _preprocessed,
    CaseJob: _reported,
    FoldJob: _ablated,
}
"""How the product makes each of its tasks; a new kind of task needs a line here."""


def _of_the_product():
    for module in pkgutil.walk_packages(ricenet_v2.__path__, "ricenet_v2."):
        importlib.import_module(module.name)
    kinds, found = [PoolTask], set()
    while kinds:
        below = kinds.pop().__subclasses__()
        kinds += below
        found |= {kind for kind in below if kind.__module__.startswith("ricenet_v2.")}
    return found


def test_every_kind_of_task_is_measured():
    assert _of_the_product() == set(MAKERS)


@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)
def test_a_task_is_as_small_for_20_cases_as_for_2_000(kind, make_plan, monkeypatch, tmp_path):
    sizes, shared = [], []
    for n in (20, 2_000):
        function, tasks = MAKERS[kind](monkeypatch, _raw(n), make_plan(), tmp_path)
        task = tasks[len(tasks) // 2]
        assert type(task) is kind
        sizes.append(len(pickle.dumps(task)))
        shared.append(len(pickle.dumps(function)))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)
    assert shared[1] == pytest.approx(shared[0], rel=0.01)


def _errors():
    """Name and last base of every error of the tree, wherever it is defined."""
    bases = {}
    for path in sorted(HOUSE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    tree = {"RicenetError"}
    while further := {name for name in bases.keys() - tree if tree & set(bases[name])}:
        tree |= further
    return {name: bases[name][-1] for name in tree - {"RicenetError"}}


def test_all_errors_stand_in_the_documentation():
    page = (HOUSE.parent / "documentation" / "extending.md").read_text(encoding="utf-8")
    tree = _errors()
    assert tree["DiskFullError"] == "OSError"
    assert tree["NotDicomError"] == "DatasetError"
    rows = {f"| `{name}` | `{base}` |" for name, base in tree.items()}
    assert {row for row in rows if row not in page} == set()


STARTS = {
    "core/program.py": {"subprocess"},  # a program of the user, by the lifeline
    "core/worker.py": {"multiprocessing"},  # one process of the pool
    "core/processes.py": {"multiprocessing"},  # the pool
    "core/lifeline.py": {"multiprocessing"},  # ends with the parent
    "training/workers.py": {"batchgenerators", "multiprocessing"},  # load and augment
    "training/parallel.py": {"subprocess"},  # folds, by the lifeline
    "network/cards.py": {"subprocess"},  # asks devices for their memory
    "network/machine.py": {"subprocess"},  # asks the driver for its version
}
"""Where processes are started or looked at; all that is one task for a case belongs to the pool."""


def _names(path):
    """Libraries that a module takes to start processes, and `ProcessPoolExecutor`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.split(".")[0]} | {name.name for name in node.names}
        elif isinstance(node, ast.Attribute) and node.attr == "ProcessPoolExecutor":
            found.add(node.attr)
    several = {"multiprocessing", "subprocess", "joblib", "ProcessPoolExecutor"}
    if "MultiThreadedAugmenter" in found:
        several = several | {"batchgenerators"}
    return found & several


def test_nothing_else_starts_processes():
    paths = {path.relative_to(HOUSE).as_posix(): path for path in HOUSE.rglob("*.py")}
    assert {name: found for name, path in paths.items() if (found := _names(path))} == STARTS
