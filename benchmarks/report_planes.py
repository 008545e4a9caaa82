"""Draws the planes of a simulated patient that the page of the report shows.

python -m benchmarks.report_planes
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from PIL import Image

from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.reporting.case.drawn import draw
from ricenet_v2.reporting.case.scene import write_png
from ricenet_v2.store.raw import load_raw_dataset

PICTURE = Path(__file__).resolve().parents[1] / "documentation" / "report_planes.jpg"
_WIDTH = 760  # pixels


def main() -> int:
    """Draw the picture and print where it is."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / NAME
        write_cohort(folder, seed=0, cases=6, test_cases=0, shape=(80, 96, 80), spacing=(2, 2, 2))
        raw = load_raw_dataset(folder)
        write_png(draw(raw, raw.cases[0], (), None, None, None).scene, folder / "planes.png")
        with Image.open(folder / "planes.png") as drawn:
            size = (_WIDTH, round(drawn.height * _WIDTH / drawn.width))
            drawn.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(PICTURE, quality=90)
    print(PICTURE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
