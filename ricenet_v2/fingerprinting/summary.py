"""Findings and fingerprints as rows of words, for tables that a person reads."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.records.fingerprint import (
    ChannelFingerprint,
    Distribution,
    Fingerprint,
    Shape,
    Triple,
)
from ricenet_v2.records.integrity import Finding

Row = tuple[str, ...]
FINDING_COLUMNS = ("", "check", "where", "found", "expected", "what to do")
SIZE_COLUMNS = ("along (z, y, x)", "smallest", "median", "largest")
CHANNEL_COLUMNS = ("channel", "kind", "mean ± sd", "0.5 to 99.5 %", "maximum", "outliers")
DOSE_COLUMNS = ("dose in Gy", "smallest", "5 %", "median", "95 %", "largest")


def finding_rows(findings: Sequence[Finding]) -> list[Row]:
    """One row for each finding."""
    return [
        (
            finding.severity,
            finding.check,
            _where(finding),
            finding.found,
            finding.expected,
            finding.remedy,
        )
        for finding in findings
    ]


def _where(finding: Finding) -> str:
    """Case and file; the path is broken at its folders so that no name is cut off."""
    parts = (finding.case, finding.file.replace("/", "/\n"))
    return "\n".join(part for part in parts if part) or "dataset"


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
    doses = [channel for channel in fingerprint.channels if channel.kind == "dose"]
    return [row for channel in doses for row in _dose(channel)]


def _dose(channel: ChannelFingerprint) -> list[Row]:
    figures = {
        "maximum": channel.maximum,
        "99.9 percentile": channel.percentile_99_9,
        "mean": channel.case_mean,
    }
    return [(f"{channel.name}: {name}", *_order(figure)) for name, figure in figures.items()]


def _order(figure: Distribution) -> Row:
    values = (
        figure.minimum,
        figure.percentile_05,
        figure.median,
        figure.percentile_95,
        figure.maximum,
    )
    return tuple(f"{value:.4g}" for value in values)


def _extent(shape: Shape, spacing: Triple) -> Triple:
    z, y, x = (n * mm for n, mm in zip(shape, spacing, strict=True))
    return z, y, x


def _size(name: str, sizes: Sequence[tuple[float, float, float]], form: str) -> Row:
    """Smallest, median and largest along each axis by itself."""
    by_axis = [sorted(size[axis] for size in sizes) for axis in range(3)]
    picks = (0, (len(sizes) - 1) // 2, len(sizes) - 1)
    return (name, *(" x ".join(f"{axis[pick]:{form}}" for axis in by_axis) for pick in picks))
