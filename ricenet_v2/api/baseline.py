"""Logistic regression on dose, covariates and radiomic features, on the folds of the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.api.evaluation import evaluate
from ricenet_v2.api.evaluation_result import EvaluationResult, MetricOptions
from ricenet_v2.api.locations import DatasetInput, PathInput, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.core import html
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.locks import using
from ricenet_v2.core.options import check_resampling, check_whole
from ricenet_v2.evaluation.aligned_runs import model_of, models_of, on_same_cases, read_run
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.evaluation_input import positive_index
from ricenet_v2.evaluation.selection import selection_of
from ricenet_v2.evaluation.tabular import baseline as tabular
from ricenet_v2.evaluation.tabular.baseline import PLAN, Baseline, run_baseline
from ricenet_v2.evaluation.tabular.features import Features
from ricenet_v2.records.comparison import Pair
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.positive import positive_of_any

__all__ = ["BaselineResult", "baseline"]


@dataclass(frozen=True)
class BaselineResult:
    """A tabular comparator, evaluated and compared with networks.

    Attributes:
        fitted: Its files, predictors and penalties.
        evaluation: Its metrics.
        comparison: Comparison of the AUROC of the networks (a) and of the comparator (b); None
            where there is nothing to compare with.
        remark: Remark on the comparison, or the reason why there is none.
    """

    fitted: Baseline
    evaluation: EvaluationResult
    comparison: Pair | None
    remark: str

    def _repr_html_(self) -> str:
        """Predictors, the comparison and the metrics, for notebooks."""
        fitted, pair = self.fitted, self.comparison
        title = f"Logistic regression on {fitted.label}, compared with networks"
        rows = [("predictors", ", ".join(fitted.columns))]
        if pair is not None:
            difference = f"{html.number(pair.difference)} ({html.interval(pair.low, pair.high)})"
            rows += [
                (f"{pair.metric} of {pair.a}", html.number(pair.value_a)),
                (f"{pair.metric} of {pair.b}", html.number(pair.value_b)),
                ("difference", difference),
                (f"p of {pair.test}", html.p_value(pair.p)),
            ]
        table = html.table(title, ("what", "value"), rows, self.remark)
        return f"{table}{self.evaluation._repr_html_()}"


@public
def baseline(
    dataset: DatasetInput,
    features: Sequence[Features] = ("dose", "covariates"),
    *,
    against: str = "auto__all",
    n_bootstrap: int = 2000,
    seed: int = 0,
    num_workers: int = 1,
    workspace: PathInput | None = None,
) -> BaselineResult:
    """Fit a logistic regression in the folds of the networks, evaluate it and compare it.

    Args:
        dataset: Id, name or path of the raw dataset folder; it must have folds.
        features: Groups of predictors: `dose` (statistics of the dose), `covariates` (columns of
            cases.csv), `radiomics` (first order, shape and texture of the lesion, first order of
            isodose bands).
        against: Model folder that it is compared with.
        n_bootstrap: Bootstrap samples of an interval, or permutations of a test.
        seed: Random seed of the inner folds and of the resampling.
        num_workers: Largest number of processes that compute radiomic features.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        Its metrics, and the difference of the AUROC.

    Raises:
        DatasetError: No feature differs between cases, there are no folds, or a lesion mask that
            radiomic features need is missing or empty.
        OptionError: A number is out of range, or the package that computes radiomic features is
            missing.

    Example:
        >>> result = rn.baseline("1", ["dose"], n_bootstrap=200, workspace=space)
        >>> result.fitted.label
        'dose'
    """
    check_resampling(n_bootstrap, seed)
    check_whole(num_workers=num_workers)
    paths = paths_of(dataset, workspace)
    with using(writes=[tabular.model_of(paths, features).folder]):
        fitted = run_baseline(paths, features, seed, num_workers)
    positive = positive_of_any([*models_of([against], paths), fitted.model], paths.raw)
    evaluation = evaluate(
        dataset,
        MetricOptions(positive_class=positive, n_bootstrap=n_bootstrap, seed=seed),
        plan=PLAN,
        channels=fitted.label,
        workspace=workspace,
    )
    names = (against, fitted.model.folder.name)
    pair, remark = _compared(paths, names, positive, n_bootstrap, seed)
    return BaselineResult(fitted, evaluation, pair, remark)


def _compared(
    paths: DatasetPaths, names: tuple[str, str], positive: str | None, n_bootstrap: int, seed: int
) -> tuple[Pair | None, str]:
    """The difference of the AUROC, and what is to be known of it, or why there is none."""
    try:
        aligned = on_same_cases({name: read_run(name, paths) for name in names})
    except DatasetError as error:
        return None, error.what
    index = positive_index(next(iter(aligned.runs.values())), positive)
    pairs = compare(aligned, index, n_bootstrap, seed).pairs
    pair = next(pair for pair in pairs if pair.metric == "AUROC")
    model = model_of(names[0], paths)
    selection = "" if model is None or pair.difference is None else selection_of(model)
    return pair, "\n".join(filter(None, (pair.warning, selection)))
