"""The engines of image registration behind one interface."""

from __future__ import annotations

from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.registration import Located, RegisteredPair, register

_METHOD = "image registration"


def register_images(
    fixed: Located, moving: Located, options: ConvertOptions
) -> tuple[RegisteredPair, str]:
    """Find the rigid transform between two images of one head, with the engine of the options.

    Args:
        fixed: The reference.
        moving: Moving image, of the same head.
        options: Options that name the engine, and whether it ends at 1 mm.

    Returns:
        The pair, and how it was registered in words.

    Raises:
        DatasetError: The images cannot be registered.
        OptionError: The package of the engine is not installed.
    """
    end = " to 1 mm" if options.fine else ""
    if options.registration == "simpleitk":
        return register(fixed, moving, fine=options.fine), f"{_METHOD}{end}"
    from ricenet_v2.ingest.registration_ants import engine_name, register_by_ants

    pair = register_by_ants(fixed, moving, fine=options.fine)
    return pair, f"{_METHOD}{end} by {engine_name()}"
