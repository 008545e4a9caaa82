"""Shapley values of the groups, with the intervals that belong to their test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ricenet_v2.ablation.shapley import gains
from ricenet_v2.ablation.values import METRICS, Resampling, blind
from ricenet_v2.evaluation.compared_metrics import BALANCED
from ricenet_v2.evaluation.confusion_matrix import known
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC
from ricenet_v2.evaluation.swapped_differences import Term
from ricenet_v2.records.ablation import ChannelGroup, Contribution, Subset


def contributions(
    runs: Mapping[str, LabelledPredictions],
    subsets: Sequence[Subset],
    groups: Sequence[ChannelGroup],
    majority: int,
    how: Resampling,
) -> tuple[Contribution, ...]:
    """The Shapley value of each group and metric; none where a subset is missing.

    The value of a subset is its metric; that of no group is the metric of a model that sees
    nothing (`values.blind`). Were a group worth nothing, each patient's predictions with the group
    might as well be those without it. So they are swapped, in every pair of subsets at once, and
    the interval holds the values that this test does not reject. It describes how values vary over
    patients, not over trainings: each subset was trained once.

    Args:
        runs: Predictions of each subset by its name, the same cases in the same order.
        subsets: Subsets of the runs.
        groups: The players.
        majority: Most frequent class of the training cases.
        how: Settings of the intervals.
    """
    names = [group.name for group in groups]
    by_bits = {
        sum(1 << names.index(name) for name in subset.groups): runs[subset.name]
        for subset in subsets
        if subset.name in runs
    }
    if len(by_bits) != 2 ** len(groups) - 1:
        return ()
    whole = by_bits[2 ** len(groups) - 1]
    by_bits[0] = blind(whole, majority)
    # These two are so by definition, even where the cases are all of one class.
    constant = {AUROC: 0.5, BALANCED: 1 / len(whole.classes)}
    empty, full = how.metrics(by_bits[0]) | constant, how.metrics(whole)
    method = f"{how.permutations.description(whole.grouping.count)}, with the group and without it"
    entries = []
    for player, name in enumerate(names):
        terms = [
            Term(weight, by_bits[joined], by_bits[before])
            for weight, joined, before in gains(len(names), player)
        ]
        tested = how.permutations.test(terms, METRICS)
        for metric in METRICS:
            low, high = tested[metric].ends() or (None, None)
            entries.append(
                Contribution(
                    group=name,
                    metric=metric,
                    value=known(tested[metric].value),
                    low=low,
                    high=high,
                    empty=known(empty[metric]),
                    whole=known(full[metric]),
                    n=len(whole),
                    method=method,
                )
            )
    return tuple(sorted(entries, key=lambda entry: METRICS.index(entry.metric)))
