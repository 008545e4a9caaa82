"""Sentences about the plan and about preprocessing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ricenet_v2.core.command import text_of
from ricenet_v2.records.normalisation import describe_scheme
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan
from ricenet_v2.reporting.formatting import number, several, times
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import SentenceTopic, listed, numbered, paragraph

GROUP = "Plan and preprocessing"


@dataclasses.dataclass(frozen=True)
class PlanChange:
    """A field of the plan that was another one when the model was trained."""

    field: str
    planned: str
    trained: str


def plan_provenance(facts: Facts) -> str:
    """Preset and command of the plan, and whether it is the plan of all folds."""
    plan = facts.plan
    if plan is None:
        return ""
    command = f" by `{text_of(plan.command)}`" if plan.command else ""
    sentence = f"Plan {plan.name} was made with the preset {plan.preset}{command}."
    foreign = ""
    if facts.foreign_folds:
        foreign = (
            f"plan.json is not the plan that {numbered(facts.foreign_folds)} "
            f"{'was' if len(facts.foreign_folds) == 1 else 'were'} trained with: what is said here "
            "about the plan does not apply to them."
        )
    return paragraph(sentence, foreign)


def changed(facts: Facts) -> str:
    """Settings that the training changed."""
    differences = changes(facts)
    if not differences:
        return ""
    listing = ", ".join(
        f"{change.field} {change.trained} (planned {change.planned})" for change in differences
    )
    return f"The training differed from the plan in: {listing}."


def changes(facts: Facts) -> list[PlanChange]:
    """Fields in which the plan that was trained differs from the one on disk."""
    if facts.plan is None or facts.planned is None:
        return []
    return list(_changes(facts.planned, facts.plan))


def _changes(planned: Plan, trained: Plan) -> Iterator[PlanChange]:
    names = tuple(channel.name for channel in planned.channels)
    seen = tuple(channel.name for channel in trained.channels)
    if names != seen:
        yield PlanChange("channels", ", ".join(names), ", ".join(seen))
    for name in ("spacing", "input_size", "storage_dtype"):
        yield from _field(name, vars(planned)[name], vars(trained)[name])
    common = set(names) & set(seen)
    for channel in planned.channels:
        other = next((c for c in trained.channels if c.name == channel.name), channel)
        if channel.name in common and channel != other:
            yield PlanChange(f"channel {channel.name}", _prepared(channel), _prepared(other))
    sections = (
        ("network.", planned.network, trained.network),
        ("", planned.training, trained.training),
        ("augmentation.", planned.training.augmentation, trained.training.augmentation),
    )
    for prefix, old, new in sections:
        for field in dataclasses.fields(old):
            if field.compare and field.name != "augmentation":
                yield from _field(
                    f"{prefix}{field.name}", vars(old)[field.name], vars(new)[field.name]
                )


def _field(name: str, old: object, new: object) -> Iterator[PlanChange]:
    if old != new:
        yield PlanChange(name, str(old), str(new))


def resampled(facts: Facts) -> str:
    """Target spacing, interpolation and what the network sees."""
    plan = facts.plan
    if plan is None:
        return ""
    kinds: dict[str, list[str]] = {}
    for channel in plan.channels:
        kinds.setdefault(channel.interpolation, []).append(channel.name)
    how = "; ".join(f"{kind}: {listed(names)}" for kind, names in kinds.items())
    return (
        f"Images were resampled to {times(plan.spacing)} mm (z, y, x) ({how}), cropped or padded "
        f"to {times(plan.input_size)} voxels, and stored as {plan.storage_dtype}."
        f"{_straightened(plan)}"
    )


def _straightened(plan: Plan) -> str:
    """Whether tilted images were brought to the axes of the patient."""
    if not plan.straighten:
        return ""
    return " Tilted images were resampled along the axes of the patient."


def normalised(facts: Facts) -> str:
    """Normalisation of each channel."""
    if facts.plan is None:
        return ""
    schemes = [
        f"{channel.name} {describe_scheme(channel.normalisation)}"
        for channel in facts.plan.channels
    ]
    return f"Normalisation: {'; '.join(schemes)}."


def _prepared(channel: ChannelPlan) -> str:
    return f"{channel.interpolation}, {describe_scheme(channel.normalisation)}"


def region(facts: Facts) -> str:
    """Region of the crop, counted on the preprocessed cases."""
    if not facts.stored:
        return ""
    regions = [f"{several(n, 'case')}: {name}" for name, n in sorted(facts.stored.items())]
    return f"Before resampling, cases were cropped to a region ({'; '.join(regions)})."


def ranges(facts: Facts) -> str:
    """Spacing of the training cases as acquired."""
    if facts.plan is None:
        return ""
    low, high = facts.plan.spacing_range
    if low == high:
        return f"The training images had a spacing of {times(low)} mm (z, y, x)."
    axes = ", ".join(f"{number(a)} to {number(b)}" for a, b in zip(low, high, strict=True))
    return f"The training images had spacings of {axes} mm along z, y and x."


SUBJECTS = (
    SentenceTopic("plan", "plan", GROUP, plan_provenance),
    SentenceTopic("changed", "changes of the plan", GROUP, changed),
    SentenceTopic("ranges", "spacing as acquired", GROUP, ranges),
    SentenceTopic("region", "region", GROUP, region),
    SentenceTopic("resampled", "resampling", GROUP, resampled),
    SentenceTopic("normalised", "normalisation", GROUP, normalised),
)
