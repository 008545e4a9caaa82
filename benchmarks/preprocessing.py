"""A case of three channels from .nii.gz to disk, against nnU-Net's preprocessor.

    bash benchmarks/setup_peers.sh
    .venv_peers/bin/python -m benchmarks.preprocessing \
        --output preprocessing.json --write documentation/benchmarks.md

160 x 192 x 160 voxels of 1.2 mm become 192 x 230 x 192 of 1 mm. Two MRI channels (int16) and a dose
(float32) are nowhere 0, so that neither side saves work by cropping. nnU-Net runs
`DefaultPreprocessor.run_case_save` with the resampling of its default plan; it also makes and
resamples the mask of non-zero voxels that it stores beside the images. This project runs
`preprocess_dataset` on a dataset of that one case, which also hashes the input files.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import limited, page, resident

HAVE, WANT = (160, 192, 160), (192, 230, 192)
SPACING, TARGET = 1.2, 1.0
CASE = "case"
GOAL_TIME, GOAL_MEMORY = 4.0, 0.5
OURS, PEER = "ours", "nnU-Net"
MODULE = "benchmarks.preprocessing"
SIDES = (OURS, PEER)


def write_case(folder: Path) -> None:
    """A raw dataset of one case."""
    from scipy import ndimage

    from ricenet_v2.core.grid import Grid
    from ricenet_v2.records.dataset import Case, Channel, Dataset
    from ricenet_v2.store.images import write_image
    from ricenet_v2.store.raw import image_path, images_folder, write_raw_tables

    random = np.random.default_rng(0)
    smooth = [ndimage.gaussian_filter(random.normal(size=HAVE), s) * s**1.5 for s in (2, 3, 8)]
    images = [
        np.clip(600 + 400 * each + random.normal(0, 20, HAVE), 1, 4000).astype(np.int16)
        for each in smooth[:2]
    ]
    images.append(np.clip(30 + 60 * smooth[2], 0.01, 60).astype(np.float32))
    for index, image in enumerate(images):
        path = image_path(images_folder(folder, "train"), CASE, index, ".nii.gz")
        write_image(path, image, Grid(HAVE, (SPACING,) * 3))
    channels = (Channel("a", "mri"), Channel("b", "mri"), Channel("dose", "dose", unit="Gy"))
    dataset = Dataset(folder.name, channels, ("tumour", "RICE"))
    write_raw_tables(folder, dataset, [Case(CASE, CASE, "RICE")])


def ours(folder: Path, *, only_import: bool) -> Path:
    """This project on the case; the file that it wrote."""
    from benchmarks.small_plan import small_plan
    from ricenet_v2.preprocessing.cohort import preprocess_dataset
    from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation
    from ricenet_v2.store.raw import load_raw_dataset

    out = folder / OURS / f"{CASE}.b2nd"
    if only_import:
        return out
    gray = Normalisation("divide", divisor=60.0)
    plan = small_plan(
        dataset=folder.name,
        classes=("tumour", "RICE"),
        channels=(
            *(ChannelPlan(name, "mri", "cubic", Normalisation("zscore")) for name in "ab"),
            ChannelPlan("dose", "dose", "linear", gray),
        ),
        spacing=(TARGET,) * 3,
        input_size=WANT,
    )
    result = preprocess_dataset(load_raw_dataset(folder), plan, out.parent)
    if result.done != (CASE,):
        raise SystemExit(f"The case was not preprocessed: {result}")
    return out


def peer(folder: Path, *, only_import: bool) -> Path:
    """nnU-Net on the case; the file that it wrote."""
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    out = folder / PEER / CASE
    if only_import:
        return out.with_suffix(".b2nd")
    function, apart = "resample_data_or_seg_to_shape", {"order_z": 0, "force_separate_z": None}
    configuration = {
        "architecture": {},
        "spacing": [TARGET] * 3,
        "patch_size": [128] * 3,
        "normalization_schemes": ["ZScoreNormalization"] * 3,
        "use_mask_for_norm": [False] * 3,
        "resampling_fn_data": function,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **apart},
        "resampling_fn_seg": function,
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **apart},
    }
    plans = PlansManager(
        {
            "plans_name": "nnUNetPlans",
            "image_reader_writer": "SimpleITKIO",
            "transpose_forward": [0, 1, 2],
            "transpose_backward": [0, 1, 2],
            "foreground_intensity_properties_per_channel": {"0": {}, "1": {}, "2": {}},
            "configurations": {"3d_fullres": configuration},
        }
    )
    images = [str(folder / "imagesTr" / f"{CASE}_{index:04d}.nii.gz") for index in range(3)]
    out.parent.mkdir(exist_ok=True)
    chosen = plans.get_configuration("3d_fullres")
    DefaultPreprocessor(verbose=False).run_case_save(str(out), images, None, plans, chosen, {})
    return out.with_suffix(".b2nd")


def work(side: str, folder: Path, *, only_import: bool) -> dict[str, float]:
    """Seconds of one case, imports left out, and the peak of this process's resident memory."""
    function = ours if side == OURS else peer
    out = function(folder, only_import=True)
    if not only_import:
        for file in out.parent.glob(f"{CASE}*"):
            file.unlink()
    start, start_cpu = time.perf_counter(), time.process_time()
    if not only_import:
        function(folder, only_import=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return {"wall": seconds, "cpu": cpu, "peak_mb": resident.peak_bytes() / 1e6}


def agreement(folder: Path) -> tuple[float, float]:
    """Smallest correlation of an MRI channel of both results, and ours / nnU-Net's bytes."""
    import blosc2

    files = [folder / side / f"{CASE}.b2nd" for side in SIDES]
    first, second = (blosc2.open(str(file), mode="r") for file in files)
    if first.shape != second.shape:
        raise SystemExit(f"The results differ in shape: {first.shape} and {second.shape}")
    correlations = [np.corrcoef(first[c].ravel(), second[c].ravel())[0, 1] for c in range(2)]
    return float(min(correlations)), files[0].stat().st_size / files[1].stat().st_size


def measure(folder: Path, repeats: int, threads: int) -> dict[str, Any]:
    """Both sides in turn, each in a process of its own; peaks less those that only import."""
    results: dict[str, Any] = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side in SIDES:
            base = limited.run(MODULE, ["--side", side, "--only_import", str(folder)], threads)
            run = limited.run(MODULE, ["--side", side, str(folder)], threads)
            run["above_imports_mb"] = run["peak_mb"] - base["peak_mb"]
            results[side].append(run)
    correlation, bytes_ratio = agreement(folder)
    return {**results, "correlation": correlation, "bytes": bytes_ratio}


def section(results: dict[int, dict[str, Any]], repeats: int) -> str:
    """Markdown of the section."""
    rows = []
    for threads, run in results.items():
        ours_, peer_ = (
            {key: statistics.median(each[key] for each in run[side]) for key in run[side][0]}
            for side in SIDES
        )
        pairs = [b["wall"] / a["wall"] for a, b in zip(run[OURS], run[PEER], strict=True)]
        rows += [
            (
                threads,
                "wall time",
                f"{ours_['wall']:.2f} s",
                f"{peer_['wall']:.2f} s",
                f"nnU-Net / ours: {peer_['wall'] / ours_['wall']:.1f} "
                f"({min(pairs):.1f} to {max(pairs):.1f} of pairs)",
                f"at least {GOAL_TIME:.0f}",
            ),
            (
                threads,
                "CPU time",
                f"{ours_['cpu']:.2f} s",
                f"{peer_['cpu']:.2f} s",
                f"nnU-Net / ours: {peer_['cpu'] / ours_['cpu']:.1f}",
                "",
            ),
            (
                threads,
                "peak memory above imports",
                f"{ours_['above_imports_mb']:.0f} MB",
                f"{peer_['above_imports_mb']:.0f} MB",
                f"ours / nnU-Net: {ours_['above_imports_mb'] / peer_['above_imports_mb']:.2f}",
                f"at most {GOAL_MEMORY}",
            ),
        ]
    last = results[max(results)]
    return "\n\n".join(
        [
            f"Medians of {repeats} runs in turn, each in a new process; imports are not timed. "
            "Memory is the peak of resident memory (`VmHWM`) less that of a process that only "
            "imports the same modules. "
            f"{page.machine('nnunetv2', 'SimpleITK', 'blosc2', 'numpy')}. {limited.STATED}",
            page.table(("threads", "what", "ours", "nnU-Net", "ratio", "goal"), rows),
            f"Smallest correlation of an MRI channel of both results: {last['correlation']:.6f}. "
            f"The file is {last['bytes']:.2f} times as large as nnU-Net's.",
        ]
    )


def main() -> None:
    """Run both sides in turn, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="where to work; a temporary one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", type=Path, metavar="JSON")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--only_import", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        print(json.dumps(work(chosen.side, chosen.folder, only_import=chosen.only_import)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary) / "Dataset001_One"
        write_case(folder)
        results = {each: measure(folder, chosen.repeats, each) for each in chosen.threads}
    text = section(results, chosen.repeats)
    print(text)
    if chosen.output:
        chosen.output.write_text(json.dumps(results, indent=2), encoding="utf-8")
    if chosen.write:
        page.write(chosen.write, "preprocessing", text)


if __name__ == "__main__":
    main()
