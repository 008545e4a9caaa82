"""Metrics, differences and Shapley values of predictions whose truth is known."""

import dataclasses
import re

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from ricenet_v2.ablation import write
from ricenet_v2.ablation.contributions import contributions
from ricenet_v2.ablation.formatting import contributions_table, differences_table, title_of
from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.subsets import every_subset
from ricenet_v2.ablation.tables import table_of
from ricenet_v2.ablation.values import METRICS, Resampling, blind
from ricenet_v2.ablation.write import write_ablation
from ricenet_v2.core import documents
from ricenet_v2.evaluation.aligned_runs import AlignedRuns
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.phantom.cohort import CHANNELS, CLASSES
from ricenet_v2.records.ablation import Ablation

NAMES = [channel.name for channel in CHANNELS]
GROUPS = groups_of(CHANNELS, "channel")
SUBSETS = every_subset(GROUPS, NAMES, "auto")
HOW = Resampling(positive=1, n_bootstrap=200)


def labelled(signal, n=60, seed=0):
    random = np.random.default_rng(seed)
    truth = np.arange(n) % 3 // 2  # one in three is positive
    score = 1 / (1 + np.exp(-(signal * (2 * truth - 1) + random.normal(0, 1, n))))
    probabilities = np.column_stack([1 - score, score])
    names = tuple(f"case{i:02d}" for i in range(n))
    return LabelledPredictions(
        names, names, truth, probabilities.argmax(axis=1), probabilities, CLASSES
    )


@pytest.fixture(scope="module")
def runs():
    """Dose tells much, the event little, post-OP nothing."""
    weights = {"T1c_post_op": 0.0, "T1c_event": 0.5, "dose": 1.5}
    return {s.name: labelled(sum(weights[g] for g in s.groups)) for s in SUBSETS}


def test_metrics_are_scikit_learns(runs):
    run = runs["dose"]
    found = HOW.metrics(run)
    truth, calls = run.truth, run.predicted
    wanted = (
        f1_score(truth, calls, average="macro"),
        roc_auc_score(truth, run.probabilities[:, 1]),
        balanced_accuracy_score(truth, calls),
    )
    assert list(found) == list(METRICS)
    np.testing.assert_allclose(list(found.values()), wanted)


def test_a_model_of_nothing_calls_the_majority(runs):
    run = runs["dose"]
    calls = np.zeros(len(run))
    wanted = f1_score(run.truth, calls, average="macro", zero_division=0)
    np.testing.assert_allclose(list(HOW.metrics(blind(run, 0)).values()), (wanted, 0.5, 0.5))


def test_shapley_values_share_out_the_gain_and_rank_the_channels(runs):
    found = contributions(runs, SUBSETS, GROUPS, 0, HOW)
    assert len(found) == 9
    for name in METRICS:
        own = {one.group: one for one in found if one.metric == name}
        one = own["dose"]
        total = sum(each.value for each in own.values())
        assert total == pytest.approx(one.whole - one.empty)
        assert one.low < one.value < one.high
        assert own["dose"].value > own["T1c_event"].value > own["T1c_post_op"].value
    missing = {name: run for name, run in runs.items() if name != "dose"}
    assert contributions(missing, SUBSETS, GROUPS, 0, HOW) == ()


def test_a_shapley_value_of_one_group_is_a_comparison_with_nothing(runs):
    """Of a single group it is the metric less that of nothing, tested as two runs are."""
    one = GROUPS[2:]
    subsets = [dataclasses.replace(SUBSETS[3], groups=("dose",), name="dose")]
    found = {each.metric: each for each in contributions(runs, subsets, one, 0, HOW)}
    run = runs["dose"]
    pairs = compare(AlignedRuns({"a": run, "b": blind(run, 0)}, ()), 1, HOW.n_bootstrap).pairs
    for pair in pairs:
        if pair.metric in METRICS:
            each = found[pair.metric]
            assert (each.value, each.low, each.high) == (pair.difference, pair.low, pair.high)


def test_what_a_group_without_knowledge_adds_is_within_chance():
    """The AUROC of noise beside signal: 0 lies in 95 % of the intervals (99.9 % limits of 80)."""
    two, held = GROUPS[1:], 0
    subsets = every_subset(two, NAMES[1:], "auto")
    for seed in range(80):
        random = np.random.default_rng(seed)
        truth = (np.arange(40) % 4 == 0).astype(int)
        names = tuple(f"case{i:02d}" for i in range(40))
        made = {}
        for subset, knows in zip(subsets, (True, False, True), strict=True):
            p = 1 / (1 + np.exp(-(1.5 * knows * truth + random.normal(0, 1, 40))))
            both = np.column_stack([1 - p, p])
            made[subset.name] = LabelledPredictions(
                names, names, truth, both.argmax(axis=1), both, CLASSES
            )
        found = contributions(made, subsets, two, 0, HOW)
        one = next(one for one in found if (one.group, one.metric) == ("T1c_event", "AUROC"))
        held += one.low <= 0 <= one.high
    assert stats.binom.ppf(0.0005, 80, 0.95) <= held


def test_a_table_holds_every_subset_against_the_whole(runs):
    table = table_of("out-of-fold", AlignedRuns(runs, ()), SUBSETS, GROUPS, 0, HOW)
    first, *others = table.rows
    assert first.subset == SUBSETS[0].name
    assert first.differences == ()
    assert [pair.metric for pair in others[0].differences] == list(METRICS)
    for row in others:
        for metric, pair in zip(row.metrics, row.differences, strict=True):
            assert pair.difference == pytest.approx(metric.value - first_value(first, metric.name))
            assert pair.p_holm >= pair.p
    # Holm over six subsets: the smallest p times six.
    p = [row.differences[1] for row in others]
    smallest = min(p, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(min(1, 6 * smallest.p))


@pytest.mark.parametrize("n", [4, 1])
def test_cases_of_one_class_are_written_without_what_is_not_defined(runs, n, tmp_path):
    """As a test set may be; the macro F1 is defined, AUROC and balanced accuracy are not."""
    few = {
        name: LabelledPredictions(
            run.case_ids[:n],
            run.patients[:n],
            np.ones(n, dtype=int),
            run.predicted[:n],
            run.probabilities[:n],
            run.classes,
        )
        for name, run in runs.items()
    }
    table = table_of("test", AlignedRuns(few, ()), SUBSETS, GROUPS, 0, HOW)
    folder = tmp_path / "ablation"
    write_ablation(folder, ablation(table))
    (found,) = documents.read(Ablation, folder / "ablation.json").tables
    values = {(one.group, one.metric): one for one in found.contributions}
    assert values["dose", "macro F1"].value is not None
    for name in ("AUROC", "balanced accuracy"):
        one = values["dose", name]
        assert (one.value, one.whole, one.low, one.high) == (None, None, None, None)
        assert one.empty == 0.5
    for row in found.rows[1:]:
        pairs = {pair.metric: pair for pair in row.differences}
        assert pairs["macro F1"].difference is not None
        assert pairs["balanced accuracy"].difference is None
        assert pairs["AUROC"].difference is None
    told = contributions_table(found)
    assert "AUROC: 0.500 to -" in told.title
    assert [row[2:] for row in told.rows] == [("-", "-")] * 3
    written = [file.read_text() for file in folder.glob("*.[cj]s*")]
    assert len(written) == 3
    assert not any(re.search(r"\bnan\b", text, re.IGNORECASE) for text in written)


def test_a_test_set_of_three_classes_that_lacks_one(tmp_path):
    random = np.random.default_rng(0)
    names = tuple(f"case{i}" for i in range(8))
    few = {}
    for subset in SUBSETS:
        probabilities = random.dirichlet(np.ones(3), 8)
        truth = np.arange(8) % 2
        calls = probabilities.argmax(axis=1)
        few[subset.name] = LabelledPredictions(
            names, names, truth, calls, probabilities, ("a", "b", "c")
        )
    table = table_of("test", AlignedRuns(few, ()), SUBSETS, GROUPS, 0, HOW)
    write_ablation(tmp_path, ablation(table))
    (found,) = documents.read(Ablation, tmp_path / "ablation.json").tables
    balanced = [one for one in found.contributions if one.metric == "balanced accuracy"]
    assert [one.value for one in balanced] == [None] * 3


def test_the_metrics_are_there_where_a_picture_fails(runs, tmp_path, monkeypatch):
    table = table_of("out-of-fold", AlignedRuns(runs, ()), SUBSETS, GROUPS, 0, HOW)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(write, "draw_subsets", fail)
    with pytest.raises(MemoryError):
        write_ablation(tmp_path, ablation(table))
    assert documents.read(Ablation, tmp_path / "ablation.json").tables == (table,)


def test_a_section_of_named_subsets_names_them(runs):
    made = ablation(table_of("test", AlignedRuns(runs, ()), SUBSETS, GROUPS, 0, HOW))
    assert title_of(made) == "What each channel contributes"
    some = dataclasses.replace(made, subsets=(SUBSETS[0], *SUBSETS[2:4]))
    assert title_of(some) == "What each channel contributes: T1c_event, dose"
    many = dataclasses.replace(made, subsets=SUBSETS[:6])
    assert title_of(many) == "What each channel contributes: 5 subsets"


def ablation(table):
    """Around one table."""
    return Ablation(
        dataset="D",
        plan="auto",
        by="channel",
        groups=GROUPS,
        full=SUBSETS[0].name,
        subsets=SUBSETS,
        epochs=1,
        seed=0,
        positive_class=CLASSES[1],
        tables=(table,),
        level=0.95,
        n_bootstrap=200,
    )


def first_value(row, name):
    return next(metric.value for metric in row.metrics if metric.name == name)


def test_a_table_of_few_patients_says_what_its_p_cannot_tell(runs):
    few = {name: run.part(np.arange(3)) for name, run in runs.items()}
    table = table_of("test", AlignedRuns(few, ()), SUBSETS, GROUPS, 0, HOW)
    shown = differences_table(table, "all")
    assert "with 3 patients p cannot be below 0.25" in shown.title
    assert "only 3 patients" in shown.title
    assert all(
        pair.p >= 0.25 for row in table.rows for pair in row.differences if pair.metric != "AUROC"
    )
