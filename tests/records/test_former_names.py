"""Documents with the former names are read, and the former attributes work and warn."""

import json
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.former_names import rename
from ricenet_v2.records.ablation import Ablation
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.curves import Curves
from ricenet_v2.records.metrics import MIGRATIONS, Evaluation
from ricenet_v2.records.sanity import Sanity
from ricenet_v2.records.seeds import SeedVariance

GOLDEN = Path(__file__).parent / "golden"
FORMER = {
    "figures_2": (Evaluation, "metrics_3"),
    "ablation_1": (Ablation, "ablation_2"),
    "centres_1": (Centres, "centres_2"),
    "comparison_1": (Comparison, "comparison_2"),
    "curves_1": (Curves, "curves_2"),
    "sanity_1": (Sanity, "sanity_2"),
    "seeds_1": (SeedVariance, "seeds_2"),
}


@pytest.mark.parametrize("name", FORMER)
def test_documents_with_the_former_names_are_read_and_written_with_the_new_ones(tmp_path, name):
    kind, current = FORMER[name]
    value = documents.read(kind, GOLDEN / f"{name}.json")
    assert value == documents.read(kind, GOLDEN / f"{current}.json")
    documents.write(tmp_path / "now.json", value)
    text = (tmp_path / "now.json").read_text()
    assert text == (GOLDEN / f"{current}.json").read_text()
    former = '"all called"' if kind is Curves else '"figure'
    assert former in (GOLDEN / f"{name}.json").read_text()
    assert "figure" not in text


def test_values_are_those_of_the_file():
    evaluation = documents.read(Evaluation, GOLDEN / "figures_2.json", MIGRATIONS)
    for record in (evaluation, evaluation.groups[0], evaluation.thresholds[0]):
        assert (record.metrics[0].name, record.metrics[0].value) == ("accuracy", 0.75)
    assert evaluation.sample_sizes[0].precision[0].metric == "AUROC"
    centres = documents.read(Centres, GOLDEN / "centres_1.json")
    assert (centres.centres[0].metrics[0].low, centres.spreads[0].metric) == (0.3, "accuracy")
    assert centres.heterogeneity[0].metric == "AUROC"
    (table,) = documents.read(Ablation, GOLDEN / "ablation_1.json").tables
    assert [len(row.metrics) for row in table.rows] == [2, 1]
    assert table.rows[1].differences[0].metric == table.contributions[0].metric == "AUROC"
    assert table.importances[0].metric == "AUROC"
    compared = documents.read(Comparison, GOLDEN / "comparison_1.json")
    assert [pair.metric for pair in compared.pairs] == ["AUROC", "accuracy"]
    assert documents.read(Sanity, GOLDEN / "sanity_1.json").checks[0].metrics[0].n == 4
    seeds = documents.read(SeedVariance, GOLDEN / "seeds_1.json")
    assert (seeds.metrics[0].values, seeds.n_predictions_differ) == ((0.75, 0.5), 1)
    curves = documents.read(Curves, GOLDEN / "curves_1.json").curves
    assert [curve.series for curve in curves] == [
        *("model", "treat all", "treat none", "model minus treat all", "model minus treat none"),
        "all called",  # of another curve
    ]


def test_former_attributes_work_and_name_the_new_ones():
    evaluation = documents.read(Evaluation, GOLDEN / "figures_2.json")
    with pytest.warns(DeprecationWarning, match=r"Evaluation\.figures is called metrics"):
        assert evaluation.figures is evaluation.metrics
    pair = documents.read(Comparison, GOLDEN / "comparison_1.json").pairs[0]
    with pytest.warns(DeprecationWarning, match=r"Pair\.figure is called metric"):
        assert pair.figure == "AUROC"


def test_only_fields_at_the_places_are_renamed():
    """A class, a file or a channel may bear the former name."""
    fields = {
        "figure": 1,
        "tables": [{"class_counts": {"figure": 3}, "rows": [{"figure": "AUROC"}, 7], "figure": 2}],
        "rows": {"figure": 5},
    }
    assert rename(fields, "figure", "metric", "tables.rows") == {
        "figure": 1,
        "tables": [{"class_counts": {"figure": 3}, "rows": [{"metric": "AUROC"}, 7], "figure": 2}],
        "rows": {"figure": 5},
    }
    assert rename(fields, "figure", "metric", "", "rows")["metric"] == 1
    assert rename(fields, "figure", "metric", "", "rows")["rows"] == {"metric": 5}


def test_wrong_content_of_a_former_document_is_named(tmp_path):
    fields = json.loads((GOLDEN / "ablation_1.json").read_text())
    fields["tables"] = "none"
    (tmp_path / "a.json").write_text(json.dumps(fields))
    with pytest.raises(documents.DocumentError, match="invalid field"):
        documents.read(Ablation, tmp_path / "a.json")
