"""Tensors of a pretended device."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_map

from tests.pretended_cuda.current import active

_T = torch.Tensor


class DeviceTensor(torch.Tensor):
    """A tensor that says it is on `where`; `inner`, on the CPU, holds its values."""

    inner: torch.Tensor
    where: torch.device
    born: tuple[int, int] | None

    @staticmethod
    def __new__(cls, inner, where, born=None):
        wrapped = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            inner.stride(),
            inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=inner.device,
            requires_grad=False,
        )
        wrapped.inner, wrapped.where, wrapped.born = inner, where, born
        return wrapped

    def __repr__(self, **_):
        return f"DeviceTensor({self.inner!r}, {self.where})"

    def __deepcopy__(self, memo):
        copied = active().wrapped(self.inner.detach().clone(), self.where)
        copied.requires_grad_(self.requires_grad)
        if getattr(self, "_is_param", False):
            copied._is_param = True
        memo[id(self)] = copied
        return copied

    def __array__(self, *_, **__):
        raise TypeError(
            f"can't convert {self.where} device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if args and isinstance(args[0], DeviceTensor):
            if func in _ASKED:
                return _ASKED[func](args[0])
            if func in _ANSWERS:
                return _ANSWERS[func](*args, **kwargs)
        elif func in {_T.to, _T.type_as}:  # a tensor of the host is to be as one of the device is
            other = kwargs.get("other", args[1] if len(args) > 1 else None)
            return args[0].to(other.where, other.dtype, *args[2:])
        device = kwargs.get("device")
        if device is not None and func not in _ANSWERS and torch.device(device).type == "cpu":
            # Only its shape and type are wanted, as by `zeros_like(x, device="cpu")`.
            return func(*tree_map(inner_of, args), **tree_map(inner_of, kwargs))
        # What torch itself makes on the way (such as the classes of one_hot) is where its
        # arguments are.
        with active().within(first_of(args, kwargs)), torch._C.DisableTorchFunctionSubclass():
            return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return active().__torch_dispatch__(func, types, args, kwargs or {})


def inner_of(value: Any) -> Any:
    """The values of a tensor of the device; anything else as it is."""
    return value.inner if isinstance(value, DeviceTensor) else value


def first_of(args: Any, kwargs: Any) -> torch.device | None:
    """The device of the first tensor of one among these arguments."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, DeviceTensor):
            return value.where
        if isinstance(value, (list, tuple)) and (where := first_of(value, {})) is not None:
            return where
    return None


class _Down(torch.autograd.Function):
    """To the CPU, and the gradient back."""

    @staticmethod
    def forward(ctx, x, non_blocking):
        ctx.where = x.where
        return active().bring_down(x, "to", non_blocking=non_blocking)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.to(ctx.where), None


class _Across(torch.autograd.Function):
    """To another card, and the gradient back."""

    @staticmethod
    def forward(ctx, x, where):
        ctx.where = x.where
        return active().bring_across(x, where)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.to(ctx.where), None


def _down(self, non_blocking=False):
    if torch.is_grad_enabled() and self.requires_grad:
        return _Down.apply(self, non_blocking)
    return active().bring_down(self, "to", non_blocking=non_blocking)


def _wanted(args, kwargs):
    """Device and type that `Tensor.to` is asked for."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    for value in (*args, kwargs.get("other")):
        if isinstance(value, torch.dtype):
            dtype = value
        elif isinstance(value, torch.Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, (str, int, torch.device)) and not isinstance(value, bool):
            device = value
    flags = [value for value in args if isinstance(value, bool)]
    non_blocking = kwargs.get("non_blocking", flags[0] if flags else False)
    return None if device is None else active().device_of(device), dtype, bool(non_blocking)


def _to(self, *args, **kwargs):
    device, dtype, non_blocking = _wanted(args, kwargs)
    if device is not None and device.type == "cpu":
        there = _down(self, non_blocking)
        return there if dtype is None else there.to(dtype)  # types are changed on the host
    form = {n: kwargs[n] for n in ("memory_format",) if kwargs.get(n) is not None}
    result = self
    with torch._C.DisableTorchFunctionSubclass():
        if form or dtype not in {None, self.dtype}:
            result = torch.Tensor.to(self, dtype=dtype or self.dtype, **form)
        if kwargs.get("copy") and result is self:
            result = self.clone()
    if device is None or device == self.where:
        return result
    if device.type != self.where.type:
        raise RuntimeError(f"there is no device {device} beside {self.where}")
    if torch.is_grad_enabled() and result.requires_grad:
        return _Across.apply(result, device)
    return active().bring_across(result, device)


def _cuda(self, device=None, non_blocking=False, **_):
    return _to(self, "cuda" if device is None else device, non_blocking=non_blocking)


def _tolist(self):
    active().note("wait", "tolist", self.where, blocks=True)
    return self.inner.detach().tolist()


def _new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, **_):
    where = self.where if device is None else device
    built = torch.tensor(data, dtype=dtype or self.dtype, device=where)
    return built.requires_grad_(requires_grad)


def _set_item(self, key, value):
    # A number becomes a kernel's argument, not a transfer.
    is_number = not isinstance(value, torch.Tensor)
    with active().within(self.where, quiet=is_number), torch._C.DisableTorchFunctionSubclass():
        self[key] = value


_ASKED = {
    _T.device.__get__: lambda x: x.where,
    _T.is_cuda.__get__: lambda x: x.where.type == "cuda",
    _T.is_mps.__get__: lambda x: x.where.type == "mps",
    _T.is_cpu.__get__: lambda x: False,
    _T.get_device: lambda x: x.where.index,
    _T.data_ptr: lambda x: x.inner.data_ptr(),
    _T.untyped_storage: lambda x: x.inner.untyped_storage(),
    _T.tolist: _tolist,
}
_ANSWERS = {
    _T.numpy: lambda x, *_, **__: x.__array__(),
    _T.__array__: lambda x, *_, **__: x.__array__(),
    _T.record_stream: lambda x, *_, **__: None,
    _T.cpu: lambda x, *_, **__: _down(x),
    _T.to: _to,
    _T.cuda: _cuda,
    _T.new_tensor: _new_tensor,
    _T.__setitem__: _set_item,
}
