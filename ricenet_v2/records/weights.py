"""Use of a file of pretrained weights in a network."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.records.lineage import Lineage


@record
class DifferingShape:
    """A tensor whose shapes differ; None where one of the two does not have it."""

    name: str
    here: tuple[int, ...] | None
    there: tuple[int, ...] | None


@record
class PretrainedSource:
    """Source of the initial weights of a run, in run.json, with the number of tensors.

    Attributes:
        file: Name of the file.
        sha256: SHA-256 of the file.
        format: Format as which it was recognised.
        loaded: Taken as they are.
        adapted: Taken after a change.
        fresh: Tensors of the encoder that are not in the file or have another shape there.
        not_used: Tensors of the file that were not used.
        trained_on: Number of cases that the weights were trained on, with those of the weights
            that they began with in turn; None where nothing is known of them.
        leaked: Validation cases of the fold and test cases of the dataset among these, allowed by
            `--allow_leak`.
        untold: Reason why the weights may have been trained on further cases, in words. In files of
            older versions, which did not check, `trained_on` is None and this is empty.
        doubts: Further evidence for cases on both sides, in words.
        dataset: Dataset of the training that wrote the file; empty if unknown.
        fold: Fold of that training.
    """

    file: str
    sha256: str
    format: str
    loaded: int
    adapted: int
    fresh: int
    not_used: int
    trained_on: int | None = None
    leaked: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    dataset: str = ""
    fold: int | None = None


@record
class WeightsReport:
    """The content of pretrained.json: every tensor of the file and of the encoder, once.

    Names of the encoder's tensors are those of the network here, without `encoder.`; names of what
    was not taken are those of the file.

    Attributes:
        file: Name of the file.
        sha256: SHA-256 of the file.
        format: Format as which it was recognised.
        loaded: Taken as they are.
        adapted: Taken after a change, and which.
        ignored: Tensors that were neither used nor missing, by reason.
        missing: Tensors of the encoder that are not in the file.
        wrong_shape: Tensors in both, with different shapes.
        unused: Layers of the file's encoder that this encoder does not have.
        fresh_head: Parameters of the head, which never come from a file.
        notes: Other differences, in words.
        lineage: Training cases of the weights; None in older files.
        leaked: Cases that should be held out among these, as in `PretrainedSource`.
        doubts: Doubts about the weights, as in `WeightsReport`.
    """

    document: ClassVar[str] = "pretrained_weights"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    file: str
    sha256: str
    format: str
    loaded: tuple[str, ...]
    adapted: dict[str, str]
    ignored: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]
    wrong_shape: tuple[DifferingShape, ...]
    unused: tuple[str, ...]
    fresh_head: tuple[str, ...]
    notes: tuple[str, ...]
    lineage: Lineage | None = None
    leaked: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def source(self) -> PretrainedSource:
        """The short form for run.json."""
        known = self.lineage if self.lineage is not None else Lineage()
        is_known = self.lineage is not None and bool(known.cases or not known.untold)
        return PretrainedSource(
            file=self.file,
            sha256=self.sha256,
            format=self.format,
            loaded=len(self.loaded),
            adapted=len(self.adapted),
            fresh=len(self.missing) + len(self.wrong_shape),
            not_used=len(self.unused) + sum(len(names) for names in self.ignored.values()),
            trained_on=len(known.cases) if is_known else None,
            leaked=self.leaked,
            untold=known.untold,
            doubts=self.doubts,
            dataset=known.dataset,
            fold=known.fold,
        )
