"""Changes of a plan: options of the command, and fields of the file."""

from __future__ import annotations

from ricenet_v2.core.plugins import installed
from ricenet_v2.planning.names import PRESETS

_OF_THIS_PROGRAM = (
    "all rules, RICE-NET as published, the public ResEnc-L, or under 3 million weights"
)
OPTIONS = (
    ("--gpu_memory_gb GiB", "the budget; more memory allows a finer spacing or a larger batch"),
    ("--spacing Z Y X", "target spacing in mm; the input size follows"),
    ("--input_size Z Y X", "voxels that the network sees, multiples of its strides"),
    ("--batch_size N", "samples per step"),
    ("--straighten", "images that lie tilted along the axes of the patient, in one resampling"),
    ("--allow_missing_channels", "cases may lack channels: presence flags and channel dropout"),
    ("--precision float32|bfloat16|float16", "in which a step must fit; the latter two are mixed"),
    ("--activation_checkpointing", "a finer spacing for about a third more work"),
    ("--group COLUMN", "folds that hold out each centre, scanner ... of a column of cases.csv"),
)
"""Options of ricenet_plan_and_preprocess; each needs --overwrite where a plan exists."""


def all_options() -> tuple[tuple[str, str], ...]:
    """The options, with the presets that are installed where the page is written."""
    brought = [f"{each.name} of {each.origin}" for each in installed(PRESETS.group)]
    explained = "; ".join((_OF_THIS_PROGRAM, *dict.fromkeys(brought)))
    return (*OPTIONS, (f"--preset {'|'.join(PRESETS)}", explained))


FIELDS = (
    ("spacing, input_size", "preprocess again afterwards; the input must divide by the strides"),
    ("channels[].normalisation", "scheme and its constants; preprocess again afterwards"),
    ("channels[].interpolation", "cubic, linear or nearest; preprocess again afterwards"),
    ("network.features, .blocks", "width and depth of each stage"),
    ("network.kernel_sizes, .strides", "of each stage; as many entries as features"),
    (
        "network.norm, .dropout",
        "instance or batch; probability before the linear head",
    ),
    (
        "training.*",
        "batch, epochs, learning rate and the rest; also ricenet_train --set NAME=VALUE",
    ),
    ("training.augmentation.*", "probabilities and ranges; also --set augmentation.NAME=VALUE"),
)
"""Fields of the plan's JSON file that are safe to edit by hand."""
