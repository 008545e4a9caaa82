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
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from benchmarks import page
from ricenet_v2.core.progress import track
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.aligned_runs import AlignedRuns
from ricenet_v2.evaluation.compared_metrics import ACCURACY, BALANCED, LOG_LOSS, MACRO_F1, values_of
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.intervals import bca
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.paired_permutation import mean_p
from ricenet_v2.evaluation.resampling import Patients, replicated
from ricenet_v2.evaluation.sufficient_statistics import brier_of, log_loss_of
from ricenet_v2.evaluation.within_fold_auroc import WithinFolds, offset
from ricenet_v2.explanation.quantities.regions import LESION
from ricenet_v2.explanation.quantities.shares import shares_of
from ricenet_v2.explanation.quantities.untrained import p_differs

PARTS = ("differences", "offsets", "maps")
SIZES, SHARES, CASES = (12, 40, 92, 300), (0.15, 0.35, 0.5), (1, 3)
FIGURES = (ACCURACY, MACRO_F1, BALANCED, AUROC, BRIER, LOG_LOSS)
ALIKE = (0.75, 0.75)
OTHERS = ((0.75, 0.6), (0.9, 0.75))
"""True AUROCs of the two runs."""

Floats = NDArray[np.float64]
Ends = tuple[float, float] | None


def pair_of(
    n: int, share: float, aurocs: tuple[float, float], cases: int, random: np.random.Generator
) -> tuple[LabelledPredictions, LabelledPredictions]:
    """Two runs on n cases of n / cases patients, each class with a patient at least.

    Cases are called where they score above the middle between the classes; probabilities are those
    of the scores.
    """
    n_patients, truth = n // cases, np.zeros(1, dtype=np.intp)
    while not 0 < truth.sum() < len(truth):
        truth = (random.random(n_patients) < share).astype(np.intp)
    owner = np.repeat(np.arange(n_patients), cases)
    truth = truth[owner]

    def noise() -> Floats:
        alone, shared = random.normal(size=len(owner)), random.normal(size=n_patients)[owner]
        made: Floats = alone if cases == 1 else np.sqrt(0.5) * (alone + shared)
        return made

    common, made = noise(), []
    for auroc in aurocs:
        apart = 2**0.5 * float(stats.norm.ppf(auroc))
        scores = np.sqrt(0.5) * (common + noise()) + apart * truth
        odds = apart * (scores - apart / 2) + np.log(share / (1 - share))
        p = 1 / (1 + np.exp(-odds))
        made.append(
            LabelledPredictions(
                case_ids=tuple(f"c{i}" for i in range(len(owner))),
                patients=tuple(f"p{i}" for i in owner),
                truth=truth,
                predicted=(scores > apart / 2).astype(np.intp),
                probabilities=np.column_stack([1 - p, p]),
                classes=("a", "b"),
            )
        )
    return made[0], made[1]


@cache
def true_differences(share: float, aurocs: tuple[float, float]) -> dict[str, float]:
    """Of a whole population; 0 of runs that are alike."""
    if aurocs[0] == aurocs[1]:
        return dict.fromkeys(FIGURES, 0.0)
    random = np.random.default_rng(99)
    one, other = (values_of(run, 1, FIGURES) for run in pair_of(400_000, share, aurocs, 1, random))
    return {name: one[name] - other[name] for name in FIGURES}


def before(
    runs: tuple[LabelledPredictions, LabelledPredictions], samples: int, seed: int
) -> dict[str, Ends]:
    """Intervals by the paired bootstrap of patients; of the AUROC by DeLong."""
    patients = runs[0].grouping

    def differences(weights: Floats) -> Floats:
        one, other = (_means(run, weights) for run in runs)
        return one - other

    value = differences(np.ones((len(runs[0]), 1)))[0]
    drawn = replicated(differences, patients.samples(samples, np.random.default_rng(seed)))
    left_out = replicated(differences, patients.left_out())
    names = (ACCURACY, MACRO_F1, BALANCED, BRIER, LOG_LOSS)
    made: dict[str, Ends] = {
        name: bca(float(value[k]), drawn[:, k], left_out[:, k]) for k, name in enumerate(names)
    }
    scores = np.stack([run.probabilities[:, 1] for run in runs])
    found = areas(scores, runs[0].truth == 1, patients)
    _, low, high, _ = found.difference(0, 1) if found else (0.0, None, None, None)
    made[AUROC] = None if low is None or high is None else (low, high)
    return made


def _means(run: LabelledPredictions, weights: Floats) -> Floats:
    """Accuracy, macro F1, balanced accuracy, Brier score, log loss of samples (samples, 5)."""
    codes = 2 * run.truth + run.predicted
    cells = np.stack([weights[codes == code].sum(axis=0) for code in range(4)], axis=1)
    counts, total = cells.reshape(-1, 2, 2), weights.sum(axis=0)
    lacks = (counts.sum(axis=2) == 0).any(axis=1)
    means = [
        each @ weights / total
        for each in (
            (run.truth == run.predicted).astype(np.float64),
            brier_of(run.truth, run.probabilities),
            log_loss_of(run.truth, run.probabilities),
        )
    ]
    f1, balanced = confusion_matrix.macro_f1(counts), confusion_matrix.balanced_accuracy(counts)
    return np.column_stack([means[0], np.where(lacks, np.nan, f1), balanced, means[1], means[2]])


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

    def told(self, *name: str) -> str:
        """Percent of yes, and how many have no answer where some have none."""
        answers = self.answers[name]
        known = [answer for answer in answers if answer is not None]
        none = 100 * (1 - len(known) / len(answers))
        share = f"{100 * np.mean(known):.1f}" if none < 80 else "-"
        return share if none < 0.5 else f"{share} ({none:.0f} without)"


def count(
    n: int, share: float, aurocs: tuple[float, float], cases: int, chosen: argparse.Namespace
) -> Tally:
    """Of each figure and way: whether the interval holds the truth; of p whether it rejects."""
    made, true = Tally(), true_differences(share, aurocs)
    random = np.random.default_rng([n, cases, round(100 * share)])
    for cohort in range(chosen.cohorts):
        runs = pair_of(n, share, aurocs, cases, random)
        old = before(runs, chosen.samples, cohort)
        alike = AlignedRuns(dict(zip("ab", runs, strict=True)), ())
        new = {one.figure: one for one in compare(alike, 1, chosen.samples, cohort).pairs}
        for name in FIGURES:
            pair, ends = new[name], old[name]
            now = None if pair.low is None or pair.high is None else (pair.low, pair.high)
            for way, each in (("before", ends), ("now", now)):
                made.add(each and each[0] <= true[name] <= each[1], way, name)
                if each is not None and pair.p is not None:
                    out = each[0] > 0 or each[1] < 0
                    p = _mcnemar(runs) if (way, name) == ("before", ACCURACY) else pair.p
                    made.add(out != (p < 0.05), way, "contradicts", name)
            made.add(None if pair.p is None else pair.p < 0.05, "now", "p", name)
        made.add(_mcnemar(runs) < 0.05, "before", "p", ACCURACY)
    return made


def _mcnemar(runs: tuple[LabelledPredictions, LabelledPredictions]) -> float:
    first, second = (run.truth == run.predicted for run in runs)
    only, both = int(np.sum(first & ~second)), int(np.sum(first != second))
    return float(stats.binomtest(only, both).pvalue) if both else 1.0


def differences(chosen: argparse.Namespace) -> Iterator[str]:
    """Tables of the cover where runs are alike and where they differ, and of p of the accuracy."""
    grid = list(product(CASES, SHARES, (ALIKE, *OTHERS), chosen.sizes))
    found = {
        (cases, share, aurocs, n): count(n, share, aurocs, cases, chosen)
        for cases, share, aurocs, n in track(grid, "comparing")
    }
    columns = ("cases a patient", "positive", "figure", *(f"n = {n}" for n in chosen.sizes))
    for aurocs, words in (
        (ALIKE, "Two runs that are alike (AUROC 0.75): cohorts whose interval holds 0"),
        *((each, f"AUROC {each[0]} and {each[1]}: cohorts whose interval holds the truth")
          for each in OTHERS),
    ):  # fmt: skip
        rows = [
            (cases, f"{share:.0%}", name, *(
                _both(found[cases, share, aurocs, n], name) for n in chosen.sizes
            ))
            for cases, share, name in product(CASES, SHARES, FIGURES)
        ]  # fmt: skip
        yield f"{words}, percent, before → now.\n\n{page.table(columns, rows)}"
    rows = [
        (cases, f"{share:.0%}", name, *(
            _both(found[cases, share, ALIKE, n], "p", name) for n in chosen.sizes
        ))
        for cases, share, name in product(CASES, SHARES, (ACCURACY,))
    ]  # fmt: skip
    yield (
        "Two runs that are alike: cohorts whose accuracy has p below 0.05, percent, McNemar's → "
        f"what is printed now.\n\n{page.table(columns, rows)}"
    )
    old, new = (
        100 * np.mean([answer for tally in found.values() for answer in tally.all_of(way)])
        for way in ("before", "now")
    )
    yield (
        f"Of all these intervals {old:.1f} % contradicted p before (left 0 out where p was 0.05 or "
        f"more, or the other way round), and {new:.1f} % do now."
    )


def _both(found: Tally, *name: str) -> str:
    return f"{found.told('before', *name)} → {found.told('now', *name)}"


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
        random, made = np.random.default_rng(n), Tally()
        for cohort in range(chosen.cohorts):
            scored = shifted(n, apart, random)
            ends = _bootstrapped(scored, chosen.samples, cohort)
            made.add(ends is not None and (ends[0] > 0 or ends[1] < 0), "before")
            found = offset(scored, 1, cohort)
            made.add(found is not None and found.p <= 0.05, "now")
        rows.append((n, apart, made.told("before"), made.told("now")))
    yield (
        "The alarm of fold offsets: cohorts of five folds that are warned of, percent. Scores of a "
        "fold lie so many standard deviations below those of the one before.\n\n"
        + page.table(("n", "offset", "before", "now"), rows)
    )


def _bootstrapped(scored: LabelledPredictions, samples: int, seed: int) -> Ends:
    pooled, within = (WithinFolds.of(each, 1) for each in (replace(scored, folds=()), scored))

    def less(weights: Floats) -> Floats:
        return (pooled(weights) - within(weights))[:, None]

    patients = scored.grouping
    drawn = replicated(less, patients.samples(samples, np.random.default_rng(seed)))[:, 0]
    value = float(less(np.ones((len(scored), 1)))[0, 0])
    return bca(value, drawn, replicated(less, patients.left_out())[:, 0])


HEAD = (16, 18, 16)
PATIENTS, NETWORKS = 12, 5


def noise_map(strength: Floats, sigma: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise (z, y, x) that knows nothing of a lesion, of a given strength at each place."""
    smooth = ndimage.gaussian_filter(random.normal(size=HEAD), sigma, mode="wrap")
    return np.asarray(smooth / smooth.std() * strength, dtype=np.float32)


def cohort_p(
    stationary: bool,
    sigma: float,
    members: int,
    random: np.random.Generator,
) -> tuple[float | None, float | None]:
    """Both p of one cohort's share in the lesion: by volume and signs, by untrained networks.

    The lesions lie around the middle of the head, where the noise of all networks is strongest.
    """
    places = np.stack(np.meshgrid(*map(np.arange, HEAD), indexing="ij"), axis=-1) - (7.5, 8.5, 7.5)
    brain = (places**2).sum(axis=-1) < 7.5**2
    excess, own, others = [], [], []
    for _ in range(PATIENTS):
        middle = random.normal(0, 1.5, 3)
        lesion = (np.linalg.norm(places - middle, axis=-1) < 2.5) & brain
        depth = np.exp(-((places - random.normal(0, 1, 3)) ** 2).sum(axis=-1) / (2 * 4.0**2))
        strength = np.ones(HEAD) if stationary else depth
        trained = np.mean([noise_map(strength, sigma, random) for _ in range(members)], axis=0)
        shares = shares_of(trained.astype(np.float32), {LESION: lesion}, brain)
        excess.append(shares.found[LESION] - shares.expected[LESION])
        own.append(shares.found[LESION])
        maps = [noise_map(strength, sigma, random) for _ in range(NETWORKS)]
        others.append([shares_of(one, {LESION: lesion}, brain).found[LESION] for one in maps])
    patients = Patients.of([f"{n}" for n in range(PATIENTS)])
    by_signs = mean_p(np.array(excess), patients, 2000, random)
    return by_signs, p_differs(float(np.mean(own)), list(np.mean(others, axis=0)))


def maps(chosen: argparse.Namespace) -> Iterator[str]:
    """A table of how often maps of noise are a finding."""
    rows = []
    grid = list(product((True, False), (1.0, 2.0), (1, 5)))
    for stationary, sigma, members in track(grid, "maps of noise"):
        random, made = np.random.default_rng([7, int(sigma), members]), Tally()
        for _ in range(chosen.cohorts):
            signs, untrained = cohort_p(stationary, sigma, members, random)
            made.add(signs is not None and signs < 0.05, "volume")
            made.add(untrained is not None and untrained < 0.05, "untrained")
        where = "alike everywhere" if stationary else "strongest in the middle"
        rows.append((where, sigma, members, made.told("volume"), made.told("untrained")))
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
        f"{chosen.cohorts} simulated cohorts in each cell, {chosen.samples} swaps or samples. The "
        f"simulation itself is off by up to {off:.1f} points (95 %). `without`: percent of cohorts "
        "that have no interval; the share is of the others, and is left out where four of five "
        "have none."
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
    parser.add_argument("--samples", type=int, default=999, help="swaps, and bootstrap samples")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="cases of a cohort")
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args(argv)
    made = section(chosen)
    print(made)
    if chosen.write:
        page.write(chosen.write, "comparisons", made)


if __name__ == "__main__":
    main()
