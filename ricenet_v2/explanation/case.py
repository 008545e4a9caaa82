"""Explaining one case: maps, shares, checks, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.names import folder_part, part
from ricenet_v2.core.seeds import generator
from ricenet_v2.explanation.explained_case import Subject
from ricenet_v2.explanation.map import Map, Maps
from ricenet_v2.explanation.maps import combined_of, make_maps
from ricenet_v2.explanation.options import PREDICTED, ExplanationOptions
from ricenet_v2.explanation.panels import PanelImage, write_panels
from ricenet_v2.explanation.quantities.peak import peak
from ricenet_v2.explanation.quantities.regions import is_outside, outside_of, parts_of
from ricenet_v2.explanation.quantities.shares import shares_of
from ricenet_v2.explanation.sanity.checks import check_maps
from ricenet_v2.explanation.untrained import beside, shares_of_untrained
from ricenet_v2.inference.distribution_shift import outside
from ricenet_v2.inference.feature_reference import Reference
from ricenet_v2.inference.odds import Odds
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.explained_case import (
    ALL,
    ENSEMBLE,
    LOG_ODDS,
    Check,
    ExplainedCase,
    MapRecord,
)
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.reporting.case.isodose import reference_text
from ricenet_v2.store.images import write_image_like

ALARM = 0.1
"""Share of attribution outside of the region from which on a case is warned of."""
ENDING = ".nii.gz"


@dataclass(frozen=True)
class ExplainedNetworks:
    """Networks that are explained, with their plan, one of shuffled labels, some untrained.

    Attributes:
        plan: Plan of the networks.
        members: Networks whose heads are corrected for the prior, so that maps are of the
            probabilities that are shown.
        control: Network that learnt shuffled labels.
        references: Reference features of the training cases of each fold.
        options: Options of the explanation.
        networks: The networks as they were trained.
        odds: Rules by which prediction converts their outputs to probabilities.
        untrained: Networks with random weights, see `untrained`.
        seconds: Time in seconds that writing a map may take; None for no limit.
    """

    plan: Plan
    members: Mapping[int, Classifier]
    control: Classifier | None
    references: Mapping[int, Reference]
    options: ExplanationOptions
    networks: Mapping[int, Classifier]
    odds: Odds
    untrained: tuple[Classifier, ...] = ()
    seconds: float | None = None


def explain_case(
    subject: Subject, by: ExplainedNetworks, output: Path, made_by: str
) -> ExplainedCase:
    """Make all maps of a case, measure and check them, write them beside each other.

    Args:
        subject: The case.
        by: Networks and options.
        output: Folder of the command; files go to a folder of the case in it.
        made_by: Kept in the record.

    Raises:
        PlanError: There is no such class.
        GeometryError: Windows do not fit the image.
    """
    plan, options = by.plan, by.options
    axes = plan.training.augmentation.mirror_axes
    prediction = combined_of(by.networks, subject.array, axes, by.odds, subject.case_id)
    unmirrored = combined_of(by.networks, subject.array, (), by.odds, subject.case_id)
    target = target_of(options.target, plan.classes, prediction.predicted)
    maps = make_maps(subject, plan, by.members, target, options)
    checks: tuple[Check, ...] = ()
    if options.sanity:
        checks = check_maps(subject, plan, by.members, by.control, maps, target, options)
    folder = output / part(subject.case_id, "case", output)
    records = _written(subject, maps, folder, by, target)
    notes = [f"{check.map}: {fault}" for check in checks for fault in check.failed]
    picture = folder / "panels.png"
    shown = _shown(subject, maps, plan)
    planes = write_panels(picture, subject, shown, plan.classes[target], notes)
    return ExplainedCase(
        made_by=made_by,
        case_id=subject.case_id,
        patient_id=subject.patient_id,
        predicted=plan.classes[prediction.predicted],
        target=plan.classes[target],
        probability=float(prediction.probabilities[target]),
        isodose=reference_text(subject.full) if subject.full else "",
        source=subject.record,
        maps=records,
        channel_shares=maps.channel_shares(),
        completeness=maps.completeness,
        checks=checks,
        picture=f"{subject.case_id}/{picture.name}",
        planes=planes,
        warnings=(
            *subject.warnings,
            *_other_answer(unmirrored.predicted, prediction.predicted, plan.classes),
            *outside(plan, subject.record, by.references.values()),
            *_alarms(records),
        ),
    )


def _other_answer(seen: int, predicted: int, classes: tuple[str, ...]) -> list[str]:
    """Maps are of images as they are; a prediction is the mean over mirrorings."""
    if seen == predicted:
        return []
    return [f"without mirroring, as in the maps, the networks predict {classes[seen]}"]


def target_of(target: str, classes: tuple[str, ...], predicted: int) -> int:
    """Index of the class to explain.

    Raises:
        PlanError: There is no such class.
    """
    if target == PREDICTED:
        return predicted
    if target not in classes:
        raise PlanError(
            "There is no such class to explain.",
            expected=f"{PREDICTED}, or one of {', '.join(classes)}",
            got=target,
            remedy="Specify it with --target.",
        )
    return classes.index(target)


def _written(
    subject: Subject, maps: Maps, folder: Path, by: ExplainedNetworks, target: int
) -> tuple[MapRecord, ...]:
    """Write the maps on the grid of the first image, and measure them."""
    full = subject.full.gray if subject.full else None
    step = subject.space.step
    outside_name = outside_of(subject.record.region)
    parts = parts_of(subject.brain, subject.dose, full, subject.lesion, step, outside_name)
    others = shares_of_untrained(subject, by.plan, by.untrained, target, by.options, parts)
    records = []
    for attribution in maps.maps:
        file = folder / folder_part(f"{attribution.name}{ENDING}", "map")
        values = subject.space.to_images(attribution.values)
        within(by.seconds, write_image_like, file, values, subject.files[0])
        is_tested = (attribution.member, attribution.unit) == (ENSEMBLE, LOG_ODDS)
        # The same moves for all maps of a case.
        seed = by.options.seed
        random = generator(seed, "explanation", "moves", subject.case_id) if is_tested else None
        shares = shares_of(attribution.values, parts, subject.brain, random)
        if is_tested and attribution.channel == ALL and attribution.method in others:
            shares = beside(shares, others[attribution.method])
        records.append(
            MapRecord(
                name=attribution.name,
                method=attribution.method,
                channel=attribution.channel,
                member=attribution.member,
                file=f"{subject.case_id}/{file.name}",
                unit=attribution.unit,
                words=attribution.words,
                maximum_mm=_maximum(subject, attribution),
                shares=shares,
            )
        )
    return tuple(records)


def _maximum(subject: Subject, attribution: Map) -> tuple[float, float, float]:
    z, y, x = peak(attribution.values)
    position = subject.space.world((float(z), float(y), float(x)))
    return float(position[0]), float(position[1]), float(position[2])


def _alarms(records: tuple[MapRecord, ...]) -> list[str]:
    return [
        f"{100 * share:.0f} % of {record.name} lies {part}"
        for record in records
        for part, share in record.shares.found.items()
        if record.member == ENSEMBLE
        and record.channel == ALL
        and is_outside(part)
        and share > ALARM
    ]


def _shown(subject: Subject, maps: Maps, plan: Plan) -> list[PanelImage]:
    """The ensemble's maps of all channels, and occlusion of each channel alone, over images."""
    names = [channel.name for channel in subject.channels]
    anatomy = [n for n, channel in enumerate(subject.channels) if KINDS[channel.kind].is_anatomy]
    under = anatomy[-1] if anatomy else 0
    alone = len(plan.channels) > 1
    return [
        PanelImage(
            attribution,
            subject.space.to_images(attribution.values),
            under if attribution.channel == ALL else names.index(attribution.channel),
        )
        for attribution in maps.ensemble()
        if attribution.channel == ALL or (alone and attribution.method == "occlusion")
    ]
