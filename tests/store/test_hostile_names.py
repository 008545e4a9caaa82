"""Names in documents, tables and options never lead out of the folder that they belong to."""

import dataclasses
import json
import logging

import pytest

from ricenet_v2.api.locations import model_folder
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError, NameInPathError
from ricenet_v2.evaluation.seed_spreads import spreads_of
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.records.report import ReportSection, SectionFigure
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store import cases
from ricenet_v2.store.case_table import read_cases
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.store.raw import find_cases, image_path, mask_path, read_dataset
from ricenet_v2.store.workspace import dataset_paths

OUT = ["../../../x", "..", "/etc/x", "a/b", "a\\b", "C:x", ".hidden", "x\n"]


@pytest.fixture
def plan(make_plan):
    return make_plan()


DATASET = Dataset("D", (Channel("a", "mri"), Channel("b", "mri")), ("x", "y"))
PREDICTED = CasePrediction("c", "x", (0.5, 0.5), (), 0.6, 1.0, ())
DOCUMENTS = {
    "splits": (Splits(0, (Fold(("a",), ("b",)),)), ["folds", 0, "train", 0]),
    "splits of validation": (Splits(0, (Fold(("a",), ("b",)),)), ["folds", 0, "validation", 0]),
    "run of a plan": (
        Run("D", "auto", "", 0, ("a",), 0, "cpu", 1, "finished", 0, (), {}),
        ["plan"],
    ),
    "run of channels": (
        Run("D", "auto", "", 0, ("a",), 0, "cpu", 1, "finished", 0, (), {}),
        ["channels", 0],
    ),
    "predictions": (
        Predictions("D", "auto", "", {}, ("x", "y"), "mean", True, (PREDICTED,), ()),
        ["cases", 0, "case_id"],
    ),
    "predictions of a plan": (
        Predictions("D", "auto", "", {}, ("x", "y"), "mean", True, (PREDICTED,), ()),
        ["plan"],
    ),
    "dataset": (DATASET, ["channels", 0, "name"]),
    "file ending": (DATASET, ["file_ending"]),
}


@pytest.fixture
def paths(tmp_path):
    return DatasetPaths("D", tmp_path / "raw", tmp_path / "preprocessed", tmp_path / "results")


def changed(fields, place, value):
    for key in place[:-1]:
        fields = fields[key]
    fields[place[-1]] = value


@pytest.mark.parametrize("name", OUT, ids=ascii)
@pytest.mark.parametrize("what", DOCUMENTS)
def test_documents_with_names_that_lead_out_are_refused(tmp_path, what, name):
    value, place = DOCUMENTS[what]
    fields = json.loads(documents.to_text(value))
    changed(fields, place, "/../x.nii" if what == "file ending" else name)
    (tmp_path / "d.json").write_text(json.dumps(fields))
    with pytest.raises(DocumentError, match=r"d\.json"):
        documents.read(type(value), tmp_path / "d.json")


@pytest.mark.parametrize("name", OUT, ids=ascii)
def test_a_plan_with_such_a_name_is_refused(tmp_path, plan, name):
    for place in (["name"], ["channels", 0, "name"]):
        fields = json.loads(documents.to_text(plan))
        changed(fields, place, name)
        (tmp_path / "plan.json").write_text(json.dumps(fields))
        with pytest.raises(DocumentError, match="name"):
            documents.read(Plan, tmp_path / "plan.json")


@pytest.mark.parametrize("name", ["a__b", "a_"])
def test_a_plan_whose_models_could_be_those_of_another_is_refused(plan, name):
    with pytest.raises(ValueError, match="__"):
        dataclasses.replace(plan, name=name)


@pytest.mark.parametrize("title", ["../x", "a/../../x", "..\\x", "x\0"], ids=ascii)
@pytest.mark.parametrize("place", [["name"], ["classes", 0]])
def test_titles_may_have_slashes_but_lead_nowhere(tmp_path, title, place):
    fields = json.loads(documents.to_text(DATASET))
    changed(fields, place, "RICE / necrosis")
    (tmp_path / "dataset.json").write_text(json.dumps(fields))
    read_dataset(tmp_path / "dataset.json")
    changed(fields, place, title)
    (tmp_path / "dataset.json").write_text(json.dumps(fields))
    with pytest.raises((DatasetError, DocumentError), match=r"dataset\.json"):
        read_dataset(tmp_path / "dataset.json")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("all", "b"), "means all channels"),
        (("a", "b", "a+b"), "also means"),
        (("a", "b__seed3"), "training seed"),
    ],
)
def test_channels_whose_models_would_share_a_folder_are_refused(names, said):
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(DATASET, channels=tuple(Channel(name, "mri") for name in names))
    Dataset("D", (Channel("T1", "mri"), Channel("T1+C", "mri")), ("x", "y"))


@pytest.mark.parametrize("name", OUT, ids=ascii)
def test_options_that_lead_out_are_refused(paths, name):
    for made in (
        lambda: paths.plan(name),
        lambda: paths.cases(name),
        lambda: paths.run(name),
        lambda: paths.model(name),
        lambda: ModelPaths(paths.results).ablation(name),
    ):
        try:
            path = made()
        except NameInPathError:
            continue
        folder = getattr(path, "folder", path)
        assert folder.resolve().is_relative_to(paths.raw.parent)
        assert "/" not in name
    for made in (lambda: paths.cases(name), lambda: paths.run(name), lambda: paths.model(name)):
        with pytest.raises(NameInPathError):
            made()


@pytest.mark.parametrize("channels", ["../../..", "a/../../../x", "x\0"])
def test_channels_that_lead_out_are_refused(tmp_path, paths, channels):
    with pytest.raises(NameInPathError):
        paths.run("auto", channels)
    (tmp_path / "raw" / "Dataset001_D").mkdir(parents=True)
    with pytest.raises(NameInPathError):
        model_folder("1", channels=channels, workspace=tmp_path)
    assert not spreads_of({"a": channels.replace("\0", "")}, paths)


@pytest.mark.parametrize("name", OUT, ids=ascii)
def test_cases_that_lead_out_are_refused(tmp_path, name):
    for made in (
        lambda: cases.read_array(tmp_path, name),
        lambda: cases.read_record(tmp_path, name),
        lambda: cases.delete_case(tmp_path, name),
        lambda: cases.has_case(tmp_path, name),
    ):
        with pytest.raises(NameInPathError):
            made()
    if not name.startswith("."):
        for made in (
            lambda: image_path(tmp_path, name, 0, ".nii.gz"),
            lambda: mask_path(tmp_path, name, "brain", ".nii.gz"),
        ):
            with pytest.raises(NameInPathError):
                made()


def test_a_table_of_cases_names_the_row(tmp_path):
    (tmp_path / "cases.csv").write_text("case_id,patient_id,label,split\n../x,p,a,train\n")
    with pytest.raises(DatasetError, match=r"line 2[\s\S]*leads out of its folder"):
        read_cases(tmp_path / "cases.csv")


def test_pictures_of_a_part_stay_in_the_report():
    # This one lies in the folder of the part, but its copy would lie beside the report.
    with pytest.raises(ValueError, match="cannot be part of a path"):
        ReportSection("t", pictures=(SectionFigure("../part/x.png", ""),))
    with pytest.raises(ValueError, match="cannot be part of a path"):
        ReportSection("t", cases={"../c": (SectionFigure("x.png", ""),)})
    ReportSection("t", cases={"c": (SectionFigure("c/x.png", ""),)})


@pytest.mark.parametrize("name", ["../x", "/etc/passwd"])
def test_further_documents_lead_nowhere(name):
    with pytest.raises(ValueError, match="cannot be part of a path"):
        Subset("a", ("a",), ("a",), name)
    with pytest.raises(ValueError, match="cannot be part of a path"):
        Calibration(1.0, None, None, 1, 1, "", {name: "0"}, (), ())
    with pytest.raises(ValueError, match="cannot be part of a path"):
        dataclasses.replace(PREDICTED, case_id=name)


@pytest.mark.parametrize("folder", ["fold_²", "fold_\u0663", "fold_01", "fold_x", "fold_"])
def test_folders_that_are_no_folds_are_passed_over(tmp_path, folder):
    for name in ("fold_0", folder):
        (tmp_path / name).mkdir()
    assert ModelPaths(tmp_path).folds() == (0,)


@pytest.mark.parametrize("seed", ["²", "\u0663", "01"])
def test_folders_that_are_no_seeds_are_passed_over(paths, seed):
    for name in ("auto__all__seed7", f"auto__all__seed{seed}"):
        (paths.results / name).mkdir(parents=True)
    assert paths.further_seeds() == (7,)


@pytest.mark.parametrize("dataset", ["²", "\u0663", "9" * 5000])
def test_a_dataset_that_is_no_number_is_not_there(tmp_path, dataset):
    (tmp_path / "raw" / "Dataset003_D").mkdir(parents=True)
    assert dataset_paths("003", tmp_path).name == "Dataset003_D"
    with pytest.raises(DatasetError, match="no such dataset"):
        dataset_paths(dataset, tmp_path)


def test_images_that_are_not_numbered_are_no_channels(tmp_path):
    for name in ("c_0000.nii", "c_000².nii", "d_\u0660\u0660\u0660\u0660.nii"):
        (tmp_path / name).touch()
    assert list(find_cases(tmp_path, 1, ".nii")) == ["c"]


def test_a_name_that_no_file_can_have_is_left_to_the_caller(tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    (tmp_path / f"{'x' * 230}_0000.nii").touch()
    (tmp_path / "c_0000.nii").touch()
    assert len(find_cases(tmp_path, 1, ".nii")) == 2
