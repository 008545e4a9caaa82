from __future__ import annotations

import pytest
import torch

from ricenet_v2.network.tensor_memory import LiveBytes


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_storages_live_from_their_making_to_their_end(device):
    """By hand: 400 + 400 bytes at once, a view is nothing new, then 400 are left."""
    known = torch.zeros(50, device=device)
    with LiveBytes([known]) as live:
        first = torch.ones(100, device=device)
        assert live.now == 400
        second = first.view(10, 10) + 1
        assert (live.now, live.peak) == (800, 800)
        del first
        assert live.now == 400
        known.add_(1)
        assert live.now == 400
        del second
    assert (live.now, live.peak) == (0, 800)
