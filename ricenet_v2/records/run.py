"""What one training run was."""

from __future__ import annotations

from typing import ClassVar, Literal

from ricenet_v2.core.documents import record
from ricenet_v2.records.weights import PretrainedSource


@record
class EpochRow:
    """One line of history.csv. Times in seconds; `waiting` is the share spent waiting for data."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_macro_f1: float
    validation_macro_f1_ema: float
    seconds: float
    waiting: float


@record
class Run:
    """The content of run.json."""

    document: ClassVar[str] = "run"
    schema: ClassVar[int] = 1

    dataset: str
    plan: str
    plan_hash: str
    fold: int
    channels: tuple[str, ...]
    seed: int
    device: str
    epochs: int
    status: Literal["running", "stopped", "finished"]
    best_epoch: int | None
    command: tuple[str, ...]
    versions: dict[str, str]
    preprocessed_hash: str = ""
    pretrained: PretrainedSource | None = None
