"""Named random generators: the same seed and names give the same stream on every machine."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(seed: int, *names: str | int) -> int:
    """A 63-bit seed drawn from a base seed and names such as ("augmentation", epoch, case)."""
    text = "/".join([str(seed), *(str(name) for name in names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """An independent numpy generator for one named purpose."""
    return np.random.default_rng(seed_of(seed, *names))
