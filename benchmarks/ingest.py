"""What scanning and converting a patient costs, beside SimpleITK's own reading and registration.

    python -m benchmarks.ingest --write documentation/benchmarks.md

A simulated patient is written as DICOM: two MRI, a planning CT and a dose of 192 voxels a side at
1 mm, a plan, structures, a mask of the brain. Memory is measured with a CT that is finer too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import limited, page, resident

SECTION = "ingest"
_SIDE = 192
_GOALS = {"file": 5.0, "again": 0.1, "patient": 45.0, "ratio": 1.5, "memory": 1536}
_MIB = 1 << 20


def converted(studies: Path) -> dict[str, float]:
    """Scan and convert the patient of a folder, in this process."""
    import highdicom  # noqa: F401 - not timed

    from ricenet_v2.core.memory import PROCESS_BYTES
    from ricenet_v2.ingest.case_conversion import convert_case
    from ricenet_v2.ingest.case_inputs import CaseSources
    from ricenet_v2.ingest.case_memory import bytes_of_case
    from ricenet_v2.ingest.case_writing import made_of, write_case
    from ricenet_v2.ingest.convert_options import ConvertOptions
    from ricenet_v2.ingest.manifest import EVENT, POST_OP
    from ricenet_v2.ingest.proposals import propose
    from ricenet_v2.ingest.pseudonyms import Pseudonyms
    from ricenet_v2.ingest.scan import scan
    from ricenet_v2.reporting.conversion.picture import write_case_picture

    pseudonyms = Pseudonyms(bytes(32))
    with tempfile.TemporaryDirectory() as text:
        work, raw = Path(text, "work"), Path(text, "raw")
        result, first = _timed(lambda: scan(studies, work))
        _, again = _timed(lambda: scan(studies, work))
        (row,) = propose(result.rows, {})
        row = replace(row, label="x", brain=next(iter(result.images)), lesion_roi="GTV")
        structures = next(row.key for row in result.rows if row.verdict == "structures")
        sources = CaseSources(result, (POST_OP, EVENT), pseudonyms)
        inputs = sources.inputs(replace(row, structures=structures))

        def convert() -> None:
            options = ConvertOptions()
            hashed = made_of(inputs, pseudonyms, options)
            write_case(raw, convert_case(inputs, options), hashed, write_case_picture)

        _, seconds = _timed(convert)
    n_files = sum(len(series.headers) for series in result.series.values()) + len(result.images)
    return {
        "files": n_files,
        "file": 1000 * first / n_files,
        "again": 1000 * again / n_files,
        "patient": seconds,
        "peak": resident.peak_bytes() / _MIB,
        "estimate": (PROCESS_BYTES + bytes_of_case(inputs)) / _MIB,
    }


def simpleitk(studies: Path) -> dict[str, float]:
    """Read the three series with SimpleITK's reader, and register both others to the first."""
    import SimpleITK as sitk

    from benchmarks.registration import MovedHead
    from ricenet_v2.core.grid import Grid
    from ricenet_v2.ingest.registration import register

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def read(folder: Path) -> MovedHead:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        image = sitk.Cast(reader.Execute(), sitk.sitkFloat32)
        voxels = sitk.GetArrayFromImage(image)
        z, y, x = image.GetSpacing()[::-1]
        grid = Grid(voxels.shape, (z, y, x), image.GetOrigin(), image.GetDirection())
        return MovedHead(voxels, grid)

    def work() -> None:
        (patient,) = studies.iterdir()
        first, *others = (read(patient / name) for name in ("MR1", "MR2", "CT"))
        for other in others:
            register(first, other)

    return {"patient": _timed(work)[1]}


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def with_finer_ct(studies: Path, folder: Path) -> Path:
    """A copy of the patient whose CT has half the distance of voxels within its slices."""
    from pydicom import dcmread

    shutil.copytree(studies, folder)
    (patient,) = folder.iterdir()
    for file in (patient / "CT").iterdir():
        data = dcmread(file)
        stored = data.pixel_array.repeat(2, 0).repeat(2, 1)
        row, column = np.reshape([float(v) for v in data.ImageOrientationPatient], (2, 3))
        step = float(data.PixelSpacing[0])
        corner = np.array([float(v) for v in data.ImagePositionPatient]) - step / 4 * (row + column)
        data.ImagePositionPatient = [round(float(v), 6) for v in corner]
        data.PixelSpacing = [step / 2, step / 2]
        data.Rows, data.Columns = stored.shape
        data.PixelData = stored.tobytes()
        data["PixelData"].VR = "OW"
        data.save_as(file, enforce_file_format=True)
    return folder


def _patients(folder: Path, side: int) -> dict[str, Path]:
    """Studies by what their images are; those that are there stay."""
    from ricenet_v2.phantom.dicom import write_studies

    plain, finer = folder / str(side), folder / "finer"
    if not plain.is_dir():
        spacing = _SIDE / side
        write_studies(plain, patients=1, shape=(side,) * 3, spacing=(spacing,) * 3)
    if not finer.is_dir():
        with_finer_ct(plain, finer)
    return {
        f"all images of {side} voxels a side": plain,
        f"its CT of {side} x {2 * side} x {2 * side}": finer,
    }


def measured(places: dict[str, Path], side: int, repeats: int) -> str:
    """Both tables, as Markdown."""
    main = places[f"all images of {side} voxels a side"]
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(limited.run("benchmarks.ingest", ["--convert", str(main)], 1))
        theirs.append(limited.run("benchmarks.ingest", ["--simpleitk", str(main)], 1))
    each = {key: statistics.median(result[key] for result in ours) for key in ours[0]}
    ratio = statistics.median(
        result["patient"] / other["patient"] for result, other in zip(ours, theirs, strict=True)
    )
    peer = statistics.median(result["patient"] for result in theirs)
    speed = [
        ("scan, a file", f"{each['file']:.2f} ms", f"under {_GOALS['file']:g} ms"),
        ("the second scan, a file", f"{each['again']:.3f} ms", f"under {_GOALS['again']:g} ms"),
        ("converting the patient", f"{each['patient']:.1f} s", f"under {_GOALS['patient']:g} s"),
        ("SimpleITK's series reader, and the same registrations", f"{peer:.1f} s", ""),
        ("ratio of both", f"{ratio:.2f}", f"at most {_GOALS['ratio']:g}"),
    ]
    memory = []
    for name, place in places.items():
        result = each if place == main else None
        result = result or limited.run("benchmarks.ingest", ["--convert", str(place)], 1)
        share = result["estimate"] / result["peak"]
        memory.append(
            (name, f"{result['peak']:.0f} MiB", f"{result['estimate']:.0f} MiB", f"{share:.2f}")
        )
    return "\n\n".join(
        [
            f"Medians of {repeats} runs in turn, each in a new process with one thread; CPU time, "
            f"imports are not timed. {each['files']:.0f} files. "
            f"{page.machine('SimpleITK', 'highdicom', 'pydicom')}.",
            page.table(("what", "CPU time", "goal"), speed),
            "Peak of the resident memory of a process that scans and converts one patient, imports "
            f"included (goal: under {_GOALS['memory'] / 1024:g} GiB), and what the program "
            "reckons with when it chooses the number of processes.",
            page.table(("patient", "measured", "estimate", "estimate / measured"), memory),
        ]
    )


def main() -> None:
    """Measure, print the tables and, on request, write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--convert", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--simpleitk", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where patients are kept for the next run")
    parser.add_argument("--side", type=int, default=_SIDE, help="voxels along each axis")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which medians are taken")
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    given = parser.parse_args()
    for place, work in ((given.convert, converted), (given.simpleitk, simpleitk)):
        if place:
            print(json.dumps(work(place)))
            return
    with tempfile.TemporaryDirectory() as temporary:
        places = _patients(given.folder or Path(temporary), given.side)
        text = measured(places, given.side, given.repeats)
    print(text)
    if given.write:
        page.write(given.write, SECTION, text)


if __name__ == "__main__":
    main()
