"""Whether the held-out cases of a fold tell a good epoch from a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.splits import Splits


def ranks_epochs(held_out: Iterable[str], labels: Mapping[str, str]) -> bool:
    """Whether held-out cases are of two classes or more, so that a metric ranks epochs by them.

    Of one class, the best network would be one that predicts that class for every patient.

    Args:
        held_out: Case ids.
        labels: Class of each case.
    """
    return len({labels[case] for case in held_out}) > 1


def check_early_stop(epochs: int, splits: Splits, labels: Mapping[str, str]) -> None:
    """Refuse early stopping where the held-out cases of a fold do not rank its epochs.

    Args:
        epochs: Epochs without improvement after which training ends; 0 never does.
        splits: The folds.
        labels: Class of each case.

    Raises:
        TrainingError: The text names the folds.
    """
    folds = [
        f"fold {number}" + (f" ({splits.group} {fold.held_out})" if fold.held_out else "")
        for number, fold in enumerate(splits.folds)
        if not ranks_epochs(fold.validation, labels)
    ]
    if not epochs or not folds:
        return
    raise TrainingError(
        "Early stopping needs held-out cases of two classes: of one class, that epoch would be the "
        "best whose network predicts this class for every patient.",
        expected="early_stop_epochs=0",
        got=f"{epochs}, and cases of one class in {', '.join(folds)}",
        remedy="Pass --set early_stop_epochs=0. Or join groups in a column of your own, and plan "
        "with it and --overwrite.",
    )
