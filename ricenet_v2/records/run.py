"""What one training run was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from ricenet_v2.core.documents import record
from ricenet_v2.records.prior import Decide, Prior
from ricenet_v2.records.weights import PretrainedSource


@record
class EpochRow:
    """One line of history.csv.

    Times in seconds: `seconds` of the whole epoch, `validation_seconds` of its validation;
    `waiting` is the share of the training spent waiting for data.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_macro_f1: float
    validation_macro_f1_ema: float
    seconds: float
    waiting: float
    validation_seconds: float = 0.0

    @classmethod
    def of(cls, cells: Mapping[str, str]) -> EpochRow:
        """From the cells of a line, by column."""
        rest = {name: float(cell) for name, cell in cells.items() if name != "epoch"}
        return cls(int(cells["epoch"]), **rest)


@record
class Run:
    """The content of run.json.

    Attributes:
        dataset: Name of the dataset.
        plan: Name of the plan.
        plan_hash: SHA-256 of the plan with the channels and settings of the run.
        fold: Number of the fold.
        channels: Names, in the order of the plan.
        seed: Of weights, sampling and augmentation.
        device: Where it was trained.
        epochs: How many the run is to have.
        status: Whether it ended.
        best_epoch: By the moving average of macro F1.
        command: As typed.
        versions: Of Python and torch.
        preprocessed_hash: Of the inputs of the preprocessed cases.
        pretrained: The file that the weights began with.
        fold_hash: Of the fold's cases, the side of each, its label and its patient.
        n_folds: Of the dataset.
        prior: Class shares that the network is taught, and those of the training cases, for which
            the probabilities of validation.csv are corrected; None of older runs, whose
            probabilities are those of the network.
        decide: Which class is `predicted` in validation.csv, and so what the metric of the best
            epoch judges; None of older runs, where it is the class of the largest probability.
    """

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
    fold_hash: str = ""
    n_folds: int = 5
    prior: Prior | None = None
    decide: Decide | None = None
