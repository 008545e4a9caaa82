"""A pretended device that fails for good: nothing more is begun with it, and that is said."""

import pytest
import torch

from ricenet_v2.ablation import jobs
from ricenet_v2.cli import ablate, predict, train
from ricenet_v2.core.errors import DeviceLostError
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training import loop
from tests.pretended_cuda.cohort import LEARNS, NAME, copy_of

ILLEGAL = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
NO_MEMORY = [
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.fixture
def space(preprocessed, tmp_path):
    return copy_of(preprocessed, tmp_path / "space")


def _breaks(monkeypatch, gpu, error):
    """The first step of a training fails, and all that it does with the device from then on."""
    real = loop.mean_loss

    def failing(*given):
        gpu.breaks(error)
        return real(*given)

    monkeypatch.setattr(loop, "mean_loss", failing)


def _train_all(space):
    words = ["--workspace", str(space), "--device", "cuda:0", "--num_workers", "0"]
    return train.main([NAME, "all", *words, "--set", *LEARNS])


def test_after_an_illegal_access_no_further_fold_is_begun(
    space, pretended_cuda, monkeypatch, capsys
):
    with pretended_cuda() as gpu:
        _breaks(monkeypatch, gpu, ILLEGAL)
        assert _train_all(space) == 2
    told = capsys.readouterr().err
    assert "The device failed while fold 0 was trained; no further fold is begun." in told
    assert "an illegal memory access" in told
    assert "--continue" in told
    assert "Traceback" not in told
    model = dataset_paths(NAME, space).run()
    assert "illegal memory access" in model.fold(0).log.read_text()
    assert not model.fold(1).folder.exists()


@pytest.mark.parametrize("error", NO_MEMORY, ids=str)
def test_memory_that_runs_out_ends_all_folds_by_whatever_words(
    space, pretended_cuda, monkeypatch, capsys, error
):
    with pretended_cuda() as gpu:
        _breaks(monkeypatch, gpu, error)
        assert _train_all(space) == 2
    told = capsys.readouterr().err
    assert "--gpu_memory_gb" in told
    assert "fault of the program" not in told
    assert not dataset_paths(NAME, space).run().fold(1).folder.exists()


def test_no_further_case_is_predicted(trained, tmp_path, pretended_cuda, monkeypatch, capsys):
    from ricenet_v2.inference.ensemble import Ensemble

    raw, real, asked = dataset_paths(NAME, trained).raw, Ensemble.predict, []
    words = ["-i", str(raw / "imagesTs"), "-o", str(tmp_path / "out"), "-d", NAME]
    words += ["--workspace", str(trained), "--device", "cuda:0"]
    with pretended_cuda() as gpu:

        def failing(ensemble, *given, **named):
            asked.append(1)
            gpu.breaks(ILLEGAL)
            return real(ensemble, *given, **named)

        monkeypatch.setattr(Ensemble, "predict", failing)
        assert predict.main(words) == 2
    told = capsys.readouterr().err
    assert "The device failed while C0 was predicted; no other is begun." in told
    assert len(asked) == 1


def test_a_process_of_an_ablation_that_lost_its_device_takes_no_further_training(
    trained, tmp_path, pretended_cuda, monkeypatch, capsys
):
    """In this process the ablation ends; a local process ends, and another takes its place."""
    space = copy_of(trained, tmp_path / "space")
    words = [NAME, "--workspace", str(space), "--device", "cuda:0", "--executor", "serial"]
    words += ["--subsets", "dose", "--num_workers", "0", "--permutation_repeats", "0"]
    with pretended_cuda() as gpu:
        _breaks(monkeypatch, gpu, ILLEGAL)
        assert ablate.main(words) == 2
    assert "no further training is begun" in capsys.readouterr().err
    model = dataset_paths(NAME, space).model("auto__dose")
    assert model.fold(0).folder.exists()
    assert not model.fold(1).folder.exists()

    def fails(_setup, _fold):
        raise ILLEGAL

    monkeypatch.setattr("ricenet_v2.training.fold.train_fold", fails)
    job = jobs.FoldJob("dose", 0, dataset_paths(NAME, space), "", None, None, "cpu")
    monkeypatch.setattr(jobs, "_tables_of", lambda *_: jobs._Tables(None, (), None))
    monkeypatch.setattr(jobs, "_options_here", lambda options: options)
    with pytest.raises(DeviceLostError, match="dose, fold 0"):
        jobs.train_job(job)
    monkeypatch.setattr(jobs, "end_after_task", lambda: True)
    assert "illegal memory access" in jobs.train_job(job).error
