"""Everything that was decided for a dataset, with the reasons."""

from __future__ import annotations

import dataclasses
import operator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ricenet_v2.core import html
from ricenet_v2.core.documents import NewFlag, record
from ricenet_v2.core.names import Name, Title
from ricenet_v2.records import ranges
from ricenet_v2.records.decision import Alternative, Decision
from ricenet_v2.records.normalisation import is_absolute
from ricenet_v2.records.plan_faults import plan_faults
from ricenet_v2.records.plan_parts import (
    ChannelPlan,
    MemoryEstimate,
    NetworkPlan,
    PluginUse,
    TrainingPlan,
    Triple,
)
from ricenet_v2.records.region import RegionPlan

SHAPES_ONLY = (
    "The network of this plan sees the shape of %s, but not the height of their values: instance "
    "norm takes it away. Plan again with ricenet_plan_and_preprocess --overwrite, or train with "
    "--set network.norm=batch."
)


@record
class Plan:
    """The content of ricenet_plan.json.

    Attributes:
        name: Name of the plan; names the folders of preprocessed cases and of results.
        preset: The rules that made it.
        dataset: Name of the dataset.
        fingerprint: SHA-256 of the fingerprint that decided.
        classes: Names in the order of the indices.
        channels: One entry per input channel.
        spacing: Target spacing in mm along array axes (z, y, x), LPS orientation.
        input_size: Voxels along array axes that the network sees.
        margin: Voxels (at target spacing) that the input leaves around the 95th percentile region.
        storage_dtype: Number format of preprocessed cases.
        network: The network.
        training: Settings of the training.
        memory: Bytes and work of one training step.
        memory_budget_gb: Memory budget in GiB.
        spacing_range: Smallest and largest training spacing per axis (for warnings).
        dose_range: Smallest and largest training maximum of each dose channel, Gy.
        decisions: The reasons.
        alternatives: Layouts that were too large, largest first; of a long list the first and last
            ones.
        regions: Regions to which the training cases were cropped (for warnings), e.g. `brain mask`.
        command: Command that made the plan, as typed, with `~` for the home folder; empty in older
            files. Not part of the plan's hash: the same plan may be requested in several ways.
        straighten: Resample images that lie tilted along the axes of the patient.
        plugins: Components that other packages provide. Not part of the plan's hash: the same
            decisions may be made with another version. Not written if empty.
        region: Region to which every case is cropped. None, and not written, in plans made before
            there were regions: they follow the brain mask of each case that has one, else the
            voxels that are not zero.
    """

    document: ClassVar[str] = "ricenet_plan"
    schema: ClassVar[int] = 1
    unhashed: ClassVar[tuple[str, ...]] = ("command", "plugins")

    name: Name
    preset: str
    dataset: Title
    fingerprint: str
    classes: tuple[Title, ...]
    channels: tuple[ChannelPlan, ...]
    spacing: tuple[ranges.Millimetres, ranges.Millimetres, ranges.Millimetres]
    input_size: tuple[ranges.Extent, ranges.Extent, ranges.Extent]
    margin: tuple[ranges.Index, ranges.Index, ranges.Index]
    storage_dtype: Literal["float32", "float16"]
    network: NetworkPlan
    training: TrainingPlan
    memory: MemoryEstimate
    memory_budget_gb: ranges.Gigabytes
    spacing_range: tuple[Triple, Triple]
    dose_range: dict[str, tuple[ranges.Value, ranges.Value]]
    decisions: tuple[Decision, ...]
    alternatives: tuple[Alternative, ...] = ()
    regions: tuple[str, ...] = ()
    command: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    straighten: NewFlag = False
    plugins: Annotated[tuple[PluginUse, ...], Field(exclude_if=operator.not_)] = dataclasses.field(
        default=(), compare=False
    )
    region: Annotated[RegionPlan | None, Field(exclude_if=operator.not_)] = None

    def __post_init__(self) -> None:
        """Refuse a plan whose fields contradict each other.

        Raises:
            ValueError: The text names the fields; reading a file turns it into a DocumentError.
        """
        faults = plan_faults(
            self.name, self.classes, self.channels, self.input_size, self.network, self.training
        )
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def allows_missing(self) -> bool:
        """Whether cases may lack channels: the network was planned to be shown which are there."""
        return self.network.presence

    @property
    def shapes_only(self) -> tuple[str, ...]:
        """Channels of absolute value of which the network sees the shape, not the height.

        Instance norm takes the scale of a feature map away, and no levels bring it back: so are
        plans of earlier versions, and plans whose norm was changed by hand.
        """
        if self.network.norm != "instance":
            return ()
        levels = self.network.levels or ((),) * len(self.channels)
        return tuple(
            channel.name
            for channel, values in zip(self.channels, levels, strict=True)
            if not values and is_absolute(channel.normalisation.scheme)
        )

    def _repr_html_(self) -> str:
        """Each decision with its reason, for notebooks."""
        rows = [(decision.what, decision.value, decision.reason) for decision in self.decisions]
        title = f"Plan {self.name} of {self.dataset}"
        return html.table(title, ("decision", "value", "reason"), rows)
