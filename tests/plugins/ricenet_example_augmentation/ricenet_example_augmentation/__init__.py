"""A smooth random field that multiplies each image, as the coil of a scanner does."""

from ricenet_v2.plugins import AugmentationSpecification


def draw(random, settings, _channels):
    """Slope of the field along (z, y, x)."""
    strength = float(settings["strength"])
    return tuple(float(value) for value in random.uniform(-strength, strength, 3))


def apply(images, slopes, _channels):
    """Multiply images (channels, z, y, x) by a field that is 1 in the middle."""
    import torch

    field = torch.ones_like(images[:1])
    for axis, slope in enumerate(slopes, start=1):
        along = torch.linspace(-1, 1, images.shape[axis], device=images.device)
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        field = field * torch.exp(slope * along).view(shape)
    return images.mul_(field)


BIAS_FIELD = AugmentationSpecification(
    label="a smooth bias field", draw=draw, apply=apply, settings={"strength": 0.2}
)
