"""What stands in `torch.cuda` and `torch.mps` while a device is pretended."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from tests.pretended_cuda.cards import Card
from tests.pretended_cuda.memory import Memory

if TYPE_CHECKING:
    from tests.pretended_cuda.machine import PretendedCuda


def _begins(method: Callable[..., Any]) -> Callable[..., Any]:
    """A function that begins CUDA where it has not begun yet."""

    @functools.wraps(method)
    def begun(self: CudaModule, *args: Any, **kwargs: Any) -> Any:
        self._machine.begin_context()
        return method(self, *args, **kwargs)

    return begun


class CudaModule:
    """Functions of `torch.cuda`, each under its own name."""

    def __init__(self, machine: PretendedCuda) -> None:
        self._machine = machine

    def functions(self) -> dict[str, Any]:
        """By name."""
        hidden = {"_lazy_init": self.init, "_is_in_bad_fork": lambda: False}
        names = [name for name in dir(self) if not name.startswith("_") and name != "functions"]
        return {name: getattr(self, name) for name in names} | hidden

    def _index(self, device: Any = None) -> int:
        if device is None:
            return self._machine.chosen
        return self._machine.device_of(device).index or 0

    def _memory(self, device: Any) -> Memory:
        return self._machine.memory(self._index(device))

    def _card(self, device: Any) -> Card:
        return self._machine.cards[self._index(device)]

    def _random(self, device: Any) -> torch.Generator:
        return self._machine.random.default[self._index(device)]

    # ---- which there are -----------------------------------------------------------------------
    def is_available(self):
        return True

    def device_count(self):
        return len(self._machine.cards)

    def is_initialized(self):
        return self._machine.context is not None

    @_begins
    def init(self):
        pass

    @_begins
    def current_device(self):
        return self._machine.chosen

    @_begins
    def set_device(self, device):
        self._machine.chosen = self._index(device)

    @contextlib.contextmanager
    def device(self, device) -> Iterator[None]:
        before, self._machine.chosen = self._machine.chosen, self._index(device)
        try:
            yield
        finally:
            self._machine.chosen = before

    # ---- what they are -------------------------------------------------------------------------
    @_begins
    def get_device_properties(self, device=None):
        return self._card(device).properties

    @_begins
    def get_device_capability(self, device=None):
        return self._card(device).capability

    @_begins
    def get_device_name(self, device=None):
        return self._card(device).name

    def is_bf16_supported(self, including_emulation=True):
        return including_emulation or self.get_device_capability() >= (8, 0)

    # ---- memory --------------------------------------------------------------------------------
    def memory_allocated(self, device=None):
        return self._memory(device).allocated

    memory_reserved = memory_allocated

    def max_memory_allocated(self, device=None):
        return self._memory(device).peak

    max_memory_reserved = max_memory_allocated

    @_begins
    def mem_get_info(self, device=None):
        return self._memory(device).free, self._card(device).memory

    def reset_peak_memory_stats(self, device=None):
        if not self.is_initialized():
            raise RuntimeError(f"Invalid device argument {self._index(device)}: did you call init?")
        memory = self._memory(device)
        memory.peak = memory.allocated

    def empty_cache(self):
        pass

    # ---- random numbers ------------------------------------------------------------------------
    @_begins
    def get_rng_state(self, device="cuda"):
        return self._random(device).get_state()

    def get_rng_state_all(self):
        return [self.get_rng_state(number) for number in range(self.device_count())]

    def set_rng_state(self, new_state, device="cuda"):
        self._random(device).set_state(new_state)

    def set_rng_state_all(self, new_states):
        for number, state in enumerate(new_states):
            self.set_rng_state(state, number)

    def manual_seed(self, seed):
        self._random(None).manual_seed(seed)

    def manual_seed_all(self, seed):
        for generator in self._machine.random.default:
            generator.manual_seed(seed)

    # ---- waiting -------------------------------------------------------------------------------
    def synchronize(self, device=None):
        where = self._machine.device_of(self._index(device))
        self._machine.note("wait", "synchronize", where, blocks=True)

    def is_current_stream_capturing(self):
        return False


def functions_of_mps(machine: PretendedCuda) -> dict[str, Any]:
    """What stands in `torch.mps`."""
    memory, generator, where = machine.memory(0), machine.random.default[0], torch.device("mps", 0)
    return {
        "synchronize": lambda: machine.note("wait", "synchronize", where, blocks=True),
        "empty_cache": lambda: None,
        "current_allocated_memory": lambda: memory.allocated,
        "driver_allocated_memory": lambda: memory.allocated,
        "recommended_max_memory": lambda: memory.card.memory,
        "manual_seed": generator.manual_seed,
        "get_rng_state": generator.get_state,
        "set_rng_state": generator.set_state,
    }
