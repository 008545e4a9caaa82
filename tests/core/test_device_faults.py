"""By which words CUDA and its libraries say that memory has run out, or that the device is lost."""

import pytest
import torch

from ricenet_v2.core.device_faults import (
    has_lost_device,
    lacks_device_memory,
    lacks_memory,
    lost_device,
)
from ricenet_v2.core.errors import CheckpointError, TrainingError

NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
]
NO_HOST_MEMORY = [
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("not enough memory: you tried to allocate 8 bytes"),
]
LOST = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    torch.AcceleratorError("CUDA error: device-side assert triggered\nCompile with ..."),
    torch.AcceleratorError("CUDA error: something that a later version says"),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"),
    RuntimeError("CUDA error: uncorrectable ECC error encountered"),
    TrainingError("Traceback ...\nAcceleratorError: an illegal memory access\n  process: 1 of 2"),
]
NEITHER = [
    torch.AcceleratorError("CUDA error: invalid device ordinal"),
    torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device"),
    RuntimeError("shapes do not fit"),
    ValueError("odd"),
    CheckpointError("This checkpoint cannot be read.", remedy="Where it ran out of memory: ..."),
    TrainingError("A process has died.", remedy="If the machine ran out of memory: ..."),
]


def _name(error):
    return str(error)[:40]


@pytest.mark.parametrize("error", [*NO_MEMORY, *NO_HOST_MEMORY, *LOST, *NEITHER], ids=_name)
def test_each_is_taken_for_what_it_is(error):
    assert lacks_device_memory(error) is (error in NO_MEMORY)
    assert lacks_memory(error) is (error in NO_MEMORY or error in NO_HOST_MEMORY)
    assert has_lost_device(error) is (error in LOST)


def test_the_cause_of_an_error_counts():
    error = TrainingError("The fold failed.")
    assert not has_lost_device(error)
    error.__cause__ = LOST[0]
    assert has_lost_device(error)


def test_the_error_names_the_line_that_matters():
    error = RuntimeError("Traceback\n  CUDA error: misaligned address\nCompile with TORCH_USE...")
    told = lost_device(error, "The device failed in fold 1.")
    assert has_lost_device(told)
    assert told.got == "RuntimeError: CUDA error: misaligned address"
    assert "--continue" in str(told)
    assert "CUDA_LAUNCH_BLOCKING=1" in str(told)
