"""The command ricenet_evaluate: pooled folds, a table of truths, faults."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics

from ricenet_v2.cli import calibrate, compare, evaluate
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.curves import Curves
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import Sanity
from ricenet_v2.store.tables import read_rows, write_rows
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS


def test_pooled_folds_hold_every_training_case_once(trained_cohort, tmp_path, capsys):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    paths = dataset_paths(NAME, workspace)
    assert evaluate.main([NAME, "--workspace", str(workspace), "--n_bootstrap", "200"]) == 0
    shown = capsys.readouterr().out
    assert "Research use only" in shown
    assert "Dataset001_PhantomGBM, auto__all: out-of-fold, pooled" in shown
    for name in ("accuracy", "macro F1", "AUROC", "balanced accuracy", "Confusion matrix"):
        assert name in shown
    assert re.search("true class .* predicted radiation_effect .* predicted recurrence", shown)
    assert "MCC" not in shown
    assert "--all_metrics prints all of them" in shown
    rows = read_rows(paths.run().crossval / "validation.csv")
    train = {r["case_id"]: r for r in read_rows(paths.raw / "cases.csv") if r["split"] == "train"}
    assert sorted(row["case_id"] for row in rows) == sorted(train)
    assert all(row["label"] == train[row["case_id"]]["label"] for row in rows)
    made = json.loads((paths.run().crossval / "metrics.json").read_text())
    found = {metric["name"]: metric for metric in made["metrics"]}
    truth = [row["label"] == "recurrence" for row in rows]
    told = " ".join(shown.split())
    assert f"What 20 patients allow, {sum(truth)} with recurrence" in told
    assert f"Development: the share {sum(truth) / 20:.2f} of recurrence" in told
    scores = [float(row["prob_recurrence"]) for row in rows]
    assert found["AUROC"]["value"] == pytest.approx(metrics.roc_auc_score(truth, scores))
    called = [row["predicted"] == "recurrence" for row in rows]
    assert found["macro F1"]["value"] == pytest.approx(
        metrics.f1_score(truth, called, average="macro")
    )
    assert found["macro F1"]["n"] == 20


def test_a_label_corrected_after_training_is_refused_or_judged_by(trained_cohort, tmp_path, capsys):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    paths = dataset_paths(NAME, workspace)
    table, common = paths.raw / "cases.csv", ["--workspace", str(workspace), "--n_bootstrap", "50"]
    rows = read_rows(table)
    corrected = next(row for row in rows if row["split"] == "train")
    others = {"recurrence": "radiation_effect", "radiation_effect": "recurrence"}
    corrected["label"] = others[corrected["label"]]
    write_rows(table, rows)
    for command in (evaluate, calibrate):
        assert command.main([NAME, *common]) == 2
        shown = capsys.readouterr().err
        assert "cases.csv has changed since the folds were trained" in shown
        assert corrected["case_id"] in shown
        assert "Traceback" not in shown
    assert compare.main(["auto__all", str(paths.run().folder), "-d", NAME, *common]) == 2
    capsys.readouterr()
    assert evaluate.main([NAME, "--truth", str(table), *common]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    n_positive = sum(r["label"] == "recurrence" for r in rows if r["split"] == "train")
    assert f"What 20 patients allow, {n_positive} with recurrence" in shown
    assert "tables since training" in shown
    assert not (paths.run().crossval / "metrics.json").exists()


def test_missing_folds_are_named(planned_cohort, capsys):
    assert evaluate.main([NAME, "--workspace", str(planned_cohort)]) == 2
    assert "not there: fold 0, 1, 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan_hash": "other"}, "different plan and settings"),
        ({"epochs": 7}, "different number of epochs"),
        ({"preprocessed_hash": "other"}, "different preprocessed cases"),
        ({"status": "stopped"}, "not finished: fold 2"),
        ({"seed": 5}, None),
    ],
)
def test_folds_that_are_not_one_model_are_not_pooled(
    trained_cohort, tmp_path, capsys, change, said
):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    run = dataset_paths(NAME, workspace).run().fold(2).run
    documents.write(run, dataclasses.replace(documents.read(Run, run), **change))
    code = evaluate.main([NAME, "--workspace", str(workspace), "--n_bootstrap", "20"])
    error = capsys.readouterr().err
    if said is None:
        assert code == 0
        return
    assert code == 2
    assert said in error
    if "status" not in change:
        assert "folds 0, 1: " in error
        assert "folds 2: " in error


def test_predictions_against_truths(tmp_path, capsys):
    random = np.random.default_rng(4)
    scores = random.random(40).round(3)
    truth = random.random(40) < scores
    write_rows(
        tmp_path / "p.csv",
        [{"case_id": f"c{i}", "prob_a": 1 - s, "prob_b": s} for i, s in enumerate(scores)],
    )
    write_rows(
        tmp_path / "t.csv",
        [{"case_id": f"c{i}", "label": "b" if t else "a"} for i, t in enumerate(truth)],
    )
    line = ["--predictions", str(tmp_path / "p.csv"), "--truth", str(tmp_path / "t.csv")]
    whole = ["-o", str(tmp_path / "out"), "--positive_class", "a", "--all_metrics"]
    assert evaluate.main([*line, *whole]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("MCC", "sensitivity of a", "Thresholds"))
    made = json.loads((tmp_path / "out" / "metrics.json").read_text())
    by_name = {metric["name"]: metric for metric in made["metrics"]}
    assert by_name["Brier score"]["value"] == pytest.approx(metrics.brier_score_loss(truth, scores))
    assert by_name["AUROC"]["value"] == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert made["confusion"] == metrics.confusion_matrix(truth, scores > 0.5).tolist()
    for name, metric in by_name.items():
        if metric["calibrated"] is not None:
            assert metric["low"] is None
            assert "after correction for the bias" in metric["warning"]
        elif not name.startswith(("ICI", "E50", "E90")):
            assert metric["low"] <= metric["value"] <= metric["high"]
        assert metric["n"] > 0
        assert metric["method"]
    assert evaluate.main([*line, "--positive_class", "c"]) == 2
    assert "no such class" in capsys.readouterr().err


def _table(path, classes, n=60):
    random, rows = np.random.default_rng(0), []
    for i in range(n):
        scores = random.dirichlet(np.ones(len(classes)))
        label = classes[random.choice(len(classes), p=scores)]
        rows.append({"case_id": f"c{i}", "label": label})
        rows[-1] |= {f"prob_{name}": score for name, score in zip(classes, scores, strict=True)}
    write_rows(path, rows)


def test_predictive_values_at_another_prevalence(tmp_path, capsys):
    _table(tmp_path / "p.csv", ("a", "b"))
    line = ["--predictions", str(tmp_path / "p.csv"), "-o", str(tmp_path), "--n_bootstrap", "20"]
    assert evaluate.main([*line, "--prevalence", "0.3", "a=0.1"]) == 0
    shown = capsys.readouterr().out
    assert "Predictive values at another prevalence" in shown
    made = documents.read(Evaluation, tmp_path / "metrics.json")
    by_name = {metric.name: metric for metric in made.metrics}
    sensitivity, specificity = (by_name[f"{what} of b"] for what in ("sensitivity", "specificity"))
    true, false = 0.3 * sensitivity.value, 0.7 * (1 - specificity.value)
    found = by_name["positive predictive value at prevalence 0.3 of b"]
    assert found.value == pytest.approx(true / (true + false))
    assert found.low < found.value < found.high
    assert f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})" in shown
    assert "negative predictive value at prevalence 0.1 of a" in by_name
    (threshold,) = made.thresholds
    assert "at prevalence 0.3 of b" in threshold.metrics[-1].name
    assert "at prevalence" in (tmp_path / "metrics.csv").read_text()
    assert evaluate.main(line) == 0
    assert "another prevalence" not in capsys.readouterr().out
    for wrong in ("0", "1", "1.5", "b", "b=", "nan"):
        with pytest.raises(SystemExit):
            evaluate.main([*line, "--prevalence", wrong])
        assert "expected a share between 0 and 1" in capsys.readouterr().err
    assert evaluate.main([*line, "--prevalence", "c=0.3"]) == 2
    assert "no such class" in capsys.readouterr().err


def test_a_prevalence_among_several_classes_is_of_a_class(tmp_path, capsys):
    _table(tmp_path / "p.csv", ("a", "b", "c"))
    line = ["--predictions", str(tmp_path / "p.csv"), "--n_bootstrap", "20", "--prevalence"]
    assert evaluate.main([*line, "0.3"]) == 2
    assert "a=0.3" in capsys.readouterr().err
    assert evaluate.main([*line, "b=0.3"]) == 0
    assert "Predictive values at another prevalence" in capsys.readouterr().out


def test_what_so_many_patients_allow(tmp_path, capsys):
    for classes in (("a", "b"), ("a", "b", "c")):
        _table(tmp_path / "p.csv", classes)
        line = ["--predictions", str(tmp_path / "p.csv"), "-o", str(tmp_path)]
        assert evaluate.main([*line, "--n_bootstrap", "20"]) == 0
        shown = capsys.readouterr().out
        assert "What 60 patients allow" in shown
        assert ("AUROC of b" in shown) == (len(classes) == 3)
        assert "Development" not in shown  # a test set
        made = documents.read(Evaluation, tmp_path / "metrics.json")
        told = [one.class_name for one in made.sample_sizes]
        assert told == (["b"] if len(classes) == 2 else list(classes))
        (auroc,) = (row for row in made.sample_sizes[0].precision if row.metric == "AUROC")
        assert f"{auroc.low:.3f} to {auroc.high:.3f}" in shown
        assert f"{auroc.n_needed:,}" in shown


def test_it_must_be_said_what_to_evaluate(capsys):
    assert evaluate.main([]) == 2
    assert "No predictions to evaluate" in capsys.readouterr().err


def test_cases_without_a_prediction_are_refused_or_listed_and_doubled_truths_refused(
    tmp_path, capsys
):
    (tmp_path / "p.csv").write_text("case_id,prob_a,prob_b\nc1,0.2,0.8\nc2,0.7,0.3\n")
    rows = ["case_id,label,split", "c1,b,test", "c2,a,test", "c3,a,test", "c4,b,train"]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    line = ["--predictions", str(tmp_path / "p.csv"), "--truth", str(tmp_path / "t.csv")]
    assert evaluate.main(line) == 2
    told = capsys.readouterr().err
    assert "c3    not predicted" in told
    assert "--allow_missing" in told
    line.append("--allow_missing")
    assert evaluate.main([*line, "-o", str(tmp_path), "--n_bootstrap", "50"]) == 0
    assert "1 cases were not predicted: c3" in capsys.readouterr().out
    made = json.loads((tmp_path / "metrics.json").read_text())
    assert (made["missing"], made["n_cases"]) == (["c3"], 2)
    (tmp_path / "t.csv").write_text("\n".join([*rows, "c1,a,test"]) + "\n")
    assert evaluate.main(line) == 2
    assert "c1    2 times in the table of labels" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evaluate.main([*line, "--n_bootstrap", "0"])


def test_a_test_set_gets_the_thresholds_of_the_folds_and_everything_is_written(
    trained_cohort, tmp_path, capsys
):
    workspace = shutil.copytree(trained_cohort, tmp_path / "space")
    paths = dataset_paths(NAME, workspace)
    few = ["--workspace", str(workspace), "--n_bootstrap", "50"]
    checks = ["--permutation_test", "99", "--size_and_spacing", "--subgroups", "sex", "age"]
    assert evaluate.main([NAME, *few, *checks, "--bands", "age=60"]) == 0
    crossval = paths.run().crossval
    pooled = documents.read(Evaluation, crossval / "metrics.json")
    assert [group.name for group in pooled.groups if group.kind == "fold"] == [
        f"fold {fold}" for fold in range(FOLDS)
    ]
    assert {"age below 60", "age 60 or more"} <= {group.name for group in pooled.groups}
    assert (pooled.positive_class, pooled.source) == ("recurrence", "out-of-fold")
    curves = documents.read(Curves, crossval / "curves.json")
    assert {c.name for c in curves.curves} >= {"ROC", "calibration", "decision", "referral"}
    assert len(read_rows(crossval / "curves.csv")) == sum(len(c.x) for c in curves.curves)
    found = {c.name: c for c in documents.read(Sanity, crossval / "sanity.json").checks}
    assert found["patients on both sides of a fold"].outcome == "fine"
    assert found["the same images in two folds"].outcome == "fine"
    assert found["size and spacing only"].outcome in {"fine", "doubt"}
    assert found["label permutation"].metrics[0].n == 20

    cases = [row for row in read_rows(paths.raw / "cases.csv") if row["split"] == "test"]
    rows = [
        {"case_id": row["case_id"], "prob_radiation_effect": 0.7, "prob_recurrence": 0.3}
        for row in cases
    ]
    write_rows(tmp_path / "p.csv", rows)
    line = [NAME, "--predictions", str(tmp_path / "p.csv"), "-o", str(tmp_path / "out"), *few]
    assert evaluate.main(line) == 0
    made = documents.read(Evaluation, tmp_path / "out" / "metrics.json")
    assert made.source == "test"
    assert made.command
    assert [(t.name, t.value) for t in made.thresholds] == [
        (t.name, t.value) for t in pooled.thresholds
    ]
    file = tmp_path / "out" / "metrics.json"
    assert evaluate.main([*line, "--thresholds", str(file)]) == 2
    assert "Thresholds of a test set are not used" in capsys.readouterr().err
    assert evaluate.main([*line, "--subgroups", "scanner"]) == 2
    assert "no such covariate" in capsys.readouterr().err

    renamed = [
        {"case_id": r["case_id"], "prob_radiation_effect": 0.7, "prob_relapse": 0.3} for r in rows
    ]
    write_rows(tmp_path / "p.csv", renamed)
    assert evaluate.main(line) == 2
    told = capsys.readouterr().err
    assert "column prob_relapse is of no class" in told
    assert "there is no column prob_recurrence" in told
    assert "is not a class" not in told  # the labels are right


def test_checks_of_the_same_predictions_are_kept_and_others_dropped(tmp_path, capsys):
    def write(highest):
        rows = [
            {"case_id": f"c{i}", "label": "ab"[i % 2], "prob_a": 1 - p, "prob_b": p}
            for i, p in enumerate([*(0.3, 0.6, 0.4, 0.7) * 4, 0.2, highest])
        ]
        write_rows(tmp_path / "p.csv", rows)

    def checks(*further):
        assert evaluate.main([*line, *further]) == 0
        return documents.read(Sanity, out / "sanity.json").checks, capsys.readouterr().out

    out = tmp_path / "out"
    line = ["--predictions", str(tmp_path / "p.csv"), "-o", str(out), "--n_bootstrap", "20"]
    write(0.8)
    first, shown = checks("--permutation_test", "99")
    assert [one.name for one in first] == ["label permutation"]
    assert "earlier" not in shown.lower()
    again, shown = checks()
    assert again == first
    assert "Kept from an earlier evaluation of the same predictions: label permutation" in shown
    anew, shown = checks("--permutation_test", "49")
    assert "49 permutations" in anew[0].metrics[0].method
    assert "earlier" not in shown.lower()
    write(0.9)
    other, shown = checks()
    assert other == ()
    assert "of other predictions and are dropped: label permutation" in shown
    checks("--permutation_test", "49")
    file = out / "sanity.json"
    for old, new in (("49 permutations", "99 permutations"), ('"document"', "")):
        file.write_text(file.read_text().replace(old, new, 1))
        made, shown = checks()
        assert made == ()
        assert "Earlier checks cannot be read and are dropped: " in shown
        checks("--permutation_test", "49")


def test_cases_without_a_label_are_refused_or_left_out_and_listed(tmp_path, capsys):
    (tmp_path / "p.csv").write_text(
        "case_id,prob_a,prob_b\nc1,0.2,0.8\nc2,0.7,0.3\nc3,0.6,0.4\nc4,0.6,0.4\n"
    )
    (tmp_path / "t.csv").write_text("case_id,label\nc1,b\nc2,a\nc3,\nc4,NA\n")
    line = ["--predictions", str(tmp_path / "p.csv"), "--truth", str(tmp_path / "t.csv")]
    assert evaluate.main(line) == 2
    told = capsys.readouterr().err
    assert "c3    its label is not known" in told
    assert "--allow_missing" in told
    few = ["--allow_missing", "-o", str(tmp_path), "--n_bootstrap", "20"]
    assert evaluate.main([*line, *few]) == 0
    assert "2 cases have no known label and are excluded: c3, c4" in capsys.readouterr().out
    made = json.loads((tmp_path / "metrics.json").read_text())
    assert (made["unlabelled"], made["missing"], made["n_cases"]) == (["c3", "c4"], [], 2)
    (tmp_path / "t.csv").write_text("case_id,label\nc1,\nc2,\nc3,\nc4,\n")
    assert evaluate.main([*line, *few]) == 2
    assert "No predicted case has a known label" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["90", "0", "-0.1", "nan"])
def test_a_sensitivity_is_a_share(share, capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["D", "--sensitivity", share])
    assert "at most 1" in capsys.readouterr().err


def test_the_title_tells_no_path(tmp_path):
    folder = tmp_path / "of_somebody" / "predicted"
    folder.mkdir(parents=True)
    (folder / "p.csv").write_text("case_id,label,prob_a,prob_b\nc1,b,0.2,0.8\nc2,a,0.7,0.3\n")
    line = ["--predictions", str(folder / "p.csv"), "-o", str(folder), "--n_bootstrap", "20"]
    assert evaluate.main(line) == 0
    for name in ("metrics.json", "curves.json", "sanity.json"):
        assert json.loads((folder / name).read_text())["title"] == "predicted/p.csv"


def test_metrics_need_no_torch():
    """Torch takes two seconds, which is most of what the command takes."""
    code = (
        "import sys; from ricenet_v2.evaluation import calibrate, retained_checks, sanity, write;"
    )
    code += "from ricenet_v2.cli import evaluate_seeds, evaluate_centres; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
