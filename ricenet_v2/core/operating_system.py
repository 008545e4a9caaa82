"""The operating systems that the program runs on."""

from __future__ import annotations

import platform

from ricenet_v2.core.errors import RicenetError

_REFUSED = "Windows"


def check_system(name: str | None = None) -> None:
    """Refuse Windows, where neither locks nor the ending of processes hold what is promised.

    Args:
        name: Name of the system, as of `platform.system()`; None takes that of this machine.

    Raises:
        RicenetError: The system is Windows.
    """
    name = platform.system() if name is None else name
    if name == _REFUSED:
        raise RicenetError(
            "ricenet_v2 does not run on Windows.",
            expected="Linux or macOS",
            got=f"{name} {platform.release()}".strip(),
            remedy="Install it in the Windows Subsystem for Linux (WSL 2), which also reaches "
            "NVIDIA GPUs, or in a container. Workspaces can be copied from and to Windows.",
        )
