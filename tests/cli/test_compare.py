"""The command ricenet_compare."""

import shutil

import numpy as np

from ricenet_v2.cli import compare
from ricenet_v2.core import documents
from ricenet_v2.evaluation.evaluation_input import short_names
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.store.tables import read_rows, write_rows
from ricenet_v2.store.workspace import dataset_paths


def written(path, seed):
    random = np.random.default_rng(seed)
    scores = random.random(30).round(3)
    write_rows(
        path, [{"case_id": f"c{i}", "prob_a": 1 - s, "prob_b": s} for i, s in enumerate(scores)]
    )
    return str(path)


def test_several_files_are_compared_in_pairs(tmp_path, capsys):
    files = [written(tmp_path / f"{seed}.csv", seed) for seed in range(3)]
    write_rows(tmp_path / "t.csv", [{"case_id": f"c{i}", "label": "ab"[i % 2]} for i in range(30)])
    line = [*files, "--truth", str(tmp_path / "t.csv"), "--n_bootstrap", "50"]
    assert compare.main([*line, "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "Research use only" in told
    assert "95 % intervals exclude 0 exactly where p is below 0.05" in told
    made = documents.read(Comparison, tmp_path / "out" / "comparison.json")
    assert len(made.pairs) == 3 * 6
    assert made.runs == tuple(f"{tmp_path.name}/{seed}.csv" for seed in range(3))
    rows = read_rows(tmp_path / "out" / "comparison.csv")
    metrics = ["AUROC", "accuracy", "macro F1", "balanced accuracy", "Brier score", "log loss"]
    assert [row["metric"] for row in rows[:6]] == metrics
    assert all(pair.p_holm >= pair.p for pair in made.pairs)
    assert compare.main(files[:1]) == 2
    assert "nothing to compare" in capsys.readouterr().err
    assert compare.main([files[0], files[0]]) == 2
    assert "Name two different runs, e.g. ricenet_compare -d DATASET" in capsys.readouterr().err


def test_runs_of_a_dataset_are_found_by_name(trained_cohort, tmp_path, capsys):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    results = dataset_paths(NAME, workspace).results
    shutil.copytree(results / "auto__all", results / "auto__dose")
    line = ["-d", NAME, "--workspace", str(workspace), "--n_bootstrap", "50"]
    assert compare.main(["auto__all", "auto__dose", *line]) == 0
    assert "20 cases of 20 patients" in capsys.readouterr().out
    assert compare.main(["auto__all", "auto__ct", *line]) == 2
    assert "Runs of the dataset: auto__all, auto__dose" in capsys.readouterr().err


def test_names_of_runs_tell_no_path_and_stay_apart():
    assert short_names(["/a/x/p.csv", "/b/x/p.csv", "auto__all", "/b/x/p.csv"]) == {
        "x/p.csv": "/a/x/p.csv",
        "x/p.csv (2)": "/b/x/p.csv",
        "auto__all": "auto__all",
    }
