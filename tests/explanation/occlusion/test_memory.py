import logging

import numpy as np
import pytest
import torch

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.explanation.occlusion.memory import batch_for

MIB = 1024**2


def _compute(most):
    """One MiB a window; memory for so many."""

    def compute(numbers):
        if len(numbers) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return torch.zeros(len(numbers), MIB // 4)

    return compute


@pytest.mark.parametrize("most", [1, 3])
def test_where_the_trial_runs_out_of_memory_fewer_are_tried(most, caplog):
    with caplog.at_level(logging.WARNING):
        batch = batch_for(10 / 1024, _compute(most), np.arange(3), (), 0)
    assert batch == 5  # with a copy of each
    assert bool(caplog.records) == (most == 1)


def test_without_memory_for_one_window_it_ends_in_words():
    with pytest.raises(RicenetError, match="no memory for one occluded image"):
        batch_for(1, _compute(0), np.arange(3), (), 0)
