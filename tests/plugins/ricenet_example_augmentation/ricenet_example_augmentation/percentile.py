"""Each image is divided by the highest 99.9 percentile of the cohort, and clipped to 0 and 1."""

import numpy as np

from ricenet_v2.plugins import Normalisation, NormalisationSpecification


def fit(channel):
    """The constant of the dataset, and the reason."""
    highest = max(channel.percentile_99_9.maximum, 1e-6)
    how = Normalisation("percentile", constants={"highest": highest})
    return how, f"one scale for the cohort, whose highest 99.9 percentile is {highest:.4g}"


def apply(image, _foreground, how):
    """Scale in place."""
    image /= np.float32(how.constants["highest"])
    return np.clip(image, 0, 1, out=image)


PERCENTILE = NormalisationSpecification(
    fit=fit,
    apply=apply,
    describe=lambda how: f"divided by {how.constants['highest']:.4g} and clipped to 0 to 1",
    constants=("highest",),
)
