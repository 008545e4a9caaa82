"""Self-configuring classification of 3D multimodal images. Research use only."""

from ricenet_v2.version import __version__

__all__ = ["__version__"]
