"""Activation checkpointing: maps inside a block are recomputed in the backward pass, not kept."""

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

_Both = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


def checkpoint_activations(
    network: Classifier, casts: AbstractContextManager[Any] | None = None
) -> None:
    """Keep only what enters the stem and each block, in training; names of weights stay.

    Gradients are those without: dropped paths and dropout are drawn again from the same random
    state, and running statistics follow a batch once.

    Args:
        network: Is changed in place.
        casts: Context of the second forward pass, where its precision is not torch's autocast,
            which is remembered.
    """
    for block in _blocks(network):
        contexts = partial(_contexts, block, casts or nullcontext())
        block.forward = partial(_forward, block, block.forward, contexts)


def _blocks(network: Classifier) -> Iterator[nn.Module]:
    """The stem and the blocks of all stages; a stage that is no sequence of blocks as a whole."""
    *encoder, _head = parts_of(network).values()
    yield from encoder[:1]
    for stage in encoder[1:]:
        children = list(stage.children())
        sequence = children[0] if len(children) == 1 else stage
        yield from sequence if isinstance(sequence, nn.Sequential) else (stage,)


def _forward(
    block: nn.Module, forward: Callable[..., Any], contexts: Callable[[], _Both], x: torch.Tensor
) -> Any:
    if not (block.training and torch.is_grad_enabled()):
        return forward(x)
    return checkpoint(forward, x, use_reentrant=False, context_fn=contexts)


def _contexts(block: nn.Module, casts: AbstractContextManager[Any]) -> _Both:
    return nullcontext(), _second_pass(block, casts)


@contextmanager
def _second_pass(block: nn.Module, casts: AbstractContextManager[Any]) -> Iterator[None]:
    """It leaves the running statistics as the first forward pass made them."""
    norms = [m for m in block.modules() if isinstance(m, _NormBase) and m.track_running_stats]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        with casts:
            yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.sub_(1)
