"""Words about a file of weights: which plan would fit it, and what its shapes cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.network.weight_layouts import ForeignEncoder
from ricenet_v2.records.plan_parts import Levels, NetworkPlan

_RESENC_L = ((32, 64, 128, 256, 320, 320), (1, 3, 4, 6, 6, 6))
_RESNET_18 = ((64, 128, 256, 512), (2, 2, 2, 2))
_PRESETS = {"residual_encoder": ("resenc_l", _RESENC_L), "resnet18": ("paper", _RESNET_18)}
"""Preset whose network public weights fit, its features and blocks, for each architecture."""


def remedy_for(foreign: ForeignEncoder, state: Mapping[str, Any]) -> str:
    """Advice on the preset with the layout of these weights, or on the changes of a plan.

    Args:
        foreign: The encoder of the file.
        state: All that the file holds.
    """
    plan = _recorded_plan(state)
    if plan is not None:
        return (
            f"They were trained by the preset {plan.get('preset')} with an input of "
            f"{plan.get('input_size')} voxels: plan with that --preset and --input_size, or copy "
            "the network section of that plan."
        )
    layout = (foreign.features, foreign.blocks)
    preset, known = _PRESETS[foreign.architecture]
    advice = f"Plan with ricenet_plan_and_preprocess --preset {preset}, train with --plan {preset}"
    if layout == known:
        return f"{advice}."
    return (
        f"{advice}, and set features to {list(foreign.features)} and blocks to "
        f"{list(foreign.blocks)} in the network section of that plan's file."
    )


def notes_on(foreign: ForeignEncoder, state: Mapping[str, Any], plan: NetworkPlan) -> list[str]:
    """Differences that change the output of the encoder, though every shape fits.

    Args:
        foreign: The encoder of the file.
        state: All that the file holds.
        plan: Plan of the network that took the weights.
    """
    notes = []
    norm = "batch" if any(name.endswith("running_mean") for name in foreign.tensors) else "instance"
    if norm != plan.norm:
        notes.append(f"the file's network has {norm} norms, this one has {plan.norm} norms")
    for what, there, here in (
        ("nonlinearity", _nonlinearity(foreign, state), plan.nonlinearity),
        ("strides", _strides(foreign, state), plan.strides),
    ):
        if there is not None and there != here:
            notes.append(f"{what}: {there} in the file's network, {here} here")
    if any("conv_seg." in name for name in foreign.ignored.get("head", [])):
        notes.append("stages 3 and 4 of MedicalNet are dilated where those here are strided")
    return notes


def recorded_architecture(state: Mapping[str, Any]) -> str:
    """The architecture of a checkpoint's network; empty of all but ours."""
    architecture = _dig(_recorded_plan(state), "network", "architecture")
    return architecture if isinstance(architecture, str) else ""


def levels_of(state: Mapping[str, Any]) -> Levels:
    """The levels of a checkpoint's network around which it has bands; none of all but ours."""
    levels = _dig(_recorded_plan(state), "network", "levels") or ()
    return tuple(tuple(float(value) for value in values) for values in levels)


def _dig(value: Any, *keys: str) -> Any:
    """Value at the end of the keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _recorded_plan(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """The plan that a checkpoint of ours carries."""
    text = state.get("plan") if "inference_weights" in state else None
    try:
        return documents.parsed_object(text) if isinstance(text, str) else None
    except DocumentError:
        return None


def _nnunet_arguments(state: Mapping[str, Any]) -> Any:
    """Arguments of the network of nnU-Net, from the plans that its checkpoint carries."""
    configuration = _dig(state, "init_args", "configuration")
    plans = _dig(state, "init_args", "plans", "configurations", str(configuration))
    return _dig(plans, "architecture", "arch_kwargs")


def _nonlinearity(foreign: ForeignEncoder, state: Mapping[str, Any]) -> str | None:
    plan = _recorded_plan(state)
    if plan is not None:
        return str(_dig(plan, "network", "nonlinearity") or "relu")
    nonlinearity = _dig(_nnunet_arguments(state), "nonlin")
    if nonlinearity is None:
        # All presets of nnU-Net and nnssl, and no ResNet.
        return "leaky_relu" if foreign.format in ("nnU-Net", "nnssl") else None
    return "leaky_relu" if str(nonlinearity).endswith("LeakyReLU") else str(nonlinearity)


def _strides(
    foreign: ForeignEncoder, state: Mapping[str, Any]
) -> tuple[tuple[int, ...], ...] | None:
    strides = _dig(_recorded_plan(state), "network", "strides") or _dig(
        _nnunet_arguments(state), "strides"
    )
    if strides is None and foreign.format == "nnssl" and len(foreign.blocks) == len(_RESENC_L[1]):
        return ((1, 1, 1), *((2, 2, 2),) * (len(foreign.blocks) - 1))
    if not isinstance(strides, list | tuple):
        return None
    return tuple(tuple(n) if isinstance(n, list | tuple) else (n, n, n) for n in strides)
