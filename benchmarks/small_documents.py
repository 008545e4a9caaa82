"""Small documents, one of each kind, as the program writes them."""

from __future__ import annotations

import torch

from benchmarks.small_plan import small_plan
from ricenet_v2.core import documents
from ricenet_v2.inference.prior import to_state
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    ChannelMeasurement,
    Distribution,
    Fingerprint,
)
from ricenet_v2.records.integrity import Finding, Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan, NetworkPlan, Normalisation, TrainingPlan
from ricenet_v2.records.prediction import CasePrediction, FailedCase, MemberPrediction, Predictions
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run

CASE = "P0001"


def small_dataset() -> Dataset:
    """Two classes, a mri and a dose channel."""
    return Dataset("D", (Channel("a", "mri"), Channel("b", "dose", unit="Gy")), ("x", "y"))


def one_stage_plan() -> Plan:
    """A plan of one channel and one stage."""
    return small_plan(
        dataset="D",
        classes=("x", "y"),
        channels=(ChannelPlan("a", "mri", "cubic", Normalisation("zscore")),),
        input_size=(4, 4, 4),
        network=NetworkPlan(
            "residual_encoder", (2,), (1,), ((3, 3, 3),), ((1, 1, 1),), "instance", 0.0, ""
        ),
        training=TrainingPlan(2, 1, 2, 4),
        dose_range={"b": (0.0, 60.0)},
    )


def small_run() -> Run:
    """A finished fold."""
    return Run(
        "D", "auto", "", 0, ("a",), 0, "cpu", 2, "finished", 1, ("ricenet_train",), {"torch": "2"},
        prior=Prior((0.5, 0.5), (3, 4)), decide="balanced",
    )  # fmt: skip


def small_case() -> PreprocessedCase:
    """Record of a preprocessed case."""
    ones, cube = (1.0, 1.0, 1.0), (4, 4, 4)
    return PreprocessedCase(
        case_id=CASE,
        shape=(1, *cube),
        source_grid_shape=cube,
        source_spacing=ones,
        source_origin=ones,
        source_direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        crop_start=(0, 0, 0),
        crop_stop=cube,
        region="whole image",
        dose_maximum={"b": 60.0},
        warnings=(),
        inputs_hash="",
    )


def small_fingerprint() -> Fingerprint:
    """A fingerprint of one case."""
    spread, cube, ones = Distribution(*[1.0] * 7), (4, 4, 4), (1.0, 1.0, 1.0)
    case = CaseMeasurement(CASE, cube, cube, ones, 1.0, (ChannelMeasurement(*[1.0] * 9),))
    channel = ChannelFingerprint("a", "mri", 1.0, 1.0, 0.0, 2.0, spread, spread, spread, 0.0)
    return Fingerprint("D", 1, 1, {"x": 1, "y": 0}, (channel,), (case,))


def small_integrity() -> Integrity:
    """Findings of one warning."""
    finding = Finding("warning", "voxels", CASE, f"imagesTr/{CASE}_0000.nii", "a", "b", "c")
    return Integrity("D", 1, 2, (finding,))


def small_predictions() -> Predictions:
    """Predictions of one case, and one that failed."""
    case = CasePrediction(
        CASE, "x", (0.7, 0.3), (MemberPrediction(0, (0.7, 0.3)),), 0.6, 1.0, (), small_case()
    )
    return Predictions(
        "D", "auto", "", {"fold_0/checkpoint_final.pth": ""}, ("x", "y"), "mean", True, (case,),
        (FailedCase("P0003", "no file"),), prior=(0.5, 0.5), decide="balanced",
    )  # fmt: skip


def small_calibration() -> Calibration:
    """A calibration of slope and offsets."""
    return Calibration(
        1.5, 1.0, 2.0, 4, 4, "log loss", {}, (), (), form="slope and offset", slope=0.7,
        offsets=(-0.1, 0.1), classes=("x", "y"), prior=(0.5, 0.5),
    )  # fmt: skip


def small_checkpoint() -> dict[str, object]:
    """State of a checkpoint for inference."""
    return {
        "inference_weights": {"weight": torch.ones(2, 2)},
        "plan": documents.to_text(one_stage_plan()),
        "dataset": documents.to_text(small_dataset()),
        "prior": to_state(Prior((0.5, 0.5), (3, 4))),
    }
