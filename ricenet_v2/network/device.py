"""Choice of the device to compute on."""

from __future__ import annotations

import torch

from ricenet_v2.core.errors import TrainingError

_LONGEST_NUMBER = 9  # Python reads no number of thousands of digits


def resolve_device(name: str | None = None) -> torch.device:
    """The named device, or the best there is: cuda, then mps, then cpu.

    Raises:
        TrainingError: The named device is not there.
    """
    counts = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if name is None:
        name = next(kind for kind, count in counts.items() if count or kind == "cpu")
    kind, _, digits = name.partition(":")
    index = int(digits) if digits.isdecimal() and len(digits) <= _LONGEST_NUMBER else None
    is_numbered = ":" not in name or (index is not None and index < counts.get(kind, 0))
    if not counts.get(kind, 0) or not is_numbered:
        raise TrainingError(
            f"The device {name!r} is not there.",
            expected=", ".join(f"{kind} ({count})" for kind, count in counts.items() if count),
            got=name,
            remedy="Leave --device out, or install a torch build for that device.",
        )
    # torch itself reads fewer spellings of a number than Python does.
    return torch.device(kind) if index is None else torch.device(kind, index)
