"""Findings and fingerprints as rows of words, for tables that a person reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.records.fingerprint import ChannelFingerprint, Distribution, Fingerprint
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.kinds import KINDS

Row = tuple[str, ...]
_CASE, _SHOWN_CASES = "CASE", 3
FINDING_COLUMNS = ("", "check", "where", "found", "expected", "what to do")
SIZE_COLUMNS = ("along (z, y, x)", "smallest", "median", "largest")
CHANNEL_COLUMNS = ("channel", "kind", "mean ± sd", "0.5 to 99.5 %", "maximum", "outliers")
DOSE_COLUMNS = ("dose in Gy", "smallest", "5 %", "median", "95 %", "largest")


def grouped(findings: Iterable[Finding]) -> list[tuple[Finding, ...]]:
    """Findings that differ by nothing but their case, together; in the order of the first."""
    groups: dict[Finding, list[Finding]] = {}
    for finding in findings:
        is_of_case = bool(finding.case)
        key = replace(finding, case=_CASE, file=_file(finding)) if is_of_case else finding
        groups.setdefault(key, []).append(finding)
    return [tuple(group) for group in groups.values()]


def finding_rows(groups: Iterable[Sequence[Finding]]) -> list[Row]:
    """One row for each group of findings that are alike."""
    return [
        (
            group[0].severity,
            group[0].check,
            _where(group),
            _broken(group[0].found),
            group[0].expected,
            group[0].remedy,
        )
        for group in groups
    ]


def _where(group: Sequence[Finding]) -> str:
    """Cases and file; the path is broken at its folders so that no name is cut off."""
    first = group[0]
    cases, file = [first.case], first.file
    if len(group) > 1:
        cases = [f"{len(group)} cases:", *(finding.case for finding in group[:_SHOWN_CASES])]
        cases += ["..."] if len(group) > _SHOWN_CASES else []
        file = _file(first)
    parts = (*cases, file.replace("/", "/\n"))
    return "\n".join(part for part in parts if part) or "dataset"


def _broken(text: str) -> str:
    """Text whose paths are broken at their folders, so that a name stands in a line of its own."""
    return re.sub(r"(?<=\w)/(?=\w\S*\.\w)", "/\n", text)


def _file(finding: Finding) -> str:
    """The file with a word in the place of the case, so that those of two cases compare."""
    folder, slash, name = finding.file.rpartition("/")
    rest = name.removeprefix(finding.case)
    return finding.file if rest == name else f"{folder}{slash}{_CASE}{rest}"


def size_rows(fingerprint: Fingerprint) -> list[Row]:
    """Spacing, and size before and after cropping in voxels and in mm, over the cases."""
    cases = fingerprint.cases
    return [
        _size("spacing, mm", [case.spacing for case in cases], ".3g"),
        _size("image, voxels", [case.shape for case in cases], ".0f"),
        _size("cropped, voxels", [case.cropped_shape for case in cases], ".0f"),
        _size("image, mm", [_extent(case.shape, case.spacing) for case in cases], ".0f"),
        _size("cropped, mm", [_extent(case.cropped_shape, case.spacing) for case in cases], ".0f"),
    ]


def channel_rows(fingerprint: Fingerprint) -> list[Row]:
    """Intensities of each channel."""
    return [
        (
            channel.name,
            channel.kind,
            f"{channel.mean:.4g} ± {channel.std:.4g}",
            f"{channel.percentile_00_5:.4g} to {channel.percentile_99_5:.4g}",
            f"{channel.maximum.maximum:.4g}",
            f"{100 * channel.outlier_share:.2g} %",
        )
        for channel in fingerprint.channels
    ]


def dose_rows(fingerprint: Fingerprint) -> list[Row]:
    """Maximum, 99.9 percentile and mean of each dose channel over the cases, in Gy."""
    doses = [channel for channel in fingerprint.channels if KINDS[channel.kind].is_dose]
    return [row for channel in doses for row in _dose(channel)]


def _dose(channel: ChannelFingerprint) -> list[Row]:
    distributions = {
        "maximum": channel.maximum,
        "99.9 percentile": channel.percentile_99_9,
        "mean": channel.case_mean,
    }
    return [(f"{channel.name}: {name}", *_order(values)) for name, values in distributions.items()]


def _order(of: Distribution) -> Row:
    values = (of.minimum, of.percentile_05, of.median, of.percentile_95, of.maximum)
    return tuple(f"{value:.4g}" for value in values)


def _extent(shape: Shape, spacing: Triple) -> Triple:
    z, y, x = (n * mm for n, mm in zip(shape, spacing, strict=True))
    return z, y, x


def _size(name: str, sizes: Sequence[tuple[float, float, float]], form: str) -> Row:
    """Smallest, median and largest along each axis by itself."""
    by_axis = [sorted(size[axis] for size in sizes) for axis in range(3)]
    picks = (0, (len(sizes) - 1) // 2, len(sizes) - 1)
    return (name, *(" x ".join(f"{axis[rank]:{form}}" for axis in by_axis) for rank in picks))
