"""What the rest of torch is told while a device is pretended."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch.optim import optimizer
from torch.overrides import TorchFunctionMode
from torch.utils import _python_dispatch
from torch.utils._pytree import tree_map_only

from tests.pretended_cuda.cuda_module import CudaModule, functions_of_mps
from tests.pretended_cuda.randomness import DeviceGenerator
from tests.pretended_cuda.streams import FUNCTIONS_OF_STREAMS
from tests.pretended_cuda.tensor import DeviceTensor

if TYPE_CHECKING:
    from tests.pretended_cuda.machine import PretendedCuda

_REAL = {
    "save": torch.save,
    "load": torch.load,
    "group": torch._C._group_tensors_by_device_and_dtype,
    "run": threading.Thread.run,
    "autocast": torch.autocast,
    "get_autocast_dtype": torch.get_autocast_dtype,
    "is_autocast_enabled": torch.is_autocast_enabled,
}


@contextlib.contextmanager
def patched(machine: PretendedCuda) -> Iterator[None]:
    """Let torch believe in the device."""
    with contextlib.ExitStack() as stack:

        def put(where: Any, values: dict[str, Any]) -> None:
            for name, value in values.items():
                stack.enter_context(mock.patch.object(where, name, value, create=True))

        if machine.kind == "cuda":
            put(torch.cuda, CudaModule(machine).functions() | FUNCTIONS_OF_STREAMS)
        else:
            put(torch.backends.mps, {"is_available": lambda: True, "is_built": lambda: True})
            put(torch.mps, functions_of_mps(machine))
            put(torch.cuda, {"_lazy_init": machine.begin_context})
            stack.enter_context(_AppleIsCuda())
        put(torch, _torch(machine))
        put(torch.amp, {"autocast": _autocast(machine)})
        put(torch.Tensor, _methods(machine))
        put(torch._C, {"_group_tensors_by_device_and_dtype": _grouped})
        known = [*optimizer._foreach_supported_types, DeviceTensor]
        put(optimizer, {"_foreach_supported_types": known})
        put(threading.Thread, {"run": _in_thread(machine)})
        if machine.lag:
            put(time, {"perf_counter": machine.backlog.now})
        stack.enter_context(_modules_take_new_parameters())
        yield


@contextlib.contextmanager
def _modules_take_new_parameters() -> Iterator[None]:
    """`Module.to` puts new parameters in place of those of the host."""
    future, lifts = torch.__future__, torch._C._only_lift_cpu_tensors()
    overwrites = future.get_overwrite_module_params_on_conversion()
    future.set_overwrite_module_params_on_conversion(True)
    torch._C._ensureCUDADeviceGuardSet()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(lifts)
        future.set_overwrite_module_params_on_conversion(overwrites)


class _AppleIsCuda(TorchFunctionMode):
    """torch for Linux does not know the device of Apple: its C++ hears of CUDA instead."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        def named(x: Any) -> Any:
            is_mps = isinstance(x, (str, torch.device)) and str(x).partition(":")[0] == "mps"
            return torch.device("cuda", 0) if is_mps else x

        return func(*map(named, args), **{n: named(x) for n, x in (kwargs or {}).items()})


def _torch(machine: PretendedCuda) -> dict[str, Any]:
    def save(state: Any, *args: Any, **kwargs: Any) -> None:
        down = tree_map_only(DeviceTensor, lambda x: machine.bring_down(x, "save"), state)
        _REAL["save"](down, *args, **kwargs)

    def load(file: Any, map_location: Any = None, **kwargs: Any) -> Any:
        there = isinstance(map_location, (str, torch.device)) and machine.device_of(map_location)
        if not there or there.type != machine.kind:
            return _REAL["load"](file, map_location, **kwargs)
        state = _REAL["load"](file, "cpu", **kwargs)
        return tree_map_only(torch.Tensor, lambda x: x.to(there), state)

    return {
        "save": save,
        "load": load,
        "Generator": DeviceGenerator,
        "autocast": _autocast(machine),
        "is_autocast_enabled": _of_cpu(machine, torch.is_autocast_enabled),
        "get_autocast_dtype": _of_cpu(machine, torch.get_autocast_dtype),
    }


def _of_cpu(machine: PretendedCuda, ask: Callable[..., Any]) -> Callable[..., Any]:
    """Ask of the device what is set for the CPU, which stands in; checkpointing remembers it."""
    return lambda *kind: ask(*("cpu" if each == machine.kind else each for each in kind))


def _autocast(machine: PretendedCuda) -> Any:
    class DeviceAutocast(_REAL["autocast"]):
        """The CPU's list of operations stands in for that of the device."""

        def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
            if dtype is None:
                dtype = _REAL["get_autocast_dtype"](device_type)
            if device_type != machine.kind:
                # That of another device changes nothing of what is computed here.
                enabled = _REAL["is_autocast_enabled"]("cpu")
                dtype = _REAL["get_autocast_dtype"]("cpu")
            super().__init__("cpu", dtype, enabled, cache_enabled)

    return DeviceAutocast


def _methods(machine: PretendedCuda) -> dict[str, Any]:
    def pin_memory(x: torch.Tensor, *_: Any) -> torch.Tensor:
        if not isinstance(x, DeviceTensor):
            return machine.pin(x)
        raise RuntimeError(f"cannot pin '{x.where}' only dense CPU tensors can be pinned")

    def is_pinned(x: torch.Tensor, *_: Any) -> bool:
        return not isinstance(x, DeviceTensor) and machine.is_pinned(x)

    def record_stream(*_: Any) -> None:
        """All streams share one backlog, and no memory is used again too early."""

    return {"pin_memory": pin_memory, "is_pinned": is_pinned, "record_stream": record_stream}


def _in_thread(machine: PretendedCuda) -> Any:
    """Operations of a thread go through the machine, too."""

    def run(thread: threading.Thread) -> None:
        _python_dispatch._push_mode(machine)
        try:
            _REAL["run"](thread)
        finally:
            _python_dispatch._pop_mode()

    return run


def _grouped(lists: Any, *more: Any) -> Any:
    """C++ takes the tensors of the device for the CPU's."""
    grouped: Any = _REAL["group"](lists, *more)
    there = {}
    for (device, dtype), group in grouped.items():
        first = next((x for x in group[0][0] if isinstance(x, DeviceTensor)), None)
        there[device if first is None else first.where, dtype] = group
    return there
