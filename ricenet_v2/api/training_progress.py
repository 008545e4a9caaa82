"""Progress of a training of several folds: the epochs of all of them, and of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.progress import Progress
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.training.options import effective_plan
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)


def epochs_done(history: Path) -> int:
    """Number of epochs in a table of a fold."""
    if not history.is_file():
        return 0
    return max(0, len(read_bytes(history).splitlines()) - 1)


class AllFolds:
    """Epochs of all folds of a model, in the process that leads."""

    def __init__(self, setup: TrainingSetup, folds: Sequence[int]) -> None:
        """Begin; epochs that were trained before count as done, and say nothing of the time."""
        self.epochs = effective_plan(setup.plan, setup.options).training.epochs
        resume, model, seed = setup.options.resume, setup.model, setup.options.folder_seed
        self._done = {
            fold: min(epochs_done(model.fold(fold).history), self.epochs) if resume else 0
            for fold in folds
        }
        self._progress: Progress | None = None
        if setup.process_group.leads and len(folds) > 1 and not setup.options.preview_only:
            self._progress = Progress(
                f"{len(folds)} folds" if seed is None else f"{len(folds)} folds with seed {seed}",
                self.epochs * len(folds),
                initial=sum(self._done.values()),
                leave=True,
                is_long=True,
                unit="epoch",
            )

    def done(self, fold: int) -> int:
        """Epochs of a fold that are trained."""
        return self._done[fold]

    def reach(self, fold: int, done: int) -> None:
        """Report the number of trained epochs of a fold."""
        if done != self._done[fold]:
            self._done[fold] = done
            if self._progress is not None:
                self._progress.reach(sum(self._done.values()))

    def end(self, fold: int) -> None:
        """No epoch of a fold is to come, also where it ended early or failed."""
        self.reach(fold, self.epochs)

    def close(self) -> None:
        """Nothing is to come."""
        if self._progress is not None:
            self._progress.close()


class FoldOfAnotherProcess:
    """Epochs of a fold that is trained in another process: a bar, or lines where none is shown."""

    def __init__(self, fold: int, place: int, epochs: int, done: int) -> None:
        """Begin below the bar of all folds, `done` epochs after the first."""
        self._fold, self._epochs, self._done = fold, epochs, done
        self._progress = Progress(
            f"fold {fold}", epochs, initial=done, has_own_lines=True, position=place, unit="epoch"
        )

    def reach(self, done: int) -> None:
        """Report the number of trained epochs."""
        if self._progress.has_bar:
            self._progress.reach(done)
            self._progress.refresh()
        elif done != self._done:
            logger.info("Fold %d: %d of %d epochs.", self._fold, done, self._epochs)
        self._done = done

    def fail(self) -> None:
        """It has failed."""
        self._progress.mark("failed")

    def close(self) -> None:
        """Take the bar away."""
        self._progress.close()
