"""ricenet_evaluate --seeds: how far trainings differ that differ in their seed alone."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ricenet_v2.cli import common

if TYPE_CHECKING:
    from ricenet_v2.records.seeds import SeedMetric, SeedVariance

_SUMMARY = (
    *("accuracy", "macro F1", "AUROC", "AUROC within folds", "balanced accuracy"),
    "Brier score",
)
_WIDTH = 120


def evaluate_seeds(
    dataset: str | None, seeds: Sequence[int], options: Mapping[str, Any], *, all_metrics: bool
) -> int:
    """Print and write the variance over training seeds; the options are those of the command.

    Returns:
        0.

    Raises:
        DatasetError: No dataset is named, or its trainings cannot be compared.
    """
    from ricenet_v2.api import evaluation
    from ricenet_v2.core.errors import DatasetError

    if dataset is None or options["predictions"] is not None:
        raise DatasetError(
            "Training seeds are compared on out-of-fold predictions only.",
            expected="a dataset, and no --predictions",
            got=f"dataset {dataset}, predictions {options['predictions']}",
        )
    place = {name: options[name] for name in ("plan", "channels", "workspace")}
    chosen = {name: options[name] for name in ("positive_class", "output", "n_bootstrap", "seed")}
    _, folder = evaluation.variance_of_seeds(
        dataset, seeds, **place, **chosen, observer=partial(show, all_metrics=all_metrics)
    )
    print(f"Variation between training seeds: {folder}")
    return common.OK


def show_hint(seeds: Sequence[int]) -> None:
    """Say which seeds a model was trained with, where there are several."""
    if seeds:
        listed = ", ".join(map(str, seeds))
        print(f"Trained with the seeds {listed}: --seeds shows how much these trainings differ.")


def show(seed_variance: SeedVariance, *, all_metrics: bool = False) -> None:
    """Print the metrics of each seed, their spread, and what it means."""
    seeds = ", ".join(map(str, seed_variance.seeds))
    by_name = {metric.name: metric for metric in seed_variance.metrics}
    names = list(by_name) if all_metrics else [name for name in _SUMMARY if name in by_name]
    common.table(
        f"{seed_variance.title} ({seed_variance.n_cases} cases of "
        f"{seed_variance.n_patients} patients)",
        (
            "metric",
            f"seeds {seeds}",
            "mean",
            "SD over seeds",
            "range",
            f"{seed_variance.level:.0%} interval by patients, seed {seed_variance.seeds[0]}",
        ),
        [_row(by_name[name]) for name in names],
    )
    print(seed_variance.agreement_text)
    print(textwrap.fill(seed_variance.meaning, _WIDTH))
    if not all_metrics:
        print(
            f"--all_metrics prints all {len(seed_variance.metrics)} metrics; seeds.json holds them."
        )
    print(seed_variance.note)


def _row(metric: SeedMetric) -> tuple[str, ...]:
    from ricenet_v2.cli.evaluate_tables import number

    def span(low: float | None, high: float | None) -> str:
        return "-" if low is None or high is None else f"{number(low)} to {number(high)}"

    return (
        metric.name,
        ", ".join(number(value) for value in metric.values),
        number(metric.mean),
        number(metric.sd),
        span(metric.lowest, metric.highest),
        span(metric.lows[0], metric.highs[0]),
    )
