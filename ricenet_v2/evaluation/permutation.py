"""Are the metrics better than those of shuffled labels?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.sanity import SanityCheck

LABEL_PERMUTATION = "label permutation"
_NUMBERS_AT_ONCE = 1_000_000


def shuffled_labels(
    labelled: LabelledPredictions, positive: int, n_shuffles: int, seed: int = 0
) -> SanityCheck:
    """Compare AUROC and macro F1 with those of labels that are shuffled between patients.

    Labels of a patient's cases stay together: patients with equally many cases exchange theirs. The
    p-value is the share of shuffles that are at least as good, the true labels counted among them
    (Phipson and Smyth 2010). A metric that is not defined has none and decides nothing.

    Args:
        labelled: Predictions with truths.
        positive: Class that the AUROC of two classes is about.
        n_shuffles: Shuffles.
        seed: Random seed of the shuffles.
    """
    values = _metrics(labelled, labelled.truth[None], positive)[0]
    random = generator(seed, "permutation")
    drawn = _shuffled(labelled, n_shuffles, random)
    permuted = np.concatenate([_metrics(labelled, part, positive) for part in drawn])
    method = f"{n_shuffles} permutations of the labels between patients, seed {seed}"
    metrics, texts, largest = [], [], 0.0
    for index, name in enumerate(("AUROC", "macro F1")):
        if not np.isfinite(values[index]):
            why = "not defined: a class has no case, or all of them"
            metrics.append(Metric(f"p of {name}", None, None, None, len(labelled), method, why))
            texts.append(f"{name} {why}")
            continue
        at_least = int(np.sum(permuted[:, index] >= values[index] - 1e-12))
        p = (at_least + 1) / (n_shuffles + 1)
        metrics.append(Metric(f"p of {name}", p, None, None, len(labelled), method))
        middle, high = np.nanquantile(permuted[:, index], [0.5, 0.95])
        texts.append(
            f"{name} {values[index]:.3f}, p = {p:.4f}; permuted labels: median {middle:.3f}, "
            f"95 % below {high:.3f}"
        )
        largest = max(largest, p)
    is_fine = largest < 0.05
    suffix = "" if is_fine else "; not distinguishable from chance"
    return SanityCheck(
        LABEL_PERMUTATION, "fine" if is_fine else "doubt", "; ".join(texts) + suffix, tuple(metrics)
    )


def _shuffled(
    labelled: LabelledPredictions, total: int, random: np.random.Generator
) -> Iterator[Indices]:
    """Truths (shuffles, cases), some at a time."""
    patients = labelled.grouping
    cases: dict[int, list[Indices]] = defaultdict(list)
    order = np.argsort(patients.owner, kind="stable")
    for indices in np.split(order, np.flatnonzero(np.diff(patients.owner[order])) + 1):
        cases[len(indices)].append(indices)
    same_size = [np.array(group) for group in cases.values()]
    at_once = max(1, _NUMBERS_AT_ONCE // len(labelled))
    for start in range(0, total, at_once):
        truths = np.empty((min(at_once, total - start), len(labelled)), dtype=np.intp)
        for row in truths:
            for group in same_size:
                row[group] = labelled.truth[group[random.permutation(len(group))]]
        yield truths


def _metrics(labelled: LabelledPredictions, truths: Indices, positive: int) -> Floats:
    """AUROC and macro F1 against each of the truths (shuffles, cases)."""
    n_classes = len(labelled.classes)
    class_indices = (positive,) if n_classes == 2 else range(n_classes)
    aurocs = []
    for index in class_indices:
        ranks = stats.rankdata(labelled.probabilities[:, index])
        in_class = truths == index
        n_in_class = in_class.sum(axis=1).astype(np.float64)
        above = in_class @ ranks - n_in_class * (n_in_class + 1) / 2
        aurocs.append(confusion_matrix.ratio(above, n_in_class * (len(labelled) - n_in_class)))
    codes = truths * n_classes + labelled.predicted
    cells = np.stack([(codes == code).sum(axis=1) for code in range(n_classes**2)], axis=1)
    counts = cells.reshape(-1, n_classes, n_classes).astype(np.float64)
    return np.column_stack([np.mean(aurocs, axis=0), confusion_matrix.macro_f1(counts)])
