"""The parts of a plan: channels, network, training, memory."""

from __future__ import annotations

import dataclasses
import operator
from typing import Annotated, Literal

from pydantic import Field

from ricenet_v2.core.documents import NewFlag, record
from ricenet_v2.core.names import Name
from ricenet_v2.records import ranges
from ricenet_v2.records.dataset import ChannelKind

Triple = tuple[ranges.Value, ranges.Value, ranges.Value]
_Strides = tuple[ranges.Stride, ranges.Stride, ranges.Stride]
Interpolation = Literal["cubic", "linear", "nearest"]
Norm = Literal["instance", "batch", "own"]
Levels = tuple[Annotated[tuple[ranges.Value, ...], Field(max_length=ranges.MOST_LEVELS)], ...]
Precision = Literal["float32", "bfloat16", "float16"]
"""Precision of a forward pass; the latter two are mixed, `float16` on cards before Ampere."""
_Whole = Annotated[int, Field(ge=-(2**62), le=2**62)]
_Text = Annotated[str, Field(max_length=1000)]
_Numbers = Annotated[tuple[_Whole | ranges.Value, ...], Field(max_length=ranges.MOST_SETTINGS)]
# What pip takes for a name and a version: a message shows them in a command.


def _is_none(value: object) -> bool:
    return value is None


_PACKAGE = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
_VERSION = r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$"
Setting = bool | _Whole | ranges.Value | _Text | _Numbers
Settings = Annotated[
    dict[Name, Setting],
    Field(max_length=ranges.MOST_SETTINGS, exclude_if=operator.not_),
]
"""Settings of something that another package brings, by name; not written where empty."""


@record
class PluginUse:
    """Something in a plan that another package brings.

    Attributes:
        group: Group of entry points, e.g. `networks`.
        name: Name by which it is chosen.
        package: Name of the package, as pip installs it.
        version: Version that was installed.
    """

    group: Name
    name: Name
    package: Annotated[str, Field(pattern=_PACKAGE, max_length=200)]
    version: Annotated[str, Field(pattern=_VERSION, max_length=200)]


@record
class Normalisation:
    """Normalisation of one channel.

    Attributes:
        scheme: `zscore` with the case's own mean and deviation inside the foreground;
            `clip_zscore` with constants of the dataset; `divide` by a fixed divisor, clipped
            below at 0; `none`; or one that another package brings (see
            `records.normalisation`).
        clip_low: Lower bound of `clip_zscore`.
        clip_high: Upper bound of `clip_zscore`.
        mean: Mean of `clip_zscore`.
        std: Deviation of `clip_zscore`.
        divisor: Divisor of `divide`, in the unit of the channel (Gy for dose).
        constants: Constants of a scheme that another package brings, by name; not written if empty.
    """

    scheme: Name
    clip_low: ranges.Value | None = None
    clip_high: ranges.Value | None = None
    mean: ranges.Value | None = None
    std: ranges.Deviation | None = None
    divisor: ranges.Deviation | None = None
    constants: Annotated[
        dict[Name, ranges.Value],
        Field(max_length=ranges.MOST_SETTINGS, exclude_if=operator.not_),
    ] = dataclasses.field(default_factory=dict)


@record
class ChannelPlan:
    """Preprocessing of one channel.

    Attributes:
        name: Name of the channel.
        kind: Its kind, e.g. `mri`.
        interpolation: Interpolation by which it is resampled.
        normalisation: Scheme and constants.
    """

    name: Name
    kind: ChannelKind
    interpolation: Interpolation
    normalisation: Normalisation


@record
class NetworkPlan:
    """The network, stage by stage; sizes along array axes (z, y, x).

    Attributes:
        architecture: `residual_encoder` (dynamic-network-architectures), `resnet18` (the
            paper's: MONAI's layout with a named stem), or one that another package brings (see
            `records.architectures`).
        features: Channels of each stage.
        blocks: Residual blocks of each stage.
        kernel_sizes: Kernel of each stage.
        strides: Stride of each stage; the first of `resnet18` is that of its stem.
        norm: Normalisation layer; `own` is what the architecture has, or none, which says
            nothing of absolute values.
        dropout: Probability before the linear head.
        stem: Description of the stem, e.g. `conv7 stride 2, max pool 3 stride 2`.
        conv_bias: Whether convolutions have a bias, as nnU-Net's have; a norm takes it away again.
        nonlinearity: Nonlinearity after each norm; the slope of `leaky_relu` is 0.01.
        stem_features: Channels of the residual encoder's stem at full resolution; None takes
            those of the first stage.
        stochastic_depth: Probability with which a sample skips a residual branch in training.
        levels: Increasing values for each input channel, normalised as the network sees them; a
            band around each but the first is appended to the channels (see `network.levels`). Empty
            for a channel without bands, and altogether in plans of earlier versions. Not written if
            empty, so that the hash of those plans stays unchanged.
        settings: Settings that only this architecture has.
        presence: Whether cases may lack channels: the head then gets, beside the pooled features,
            a flag for each available channel.
    """

    architecture: Name
    features: Annotated[tuple[ranges.Features, ...], Field(max_length=ranges.MOST_STAGES)]
    blocks: tuple[ranges.Blocks, ...]
    kernel_sizes: tuple[tuple[ranges.Kernel, ranges.Kernel, ranges.Kernel], ...]
    strides: tuple[_Strides, ...]
    norm: Norm
    dropout: ranges.Part
    stem: str
    conv_bias: bool = False
    nonlinearity: Literal["relu", "leaky_relu"] = "relu"
    stem_features: ranges.Features | None = None
    stochastic_depth: ranges.Part = 0.0
    levels: Annotated[Levels, Field(exclude_if=operator.not_)] = ()
    settings: Settings = dataclasses.field(default_factory=dict)
    presence: NewFlag = False


@record
class FurtherChange:
    """A random change that another package brings (see `records.augmentations`).

    Attributes:
        probability: Probability with which a sample is changed.
        settings: Settings of the change, by name.
    """

    probability: ranges.Share
    settings: Settings = dataclasses.field(default_factory=dict)


@record
class AugmentationPlan:
    """Random changes of a training sample.

    Geometry is shared by all channels; changes of intensity leave channels of fixed intensities,
    such as dose and masks, as they are. Each `p_` is the probability of a change.
    Whole channels are dropped only where `network.presence` shows the network which are there.

    Attributes:
        p_rotation: Probability of a rotation.
        rotation_degrees: Angles at most, about each axis (only in plane where the grid is
            anisotropic).
        p_scaling: Probability of a zoom.
        scaling: Smallest and largest factor.
        p_elastic: Probability of a displacement on a coarse field.
        elastic_mm: Displacement at most.
        mirror_axes: Array axes (0 z, 1 y, 2 x) that are flipped with probability one half each.
        p_noise: Probability of Gaussian noise.
        noise_std: Its standard deviation at most.
        p_blur: Probability of a Gaussian blur.
        blur_sigma: Its sigma in voxels at most.
        p_brightness: Probability of a factor.
        brightness: Smallest and largest one.
        p_contrast: Probability of a factor about the mean, with the range preserved.
        contrast: Smallest and largest one.
        p_gamma: Probability of an exponent.
        gamma: Smallest and largest one.
        p_low_resolution: Probability of a lower resolution and back.
        low_resolution: Share of the resolution at least.
        further: Changes that other packages bring, by name; not written where empty.
        in_plane_axis: Array axis of too few voxels to rotate into the others: samples are rotated
            about it alone, scaled and displaced in its plane; None, and not written, of others.
        channel_dropout: Probability with which each channel is dropped from a sample that has it;
            one that shows the patient always stays. Empty, and not written, where no case may lack
            channels.
    """

    p_rotation: ranges.Share = 0.3
    rotation_degrees: ranges.Degrees = 20.0
    p_scaling: ranges.Share = 0.3
    scaling: tuple[ranges.Factor, ranges.Factor] = (0.8, 1.25)
    p_elastic: ranges.Share = 0.2
    elastic_mm: ranges.Length = 6.0
    mirror_axes: tuple[int, ...] = (2,)
    p_noise: ranges.Share = 0.15
    noise_std: ranges.Strength = 0.1
    p_blur: ranges.Share = 0.15
    blur_sigma: ranges.Length = 1.0
    p_brightness: ranges.Share = 0.15
    brightness: tuple[ranges.Factor, ranges.Factor] = (0.75, 1.25)
    p_contrast: ranges.Share = 0.15
    contrast: tuple[ranges.Factor, ranges.Factor] = (0.75, 1.25)
    p_gamma: ranges.Share = 0.15
    gamma: tuple[ranges.Factor, ranges.Factor] = (0.7, 1.5)
    p_low_resolution: ranges.Share = 0.1
    low_resolution: Annotated[float, Field(ge=1e-3, le=1)] = 0.5
    further: Annotated[
        dict[Name, FurtherChange],
        Field(max_length=ranges.MOST_SETTINGS, exclude_if=operator.not_),
    ] = dataclasses.field(default_factory=dict)
    in_plane_axis: Annotated[int | None, Field(ge=0, le=2, exclude_if=_is_none)] = None
    channel_dropout: Annotated[tuple[ranges.Part, ...], Field(exclude_if=operator.not_)] = ()


@record
class TrainingPlan:
    """Settings of training a fold; every field can be set with `--set name=value`.

    Attributes:
        batch_size: Samples per step on the device.
        accumulation_steps: Steps whose gradients are added before an update.
        epochs: Passes.
        iterations_per_epoch: Updates in an epoch.
        optimiser: `adamw` or `adam`.
        learning_rate: Peak, reached after `warmup_epochs`, then cosine to 0.
        warmup_epochs: Epochs of linear warm-up.
        weight_decay: Decoupled (adamw) weight decay.
        label_smoothing: Part of the target given to all classes.
        gradient_clip: Largest norm of the gradient.
        ema_decay: Decay of the averaged weights per update; 0 switches it off.
        mixed_precision: bfloat16 on CUDA; float16 with scaled losses on cards before Ampere.
        augmentation: Random changes.
        balance: Compensation for rare classes: the `sampler` shows every class equally often, the
            `loss` weighs a case by one over the size of its class, `none` does neither.
        mixup: Parameter alpha of mixup (Zhang et al. 2018); 0 switches it off.
        early_stop_epochs: End after so many epochs without a best one; 0 never does.
        compile: Compile the network with torch.compile.
        channels_last: Keep voxels of all channels side by side in memory.
        activation_checkpointing: Make the maps inside a block again in the backward pass instead
            of keeping them: less memory, about a third more work.
        fused_optimiser: Update all weights in one kernel of CUDA.
        cudnn_benchmark: Let cuDNN time its algorithms and take the fastest. It may differ from run
            to run, and the last bits with it.
        num_workers: Read in older plans and not used: it is an option of the command. Never
            written, so that it is no part of the plan's hash.
    """

    batch_size: ranges.Samples
    accumulation_steps: ranges.Samples
    epochs: ranges.Count
    iterations_per_epoch: ranges.Count
    optimiser: Literal["adamw", "adam"] = "adamw"
    learning_rate: ranges.Rate = 1e-3
    warmup_epochs: ranges.Index = 5
    weight_decay: ranges.Strength = 1e-2
    label_smoothing: ranges.Part = 0.05
    gradient_clip: ranges.Threshold = 5.0
    ema_decay: ranges.Part = 0.98
    mixed_precision: bool = True
    augmentation: AugmentationPlan = AugmentationPlan()
    balance: Literal["sampler", "loss", "none"] = "sampler"
    mixup: ranges.Strength = 0.0
    early_stop_epochs: ranges.Index = 0
    compile: bool = False
    channels_last: bool = False
    activation_checkpointing: NewFlag = False
    fused_optimiser: NewFlag = False
    cudnn_benchmark: NewFlag = False
    num_workers: Annotated[int, Field(exclude=True)] = dataclasses.field(
        default=0, compare=False, repr=False
    )


@record
class MemoryEstimate:
    """Bytes of one training step, counted on the meta device, and its work.

    Attributes:
        parameters: Weights and buffers (running statistics of batch norm).
        gradients: Gradients of all weights, in bytes.
        optimiser_state: AdamW's two moments.
        ema: Averaged weights and buffers.
        activations: Kept for the backward pass; with mixed precision also the casts of the
            weights.
        inputs: The batch at work and the next one.
        workspace: Bytes that the peak of the step takes beyond the rest (gradients of maps, copies
            of the weights during the update), and the allowance for convolution algorithms.
        n_parameters: Trained numbers.
        multiply_adds: Multiply-adds of one forward pass of the batch.
        precision: Precision that was counted; all but `float32` is mixed precision under CUDA's
            autocast.
        largest_map: Elements of the largest tensor of the step; 0 in older plans.
    """

    parameters: ranges.Bytes
    gradients: ranges.Bytes
    optimiser_state: ranges.Bytes
    ema: ranges.Bytes
    activations: ranges.Bytes
    inputs: ranges.Bytes
    workspace: ranges.Bytes
    n_parameters: ranges.Bytes
    multiply_adds: ranges.Bytes
    precision: Precision = "float32"
    largest_map: Annotated[ranges.Bytes, Field(exclude_if=operator.not_)] = 0

    @property
    def total(self) -> int:
        """All bytes of one training step."""
        parts = (self.parameters, self.gradients, self.optimiser_state, self.ema)
        return sum(parts) + self.activations + self.inputs + self.workspace
