"""ricenet_ablate on a trained cohort."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from ricenet_v2.cli import ablate
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.ablation import Ablation
from ricenet_v2.records.report import ReportSection
from ricenet_v2.records.run import Run
from ricenet_v2.store.tables import read_rows
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS

QUICK = ["--device", "cpu", "--executor", "serial", "--num_workers", "0", "--n_bootstrap", "50"]


@pytest.fixture(scope="module")
def workspace(trained_cohort, tmp_path_factory):
    return shutil.copytree(trained_cohort, tmp_path_factory.mktemp("ablated") / "space")


def test_help_imports_no_torch():
    code = "import sys; from ricenet_v2.cli import ablate; ablate.build_parser(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.walk
def test_by_kind_it_trains_what_is_missing_once_and_leaves_a_page(workspace, capsys):
    paths = dataset_paths(NAME, workspace)
    line = [NAME, "--workspace", str(workspace), "--by", "kind", *QUICK]
    assert ablate.main([*line, "--drop", "--permutation_repeats", "1"]) == 0
    told = capsys.readouterr().out
    assert "Shapley" in told
    assert "Research use only" in told
    folder = paths.run().ablation("kind")
    made = documents.read(Ablation, folder / "ablation.json")
    assert [subset.model for subset in made.subsets] == [
        "auto__all", "auto__T1c_post_op+T1c_event", "auto__dose",
    ]  # fmt: skip
    assert (made.epochs, made.seed, made.published) == (2, 0, ())
    known, test = made.tables
    assert (known.source, known.n_cases, test.source, test.n_cases) == (
        "out-of-fold",
        20,
        "test",
        3,
    )
    _check_the_metric_of_dose(paths, known)
    for table in made.tables:
        changes = {(one.group, one.change) for one in table.importances}
        assert changes == {(g, c) for g in ("mri", "dose") for c in ("permuted", "zeroed")}
    part = documents.read(ReportSection, folder / "report_part.json")
    assert {picture.file for picture in part.pictures} == {"subsets.png", "contributions.png"}
    for picture in part.pictures:
        with Image.open(folder / picture.file) as opened:
            assert opened.width > 500
        drawn = (folder / picture.file).with_suffix(".svg").read_text()
        assert "Research use only. Not a medical device." in drawn
    rows = read_rows(folder / "ablation.csv")
    assert {"metric", "Shapley value", "loss, permuted", "loss, zeroed"} <= {
        r["what"] for r in rows
    }

    # Again: no fold is touched, and every metric is the same.
    fold = paths.run("auto", "dose").fold(2)
    before = fold.final.stat().st_mtime_ns, (folder / "ablation.json").read_text()
    assert ablate.main([*line, "--drop", "--permutation_repeats", "1"]) == 0
    assert before == (fold.final.stat().st_mtime_ns, (folder / "ablation.json").read_text())

    # A fold that a kill left unfinished goes on, and ends in the same predictions.
    wanted = fold.validation.read_text()
    _as_if_killed(fold)
    assert ablate.main([*line, "--permutation_repeats", "0"]) == 0
    assert fold.validation.read_text() == wanted


def _check_the_metric_of_dose(paths, table):
    """From the files of the folds, by scikit-learn."""
    model = paths.run("auto", "dose")
    rows = [row for n in range(FOLDS) for row in read_rows(model.fold(n).validation)]
    truth = [row["label"] == "recurrence" for row in rows]
    wanted = roc_auc_score(truth, [float(row["prob_recurrence"]) for row in rows])
    row = next(row for row in table.rows if row.subset == "dose")
    found = {metric.name: metric.value for metric in row.metrics}
    np.testing.assert_allclose(found["AUROC"], wanted)


def _as_if_killed(fold):
    run = documents.read(Run, fold.run)
    documents.write(fold.run, dataclasses.replace(run, status="running"))
    fold.validation.unlink()
    fold.final.unlink()


def test_what_was_trained_otherwise_is_refused_in_words(workspace, tmp_path, capsys):
    line = [NAME, "--workspace", str(workspace), *QUICK, "--subsets", "dose"]
    for words in (["--epochs", "3"], ["--seed", "5"], ["--set", "learning_rate=0.5"]):
        assert ablate.main([*line, *words]) == 2
        told = capsys.readouterr().err
        assert "The subsets cannot be trained as the full model was" in told
        assert words[0] in told
    paths = dataset_paths(NAME, workspace)
    other = paths.run("auto", "T1c_event").fold(0)
    other.folder.mkdir(parents=True)
    run = documents.read(Run, paths.run().fold(0).run)
    fields = json.loads(documents.to_text(run)) | {"seed": 7, "channels": ["T1c_event"]}
    other.run.write_text(json.dumps(fields))
    line[-1] = "T1c_event"
    assert ablate.main(line) == 2
    told = capsys.readouterr().err
    assert "T1c_event, fold 0: seed 7, here 0" in told
    assert "T1c_event, fold 0: another plan or other settings" in told
    shutil.rmtree(other.folder.parent)
    line[-1] = "pet"
    assert ablate.main(line) == 2
    assert "name groups that the dataset does not have" in capsys.readouterr().err
