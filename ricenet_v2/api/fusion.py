"""Image and covariates in one model, from out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.api import access
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.core.command import invocation
from ricenet_v2.core.options import check_resampling
from ricenet_v2.evaluation import evaluation_input
from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.evaluation.fusion.covariates import named_covariates
from ricenet_v2.evaluation.fusion.fuse import Fused
from ricenet_v2.evaluation.fusion.fuse import fuse as fit
from ricenet_v2.evaluation.fusion.write import write_fusion
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.presence import PRESENT
from ricenet_v2.store.paths import CASES_CSV, ModelPaths

__all__ = ["fuse"]


@public
def fuse(
    dataset: DatasetInput,
    covariates: Sequence[str],
    *,
    plan: str = "auto",
    channels: str = "all",
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: PathInput | None = None,
) -> Fusion:
    """Fit a logistic regression on the log odds of a network and covariates of cases.csv.

    It is stored with the model, and `predict` applies it if given a table of covariates. Its
    metrics are those of each fold by the regression of the other folds, next to those of the image
    and of the covariates alone.

    Args:
        dataset: Id, name or path of the raw dataset folder, whose folds are trained.
        covariates: Columns of cases.csv: numbers, or words of at most ten kinds.
        plan: Name of the plan.
        channels: Label of the model's channels.
        n_bootstrap: Bootstrap samples of an interval, or permutations of a test.
        seed: Random seed of the inner folds and of the resampling.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        The fitted model, with the metrics of both, of the image alone, and of the covariates alone.

    Raises:
        DatasetError: Folds are missing, or a covariate is not a column, is constant, has too many
            categories, or may identify a patient.

    Example:
        >>> rn.fuse("1", ["age", "sex"], workspace=space, n_bootstrap=200).columns
        ('log odds of recurrence', 'age', 'sex = M')
    """
    return fused(
        dataset,
        covariates,
        plan=plan,
        channels=channels,
        n_bootstrap=n_bootstrap,
        seed=seed,
        workspace=workspace,
    )[0]


def fused(
    dataset: DatasetInput,
    covariates: Sequence[str],
    *,
    plan: str,
    channels: str,
    n_bootstrap: int,
    seed: int,
    workspace: PathInput | None,
) -> tuple[Fusion, Fused, ModelPaths]:
    """The stored fusion, its sources, and the files of the model; see `fuse`."""
    check_resampling(n_bootstrap, seed)
    paths = paths_of(dataset, workspace)
    model = paths.run(plan, channels)
    with access.calibrating(model, None):
        place = (plan, channels, as_path(workspace))
        evaluated = evaluation_input.out_of_fold(str(dataset), *place)
        table = paths.raw / CASES_CSV
        cells = dict(evaluated.labelled.covariates)
        cells.pop(PRESENT, None)  # what was imaged is no fact of the patient
        chosen = named_covariates(covariates, cells, table)
        options = EvaluationOptions(evaluated.positive, n_bootstrap=n_bootstrap, seed=seed)
        result = fit(evaluated.labelled, chosen, model, options, 1 + len(evaluated.repeats))
        return write_fusion(result, model, options, invocation()), result, model
