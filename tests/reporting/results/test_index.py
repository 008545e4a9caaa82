"""Sections of the first page that rest on files of other commands."""

import dataclasses
import re
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.centres import Centre, Centres, Heterogeneity, Spread
from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.seeds import SeedMetric, SeedVariance
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.reporting.results import index
from ricenet_v2.reporting.results.index import index_page
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.workspace import dataset_paths
from tests.small_work import the_same_charts


@pytest.fixture
def page_of(simulated, tmp_path, monkeypatch):
    """A function from changed sources to the text of the page.

    The page is without metrics, whose charts take a second, unless `with_results` is set. Files of
    all charts are the same.
    """
    the_same_charts(monkeypatch.setattr)
    sources = read_sources(dataset_paths(NAME, simulated), "auto", "all", [])

    def made(*, with_results=False, **changes):
        results = sources.results if with_results else ()
        changed = dataclasses.replace(sources, results=results, **changes)
        return index_page(changed, tmp_path, {}, ["ricenet_report"], has_plan_page=False)

    return made


@pytest.fixture
def of_epochs(simulated):
    """A function from a number of epochs to the plan of the cohort with it."""
    plan = documents.read(Plan, dataset_paths(NAME, simulated).plan())

    def made(epochs):
        return dataclasses.replace(plan, training=dataclasses.replace(plan.training, epochs=epochs))

    return made


def _cells(page, title):
    """Rows of the table whose heading is `title`, as lists of texts."""
    table = page.split(f"<h4>{title}</h4>")[1].split("</table>")[0].split("<tbody>")[1]
    return [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]


def _pair(metric, a, b, warning=""):
    return Pair(metric, a, b, 0.75, 0.5, 0.25, None, None, "by hand", 0.125, 0.25, 9, warning)


def test_every_two_runs_have_a_table_and_warnings_are_notes(page_of):
    pairs = (
        _pair("AUROC", "one", "two", "few"),
        _pair("accuracy", "one", "two", "few"),
        _pair("AUROC", "one", "three"),
    )
    runs = ("one", "two", "three")
    made = Comparison(runs, ("x", "y"), "y", 9, 9, (), pairs, 0.95, 10, 0)
    page = page_of(with_results=True, comparisons={"folder": made})
    numbers = ["0.750", "0.500", "0.250", "\N{EN DASH}", "0.125", "0.250", "by hand"]
    assert _cells(page, "one and three") == [["AUROC", *numbers]]
    first, second = _cells(page, "one and two")
    assert (first[1:], second[1:]) == (numbers, numbers)
    assert page.count('<span class="flag">few</span>') == 1


def test_a_temperature_shows_what_it_does_to_the_ensemble(page_of):
    metrics = {
        name: (Metric("log loss", value, value - 0.125, value + 0.125, 9, "by hand"),)
        for name, value in (("a", 0.5), ("b", 0.375), ("c", 0.75), ("d", 0.625))
    }
    alone = Calibration(2.0, 1.5, 2.5, 9, 9, "by hand", {}, metrics["a"], metrics["b"])
    page = page_of(with_results=True, calibration=alone)
    rows = _cells(page, "Out-of-fold, before and after")
    assert rows == [["log loss", "0.500 (0.375 to 0.625)", "0.375 (0.250 to 0.500)"]]
    assert "Ensemble on a test set" not in page
    both = dataclasses.replace(alone, ensemble_before=metrics["c"], ensemble_after=metrics["d"])
    rows = _cells(
        page_of(with_results=True, calibration=both), "Ensemble on a test set, before and after"
    )
    assert rows == [["log loss", "0.750 (0.625 to 0.875)", "0.625 (0.500 to 0.750)"]]


def test_a_training_of_few_epochs_is_warned_of_at_the_top_and_at_the_folds(page_of, of_epochs):
    """The folds of the cohort have 6 epochs."""
    words = "folds 0, 1, 2, 3 and 4, 6 of 250"
    top, _, rest = page_of(planned=of_epochs(250)).partition('<section id="cohort">')
    assert words in top
    assert words in rest.split('<section id="training">')[1].split("</section>")[0]
    top, _, rest = page_of(planned=of_epochs(8)).partition('<section id="cohort">')
    assert "6 of 8" not in top
    assert "6 of 8" in rest
    assert "fewer epochs" not in page_of(planned=of_epochs(6))


def test_the_epochs_of_the_plan_are_those_before_a_training_changed_them(simulated):
    sources = read_sources(dataset_paths(NAME, simulated), "auto", "all", [])
    before = documents.read(Plan, sources.paths.plan())
    assert sources.planned_epochs == before.training.epochs


def test_metrics_that_are_flattered_say_so_above_them_and_at_the_top(page_of, of_epochs, simulated):
    """Folds of 6 epochs that had stopped after 4."""
    folds = read_sources(dataset_paths(NAME, simulated), "auto", "all", []).folds
    plan = of_epochs(6)
    plan = dataclasses.replace(
        plan, training=dataclasses.replace(plan.training, early_stop_epochs=2)
    )
    early = tuple(
        dataclasses.replace(fold, run=dataclasses.replace(fold.run, epochs_done=4))
        for fold in folds
    )
    top, _, rest = page_of(with_results=True, plan=plan, folds=early).partition(
        '<section id="metrics">'
    )
    assert "optimistic, see there" in top
    assert "It is optimistic: see below." in top
    assert "finished, 5 of them early" in top
    metrics = rest.split("<table")[0]
    assert (
        '<p class="warning">The epoch was chosen on the same cases, so the out-of-fold metrics are '
        "optimistic" in metrics
    )
    before = page_of(with_results=True).split("<h4>Thresholds</h4>")[0]
    assert "optimistic" not in before


def test_leaked_weights_are_a_warning_above_their_metrics(page_of, simulated):
    sources = read_sources(dataset_paths(NAME, simulated), "auto", "all", [])
    seen = sources.results[0].cases[0].case_id
    source = PretrainedSource("w.pth", "0" * 64, "ours", 1, 0, 0, 0, 9, (seen,), ("no list",))
    folds = tuple(
        dataclasses.replace(fold, run=dataclasses.replace(fold.run, pretrained=source))
        for fold in sources.folds
    )
    page = page_of(with_results=True, folds=folds)
    own = page.split("<h3>Out-of-fold</h3>")[1].split("<table")[0]
    warnings = re.findall(r'<p class="warning">(.*?)</p>', own)
    assert len(warnings) == 2
    assert f"w.pth, which was trained on 1 of these cases ({seen}), so the metrics" in warnings[0]
    assert "may make these metrics optimistic: no list." in warnings[1]
    assert "optimistic, see there" in page.split('id="cohort"')[0]
    assert "w.pth" not in page_of(with_results=True)


def test_centres_and_sample_size_are_small_tables_beside_the_metrics(page_of):
    summary = Heterogeneity("AUROC", (), (), None, None, None, None, None, None, "", "so few")
    made = Centres(
        "t", "site", ("x", "y"), "y",
        (Centre(0, "Bern", 4, 3, (3, 1), (), "few"), Centre(1, "Graz", 6, 6, (3, 3), (), "few")),
        (Spread("accuracy", 2, 0.25, "Bern", 0.75, "Graz"),), (summary,), 0.95,
    )  # fmt: skip
    page = page_of(with_results=True, centres=made)
    assert _cells(page, "By site: held out") == [
        ["Bern (fold 0)", "4", "3", "3", "1", "1"],
        ["Graz (fold 1)", "6", "6", "3", "3", "1"],
    ]
    assert _cells(page, "By site: lowest and highest") == [
        ["accuracy", "0.250", "Bern", "0.750", "Graz", "2 of 2"]
    ]
    assert "AUROC by site: no summary, since so few." in page
    (first, *_) = _cells(page, "Sample size")
    assert first[0].startswith("observed : expected of ")


def test_seeds_are_a_small_table_with_their_meaning(page_of):
    metric = SeedMetric(
        "AUROC", (0.5, None), None, None, None, None, (0.4, None), (0.6, None), 9, ""
    )
    made = SeedVariance(
        "t", (3, 5), ("a", "b"), 2, 5, "", "", 20, 20, ("x", "y"), "y", (metric,), (0.4, 30.0), 3,
        0.95, 50, 0, {}, "What it means.",
    )  # fmt: skip
    page = page_of(with_results=True, seeds=made)
    dash = "\N{EN DASH}"
    wanted = ["AUROC", "0.500", dash, dash, dash, dash, "0.400 to 0.600"]
    assert _cells(page, "Variation due to the training seed alone") == [wanted]
    assert "3 of 20 cases are not classified the same by all 2 trainings. What it means." in page


def test_no_method_is_named_that_is_not_the_metrics_own():
    """What makes an interval is said by the metric, which knows it."""
    package = Path(index.__file__).parents[1]
    files = [one for kind in ("*.py", "*.html") for one in package.rglob(kind)]
    named = re.compile(r"Wilson|Clopper|BCa|MOVER|Newcombe|DeLong|bootstrap", re.IGNORECASE)
    assert len(files) > 30
    assert [one.name for one in files if named.search(one.read_text(encoding="utf-8"))] == []
