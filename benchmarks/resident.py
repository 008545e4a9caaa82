"""The peak of this process's resident memory."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """The most that was resident at a time since this process began, or since `forget_peak`.

    On Linux `getrusage` is no measure of it: a process begins with the peak of the one that
    started it.
    """
    if _STATUS.is_file():
        peak = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
        if peak:
            return int(peak[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Let the peak begin at what is resident now, where the system can do so."""
    if _CLEAR.is_file():
        _CLEAR.write_text("5", encoding="ascii")
