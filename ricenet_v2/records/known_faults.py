"""Released versions whose trained models have a fault that was found after the release.

A version is listed as it stands in `run.json` (`versions`, `ricenet_v2`), with what is wrong with
models that it trained and what to do. Only faults that change predictions belong here. Everything
before the first release bears the number 0.1.0 and cannot be distinguished; what comes behind a
release bears the number of the next one with `.dev0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFault:
    """Fault of models that a version trained.

    Attributes:
        fault: Fault in words that continue "it was trained with ricenet_v2 0.0.0, in which".
        remedy: Action that the user can take, as an imperative without a full stop.
    """

    fault: str
    remedy: str


KNOWN_FAULTS: Mapping[str, tuple[KnownFault, ...]] = {}


def faults_of(
    version: str, table: Mapping[str, tuple[KnownFault, ...]] | None = None
) -> tuple[KnownFault, ...]:
    """The known faults of a version.

    Args:
        version: Version of ricenet_v2, such as `0.1.0`.
        table: Table of known faults; `KNOWN_FAULTS` where None.
    """
    return (KNOWN_FAULTS if table is None else table).get(version, ())
