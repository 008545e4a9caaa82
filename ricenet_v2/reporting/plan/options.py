"""How a reader changes a plan: options of the command, and fields of the file."""

from __future__ import annotations

OPTIONS = (
    ("--gpu_memory_gb GiB", "the budget; more memory allows a finer spacing or a larger batch"),
    ("--spacing Z Y X", "target spacing in mm; the input size follows"),
    ("--input_size Z Y X", "voxels that the network sees, multiples of its strides"),
    ("--batch_size N", "samples per step"),
    ("--straighten", "images that lie tilted along the axes of the patient, in one resampling"),
    ("--precision float32|bfloat16|float16", "in which a step must fit; the latter two are mixed"),
    ("--activation_checkpointing", "a finer spacing for about a third more work"),
    (
        "--preset auto|paper|resenc_l|small",
        "all rules, RICE-NET as published, the public ResEnc-L, or under 3 million weights",
    ),
    ("--group COLUMN", "folds that hold out each centre, scanner ... of a column of cases.csv"),
)
"""Options of ricenet_plan_and_preprocess; each needs --overwrite where a plan exists."""

FIELDS = (
    ("spacing, input_size", "preprocess anew afterwards; the input must divide by the strides"),
    ("channels[].normalisation", "scheme and its constants; preprocess anew afterwards"),
    ("channels[].interpolation", "cubic, linear or nearest; preprocess anew afterwards"),
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
