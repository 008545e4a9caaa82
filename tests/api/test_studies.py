"""Studies of new patients, straight from DICOM to predictions, as through a dataset."""

import contextlib
import dataclasses
import io
import json
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from pydicom import dcmread

import ricenet_v2 as rn
from benchmarks.small_plan import small_plan
from ricenet_v2.api.studies import only_prepared_images
from ricenet_v2.cli import convert, predict
from ricenet_v2.core import documents
from ricenet_v2.ingest.convert_options import RULES
from ricenet_v2.network.build import build_network
from ricenet_v2.phantom.dicom import write_studies
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation
from ricenet_v2.store import checkpoints
from ricenet_v2.store.ingest_settings import carry_settings
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.raw import read_dataset
from ricenet_v2.store.tables import read_rows, write_rows
from tests.small_work import classes_looked_up_once, coarse_checks, the_same_case_pictures

KEY = re.compile(r"s[0-9a-f]{10}")
SIZE = {"shape": (24, 30, 24), "spacing": (7.0, 7.0, 7.0)}
DATES = ("20200102", "20200115", "20210601")


def _run(command, *words):
    """Exit code, and all that was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = command.main([str(word) for word in words])
    return code, out.getvalue()


def _words(printed):
    return " ".join(printed.replace("│", " ").split())


@dataclass(frozen=True)
class Clinic:
    """Patients, the dataset that they were converted to, and a model of it.

    One patient was held out.
    """

    studies: Path
    work: Path
    raw: Path
    model: ModelPaths
    labels: dict

    @property
    def held_out(self):
        return list(self.labels)[-1]

    def predict(self, source, output, *words, model=None):
        folder = model or self.model.folder
        line = ["-i", source, "-o", output, "-m", folder, "--device", "cpu", "--num_workers", 1]
        return _run(predict, *line, *words)


def _model(folder, raw, *, may_lack=False):
    """A model of one small network with random weights; `may_lack` allows missing channels."""
    dataset = read_dataset(raw / "dataset.json")
    channels = tuple(
        ChannelPlan(channel.name, channel.kind, "linear", Normalisation("none"))
        for channel in dataset.channels
    )
    plan = small_plan(
        dataset=dataset.name,
        classes=dataset.classes,
        channels=channels,
        spacing=(10.0, 10.0, 10.0),
        input_size=(16, 16, 16),
    )
    network = dataclasses.replace(plan.network, presence=may_lack)
    plan = dataclasses.replace(plan, network=network)
    torch.manual_seed(0)
    network = build_network(plan.network, len(channels), 2, plan.input_size)
    model = ModelPaths(folder)
    state = {
        "inference_weights": network.state_dict(),
        "plan": documents.to_text(plan),
        "dataset": documents.to_text(dataset),
        "fold": 0,
    }
    checkpoints.save(model.fold(0).final, state)
    carry_settings(raw / "ingest.json", model.ingest)
    return model


@pytest.fixture(scope="module", autouse=True)
def _little_work_for_each_image():
    with pytest.MonkeyPatch.context() as patch:
        classes_looked_up_once(patch.setattr)
        coarse_checks(patch.setattr)
        yield


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch, request):
    if "with_pictures" not in request.fixturenames:
        the_same_case_pictures(monkeypatch.setattr)


@pytest.fixture
def with_pictures():
    """Cases are drawn as they are for users."""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    labels = write_studies(folder / "studies", patients=2, is_still=True, **SIZE)
    work, raw = folder / "work", folder / "Dataset020_RICE"
    assert _run(convert, "scan", folder / "studies", "-o", work)[0] == 0
    rows = read_rows(work / "manifest.csv")
    for row in rows:
        row["label"] = labels[row["patient"]]
    rows[-1]["split"] = "test"
    write_rows(work / "manifest.csv", rows)
    with pytest.MonkeyPatch.context() as patch:
        the_same_case_pictures(patch.setattr)
        line = (work / "manifest.csv", raw, "--num_workers", 1)
        assert _run(convert, "cases", *line)[0] == 0
    return Clinic(folder / "studies", work, raw, _model(folder / "model", raw), labels)


@pytest.fixture
def patients(clinic, tmp_path):
    """A folder with the held-out patient alone, free to be changed."""
    shutil.copytree(clinic.studies / clinic.held_out, tmp_path / "Muster" / clinic.held_out)
    return tmp_path / "Muster"


@pytest.fixture
def model(clinic, tmp_path):
    """A copy of the model, free to be spoiled, and its settings."""
    folder = shutil.copytree(clinic.model.folder, tmp_path / "model")
    return ModelPaths(folder), documents.read(IngestSettings, folder / "ingest.json")


def _twin(patient, series="MR2"):
    """Another series that would do as well."""
    for file in sorted((patient / series).iterdir()):
        data = dcmread(file)
        data.SeriesInstanceUID += ".9"
        data.SOPInstanceUID += ".9"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        target = patient / "twin" / file.name
        target.parent.mkdir(exist_ok=True)
        data.save_as(target)


def _predictions(folder):
    return documents.read(rn.Predictions, folder / "predictions.json")


def test_a_patient_is_predicted_bit_for_bit_as_through_the_dataset(clinic, patients, tmp_path):
    assert clinic.predict(clinic.raw, tmp_path / "dataset")[0] == 0
    (through,) = _predictions(tmp_path / "dataset").cases
    code, said = clinic.predict(patients, tmp_path / "out")
    assert code == 0, said
    (straight,) = _predictions(tmp_path / "out").cases
    assert straight.probabilities == through.probabilities
    assert straight.members == through.members
    assert straight.source.source_grid_shape == SIZE["shape"]
    assert straight.source.region == "brain mask"
    assert straight.source.inputs_hash == through.source.inputs_hash
    # The same key gives the same id.
    rows = read_rows(clinic.work / "manifest.csv")
    write_rows(tmp_path / "one.csv", rows[-1:])
    line = ("--manifest", tmp_path / "one.csv", "--work", clinic.work)
    assert clinic.predict(clinic.studies, tmp_path / "again", *line)[0] == 0
    (again,) = _predictions(tmp_path / "again").cases
    assert again == through
    assert straight.case_id != through.case_id


def test_predictions_identify_nobody_and_the_folder_beside_them_says_who(
    clinic, patients, tmp_path, with_pictures
):
    _twin(shutil.copytree(clinic.studies / next(iter(clinic.labels)), patients / "other"))
    out, work = tmp_path / "out", tmp_path / "out_work"
    code, said = clinic.predict(patients, out)
    assert code == 1
    (case,) = _predictions(out).cases
    table = {row["case_id"]: row["patient"] for row in read_rows(work / "patients.csv")}
    assert table[case.case_id] == clinic.held_out
    assert set(table.values()) == {clinic.held_out, next(iter(clinic.labels))}
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    files = [path for path in work.iterdir() if path.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    words = (*clinic.labels, *DATES, "Muster", "1.2.826")
    for path in (p for folder in (out, work / "converted") for p in folder.rglob("*")):
        text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        assert not [word for word in words if word in text + path.name]
        assert path.suffix == ".gz" or not KEY.search(text)
    assert not [word for word in (*clinic.labels, *DATES, "1.2.826") if word in said]
    assert "STUDIES" in _predictions(out).command
    assert f"{work} identifies patients" in said
    assert (work / "converted" / "qc" / f"{case.case_id}.png").is_file()
    assert (work / "converted" / "registration.csv").is_file()


def test_where_two_would_do_the_patient_is_refused_until_a_person_chose(clinic, patients, tmp_path):
    first = next(iter(clinic.labels))
    _twin(shutil.copytree(clinic.studies / first, patients / first))
    out = tmp_path / "out"
    code, said = clinic.predict(patients, out)
    assert code == 1
    predictions = _predictions(out)
    assert [len(predictions.cases), len(predictions.failed)] == [1, 1]
    assert predictions.failed[0].error.startswith("mri:T1c_event is empty.")
    candidates = {
        row["key"]
        for row in read_rows(tmp_path / "out_work" / "series.csv")
        if row["date"] == DATES[2] and row["patient"] == first
    }
    assert len(candidates) == 2
    assert set(KEY.findall(said)) == candidates
    assert f"{predictions.failed[0].case_id} 2 manifest.csv" in _words(said)
    manifest = tmp_path / "out_work" / "manifest.csv"
    assert str(manifest) in said
    rows = read_rows(manifest)
    (row,) = [row for row in rows if row["patient"] == first]
    row["mri:T1c_event"] = min(candidates)
    write_rows(manifest, rows)
    code, said = clinic.predict(patients, out, "--continue")
    assert code == 0, said
    assert len(_predictions(out).cases) == 2
    assert not _predictions(out).failed
    # What was done is neither converted nor predicted again.
    assert "predicted again" not in said


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        ("MR2", "mri:T1c_event is empty."),
        ("RTDOSE", "This case has no dose"),
        ("brain.nii.gz", "The head of this patient could not be removed"),
    ],
)
def test_a_patient_without_what_training_had_is_refused(clinic, patients, tmp_path, gone, text):
    path = patients / clinic.held_out / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    code, said = clinic.predict(patients, tmp_path / "out")
    assert code == 1
    predictions = _predictions(tmp_path / "out")
    assert not predictions.cases
    assert text in predictions.failed[0].error
    assert clinic.held_out not in said.replace(str(patients), "")


@pytest.mark.parametrize("gone", ["MR1", "MR2", "RTDOSE"])
def test_a_model_that_allows_it_predicts_patients_who_lack_images(clinic, patients, tmp_path, gone):
    missing = {"MR1": "T1c_post_op", "MR2": "T1c_event", "RTDOSE": "dose"}[gone]
    model = _model(tmp_path / "allowing", clinic.raw, may_lack=True)
    path = patients / clinic.held_out / gone
    shutil.move(path, tmp_path / gone)
    code, said = clinic.predict(patients, tmp_path / "out", model=model.folder)
    assert code == 0, said
    (case,) = _predictions(tmp_path / "out").cases
    assert any(missing in warning for warning in case.warnings)
    (row,) = read_rows(tmp_path / "out" / "predictions.csv")
    assert missing not in row["channels"].split("+")
    (row,) = read_rows(tmp_path / "out_work" / "converted" / "cases.csv")
    assert row["channels"] != "all"
    # When it has come, an empty cell of the manifest is no longer one of a missing image.
    shutil.move(tmp_path / gone, path)
    code, _ = clinic.predict(patients, tmp_path / "out", "--continue", model=model.folder)
    assert code == 1
    (failed,) = _predictions(tmp_path / "out").failed
    assert "or none if the patient lacks the image" in failed.error


def test_a_model_that_does_not_know_how_its_dataset_was_converted_says_so(
    clinic, patients, model, tmp_path
):
    model[0].ingest.unlink()
    code, said = clinic.predict(patients, tmp_path / "out", model=model[0].folder)
    assert code == 2
    assert "the model cannot convert studies" in said
    assert "ricenet_convert cases" in said
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out_work").exists()
    images = clinic.raw / "imagesTs"
    assert clinic.predict(images, tmp_path / "out", model=model[0].folder)[0] == 0


OTHERS = {
    "other rules": ({"rules": RULES + 1}, "converted by other rules"),
    "an unknown option": ({"options": {"sharpened": True}}, "got: sharpened"),
    "an unknown value": ({"options": {"registration": "elastix"}}, "registration. 'elastix'"),
    "a program": (
        {"options": {"brain_command": "touch {input} {output}"}},
        "run only where you name it yourself",
    ),
    "other channels": ({"channels": ()}, "not that of its dataset"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_settings_that_cannot_be_followed_are_refused(clinic, patients, model, tmp_path, name):
    paths, settings = model
    changes, text = OTHERS[name]
    if "channels" in changes:
        changes = {"channels": settings.channels[::-1][1:]}
    documents.write(paths.ingest, dataclasses.replace(settings, **changes))
    code, said = clinic.predict(patients, tmp_path / "out", model=paths.folder)
    assert code == 2
    assert text in _words(said)
    assert not (tmp_path / "out_work").exists()


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"schema": 99}, "newer version"), ({"stripped": "none"}, "damaged or was edited")],
)
def test_settings_of_a_newer_version_and_edited_ones_are_refused(
    clinic, patients, model, tmp_path, changes, text
):
    file = model[0].ingest
    fields = json.loads(file.read_text()) | changes
    if "schema" in changes:
        del fields["seal"]
    file.write_text(json.dumps(fields))
    code, said = clinic.predict(patients, tmp_path / "out", model=model[0].folder)
    assert code == 2
    assert text in said
    assert "ingest.json" in said


def test_a_head_that_training_left_on_is_left_on(clinic, patients, model, tmp_path):
    paths, settings = model
    documents.write(paths.ingest, dataclasses.replace(settings, stripped="none"))
    code, _ = clinic.predict(patients, tmp_path / "out", model=paths.folder)
    assert code == 1
    (failed,) = _predictions(tmp_path / "out").failed
    assert "The head of this patient was removed, which it was not in training." in failed.error


def test_folders_that_must_not_be_mixed_are_refused(clinic, patients, tmp_path):
    out = tmp_path / "out"
    for words, text in (
        (("--work", out / "work"), "lie in each other"),
        (("--work", patients / "work"), "lies among the studies"),
        (("--work", clinic.work), "that of other studies"),
        (("--masks", clinic.raw / "masksTs"), "Masks are named for studies"),
    ):
        code, said = clinic.predict(patients, out, *words)
        assert code == 2
        assert text in _words(said)
    code, said = clinic.predict(clinic.raw / "imagesTs", out, "--work", tmp_path / "work")
    assert code == 2
    assert "holds prepared images" in _words(said)
    shutil.copytree(clinic.raw, tmp_path / "raw", ignore=lambda *_: ["imagesTs"])
    code, said = clinic.predict(tmp_path / "raw", out)
    assert code == 2
    assert "no test cases" in said


def test_a_manifest_of_other_channels_is_refused(clinic, patients, tmp_path):
    assert _run(convert, "scan", patients, "-o", tmp_path / "work")[0] == 0
    manifest = tmp_path / "work" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("mri:T1c_event", "mri:FLAIR"))
    code, said = clinic.predict(patients, tmp_path / "out", "--manifest", manifest)
    assert code == 2
    assert "other channels than the dataset of the model" in said


def test_python_takes_studies_too(clinic, patients, tmp_path):
    predictions = rn.predict(
        patients, tmp_path / "out", clinic.model.folder, device="cpu", work=tmp_path / "mine"
    )
    (case,) = predictions.cases
    assert predictions.command == ()
    (row,) = read_rows(tmp_path / "mine" / "patients.csv")
    assert row == {"case_id": case.case_id, "patient": clinic.held_out, "case": "1"}
    # What was converted can be explained, and is not converted again for nothing.
    assert only_prepared_images(tmp_path / "mine" / "converted", ".nii.gz").name == "imagesTs"
    with pytest.raises(rn.DatasetError, match="WORK/converted"):
        only_prepared_images(patients, ".nii.gz")
    code, said = clinic.predict(patients, tmp_path / "out", "--work", tmp_path / "other")
    assert code == 2
    assert "already holds predictions" in said
    assert not (tmp_path / "other").exists()
    with pytest.raises(rn.OptionError, match="num_workers"):
        rn.predict(patients, tmp_path / "other", clinic.model.folder, num_workers=0)
