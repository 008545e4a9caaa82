"""Each setting of a plan has its sentence, which changes with it; no field is forgotten."""

import dataclasses

import pytest

from ricenet_v2.records.plan_parts import (
    AugmentationPlan,
    ChannelPlan,
    NetworkPlan,
    Normalisation,
    TrainingPlan,
)
from ricenet_v2.reporting.formatting import times
from ricenet_v2.reporting.methods import augmentation, network, training
from ricenet_v2.reporting.methods.facts import facts_of
from ricenet_v2.reporting.methods.text import SUBJECTS

TRAINING = {
    "batch_size": (7, "The batch size was 7 samples"),
    "accumulation_steps": (3, "gradients accumulated over 3 steps (effective batch size "),
    "iterations_per_epoch": (77, "an epoch had 77 updates"),
    "optimiser": ("adam", "Optimiser: Adam with"),
    "learning_rate": (0.0123, "a learning rate of up to 0.0123"),
    "warmup_epochs": (0, "The learning rate had no warm-up (warmup_epochs=0"),
    "weight_decay": (0.0, "no weight decay"),
    "label_smoothing": (0.0, "cross-entropy without label smoothing"),
    "gradient_clip": (2.5, "clipped to a norm of 2.5"),
    "ema_decay": (0.0, "The weights were not averaged (ema_decay=0)"),
    "balance": ("loss", "the loss weighted each case by the inverse frequency of its class"),
    "mixup": (0.4, "mixed in pairs (mixup, alpha 0.4)"),
    "early_stop_epochs": (4, "Early stopping was on (early_stop_epochs=4) but ended no fold."),
}
AUGMENTATION = {
    "p_rotation": (0.77, "rotation by up to 20 degrees (77 %)"),
    "rotation_degrees": (11.0, "rotation by up to 11 degrees"),
    "p_scaling": (0.77, "scaling by a factor of 0.8 to 1.25 (77 %)"),
    "scaling": ((0.6, 1.5), "scaling by a factor of 0.6 to 1.5"),
    "p_elastic": (0.77, "mm (77 %)"),
    "elastic_mm": (2.5, "elastic deformation by up to 2.5 mm"),
    "mirror_axes": ((0, 1), "mirrored along z (foot to head) and y (front to back)"),
    "p_noise": (0.77, "Gaussian noise with a standard deviation of up to 0.1 (77 %)"),
    "noise_std": (0.25, "Gaussian noise with a standard deviation of up to 0.25"),
    "p_blur": (0.77, "voxel (77 %)"),
    "blur_sigma": (2.5, "a sigma of up to 2.5 voxels"),
    "p_brightness": (0.77, "brightness by a factor of 0.75 to 1.25 (77 %)"),
    "brightness": ((0.5, 2.0), "brightness by a factor of 0.5 to 2"),
    "p_contrast": (0.77, "contrast by a factor of 0.75 to 1.25 (77 %)"),
    "contrast": ((0.5, 2.0), "contrast by a factor of 0.5 to 2"),
    "p_gamma": (0.77, "gamma correction with an exponent of 0.7 to 1.5 (77 %)"),
    "gamma": ((0.5, 2.0), "gamma correction with an exponent of 0.5 to 2"),
    "p_low_resolution": (0.77, "of the original (77 %)"),
    "in_plane_axis": (0, "deformed in plane only: axis z"),
    "low_resolution": (0.25, "down to 25 % of the original"),
}
NETWORK = {
    "architecture": ("resnet18", "3D ResNet-18"),
    "features": ((8, 16, 24), "3 stages of 8, 16, 24 features"),
    "blocks": ((5, 6, 7), "5, 6, 7 residual blocks"),
    "kernel_sizes": (((1, 3, 3),) * 3, "kernels 1x3x3 and"),
    "strides": (((2, 2, 1),) * 2 + ((1, 1, 1),), "strides 2x2x1, 2x2x1, 1x1x1"),
    "norm": ("batch", "batch norm"),
    "dropout": (0.0, "No dropout"),
    "stem": ("by hand", "Stem: by hand"),
    "conv_bias": (True, "convolutions with bias"),
    "nonlinearity": ("leaky_relu", "leaky ReLU"),
    "stem_features": (5, "5 features."),
    "stochastic_depth": (0.25, "stochastic depth: 0.25"),
    "levels": (((), (), (0.0, 0.5)), "1 band around"),
    "presence": (True, "Cases may lack channels: a missing channel is 0 in the input"),
}
ELSEWHERE = {"epochs": "of run.json", "mixed_precision": "of run.json", "augmentation": "a section"}


def _names(kind):
    return {field.name for field in dataclasses.fields(kind)}


def test_every_field_of_a_plan_is_told_or_silent_for_a_reason():
    assert set(TRAINING) | set(ELSEWHERE) | set(training.SILENT) == _names(TrainingPlan)
    assert not set(training.SILENT) & training.DESCRIBED
    assert all(training.SILENT.values())
    assert set(TRAINING) | set(ELSEWHERE) == training.DESCRIBED
    assert (
        {*AUGMENTATION, "further", "channel_dropout"}
        == augmentation.DESCRIBED
        == _names(AugmentationPlan)
    )
    assert {*NETWORK, "settings"} == network.DESCRIBED == _names(NetworkPlan)


@pytest.mark.parametrize("name", TRAINING)
def test_a_setting_of_training_is_told(facts, text_of, with_plan, name):
    value, words = TRAINING[name]
    changed = with_plan(facts, "training", **{name: value})
    assert words in text_of(changed)
    assert words not in text_of(facts)


@pytest.mark.parametrize("name", AUGMENTATION)
def test_a_setting_of_augmentation_is_told(facts, text_of, with_plan, name):
    value, words = AUGMENTATION[name]
    changed = with_plan(facts, "augmentation", **{name: value})
    assert words in text_of(changed)
    assert words not in text_of(facts)


@pytest.mark.parametrize("name", [name for name in AUGMENTATION if name.startswith("p_")])
def test_a_change_that_never_happens_is_not_told(facts, text_of, with_plan, name):
    words = {
        "p_elastic": "deformation",
        "p_blur": "blur with",
        "p_low_resolution": "low resolution",
    }.get(name)
    words = words or AUGMENTATION[name][1].partition(" (77")[0]
    assert words in text_of(facts)
    assert words not in text_of(with_plan(facts, "augmentation", **{name: 0.0}))


def test_samples_that_were_left_as_they_are(facts, text_of, with_plan):
    none = {name: 0.0 for name in AUGMENTATION if name.startswith("p_")}
    text = text_of(with_plan(facts, "augmentation", mirror_axes=(), **none))
    assert "neither rotated nor scaled nor deformed" in text
    assert "Training samples were not mirrored." in text
    assert "Intensities of training samples were not changed." in text


@pytest.mark.parametrize("name", NETWORK)
def test_a_setting_of_the_network_is_told(facts, text_of, with_plan, name):
    value, words = NETWORK[name]
    changed = with_plan(facts, "network", **{name: value})
    assert words in text_of(changed, "layers")
    assert words not in text_of(facts, "layers")


def test_channels_that_are_dropped_are_told(facts, text_of, with_plan):
    allowing = with_plan(facts, "network", presence=True)
    changed = with_plan(allowing, "augmentation", channel_dropout=(0.3, 0.0, 0.1))
    words = "(30 %) and dose (10 %); one channel that shows the patient always remained."
    assert words in text_of(changed, "channel_dropout")
    assert text_of(allowing, "channel_dropout") == ""


def test_settings_of_an_architecture_that_is_not_installed_are_told(facts, text_of, with_plan):
    changed = with_plan(facts, "network", architecture="wide_net", settings={"width": 3})
    text = text_of(changed, "layers")
    assert "The wide net has" in text
    assert "Further settings of the network: width = 3." in text


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Normalisation("zscore"), "mean 0 and standard deviation 1 inside the foreground"),
        (Normalisation("clip_zscore", -5.0, 7.0, 1.5, 2.5), "clipped to -5 to 7, minus 1.5, divid"),
        (Normalisation("divide", divisor=70.0), "divided by 70, the same in every case"),
        (Normalisation("none"), "extra as it is"),
    ],
)
def test_each_normalisation_is_told(facts, text_of, with_plan, how, words):
    channels = (ChannelPlan("extra", "ct", "cubic", how),)
    text = text_of(with_plan(facts, channels=channels), "normalised")
    assert words in text
    assert text.startswith("Normalisation: extra")


@pytest.mark.parametrize(
    ("field", "value", "key", "words"),
    [
        ("spacing", (2.0, 3.0, 4.0), "resampled", f"resampled to {times((2, 3, 4))} mm"),
        ("input_size", (32, 48, 64), "resampled", f"{times((32, 48, 64))} voxels"),
        ("storage_dtype", "float16", "resampled", "stored as float16"),
        ("preset", "paper", "plan", "made with the preset paper"),
        (
            "command",
            ("ricenet_plan_and_preprocess", "9"),
            "plan",
            "`ricenet_plan_and_preprocess 9`",
        ),
        (
            "spacing_range",
            ((1.0, 1.0, 1.0), (2.0, 1.0, 3.0)),
            "ranges",
            "1 to 2, 1 to 1, 1 to 3 mm",
        ),
        (
            "dose_range",
            {"dose": (11.0, 22.0)},
            "treatment",
            "in channel dose ranges from 11 to 22 Gy",
        ),
    ],
)
def test_the_rest_of_the_plan_is_told(facts, text_of, with_plan, field, value, key, words):
    assert words in text_of(with_plan(facts, **{field: value}), key)
    assert words not in text_of(facts, key)


def test_what_a_training_changed_of_the_plan_is_listed(facts, text_of, with_plan):
    changed = with_plan(facts, "training", mixup=0.4)
    assert "mixup 0.4 (planned 0.0)" in text_of(changed, "changed")
    assert "mixup" not in text_of(facts, "changed")
    fewer = with_plan(facts, channels=facts.plan.channels[:1])
    assert f"channels {facts.plan.channels[0].name} (planned " in text_of(fewer, "changed")
    assert "They do not see" in text_of(fewer, "channels")
    assert "They do not see" not in text_of(facts, "channels")


def test_no_two_subjects_share_a_key_and_nothing_is_said_of_nothing(facts):
    keys = [one.key for one in SUBJECTS]
    assert len(set(keys)) == len(keys)
    bare = type(facts)(dataset=facts.dataset)
    said = {one.key for one in SUBJECTS if one.describe(bare)}
    assert said <= {"source", "outcome", "licence", "use"}
    assert callable(facts_of)
