"""Shapley values of the groups, with intervals from resampled patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ricenet_v2.ablation.shapley import shapley_values
from ricenet_v2.ablation.values import FIGURES, Resampling, Sampled, of_nothing, sampled
from ricenet_v2.evaluation.metrics import known
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.ablation import Contribution, Group, Subset


def contributions(
    runs: Mapping[str, Scored],
    subsets: Sequence[Subset],
    groups: Sequence[Group],
    majority: int,
    how: Resampling,
) -> tuple[Contribution, ...]:
    """The Shapley value of each group and figure; none where a subset is missing.

    The value of a subset is its figure; that of no group is the figure of a model that sees
    nothing (`values.of_nothing`). All subsets see the same samples of patients. The intervals tell
    how the values differ over patients, not over trainings: each subset was trained once.

    Args:
        runs: Predictions of each subset by its name, the same cases in the same order.
        subsets: Of the runs.
        groups: The players.
        majority: Most frequent class of the training cases.
        how: Of the intervals.
    """
    names = [group.name for group in groups]
    by_bits = {
        sum(1 << names.index(name) for name in subset.groups): subset.name
        for subset in subsets
        if subset.name in runs
    }
    if len(by_bits) != 2 ** len(groups) - 1:
        return ()
    nothing = of_nothing(next(iter(runs.values())), majority, how)
    every = [nothing, *(sampled(runs[by_bits[bits]], how) for bits in sorted(by_bits))]
    shared = Sampled(
        shapley_values(np.stack([one.whole for one in every])),
        shapley_values(np.stack([one.replicates for one in every])),
        shapley_values(np.stack([one.left_out for one in every])),
    )
    n = len(next(iter(runs.values())))
    return tuple(
        _contribution(name, player, figure, shared, (every[0], every[-1]), n, how)
        for figure in range(len(FIGURES))
        for player, name in enumerate(names)
    )


def _contribution(
    name: str,
    player: int,
    figure: int,
    shared: Sampled,
    ends: tuple[Sampled, Sampled],
    n: int,
    how: Resampling,
) -> Contribution:
    """One group and figure; the arrays of `shared` have the axis of players in front."""
    own = Sampled(shared.whole[player], shared.replicates[player], shared.left_out[player])
    low, high = own.interval(figure, how.level) or (None, None)
    return Contribution(
        group=name,
        figure=FIGURES[figure],
        value=known(own.whole[figure]),
        low=low,
        high=high,
        empty=known(ends[0].whole[figure]),
        whole=known(ends[1].whole[figure]),
        n=n,
        method=f"{how.method}, all subsets resampled together",
    )
