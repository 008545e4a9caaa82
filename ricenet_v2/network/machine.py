"""Description of a device, with the versions that compute on it."""

from __future__ import annotations

import platform
import shutil
import subprocess

import torch

from ricenet_v2.core.machine import n_cores, processor
from ricenet_v2.records.benchmark import Machine


def described(device: torch.device) -> Machine:
    """Name, memory, driver and versions of what computes on the device."""
    name, memory, driver = processor(), None, None
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name, memory, driver = properties.name, int(properties.total_memory), _driver()
    return Machine(
        device=str(device),
        name=name,
        memory_bytes=memory,
        driver=driver,
        cores=n_cores(),
        threads=torch.get_num_threads(),
        versions=_versions(device),
    )


def device_name(device: torch.device) -> str:
    """Name of the card, of the processor where there is none."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()


def _versions(device: torch.device) -> dict[str, str]:
    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    if device.type == "cuda":
        versions |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}  # type: ignore[no-untyped-call]
    return versions


def _driver() -> str | None:
    """The version of NVIDIA's driver; torch does not report it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)  # noqa: S603 - no word comes from a user
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.split()
    return lines[0] if lines else None
