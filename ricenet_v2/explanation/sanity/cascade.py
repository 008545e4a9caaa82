"""Weights made random from the top down (Adebayo et al. 2018): the map must change with them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch

from ricenet_v2.core.seeds import seed_of
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.explanation.sanity.map_similarity import rank_correlation
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.network.random_state import seeded
from ricenet_v2.network.stages import parts_of
from ricenet_v2.records.plan import Plan

Mapper = Callable[[Classifier], Image]
"""Function from a network to its map of a case."""


def cascade(
    network: Classifier, plan: Plan, mapper: Mapper, original: Image, region: Mask, seed: int
) -> dict[str, float]:
    """Rank correlations of absolute maps: the network's own, and with parts made random.

    The absolute value is the harder test: a map that shows the edges of the images whatever the
    weights are passes with signs that are random.

    Args:
        network: The network that was explained.
        plan: Plan of the network.
        mapper: Makes the map.
        original: Map of the network by the same mapper.
        region: Voxels that count.
        seed: Seed of the random weights.

    Returns:
        By part, head first; each stands for itself and all parts before it.
    """
    randomised = copy.deepcopy(network)
    fresh = fresh_network(plan, seed, next(network.parameters()).device)
    sources = parts_of(fresh)
    correlations = {}
    for name, part in reversed(parts_of(randomised).items()):
        part.load_state_dict(sources[name].state_dict())
        correlations[name] = rank_correlation(np.abs(mapper(randomised)), np.abs(original), region)
    return correlations


def fresh_network(plan: Plan, seed: int, device: torch.device) -> Classifier:
    """The network of a plan with random weights, in evaluation mode."""
    with seeded(seed_of(seed, "explanation", "random weights"), torch.device("cpu")):
        built = build_network(plan.network, len(plan.channels), len(plan.classes))
    network: Classifier = built.to(device).eval()
    return network
