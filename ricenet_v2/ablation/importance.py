"""Loss of the trained full model where a group of channels is perturbed at prediction.

Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019) asks how much this one model
relies on a group; a subset that is trained again asks how well one can do without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from ricenet_v2.ablation.channel_perturbation import PerturbationStage, Read, perturbed, untouched
from ricenet_v2.ablation.values import METRICS, Resampling
from ricenet_v2.core.progress import track
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation.confusion_matrix import known
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.swapped_differences import Term
from ricenet_v2.records.ablation import Change, ChannelGroup, Importance


def importances(
    stages: Sequence[PerturbationStage],
    truths: LabelledPredictions,
    groups: Sequence[tuple[ChannelGroup, Sequence[int]]],
    read: Read,
    how: Resampling,
    *,
    repeats: int,
    drop: bool,
) -> tuple[Importance, ...]:
    """The loss of each metric by each group, permuted and, where asked, zeroed.

    Args:
        stages: The cases with the networks that may judge them.
        truths: Predictions of the same cases, of which only the truths are used.
        groups: Groups, with the indices of their channels in a preprocessed case.
        read: Voxels (channels, z, y, x) of a case.
        how: Settings of the intervals, and the seed of the donors.
        repeats: Number of permutations of each group; 0 leaves it out.
        drop: Whether each group is zeroed too.
    """
    if not repeats and not drop:
        return ()
    n_cases = sum(len(stage.cases) for stage in stages)
    n_passes = 1 + len(groups) * (repeats + int(drop))
    bar = track(range(n_passes * n_cases), "perturbing channels", total=n_passes * n_cases)
    before = _labelled(untouched(stages, read), truths, bar)
    losses: list[Importance] = []
    for group, channels in groups:
        runs = []
        for repeat in range(repeats):
            random = generator(how.seed, "permutation", group.name, repeat)
            predictions = perturbed(stages, channels, read, random)
            runs.append(_labelled(predictions, truths, bar))
        losses += _losses(group, "permuted", before, runs, how)
        if drop:
            zeroed = _labelled(perturbed(stages, channels, read, None), truths, bar)
            losses += _losses(group, "zeroed", before, [zeroed], how)
    return tuple(losses)


def _labelled(
    predictions: Iterator[tuple[str, int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]],
    truths: LabelledPredictions,
    bar: Iterator[int],
) -> LabelledPredictions:
    """The predictions in the order of the truths."""
    by_case = {}
    for case, call, values in predictions:
        by_case[case] = (call, values)
        next(bar, None)
    return dataclasses.replace(
        truths,
        predicted=np.array([by_case[case][0] for case in truths.case_ids]),
        probabilities=np.stack([by_case[case][1] for case in truths.case_ids]),
    )


def _losses(
    group: ChannelGroup,
    change: Change,
    before: LabelledPredictions,
    runs: Sequence[LabelledPredictions],
    how: Resampling,
) -> Iterator[Importance]:
    """The mean loss over the repeats; what came before and after is swapped in all of them."""
    if not runs:
        return
    tested = how.permutations.test([Term(1 / len(runs), before, run) for run in runs], METRICS)
    whole, each = how.metrics(before), [how.metrics(run) for run in runs]
    description = how.permutations.description(before.grouping.count)
    for name in METRICS:
        low, high = tested[name].ends() or (None, None)
        yield Importance(
            group=group.name,
            change=change,
            metric=name,
            value=known(tested[name].value),
            low=low,
            high=high,
            repeats=tuple(known(whole[name] - metrics[name]) for metrics in each),
            n=len(before),
            method=f"{description}, unchanged and perturbed",
        )
