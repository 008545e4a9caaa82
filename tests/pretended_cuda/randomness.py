"""Random numbers of a pretended device: a generator for each card, and the program's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

RealGenerator = torch.Generator


class DeviceGenerator(RealGenerator):
    """`torch.Generator`, also of a device."""

    def __new__(cls, device="cpu"):
        from tests.pretended_cuda.current import active

        machine = active()
        generator = super().__new__(cls, "cpu")
        where = machine.device_of(device)
        if where.type == machine.kind:
            machine.begin_context()
        machine.random.register(generator, where)
        return generator

    def __init__(self, *_, **__):
        pass

    @property
    def device(self):
        from tests.pretended_cuda.current import active

        return active().random.where(self)


class Randomness:
    """Generators of the cards."""

    def __init__(self, count: int) -> None:
        self.default = [RealGenerator().manual_seed(67280421310721) for _ in range(count)]
        self._where: dict[int, torch.device] = {}
        self._kept: list[Any] = []  # so that no other gets the address of one

    def register(self, generator: RealGenerator, where: torch.device) -> None:
        """Note where a generator belongs."""
        self._where[generator._cdata] = where
        self._kept.append(generator)

    def where(self, generator: RealGenerator) -> torch.device:
        """Device of a generator."""
        return self._where.get(generator._cdata, torch.device("cpu"))

    def check(self, generators: list[RealGenerator], where: torch.device) -> None:
        """Refuse a generator of another device."""
        for generator in generators:
            its = self.where(generator)
            if its.type != where.type or (its.index or 0) != (where.index or 0):
                raise RuntimeError(
                    f"Expected a '{where}' device type for generator but found '{its}'"
                )

    @contextmanager
    def of_card(self, index: int) -> Iterator[None]:
        """Let torch's own generator be that of a card for a while."""
        before = torch.random.get_rng_state()
        torch.random.set_rng_state(self.default[index].get_state())
        try:
            yield
        finally:
            self.default[index].set_state(torch.random.get_rng_state())
            torch.random.set_rng_state(before)
