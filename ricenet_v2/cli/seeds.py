"""The seeds of one ricenet_train, one after the other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

from ricenet_v2.cli import common
from ricenet_v2.core.errors import RicenetError, StoppedError, TrainingError
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)


def each_seed(setups: Sequence[TrainingSetup], train: Callable[[TrainingSetup], int]) -> int:
    """Train each study; one that fails does not keep the others from it.

    Args:
        setups: One for each seed.
        train: Trains the folds of a study and returns the exit code.

    Returns:
        0, or 1 where some failed.

    Raises:
        RicenetError: A single seed failed, or somebody asked for an end.
        TrainingError: Each of several seeds failed.
    """
    codes, failed = [], {}
    for setup in setups:
        seed = setup.options.seed
        if len(setups) > 1 or setup.options.folder_seed is not None:
            logger.info("Seed %d: %s", seed, setup.model.folder)
        try:
            codes.append(train(setup))
        except StoppedError:
            raise
        except RicenetError as error:
            if len(setups) == 1:
                raise
            failed[seed] = error
            if setup.process_group.leads:
                print(f"Seed {seed} failed: {error}", file=sys.stderr)
    if not codes:
        raise TrainingError(f"All seeds failed: {', '.join(map(str, failed))}.")
    return common.SOME_FAILED if failed or any(codes) else common.OK
