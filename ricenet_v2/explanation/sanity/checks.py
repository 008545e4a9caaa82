"""All checks of the maps of one case."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

import numpy as np

from ricenet_v2.core.progress import Progress
from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Image
from ricenet_v2.explanation.attribution_baseline import reference_of
from ricenet_v2.explanation.explained_case import Subject
from ricenet_v2.explanation.map import Maps
from ricenet_v2.explanation.maps import mapper_of
from ricenet_v2.explanation.options import ExplanationOptions, MapKind
from ricenet_v2.explanation.sanity.cascade import cascade
from ricenet_v2.explanation.sanity.curves import Blocks, PerturbationCurves
from ricenet_v2.explanation.sanity.map_similarity import agreement, rank_correlation
from ricenet_v2.explanation.sanity.verdict import Findings, faults
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.stages import parts_of
from ricenet_v2.records.explained_case import ENSEMBLE, Check
from ricenet_v2.records.plan import Plan


def check_maps(
    subject: Subject,
    plan: Plan,
    members: Mapping[int, Classifier],
    control: Classifier | None,
    maps: Maps,
    target: int,
    options: ExplanationOptions,
) -> tuple[Check, ...]:
    """Check each kind of map; random weights, shuffled labels and curves with the first member.

    Args:
        subject: The case.
        plan: Plan of the networks.
        members: Networks by fold.
        control: A network that was trained on shuffled labels.
        maps: Maps of the case.
        target: Index of the class.
        options: Options by which they were made.
    """
    network = next(iter(members.values()))
    batch = plan.training.batch_size
    size = [max(1, round(options.occlusion.window_mm / mm)) for mm in subject.space.step]
    blocks = Blocks.of(subject.region, (size[0], size[1], size[2]))
    reference = reference_of(subject.array, plan, subject.space.step)
    random = generator(options.seed, "explanation", "orders", subject.case_id)
    description = f"{subject.title}, check of the maps by deleting and inserting, images"
    curves = PerturbationCurves(
        network, subject.array, reference, blocks, target, random, batch, description
    )
    return tuple(
        _check(kind, subject, plan, network, control, maps, target, options, curves)
        for kind in options.kinds
    )


def _check(
    kind: MapKind,
    subject: Subject,
    plan: Plan,
    network: Classifier,
    control: Classifier | None,
    maps: Maps,
    target: int,
    options: ExplanationOptions,
    curves: PerturbationCurves,
) -> Check:
    mapper, region = mapper_of(kind, subject, plan, target, options), subject.region
    n_maps = 1 + len(parts_of(network)) + (control is not None)
    with closing(
        Progress(f"{subject.title}, check of {kind} by other networks, maps", n_maps)
    ) as progress:

        def mapped(other: Classifier) -> Image:
            image = mapper(other)
            progress.add()
            return image

        original = mapped(network)
        correlations = cascade(network, plan, mapped, original, region, options.seed)
        other = None
        if control is not None:
            other = rank_correlation(np.abs(mapped(control)), np.abs(original), region)
    by_member = maps.of(kind)
    shown = by_member.pop(ENSEMBLE)
    first = next(iter(by_member.values()), shown)
    check = Check(
        map=kind,
        cascade=correlations,
        control=other,
        deletion=curves.deletion(first),
        insertion=curves.insertion(first),
        agreement=agreement(list(by_member.values()), region),
        failed=(),
        completeness=_worst_error(maps) if kind == "integrated_gradients" else None,
    )
    findings = Findings(
        randomised=list(correlations.values())[-1],
        control=other,
        deletion_better=check.deletion.better_than,
        insertion_better=check.insertion.better_than,
        agreement=check.agreement,
        completeness=check.completeness,
    )
    return replace(check, failed=faults(findings))


def _worst_error(maps: Maps) -> float:
    return max(entry.error for entry in maps.completeness)
