"""Division of a dataset into folds: the request of a user, and the resulting folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.core.errors import OptionError
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import (
    N_FOLDS,
    NO_GROUP,
    WITHOUT_FOLDS,
    Splits,
    held_out_by,
    is_column,
    leave_one_out,
)
from ricenet_v2.training.groups import GroupSplits, make_group_splits
from ricenet_v2.training.holdout import make_holdout
from ricenet_v2.training.splits import make_splits


@dataclass(frozen=True)
class FoldScheme:
    """Division of the training cases.

    Attributes:
        n_folds: Folds that are stratified by class; 1 for none, and one network of all cases.
        repeats: Number of divisions of all cases.
        group: Column of cases.csv of which each fold holds out one value; empty for none.
        holdout: Share or column of a single fold; empty for none.
    """

    n_folds: int = N_FOLDS
    repeats: int = 1
    group: str = ""
    holdout: str = ""

    @property
    def described(self) -> str:
        """Description in words."""
        if self.group:
            return leave_one_out(self.group)
        if self.holdout:
            return (
                held_out_by(self.holdout)
                if is_column(self.holdout)
                else f"one validation set of {float(self.holdout):.0%}"
            )
        if self.n_folds == 1:
            return WITHOUT_FOLDS
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        return f"{self.n_folds} folds{times}, stratified by class"

    @classmethod
    def of(cls, splits: Splits) -> FoldScheme:
        """The scheme that folds were made by."""
        if splits.group or splits.holdout:
            return cls(group=splits.group, holdout=splits.holdout)
        return cls(splits.n_folds or 1, splits.repeats)


@dataclass(frozen=True)
class RequestedFolds:
    """Request of a user for the folds; None leaves a choice open.

    Attributes:
        num_folds: Number of folds; 1 for none.
        repeats: Number of divisions.
        group: Column of which each fold holds out one value; `none` for stratified folds.
        holdout: Share or column of a single fold.
    """

    num_folds: int | None = None
    repeats: int | None = None
    group: str | None = None
    holdout: str | None = None

    def scheme(self, there: FoldScheme | None) -> FoldScheme:
        """The requested scheme: the existing one if none is requested, else five folds.

        Args:
            there: Scheme of the folds of the dataset; None where it has none.

        Raises:
            OptionError: Options exclude each other.
        """
        given = {
            f"--{name}": getattr(self, name)
            for name in ("num_folds", "repeats", "group", "holdout")
            if getattr(self, name) is not None
        }
        group = self.group if self.group != NO_GROUP else None
        alone = [name for name, value in (("--group", group), ("--holdout", self.holdout)) if value]
        if (alone and len(given) > 1) or (self.num_folds == 1 and (self.repeats or 1) > 1):
            raise OptionError(
                "These fold options are mutually exclusive.",
                expected="--group alone, --holdout alone, or --num_folds (from 2 on) and --repeats",
                got=" ".join(f"{name} {value}" for name, value in given.items()),
            )
        if not given:
            return there or FoldScheme()
        return FoldScheme(
            self.num_folds or N_FOLDS, self.repeats or 1, group or "", self.holdout or ""
        )


def make_folds(cases: Sequence[Case], scheme: FoldScheme) -> GroupSplits:
    """The folds of a scheme, and what is to be known of them.

    Raises:
        DatasetError: The cases make no such folds.
    """
    if scheme.group:
        return make_group_splits(cases, scheme.group)
    if scheme.holdout:
        return GroupSplits(make_holdout(cases, scheme.holdout), ())
    return GroupSplits(make_splits(cases, n_folds=scheme.n_folds, repeats=scheme.repeats), ())
