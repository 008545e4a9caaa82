"""Normalisation of a channel in words."""

from __future__ import annotations

from ricenet_v2.records.plan_parts import Normalisation
from ricenet_v2.reporting.formatting import NOTHING


def describe_scheme(how: Normalisation) -> str:
    """What a scheme does to the values of a channel, with its constants."""
    descriptions = {
        "zscore": "mean 0 and standard deviation 1 inside the foreground of each case",
        "clip_zscore": f"clipped to {_constant(how.clip_low)} to {_constant(how.clip_high)}, minus "
        f"{_constant(how.mean)}, divided by {_constant(how.std)}, the same in every case",
        "divide": f"divided by {_constant(how.divisor)}, the same in every case, not below 0",
        "none": "as it is",
    }
    return descriptions.get(how.scheme, how.scheme)


def _constant(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.5g}"
