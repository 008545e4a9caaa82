"""The command ricenet_predict as a user runs it: elsewhere, with bad cases, killed, repeated."""

import dataclasses
import gzip
import json
import os
import random
import shutil
import signal
import struct
import time

import pytest

from ricenet_v2.cli import predict
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.prior import Recalibration
from ricenet_v2.store import checkpoints
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.tables import read_rows
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS


@pytest.fixture(scope="module")
def paths(trained_cohort):
    return dataset_paths(NAME, trained_cohort)


@pytest.fixture
def patients(paths, tmp_path):
    """A folder of the three held-out patients, free to be spoiled, with their masks beside it."""
    shutil.copytree(paths.raw / "masksTs", tmp_path / "masksTs")
    return shutil.copytree(paths.raw / "imagesTs", tmp_path / "imagesTs")


def words(source, output, paths, *more):
    model = str(paths.run().folder)
    return ["-i", str(source), "-o", str(output), "-m", model, "--device", "cpu", *more]


def test_the_model_folder_is_enough_on_another_machine(paths, patients, tmp_path, capsys):
    model = shutil.copytree(paths.run().folder, tmp_path / "elsewhere")
    out = tmp_path / "out"
    line = ["-i", str(patients), "-o", str(out), "-m", str(model), "--device", "cpu"]
    assert predict.main(line) == 0
    assert "Research use only" in capsys.readouterr().out
    rows = read_rows(out / "predictions.csv")
    assert [row["case_id"] for row in rows] == ["PH0021", "PH0022", "PH0023"]
    document = json.loads((out / "predictions.json").read_text())
    shares = dict(zip(document["classes"], document["prior"], strict=True))
    for row in rows:
        combined = {name: float(row[f"prob_{name}"]) for name in ("radiation_effect", "recurrence")}
        assert sum(combined.values()) == pytest.approx(1)
        # Training cases: 7 or 6 in 16 are of the one class in the folds, 8 in 20 in the mean.
        by_share = {name: value / shares[name] for name, value in combined.items()}
        assert row["predicted"] == max(by_share, key=by_share.__getitem__)
        for name, value in combined.items():
            each = [float(row[f"prob_{name}__fold_{fold}"]) for fold in range(FOLDS)]
            assert sum(each) / FOLDS == pytest.approx(value)
    assert document["command"]
    assert len(document["checkpoint_hashes"]) == FOLDS
    assert document["plan_hash"]
    assert document["cases"][0]["source"]["source_grid_shape"] == [16, 20, 16]


def test_masks_beside_the_images_are_used(paths, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict.main(words(paths.raw / "imagesTs", out, paths)) == 0
    cases = json.loads((out / "predictions.json").read_text())["cases"]
    assert {case["source"]["region"] for case in cases} == {"brain mask"}


def test_bad_patients_do_not_stop_the_others(paths, patients, tmp_path, capsys):
    (patients / "PH0021_0002.nii.gz").unlink()
    cut = patients / "PH0022_0000.nii.gz"
    cut.write_bytes(cut.read_bytes()[:200])
    voxels, grid = read_image(patients / "PH0023_0001.nii.gz")
    write_image(patients / "PH0031_0000.nii.gz", voxels, grid)
    out = tmp_path / "out"
    assert predict.main(words(patients, out, paths)) == 1
    shown, log = capsys.readouterr()
    # The whole reason once, in the table at the end; before, that something is wrong.
    assert "".join((shown + log).split()).count("PH0021_0002.nii.gz:") == 1
    assert [line for line in log.splitlines() if line.startswith("PH0021 could not be predicted")]
    assert [row["case_id"] for row in read_rows(out / "predictions.csv")] == ["PH0023"]
    failed = json.loads((out / "predictions.json").read_text())["failed"]
    assert [case["case_id"] for case in failed] == ["PH0021", "PH0022", "PH0031"]
    assert "PH0021_0002.nii.gz" in failed[0]["error"]
    assert "PH0022_0000.nii.gz" in failed[1]["error"]
    assert "3 cases failed" in shown


def test_names_that_no_file_can_have_and_headers_that_lie_do_not_stop_the_others(
    paths, patients, tmp_path
):
    header = bytearray(gzip.decompress((patients / "PH0021_0000.nii.gz").read_bytes()))
    struct.pack_into("<3h", header, 42, 1000, 1000, 1000)
    (patients / "PH0021_0000.nii.gz").write_bytes(gzip.compress(bytes(header)))
    long = "x" * 235
    shutil.copy(patients / "PH0022_0000.nii.gz", patients / f"{long}_0000.nii.gz")
    out = tmp_path / "out"
    assert predict.main(words(patients, out, paths)) == 1
    rows = read_rows(out / "predictions.csv")
    assert [row["case_id"] for row in rows] == ["PH0022", "PH0023"]
    failed = json.loads((out / "predictions.json").read_text())["failed"]
    told = {case["case_id"]: case["error"] for case in failed}
    assert "235 bytes, 200 are allowed" in told[long]
    assert "PH0021" in told


def test_files_that_are_none_and_endless_headers_leave_the_others_as_they_are(
    paths, patients, tmp_path, capsys
):
    """As a user would: two good patients, and beside them what used to end all."""
    assert predict.main(words(patients, tmp_path / "alone", paths, "-f", "0")) == 0
    spoilt = patients / "PH0023_0001.nii.gz"
    header = bytearray(gzip.decompress(spoilt.read_bytes()))
    struct.pack_into("<f", header, 108, float("inf"))
    spoilt.write_bytes(gzip.compress(bytes(header)))
    for index in range(3):
        shutil.copy(patients / f"PH0022_{index:04d}.nii.gz", patients / f"X_{index:04d}.nii.gz")
    masks = tmp_path / "masksTs"
    shutil.copy(masks / "PH0022_brain.nii.gz", masks / "X_brain.nii.gz")
    (patients / "X_0000.nii.gz").unlink()
    os.mkfifo(patients / "X_0000.nii.gz")
    (patients / f"{'k' * 226}_0000.nii.gz").touch()
    out = tmp_path / "out"
    assert predict.main(words(patients, out, paths, "-f", "0", "--case_timeout", "300")) == 1
    alone, found = (read_rows(tmp_path / name / "predictions.csv") for name in ("alone", "out"))
    assert found == alone[:2]
    failed = {case["case_id"]: case["error"] for case in _document(out)["failed"]}
    assert set(failed) == {"PH0023", "X", "k" * 226}
    assert "PH0023_0001.nii.gz" in failed["PH0023"]
    assert "vox_offset" in failed["PH0023"]
    assert "a named pipe" in failed["X"]
    assert "Traceback" not in "".join(capsys.readouterr())


def _document(out):
    return json.loads((out / "predictions.json").read_text())


def test_one_fold_with_nan_weights_is_named_and_can_be_left_out(paths, patients, tmp_path, capsys):
    model = shutil.copytree(paths.run().folder, tmp_path / "model")
    file = model / "fold_2" / "checkpoint_final.pth"
    state = checkpoints.load(file)
    next(iter(state["inference_weights"].values())).view(-1)[0] = float("nan")
    checkpoints.save(file, state)
    out = tmp_path / "out"
    line = ["-i", str(patients), "-o", str(out), "-m", str(model), "--device", "cpu"]
    assert predict.main(line) == 2
    told = capsys.readouterr().err
    assert "The weights of fold 2 are not all finite" in told
    assert "Traceback" not in told
    assert not out.exists()
    assert predict.main([*line, "-f", "0", "1"]) == 0


def test_all_patients_bad_still_ends_with_a_table(paths, patients, tmp_path, capsys):
    for file in patients.glob("*_0002.nii.gz"):
        file.unlink()
    out = tmp_path / "out"
    assert predict.main(words(patients, out, paths)) == 1
    assert "3 cases failed" in capsys.readouterr().out
    assert json.loads((out / "predictions.json").read_text())["cases"] == []


def test_predictions_are_neither_overwritten_nor_mixed(paths, patients, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict.main(words(patients, out, paths)) == 0
    text = (out / "predictions.csv").read_text()
    assert predict.main(words(patients, out, paths)) == 2
    assert "--continue" in capsys.readouterr().err
    assert predict.main(words(patients, out, paths, "--continue", "--combine", "vote")) == 2
    assert "other options" in capsys.readouterr().err
    assert (out / "predictions.csv").read_text() == text
    assert predict.main(words(patients, out, paths, "--continue")) == 0
    assert (out / "predictions.csv").read_text() == text


def test_votes_and_single_folds(paths, patients, tmp_path):
    out = tmp_path / "vote"
    assert predict.main(words(patients, out, paths, "--combine", "vote", "--no_tta")) == 0
    document = json.loads((out / "predictions.json").read_text())
    counts = {one["fold"]: one["prior"]["counts"] for one in document["priors"]}
    shares = {
        fold: recurrences / (others + recurrences) for fold, (others, recurrences) in counts.items()
    }
    for row in read_rows(out / "predictions.csv"):
        assert float(row["prob_recurrence"]) * FOLDS == pytest.approx(
            sum(float(row[f"prob_recurrence__fold_{k}"]) > shares[k] for k in range(FOLDS))
        )
    out = tmp_path / "two"
    assert predict.main(words(patients, out, paths, "-f", "1", "2", "--checkpoint", "best")) == 0
    row = read_rows(out / "predictions.csv")[0]
    assert "prob_recurrence__fold_1" in row
    assert "prob_recurrence__fold_0" not in row


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-f", "7"], "folds [7]"),
        (["--device", "cuda:9"], "cuda"),
        (["-i", "nowhere"], "no such folder"),
    ],
)
def test_unusable_arguments_end_with_2(paths, patients, tmp_path, capsys, more, said):
    assert predict.main([*words(patients, tmp_path / "out", paths), *more]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_killed_at_random_instants_it_ends_in_the_same_predictions(paths, tmp_path, fork_server):
    """Twelve patients; SIGKILL after a random number of finished ones, until a run gets through."""
    many = tmp_path / "imagesTs"
    for folder in ("imagesTs", "masksTs"):
        (tmp_path / folder).mkdir()
        for file in (paths.raw / folder).iterdir():
            for copy in "abcd":
                case, rest = file.name.split("_")
                (tmp_path / folder / f"{case}{copy}_{rest}").symlink_to(file)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert predict.main(words(many, whole, paths)) == 0
    dice = random.Random(3)
    kills = 0
    for _ in range(4):
        run = fork_server.start(["ricenet_predict", *words(many, broken, paths, "--continue")])
        enough = len(_done(broken)) + dice.randint(1, 3)
        while run.poll() is None and len(_done(broken)) < enough:
            time.sleep(0.001)
        run.send_signal(signal.SIGKILL)
        kills += run.wait() == -signal.SIGKILL
    assert kills >= 2
    assert predict.main(words(many, broken, paths, "--continue")) == 0
    assert (broken / "predictions.csv").read_text() == (whole / "predictions.csv").read_text()
    texts = [json.loads((folder / "predictions.json").read_text()) for folder in (whole, broken)]
    for text in texts:  # the commands name their output folders, and the checksum covers them
        assert text.pop("command")[0] == "ricenet_predict"
        assert text.pop("seal")
    assert texts[0] == texts[1]


def _done(output):
    return [file for file in (output / "cases").glob("*.json") if not file.name.startswith(".")]


CORRECTED = Predictions(
    "D", "auto", "", {}, ("other", "event"), "mean", True, (), (), prior=(0.8, 0.2),
    decide="balanced",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "for the class shares of the training cases: other 0.800, event 0.200. Predicted is"),
        ({"prior_named": True}, "for the class shares of the prior that was named"),
        ({"decide": "probable"}, "Predicted is the most probable class."),
        ({"combine": "vote"}, "Those without a fold are proportions of votes."),
        (
            {"combine": "vote"},
            "The predicted class has the most votes; each network votes for the class "
            "whose probability is largest for its share (--decide balanced).",
        ),
        ({"calibrated": True}, "Calibrated: unchanged."),
        (
            {"calibrated": True, "recalibration": Recalibration(0.5)},
            "Calibrated: with temperature 2.000.",
        ),
        ({"prior": (), "decide": None, "warnings": ("it is old",)}, "Note: it is old."),
    ],
)
def test_it_is_said_what_probabilities_and_calls_are(changes, said):
    assert said in predict.summary_of(dataclasses.replace(CORRECTED, **changes))


def test_why_distances_are_not_available_is_said(paths, patients, tmp_path, capsys):
    """Twenty patients in three folds: one fold alone held out seven."""
    assert predict.main(words(patients, tmp_path / "all", paths)) == 0
    assert "Distances are not available" not in capsys.readouterr().out
    assert predict.main(words(patients, tmp_path / "one", paths, "-f", "0")) == 0
    said = capsys.readouterr().out
    assert "the folds that predict held out 7 cases in training, and at least 19 are needed" in said
    model = shutil.copytree(paths.run().folder, tmp_path / "model")
    for file in model.glob("fold_*/feature_reference.pth"):
        file.unlink()
    line = ["-i", str(patients), "-o", str(tmp_path / "none"), "-m", str(model), "--device", "cpu"]
    assert predict.main(line) == 0
    assert "the folds have no file feature_reference.pth" in capsys.readouterr().out


def test_prior_and_rule_are_options():
    line = ["-i", "a", "-o", "b", "-m", "c", "--prior", "a=0.1", "b=0.9", "--decide", "probable"]
    chosen = predict.build_parser().parse_args(line)
    assert (chosen.prior, chosen.decide) == (["a=0.1", "b=0.9"], "probable")
    plain = predict.build_parser().parse_args(line[:6])
    assert (plain.prior, plain.decide) == ([], "balanced")
