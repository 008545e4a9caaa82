"""Options of a run, and the plan and the model folder that follow from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from ricenet_v2.core.options import NumberOrText, options
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plugins import with_plugins
from ricenet_v2.records.ranges import Count, Index
from ricenet_v2.store.paths import DatasetPaths, ModelPaths, full_label
from ricenet_v2.training.settings import channels_label, with_channels, with_settings


@options
class TrainOptions:
    """User choices for a run; None leaves them to the plan, or to the machine.

    Attributes:
        channels: Names of the channels that the network sees; all where None.
        resume: Resume an interrupted training; a finished one is left as it is.
        epochs: Number of epochs; that of the plan where None.
        overrides: Settings of the plan that are changed, by their names, as numbers or as text,
            e.g. `{"learning_rate": 3e-4, "augmentation.p_noise": 0}`; kept as text.
        seed: Random seed of weights, sampling and augmentation.
        preview_only: Draw a contact sheet of augmented samples and train nothing.
        pretrained_weights: Checkpoint whose encoder the training begins with.
        allow_missing_weights: Take what fits of it and initialise the rest at random.
        allow_leak: Accept weights that were trained on held-out cases; run.json records it.
        num_workers: Processes that load and augment images; does not change results.
        cache_gb: GiB in which preprocessed cases are kept; does not change results.
        device_cache_gb: GiB of a CUDA device in which training cases are kept, all of them or none;
            as much as they take where None, if that is free beside a step; does not change results.
        loggers: `tensorboard`, `mlflow`; does not change results.
        folder_seed: Seed that the folder of the model is named after; None for the folder without.
    """

    channels: tuple[str, ...] | None = None
    resume: bool = False
    epochs: Count | None = None
    overrides: Mapping[str, NumberOrText] = field(default_factory=dict)
    seed: Index = 0
    preview_only: bool = False
    pretrained_weights: Path | None = None
    allow_missing_weights: bool = False
    allow_leak: bool = False
    num_workers: Index | None = None
    cache_gb: float | None = None
    device_cache_gb: float | None = None
    loggers: tuple[str, ...] = ()
    folder_seed: int | None = None


def effective_plan(plan: Plan, options: TrainOptions) -> Plan:
    """The plan with the run's channels, settings and epochs."""
    overrides = {name: str(value) for name, value in options.overrides.items()}
    if options.epochs is not None:
        overrides["epochs"] = str(options.epochs)
    return with_plugins(with_settings(with_channels(plan, options.channels), overrides))


def label_of(plan: Plan, options: TrainOptions, *, full: bool = False) -> str:
    """Label of the channels in the name of the model's folder."""
    label = channels_label(plan, options.channels)
    return full_label(label) if full else label


def model_of(
    paths: DatasetPaths, plan: Plan, options: TrainOptions, *, full: bool = False
) -> ModelPaths:
    """Files of the model that the options train."""
    return paths.run(plan.name, label_of(plan, options, full=full), options.folder_seed)


def with_epochs(plan: Plan, epochs: int) -> Plan:
    """The plan with another number of epochs."""
    return dataclasses.replace(plan, training=dataclasses.replace(plan.training, epochs=epochs))
