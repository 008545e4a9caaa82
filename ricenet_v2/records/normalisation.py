"""Specifications of the normalisation schemes, in one table.

Other packages add to it by entry points of the group `ricenet_v2.normalisation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ricenet_v2.core.plugins import Door
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.records.plan_parts import Normalisation

if TYPE_CHECKING:
    from ricenet_v2.records.fingerprint import ChannelFingerprint

    Fit = Callable[[ChannelFingerprint], tuple[Normalisation, str]]
    Apply = Callable[[Image, Mask, Normalisation], Image]
    Map = Callable[[Normalisation, float], float]

_ABSENT = "none"


@dataclass(frozen=True)
class NormalisationSpecification:
    """A scheme: what is fitted on the dataset once, and what is done to each image.

    Attributes:
        fit: A function, or `module:function`, from the measurements of a channel over the dataset
            to its normalisation, with the constants of the scheme, and the reason for it.
        apply: A function, or `module:function`, from a channel of a case, float32 (z, y, x), the
            mask of the patient's voxels, of the same shape and with one at least, and the
            normalisation to the normalised channel of that shape. It may change the image in place.
        describe: Function that describes the effect on the values of a channel, in words, e.g.
            `divided by 70`.
        value: Function that normalises a value in the unit of the channel, if the result is the
            same in every case; None if it depends on the case.
        raw: The way back: the value in the unit of the channel that becomes a normalised one.
        faults: Function that lists missing constants, the name of the field first.
        constants: Names of constants that it needs in `constants`.
    """

    fit: Fit | str
    apply: Apply | str
    describe: Callable[[Normalisation], str]
    value: Map | None = None
    raw: Map | None = None
    faults: Callable[[Normalisation], list[str]] = lambda _how: []
    constants: tuple[str, ...] = ()

    def faults_of(self, how: Normalisation) -> list[str]:
        """Missing constants of a normalisation of this scheme, the name of the field first."""
        faults = [
            f".constants.{name}: needed by the scheme {how.scheme}"
            for name in self.constants
            if name not in how.constants
        ]
        return faults + self.faults(how)


def _needs_divisor(how: Normalisation) -> list[str]:
    return [".divisor: needed by the scheme divide"] if how.divisor is None else []


def _needs_bounds(how: Normalisation) -> list[str]:
    if how.mean is None or how.std is None:
        return [": clip_zscore needs mean and std"]
    if how.clip_low is None or how.clip_high is None or how.clip_low >= how.clip_high:
        return [": clip_low below clip_high is needed"]
    return []


def _constant(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.5g}"


SCHEMES: Door[NormalisationSpecification] = Door(
    "normalisation",
    "scheme of normalisation",
    NormalisationSpecification,
    {
        "zscore": NormalisationSpecification(
            "ricenet_v2.planning.channels:fit_zscore",
            "ricenet_v2.preprocessing.normalise:zscore",
            lambda _how: "mean 0 and standard deviation 1 inside the foreground of each case",
        ),
        "clip_zscore": NormalisationSpecification(
            "ricenet_v2.planning.channels:fit_clip_zscore",
            "ricenet_v2.preprocessing.normalise:clip_zscore",
            lambda how: (
                f"clipped to {_constant(how.clip_low)} to {_constant(how.clip_high)}, minus "
                f"{_constant(how.mean)}, divided by {_constant(how.std)}, the same in every case"
            ),
            value=lambda how, value: (value - (how.mean or 0.0)) / (how.std or 1.0),
            raw=lambda how, value: value * (how.std or 1.0) + (how.mean or 0.0),
            faults=_needs_bounds,
        ),
        "divide": NormalisationSpecification(
            "ricenet_v2.planning.channels:fit_divide",
            "ricenet_v2.preprocessing.normalise:divide",
            lambda how: f"divided by {_constant(how.divisor)}, the same in every case, not below 0",
            value=lambda how, value: value / (how.divisor or 1.0),
            raw=lambda how, value: value * (how.divisor or 1.0),
            faults=_needs_divisor,
        ),
        "none": NormalisationSpecification(
            "ricenet_v2.planning.channels:fit_none",
            "ricenet_v2.preprocessing.normalise:none",
            lambda _how: "as it is",
            value=lambda _how, value: value,
            raw=lambda _how, value: value,
        ),
    },
)


def is_absolute(scheme: str) -> bool:
    """Whether a value means the same in every case; not where the scheme's package is missing."""
    specification = SCHEMES.get(scheme)
    return specification is not None and specification.value is not None


def describe_scheme(how: Normalisation) -> str:
    """Effect of a scheme on the values of a channel, with its constants, in words.

    Raises:
        PluginError: The package that brings the scheme fails.
    """
    specification = SCHEMES.get(how.scheme)
    if specification is None:
        return how.scheme
    with SCHEMES.blamed(how.scheme, "cannot be described"):
        return specification.describe(how)


def normalised_value(how: Normalisation, value: float) -> float | None:
    """Normalised value of one in the unit of the channel; None where it depends on the case.

    Raises:
        PluginError: The package that brings the scheme fails.
    """
    specification = SCHEMES.get(how.scheme)
    return _mapped(how, specification.value if specification else None, value)


def raw_value(how: Normalisation, level: float) -> float | None:
    """The value in the unit of the channel that becomes a normalised one; None as above.

    Raises:
        PluginError: The package that brings the scheme fails.
    """
    specification = SCHEMES.get(how.scheme)
    return _mapped(how, specification.raw if specification else None, level)


def _mapped(how: Normalisation, way: Map | None, value: float) -> float | None:
    with SCHEMES.blamed(how.scheme, "cannot convert a value"):
        return None if way is None else float(way(how, value))


def faults_of(how: Normalisation) -> list[str]:
    """Missing constants of a normalisation, the field first; none for a missing package.

    Raises:
        PluginError: The package that brings the scheme fails.
    """
    specification = SCHEMES.get(how.scheme)
    if specification is None:
        return []
    with SCHEMES.blamed(how.scheme, "cannot be checked"):
        return specification.faults_of(how)
