"""Training settings of each preset."""

from __future__ import annotations

import math

from ricenet_v2.core.types import Shape
from ricenet_v2.planning.batch import EFFECTIVE_BATCH, accumulation_steps
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.plan_parts import AugmentationPlan, TrainingPlan, Triple

UPDATES = 2000
FEWEST_EPOCHS, MOST_EPOCHS = 100, 250
FEWEST_ITERATIONS = 8
N_FOLDS = 5
ELASTIC_MM, ELASTIC_SHARE = 6.0, 0.04


def auto_training(
    batch: int, n_train: int, input_size: Shape, spacing: Triple, n_folds: int = N_FOLDS
) -> tuple[TrainingPlan, Decision]:
    """Settings of the `auto` preset.

    Args:
        batch: Samples per step.
        n_train: Training cases of the dataset (all folds); four fifths train one of five folds.
        input_size: Voxels along (z, y, x).
        spacing: mm along (z, y, x).
        n_folds: Folds of the dataset.
    """
    accumulation = accumulation_steps(batch, n_train)
    effective = batch * accumulation
    iterations = _iterations(n_train, effective, n_folds)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(UPDATES / iterations)))
    training = TrainingPlan(
        batch_size=batch,
        accumulation_steps=accumulation,
        epochs=epochs,
        iterations_per_epoch=iterations,
        learning_rate=1e-3 if effective >= EFFECTIVE_BATCH else 3e-4,
        augmentation=AugmentationPlan(elastic_mm=_elastic(input_size, spacing)),
    )
    reason = (
        f"{accumulation} step{'s' if accumulation > 1 else ''} of {batch} per update; an epoch "
        f"draws as many cases as a fold trains on, in at least {FEWEST_ITERATIONS} updates; about "
        f"{UPDATES} updates within {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs; AdamW at "
        f"{training.learning_rate:g}, lower where an update sees fewer than {EFFECTIVE_BATCH} cases"
    )
    value = f"{epochs} epochs of {iterations} updates"
    return training, Decision(what="schedule", value=value, reason=reason)


def paper_training(
    batch: int, n_train: int, input_size: Shape, spacing: Triple, n_folds: int = N_FOLDS
) -> tuple[TrainingPlan, Decision]:
    """Settings of the `paper` preset; what the paper does not report is ours and said so.

    Args:
        batch: Samples per step.
        n_train: Training cases of the dataset (all folds).
        input_size: Voxels along (z, y, x).
        spacing: mm along (z, y, x).
        n_folds: Folds of the dataset.
    """
    iterations = _iterations(n_train, batch, n_folds)
    training = TrainingPlan(
        batch_size=batch,
        accumulation_steps=1,
        epochs=800,
        iterations_per_epoch=iterations,
        optimiser="adam",
        learning_rate=1e-4,
        warmup_epochs=0,
        weight_decay=0.0,
        label_smoothing=0.0,
        ema_decay=0.0,
        augmentation=AugmentationPlan(
            elastic_mm=_elastic(input_size, spacing),
            mirror_axes=(),
            p_blur=0.0,
            p_contrast=0.0,
            p_low_resolution=0.0,
        ),
    )
    reason = (
        "as published: Adam, cross-entropy, 800 epochs, and its kinds of augmentation; learning "
        "rate, its cosine decay, batch size and gradient clipping are not reported and are ours"
    )
    return training, Decision(
        what="schedule", value=f"800 epochs of {iterations} updates", reason=reason
    )


def _iterations(n_train: int, effective: int, n_folds: int) -> int:
    # What a fold trains on, in the mean over the folds, whatever their sizes.
    n_fold = n_train - n_train // n_folds
    return max(FEWEST_ITERATIONS, math.ceil(n_fold / effective))


def _elastic(input_size: Shape, spacing: Triple) -> float:
    extent = min(n * s for n, s in zip(input_size, spacing, strict=True))
    return round(min(ELASTIC_MM, ELASTIC_SHARE * extent), 3)


def why_augmentation(training: TrainingPlan, *, has_images: bool) -> tuple[Decision, ...]:
    """The reasons for mirroring and elastic deformation.

    Args:
        training: Training settings of the plan.
        has_images: Whether any channel is an image of a patient rather than a mask or other.
    """
    axes = training.augmentation.mirror_axes
    value = ", ".join(("head-foot", "front-back", "left-right")[axis] for axis in axes) or "none"
    reason = "only left and right look alike in a patient" if axes else "not named by the paper"
    if axes and not has_images:
        reason += "; the channels do not state their content, so no other symmetry is assumed"
    elastic = f"up to {training.augmentation.elastic_mm:g} mm"
    why_elastic = f"at most {ELASTIC_MM:g} mm and {ELASTIC_SHARE:.0%} of the shortest extent"
    return (
        Decision(what="mirroring", value=value, reason=reason),
        Decision(what="elastic deformation", value=elastic, reason=why_elastic),
    )
