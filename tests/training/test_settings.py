from __future__ import annotations

import pytest

from ricenet_v2.core.errors import PlanError
from ricenet_v2.training.settings import channels_label, with_channels, with_settings


def test_settings_reach_training_augmentation_and_network(plan):
    made = with_settings(
        plan,
        {
            "learning_rate": "3e-4",
            "augmentation.p_noise": "0",
            "augmentation.mirror_axes": "[1, 2]",
            "balance": "loss",
            "compile": "true",
            "network.norm": "batch",
            "network.dropout": "0.3",
            "network.stochastic_depth": "0.1",
        },
    )
    assert made.training.learning_rate == 3e-4
    assert made.training.augmentation.p_noise == 0
    assert made.training.augmentation.mirror_axes == (1, 2)
    assert (made.training.balance, made.training.compile) == ("loss", True)
    assert (made.network.norm, made.network.dropout) == ("batch", 0.3)
    assert made.network.stochastic_depth == 0.1
    assert made.network.features == plan.network.features
    assert plan.training.learning_rate == 1e-3


def test_no_settings_leave_the_plan_as_it_is(plan):
    assert with_settings(plan, {}) == plan


@pytest.mark.parametrize(
    "name", ["learning_rat", "augmentation.p_nois", "network.features", "network", "a.b.c", ""]
)
def test_an_unknown_name_is_told_with_the_known_ones(plan, name):
    with pytest.raises(PlanError) as caught:
        with_settings(plan, {name: "1"})
    assert f"There is no setting {name!r}" in str(caught.value)
    assert "learning_rate" in str(caught.value)
    assert "network.dropout" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "1.5"),
        ("epochs", "many"),
        ("epochs", "0"),
        ("balance", "weights"),
        ("mixup", "-1"),
        ("mixup", "NaN"),
        ("label_smoothing", "1"),
        ("network.norm", "layer"),
        ("network.dropout", "1.0"),
        ("network.stochastic_depth", "-0.1"),
        ("early_stop_epochs", "-1"),
        ("augmentation.mirror_axes", "[5]"),
        ("augmentation.mirror_axes", "[2, 2]"),
        ("augmentation.scaling", "[2, 1]"),
        ("augmentation.gamma", "[1]"),
    ],
)
def test_a_wrong_value_is_told_with_its_field(plan, name, value):
    with pytest.raises(PlanError) as caught:
        with_settings(plan, {name: value})
    assert name.removeprefix("network.") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "allowed", "planned"),
    [
        ("learning_rate", "-1", "a number above 0 up to 1,000", "0.001"),
        ("learning_rate", "nan", "a number above 0 up to 1,000", "0.001"),
        ("learning_rate", "fast", "a number above 0 up to 1,000", "0.001"),
        ("batch_size", "0", "a whole number from 1 up to 65,536", "2"),
        ("label_smoothing", "1", "a number from 0 below 1", "0.05"),
        ("balance", "weights", "one of sampler, loss, none", "sampler"),
        ("compile", "3", "true or false", "False"),
        ("network.norm", "layer", "one of instance, batch, own", "instance"),
        (
            "augmentation.gamma",
            "[1]",
            "2 in brackets, each a number from 0.001 up to 1,000",
            "[0.7, 1.5]",
        ),
        ("augmentation.mirror_axes", "[5]", "each of 0, 1, 2 at most once", "[2]"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed_and_what_the_plan_has(
    plan, name, value, allowed, planned
):
    with pytest.raises(PlanError) as caught:
        with_settings(plan, {"epochs": "4", name: value})
    assert name in caught.value.expected
    assert allowed in caught.value.expected
    assert caught.value.got == f"{name}={value}"
    assert caught.value.remedy.endswith(f"the plan has {name}={planned}.")


def test_channels_keep_the_order_of_the_plan(plan):
    assert with_channels(plan, ["dose", "T1c"]) == plan
    assert [c.name for c in with_channels(plan, ["dose"]).channels] == ["dose"]
    assert channels_label(plan, None) == channels_label(plan, ["dose", "T1c"]) == "all"
    assert channels_label(plan, ["dose"]) == "dose"
    with pytest.raises(PlanError, match="flair"):
        with_channels(plan, ["flair"])
