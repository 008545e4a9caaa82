"""ricenet_evaluate on folds that held out centres, and on several seeds, never trained."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.cli import evaluate
from ricenet_v2.core import documents
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.run import Run
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.store.paths import CENTRES_JSON, METRICS_JSON, SEEDS_JSON
from ricenet_v2.store.raw import write_raw_tables
from ricenet_v2.store.tables import write_rows
from ricenet_v2.store.workspace import dataset_paths

NAME = "Dataset006_Centres"
CENTRES = ("Bern", "Graz", "Ulm")


def _write(workspace, seed: int, own: int | None, group: str) -> None:
    """Three folds of 20 cases each, by centre."""
    random = np.random.default_rng(seed)
    model = dataset_paths(NAME, workspace).run("auto", "all", own)
    for fold, centre in enumerate(CENTRES):
        scores = np.clip(0.35 + 0.3 * (np.arange(20) % 2) + 0.3 * random.normal(size=20), 0, 1)
        rows = [
            {
                "case_id": f"{centre}{case:02d}",
                "patient_id": f"{centre}{case:02d}",
                "label": "ab"[case % 2],
                "prob_a": 1 - score,
                "prob_b": score,
            }
            for case, score in enumerate(scores)
        ]
        write_rows(model.fold(fold).validation, rows)
        held_out = centre if group else ""
        run = Run(
            *(NAME, "auto", "plan", fold, ("mri",), seed, "cpu", 2, "finished", 0, (), {}),
            n_folds=3, group=group, held_out=held_out,
        )  # fmt: skip
        documents.write(model.fold(fold).run, run)


@pytest.fixture
def workspace(tmp_path):
    cases = [
        Case(f"{centre}{case:02d}", f"{centre}{case:02d}", "ab"[case % 2])
        for centre in CENTRES
        for case in range(20)
    ]
    dataset = Dataset(NAME, (Channel("mri", "mri"),), ("a", "b"))
    write_raw_tables(tmp_path / "raw" / NAME, dataset, cases)
    for seed, own in ((0, None), (1, 1)):
        _write(tmp_path, seed, own, "centre")
    return tmp_path


def _run(workspace, *more: str) -> int:
    return evaluate.main([NAME, "--workspace", str(workspace), "--n_bootstrap", "30", *more])


def test_metrics_of_each_centre_and_their_spread_are_told_and_written(workspace, capsys):
    assert _run(workspace) == 0
    told = capsys.readouterr().out
    assert "out-of-fold (leave-one-group-out by centre), pooled" in " ".join(told.split())
    assert "0: Bern" in told
    assert "in a new one it is expected from" in " ".join(told.split())
    assert "Trained with the seeds 0, 1: --seeds shows" in told
    folder = dataset_paths(NAME, workspace).run().crossval
    made = documents.read(Centres, folder / CENTRES_JSON)
    assert [centre.name for centre in made.centres] == list(CENTRES)
    assert made.heterogeneity[0].mean is not None
    names = [group.name for group in documents.read(Evaluation, folder / METRICS_JSON).groups]
    assert names[:3] == [f"fold {fold}: centre {name}" for fold, name in enumerate(CENTRES)]
    # The same model, trained again on stratified folds.
    _write(workspace, 0, None, "")
    assert _run(workspace) == 0
    assert "leave-one-group-out" not in capsys.readouterr().out
    assert not (folder / CENTRES_JSON).exists()


def test_seeds_are_found_told_and_written(workspace, capsys):
    assert _run(workspace, "--seeds") == 0
    told = " ".join(capsys.readouterr().out.split())
    for words in (
        "(leave-one-group-out by centre), pooled, 2 training seeds",
        "SD over seeds",
        "95% interval by patients, seed 0",
        "of 60 cases are not classified the same by all 2 trainings",
        "It says nothing about other patients",
    ):
        assert words in told
    made = documents.read(SeedVariance, dataset_paths(NAME, workspace).run().crossval / SEEDS_JSON)
    assert (made.seeds, made.n_bootstrap, made.n_cases) == ((0, 1), 30, 60)
    assert _run(workspace, "--seeds", "0", "2") == 2
    assert "ricenet_train Dataset006_Centres all --seeds 0 2" in capsys.readouterr().err
    assert _run(workspace, "--seeds", "--predictions", "p.csv") == 2
    assert "expected: a dataset, and no --predictions" in capsys.readouterr().err
