"""How often comparisons are wrong, as they were made before and as they are made now.

    python -m benchmarks.comparisons --write documentation/benchmarks.md

Two runs of a simulated cohort have normal scores, which are alike in half of their variance; of a
patient's cases too. `Before` is a paired bootstrap of patients (BCa) for differences, the test of
McNemar for accuracy, that of DeLong for the AUROC, a bootstrap for the offset of folds, and moved
maps for shares of attribution.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import page
from benchmarks.noise_maps import NETWORKS, PATIENTS, cohort_p
from benchmarks.paired_runs import METRICS, Ends, Floats, before, mcnemar, pair_of, true_differences
from ricenet_v2.core.progress import track
from ricenet_v2.evaluation.aligned_runs import AlignedRuns
from ricenet_v2.evaluation.compared_metrics import ACCURACY
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.intervals import bca
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.within_fold_auroc import WithinFolds, offset

PARTS = ("differences", "offsets", "maps")
SIZES, SHARES, CASES = (12, 40, 92, 300), (0.15, 0.35, 0.5), (1, 3)
ALIKE = (0.75, 0.75)
OTHERS = ((0.75, 0.6), (0.9, 0.75))
"""True AUROCs of the two runs."""


class Tally:
    """Shares of yes, no and nothing, by name."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.answers: dict[tuple[str, ...], list[bool | None]] = defaultdict(list)

    def add(self, answer: bool | None, *name: str) -> None:
        """One cohort more."""
        self.answers[name].append(answer)

    def all_of(self, way: str) -> list[bool]:
        """Whether each interval of a way contradicts its p."""
        names = [name for name in self.answers if name[:2] == (way, "contradicts")]
        return [bool(answer) for name in names for answer in self.answers[name]]

    def shown(self, *name: str) -> str:
        """Percent of yes, and how many have no answer where some have none."""
        answers = self.answers[name]
        known = [answer for answer in answers if answer is not None]
        none = 100 * (1 - len(known) / len(answers))
        share = f"{100 * np.mean(known):.1f}" if none < 80 else "-"
        return share if none < 0.5 else f"{share} ({none:.0f} without)"


def count(
    n: int, share: float, aurocs: tuple[float, float], cases: int, chosen: argparse.Namespace
) -> Tally:
    """Whether the interval holds the truth, for each metric and way; for p, whether it rejects."""
    tally, true = Tally(), true_differences(share, aurocs)
    random = np.random.default_rng([n, cases, round(100 * share)])
    for cohort in range(chosen.cohorts):
        runs = pair_of(n, share, aurocs, cases, random)
        old = before(runs, chosen.samples, cohort)
        alike = AlignedRuns(dict(zip("ab", runs, strict=True)), ())
        new = {
            compared.metric: compared
            for compared in compare(alike, 1, chosen.samples, cohort).pairs
        }
        for name in METRICS:
            pair, ends = new[name], old[name]
            now = None if pair.low is None or pair.high is None else (pair.low, pair.high)
            for way, each in (("before", ends), ("now", now)):
                tally.add(each and each[0] <= true[name] <= each[1], way, name)
                if each is not None and pair.p is not None:
                    out = each[0] > 0 or each[1] < 0
                    p = mcnemar(runs) if (way, name) == ("before", ACCURACY) else pair.p
                    tally.add(out != (p < 0.05), way, "contradicts", name)
            tally.add(None if pair.p is None else pair.p < 0.05, "now", "p", name)
        tally.add(mcnemar(runs) < 0.05, "before", "p", ACCURACY)
    return tally


def differences(chosen: argparse.Namespace) -> Iterator[str]:
    """Tables of the cover where runs are alike and where they differ, and of p of the accuracy."""
    grid = list(product(CASES, SHARES, (ALIKE, *OTHERS), chosen.sizes))
    tallies = {
        (cases, share, aurocs, n): count(n, share, aurocs, cases, chosen)
        for cases, share, aurocs, n in track(grid, "comparing")
    }
    columns = ("cases a patient", "positive", "metric", *(f"n = {n}" for n in chosen.sizes))
    for aurocs, words in (
        (ALIKE, "Two runs that are alike (AUROC 0.75): cohorts whose interval holds 0"),
        *((each, f"AUROC {each[0]} and {each[1]}: cohorts whose interval holds the truth")
          for each in OTHERS),
    ):  # fmt: skip
        rows = [
            (cases, f"{share:.0%}", name, *(
                _both(tallies[cases, share, aurocs, n], name) for n in chosen.sizes
            ))
            for cases, share, name in product(CASES, SHARES, METRICS)
        ]  # fmt: skip
        yield f"{words}, percent, before → now.\n\n{page.table(columns, rows)}"
    rows = [
        (cases, f"{share:.0%}", name, *(
            _both(tallies[cases, share, ALIKE, n], "p", name) for n in chosen.sizes
        ))
        for cases, share, name in product(CASES, SHARES, (ACCURACY,))
    ]  # fmt: skip
    yield (
        "Two runs that are alike: cohorts whose accuracy has p below 0.05, percent, McNemar's → "
        f"what is printed now.\n\n{page.table(columns, rows)}"
    )
    old, new = (
        100 * np.mean([answer for tally in tallies.values() for answer in tally.all_of(way)])
        for way in ("before", "now")
    )
    yield (
        f"Of all these intervals {old:.1f} % contradicted p before (left 0 out where p was 0.05 or "
        f"more, or the other way round), and {new:.1f} % do now."
    )


def _both(tally: Tally, *name: str) -> str:
    return f"{tally.shown('before', *name)} → {tally.shown('now', *name)}"


def shifted(n: int, apart: float, random: np.random.Generator) -> LabelledPredictions:
    """Cases of five folds, the scores of each `apart` standard deviations below the one before."""
    fold, truth = np.arange(n) % 5, np.arange(n) // 5 % 2
    scores = 1.5 * truth + random.normal(size=n) - apart * fold
    p = 1 / (1 + np.exp(-scores))
    names = tuple(f"c{i}" for i in range(n))
    called, both = (p > 0.5).astype(np.intp), np.column_stack([1 - p, p])
    return LabelledPredictions(
        names, names, truth, called, both, ("a", "b"), folds=tuple(fold.tolist())
    )


def offsets(chosen: argparse.Namespace) -> Iterator[str]:
    """A table of how often the alarm of folds sounds."""
    rows = []
    for n, apart in track(list(product((40, 92), (0.0, 0.25, 0.5))), "shifting folds"):
        random, tally = np.random.default_rng(n), Tally()
        for cohort in range(chosen.cohorts):
            labelled = shifted(n, apart, random)
            ends = _bootstrapped(labelled, chosen.samples, cohort)
            tally.add(ends is not None and (ends[0] > 0 or ends[1] < 0), "before")
            result = offset(labelled, 1, cohort)
            tally.add(result is not None and result.p <= 0.05, "now")
        rows.append((n, apart, tally.shown("before"), tally.shown("now")))
    yield (
        "The alarm of fold offsets: cohorts of five folds that are warned of, percent. Scores of a "
        "fold lie so many standard deviations below those of the one before.\n\n"
        + page.table(("n", "offset", "before", "now"), rows)
    )


def _bootstrapped(labelled: LabelledPredictions, samples: int, seed: int) -> Ends:
    pooled, within = (WithinFolds.of(each, 1) for each in (replace(labelled, folds=()), labelled))

    def less(weights: Floats) -> Floats:
        return (pooled(weights) - within(weights))[:, None]

    patients = labelled.grouping
    drawn = replicated(less, patients.samples(samples, np.random.default_rng(seed)))[:, 0]
    value = float(less(np.ones((len(labelled), 1)))[0, 0])
    return bca(value, drawn, replicated(less, patients.left_out())[:, 0])


def maps(chosen: argparse.Namespace) -> Iterator[str]:
    """A table of how often maps of noise are a finding."""
    rows = []
    grid = list(product((True, False), (1.0, 2.0), (1, 5)))
    for stationary, sigma, members in track(grid, "maps of noise"):
        random, tally = np.random.default_rng([7, int(sigma), members]), Tally()
        for _ in range(chosen.cohorts):
            signs, untrained = cohort_p(stationary, sigma, members, random)
            tally.add(signs is not None and signs < 0.05, "volume")
            tally.add(untrained is not None and untrained < 0.05, "untrained")
        where = "alike everywhere" if stationary else "strongest in the middle"
        rows.append((where, sigma, members, tally.shown("volume"), tally.shown("untrained")))
    yield (
        f"Attribution that knows nothing: cohorts of {PATIENTS} patients whose share in the lesion "
        "has p below 0.05, percent. Maps are smooth noise; those of the trained networks and of "
        f"{NETWORKS} networks with random weights are drawn alike; lesions lie around the middle."
        "\n\n"
        + page.table(
            (
                "noise",
                "width, voxels",
                "trained networks",
                "by volume and signs (before)",
                "by untrained networks (now, beside it)",
            ),
            rows,
        )
    )


def section(chosen: argparse.Namespace) -> str:
    """Markdown of all parts."""
    off = 196 * (0.95 * 0.05 / chosen.cohorts) ** 0.5
    head = (
        f"{chosen.cohorts} simulated cohorts in each cell, {chosen.samples} permutations or "
        f"samples. The simulation itself is off by up to {off:.1f} points (95 %). `without`: "
        "percent of cohorts that have no interval; the share is of the others, and is left out "
        "where four of five have none."
    )
    parts: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
        "differences": differences,
        "offsets": offsets,
        "maps": maps,
    }
    return "\n\n".join([head, *(text for name in chosen.parts for text in parts[name](chosen))])


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cohorts", type=int, default=400, help="of each cell")
    parser.add_argument(
        "--samples", type=int, default=999, help="permutations, and bootstrap samples"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="cases of a cohort")
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args(argv)
    text = section(chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, "comparisons", text)


if __name__ == "__main__":
    main()
