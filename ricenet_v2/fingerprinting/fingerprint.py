"""The fingerprint of a dataset: what its training cases are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.case_pool import map_cases
from ricenet_v2.core.deadline import Limited
from ricenet_v2.core.errors import DatasetError, MissingChannelError
from ricenet_v2.core.memory import allowed_workers, available_memory
from ricenet_v2.fingerprinting.cache import kept, load, measure_and_keep, prune
from ricenet_v2.fingerprinting.measure import CaseFiles, MeasuredCase, measure_case
from ricenet_v2.fingerprinting.memory import bytes_of_case
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.fingerprint import (
    ChannelFingerprint,
    ChannelMeasurement,
    Distribution,
    Fingerprint,
    distinct,
)
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.masks import check_masks
from ricenet_v2.store.raw import RawDataset


def measure(
    raw: RawDataset,
    num_workers: int = 1,
    cache: Path | None = None,
    *,
    straighten: bool = False,
    seconds: float | None = None,
    region: RegionPlan | None = None,
    allow_missing: bool = False,
) -> Fingerprint:
    """Measure the training cases; the result depends neither on their order nor on the workers.

    A scan that exists under two case ids counts once in the statistics of the dataset.

    Args:
        raw: A dataset that passed the integrity check.
        num_workers: Processes; lowered when the memory would not do.
        cache: Folder of measurements that are kept; only new and changed cases are opened,
            and those of cases that are gone are deleted.
        straighten: Images that lie tilted will be straightened, and are measured so.
        seconds: Time in seconds that measuring a case may take; None for no limit.
        region: Region to which the plan will crop; None for that of plans made before there were
            regions.
        allow_missing: Whether cases may lack channels; each is measured where it is there.

    Raises:
        RegionError: Training cases lack the mask that the region needs.
        MissingChannelError: No training case has a channel.
        DatasetError: No training case, or a case that cannot be measured (with its id).
        LateError: A case takes too long; the others are kept in `cache`.
        KilledError: The process of some cases was killed; the others are kept in `cache`.
    """
    cases = raw.split("train")
    if not cases:
        raise DatasetError(
            "There are no training cases to measure.",
            file=raw.folder,
            expected="cases with split train",
            got=f"{len(raw.cases)} cases of other splits",
        )
    if region is not None:
        check_masks(raw, cases, region)
    how = {"straighten": straighten, "allow_missing": allow_missing}
    measured = _measured(raw, cases, num_workers, cache, seconds, region, **how)
    labels = Counter(case.label for case in cases)
    return Fingerprint(
        dataset=raw.dataset.name,
        n_cases=len(cases),
        n_patients=len({case.patient_id for case in cases}),
        class_counts={name: labels[name] for name in raw.dataset.classes},
        channels=aggregate(raw.dataset.channels, _once(measured)),
        cases=tuple(case.measurement for case in measured),
        labels={case.case_id: case.label for case in cases},
        patients={case.case_id: case.patient_id for case in cases},
    )


def _measured(
    raw: RawDataset,
    cases: Sequence[Case],
    num_workers: int,
    cache: Path | None,
    seconds: float | None,
    region: RegionPlan | None,
    *,
    straighten: bool,
    allow_missing: bool,
) -> list[MeasuredCase]:
    """The measurement of each case, in their order."""
    kinds = tuple(channel.kind for channel in raw.dataset.channels)
    files = {
        case.case_id: CaseFiles(
            case.case_id,
            raw.images(case),
            kinds,
            raw.region_mask(case, region),
            straighten,
            region,
            raw.absent(case) if allow_missing else (),
        )
        for case in cases
    }
    cached = {} if cache is None else _found(files.values(), cache, num_workers)
    left = [case for case in cases if case.case_id not in cached]
    need = bytes_of_case(raw, left, copies=2 * len(kinds) + 6, seconds=seconds)
    workers = allowed_workers(num_workers, need, len(left), available_memory())
    ids, step = [case.case_id for case in left], "Measuring cases"
    if cache is None:
        work = Limited(seconds, measure_case)
        measured_cases = map_cases(work, [files[name] for name in ids], workers, step)
    else:
        tasks = [kept(files[name], cache) for name in ids]
        measured_cases = map_cases(Limited(seconds, measure_and_keep), tasks, workers, step)
        prune(cache, files)
    cached |= dict(zip(ids, measured_cases, strict=True))
    return [cached[case.case_id] for case in cases]


def _found(files: Iterable[CaseFiles], cache: Path, num_workers: int) -> dict[str, MeasuredCase]:
    """Measurements that are kept and still hold, by case id.

    Threads are enough: hashing the files, which takes the time, lets others run.
    """
    places = [kept(case, cache) for case in files]
    with ThreadPoolExecutor(num_workers) as threads:
        loaded = zip(places, threads.map(load, places), strict=True)
        return {where.name: measured for where, measured in loaded if measured is not None}


def _once(measured: Sequence[MeasuredCase]) -> list[MeasuredCase]:
    """One of each scan."""
    chosen = {case.case_id for case in distinct([case.measurement for case in measured])}
    return [case for case in measured if case.measurement.case_id in chosen]


def aggregate(
    channels: Sequence[Channel], measured: Sequence[MeasuredCase]
) -> tuple[ChannelFingerprint, ...]:
    """Each channel over all cases; every case has the same weight, whatever its size."""
    return tuple(
        _channel(
            channel,
            [case.measurement.channels[index] for case in measured],
            np.stack([case.samples[index] for case in measured]),
        )
        for index, channel in enumerate(channels)
    )


def _channel(
    channel: Channel, of_cases: Sequence[ChannelMeasurement | None], samples: NDArray[np.float64]
) -> ChannelFingerprint:
    """One channel; mean and deviation are those of the mixture of the cases that have it."""
    measurements = [each for each in of_cases if each is not None]
    if not measurements:
        raise MissingChannelError(
            f"No training case has the channel {channel.name}.",
            expected="training cases that have it, from which a network can learn",
            got=f"{len(of_cases)} training cases without it",
            remedy="Add its images, or take the channel out of dataset.json.",
        )
    samples = samples[[each is not None for each in of_cases]]
    means = np.array([each.mean for each in measurements])
    squares = np.array([each.std for each in measurements]) ** 2 + means**2
    mean = float(means.mean())
    low, high = np.percentile(samples, [0.5, 99.5])
    return ChannelFingerprint(
        name=channel.name,
        kind=channel.kind,
        mean=mean,
        std=float(np.sqrt(max(0.0, float(squares.mean()) - mean**2))),
        percentile_00_5=float(low),
        percentile_99_5=float(high),
        maximum=distribution([each.maximum for each in measurements]),
        percentile_99_9=distribution([each.percentile_99_9 for each in measurements]),
        case_mean=distribution([each.mean for each in measurements]),
        outlier_share=float(np.mean([each.outlier_share for each in measurements])),
        n_missing=len(of_cases) - len(measurements),
    )


def distribution(values: Sequence[float]) -> Distribution:
    """Order statistics of one number per case; `std` is that of the population."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low, middle, high = np.percentile(ordered, [5, 50, 95])
    return Distribution(
        minimum=float(ordered[0]),
        percentile_05=float(low),
        median=float(middle),
        percentile_95=float(high),
        maximum=float(ordered[-1]),
        mean=float(ordered.mean()),
        std=float(ordered.std()),
    )
