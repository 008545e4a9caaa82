"""Maps of networks that learnt nothing, whose shares are the second null of each share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ricenet_v2.core.progress import track
from ricenet_v2.core.seeds import seed_of
from ricenet_v2.core.types import Mask
from ricenet_v2.explanation.explained_case import Subject
from ricenet_v2.explanation.maps import mapper_of
from ricenet_v2.explanation.options import ExplanationOptions, MapKind
from ricenet_v2.explanation.quantities.regions import is_outside
from ricenet_v2.explanation.quantities.shares import shares_of
from ricenet_v2.explanation.quantities.untrained import p_larger
from ricenet_v2.explanation.sanity.cascade import fresh_network
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.explained_case import Shares
from ricenet_v2.records.plan import Plan


def untrained_networks(
    plan: Plan, options: ExplanationOptions, like: Classifier
) -> tuple[Classifier, ...]:
    """Networks of a plan with random weights, as many as the options say, on another's device.

    They are the same for all cases, as the trained ones are.
    """
    device = next(like.parameters()).device
    seeds = [seed_of(options.seed, "untrained", n) for n in range(options.untrained)]
    return tuple(fresh_network(plan, seed, device) for seed in seeds)


def shares_of_untrained(
    subject: Subject,
    plan: Plan,
    networks: Sequence[Classifier],
    target: int,
    options: ExplanationOptions,
    parts: Mapping[str, Mask],
) -> dict[MapKind, dict[str, tuple[float, ...]]]:
    """The share of each network, by map and part; the maps of all channels, as they are shown.

    Args:
        subject: The case.
        plan: Plan of the networks.
        networks: Networks that learnt nothing.
        target: Index of the class.
        options: Options of the maps.
        parts: Masks by name.
    """
    by_kind: dict[MapKind, dict[str, tuple[float, ...]]] = {}
    for kind in options.kinds if networks else ():
        mapper = mapper_of(kind, subject, plan, target, options, as_shown=True)
        each = track(
            networks, f"{subject.title}, {kind} of untrained networks", total=len(networks)
        )
        network_shares = [
            shares_of(mapper(network), parts, subject.brain).found for network in each
        ]
        names = [name for name in network_shares[0] if not is_outside(name)]
        by_kind[kind] = {name: tuple(shares[name] for shares in network_shares) for name in names}
    return by_kind


def beside(shares: Shares, untrained: Mapping[str, tuple[float, ...]]) -> Shares:
    """The shares of a map with those of networks that learnt nothing, and p against them."""
    p = {name: p_larger(shares.found[name], each) for name, each in untrained.items()}
    known = {name: value for name, value in p.items() if value is not None}
    return replace(shares, untrained=dict(untrained), p_untrained=known)
