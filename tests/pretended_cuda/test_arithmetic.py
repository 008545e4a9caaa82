"""Which arithmetic a card computes in: TF32, float64, bfloat16 and float16."""

import math

import pytest
import torch

from ricenet_v2.cli import benchmark, explain
from ricenet_v2.core import documents
from ricenet_v2.explanation.gradients import integrated
from ricenet_v2.explanation.sanity import curves
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.network.device import mixed_precision
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.workspace import dataset_paths
from tests.pretended_cuda import A100, H100, V100, Card
from tests.pretended_cuda.cohort import NAME, copy_of, train_on

FEW = ("--sanity", "off", "--maps", "occlusion", "hirescam", "gradcam")
PASCAL = Card("Tesla P100", V100.memory, (6, 0))


@pytest.fixture
def caller_allows_tf32():
    """As a user who set everything for speed."""
    matmul, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    yield
    allowed = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = convolutions
    assert allowed == ("high", True)


def _model(workspace):
    return dataset_paths(NAME, workspace).run("auto", "all")


def _explain(workspace, folder, device, *words):
    """One case, one fold."""
    (images := folder / "images").mkdir(parents=True)
    for file in (dataset_paths(NAME, workspace).raw / "imagesTs").glob("C0_*"):
        (images / file.name).symlink_to(file)
    command = ["-i", str(images), "-o", str(folder / "maps"), "-m", str(_model(workspace).folder)]
    command += ["-f", "0", "--device", device, "--window_mm", "60", "--untrained", "0"]
    return explain.main([*command, *words])


@pytest.mark.usefixtures("caller_allows_tf32")
def test_only_training_rounds_to_tf32(preprocessed, tmp_path, pretended_cuda):
    """Validation, out-of-fold predictions and explanations are promised in float32."""
    space = copy_of(preprocessed, tmp_path / "space")
    with pretended_cuda() as gpu:
        train_on(space, "cuda:0", "--set", "mixed_precision=false")
        trained = set(gpu.tf32)
        gpu.tf32.clear()
        assert _explain(space, tmp_path / "out", "cuda:0", *FEW) == 0
        assert sum(gpu.products.values()) > 0
    assert trained
    assert {place.partition(":")[0] for place in trained} <= {
        "training/loop.py",
        "network/build.py",
    }
    assert not gpu.tf32
    run = documents.read(Run, _model(space).fold(0).run)
    assert (run.precision, run.tf32) == ("float32", True)


@pytest.mark.parametrize("method", ["full", "coarse", "incremental"])
def test_no_occlusion_needs_float64_on_the_device(trained, tmp_path, pretended_cuda, method):
    """Apple's GPUs have none: the pretended one refuses it."""
    words = ["--maps", "occlusion", "--sanity", "off", "--method", method]
    with pretended_cuda(kind="mps"):
        assert _explain(trained, tmp_path, "mps", *words) == 0


def test_no_other_map_and_no_curve_needs_float64_on_the_device(
    trained, tmp_path, pretended_cuda, monkeypatch
):
    monkeypatch.setattr(curves, "N_RANDOM", 1)
    monkeypatch.setattr(integrated, "GOOD", math.inf)  # no finer steps
    words = ["--maps", "integrated_gradients", "hirescam", "gradcam"]
    with pretended_cuda(kind="mps"):
        assert _explain(trained, tmp_path, "mps", *words) == 0


def test_weights_go_to_the_device_once(trained, pretended_cuda):
    """They went there, back and there again."""
    with pretended_cuda() as gpu:
        with gpu.watched() as seen:
            ensemble = load_ensemble(_model(trained).folder, device="cuda")
        networks = ensemble.members.values()
        size = sum(each.nbytes for n in networks for each in (*n.parameters(), *n.buffers()))
    assert not seen.of("down")
    assert 0 < seen.bytes("up") < 1.05 * size


def test_mixed_precision_is_asked_of_the_card_itself(pretended_cuda):
    cards = (H100, A100, V100, PASCAL)
    with pretended_cuda(cards=cards):
        of_cards = [mixed_precision(torch.device("cuda", n)) for n in range(len(cards))]
        assert mixed_precision(torch.device("cuda")) == "bfloat16"
    assert of_cards == ["bfloat16", "bfloat16", "float16", "float32"]


def test_a_card_before_ampere_trains_in_float16_and_its_run_says_so(
    preprocessed, tmp_path, pretended_cuda
):
    space = copy_of(preprocessed, tmp_path / "space")
    with pretended_cuda(cards=(H100, V100)) as gpu:
        train_on(space, "cuda:1")
    dtypes = {dtype for (card, dtype) in gpu.products if card == 1}
    assert torch.float16 in dtypes
    assert torch.bfloat16 not in dtypes
    assert not [card for card, _ in gpu.products if card == 0]
    fold = _model(space).fold(0)
    run = documents.read(Run, fold.run)
    assert (run.precision, run.tf32) == ("float16", False)
    saved = checkpoints.load(fold.latest)
    assert saved["loss_scale"]["scale"] > 0
    assert "loss_scale" not in checkpoints.load(fold.final)


def test_a_benchmark_may_be_the_first_that_uses_cuda(trained, pretended_cuda, capsys):
    """Without workers nothing had begun CUDA before the peak of memory was reset."""
    words = [NAME, "--workspace", str(trained), "--device", "cuda:0", "--num_workers", "0"]
    with pretended_cuda():
        assert benchmark.main([*words, "--updates", "1", "--rounds", "1"]) == 0
    assert "peak memory" in capsys.readouterr().out
