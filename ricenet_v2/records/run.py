"""Record of one training run."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ricenet_v2.core import html
from ricenet_v2.core.documents import NewFlag, record
from ricenet_v2.core.names import Name, Title
from ricenet_v2.records.prior import Decide, Prior
from ricenet_v2.records.splits import Repeats
from ricenet_v2.records.weights import PretrainedSource

Status = Literal["running", "stopped", "finished", "previewed"]


@record
class EpochRow:
    """One line of history.csv.

    Times in seconds: `seconds` of the whole epoch, `validation_seconds` of its validation;
    `waiting` is the share of the training spent waiting for data. `skipped_updates` were left out,
    since their gradients overflowed float16.
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
    skipped_updates: float = 0.0

    @classmethod
    def of(cls, cells: Mapping[str, str]) -> EpochRow:
        """Make a row from the cells of a line, by column."""
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
        seed: Seed of weights, sampling and augmentation.
        device: Device of the training.
        epochs: Number of epochs that the run is planned to have.
        status: `running` or `finished`; `stopped` where the user requested a stop; `previewed`
            where augmented samples were drawn and nothing was trained, which is never in run.json.
        best_epoch: Best epoch by the moving average of macro F1.
        command: Command as typed.
        versions: Versions of this program, Python, torch, and packages that contribute to the plan.
        preprocessed_hash: Hash of the inputs of the preprocessed cases.
        pretrained: The file that the weights began with.
        fold_hash: Hash of the fold's cases, the side of each, its label and its patient.
        group: Column of cases.csv of which each fold holds out one value; empty of folds that are
            stratified by class.
        held_out: Value of the group, e.g. the centre on which the fold was validated.
        n_folds: Number of folds of the dataset, over all repeats.
        repeats: Number of divisions of all cases into folds; a repeat has `n_folds` over `repeats`
            of them.
        holdout: Holdout of a dataset with a single fold: the share or the column of cases.csv that
            decided which cases are held out; empty if each case is held out once per repeat.
        is_full: Whether it was trained on all training cases, so that no validation case, no
            validation.csv and no out-of-fold metric exists.
        epochs_done: Finished epochs: fewer than `epochs` in a finished run that early stopping
            ended; None in older files, where it is not recorded.
        epochs_set: Pairs of an epoch and the number of epochs that the run was to have from that
            one on; more than one pair where the number was changed. None in older files.
        validation_checkpoint: Checkpoint whose weights predicted validation.csv: `final` are those
            after the last finished epoch; empty in older files.
        validation_mirror_axes: Array axes (0 z, 1 y, 2 x) that validation.csv is the mean over the
            mirrorings of; None in older files.
        precision: Precision of the forward passes of training, `float32`, `bfloat16` or `float16`;
            empty in older files.
        tf32: Whether convolutions of float32 rounded their factors to TF32, as torch does on CUDA;
            None off CUDA and in older files.
        n_processes: Number of processes that shared each update; None in older files.
        hardware: Name of the device; empty in older files.
        prior: Class shares that the network is taught, and those of the training cases, for which
            the probabilities of validation.csv are corrected; None of older runs, whose
            probabilities are those of the network.
        decide: Rule for the class `predicted` in validation.csv, on which the metric of the best
            epoch is computed; None in older runs: the class of the largest probability.
        validation_hash: SHA-256 of validation.csv; empty in older files.
    """

    document: ClassVar[str] = "run"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    dataset: Title
    plan: Name
    plan_hash: str
    fold: int
    channels: tuple[Name, ...]
    seed: int
    device: str
    epochs: int
    status: Status
    best_epoch: int | None
    command: tuple[str, ...]
    versions: dict[str, str]
    preprocessed_hash: str = ""
    pretrained: PretrainedSource | None = None
    fold_hash: str = ""
    group: str = ""
    held_out: str = ""
    n_folds: int = 5
    repeats: Repeats = 1
    holdout: Annotated[str, Field(exclude_if=operator.not_)] = ""
    is_full: NewFlag = False
    epochs_done: int | None = None
    epochs_set: tuple[tuple[int, int], ...] | None = None
    validation_checkpoint: str = ""
    validation_mirror_axes: tuple[int, ...] | None = None
    precision: str = ""
    tf32: bool | None = None
    n_processes: int | None = None
    hardware: str = ""
    prior: Prior | None = None
    decide: Decide | None = None
    validation_hash: str = ""

    @property
    def folds_of_repeat(self) -> int:
        """Folds that hold out each case once."""
        return max(1, self.n_folds // self.repeats)

    @property
    def repeat(self) -> int:
        """Number of the division of all cases that the fold is of, from 0 on."""
        return self.fold // self.folds_of_repeat if self.repeats > 1 else 0

    @property
    def is_finished(self) -> bool:
        """Whether it came to its end, early or after all epochs; its files may have gone since."""
        return self.status == "finished"

    def _repr_html_(self) -> str:
        """Summary of the training, for notebooks."""
        rows = (
            ("channels", ", ".join(self.channels)),
            ("epochs", f"{self.epochs if self.epochs_done is None else self.epochs_done}"),
            ("seed", self.seed),
            ("device", self.hardware or self.device),
            ("status", self.status),
        )
        fold = "All training cases" if self.is_full else f"Fold {self.fold}"
        title = f"{fold} of {self.dataset}, plan {self.plan}"
        return html.table(title, ("what", "value"), rows)
