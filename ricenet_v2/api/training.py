"""Train one fold of a preprocessed dataset, or several, with one seed or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, cast

from ricenet_v2.api import access
from ricenet_v2.api.caller import state_kept
from ricenet_v2.api.fold_execution import FoldExecution, TrainedFolds, in_processes
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.api.seeds import each_seed
from ricenet_v2.core.errors import OptionError
from ricenet_v2.core.options import check_whole
from ricenet_v2.core.progress import shown
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import FULL
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup, joined
from ricenet_v2.training.resume_checks import check_not_begun
from ricenet_v2.training.seeds import setups_of_seeds
from ricenet_v2.training.training_setup import chosen_folds, load_setup

__all__ = ["TrainOptions", "TrainedFolds", "train", "train_folds"]

ALL = "all"


@public
def train(
    dataset: DatasetInput,
    fold: int | Literal["full"],
    options: TrainOptions | None = None,
    *,
    plan: str = "auto",
    workspace: PathInput | None = None,
    device: str | None = None,
    num_threads: int | None = None,
    progress: bool = False,
) -> Run:
    """Train one fold and predict its validation cases.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        fold: Number of the fold, 0 to 4 of the usual five; or `full` for a network of all training
            cases, which has no validation cases and so no out-of-fold metrics.
        options: Channels, epochs, settings, seed, whether to resume interrupted training.
        plan: Name of the plan.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        num_threads: CPU threads of torch while it trains; those of the caller where None.
        progress: Whether bars show the updates and the epochs with the time left, as inside of
            `progress_bars`.

    Returns:
        The record of the run (run.json). Weights, curves, log and out-of-fold predictions are in
        results/DATASET/PLAN__CHANNELS/fold_N; of `full` in PLAN__CHANNELS__full/fold_0, without
        predictions.

    Raises:
        TrainingError: The dataset is not planned, there is no such fold, it is trained already, or
            training failed.
        PlanError: A setting or channel does not exist.
        StoppedError: Ctrl-C or SIGTERM; finished epochs are saved.

    Example:
        >>> short = {"iterations_per_epoch": 1}
        >>> options = rn.TrainOptions(epochs=1, overrides=short)
        >>> run = rn.train("1", 0, options, workspace=space, device="cpu")
        >>> run.status
        'finished'
    """
    if isinstance(fold, str) and fold != FULL:
        raise OptionError(
            "Invalid value for fold.",
            expected=f"a whole number from 0 on, or {FULL!r}",
            got=repr(fold),
            remedy="rn.train_folds trains all folds of a dataset, or several.",
        )
    if fold != FULL:
        check_whole(0, fold=cast("int", fold))
    check_whole(num_threads=num_threads)
    with joined(device) as process_group, state_kept(num_threads), shown(is_wanted=progress):
        request = FoldRequest(dataset, (fold,), options or TrainOptions(), plan, workspace)
        return train_in(process_group, request)[0].runs[0]


@public
def train_folds(
    dataset: DatasetInput,
    folds: Sequence[int | Literal["full"]] | None = None,
    options: TrainOptions | None = None,
    *,
    seeds: Sequence[int] | None = None,
    num_parallel: int | Literal["auto"] = 1,
    plan: str = "auto",
    workspace: PathInput | None = None,
    device: str | None = None,
    num_threads: int | None = None,
    progress: bool = False,
) -> tuple[TrainedFolds, ...]:
    """Train folds of a dataset one after the other, or several at the same time.

    A fold that fails does not stop the others.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        folds: Numbers of the folds, or `full` alone, see `train`; all folds where None.
        options: See `train`.
        seeds: Train once with each of these seeds, each in a folder of its own, instead of with
            the seed of the options.
        num_parallel: Folds that are trained at the same time, or `auto`: as many as memory and
            cores allow.
        plan: Name of the plan.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        num_threads: CPU threads of torch of each training.
        progress: Whether bars show the epochs of each fold and of all, and the updates of folds
            that are trained in turn, with the time left, as inside of `progress_bars`.

    Returns:
        Outcome of the folds, once for each seed.

    Raises:
        TrainingError: All folds failed; or as `train`.
        StoppedError: Ctrl-C or SIGTERM; finished epochs are saved.
        DeviceLostError: The device failed, and no further fold is begun in this process.

    Example:
        >>> options = rn.TrainOptions(epochs=1, overrides=short, resume=True)
        >>> trained = rn.train_folds("1", options=options, workspace=space, device="cpu")
        >>> [run.fold for run in trained[0].runs]
        [0, 1, 2, 3, 4]
    """
    check_whole(num_threads=num_threads)
    if num_parallel != "auto":
        check_whole(num_parallel=num_parallel)
    for what, numbers in (("fold", folds or ()), ("seed", seeds or ())):
        for number in numbers:
            if number != FULL:
                check_whole(0, **{what: cast("int", number)})
    if seeds is not None and not seeds:
        raise OptionError("seeds is empty.", expected="one or more seeds, or None", got=seeds)
    request = FoldRequest(
        dataset,
        None if folds is None else tuple(folds),
        options or TrainOptions(),
        plan,
        workspace,
        seeds,
        FoldExecution(str(num_parallel), num_threads, str(dataset), as_path(workspace), device),
    )
    with joined(device) as process_group, state_kept(num_threads), shown(is_wanted=progress):
        return train_in(process_group, request)


@dataclass(frozen=True)
class FoldRequest:
    """Folds to train, and how to train them.

    Attributes:
        dataset: Id, name or path of the raw dataset folder.
        folds: Numbers, or what a user typed; all where None.
        options: Options of each training.
        plan: Name of the plan.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        seeds: Each with a folder of its own; that of the options alone where None.
        execution: Settings of parallel folds; None trains them one after the other.
    """

    dataset: DatasetInput
    folds: Sequence[int | str] | None
    options: TrainOptions
    plan: str = "auto"
    workspace: PathInput | None = None
    seeds: Sequence[int] | None = None
    execution: FoldExecution | None = None


def train_in(
    process_group: ProcessGroup,
    request: FoldRequest,
    observer: Callable[[TrainedFolds], None] | None = None,
) -> tuple[TrainedFolds, ...]:
    """Train in a process group, each process of which calls this function; see `train_folds`.

    `observer` is called with the folds of each seed as they end, in the leading process.
    """
    r, workspace = request, as_path(request.workspace)
    execution = r.execution or FoldExecution("1", None, str(r.dataset), workspace, None)
    with ExitStack() as stack:
        with process_group.agreed():
            if process_group.leads:  # before the plan and the folds are read
                stack.enter_context(access.cases(paths_of(r.dataset, workspace), r.plan))
            setup = load_setup(str(r.dataset), r.plan, workspace, r.options, process_group)
            if r.folds is not None and tuple(r.folds) == (FULL,):
                setup, folds = setup.full(), [0]
            else:
                n_folds = len(setup.splits.folds)
                named = (ALL,) if r.folds is None else r.folds
                chosen = [fold for name in named for fold in chosen_folds(str(name), n_folds)]
                folds = list(dict.fromkeys(chosen))
            setups = setups_of_seeds(setup, r.seeds, folds)
            if not r.options.resume and not r.options.preview_only:
                for each in setups:
                    check_not_begun(each.model, folds)
        return each_seed(setups, lambda each: in_processes(each, folds, execution), observer)
