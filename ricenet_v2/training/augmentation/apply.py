"""Applying draws to a batch, on the device where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from ricenet_v2.core.seeds import seed_of
from ricenet_v2.network.presence import filled
from ricenet_v2.network.tf32 import float32
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.augmentation.channel_dropout import drop_channels
from ricenet_v2.training.augmentation.deform import deform
from ricenet_v2.training.augmentation.draw import Draw, Intensity, kept_axis
from ricenet_v2.training.augmentation.further import change_further
from ricenet_v2.training.augmentation.intensity import (
    add_noise,
    bend_gamma,
    scale_brightness,
    stretch_contrast,
)
from ricenet_v2.training.augmentation.sharpness import soften
from ricenet_v2.training.augmentation.transfer import picked, put

Change = Callable[[torch.Tensor, Sequence[Intensity]], None]


def augment(images: torch.Tensor, draws: Sequence[Draw], plan: Plan) -> torch.Tensor:
    """The changed samples.

    On a CPU the same draws give the same bits, whatever the number of threads or the other samples
    in the batch.

    Args:
        images: Axes (samples, channels, z, y, x); left as they are. Where the plan allows missing
            channels, those are NaN, before and after.
        draws: One for each sample.
        plan: Channels and spacing.
    """
    if not plan.allows_missing:
        return _changed(images, draws, plan)
    batch = _changed(filled(images), draws, plan)
    drop_channels(batch, images, [draw.dropped for draw in draws], plan.channels)
    return batch


def _changed(images: torch.Tensor, draws: Sequence[Draw], plan: Plan) -> torch.Tensor:
    nearest = [index for index, channel in enumerate(plan.channels) if KINDS[channel.kind].is_mask]
    with _one_thread(images.device), _whole_products(images.device):
        deformed = [
            deform(sample, draw.deformation, draw.mirrored, plan.spacing, nearest)
            for sample, draw in zip(images, draws, strict=True)
        ]
        batch = deformed[0][None] if len(deformed) == 1 else torch.stack(deformed)
        _change_intensities(batch, draws, kept_axis(plan))
        for sample, draw in zip(batch, draws, strict=True):
            change_further(sample, draw.further, plan.channels)
    return batch


def _whole_products(device: torch.device) -> AbstractContextManager[None]:
    """Places and grey values are products of matrices, and TF32 would keep 10 bits of them."""
    return float32("as set") if device.type == "cuda" else nullcontext()


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """Compute in one thread: on a CPU the bits of a sum depend on the number of threads."""
    before = torch.get_num_threads()
    if device.type != "cpu" or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _change_intensities(batch: torch.Tensor, draws: Sequence[Draw], kept: int | None) -> None:
    """Noise, blur and resolution, brightness, contrast, gamma.

    batchgenerators in nnU-Net lowers the resolution after the contrast. Both commute but for the
    clipping of the contrast, and beside the blur one pass does the work of two.
    """
    for sample, channel, drawn in _chosen(draws, "noise_std"):
        generator = torch.Generator(batch.device)
        generator.manual_seed(seed_of(draws[sample].noise_seed, "noise", channel))
        add_noise(batch[sample, channel], _values([drawn], "noise_std")[0], generator)
    chosen = _chosen(draws, "blur_sigma", "low_resolution")
    _change(batch, chosen, lambda images, drawn: soften(images, drawn, kept))
    _change(batch, _chosen(draws, "brightness"), _by_value("brightness", scale_brightness))
    _change(batch, _chosen(draws, "contrast"), _by_value("contrast", stretch_contrast))
    _change(batch, _chosen(draws, "gamma"), _by_value("gamma", bend_gamma))


def _by_value(name: str, function: Callable[[torch.Tensor, Sequence[float]], None]) -> Change:
    return lambda images, drawn: function(images, _values(drawn, name))


def _chosen(draws: Sequence[Draw], *names: str) -> list[tuple[int, int, Intensity]]:
    """Sample, channel and draw wherever one of these changes is to be made."""
    return [
        (sample, channel, drawn)
        for sample, draw in enumerate(draws)
        for channel, drawn in enumerate(draw.intensities)
        if any(getattr(drawn, name) is not None for name in names)
    ]


def _values(drawn: Sequence[Intensity], name: str) -> list[float]:
    return [float(getattr(intensity, name)) for intensity in drawn]


def _change(
    batch: torch.Tensor, chosen: Sequence[tuple[int, int, Intensity]], change: Change
) -> None:
    if _goes_one_by_one(batch.device):
        for sample, channel, drawn in chosen:
            change(batch[sample, channel][None], [drawn])
    elif chosen:
        places = [(sample, channel) for sample, channel, _ in chosen]
        gathered = picked(batch, places)
        change(gathered, [drawn for *_, drawn in chosen])
        put(batch, places, gathered)


def _goes_one_by_one(device: torch.device) -> bool:
    """Whether samples are changed singly, as on a CPU: then other samples change no bit."""
    return device.type == "cpu"
