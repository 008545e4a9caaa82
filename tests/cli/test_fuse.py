"""ricenet_fuse, and ricenet_predict --covariates_table."""

import json
import shutil

import numpy as np
import pytest

import ricenet_v2 as rn
from ricenet_v2.cli import calibrate, compare, evaluate, fuse, predict
from ricenet_v2.core import documents
from ricenet_v2.inference.fusion import covariates_of, fused
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.report import ReportSection
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.tables import read_rows, write_rows
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS


@pytest.fixture(scope="module")
def space(trained_cohort, tmp_path_factory):
    """A workspace whose model has a fusion with age and sex; not to be changed."""
    workspace = shutil.copytree(trained_cohort, tmp_path_factory.mktemp("fused") / "space")
    line = [NAME, "--workspace", str(workspace), "--n_bootstrap", "50"]
    assert fuse.main([*line, "--covariates", "sex", "age"]) == 0
    return workspace


@pytest.fixture
def line(space):
    """Arguments of ricenet_predict."""
    images = str(dataset_paths(NAME, space).raw / "imagesTs")
    return ["-i", images, "-d", NAME, "--device", "cpu", "--workspace", str(space)]


def read(folder):
    return documents.read(Predictions, folder / "predictions.json")


def table_with(space, file, **cells):
    """The test cases with other cells, by case and column; None leaves the case out."""
    rows = read_rows(dataset_paths(NAME, space).raw / "cases.csv")
    kept = [{**row, **(cells.get(row["case_id"]) or {})} for row in rows
            if cells.get(row["case_id"], {}) is not None]  # fmt: skip
    write_rows(file, kept)
    return str(file)


def test_what_it_leaves_is_evaluated_compared_and_reported(space, tmp_path, capsys):
    model = dataset_paths(NAME, space).run()
    made = documents.read(Fusion, model.fusion)
    assert made.columns == ("log odds of recurrence", "sex = M", "age")
    assert (made.n_cases, len(made.fitted_on)) == (20, FOLDS)
    assert [side.name for side in made.compared] == ["image and covariates", "image", "covariates"]
    evaluation = documents.read(Evaluation, model.fused / "metrics.json")
    assert evaluation.metrics[0].value == next(
        metric.value for metric in made.compared[0].metrics if metric.name == "macro F1"
    )
    assert (
        "Image and covariates"
        in documents.read(ReportSection, model.fused / "report_part.json").title
    )
    table = str(model.fused / "validation.csv")
    few = ["--n_bootstrap", "20", "--workspace", str(space)]
    assert compare.main([table, "auto__all", "-d", NAME, *few]) == 0
    assert "20 cases" in capsys.readouterr().out
    assert evaluate.main(["--predictions", table, "--n_bootstrap", "20"]) == 0
    assert evaluation.title.split(":")[0] == "auto__all, image and sex, age"


def test_each_network_gets_the_covariates_of_the_patient(space, line, tmp_path, capsys):
    raw, model = dataset_paths(NAME, space).raw, dataset_paths(NAME, space).run()
    plain, both = tmp_path / "plain", tmp_path / "both"
    assert predict.main([*line, "-o", str(plain)]) == 0
    added = ["--covariates_table", str(raw / "cases.csv")]
    assert predict.main([*line, "-o", str(both), *added]) == 0
    assert "Covariates are added: sex, age." in capsys.readouterr().out
    fusion, before, after = documents.read(Fusion, model.fusion), read(plain), read(both)
    assert (before.covariates, after.covariates) == ((), ("sex", "age"))
    assert after.prior == pytest.approx(fusion.prior)
    cells = {row["case_id"]: row for row in read_rows(raw / "cases.csv")}
    for alone, joint in zip(before.cases, after.cases, strict=True):
        patient = covariates_of(fusion, cells[alone.case_id], alone.case_id)
        members = np.array([member.probabilities for member in alone.members])
        expected = fused(fusion, members, patient.values)
        got = np.array([member.probabilities for member in joint.members])
        np.testing.assert_allclose(got, expected, atol=1e-12)
        np.testing.assert_allclose(joint.probabilities, expected.mean(axis=0), atol=1e-12)
        assert joint.image_probabilities == pytest.approx(alone.probabilities)
        assert joint.covariates == {name: cells[alone.case_id][name] for name in ("sex", "age")}
    row = read_rows(both / "predictions.csv")[0]
    assert float(row["image_prob_recurrence"]) == pytest.approx(
        before.cases[0].probabilities[1], abs=1e-8
    )
    assert "image_prob_recurrence" not in read_rows(plain / "predictions.csv")[0]

    # Thresholds are those that were chosen on out-of-fold predictions of both.
    few = ["--n_bootstrap", "20", "--workspace", str(space)]
    assert evaluate.main([NAME, "--predictions", str(both), "-o", str(both), *few]) == 0
    chosen = documents.read(Evaluation, model.fused / "metrics.json").thresholds
    applied = documents.read(Evaluation, both / "metrics.json").thresholds
    assert [each.value for each in applied] == [each.value for each in chosen]
    assert calibrate.main([NAME, "--predictions", str(both), *few]) == 2
    assert "covariates sex, age" in capsys.readouterr().err

    # Another prior moves what image and covariates say.
    other = tmp_path / "other"
    assert predict.main([*line, "-o", str(other), *added, "--prior", "0.1"]) == 0
    for case, moved in zip(after.cases, read(other).cases, strict=True):
        ratios = np.array([0.9, 0.1]) / np.array(after.prior)
        members = np.array([member.probabilities for member in case.members]) * ratios
        members /= members.sum(axis=1, keepdims=True)
        assert moved.probabilities == pytest.approx(tuple(members.mean(axis=0)))


def test_a_cell_that_cannot_be_used_costs_its_case_and_a_changed_one_is_predicted_again(
    space, line, tmp_path, capsys, caplog
):
    first, second, third = (f"PH00{n}" for n in (21, 22, 23))
    out = ["-o", str(tmp_path / "out")]
    cells = {first: {"age": "sixty"}, second: None, third: {"sex": "X", "age": ""}}
    table = table_with(space, tmp_path / "table.csv", **cells)
    assert predict.main([*line, *out, "--covariates_table", table]) == 1
    predicted = read(tmp_path / "out")
    assert [case.case_id for case in predicted.cases] == [third]
    assert "sex 'X' was not among the training cases" in predicted.cases[0].warnings[0]
    assert predicted.cases[0].covariates == {"sex": "", "age": ""}
    errors = {case.case_id: case.error for case in predicted.failed}
    assert "age 'sixty'" in errors[first]
    assert "has no row for this case" in errors[second]
    capsys.readouterr()

    whole = table_with(space, tmp_path / "whole.csv", **{third: {"age": ""}})
    go_on = [*line, *out, "--continue", "--covariates_table"]
    assert predict.main([*go_on, whole]) == 0
    assert f"{third} is predicted again: its covariates have changed" in caplog.text
    before = read(tmp_path / "out")
    caplog.clear()
    assert predict.main([*go_on, whole]) == 0
    assert "predicted again" not in caplog.text
    assert read(tmp_path / "out").cases == before.cases
    # The image alone is another prediction, and does not go on with these.
    assert predict.main([*line, *out, "--continue"]) == 2


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ([{"case_id": "PH0021", "Age": "3"}], [], "Rename 'Age' to 'age'. Add: sex"),
        ([{"case_id": "X", "age": "3", "sex": "M"}], [], "No case that is predicted has a row"),
        ([{"case_id": "PH0021", "age": "3", "sex": "M"}] * 2, [], "A case has several rows"),
        ([{"case_id": "PH0021", "age": "3", "sex": "M"}], ["--calibrated"], "Leave out --calib"),
        ([{"case_id": "PH0021", "age": "3", "sex": "M"}], ["--no_tta"], "The fusion was fitted on"),
        (None, [], "There is no such table"),
    ],
)
def test_tables_and_options_that_cannot_be_used(space, line, tmp_path, capsys, rows, options, told):
    table = tmp_path / "table.csv"
    if rows is not None:
        write_rows(table, rows)
    out = ["-o", str(tmp_path / "out"), "--covariates_table", str(table)]
    assert predict.main([*line, *out, *options]) == 2
    assert told in capsys.readouterr().err


def test_a_patient_in_memory(space):
    paths = dataset_paths(NAME, space)
    model = rn.load_model(paths.run().folder, rn.PredictOptions(fused=True), device="cpu")
    read_images = [
        rn.read_image(paths.raw / "imagesTs" / f"PH0021_000{n}.nii.gz") for n in range(3)
    ]
    images, grid = np.stack([voxels for voxels, _ in read_images]), read_images[0][1]
    mask, _ = rn.read_image(paths.raw / "masksTs" / "PH0021_brain.nii.gz")
    facts = {"age": "60", "sex": ""}
    predicted = model.predict_case(images, grid, brain=mask > 0.5, covariates=facts)
    assert predicted.covariates == {"age": "60", "sex": ""}
    assert "sex is not known and is imputed" in predicted.warnings
    with pytest.raises(rn.DatasetError, match="no sex, age"):
        model.predict_case(images, grid)
    alone = rn.load_model(paths.run().folder, device="cpu")
    with pytest.raises(rn.DatasetError, match="without the covariate model"):
        alone.predict_case(images, grid, covariates={"age": "60"})
    with pytest.raises(rn.OptionError, match="no table of them"):
        rn.predict(paths.raw, paths.raw / "x", paths.run().folder, rn.PredictOptions(fused=True))


def test_a_fusion_that_was_edited_is_refused(space, line, tmp_path, capsys):
    copied = shutil.copytree(space, tmp_path / "space")
    file = ModelPaths(dataset_paths(NAME, copied).run().folder).fusion
    fields = json.loads(file.read_text(encoding="utf-8"))
    fields["weights"][0][0] += 1
    file.write_text(json.dumps(fields), encoding="utf-8")
    table = str(dataset_paths(NAME, copied).raw / "cases.csv")
    args = [*line[:-1], str(copied), "-o", str(tmp_path / "out"), "--covariates_table", table]
    assert predict.main(args) == 2
    assert "fusion.json" in capsys.readouterr().err
