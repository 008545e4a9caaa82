import logging

import numpy as np
import pytest
import torch

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.explanation.occlusion.batches import in_batches

MESSAGES = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
)


@pytest.mark.parametrize("error", MESSAGES, ids=["cuda", "error", "cudnn", "cublas", "mps", "cpu"])
def test_where_memory_runs_out_the_batch_is_halved_and_that_is_said(error, caplog):
    seen = []

    def compute(numbers):
        if len(numbers) > 3:
            raise error
        seen.append(len(numbers))
        return torch.tensor(numbers.copy())[:, None] * 2.0

    with caplog.at_level(logging.WARNING):
        found = in_batches(np.arange(25)[::-1], 16, compute)
    assert found[:, 0].tolist() == [2.0 * n for n in range(24, -1, -1)]
    assert max(seen) == 2
    assert [record.args for record in caplog.records] == [(16, 8), (8, 4), (4, 2)]


def test_without_memory_for_one_image_it_ends_in_words():
    def compute(numbers):
        raise MESSAGES[0]

    with pytest.raises(RicenetError, match="no memory for one occluded image"):
        in_batches(np.arange(3), 2, compute)


def test_other_faults_are_not_taken_for_missing_memory():
    def compute(numbers):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="do not fit"):
        in_batches(np.arange(3), 2, compute)
