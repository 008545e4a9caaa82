"""The folds of one ricenet_train: in turn, or several at the same time."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from tqdm import tqdm

from ricenet_v2.cli import common
from ricenet_v2.core import lifeline
from ricenet_v2.core.command import again
from ricenet_v2.core.errors import RicenetError, StoppedError, TrainingError
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.training import parallel
from ricenet_v2.training.fold import train_fold
from ricenet_v2.training.options import TrainOptions, effective_plan
from ricenet_v2.training.stop_signal import StopSignal
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)

_OF_THE_MACHINE = (OSError, MemoryError, torch.cuda.OutOfMemoryError)


@dataclass(frozen=True)
class FoldExecution:
    """How a user wants folds to be trained at the same time.

    Attributes:
        number: `auto`, or how many.
        threads: Of each; None shares the cores out.
        dataset: As the user named it.
        workspace: As the user named it.
        device: As the user named it.
    """

    number: str
    threads: int | None
    dataset: str
    workspace: Path | None
    device: str | None


def in_processes(setup: TrainingSetup, folds: Sequence[int], execution: FoldExecution) -> int:
    """Train the folds in turn, or several at the same time; see the two below.

    Raises:
        TrainingError: The wished number is none. And as the two below.
    """
    parallel.number_of(execution.number, 1, len(folds))  # also of a single fold
    # A contact sheet takes seconds, less than the start of a process.
    if execution.number == "1" or len(folds) == 1 or setup.options.preview_only:
        return in_turn(setup, folds)
    return in_parallel(setup, folds, execution)


def in_turn(setup: TrainingSetup, folds: Sequence[int]) -> int:
    """Train the folds one after the other; one that fails does not keep the others from it.

    Returns:
        0, or 1 where some failed.

    Raises:
        RicenetError: All failed, or somebody asked for an end.
        OSError: The machine failed, as it would in the other folds; so for lack of memory.
    """
    failed = {}
    for fold in folds:
        try:
            train_fold(setup, fold)
        except (StoppedError, *_OF_THE_MACHINE):  # noqa: PERF203 - the other folds are still trained
            raise
        except Exception as error:
            if len(folds) == 1 or not _may_go_on(error, setup):
                raise
            failed[fold] = _told(error)
    return _verdict(failed, folds, speaks=setup.process_group.leads)


def _may_go_on(error: Exception, setup: TrainingSetup) -> bool:
    """Whether the next fold may be begun: of a fault of ours all processes of a group know."""
    return isinstance(error, RicenetError) or setup.process_group.size == 1


def _told(error: Exception) -> str:
    if isinstance(error, RicenetError):
        return str(error)
    return f"{type(error).__name__}: {error} (its traceback is in training_log.txt of the fold)"


def in_parallel(setup: TrainingSetup, folds: Sequence[int], execution: FoldExecution) -> int:
    """Train the folds in processes of their own; the same as in turn with as many threads.

    Returns:
        0, or 1 where some failed.

    Raises:
        TrainingError: All failed, somebody asked for an end, or in a group of processes.
    """
    if setup.process_group.size > 1:
        raise TrainingError(
            "Folds are not trained in parallel by processes that share each update.",
            expected="--num_folds_parallel without torchrun, or torchrun without it",
            got=f"--num_folds_parallel {execution.number} in a process group of "
            f"{setup.process_group.size}",
        )
    there = parallel.resources(setup.process_group.device)
    n_train = max(len(fold.train) for fold in setup.splits.folds)
    fitting = parallel.folds_that_fit(setup.plan, n_train, len(folds), there)
    number = parallel.number_of(execution.number, fitting, len(folds))
    threads = execution.threads or max(1, there.cores // number)
    logger.info("Training %d folds at a time, each with %d threads.", number, threads)
    # One word, since a name may begin with a dash.
    words = [f"--plan={setup.plan.name}", "--num_threads", str(threads), *_words(setup.options)]
    words += ["--workspace", str(execution.workspace)] if execution.workspace else []
    n_devices = len(there.device_memory)
    commands = {
        f: lifeline.command(
            "ricenet_v2.cli.train",
            [execution.dataset, str(f), *words, *_on(execution.device, f, n_devices)],
        )
        for f in folds
    }
    return _verdict(_watched(setup, commands, number), folds, speaks=True)


def _words(options: TrainOptions) -> list[str]:
    """The options as on the command line."""
    words = ["--seed" if options.folder_seed is None else "--seeds", str(options.seed)]
    words += ["--continue"] if options.resume else []
    words += ["--epochs", str(options.epochs)] if options.epochs is not None else []
    words += ["--channels", *options.channels] if options.channels else []
    file = options.pretrained_weights
    words += ["--pretrained_weights", str(file)] if file is not None else []
    words += ["--allow_missing_weights"] if options.allow_missing_weights else []
    words += ["--allow_leak"] if options.allow_leak else []
    number, size = options.num_workers, options.cache_gb
    words += ["--num_workers", str(number)] if number is not None else []
    words += ["--cache_gb", str(size)] if size is not None else []
    words += ["--logger", *options.loggers] if options.loggers else []
    pairs = [f"{name}={value}" for name, value in options.overrides.items()]
    return words + (["--set", *pairs] if pairs else [])


def _on(device: str | None, fold: int, n_devices: int) -> list[str]:
    """The device of a fold; several CUDA devices take turns."""
    if n_devices > 1 and device in (None, "cuda"):
        return ["--device", f"cuda:{fold % n_devices}"]
    return ["--device", device] if device else []


def _watched(
    setup: TrainingSetup, commands: Mapping[int, list[str]], number: int
) -> dict[int, str]:
    """Run the folds with a line of progress each; what the failed ones said."""
    model = setup.model
    epochs = effective_plan(setup.plan, setup.options).training.epochs
    lines = {
        fold: tqdm(desc=f"fold {fold}", total=epochs, position=place, unit="epoch", disable=None)
        for place, fold in enumerate(commands)
    }
    failed, stop = {}, StopSignal()
    with stop.listening():
        for event in parallel.run_folds(commands, number, stop):
            for fold, line in lines.items():
                _advance(line, fold, _epochs_done(model.fold(fold).history), epochs)
            if event != "waiting" and event.error is not None:
                failed[event.fold] = event.error
                lines[event.fold].set_postfix_str("failed")
    for line in lines.values():
        line.close()
    if stop.requested:
        raise StoppedError(
            "Training was stopped; finished epochs are saved.",
            file=model.folder,
            remedy=f"Go on with {again('--continue')}.",
        )
    return failed


def _advance(line: tqdm[NoReturn], fold: int, done: int, epochs: int) -> None:
    """Move the bar of a fold, or write a line where nobody watches bars."""
    if line.disable and done != line.n:
        logger.info("Fold %d: %d of %d epochs.", fold, done, epochs)
    line.n = done
    line.refresh()


def _epochs_done(history: Path) -> int:
    if not history.is_file():
        return 0
    return max(0, len(read_bytes(history).splitlines()) - 1)


def _verdict(failed: Mapping[int, str], folds: Sequence[int], *, speaks: bool) -> int:
    if not failed:
        return common.OK
    first = min(failed)
    done = [fold for fold in folds if fold not in failed]
    if not done:
        raise TrainingError(f"All folds failed; the first was fold {first}: {failed[first]}")
    if speaks:
        print(f"Fold {first} failed: {failed[first]}", file=sys.stderr)
        others = ", ".join(str(fold) for fold in sorted(failed) if fold != first)
        also = f"Also failed: {others}. " if others else ""
        print(f"{also}Trained: {', '.join(map(str, done))}.")
    return common.SOME_FAILED
