"""Whether images are described as those that the networks were trained on."""

from __future__ import annotations

import logging
from pathlib import Path

from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.described import listed_channels, other_channels
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import read_dataset

logger = logging.getLogger(__name__)


def check_images(trained: Dataset, images: Path) -> None:
    """Compare a dataset.json beside a folder of images with the one of the training.

    Files are identified only by the number of their channel, so another order would exchange
    images. Other names of the same kinds may mean the same, and are only reported.

    Args:
        trained: Dataset of the networks.
        images: Folder, e.g. imagesTs of a raw dataset.

    Raises:
        DatasetError: A channel has another position or kind there.
    """
    file = images.resolve().parent / DATASET_JSON
    now = _readable(file)
    differing = "" if now is None else other_channels(trained.channels, now.channels)
    if now is None or not differing:
        return
    places = {channel.name: place for place, channel in enumerate(now.channels)}
    pairs = zip(trained.channels, now.channels, strict=False)
    is_moved = any(
        places.get(channel.name, place) != place for place, channel in enumerate(trained.channels)
    )
    if is_moved or any(then.kind != here.kind for then, here in pairs):
        raise DatasetError(
            "The channels of these images are not those of the model.",
            file=file,
            expected=f"{listed_channels(trained.channels)}, in this order",
            got=listed_channels(now.channels),
            remedy="Name the files so that CASE_0000 is the first channel of the model, and "
            "correct dataset.json, or predict with a model of this dataset.",
        )
    logger.warning("%s names other channels than the model was trained with: %s", file, differing)


def warn_changed(trained: Dataset, file: Path) -> None:
    """Log where the description of the dataset has changed since the model was trained.

    Args:
        trained: Dataset of the networks.
        file: dataset.json of the raw dataset, which may be gone.
    """
    now = _readable(file)
    differing = "" if now is None else other_channels(trained.channels, now.channels)
    if differing:
        logger.warning(
            "%s has changed since the model was trained: %s. The files CASE_0000, CASE_0001 ... "
            "are treated as the channels of the training.",
            file,
            differing,
        )


def _readable(file: Path) -> Dataset | None:
    """Readable description; None if missing or invalid: other programs write such a file too."""
    try:
        return read_dataset(file) if file.is_file() else None
    except RicenetError as error:
        logger.warning("The channels in %s cannot be compared: %s", file, error.what)
        return None
