"""A plan that was edited by hand: what is wrong is named when it is read."""

from __future__ import annotations

import json

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.records.plan import Plan


@pytest.fixture
def written(tmp_path, make_cohort, cost):
    cases = [((60, 64, 48), (2.0, 1.0, 1.0))] * 16
    path = tmp_path / "ricenet_plan.json"
    documents.write(path, make_plan(*make_cohort(cases, ("ct", "dose")), cost))
    return path


def edit(path, where, value):
    fields = json.loads(path.read_text())
    target = fields
    *parents, last = where
    for part in parents:
        target = target[part]
    assert last in target if isinstance(target, dict) else last < len(target)
    target[last] = value
    path.write_text(json.dumps(fields))


def test_an_edit_that_makes_sense_is_taken(written):
    edit(written, ["training", "batch_size"], 3)
    edit(written, ["network", "dropout"], 0.5)
    plan = documents.read(Plan, written)
    assert (plan.training.batch_size, plan.network.dropout) == (3, 0.5)


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        (["spacing", 1], 0.0, "spacing.1"),
        (["spacing"], [1.0, 1.0], "spacing"),
        (["spacing", 0], "1 mm", "spacing.0"),
        (["input_size", 2], 49, "input_size: the product of network.strides"),
        (["input_size", 2], -16, "input_size.2"),
        (["network", "features"], [32, 64], "network: every stage"),
        (["network", "features", 0], 0, "network.features.0"),
        (["network", "strides", 1], [2, 2, 0], "network.strides.1.2"),
        (["network", "strides", 0], [2, 2, 13], "input_size: the product of network.strides"),
        (["network", "kernel_sizes", 0], [3, 2, 3], "network.kernel_sizes"),
        (["network", "norm"], "layer", "network.norm"),
        (["network", "dropout"], 1.5, "network.dropout"),
        (["training", "batch_size"], 0, "training.batch_size"),
        (["training", "learning_rate"], -1e-3, "training.learning_rate"),
        (["training", "epochs"], 1.5, "training.epochs"),
        (["training", "augmentation", "p_noise"], 2, "training.augmentation.p_noise"),
        (["training", "augmentation", "gamma"], [1.5, 0.7], "training.augmentation.gamma"),
        (["training", "augmentation", "mirror_axes"], [3], "training.augmentation.mirror_axes"),
        (["channels", 1, "name"], "ct_0", "channels: a name occurs twice, ct_0"),
        (["channels"], [], "channels: at least 1"),
        (["channels", 1, "normalisation", "divisor"], None, "channels.dose_1.normalisation"),
        (["channels", 1, "normalisation", "divisor"], 0, "channels.1.normalisation.divisor"),
        (["channels", 0, "normalisation", "clip_high"], -9.0, "channels.ct_0.normalisation"),
        (["classes"], ["a", "a"], "classes: a name occurs twice, a"),
        (["classes"], ["a"], "classes: at least 2"),
        (["memory_budget_gb"], 0.0, "memory_budget_gb"),
        (["memory", "precision"], "half", "memory.precision"),
    ],
)
def test_what_is_wrong_is_named(written, where, value, named):
    edit(written, where, value)
    with pytest.raises(DocumentError) as caught:
        documents.read(Plan, written)
    assert named in str(caught.value)
    assert str(written) in str(caught.value)


def test_a_plan_of_before_is_still_read(written):
    """Fields that came later have values that mean what was meant before."""
    fields = json.loads(written.read_text())
    del fields["alternatives"], fields["memory"]["precision"]
    for name in ("conv_bias", "nonlinearity", "stem_features"):
        del fields["network"][name]
    written.write_text(json.dumps(fields))
    plan = documents.read(Plan, written)
    assert (plan.network.conv_bias, plan.network.nonlinearity) == (False, "relu")
    assert plan.network.stem_features is None
    assert (plan.memory.precision, plan.alternatives) == ("float32", ())
