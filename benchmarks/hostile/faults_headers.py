"""Faults of the header of a NIfTI file (NIfTI-1, https://nifti.nimh.nih.gov)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from benchmarks.hostile.faults import Fault, Place, nifti

_DIM, _DATATYPE, _PIXDIM, _OFFSET, _SLOPE, _INTER = 40, 70, 76, 108, 112, 116
_QFORM, _SFORM, _QUATERN, _SROW = 252, 254, 256, 280

_NAMED = ("{file}", "{case}")
_POSE = (*_NAMED, "pose|qform|sform|position|spacing|direction|orientation|geometry|grid|differ")
_SCALED = (*_NAMED, "finite|scl|slope|scal")
_READ = (*_NAMED, "read|unreadable|claims|header|axes|component|damaged|missing")


def _set(form: str, offset: int, *values: float | bytes) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        nifti(place.file, lambda content: struct.pack_into(f"<{form}", content, offset, *values))

    return spoil


def _each(*changes: tuple[str, int, tuple[float, ...]]) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        for form, offset, values in changes:
            _set(form, offset, *values)(place)

    return spoil


def _fewer_slices(place: Place) -> None:
    """A header that says one slice less than there are."""

    def change(content: bytearray) -> None:
        (slices,) = struct.unpack_from("<h", content, _DIM + 6)
        struct.pack_into("<h", content, _DIM + 6, slices - 1)

    nifti(place.file, change)


def _four_axes(*changes: tuple[str, int, tuple[float, ...]]) -> Callable[[Place], None]:
    """Four axes, the last of one voxel, and something else."""
    return _all_channels(_each(("h", _DIM, (4,)), ("h", _DIM + 8, (1,)), *changes))


def _all_channels(spoil: Callable[[Place], None]) -> Callable[[Place], None]:
    def every(place: Place) -> None:
        for channel in range(3):
            spoil(Place(place.folder, place.case, channel, place.ending, place.row))

    return every


FAULTS = (
    Fault("vox_offset of infinity", _set("f", _OFFSET, float("inf")), _READ),
    Fault("vox_offset NaN", _set("f", _OFFSET, float("nan")), _READ),
    Fault("vox_offset of a billion", _set("f", _OFFSET, 1e9), _READ),
    Fault("vox_offset below 0", _set("f", _OFFSET, -1e6), _READ, "same"),
    Fault("vox_offset 0", _set("f", _OFFSET, 0), _READ),
    Fault("vox_offset of 351", _set("f", _OFFSET, 351), _READ),
    Fault("more slices than the header says", _fewer_slices, (*_NAMED, "more than the")),
    Fault("a fourth axis of no voxels", _each(("h", _DIM, (4,)), ("h", _DIM + 8, (0,))), _READ),
    Fault("an unknown unit of length", _set("B", 123, 7), _READ),
    Fault(
        "four axes, both codes 0", _four_axes(("2h", _QFORM, (0, 0))), _POSE, channels=(0,)
    ),
    Fault(
        "four axes, qform only, with a pixdim below 0",
        _four_axes(("2h", _QFORM, (1, 0)), ("f", _PIXDIM + 4, (-12.0,))),
        _POSE,
        channels=(0,),
    ),
    Fault("32,767 voxels along each axis", _set("3h", _DIM + 2, 32767, 32767, 32767), _READ),
    Fault("no voxels along an axis", _set("h", _DIM + 2, 0), _READ),
    Fault("fewer than no voxels", _set("h", _DIM + 2, -5), _READ),
    Fault("nine axes", _set("h", _DIM, 9), _READ),
    Fault("no axes", _set("h", _DIM, 0), _READ),
    Fault("an unknown number format", _set("h", _DATATYPE, 9999), _READ),
    Fault("complex numbers", _set("2h", _DATATYPE, 32, 64), _READ),
    Fault("a header of another length", _set("i", 0, 12), _READ, "same"),
    Fault("no magic", _set("4s", 344, b"abcd"), _READ),
    Fault("scl_slope NaN", _set("f", _SLOPE, float("nan")), _SCALED, "same"),
    Fault("scl_slope infinite", _set("f", _SLOPE, float("inf")), _SCALED, "same"),
    Fault("scl_inter NaN", _set("2f", _SLOPE, 1, float("nan")), _SCALED, "same"),
    Fault("scl_slope 0, scl_inter 5", _set("2f", _SLOPE, 0, 5), _SCALED, "same"),
    Fault("pixdim NaN", _set("f", _PIXDIM + 4, float("nan")), _POSE),
    Fault("pixdim infinite", _set("f", _PIXDIM + 4, float("inf")), _POSE),
    Fault("pixdim 0", _set("f", _PIXDIM + 4, 0), _POSE),
    Fault("both codes 0", _all_channels(_set("2h", _QFORM, 0, 0)), _POSE, "told", (0,)),
    Fault(
        "sform only, of another spacing than pixdim",
        _all_channels(_each(("2h", _QFORM, (0, 1)), ("3f", _PIXDIM + 4, (4, 4, 4)))),
        _POSE,
        channels=(0,),
    ),
    Fault(
        "qform only, with a pixdim below 0",
        _all_channels(_each(("2h", _QFORM, (1, 0)), ("f", _PIXDIM + 4, (-12.0,)))),
        _POSE,
        channels=(0,),
    ),
    Fault(
        "qform and sform that disagree", _all_channels(_set("f", _SROW + 12, 400.0)), _POSE,
        channels=(0,),
    ),
    Fault("an sform of zeros", _set("12f", _SROW, *[0.0] * 12), _POSE),
    Fault("an sform with NaN", _set("f", _SROW, float("nan")), _POSE),
    Fault("a quaternion with NaN", _set("f", _QUATERN, float("nan")), _POSE),
    Fault("an offset of the pose infinite", _set("f", _QUATERN + 12, float("inf")), _POSE),
)  # fmt: skip
