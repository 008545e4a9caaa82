"""What CUDA allows among the tensors of an operation, and for what the program waits."""

from __future__ import annotations

from typing import Any

import torch

from tests.pretended_cuda.tensor import DeviceTensor

INDEXING = {
    "index",
    "index_put",
    "index_put_",
    "_index_put_impl_",
    "_unsafe_index",
    "_unsafe_index_put",
}
COPIES = {"copy_", "_foreach_copy_"}
# The size or the value of the result is known to the device only.
WAITS = {
    "_local_scalar_dense",
    "is_nonzero",
    "equal",
    "nonzero",
    "masked_select",
    "_unique",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "bincount",
    "_linalg_check_errors",
}
GIVE_VALUES = {"_local_scalar_dense", "is_nonzero", "equal"}
# Of these CUDA takes no scalar without axes from the CPU.
_ALL_ON_ONE = {"cat", "stack", "gather", "scatter", "scatter_", "index_select", "embedding"}


def mixed(where: torch.device, other: Any, operation: str) -> RuntimeError:
    """The error for tensors of two devices."""
    return RuntimeError(
        "Expected all tensors to be on the same device, but found at least two devices, "
        f"{where} and {other}! ({operation})"
    )


def host_tensors(leaves: list[Any], operation: str) -> list[torch.Tensor]:
    """Tensors of the CPU that do not belong into an operation of the device."""
    return [
        x
        for x in leaves
        if isinstance(x, torch.Tensor)
        and not isinstance(x, DeviceTensor)
        and (x.dim() > 0 or operation in _ALL_ON_ONE)
    ]


def written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments that an operation writes to."""
    given = []
    for number, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[number] if number < len(args) else kwargs.get(argument.name)
            given += value if isinstance(value, (list, tuple)) else [value]
    return given


def masks(operation: str, args: tuple[Any, ...]) -> bool:
    """Whether an index is a mask of the device, whose number of voxels must be waited for."""
    if operation not in INDEXING or not isinstance(args[1], (list, tuple)):
        return False
    indices = [x for x in args[1] if isinstance(x, DeviceTensor)]
    if not any(x.dtype in {torch.bool, torch.uint8} for x in indices):
        return False
    # One value for all is a masked_fill, which is not waited for.
    fills = "put" in operation and args[2].numel() == 1 and len(indices) == 1
    return not fills
