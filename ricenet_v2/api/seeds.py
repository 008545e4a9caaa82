"""The seeds of one training, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ricenet_v2.api.fold_execution import TrainedFolds
from ricenet_v2.core.errors import DeviceLostError, RicenetError, StoppedError, TrainingError
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)


def each_seed(
    setups: Sequence[TrainingSetup],
    train: Callable[[TrainingSetup], TrainedFolds],
    observer: Callable[[TrainedFolds], None] | None = None,
) -> tuple[TrainedFolds, ...]:
    """Train with each seed; one that fails does not keep the others from it.

    Args:
        setups: One for each seed.
        train: Trains the folds with that seed.
        observer: Is called with the folds of each seed, in the leading process.

    Returns:
        The folds of each seed; of one that failed as a whole there are none.

    Raises:
        RicenetError: A single seed failed, the user requested a stop, or the device is lost.
        TrainingError: Each of several seeds failed.
    """
    results: list[TrainedFolds] = []
    failed: dict[int, RicenetError] = {}
    for setup in setups:
        seed = setup.options.seed
        if len(setups) > 1 or setup.options.folder_seed is not None:
            logger.info("Seed %d: %s", seed, setup.model.folder)
        try:
            results.append(train(setup))
        except (StoppedError, DeviceLostError):
            raise
        except RicenetError as error:
            if len(setups) == 1:
                raise
            failed[seed] = error
            results.append(_failed(setup, error))
        if observer is not None and setup.process_group.leads:
            observer(results[-1])
    if len(failed) == len(setups):
        listed = ", ".join(map(str, failed))
        raise TrainingError(f"All seeds failed: {listed}.") from next(iter(failed.values()))
    return tuple(results)


def _failed(setup: TrainingSetup, error: RicenetError) -> TrainedFolds:
    if setup.process_group.leads:
        logger.error("Seed %d failed: %s", setup.options.seed, error)
    return TrainedFolds(setup.model, (), error=str(error))
