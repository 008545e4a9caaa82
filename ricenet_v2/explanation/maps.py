"""All maps of one case: occlusion by channel and member, and the gradient maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ricenet_v2.core.progress import Progress, track
from ricenet_v2.core.types import Image
from ricenet_v2.explanation.attribution_baseline import description_of, reference_of
from ricenet_v2.explanation.explained_case import Subject
from ricenet_v2.explanation.gradients.cam import gradcam, hirescam
from ricenet_v2.explanation.gradients.integrated import Integrated, integrated_gradients
from ricenet_v2.explanation.map import Map, Maps, filled, mean, named, together
from ricenet_v2.explanation.occlusion.occlude import OcclusionMap, occlude
from ricenet_v2.explanation.occlusion.prepared import Occlusions, prepare
from ricenet_v2.explanation.occlusion.windows import lay_windows
from ricenet_v2.explanation.options import ExplanationOptions, MapKind
from ricenet_v2.inference.combining import Combined
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.test_time_augmentation import check_finite, probabilities
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.explained_case import ALL, ENSEMBLE, LOG_ODDS, PROBABILITY, Completeness
from ricenet_v2.records.plan import Plan

Members = Mapping[int, Classifier]


def make_maps(
    subject: Subject, plan: Plan, members: Members, target: int, options: ExplanationOptions
) -> Maps:
    """Make all requested maps.

    Args:
        subject: The case.
        plan: Plan of the networks.
        members: Networks by fold.
        target: Index of the class.
        options: Kinds of maps, and their settings.

    Raises:
        GeometryError: The windows do not fit the image.
        RicenetError: The device lacks memory for a single window.
    """
    all_maps: list[Map] = []
    if "occlusion" in options.kinds:
        all_maps += _occlusion(subject, plan, members, target, options)
    completeness: tuple[Completeness, ...] = ()
    if "integrated_gradients" in options.kinds:
        by_fold = _integrated(subject, plan, members, target)
        completeness = tuple(
            Completeness(
                fold,
                integrated.score,
                integrated.reference,
                float(integrated.values.sum()),
                integrated.steps,
            )
            for fold, integrated in by_fold.items()
        )
        all_maps += _integrated_maps(by_fold, plan, _there(subject, plan))
    for kind, sentences in _CAM_SENTENCES.items():
        if kind in options.kinds:
            mapper = mapper_of(kind, subject, plan, target, options)
            each = track(members.items(), f"{subject.title}, {kind}, networks")
            maps = {fold: mapper(network) for fold, network in each}
            all_maps += together(kind, maps, sentences)
    return Maps(tuple(all_maps), completeness)


_CAM_SENTENCES: dict[MapKind, tuple[str, ...]] = {
    "hirescam": ("Last feature map times its gradient: what the head added up, place by place.",),
    "gradcam": (
        "Features of the last stage but one, weighed by their mean gradients; positive part only.",
    ),
}


def mapper_of(
    kind: MapKind,
    subject: Subject,
    plan: Plan,
    target: int,
    options: ExplanationOptions,
    *,
    as_shown: bool = False,
) -> Callable[[Classifier], Image]:
    """A function from a network to its map of all channels; occlusion and steps coarser than shown.

    Args:
        kind: Kind of the map.
        subject: The case.
        plan: Plan of the networks.
        target: Index of the class.
        options: Settings of the maps.
        as_shown: Whether the cubes of occlusion lie as near to each other as in what is shown.
    """
    if kind == "occlusion":
        stride = options.occlusion.stride_mm if as_shown else options.occlusion.window_mm
        prepared = _prepared(subject, plan, options, stride)
        return lambda network: filled(occlude(network, prepared, target).logit)
    if kind == "integrated_gradients":
        reference = reference_of(subject.array, plan, subject.space.step)
        batch = plan.training.batch_size

        def integrated(network: Classifier) -> Image:
            attribution = integrated_gradients(
                network, subject.array, reference, target, batch, most_steps=0
            )
            return np.asarray(attribution.values.sum(axis=0), dtype=np.float32)

        return integrated
    cam = {"hirescam": hirescam, "gradcam": gradcam}[kind]
    return lambda network: np.where(
        subject.region, cam(network, subject.array, plan.network, target), np.float32(0)
    )


def _prepared(
    subject: Subject, plan: Plan, options: ExplanationOptions, stride_mm: float
) -> Occlusions:
    """Windows of the size that is shown, all channels hidden at once."""
    settings = replace(options.occlusion, stride_mm=stride_mm, channel=None)
    return prepare(
        subject.array, subject.region, plan, settings, subject.case_id, subject.space.left
    )


def _occlusion(
    subject: Subject, plan: Plan, members: Members, target: int, options: ExplanationOptions
) -> list[Map]:
    """All channels at once, by member and as an ensemble; then each channel alone."""
    maps: list[Map] = []
    there = _there(subject, plan)
    names = [None, *there] if len(there) > 1 else [None]
    for channel, by_fold in _occluded(subject, plan, members, target, options, names):
        sentences = tuple(
            dict.fromkeys(
                sentence for occlusion_map in by_fold.values() for sentence in occlusion_map.words
            )
        )
        maps += _occlusion_maps(channel, by_fold, sentences)
    if len(names) == 1:
        only = there[0]
        whole = next(m for m in maps if m.member == ENSEMBLE and m.unit == LOG_ODDS)
        maps.append(replace(whole, name=named("occlusion", only), channel=only))
    return maps


def _there(subject: Subject, plan: Plan) -> list[str]:
    """Channels that the case has: of one that is missing there is nothing to explain."""
    names = (channel.name for channel in plan.channels)
    return [name for name in names if name not in subject.record.missing]


def _occluded(
    subject: Subject,
    plan: Plan,
    members: Members,
    target: int,
    options: ExplanationOptions,
    channels: Sequence[str | None],
) -> Iterator[tuple[str | None, dict[int, OcclusionMap]]]:
    """Each channel, and all where None, with the map of each network."""
    how, n_maps = options.occlusion, len(channels) * len(members)
    n = len(lay_windows(subject.region, plan.spacing, how.window_mm, how.stride_mm))
    with closing(Progress(subject.title, n_maps * n)) as progress:
        for before, channel in enumerate(channels):
            settings = replace(how, channel=channel)
            prepared = prepare(
                subject.array, subject.region, plan, settings, subject.case_id, subject.space.left
            )
            by_fold = {}
            for number, fold in enumerate(members, start=1 + before * len(members)):
                progress.description = (
                    f"{subject.title}, occlusion map {number} of {n_maps} "
                    f"({channel or 'all channels'}, fold {fold}), cubes"
                )
                by_fold[fold] = occlude(members[fold], prepared, target, progress.add)
                progress.reach(number * n)
            yield channel, by_fold


def _occlusion_maps(
    channel: str | None, by_fold: Mapping[int, OcclusionMap], sentences: tuple[str, ...]
) -> list[Map]:
    """The map in log odds of the ensemble and of each member, and as a change of probability."""
    logits = {fold: filled(occlusion_map.logit) for fold, occlusion_map in by_fold.items()}
    probability = mean([filled(occlusion_map.probability) for occlusion_map in by_fold.values()])
    name, shown = named("occlusion_probability", channel), channel or ALL
    return [
        *together("occlusion", logits, sentences, channel),
        Map(name, "occlusion", shown, ENSEMBLE, PROBABILITY, probability, sentences),
    ]


def _integrated(
    subject: Subject, plan: Plan, members: Members, target: int
) -> dict[int, Integrated]:
    reference = reference_of(subject.array, plan, subject.space.step)
    batch = plan.training.batch_size
    return {
        fold: integrated_gradients(network, subject.array, reference, target, batch)
        for fold, network in track(
            members.items(), f"{subject.title}, integrated gradients, networks"
        )
    }


def _integrated_maps(
    by_fold: Mapping[int, Integrated], plan: Plan, there: Sequence[str]
) -> list[Map]:
    sentences = (f"Integrated gradients from a reference: {description_of(plan)}.",)
    whole = {
        fold: np.asarray(integrated.values.sum(axis=0), dtype=np.float32)
        for fold, integrated in by_fold.items()
    }
    maps = together("integrated_gradients", whole, sentences)
    for n, channel in enumerate(plan.channels):
        if channel.name not in there:
            continue
        alone = {fold: integrated.values[n] for fold, integrated in by_fold.items()}
        maps += together("integrated_gradients", alone, sentences, channel.name)
    return maps


def probabilities_of(
    members: Members, array: Image, mirror_axes: Sequence[int] = (), odds: Odds | None = None
) -> NDArray[np.float64]:
    """Mean probabilities (classes,) of the members for a case, each averaged over mirrorings.

    Args:
        members: Networks by fold.
        array: Preprocessed images (channels, z, y, x).
        mirror_axes: Axes (0 z, 1 y, 2 x) that may be flipped.
        odds: Prior odds by which prediction corrects the outputs; None leaves them unchanged.
    """
    return combined_of(members, array, mirror_axes, odds or Odds()).probabilities


def combined_of(
    members: Members,
    array: Image,
    mirror_axes: Sequence[int],
    odds: Odds,
    case_id: str = "case",
) -> Combined:
    """Prediction of a case by ricenet_predict; the other arguments are as in `probabilities_of`.

    Raises:
        DatasetError: Outputs of a network are not finite.
    """
    batch = torch.from_numpy(np.ascontiguousarray(array))[None]
    outputs = {
        fold: np.asarray(
            probabilities(network, batch.to(next(network.parameters()).device), mirror_axes)[
                0
            ].double()
        )
        for fold, network in members.items()
    }
    check_finite(outputs, case_id)
    return odds.combined(outputs, "mean")
