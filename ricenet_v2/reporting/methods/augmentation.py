"""Sentences about random changes of training samples."""

from __future__ import annotations

import dataclasses

from ricenet_v2.records.augmentations import AUGMENTATIONS
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import AugmentationPlan, FurtherChange
from ricenet_v2.reporting.formatting import number, percent
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import SentenceTopic, listed, paragraph

GROUP = "Training"
DESCRIBED = frozenset({
    "p_rotation", "rotation_degrees", "p_scaling", "scaling", "p_elastic", "elastic_mm",
    "mirror_axes", "p_noise", "noise_std", "p_blur", "blur_sigma", "p_brightness", "brightness",
    "p_contrast", "contrast", "p_gamma", "gamma", "p_low_resolution", "low_resolution",
    "further", "in_plane_axis", "channel_dropout",
})  # fmt: skip
_AXES = {0: "z (foot to head)", 1: "y (front to back)", 2: "x (left to right)"}


def describe_axes(axes: tuple[int, ...]) -> str:
    """Array axes with their directions, e.g. `x (left to right)`."""
    return listed(_AXES[axis] for axis in sorted(axes))


def geometry(facts: Facts) -> str:
    """Changes of geometry, with their probabilities."""
    if facts.plan is None or not facts.folds:
        return ""
    how = facts.plan.training.augmentation
    changes = {
        f"rotation by up to {number(how.rotation_degrees)} degrees": how.p_rotation,
        f"scaling by a factor of {_range(how.scaling)}": how.p_scaling,
        f"elastic deformation by up to {number(how.elastic_mm)} mm": how.p_elastic,
    }
    description = _with_probability(changes)
    mirrored = (
        f"Training samples were mirrored along {describe_axes(how.mirror_axes)}, each with "
        "probability 0.5."
        if how.mirror_axes
        else "Training samples were not mirrored."
    )
    changed = (
        f"Random changes of geometry, shared by all channels: {description}."
        if description
        else "Training samples were neither rotated nor scaled nor deformed."
    )
    thin = (
        f"Samples were rotated, scaled and deformed in plane only: axis {_AXES[how.in_plane_axis]} "
        "has few voxels."
        if how.in_plane_axis is not None and description
        else ""
    )
    return paragraph(changed, thin, mirrored)


def intensity(facts: Facts) -> str:
    """Changes of intensity, with their probabilities and the channels that they spare."""
    if facts.plan is None or not facts.folds:
        return ""
    plan, how = facts.plan, facts.plan.training.augmentation
    changed = [
        channel.name for channel in plan.channels if not KINDS[channel.kind].has_fixed_intensities
    ]
    coarsest = percent(how.low_resolution)
    changes = {
        f"Gaussian noise with a standard deviation of up to {number(how.noise_std)}": how.p_noise,
        f"Gaussian blur with a sigma of up to {_voxels(how.blur_sigma)}": how.p_blur,
        f"brightness by a factor of {_range(how.brightness)}": how.p_brightness,
        f"contrast by a factor of {_range(how.contrast)}": how.p_contrast,
        f"gamma correction with an exponent of {_range(how.gamma)}": how.p_gamma,
        f"simulated low resolution, down to {coarsest} of the original": how.p_low_resolution,
    }
    description = _with_probability(changes)
    if not description or not changed:
        return paragraph("Intensities of training samples were not changed.", _further(how))
    return paragraph(
        f"Random changes of intensity of {listed(changed)}: {description}.",
        _spared(plan),
        _further(how),
    )


def _voxels(value: float) -> str:
    return f"{number(value)} voxel{'' if value == 1 else 's'}"


def _spared(plan: Plan) -> str:
    spared = [
        channel.name for channel in plan.channels if KINDS[channel.kind].has_fixed_intensities
    ]
    return f"Values of {listed(spared)} were left as they are." if spared else ""


def _with_probability(changes: dict[str, float]) -> str:
    return ", ".join(f"{text} ({percent(p)})" for text, p in changes.items() if p > 0)


def _range(limits: tuple[float, float]) -> str:
    return f"{number(limits[0])} to {number(limits[1])}"


def _further(how: AugmentationPlan) -> str:
    settings = [
        f"{field.name} = {vars(how)[field.name]}"
        for field in dataclasses.fields(how)
        if field.name not in DESCRIBED and vars(how)[field.name] != field.default
    ]
    return f"Further settings of augmentation: {', '.join(settings)}." if settings else ""


def channel_dropout(facts: Facts) -> str:
    """Whole channels that are dropped, with their probabilities."""
    if facts.plan is None or not facts.folds:
        return ""
    rates = facts.plan.training.augmentation.channel_dropout
    named = zip(facts.plan.channels, rates, strict=False)
    dropped = [f"{channel.name} ({percent(rate)})" for channel, rate in named if rate]
    if not dropped:
        return ""
    return (
        f"Whole channels were dropped at random from training samples that had them: "
        f"{listed(dropped)}; one channel that shows the patient always remained."
    )


def further(facts: Facts) -> str:
    """Changes that other packages bring, with their probabilities and settings."""
    if facts.plan is None or not facts.folds:
        return ""
    changes = [
        _change(name, change)
        for name, change in facts.plan.training.augmentation.further.items()
        if change.probability > 0
    ]
    return f"Further random changes: {', '.join(changes)}." if changes else ""


def _change(name: str, change: FurtherChange) -> str:
    known = AUGMENTATIONS.get(name)
    settings = change.settings if known is None else known.settings_of(change)
    details = [percent(change.probability), *(f"{key} = {each}" for key, each in settings.items())]
    return f"{known.label if known else name.replace('_', ' ')} ({'; '.join(details)})"


SUBJECTS = (
    SentenceTopic("geometry", "augmentation of geometry", GROUP, geometry),
    SentenceTopic("intensity", "augmentation of intensity", GROUP, intensity),
    SentenceTopic("channel_dropout", "channel dropout", GROUP, channel_dropout),
    SentenceTopic("further_changes", "further augmentation", GROUP, further),
)
