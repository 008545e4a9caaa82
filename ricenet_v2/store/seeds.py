"""Folders of models that differ only in their training seed.

The folder of a model without a seed in its name holds what was trained without `--seeds`, or the
first seed, 0; each further seed has a folder beside it, `auto__all__seed1`.
"""

from __future__ import annotations

import logging

from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import DatasetPaths, ModelPaths

logger = logging.getLogger(__name__)

FIRST = 0


def folder_seed(paths: DatasetPaths, plan: str, channels: str, seed: int) -> int | None:
    """The seed in the name of the folder for a training seed; None for the folder without one.

    That holds the seed that it was trained with, and 0 where it was not trained yet.
    """
    existing = {run.seed for run in runs_of(paths.run(plan, channels)).values()} or {FIRST}
    return None if existing == {seed} else seed


def seed_models(paths: DatasetPaths, plan: str, channels: str) -> dict[int, ModelPaths]:
    """The models of a plan and channels that are there, by their training seed.

    A model whose folds are of several seeds is none of one seed and left out, which is logged.
    """
    models = [paths.run(plan, channels)]
    models += [paths.run(plan, channels, seed) for seed in paths.further_seeds(plan, channels)]
    by_seed: dict[int, ModelPaths] = {}
    for model in models:
        seeds = sorted({run.seed for run in runs_of(model).values()})
        if len(seeds) > 1:
            named = ", ".join(map(str, seeds))
            logger.warning("%s has folds of several seeds: %s.", model.folder.name, named)
        elif seeds:
            by_seed.setdefault(seeds[0], model)
    return dict(sorted(by_seed.items()))
