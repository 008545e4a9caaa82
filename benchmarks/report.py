"""How large a report of many cases is, how fast it opens, and how long it takes to write.

    python -m benchmarks.report --output report.json --write documentation/benchmarks.md

The results are simulated; a few phantoms with heads of usual size stand in for all patients. The
report is opened in Chromium from disk, from the click to the whole table of cases being drawn, and
a page of a case to its volumes being drawn (by the processor: there need be no GPU).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import page, planning, results
from ricenet_v2.cli import evaluate
from ricenet_v2.core import documents
from ricenet_v2.core.case_pool import map_cases
from ricenet_v2.fingerprinting.fingerprint import aggregate
from ricenet_v2.network.cost import estimate
from ricenet_v2.phantom.cohort import CHANNELS, CLASSES, write_cohort
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.records.dataset import Case, Dataset, Split
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.reporting.case.page import CaseJob
from ricenet_v2.reporting.results import write
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.reporting.results.write import INDEX
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import (
    image_path,
    images_folder,
    load_raw_dataset,
    mask_path,
    masks_folder,
    write_raw_tables,
)
from ricenet_v2.store.workspace import dataset_paths

NAME = "Dataset901_Report"
CASES, PAGES = 1_000, 40
LIMIT_SECONDS, LIMIT_MEGABYTES = 3.0, 100.0
PHANTOMS = 4
SHAPE, SPACING = (88, 104, 88), (1.9, 1.9, 1.9)
ROUNDS = 5
_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def make_dataset(workspace: Path, n_cases: int) -> DatasetPaths:
    """A raw dataset whose images are links to a few phantoms, with simulated results."""
    source = write_cohort(
        workspace / "phantoms", cases=PHANTOMS, test_cases=0, shape=SHAPE, spacing=SPACING
    )
    known = load_raw_dataset(source).cases
    folder = workspace / "raw" / NAME
    cases = []
    for n in range(n_cases):
        like = known[n % PHANTOMS]
        split: Split = "train" if n % 5 else "test"
        case = Case(f"case{n:04d}", f"patient{n:04d}", CLASSES[n % 2], split, like.covariates)
        cases.append(case)
        for target, original in _links(folder, source, case, like):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(original.resolve())
    dataset = Dataset(NAME, CHANNELS, CLASSES, positive_class=CLASSES[1])
    write_raw_tables(folder, dataset, cases)
    paths = dataset_paths(NAME, workspace)
    rng = np.random.default_rng(0)
    measured = [planning.simulated(case.case_id, rng) for case in cases if case.split == "train"]
    counts = {name: sum(c.label == name and c.split == "train" for c in cases) for name in CLASSES}
    fingerprint = Fingerprint(
        NAME, len(measured), len(measured), counts, aggregate(CHANNELS, measured),
        tuple(row.measurement for row in measured),
    )  # fmt: skip
    documents.write(paths.fingerprint, fingerprint)
    plan = make_plan(fingerprint, dataset, estimate, memory_gb=2.0)
    raw = load_raw_dataset(paths.raw)
    results.simulate(paths, raw, plan, workspace / "predictions", epochs=250)
    return paths


def _links(folder: Path, source: Path, case: Case, like: Case) -> list[tuple[Path, Path]]:
    """Paths of the images and masks of a case, and what they are links to."""
    images = [
        (
            image_path(images_folder(folder, case.split), case.case_id, n, ".nii.gz"),
            image_path(images_folder(source, like.split), like.case_id, n, ".nii.gz"),
        )
        for n in range(len(CHANNELS))
    ]
    masks = [
        (
            mask_path(masks_folder(folder, case.split), case.case_id, name, ".nii.gz"),
            mask_path(masks_folder(source, like.split), like.case_id, name, ".nii.gz"),
        )
        for name in ("brain", "lesion")
    ]
    return [*images, *masks]


def some_pages(n_pages: int, seconds: list[float]) -> write.PageMapping:
    """Map cases as `map_cases` does, but only the first ones; the pages of others are copies.

    All patients are a few phantoms, so their pages differ in nothing but their names.

    Args:
        n_pages: Pages that are made.
        seconds: Gets the time of one of them.
    """

    def work(
        function: Callable[[CaseJob], str],
        items: Sequence[CaseJob],
        num_workers: int,
        description: str,
        killed: Callable[[CaseJob, str], str],
    ) -> list[str]:
        begin = time.perf_counter()
        faults = map_cases(function, items[:n_pages], num_workers, description, killed)
        seconds.append((time.perf_counter() - begin) / len(faults))
        for n, job in enumerate(items[n_pages:]):
            name, like = job.name, items[n % n_pages].name
            for folder, ending in (("cases", "html"), ("cases", "js"), ("pictures/cases", "svg")):
                text = (job.folder / folder / f"{like}.{ending}").read_text(encoding="utf-8")
                copy = job.folder / folder / f"{name}.{ending}"
                copy.write_text(text.replace(like, name), encoding="utf-8")
        return faults + [""] * (len(items) - len(faults))

    return work


def run(n_cases: int, n_pages: int, rounds: int, num_workers: int) -> dict[str, Any]:
    """Make, evaluate, write and open a report."""
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Path(scratch)
        paths = make_dataset(workspace, n_cases)
        predictions, space = workspace / "predictions", ["--workspace", scratch]
        assert evaluate.main([NAME, *space, "--n_bootstrap", "200"]) == 0
        files = ["--predictions", str(predictions / "predictions.csv"), "-o", str(predictions)]
        truth = ["--truth", str(paths.raw / "cases.csv")]
        assert evaluate.main([*files, *truth, "--n_bootstrap", "200"]) == 0
        sources = read_sources(paths, "auto", "all", [predictions])
        record, faults = write.write_report(
            sources,
            workspace / "out",
            ["ricenet_report"],
            num_workers=num_workers,
            map_jobs=some_pages(n_pages, seconds),
        )
        assert not faults
        return {
            "cases": n_cases,
            "pages": min(n_pages, n_cases),
            "workers": num_workers,
            "page_seconds": seconds[0],
            "megabytes": record.n_bytes / 1e6,
            **opened(workspace / "out", rounds),
        }


def opened(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds until the first page, and until a page of a case, is whole."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("This benchmark needs chromium (Debian: apt-get install chromium).")
    case = min((folder / "cases").glob("*.html"))
    pages = {
        "open_seconds": (folder / INDEX, "#case-table button.sort"),
        "case_seconds": (case, "#viewer[data-ready]"),
    }
    times: dict[str, list[float]] = {name: [] for name in pages}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", *_WEBGL])
        for _ in range(rounds + 1):
            for name, (path, mark) in pages.items():
                tab = browser.new_page()
                begin = time.perf_counter()
                tab.goto(path.as_uri())
                tab.wait_for_selector(mark)
                tab.evaluate("() => new Promise(done => requestAnimationFrame(() => done(0)))")
                times[name].append(time.perf_counter() - begin)
                tab.close()
        browser.close()
    return {name: values[1:] for name, values in times.items()}  # the first warms up


def section(measured: dict[str, Any]) -> str:
    """The section of the page."""
    opening = statistics.median(measured["open_seconds"])
    viewing = statistics.median(measured["case_seconds"])
    rows = [
        ("the whole folder", f"{measured['megabytes']:.1f} MB", f"{LIMIT_MEGABYTES:.0f} MB",
         f"{measured['megabytes'] / LIMIT_MEGABYTES:.2f}"),
        ("opening the first page", f"{opening:.2f} s", f"{LIMIT_SECONDS:.0f} s",
         f"{opening / LIMIT_SECONDS:.2f}"),
        ("opening a page of a case, volumes drawn", f"{viewing:.2f} s", "", ""),
        ("writing a page of a case", f"{measured['page_seconds']:.2f} s", "", ""),
    ]  # fmt: skip
    return "\n\n".join(
        [
            f"{measured['cases']:,} cases of three channels; {measured['pages']:,} pages of cases "
            f"were made, by {measured['workers']} process(es), the others are copies of them; "
            f"medians of {len(measured['open_seconds'])} rounds; "
            f"{page.machine('numpy', 'playwright')}.",
            page.table(("what", "measured", "limit", "ratio"), rows),
        ]
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="cases of the report")
    parser.add_argument(
        "--pages", type=int, default=PAGES, help="pages of cases that are made, not copied"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="times each page is opened")
    parser.add_argument("--num_workers", type=int, default=1, help="processes that write")
    parser.add_argument("--output", type=Path, help="JSON file of what was measured")
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    options = parser.parse_args()
    measured = run(options.cases, options.pages, options.rounds, options.num_workers)
    if options.output:
        options.output.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    text = section(measured)
    print(text)
    if options.write:
        page.write(options.write, "report", text)


if __name__ == "__main__":
    main()
