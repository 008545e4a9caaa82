"""Subsets that cannot be trained: cases have none of their channels that shows the patient."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ricenet_v2.core.errors import MissingChannelError
from ricenet_v2.records.ablation import OmittedSubset, Subset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.training.preprocessed import records_of_plan, unseen_cases
from ricenet_v2.training.settings import with_channels
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)

__all__ = ["without_omitted"]


def without_omitted(
    setup: TrainingSetup, subsets: Sequence[Subset], test: Sequence[PreprocessedCase]
) -> tuple[tuple[Subset, ...], tuple[OmittedSubset, ...]]:
    """The subsets that every case can be shown to, and those that are omitted.

    All subsets are compared on the same cases, so that a subset which cannot be shown to some case
    is not trained at all. A line of the log names it.

    Args:
        setup: The dataset with its folds.
        subsets: All channels first.
        test: Records of the preprocessed test cases.

    Raises:
        MissingChannelError: Only all channels would be left, and there is nothing to compare.
        PlanError: Preprocessed cases are made by another state of the plan, or not made.
    """
    if not setup.plan.allows_missing:
        return tuple(subsets), ()
    ids = {case for fold in setup.splits.folds for case in (*fold.train, *fold.validation)}
    train = records_of_plan(setup.paths.cases(setup.plan.name), sorted(ids), setup.plan)
    kept, omitted = list[Subset](), list[OmittedSubset]()
    for subset in subsets:
        plan = with_channels(setup.plan, subset.channels)
        n_train, n_test = (len(unseen_cases(plan, records)) for records in (train, test))
        if n_train or n_test:
            omitted.append(OmittedSubset(subset.name, n_train, n_test))
        else:
            kept.append(subset)
    _report(kept, omitted, len(train), len(test))
    return tuple(kept), tuple(omitted)


def _report(
    kept: Sequence[Subset], omitted: Sequence[OmittedSubset], n_train: int, n_test: int
) -> None:
    if not omitted:
        return
    counts = [
        f"{each.name}: {each.train} of {n_train} training and {each.test} of {n_test} test cases"
        for each in omitted
    ]
    if len(kept) > 1:
        logger.warning(
            "Not trained, as cases have none of their channels that shows the patient: %s",
            "; ".join(counts),
        )
        return
    raise MissingChannelError(
        "No subset can be compared with all channels: of each, cases have no channel that shows "
        "the patient.",
        expected="a subset of which each case has a channel that shows the patient",
        got="cases without any: " + "; ".join(counts),
        remedy="Name other subsets with --subsets, or take these cases out of cases.csv and plan "
        "again.",
    )
