"""Names of the files of one trained fold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.names import part

VALIDATION_CSV = "validation.csv"


@dataclass(frozen=True)
class FoldPaths:
    """Files of one trained fold."""

    folder: Path

    @property
    def latest(self) -> Path:
        """Checkpoint of the last finished epoch."""
        return self.folder / "checkpoint_latest.pth"

    @property
    def best(self) -> Path:
        """Checkpoint of the best averaged validation metric."""
        return self.folder / "checkpoint_best.pth"

    @property
    def final(self) -> Path:
        """Checkpoint after the last epoch."""
        return self.folder / "checkpoint_final.pth"

    def checkpoint(self, name: str) -> Path:
        """The checkpoint called `final`, `best` or `latest`."""
        return self.folder / part(f"checkpoint_{name}.pth", "checkpoint")

    @property
    def log(self) -> Path:
        """Text log."""
        return self.folder / "training_log.txt"

    @property
    def history(self) -> Path:
        """One row per epoch."""
        return self.folder / "history.csv"

    @property
    def progress(self) -> Path:
        """Curves."""
        return self.folder / "progress.png"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.folder / "tensorboard"

    @property
    def augmentation(self) -> Path:
        """Contact sheet of augmented images."""
        return self.folder / "augmentation.png"

    @property
    def validation(self) -> Path:
        """Out-of-fold probabilities."""
        return self.folder / VALIDATION_CSV

    @property
    def run(self) -> Path:
        """Record of the run."""
        return self.folder / "run.json"

    @property
    def pretrained(self) -> Path:
        """Report on the pretrained weights of the run."""
        return self.folder / "pretrained.json"

    @property
    def coefficients(self) -> Path:
        """Coefficients of a tabular comparator, per standard deviation of each column."""
        return self.folder / "coefficients.csv"

    @property
    def reference(self) -> Path:
        """Features of the training cases, for the distance of a new case."""
        return self.folder / "feature_reference.pth"
