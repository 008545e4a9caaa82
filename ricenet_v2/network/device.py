"""Choice of the device to compute on."""

from __future__ import annotations

import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan_parts import Precision

_LONGEST_NUMBER = 9  # Python reads no number of thousands of digits
_AMPERE, _VOLTA = 8, 7


def resolve_device(name: str | None = None) -> torch.device:
    """The named device, or the best there is: cuda, then mps, then cpu.

    Raises:
        TrainingError: The named device is not available.
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
            f"Device {name!r} is not available.",
            expected=", ".join(f"{kind} ({count})" for kind, count in counts.items() if count),
            got=name,
            remedy="Leave --device out, or install a torch build for that device.",
        )
    # torch itself reads fewer spellings of a number than Python does.
    return torch.device(kind) if index is None else torch.device(kind, index)


def mixed_precision(device: torch.device) -> Precision:
    """Mixed precision of this device.

    CUDA cards compute in bfloat16 from compute capability 8.0 (Ampere) on, and AMD's that torch
    supports do; Volta and Turing (7.x) compute fast in float16, older ones in neither. It is asked
    of this card: torch's own function asks the current one, which `--device cuda:1` does not
    change. Everything else trains in float32.
    """
    if device.type != "cuda":
        return "float32"
    if torch.version.hip is not None:
        return "bfloat16"
    major, _ = torch.cuda.get_device_capability(device)
    return "bfloat16" if major >= _AMPERE else "float16" if major >= _VOLTA else "float32"
