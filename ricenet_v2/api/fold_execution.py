"""The folds of one training: in turn, or several at the same time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ricenet_v2.api.training_progress import AllFolds, FoldOfAnotherProcess, epochs_done
from ricenet_v2.core import documents, html, lifeline
from ricenet_v2.core.command import again
from ricenet_v2.core.device_faults import has_lost_device, lacks_device_memory, lost_device
from ricenet_v2.core.errors import RicenetError, StoppedError, TrainingError
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.training import parallel
from ricenet_v2.training.fold import train_fold
from ricenet_v2.training.options import TrainOptions, effective_plan
from ricenet_v2.training.preparation import demand_of
from ricenet_v2.training.slots import TrainingSlot
from ricenet_v2.training.stop_signal import StopSignal
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)

_OF_THE_MACHINE = (OSError, MemoryError)


@dataclass(frozen=True)
class FoldExecution:
    """Settings for training folds in parallel.

    Attributes:
        number: `auto`, or how many.
        threads: Threads of each training; None divides the cores among them.
        dataset: Dataset as the user named it.
        workspace: Workspace as the user named it.
        device: Device as the user named it.
    """

    number: str
    threads: int | None
    dataset: str
    workspace: Path | None
    device: str | None


@dataclass(frozen=True)
class TrainedFolds:
    """Outcome of the folds of a model.

    Attributes:
        model: Files of the model.
        runs: Run record of each finished training, in the order of the folds.
        failed: Why each of the other folds failed.
        error: Why there are none at all, as where a seed could not be trained with.
    """

    model: ModelPaths
    runs: tuple[Run, ...]
    failed: Mapping[int, str] = field(default_factory=dict)
    error: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there are runs, and no fold failed."""
        return bool(self.runs) and not self.failed

    def _repr_html_(self) -> str:
        """Each fold, for notebooks."""
        rows = [
            (
                "all cases" if run.is_full else run.fold,
                run.seed,
                run.status,
                run.hardware or run.device,
            )
            for run in self.runs
        ]
        failed = [f"Fold {fold} failed: {reason}" for fold, reason in self.failed.items()]
        columns = ("fold", "seed", "status", "device")
        title = f"Trainings of {self.model.folder.name}"
        return html.table(title, columns, rows, *failed, self.error)


def in_processes(
    setup: TrainingSetup, folds: Sequence[int], execution: FoldExecution
) -> TrainedFolds:
    """Train the folds in turn, or several at the same time; see the two below.

    Raises:
        TrainingError: The requested number is none. And as the two below.
    """
    parallel.number_of(execution.number, 1, len(folds))  # also of a single fold
    # A contact sheet takes seconds, less than the start of a process.
    if execution.number == "1" or len(folds) == 1 or setup.options.preview_only:
        return in_turn(setup, folds)
    return in_parallel(setup, folds, execution)


def in_turn(setup: TrainingSetup, folds: Sequence[int]) -> TrainedFolds:
    """Train the folds one after the other; one that fails does not keep the others from it.

    Raises:
        RicenetError: All failed, or the user requested a stop.
        OSError: The machine failed, as it would in the other folds; so for lack of memory, of
            whatever type the device says it by.
        DeviceLostError: The device failed; no other fold is begun, since it would in this process.
    """
    with closing(AllFolds(setup, folds)) as all_folds:
        return _in_turn(setup, folds, all_folds)


def _in_turn(setup: TrainingSetup, folds: Sequence[int], all_folds: AllFolds) -> TrainedFolds:
    runs, failed = [], {}
    for fold in folds:
        report = partial(all_folds.reach, fold) if len(folds) > 1 else None
        try:
            run = train_fold(setup, fold, report)
        except (StoppedError, *_OF_THE_MACHINE):
            raise
        except Exception as error:
            if has_lost_device(error):
                what = f"The device failed while fold {fold} was trained; no further fold is begun."
                raise lost_device(error, what) from error
            if lacks_device_memory(error) or len(folds) == 1 or not _may_go_on(error, setup):
                raise
            failed[fold] = _text_of(error)
        else:
            runs.append(run)
        all_folds.end(fold)
    return _checked(TrainedFolds(setup.model, tuple(runs), failed))


def _may_go_on(error: Exception, setup: TrainingSetup) -> bool:
    """Whether the next fold may be begun: of a fault of ours all processes of a group know."""
    return isinstance(error, RicenetError) or setup.process_group.size == 1


def _text_of(error: Exception) -> str:
    if isinstance(error, RicenetError):
        return str(error)
    return f"{type(error).__name__}: {error} (its traceback is in training_log.txt of the fold)"


def in_parallel(
    setup: TrainingSetup, folds: Sequence[int], execution: FoldExecution
) -> TrainedFolds:
    """Train the folds in processes of their own; the same as in turn with as many threads.

    Raises:
        TrainingError: All failed, the user requested a stop, or in a group of processes.
    """
    if setup.process_group.size > 1:
        raise TrainingError(
            "Folds are not trained in parallel by processes that share each update.",
            expected="--num_folds_parallel without torchrun, or torchrun without it",
            got=f"--num_folds_parallel {execution.number} in a process group of "
            f"{setup.process_group.size}",
        )
    device = setup.process_group.device
    there = parallel.resources(device)
    demand = demand_of(setup, effective_plan(setup.plan, setup.options), setup.options)
    fitting = parallel.folds_that_fit(demand, len(folds), there)
    number = parallel.number_of(execution.number, fitting, len(folds))
    slots = parallel.slots_for(demand, number, there)
    threads = execution.threads or max(1, there.cores // number)
    where = parallel.described(slots)
    logger.info(
        "Training %d folds at a time, each with %d threads%s.",
        number,
        threads,
        f": {where}" if where else "",
    )
    # One word, since a name may begin with a dash.
    arguments = [
        f"--plan={setup.plan.name}",
        "--num_threads",
        str(threads),
        *_arguments_of(setup.options),
    ]
    arguments += ["--workspace", str(execution.workspace)] if execution.workspace else []
    if device.type != "cpu" and setup.options.num_workers is None:
        workers = parallel.workers_beside(demand, device, number, there)
        arguments += ["--num_workers", str(workers)]

    def command(fold: int, slot: TrainingSlot) -> list[str]:
        line = [execution.dataset, str(fold), *arguments, *_on(slot, execution.device)]
        return lifeline.command("ricenet_v2.cli.train", line)

    failed = _watched(setup, {fold: partial(command, fold) for fold in folds}, slots)
    files = [setup.model.fold(fold).run for fold in folds if fold not in failed]
    runs = tuple(documents.read(Run, file) for file in files)
    return _checked(TrainedFolds(setup.model, runs, failed))


def _arguments_of(options: TrainOptions) -> list[str]:
    """The options as on the command line."""
    arguments = ["--seed" if options.folder_seed is None else "--seeds", str(options.seed)]
    arguments += ["--continue"] if options.resume else []
    arguments += ["--epochs", str(options.epochs)] if options.epochs is not None else []
    arguments += ["--channels", *options.channels] if options.channels else []
    file = options.pretrained_weights
    arguments += ["--pretrained_weights", str(file)] if file is not None else []
    arguments += ["--allow_missing_weights"] if options.allow_missing_weights else []
    arguments += ["--allow_leak"] if options.allow_leak else []
    number, size = options.num_workers, options.cache_gb
    arguments += ["--num_workers", str(number)] if number is not None else []
    arguments += ["--cache_gb", str(size)] if size is not None else []
    arguments += ["--logger", *options.loggers] if options.loggers else []
    pairs = [f"{name}={value}" for name, value in options.overrides.items()]
    return arguments + (["--set", *pairs] if pairs else [])


def _on(slot: TrainingSlot, requested: str | None) -> list[str]:
    """The device of a training, and what it may take of its memory for cases."""
    device, size = slot.device(requested), slot.device_cache_gb
    words = ["--device", device] if device else []
    return words + (["--device_cache_gb", str(size)] if size is not None else [])


def _watched(
    setup: TrainingSetup, commands: Mapping[int, parallel.Command], slots: Sequence[TrainingSlot]
) -> dict[int, str]:
    """Run the folds with a line of progress each; what the failed ones said."""
    model = setup.model
    failed, stop = {}, StopSignal()
    with ExitStack() as stack, stop.listening():
        whole = stack.enter_context(closing(AllFolds(setup, list(commands))))
        lines = {
            fold: FoldOfAnotherProcess(fold, place, whole.epochs, whole.done(fold))
            for place, fold in enumerate(commands, start=1)
        }
        for line in reversed(lines.values()):
            stack.callback(line.close)
        for event in parallel.run_folds(commands, slots, stop):
            for fold, line in lines.items():
                done = epochs_done(model.fold(fold).history)
                line.reach(done)
                whole.reach(fold, done)
            if event != "waiting" and event.error is not None:
                failed[event.fold] = event.error
                lines[event.fold].fail()
    if stop.requested:
        raise StoppedError(
            "Training was stopped; finished epochs are saved.",
            file=model.folder,
            remedy=f"Resume with {again('--continue')}.",
        )
    return failed


def _checked(trained: TrainedFolds) -> TrainedFolds:
    """Refuse that all failed."""
    if trained.failed and not trained.runs:
        first = min(trained.failed)
        raise TrainingError(
            f"All folds failed; the first was fold {first}: {trained.failed[first]}"
        )
    return trained
