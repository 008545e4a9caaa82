"""The library of compressed arrays, imported so that Python's random numbers go on as before.

Its import draws from the generator of `random`, which belongs to the script that uses this package.
Other modules of the package import it from here.
"""

from __future__ import annotations

import random

_state = random.getstate()
import blosc2  # noqa: E402 - between the two lines

random.setstate(_state)

__all__ = ["blosc2"]
