"""Times of the stages of a dataset on a machine."""

from __future__ import annotations

from typing import ClassVar, Literal

from ricenet_v2.core import html
from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name, Title


@record
class Machine:
    """The machine that computed.

    Attributes:
        device: Device as torch names it: `cpu`, `cuda`, `cuda:1`, `mps`.
        name: Name of the GPU, or of the processor.
        memory_bytes: Memory of the GPU in bytes; None for other devices.
        driver: Driver of the GPU; None if unknown.
        cores: Number of cores that the process may use.
        threads: Number of threads of torch on the CPU.
        versions: Versions of Python, torch and the libraries that torch was built with.
    """

    device: str
    name: str
    memory_bytes: int | None
    driver: str | None
    cores: int
    threads: int
    versions: dict[str, str]


@record
class Stage:
    """One stage, measured several times.

    Attributes:
        name: Name of the stage, in words.
        unit: Unit of `rounds`, `measured` and `reference`.
        rounds: Measurements of each round, per step, sample or case.
        measured: Their median.
        against: Reference of the comparison, in words.
        reference: The value of that; the median over its rounds where it was measured too.
        ratio: The median of the rounds' ratios, each to the reference of its own round, so that a
            machine that slows down for a while slows both. It may therefore differ a little
            from `measured / reference`.
        limit: Largest ratio that is right.
        note: Further remark.
    """

    name: str
    unit: Literal["s", "bytes"]
    rounds: tuple[float, ...]
    measured: float
    against: str = ""
    reference: float | None = None
    ratio: float | None = None
    limit: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        if self.ratio is None or self.limit is None:
            return None
        return self.ratio <= self.limit


@record
class Estimate:
    """Estimated time of a training, in seconds, composed of the stages.

    Attributes:
        updates: Updates per epoch.
        epochs: Epochs of a fold; the maximum with early stopping.
        folds: Number of folds.
        epoch: One epoch of the measured fold: its updates, validation, checkpoint.
        fold: All epochs, and the out-of-fold predictions.
        all_folds: One after the other.
    """

    updates: int
    epochs: int
    folds: int
    epoch: float
    fold: float
    all_folds: float


@record
class Benchmark:
    """The content of the file that ricenet_benchmark writes.

    Attributes:
        dataset: Name of the dataset.
        plan: Name of the plan.
        plan_hash: SHA-256 of it.
        fold: Fold whose training cases were used.
        machine: Device, cores, threads and versions.
        num_workers: Processes that load and augment.
        updates: Updates of the weights in a round.
        rounds: Rounds that were measured.
        stages: Median of each stage beside what it is compared with.
        estimate: Estimated time of an epoch, a fold and all folds.
    """

    document: ClassVar[str] = "benchmark"
    schema: ClassVar[int] = 1

    dataset: Title
    plan: Name
    plan_hash: str
    fold: int
    machine: Machine
    num_workers: int
    updates: int
    rounds: int
    stages: tuple[Stage, ...]
    estimate: Estimate

    def _repr_html_(self) -> str:
        """Each stage beside what it is compared with, for notebooks."""
        rows = [
            (
                stage.name,
                stage.unit,
                f"{stage.measured:.3g}",
                stage.against,
                "-" if stage.reference is None else f"{stage.reference:.3g}",
                html.number(stage.ratio),
                html.number(stage.limit),
                stage.note,
            )
            for stage in self.stages
        ]
        columns = ("stage", "unit", "measured", "against", "its value", "ratio", "limit", "note")
        title = f"{self.dataset}, plan {self.plan}, fold {self.fold} on {self.machine.name}"
        took = self.estimate
        return html.table(
            title,
            columns,
            rows,
            f"Medians of {self.rounds} rounds. An epoch takes about {took.epoch:.3g} s, a fold "
            f"{took.fold:.3g} s, all {took.folds} folds in turn {took.all_folds:.3g} s.",
        )
