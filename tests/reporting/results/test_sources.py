"""What a report reads, and what it refuses."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.evaluation.fusion.write import section_of
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.report import ReportSection, SectionFigure
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.reporting.results.absent import absent
from ricenet_v2.reporting.results.predicted import PredictedCase, Result
from ricenet_v2.reporting.results.report_sections import comparisons, parts_of
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store import tables
from ricenet_v2.store.workspace import dataset_paths

GOLDEN = Path(__file__).parents[2] / "records" / "golden"


def _read(workspace, *folders, channels="all"):
    return read_sources(dataset_paths(NAME, workspace), "auto", channels, folders)


def test_everything_that_is_there_is_read(simulated):
    sources = _read(simulated, simulated / "predictions")
    assert [result.name for result in sources.results] == ["out-of-fold", "predictions"]
    assert [len(result.cases) for result in sources.results] == [20, 3]
    assert all(result.evaluation and result.curves for result in sources.results)
    assert [fold.number for fold in sources.folds] == [0, 1, 2, 3, 4]
    assert all(len(fold.epochs) == 6 for fold in sources.folds)
    assert [part.content.title for part in sources.parts] == ["Occlusion"]
    assert len(sources.preprocessed) == 23
    assert "raw/cases.csv" in sources.inputs
    assert "predictions/predictions.json" in sources.inputs


def test_out_of_fold_rows_are_those_of_the_files(simulated):
    sources = _read(simulated)
    rows = [r for fold in range(5) for r in tables.read_rows(sources.model.fold(fold).validation)]
    by_id = {one.case_id: one for one in sources.results[0].cases}
    assert len(by_id) == len(rows) == 20
    for row in rows:
        one = by_id[row["case_id"]]
        assert (one.truth, one.predicted) == (row["label"], row["predicted"])
        assert one.probabilities[1] == float(row["prob_recurrence"])
        assert one.is_right == (row["label"] == row["predicted"])


def test_a_fusion_of_networks_that_were_trained_again_is_not_shown(tmp_path, simulated):
    workspace = shutil.copytree(simulated, tmp_path / "workspace")
    model = dataset_paths(NAME, workspace).run()
    table = model.fold(0).validation
    fusion = documents.read(Fusion, GOLDEN / "fusion_1.json")
    fitted_on = {"fold_0/validation.csv": sha256_of_file(table)}
    documents.write(model.fusion, dataclasses.replace(fusion, fitted_on=fitted_on))
    documents.write(model.fused / "report_part.json", section_of(fusion))
    documents.write(
        model.fused / "comparison.json", documents.read(Comparison, GOLDEN / "comparison_2.json")
    )

    def shown():
        sources = _read(workspace)
        (part,) = [p.content for p in sources.parts if p.content.title == "Image and covariates"]
        return part, [name for name in sources.comparisons if name.endswith("fused")]

    part, compared = shown()
    assert len(part.tables) == 2
    assert len(compared) == 1
    table.write_text(table.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    part, compared = shown()
    assert (part.tables, compared) == ((), [])
    assert "trained again" in part.words
    assert "(changed: fold_0/validation.csv)" in part.words
    assert f"Run ricenet_fuse {NAME} --covariates" in part.words
    model.fusion.unlink()
    part, compared = shown()
    assert (part.tables, compared) == ((), [])
    assert "fusion.json is missing" in part.words


def test_sections_are_missing_where_files_are(tmp_path, simulated):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    paths = dataset_paths(NAME, workspace)
    shutil.rmtree(paths.run().crossval)
    shutil.rmtree(paths.run().folder / "fold_3")
    paths.fingerprint.unlink()
    sources = _read(workspace)
    assert sources.results[0].evaluation is None
    assert len(sources.results[0].cases) == 16
    assert sources.fingerprint is None


def test_a_model_that_was_not_trained_is_named_with_those_that_were(simulated):
    with pytest.raises(DatasetError, match="auto__all") as caught:
        _read(simulated, channels="dose")
    assert "auto__dose" in str(caught.value)


def test_a_folder_without_predictions_is_refused(tmp_path, simulated):
    with pytest.raises(DatasetError, match="not a folder of predictions"):
        _read(simulated, tmp_path)


def test_two_folders_of_one_name_are_refused(tmp_path, simulated):
    shutil.copytree(simulated / "predictions", tmp_path / "predictions")
    with pytest.raises(DatasetError, match="must have different names"):
        _read(simulated, simulated / "predictions", tmp_path / "predictions")


def test_predictions_of_other_classes_are_refused(tmp_path, simulated):
    shutil.copytree(simulated / "predictions", tmp_path / "other")
    path = tmp_path / "other" / "predictions.json"
    fields = json.loads(path.read_text().replace('"recurrence"', '"progression"'))
    del fields["seal"]
    path.write_text(json.dumps(fields))
    with pytest.raises(DatasetError, match="classes of these predictions differ"):
        _read(simulated, tmp_path / "other")


def test_a_newer_document_is_refused(tmp_path, simulated):
    shutil.copytree(simulated, tmp_path / "workspace")
    path = dataset_paths(NAME, tmp_path / "workspace").run().crossval / "curves.json"
    fields = json.loads(path.read_text())
    del fields["seal"]
    path.write_text(json.dumps({**fields, "schema": 99}))
    with pytest.raises(DocumentError, match="newer version"):
        _read(tmp_path / "workspace")


def test_comparisons_of_two_folders_have_names_of_their_own(tmp_path):
    for name in ("a", "b"):
        made = Comparison(("one", "two"), ("x", "y"), "y", 4, 4, (), (), 0.95, 10, 0)
        documents.write(tmp_path / name / "cmp" / "comparison.json", made)
    found = comparisons([tmp_path / "a", tmp_path / "b", tmp_path / "b"])
    assert list(found) == ["a/cmp", "b/cmp"]


def test_a_part_of_a_folder_is_found_without_any_fold(tmp_path):
    one = PredictedCase(
        "C1", None, "x", (0.5, 0.5), (), 0.7, None, None, None, (), "new", None, True
    )
    made = Predictions("D", "auto", "h", {}, ("x", "y"), "mean", True, (), ())
    result = Result("new", tmp_path / "new", (one,), (), None, None, None, made)
    part = ReportSection("Maps", "", (), (), {"C1": (SectionFigure("a.png", "a"),)})
    documents.write(tmp_path / "new" / "maps" / "report_part.json", part)
    (found,) = parts_of(tmp_path / "model", [result])
    assert list(found.content.cases) == ["C1 in new"]


def test_folders_elsewhere_are_read_once_and_empty_ones_refused(tmp_path, simulated):
    made = Comparison(("one", "two"), ("x", "y"), "y", 4, 4, (), (), 0.95, 10, 0)
    documents.write(tmp_path / "a" / "compared" / "comparison.json", made)
    documents.write(tmp_path / "b" / "compared" / "comparison.json", made)
    documents.write(tmp_path / "maps" / "report_part.json", ReportSection("Maps", "", (), ()))
    paths = dataset_paths(NAME, simulated)
    named = [tmp_path / "a" / "compared", tmp_path / "b", tmp_path / "maps"]
    found = read_sources(paths, "auto", "all", [], [*named, paths.run().folder, tmp_path / "maps"])
    assert list(found.comparisons) == ["compared", "compared (2)"]
    assert [part.content.title for part in found.parts] == ["Maps", "Occlusion"]
    assert "part 3, maps/report_part.json" in found.inputs
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="contains nothing for a report") as caught:
        read_sources(paths, "auto", "all", [], [tmp_path / "empty"])
    assert "ricenet_explain" in str(caught.value.expected)


def test_of_two_patients_with_one_id_a_folder_elsewhere_shows_neither(tmp_path):
    one = PredictedCase(
        "C1", None, "x", (0.5, 0.5), (), 0.7, None, None, None, (), "new", None, True
    )
    made = Predictions("D", "auto", "h", {}, ("x", "y"), "mean", True, (), ())
    result = Result("new", tmp_path / "new", (one,), (), None, None, None, made)
    picture = (SectionFigure("a.png", "a"),)
    part = ReportSection("Maps", "", (), (), {"C1": picture, "C2": picture})
    documents.write(tmp_path / "maps" / "report_part.json", part)
    (found,) = parts_of(tmp_path / "model", [result], [tmp_path / "maps"])
    assert list(found.content.cases) == ["C2"]


def test_a_variance_over_seeds_holds_for_the_predictions_that_were_compared(simulated, tmp_path):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    paths = dataset_paths(NAME, workspace)
    model, other = paths.run(), paths.run(seed=1)
    name = model.folder.name
    hashes = {
        f"{name}/fold_{n}/validation.csv": sha256_of_file(model.fold(n).validation)
        for n in range(5)
    }
    made = SeedVariance(
        "t", (0, 1), (name, other.folder.name), 2, 5, "", "", 20, 20, ("x", "y"), "y", (),
        (0.4, 30.0), 3, 0.95, 50, 0, {**hashes, f"{other.folder.name}/fold_0/validation.csv": "0"},
        "",
    )  # fmt: skip
    documents.write(other.crossval / "seeds.json", made)
    read = read_sources(paths, "auto", "all", [])
    assert read.seeds == made
    assert f"results/{other.folder.name}/crossval/seeds.json" in read.inputs
    assert not any("seeds" in one.what for one in absent(read))
    with model.fold(2).validation.open("a", encoding="utf-8") as file:
        file.write("\n")
    read = read_sources(paths, "auto", "all", [])
    assert read.seeds is None
    assert [one.command for one in absent(read) if "seeds.json is of other" in one.what] == [
        "ricenet_evaluate DATASET --seeds"
    ]
