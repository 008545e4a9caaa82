"""Time and memory of training and prediction on this machine, for a dataset."""

from __future__ import annotations

from collections.abc import Callable

from ricenet_v2.api import access
from ricenet_v2.api.caller import state_kept
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.benchmarking.measure import Effort, check_preprocessed, measure
from ricenet_v2.core import documents
from ricenet_v2.core.options import check_whole
from ricenet_v2.network.device import resolve_device
from ricenet_v2.records.benchmark import Benchmark
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.preparation import prepare
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.training_setup import load_setup

__all__ = ["benchmark"]


@public
def benchmark(
    dataset: DatasetInput,
    *,
    plan: str = "auto",
    fold: int = 0,
    updates: int = 10,
    rounds: int = 5,
    num_workers: int | None = None,
    output: PathInput | None = None,
    workspace: PathInput | None = None,
    device: str | None = None,
    observer: Callable[[Benchmark], None] | None = None,
) -> Benchmark:
    """Time each stage of a preprocessed dataset on this machine against its limit.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        plan: Name of the plan.
        fold: Fold whose training cases are used.
        updates: Updates of the weights in a round.
        rounds: Rounds that are measured, of which the medians are shown.
        num_workers: Processes that load and augment images; as many as training would take where
            None.
        output: JSON file for all measurements; nothing is written where None.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        observer: Is called with the result before it is written.

    Returns:
        The measurements, and the estimated time of an epoch, a fold and all folds.

    Raises:
        TrainingError: The dataset is not planned or preprocessed, or there is no such fold or
            device.

    Example:
        >>> measured = rn.benchmark("1", updates=1, rounds=1, workspace=space, device="cpu")
        >>> measured.fold
        0
    """
    check_whole(updates=updates, rounds=rounds)
    check_whole(0, fold=fold, num_workers=num_workers)
    paths, file = paths_of(dataset, workspace), as_path(output)
    options = TrainOptions(num_workers=num_workers)
    with access.cases(paths, plan), state_kept():
        group = ProcessGroup(0, 1, resolve_device(device))
        setup = load_setup(str(dataset), plan, as_path(workspace), options, group)
        check_preprocessed(setup.paths.cases(plan), setup.splits, str(dataset))
        job = prepare(setup, fold)
        effort = Effort(updates, rounds)
        measured = measure(job, load_raw_dataset(setup.paths.raw), setup.splits, effort)
        if observer is not None:
            observer(measured)
        if file is not None:
            documents.write(file, measured)
        return measured
