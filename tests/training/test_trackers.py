"""TensorBoard's files are read back; MLflow is asked where it is installed."""

import pytest

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.store import tables
from ricenet_v2.training import trackers

METRICS = {
    "learning_rate",
    "train_loss",
    "validation_loss",
    "validation_macro_f1",
    "validation_macro_f1_ema",
    "seconds",
    "waiting",
    "skipped_updates",
    "validation_seconds",
}


def _history(paths) -> list[dict[str, str]]:
    return tables.read_rows(paths.run().fold(0).history)


def test_tensorboard_has_the_history_once_also_after_going_on(
    with_training, make_workspace, run_fold
):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    paths = make_workspace(with_training())
    run_fold(paths, epochs=2, num_workers=0, loggers=("tensorboard",))
    run_fold(paths, epochs=3, num_workers=0, resume=True, loggers=("tensorboard",))
    events = reading.EventAccumulator(str(paths.run().fold(0).tensorboard)).Reload()
    assert set(events.Tags()["scalars"]) == METRICS
    for name in METRICS:
        told = {event.step: event.value for event in events.Scalars(name)}
        assert len(events.Scalars(name)) == 3
        kept = {int(row["epoch"]): float(row[name]) for row in _history(paths)}
        assert told == pytest.approx(kept, rel=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_one_run_of_a_fold_also_after_going_on(
    with_training, make_workspace, run_fold, tmp_path, monkeypatch
):
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    paths = make_workspace(with_training())
    run_fold(paths, epochs=2, num_workers=0, loggers=("mlflow",))
    run_fold(paths, epochs=3, num_workers=0, resume=True, loggers=("mlflow",))
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("Dataset009_Tiny")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    told = client.get_metric_history(run.info.run_id, "train_loss")
    kept = {int(row["epoch"]): float(row["train_loss"]) for row in _history(paths)}
    assert {one.step: one.value for one in told} == pytest.approx(kept)
    assert run.data.params["batch_size"] == "2"


class _Gone:
    """A server that answers until the training has begun."""

    def __init__(self, *given, **named):
        pass

    def add_scalar(self, *given):
        raise ConnectionError("the server is gone")

    def close(self):
        pass


def test_a_tracker_that_fails_ends_no_training(
    with_training, make_workspace, run_fold, monkeypatch, caplog
):
    pytest.importorskip("tensorboard")
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", _Gone)
    paths = make_workspace(with_training())
    with caplog.at_level("WARNING", logger="ricenet_v2"):
        run = run_fold(paths, epochs=2, num_workers=0, loggers=("tensorboard",))
    assert run.status == "finished"
    told = [text for text in caplog.messages if "the server is gone" in text]
    assert told == ["Logging to tensorboard disabled for fold 0: the server is gone"]


def test_a_tracker_that_cannot_be_opened_is_named(
    with_training, make_workspace, run_fold, monkeypatch
):
    pytest.importorskip("tensorboard")

    def closed(*given, **named):
        raise PermissionError("read-only")

    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", closed)
    with pytest.raises(TrainingError, match=r"read-only[\s\S]*leave out --logger tensorboard"):
        run_fold(make_workspace(with_training()), num_workers=0, loggers=("tensorboard",))


def test_an_unknown_logger_and_a_missing_package_are_told_before_training(monkeypatch):
    with pytest.raises(TrainingError, match="tensorboard or mlflow"):
        trackers.check_trackers(("wandb",))
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(TrainingError, match=r"pip install '\.\[mlflow\]'"):
        trackers.check_trackers(("mlflow",))
