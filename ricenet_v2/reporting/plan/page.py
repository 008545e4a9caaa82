"""The plan's page: one offline HTML file with all that was measured and decided."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core import files
from ricenet_v2.core.command import text_of
from ricenet_v2.fingerprinting.confounders import confounders, measured_traits
from ricenet_v2.network.stages import StageCost
from ricenet_v2.records.architectures import label_of
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.normalisation import describe_scheme
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan
from ricenet_v2.reporting.formatting import NOTHING, count, data, number, share, times
from ricenet_v2.reporting.methods.network import describe_norm
from ricenet_v2.reporting.plan import cohort, memory, network
from ricenet_v2.reporting.plan.cases import case_rows
from ricenet_v2.reporting.plan.options import FIELDS, all_options
from ricenet_v2.reporting.rendering import render

_SHOWN_CASES = 200
_STALE = 0.01


@dataclass(frozen=True)
class PlanTable:
    """A table of words; rows have as many cells as there are columns."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def write_plan_page(
    path: Path,
    fingerprint: Fingerprint,
    plan: Plan,
    parts: Sequence[StageCost],
    alternatives: PlanTable | None = None,
) -> None:
    """Write the page atomically; the same records always give the same bytes.

    Args:
        path: The file.
        fingerprint: Fingerprint of the dataset.
        plan: Plan, possibly edited by hand since.
        parts: Costs of the parts of the plan's network, from `network.stages`.
        alternatives: Layouts that were considered and rejected; omitted if there are none.
    """
    files.write_text(path, plan_page(fingerprint, plan, parts, alternatives))


def plan_page(
    fingerprint: Fingerprint,
    plan: Plan,
    parts: Sequence[StageCost],
    alternatives: PlanTable | None = None,
) -> str:
    """The text of the page; see `write_plan_page`."""
    rows = case_rows(fingerprint, plan)
    return render(
        "plan.html",
        plan=plan,
        fingerprint=fingerprint,
        architecture=label_of(plan.network.architecture),
        norm=describe_norm(plan.network.norm),
        classes=_classes(fingerprint),
        confounded=_confounded(fingerprint),
        glance=_glance(plan),
        geometry=cohort.geometry(fingerprint, plan),
        measured=(
            *cohort.intensities(fingerprint),
            *cohort.doses(fingerprint, plan),
            *cohort.outliers(fingerprint),
        ),
        channels=[_channel(channel) for channel in plan.channels],
        blocks=network.blocks(plan, parts),
        part_columns=network.COLUMNS,
        part_words=network.COLUMNS_NOTE.format(batch=plan.training.batch_size),
        parts=network.rows(plan, parts),
        is_stale=_is_stale(plan, parts),
        bill=memory.bill(plan),
        alternatives=alternatives or PlanTable(),
        settings=_settings(plan),
        provenance=_provenance(plan),
        command=_command(plan),
        options=all_options(),
        fields=FIELDS,
        dose_names=[
            channel.name for channel in fingerprint.channels if KINDS[channel.kind].is_dose
        ],
        cases=rows[:_SHOWN_CASES],
        n_hidden=max(0, len(rows) - _SHOWN_CASES),
        n_flagged=sum(bool(row.flags) for row in rows),
    )


def _confounded(fingerprint: Fingerprint) -> list[str]:
    """Properties of images and regions that tell the classes apart."""
    traits = measured_traits(fingerprint.cases, fingerprint.channels)
    return [each.text for each in confounders(traits, fingerprint.labels, fingerprint.patients)]


def _classes(fingerprint: Fingerprint) -> list[tuple[str, int, str, float]]:
    """Name, cases, share, and percent of the largest class."""
    most = max((*fingerprint.class_counts.values(), 1))
    return [
        (name, n, share(n / fingerprint.n_cases), round(100 * n / most, 2))
        for name, n in fingerprint.class_counts.items()
    ]


def _glance(plan: Plan) -> tuple[tuple[str, str, str], ...]:
    """Key numbers of the page: name, value, unit."""
    training = plan.training
    effective = training.batch_size * training.accumulation_steps
    batch = "cases per step"
    if training.accumulation_steps > 1:
        batch += f", {effective} per update"
    return (
        ("Target spacing", times(plan.spacing), "mm (z, y, x)"),
        ("Network sees", times(plan.input_size), "voxels (z, y, x)"),
        ("Batch", str(training.batch_size), batch),
        (
            "Training",
            f"{training.epochs:,}",
            f"epochs of {training.iterations_per_epoch:,} updates",
        ),
        ("Weights", count(plan.memory.n_parameters), f"{len(plan.network.features)} stages"),
        ("Memory", data(plan.memory.total), f"of {number(plan.memory_budget_gb)} GiB"),
    )


def _channel(channel: ChannelPlan) -> tuple[str, str, str, str, str]:
    """Name, kind, resampling, normalisation in words, and the scheme as the file spells it."""
    how = channel.normalisation
    return channel.name, channel.kind, channel.interpolation, describe_scheme(how), how.scheme


def _command(plan: Plan) -> str:
    """Command that plans again with twice the memory."""
    preset = "" if plan.preset == "auto" else f" --preset {plan.preset}"
    return (
        f"ricenet_plan_and_preprocess {shlex.quote(plan.dataset)}{preset} "
        f"--gpu_memory_gb {2 * plan.memory_budget_gb:g} --overwrite"
    )


def _is_stale(plan: Plan, parts: Sequence[StageCost]) -> bool:
    """Whether the plan was edited after its memory was counted."""
    measured = sum(part.activations for part in parts)
    return abs(measured - plan.memory.activations) > _STALE * plan.memory.activations


def _settings(plan: Plan) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Every field of network, training and augmentation, as the file spells it."""
    training = [pair for pair in _fields(plan.training) if pair[0] != "augmentation"]
    return (
        ("network", tuple(_fields(plan.network))),
        ("training", tuple(training)),
        ("training.augmentation", tuple(_fields(plan.training.augmentation))),
    )


def _fields(record: object) -> list[tuple[str, str]]:
    """Names and values of a record's fields."""
    if not dataclasses.is_dataclass(record):
        return []
    values = vars(record)
    return [(field.name, _text(values[field.name])) for field in dataclasses.fields(record)]


def _text(value: object) -> str:
    """A value as JSON shows it, without quotes around names."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_text(item) for item in value)}]"
    return str(value)


def _provenance(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The origin of the plan, and the ranges that later patients are checked against."""
    low, high = plan.spacing_range
    return (
        ("Command", text_of(plan.command) or NOTHING),
        ("Preset", plan.preset),
        ("Margin", f"{times(plan.margin)} voxels around the region (z, y, x)"),
        ("Number format of cases", plan.storage_dtype),
        ("Spacing of training cases", f"{times(low)} to {times(high)} mm (z, y, x)"),
        *(
            (f"Maximum of {name}", f"{number(least)} to {number(most)} Gy")
            for name, (least, most) in plan.dose_range.items()
        ),
        ("Fingerprint (SHA-256)", plan.fingerprint),
    )
