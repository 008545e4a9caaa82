"""Self-configuring classification of 3D multimodal images. Research use only.

`import ricenet_v2 as rn` gives every command as a function: options go in as records, records come
out. Nothing is imported before its name is used, so that the import itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ricenet_v2.core.lazy_names import by_name, lazily
from ricenet_v2.version import __version__

if TYPE_CHECKING:
    from ricenet_v2.api.ablation import AblationOptions, BudgetRequest, TrainingMachine, ablate
    from ricenet_v2.api.baseline import BaselineResult, baseline
    from ricenet_v2.api.benchmark import benchmark
    from ricenet_v2.api.calibration import calibrate
    from ricenet_v2.api.case_view import CaseView, view_case
    from ricenet_v2.api.cohorts import CohortDraft, cohort_manifest
    from ricenet_v2.api.comparison import compare
    from ricenet_v2.api.conversion import (
        ConversionResult,
        ConvertOptions,
        ScanDraft,
        convert_cases,
        scan_studies,
    )
    from ricenet_v2.api.evaluation import evaluate, evaluate_seeds
    from ricenet_v2.api.evaluation_result import EvaluationResult, MetricOptions
    from ricenet_v2.api.explanation import ExplanationOptions, OcclusionSettings, explain
    from ricenet_v2.api.fusion import fuse
    from ricenet_v2.api.lesions import LesionCases, split_lesions
    from ricenet_v2.api.locations import model_folder
    from ricenet_v2.api.planning import plan, preprocess, verify
    from ricenet_v2.api.planning_steps import IntegrityError, PlanOptions
    from ricenet_v2.api.prediction import Ensemble, PredictOptions, load_model, predict
    from ricenet_v2.api.report import Report, report
    from ricenet_v2.api.table_conversion import TableConversion, TableOptions, convert_table
    from ricenet_v2.api.training import TrainedFolds, TrainOptions, train, train_folds
    from ricenet_v2.core.errors import (
        CheckpointError,
        DatasetError,
        DeviceLostError,
        DocumentError,
        GeometryError,
        InUseError,
        MissingChannelError,
        OptionError,
        PlanError,
        PluginError,
        RegionError,
        RicenetError,
        StoppedError,
        TrainingError,
    )
    from ricenet_v2.core.grid import Grid
    from ricenet_v2.core.progress import progress_bars
    from ricenet_v2.phantom.cohort import write_cohort
    from ricenet_v2.phantom.patient import Anatomy, LabelModel
    from ricenet_v2.preprocessing.cohort import CohortResult
    from ricenet_v2.records.ablation import Ablation
    from ricenet_v2.records.benchmark import Benchmark
    from ricenet_v2.records.calibration import Calibration
    from ricenet_v2.records.comparison import Comparison
    from ricenet_v2.records.explanation import Explanation
    from ricenet_v2.records.fusion import Fusion
    from ricenet_v2.records.integrity import Integrity
    from ricenet_v2.records.metrics import Evaluation
    from ricenet_v2.records.plan import Plan
    from ricenet_v2.records.prediction import CasePrediction, Predictions
    from ricenet_v2.records.run import Run
    from ricenet_v2.records.seeds import SeedVariance
    from ricenet_v2.store.images import read_image

_NAMES = {
    "api.ablation": "AblationOptions BudgetRequest TrainingMachine ablate",
    "api.baseline": "BaselineResult baseline",
    "api.benchmark": "benchmark",
    "api.calibration": "calibrate",
    "api.case_view": "CaseView view_case",
    "api.cohorts": "CohortDraft cohort_manifest",
    "api.comparison": "compare",
    "api.conversion": "ConversionResult ConvertOptions ScanDraft convert_cases scan_studies",
    "api.evaluation": "evaluate evaluate_seeds",
    "api.evaluation_result": "EvaluationResult MetricOptions",
    "api.explanation": "ExplanationOptions OcclusionSettings explain",
    "api.fusion": "fuse",
    "api.lesions": "LesionCases split_lesions",
    "api.locations": "model_folder",
    "api.planning": "plan preprocess verify",
    "api.planning_steps": "IntegrityError PlanOptions",
    "api.prediction": "Ensemble PredictOptions load_model predict",
    "api.report": "Report report",
    "api.table_conversion": "TableConversion TableOptions convert_table",
    "api.training": "TrainOptions TrainedFolds train train_folds",
    "core.errors": (
        "CheckpointError DatasetError DeviceLostError DocumentError GeometryError InUseError "
        "MissingChannelError OptionError PlanError PluginError RegionError RicenetError "
        "StoppedError TrainingError"
    ),
    "core.grid": "Grid",
    "core.progress": "progress_bars",
    "phantom.cohort": "write_cohort",
    "phantom.patient": "Anatomy LabelModel",
    "preprocessing.cohort": "CohortResult",
    "records.ablation": "Ablation",
    "records.benchmark": "Benchmark",
    "records.calibration": "Calibration",
    "records.comparison": "Comparison",
    "records.explanation": "Explanation",
    "records.fusion": "Fusion",
    "records.integrity": "Integrity",
    "records.metrics": "Evaluation",
    "records.plan": "Plan",
    "records.prediction": "CasePrediction Predictions",
    "records.run": "Run",
    "records.seeds": "SeedVariance",
    "store.images": "read_image",
}
_MODULES = by_name(_NAMES)

__all__ = [
    "Ablation",
    "AblationOptions",
    "Anatomy",
    "BaselineResult",
    "Benchmark",
    "BudgetRequest",
    "Calibration",
    "CasePrediction",
    "CaseView",
    "CheckpointError",
    "CohortDraft",
    "CohortResult",
    "Comparison",
    "ConversionResult",
    "ConvertOptions",
    "DatasetError",
    "DeviceLostError",
    "DocumentError",
    "Ensemble",
    "Evaluation",
    "EvaluationResult",
    "Explanation",
    "ExplanationOptions",
    "Fusion",
    "GeometryError",
    "Grid",
    "InUseError",
    "Integrity",
    "IntegrityError",
    "LabelModel",
    "LesionCases",
    "MetricOptions",
    "MissingChannelError",
    "OcclusionSettings",
    "OptionError",
    "Plan",
    "PlanError",
    "PlanOptions",
    "PluginError",
    "PredictOptions",
    "Predictions",
    "RegionError",
    "Report",
    "RicenetError",
    "Run",
    "ScanDraft",
    "SeedVariance",
    "StoppedError",
    "TableConversion",
    "TableOptions",
    "TrainOptions",
    "TrainedFolds",
    "TrainingError",
    "TrainingMachine",
    "__version__",
    "ablate",
    "baseline",
    "benchmark",
    "calibrate",
    "cohort_manifest",
    "compare",
    "convert_cases",
    "convert_table",
    "evaluate",
    "evaluate_seeds",
    "explain",
    "fuse",
    "load_model",
    "model_folder",
    "plan",
    "predict",
    "preprocess",
    "progress_bars",
    "read_image",
    "report",
    "scan_studies",
    "split_lesions",
    "train",
    "train_folds",
    "verify",
    "view_case",
    "write_cohort",
]


if not TYPE_CHECKING:  # else type checkers would take any name
    __getattr__ = lazily(globals(), _MODULES)


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
