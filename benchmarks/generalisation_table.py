"""Variants of the study of generalisation, and the table of what each of them changes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import stats

from benchmarks.cohorts import Cohort

BASE, NO_BANDS = "base", "no bands of absolute values"
VARIANTS: dict[str, dict[str, str]] = {
    BASE: {},
    "no label smoothing": {"label_smoothing": "0"},
    "mixup 0.2": {"mixup": "0.2"},
    "no averaged weights": {"ema_decay": "0"},
    "stochastic depth 0.1": {"network.stochastic_depth": "0.1"},
    "dropout 0": {"network.dropout": "0"},
    "dropout 0.3": {"network.dropout": "0.3"},
    "weighted loss": {"balance": "loss"},
    "no balance": {"balance": "none"},
    NO_BANDS: {},
    "instance norm": {"network.norm": "instance"},
    "batch norm": {"network.norm": "batch"},
}


@dataclass(frozen=True)
class Result:
    """Metrics of one fold, or (fold None) of the held-out cases by five folds together."""

    cohort: str
    variant: str
    seed: int
    fold: int | None
    macro_f1: float
    auroc: float
    n: int
    seconds: float


def difference(values: Sequence[float], share: float) -> tuple[float, float, float]:
    """Mean of paired differences with its 95 % interval.

    Training sets of the folds overlap, so the variance is that of Nadeau and Bengio (2003):
    s^2 (1 / n + n_validation / n_train), with n - 1 degrees of freedom.

    Args:
        values: One difference for each seed and fold.
        share: n_validation / n_train.
    """
    n, mean = len(values), statistics.fmean(values)
    if n < 2:
        return mean, math.nan, math.nan
    error = statistics.stdev(values) * math.sqrt(1 / n + share)
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return mean, mean - half, mean + half


def table(results: Sequence[Result], cohort: Cohort) -> list[str]:
    """Markdown lines for one cohort."""
    of_cohort = [result for result in results if result.cohort == cohort.name]
    n_folds = len(cohort.splits.folds)
    by_place = {(r.variant, r.seed, r.fold): r for r in of_cohort}
    variants = [v for v in VARIANTS if any(r.variant == v for r in of_cohort)]
    places = sorted(
        {(r.seed, r.fold) for r in of_cohort if r.variant == BASE and r.fold is not None}
    )
    n = len({r.seed for r in of_cohort})
    head = f"Mean over {n} seed(s) and {len(places)} trained folds of the base; in brackets the "
    lines = [
        f"### {cohort.name}: preset {cohort.plan.preset}, input of "
        f"{' x '.join(map(str, cohort.plan.input_size))} voxels",
        "",
        head + "difference to the base at the same seed and fold, with its 95 % interval.",
        "",
        "| variant | pairs | macro F1 | AUROC |",
        "|---|---|---|---|",
    ]
    for variant in variants:
        pairs = [p for p in places if (variant, *p) in by_place]
        cells = []
        for key in ("macro_f1", "auroc"):
            here = [getattr(by_place[(variant, *p)], key) for p in pairs]
            base = [getattr(by_place[(BASE, *p)], key) for p in pairs]
            cells.append(_cell(here, base, 1 / (n_folds - 1), is_base=variant == BASE))
        lines.append(f"| {variant} | {len(pairs)} | {cells[0]} | {cells[1]} |")
    return [*lines, "", *_together(of_cohort)]


def _cell(here: Sequence[float], base: Sequence[float], share: float, *, is_base: bool) -> str:
    pairs = [(a, b) for a, b in zip(here, base, strict=True) if not math.isnan(a + b)]
    if not pairs:
        return "-"
    mean = statistics.fmean(a for a, _ in pairs)
    if is_base:
        return f"{mean:.3f}"
    value, low, high = difference([a - b for a, b in pairs], share)
    if math.isnan(low):
        return f"{mean:.3f} ({value:+.3f}, one pair)"
    return f"{mean:.3f} ({value:+.3f}, {low:+.3f} to {high:+.3f})"


def _together(of_cohort: Sequence[Result]) -> list[str]:
    seeds = sorted({r.seed for r in of_cohort if r.variant == "five folds"})
    if not seeds:
        return []
    lines = [
        "Held-out cases: the five folds together against one fold, averaged over the five.",
        "",
        "| seed | cases | macro F1, one | macro F1, five | AUROC, one | AUROC, five |",
        "|---|---|---|---|---|---|",
    ]
    for seed in seeds:
        of_seed = [r for r in of_cohort if (r.variant, r.seed) == ("one fold", seed)]
        five = next(r for r in of_cohort if (r.variant, r.seed) == ("five folds", seed))
        f1 = statistics.fmean(r.macro_f1 for r in of_seed)
        auroc = statistics.fmean(r.auroc for r in of_seed)
        cells = f"{f1:.3f} | {five.macro_f1:.3f} | {auroc:.3f} | {five.auroc:.3f}"
        lines.append(f"| {seed} | {five.n} | {cells} |")
    return [*lines, ""]


def section(results: Sequence[Result], cohort: Cohort, epochs: int, device: torch.device) -> str:
    """Markdown of one cohort."""
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    hours = sum(result.seconds for result in results) / 3600
    first = f"{epochs} epochs a fold on {where}, {hours:.1f} hours of training in all."
    return "\n".join([*table(results, cohort), first]).rstrip()
