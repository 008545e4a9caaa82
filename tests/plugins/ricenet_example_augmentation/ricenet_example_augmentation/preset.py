"""The preset `small` with the bias field, and with the percentile scheme for MRI."""

import dataclasses

from ricenet_v2.plugins import PRESETS, FurtherChange


def scheme_of(channel):
    """Scheme of a channel; None is that of its kind."""
    return "percentile" if channel.kind == "mri" else None


def adapt(plan, _fingerprint):
    """Switch the bias field on."""
    changes = {"bias_field": FurtherChange(probability=0.5)}
    augmentation = dataclasses.replace(plan.training.augmentation, further=changes)
    training = dataclasses.replace(plan.training, augmentation=augmentation)
    return dataclasses.replace(plan, training=training)


BIASED = dataclasses.replace(PRESETS["small"], schemes=scheme_of, adapt=adapt)
