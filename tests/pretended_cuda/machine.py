"""The pretended machine: every operation of its block goes through it."""

from __future__ import annotations

import collections
import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils import _python_dispatch

from tests.pretended_cuda import current, rules
from tests.pretended_cuda.answers import Answers
from tests.pretended_cuda.backlog import Backlog
from tests.pretended_cuda.cards import H100, Card
from tests.pretended_cuda.copies import Copies
from tests.pretended_cuda.face import patched
from tests.pretended_cuda.ledger import Event, place
from tests.pretended_cuda.memory import Memory
from tests.pretended_cuda.products import is_product, rounded
from tests.pretended_cuda.randomness import Randomness, RealGenerator
from tests.pretended_cuda.streams import Streams
from tests.pretended_cuda.tensor import DeviceTensor
from tests.pretended_cuda.values import leaves_of, mapped, tensors_of

_NO_FLOAT64 = (
    "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. "
    "Please use float32 instead."
)
_FORKED = (
    "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must "
    "use the 'spawn' start method"
)


def _inner(x: DeviceTensor) -> torch.Tensor:
    return x.inner


def _draws(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether an operation draws from the device's own generator."""
    if torch.Tag.nondeterministic_seeded not in func.tags:
        return False
    return not any(isinstance(x, RealGenerator) for x in (*args, *kwargs.values()))


class PretendedCuda(Copies, Answers, _python_dispatch.TorchDispatchMode):
    """See the package."""

    def __init__(
        self,
        cards: Sequence[Card] = (H100,),
        *,
        kind: str = "cuda",
        lag: float = 0.0,
        emulate_tf32: bool = False,
        out_of_memory: Callable[[str], Exception] = torch.OutOfMemoryError,
    ) -> None:
        super().__init__()
        self.cards, self.kind, self.lag = tuple(cards), kind, lag
        self.emulate_tf32, self.out_of_memory = emulate_tf32, out_of_memory
        self.chosen = 0
        self.events: list[Event] = []
        self.context: str | None = None
        self.float64: collections.Counter[str] = collections.Counter()
        self.tf32: collections.Counter[str] = collections.Counter()
        self.products: collections.Counter[tuple[int, torch.dtype]] = collections.Counter()
        self.backlog, self.streams = Backlog(), Streams()
        self.random = Randomness(len(self.cards))
        self._memories = [Memory(card) for card in self.cards]
        self._pinned: set[int] = set()
        self._local = threading.local()
        self._process = os.getpid()
        self._error: tuple[Exception, int] | None = None

    # ---- devices -------------------------------------------------------------------------------
    def device_of(self, device: Any) -> torch.device:
        """A device with its number.

        Raises:
            RuntimeError: There is no such card.
        """
        where = torch.device(self.kind, device) if isinstance(device, int) else torch.device(device)
        if where.type == "cuda" and self.kind == "mps":  # see face._AppleIsCuda
            where = torch.device("mps", 0)
        if where.type != self.kind:
            return where
        index = self.chosen if where.index is None else where.index
        if index >= len(self.cards):
            raise torch.AcceleratorError("CUDA error: invalid device ordinal")
        return torch.device(self.kind, index)

    def begin_context(self) -> None:
        """Begin CUDA in this process, if nobody did."""
        if self.context is None:
            self.context, self._process = place(), os.getpid()
        elif self._process != os.getpid():
            raise RuntimeError(_FORKED)

    def note(
        self, kind: str, name: str, where: torch.device, size: int = 0, *, blocks: bool
    ) -> None:
        """Write down a transfer or a wait, and wait; what is empty is not transferred."""
        self.begin_context()
        if kind != "wait" and not size:
            return
        self.events.append(Event(kind, name, size, blocks, place()))
        if blocks:
            self.backlog.wait()
            self.streams.settle()

    @contextlib.contextmanager
    def within(self, where: torch.device | None, *, quiet: bool = False) -> Iterator[None]:
        """Inside of torch: what is made there, is made on this device."""
        before = self._inside
        self._local.inside = (where or before[0], quiet or before[1])
        try:
            yield
        finally:
            self._local.inside = before

    @property
    def _inside(self) -> tuple[torch.device | None, bool]:
        return getattr(self._local, "inside", (None, False))

    # ---- operations ----------------------------------------------------------------------------
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        # In inference mode even what is composed of other operations comes here.
        if isinstance(func, torch._ops.OpOverload) and func._can_decompose():
            with self._again():
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        name = func._overloadpacket.__name__ if hasattr(func, "_overloadpacket") else str(func)
        leaves = leaves_of(args, kwargs)
        mine = [x for x in leaves if isinstance(x, DeviceTensor)]
        target = None if kwargs.get("device") is None else self.device_of(kwargs["device"])
        if not mine and (target is None or target.type != self.kind):
            return self._on_host(func, leaves, args, kwargs)
        self.begin_context()
        self.fail_as_ordered()
        if target is not None:
            kwargs["device"] = torch.device("cpu")
        if name == "_to_copy" and not mine:
            return self.bring_up(func, args[0], kwargs, target)
        if name in rules.COPIES and self.copied(name, args, kwargs):
            return args[0] if name == "copy_" else None
        where = mine[0].where if mine else target
        self._check(func, name, leaves, where, args, kwargs)
        self.check_order(mine)
        return self._computed(func, name, where, mine, args, kwargs)

    def _computed(self, func, name, where, mine, args, kwargs):
        index, own = where.index or 0, _draws(func, args, kwargs)
        inner_args = tuple(mapped(DeviceTensor, _inner, x) for x in args)
        inner_kwargs = {n: mapped(DeviceTensor, _inner, x) for n, x in kwargs.items()}
        if is_product(name):
            inner_args = self._product(name, index, inner_args)
        with self._below(), self.random.of_card(index) if own else contextlib.nullcontext():
            result = func(*inner_args, **inner_kwargs)
        if name in rules.WAITS or rules.masks(name, args):
            self.note("wait", name, where, blocks=True)
            if name in rules.GIVE_VALUES:
                return result
        result = self._all_wrapped(func, result, where, mine)
        if mine:
            return _python_dispatch.return_and_correct_aliasing(func, args, kwargs, result)
        return result

    def _on_host(self, func, leaves, args, kwargs):
        generators = [x for x in leaves if isinstance(x, RealGenerator)]
        inside, _ = self._inside
        is_made = not any(isinstance(x, torch.Tensor) for x in leaves)
        where = inside if is_made and inside is not None else torch.device("cpu")
        self.random.check(generators, where)
        pins = bool(kwargs.pop("pin_memory", None))
        result = func(*args, **kwargs)
        if pins:
            self.mark_pinned(result)
        if where.type == self.kind and isinstance(result, torch.Tensor):
            return self.wrapped(result, where)
        return result

    def _check(self, func, name, leaves, where, args, kwargs):
        """Refuse tensors and generators of two devices."""
        self.random.check([x for x in leaves if isinstance(x, RealGenerator)], where)
        for x in leaves:
            if isinstance(x, DeviceTensor) and x.where != where:
                raise rules.mixed(where, x.where, name)
        others = rules.host_tensors(leaves, name)
        if others and name in rules.INDEXING and isinstance(args[0], DeviceTensor):
            values = args[2] if len(args) > 2 else kwargs.get("values")
            if not any(x is values for x in others):
                for index in others:
                    self.note("up", name, where, index.nbytes, blocks=True)
                others = []
        hosts = [x for x in rules.written(func, args, kwargs) if isinstance(x, torch.Tensor)]
        if others or any(not isinstance(x, DeviceTensor) for x in hosts):
            raise rules.mixed(where, "cpu", name)

    def _product(self, name, index, args):
        """Note a product or convolution, and let it take the device's time."""
        dtype = tensors_of(args)[0].dtype
        self.products[index, dtype] += 1
        if self.lag and "convolution" in name:
            self.backlog.add(self.lag)
        if self.kind == "cuda" and self.cards[index].capability >= (8, 0):
            changed = rounded(name, args, emulate=self.emulate_tf32)
            if changed is not None:
                self.tf32[place()] += 1
                return changed
        return args

    # ---- wrapping ------------------------------------------------------------------------------
    def _all_wrapped(self, func, result, where, mine):
        tensors = tensors_of(result)
        if any(x.dtype == torch.float64 for x in tensors):
            self.float64[place()] += 1
            if self.kind == "mps":
                raise TypeError(_NO_FLOAT64)
        missing = sum(self.memory(where.index or 0).take(x.untyped_storage()) for x in tensors)
        if missing:
            del result, tensors
            self.backlog.wait()
            raise self.out_of_memory(self.memory(where.index or 0).words(missing, where.index or 0))

        def there(x: torch.Tensor) -> DeviceTensor:
            return DeviceTensor(x, where, self.streams.born())

        if not torch.is_inference_mode_enabled():
            return mapped(torch.Tensor, there, result)
        # A view of a tensor that was made outside of inference mode is one of those, too.
        returns = func._schema.returns
        views = any(r.alias_info is not None and not r.alias_info.is_write for r in returns)
        was_made_outside = bool(mine) and views and not mine[0].is_inference()
        with torch.inference_mode(not was_made_outside):
            return mapped(torch.Tensor, there, result)

    def wrapped(self, inner: torch.Tensor, where: torch.device) -> DeviceTensor:
        """A tensor of the device with these values.

        Raises:
            OutOfMemoryError: The card has no memory for it.
        """
        memory = self.memory(where.index or 0)
        if inner.dtype == torch.float64 and self.kind == "mps":
            raise TypeError(_NO_FLOAT64)
        if missing := memory.take(inner.untyped_storage()):
            del inner
            raise self.out_of_memory(memory.words(missing, where.index or 0))
        return DeviceTensor(inner, where, self.streams.born())

    def check_order(self, tensors: Sequence[DeviceTensor]) -> None:
        """Note tensors that another stream may not have made yet."""
        if not all(self.streams.is_ready(x.born) for x in tensors):
            self.races.append(place())

    # ---- the block -----------------------------------------------------------------------------
    @contextlib.contextmanager
    def _below(self):
        with torch._C._DisableTorchDispatch():
            yield

    @contextlib.contextmanager
    def _again(self):
        _python_dispatch._push_mode(self)
        try:
            yield
        finally:
            _python_dispatch._pop_mode()

    def __enter__(self):
        current.begin(self)
        self._stack = contextlib.ExitStack()
        self._stack.callback(current.end, self)
        self._stack.enter_context(patched(self))
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._stack.close()
