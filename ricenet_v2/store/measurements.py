"""Measurements of single cases on disk: what they were made from, values as text, quantiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import files
from ricenet_v2.core.regular import opened


def write_measurement(path: Path, key: str, values: str, samples: NDArray[np.float64]) -> None:
    """Write atomically.

    Args:
        path: Ends in .npz.
        key: Says from which files and by which rules the values were made.
        values: JSON.
        samples: Axes (channels, quantiles).
    """
    with files.replacing(path) as temporary:
        # One text, not two: opening an array costs more than reading it.
        np.savez(temporary, text=np.array(f"{key}\n{values}"), samples=samples)


def read_measurement(path: Path, key: str) -> tuple[str, NDArray[np.float64]] | None:
    """Values and samples, or None where there are none of this key (or the file is damaged)."""
    try:
        # Opened here, since numpy leaves a damaged file open.
        with opened(path) as stream, np.load(stream, allow_pickle=False) as stored:
            stored_key, _, values = str(stored["text"]).partition("\n")
            return (values, stored["samples"]) if stored_key == key else None
    except Exception:  # noqa: BLE001 - whatever a damaged file holds
        return None
