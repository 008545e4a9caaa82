"""What the trained full model loses where a group of channels is spoilt at prediction.

Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019) asks how much this one model
leans on a group; a subset that is trained anew asks how well one can do without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from ricenet_v2.ablation.spoiling import Read, Stage, spoilt, untouched
from ricenet_v2.ablation.values import FIGURES, Resampling, Sampled, sampled
from ricenet_v2.core.progress import track
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation.metrics import known
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.ablation import Change, Group, Importance


def importances(
    stages: Sequence[Stage],
    truths: Scored,
    groups: Sequence[tuple[Group, Sequence[int]]],
    read: Read,
    how: Resampling,
    *,
    repeats: int,
    drop: bool,
) -> tuple[Importance, ...]:
    """The loss of each figure by each group, permuted and, where asked, zeroed.

    Args:
        stages: The cases with the networks that may judge them.
        truths: Predictions of the same cases, of which only the truths are used.
        groups: With the indices of their channels in a preprocessed case.
        read: Voxels (channels, z, y, x) of a case.
        how: Of the intervals, and the seed of the donors.
        repeats: How often each group is permuted; 0 leaves it out.
        drop: Whether each group is zeroed too.
    """
    if not repeats and not drop:
        return ()
    n_cases = sum(len(stage.cases) for stage in stages)
    n_passes = 1 + len(groups) * (repeats + int(drop))
    bar = track(range(n_passes * n_cases), "spoiling channels", total=n_passes * n_cases)
    before = sampled(_scored(untouched(stages, read), truths, bar), how)
    made: list[Importance] = []
    for group, channels in groups:
        runs = []
        for repeat in range(repeats):
            random = generator(how.seed, "permutation", group.name, repeat)
            found = spoilt(stages, channels, read, random)
            runs.append(sampled(_scored(found, truths, bar), how))
        made += _losses(group, "permuted", before, runs, len(truths), how)
        if drop:
            zeroed = _scored(spoilt(stages, channels, read, None), truths, bar)
            made += _losses(group, "zeroed", before, [sampled(zeroed, how)], len(truths), how)
    return tuple(made)


def _scored(
    found: Iterator[tuple[str, int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]],
    truths: Scored,
    bar: Iterator[int],
) -> Scored:
    """The predictions in the order of the truths."""
    by_case = {}
    for case, call, values in found:
        by_case[case] = (call, values)
        next(bar, None)
    return dataclasses.replace(
        truths,
        predicted=np.array([by_case[case][0] for case in truths.case_ids]),
        probabilities=np.stack([by_case[case][1] for case in truths.case_ids]),
    )


def _losses(
    group: Group,
    change: Change,
    before: Sampled,
    runs: Sequence[Sampled],
    n: int,
    how: Resampling,
) -> Iterator[Importance]:
    """The mean loss over the repeats, on the same samples of patients before and after."""
    if not runs:
        return
    loss = Sampled(
        before.whole - np.mean([run.whole for run in runs], axis=0),
        before.replicates - np.mean([run.replicates for run in runs], axis=0),
        before.left_out - np.mean([run.left_out for run in runs], axis=0),
    )
    for figure, name in enumerate(FIGURES):
        low, high = loss.interval(figure, how.level) or (None, None)
        yield Importance(
            group=group.name,
            change=change,
            figure=name,
            value=known(loss.whole[figure]),
            low=low,
            high=high,
            repeats=tuple(known(before.whole[figure] - run.whole[figure]) for run in runs),
            n=n,
            method=how.method,
        )
