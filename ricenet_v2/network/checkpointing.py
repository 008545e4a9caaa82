"""Activation checkpointing: maps inside a block are made again in the backward pass, not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint

from ricenet_v2.network.build import Classifier
from ricenet_v2.network.stages import parts_of


def checkpoint_activations(network: Classifier) -> None:
    """Keep only what enters the stem and each block, in training; names of weights stay.

    Gradients are those without: dropped paths and dropout are drawn again from the same random
    state, and running statistics follow a batch once.

    Args:
        network: Is changed in place.
    """
    for block in _blocks(network):
        module_forward = block.forward
        block.forward = partial(_forward, block, module_forward)


def _blocks(network: Classifier) -> Iterator[nn.Module]:
    """The stem and the blocks of all stages; a stage that is no sequence of blocks as a whole."""
    *encoder, _head = parts_of(network).values()
    yield from encoder[:1]
    for stage in encoder[1:]:
        children = list(stage.children())
        sequence = children[0] if len(children) == 1 else stage
        yield from sequence if isinstance(sequence, nn.Sequential) else (stage,)


def _forward(block: nn.Module, forward: Callable[..., Any], x: torch.Tensor) -> Any:
    if not (block.training and torch.is_grad_enabled()):
        return forward(x)
    contexts = partial(_contexts, block)
    return checkpoint(forward, x, use_reentrant=False, context_fn=contexts)


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    return nullcontext(), _statistics_kept(block)


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """The second forward pass takes the statistics of the batch and leaves the running ones."""
    norms = [m for m in block.modules() if isinstance(m, _NormBase) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
