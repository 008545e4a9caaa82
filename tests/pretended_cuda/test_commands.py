"""Every command that computes on a device, on a pretended one, against the CPU."""

import numpy as np
import pytest
import torch

from ricenet_v2.cli import ablate, benchmark, evaluate, explain, predict
from ricenet_v2.core import documents
from ricenet_v2.records.benchmark import Benchmark
from ricenet_v2.store import checkpoints
from ricenet_v2.store.images import read_image
from ricenet_v2.store.workspace import dataset_paths
from tests.pretended_cuda.cohort import LEARNS, NAME, assert_alike, copy_of, lack_images, train_on

pytestmark = pytest.mark.walk
EVERY = ("rotation", "scaling", "elastic", "noise", "blur", "brightness", "contrast", "gamma")
LOUD = [f"augmentation.p_{name}=1" for name in (*EVERY, "low_resolution")]
QUIET = [f"augmentation.p_{name}=0" for name in (*EVERY, "low_resolution")]
TIMES = ("seconds", "waiting", "validation_seconds")
CUDA = "cuda:0"


def _fold(workspace):
    return dataset_paths(NAME, workspace).run().fold(0)


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        (LOUD, 1e-4),
        ([*QUIET, "mixup=0.4", "balance=loss", "label_smoothing=0.1"], 1e-5),
        ([*QUIET, "network.norm=batch", "network.stochastic_depth=0.3"], 1e-5),
        ([*QUIET, "channels_last=true", "optimiser=adam", "ema_decay=0"], 1e-5),
    ],
    ids=["every change", "mixup and weights", "batch norm", "channels last"],
)
def test_train(preprocessed, tmp_path, pretended_cuda, settings, tolerance):
    on_cpu, on_cuda = (copy_of(preprocessed, tmp_path / name) for name in ("cpu", "cuda"))
    words = ["--set", *LEARNS, *settings]
    train_on(on_cpu, "cpu", *words)
    with pretended_cuda() as gpu:
        train_on(on_cuda, CUDA, *words)
    assert_alike(_fold(on_cpu).validation, _fold(on_cuda).validation, tolerance)
    assert_alike(_fold(on_cpu).history, _fold(on_cuda).history, tolerance, without=TIMES)
    assert gpu.products
    assert not gpu.float64
    assert not gpu.races


@pytest.mark.parametrize("where", ["loaded", "kept on the device"])
def test_train_and_predict_patients_who_lack_images(preprocessed, tmp_path, pretended_cuda, where):
    on_cpu, on_cuda = (copy_of(preprocessed, tmp_path / name) for name in ("cpu", "cuda"))
    words = ["--set", *LEARNS, *QUIET]
    for workspace in (on_cpu, on_cuda):
        lack_images(workspace)
    train_on(on_cpu, "cpu", *words)
    with pretended_cuda() as gpu:
        kept = [] if where != "loaded" else ["--device_cache_gb", "0"]
        train_on(on_cuda, CUDA, *kept, *words)
        assert not gpu.races
    ours, theirs = (
        checkpoints.load(_fold(each).final)["inference_weights"] for each in (on_cpu, on_cuda)
    )
    for name, value in ours.items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-5)
    assert_alike(_fold(on_cpu).validation, _fold(on_cuda).validation, 1e-5)
    outputs = tmp_path / "predicted by cpu", tmp_path / "predicted by cuda"
    assert predict.main([*_patients(on_cpu, outputs[0]), "-f", "0", "--device", "cpu"]) == 0
    with pretended_cuda():
        assert predict.main([*_patients(on_cuda, outputs[1]), "-f", "0", "--device", CUDA]) == 0
    assert_alike(*(output / "predictions.csv" for output in outputs), 1e-5)
    assert "T1c+zone" in (outputs[1] / "predictions.csv").read_text()


@pytest.mark.parametrize("devices", [(CUDA, CUDA), ("cpu", CUDA), (CUDA, "cpu")], ids="-".join)
def test_training_goes_on_from_a_checkpoint_of_either_device(
    preprocessed, tmp_path, pretended_cuda, devices
):
    on_cpu, on_both = (copy_of(preprocessed, tmp_path / name) for name in ("cpu", "both"))
    words = [["--epochs", "1"], ["--epochs", "2", "--continue"]]
    words = [[*each, "--set", *LEARNS, *QUIET] for each in words]
    for each in words:
        train_on(on_cpu, "cpu", *each)
    with pretended_cuda():
        for device, each in zip(devices, words, strict=True):
            train_on(on_both, device, *each)
    assert_alike(_fold(on_cpu).validation, _fold(on_both).validation, 1e-5)
    assert_alike(_fold(on_cpu).history, _fold(on_both).history, 1e-5, without=TIMES)


def test_training_begins_with_weights_of_a_file(trained, preprocessed, tmp_path, pretended_cuda):
    on_cpu, on_cuda = (copy_of(preprocessed, tmp_path / name) for name in ("cpu", "cuda"))
    weights = dataset_paths(NAME, trained).run().fold(1).final
    words = ["--pretrained_weights", str(weights), "--allow_leak", "--set", *LEARNS, *QUIET]
    train_on(on_cpu, "cpu", *words)
    with pretended_cuda():
        train_on(on_cuda, CUDA, *words)
    assert_alike(_fold(on_cpu).validation, _fold(on_cuda).validation, 1e-5)


def _patients(workspace, output):
    raw = dataset_paths(NAME, workspace).raw
    words = ["-i", str(raw / "imagesTs"), "-o", str(output), "-d", NAME]
    return [*words, "--workspace", str(workspace), "--masks", str(raw / "masksTs")]


def test_predict(trained, tmp_path, pretended_cuda):
    on_cpu, on_cuda = tmp_path / "cpu", tmp_path / "cuda"
    assert predict.main([*_patients(trained, on_cpu), "--device", "cpu"]) == 0
    with pretended_cuda() as gpu:
        assert predict.main([*_patients(trained, on_cuda), "--device", CUDA]) == 0
        assert set(gpu.products) == {(0, torch.float32)}
    assert_alike(on_cpu / "predictions.csv", on_cuda / "predictions.csv", 1e-6)
    assert not gpu.float64


def test_explain_by_every_map(trained, tmp_path, pretended_cuda):
    outputs = tmp_path / "cpu", tmp_path / "cuda"
    words = ["-f", "0", "--window_mm", "60", "--untrained", "0", "--sanity", "off"]
    words += ["--maps", "occlusion", "integrated_gradients", "hirescam", "gradcam"]
    (images := tmp_path / "images").mkdir()
    for file in (dataset_paths(NAME, trained).raw / "imagesTs").glob("C0_*"):
        (images / file.name).symlink_to(file)
    cpu, cuda = ([*_patients(trained, output), "-i", str(images), *words] for output in outputs)
    assert explain.main([*cpu, "--device", "cpu"]) == 0
    with pretended_cuda():
        assert explain.main([*cuda, "--device", CUDA]) == 0
    assert_alike(*(output / "explanation.csv" for output in outputs), 1e-3)
    maps = sorted(file.name for file in (outputs[0] / "C0").glob("*.nii.gz"))
    kinds = {name.partition("__")[0].partition(".")[0] for name in maps}
    assert kinds >= {"occlusion", "integrated_gradients", "hirescam", "gradcam"}
    for name in maps:
        ours, theirs = (read_image(output / "C0" / name)[0] for output in outputs)
        assert np.ptp(ours) > 0, name
        np.testing.assert_allclose(theirs, ours, atol=1e-3 * np.abs(ours).max(), err_msg=name)


def test_ablate(trained, tmp_path, pretended_cuda):
    on_cpu, on_cuda = (copy_of(trained, tmp_path / name) for name in ("cpu", "cuda"))
    words = ["--executor", "serial", "--num_workers", "0", "--n_bootstrap", "10"]
    words += ["--permutation_repeats", "1", "--subsets", "dose"]
    assert ablate.main([NAME, "--workspace", str(on_cpu), "--device", "cpu", *words]) == 0
    with pretended_cuda():
        assert ablate.main([NAME, "--workspace", str(on_cuda), "--device", CUDA, *words]) == 0
    models = [dataset_paths(NAME, space).model("auto__dose") for space in (on_cpu, on_cuda)]
    assert_alike(*(model.fold(1).validation for model in models), 1e-5)
    assert_alike(*(model.test / "predictions.csv" for model in models), 1e-5)


def test_benchmark(preprocessed, tmp_path, pretended_cuda):
    words = [NAME, "--workspace", str(preprocessed), "--num_workers", "0"]
    words += ["--updates", "1", "--rounds", "1"]
    outputs = tmp_path / "cpu.json", tmp_path / "cuda.json"
    assert benchmark.main([*words, "--device", "cpu", "-o", str(outputs[0])]) == 0
    with pretended_cuda() as gpu:
        assert benchmark.main([*words, "--device", CUDA, "-o", str(outputs[1])]) == 0
    ours, theirs = (documents.read(Benchmark, output) for output in outputs)
    assert [s.name for s in theirs.stages] == [*(s.name for s in ours.stages), "peak memory"]
    assert theirs.machine.name == gpu.cards[0].name
    assert 0 < theirs.stages[-1].measured <= gpu.memory().peak


def test_evaluate_needs_no_device(trained, tmp_path, pretended_cuda):
    space = copy_of(trained, tmp_path / "space")
    with pretended_cuda() as gpu:
        assert evaluate.main([NAME, "--workspace", str(space), "--n_bootstrap", "10"]) == 0
    assert gpu.context is None
