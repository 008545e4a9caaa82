"""Faults of single images: their file, their voxels, and what they are images of."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks.hostile.faults import Fault, Place

_UNREADABLE = ("{file}", "{case}", "unreadable|cannot be read|damaged|truncated|not an image")
_NONE = ("{file}", "{case}", "missing|no file|no such")
_LINK = ("{file}", "{case}", "link to nothing")
_VALUES = ("{file}", "{case}", "finite|NaN|infinit")
_GRID = ("{case}", "grid|geometry|shape|spacing|origin|direction|differ")
_CONSTANT = ("{file}", "{case}", "constant|one value")
_SIZE = ("{case}", "mm|size|spacing|extent|voxels")


def _cut(keep: float) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        content = place.file.read_bytes()
        place.file.write_bytes(content[: int(len(content) * keep)])

    return spoil


def _written(content: bytes) -> Callable[[Place], None]:
    return lambda place: _replace(place, lambda: place.file.write_bytes(content))


def _replace(place: Place, make: Callable[[], object]) -> None:
    place.file.unlink()
    make()


def _flip(place: Place) -> None:
    content = bytearray(place.file.read_bytes())
    content[len(content) // 2] ^= 0x10
    place.file.write_bytes(content)


def _image(change: Callable[[sitk.Image], sitk.Image | None]) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        image = sitk.ReadImage(str(place.file))
        changed = change(image)
        sitk.WriteImage(image if changed is None else changed, str(place.file))

    return spoil


def _all_images(change: Callable[[sitk.Image], sitk.Image | None]) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        for channel in range(3):
            at = Place(place.folder, place.case, channel, place.ending, place.row)
            _image(change)(at)

    return spoil


def _voxels(change: Callable[[np.ndarray[Any, Any]], Any]) -> Callable[[Place], None]:
    def other(image: sitk.Image) -> sitk.Image:
        array = sitk.GetArrayFromImage(image).astype(np.float32)
        changed = change(array)
        new = sitk.GetImageFromArray(array if changed is None else changed)
        new.CopyInformation(image)
        return new

    return _image(other)


def _put(value: float) -> Callable[[Place], None]:
    def change(array: np.ndarray[Any, Any]) -> None:
        array[3, 4, 5] = value

    return _voxels(change)


def _scaled(factor: float) -> Callable[[Place], None]:
    return _all_images(lambda i: i.SetSpacing([factor * s for s in i.GetSpacing()]))


def _turned(image: sitk.Image) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    image.SetDirection([c, -s, 0, s, c, 0, 0, 0, 1])


def _copied(channel: int, case: str | None) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        source = place.other(channel, case)
        shutil.copy(source, place.file)

    return spoil


def _neighbour(place: Place) -> None:
    other = place.other(place.channel, "C10" if int(place.case[1:]) >= 10 else "C05")
    shutil.copy(other, place.file)


def _series(image: sitk.Image) -> sitk.Image:
    return sitk.JoinSeries([image, image, image])


def _coloured(image: sitk.Image) -> sitk.Image:
    whole = sitk.Cast(image, sitk.sitkUInt8)
    return sitk.Compose(whole, whole, whole)


def _flat(image: sitk.Image) -> sitk.Image:
    return image[:, :, 0]


def _padded(image: sitk.Image) -> sitk.Image:
    return sitk.ConstantPad(image, [0, 0, 1], [0, 0, 0])


def _loud(place: Place) -> None:
    """A mask of 0 and 255 among those of 0 and 1."""
    _voxels(lambda a: a * 255)(place)


FAULTS = (
    Fault("no file", lambda p: p.file.unlink(), _NONE),
    Fault("an empty file", _written(b""), _UNREADABLE),
    Fault("half of the file", _cut(0.5), _UNREADABLE),
    Fault("the first 100 bytes", _cut(0.1), _UNREADABLE),
    Fault("all but the last bytes", _cut(0.995), _UNREADABLE, "same"),
    Fault("a flipped bit", _flip, _UNREADABLE),
    Fault("text", _written(b"this is a text and no image\n" * 40), _UNREADABLE),
    Fault("a page of a web server", _written(b"<!doctype html><title>404</title>"), _UNREADABLE),
    Fault("gzip of nothing", _written(gzip.compress(b"")), _UNREADABLE),
    Fault("gzip of text", _written(gzip.compress(b"text" * 500)), _UNREADABLE),
    Fault("zeros", _written(bytes(4000)), _UNREADABLE),
    Fault("a folder", lambda p: _replace(p, p.file.mkdir), ("{file}", "{case}")),
    Fault("a pipe", lambda p: _replace(p, partial(os.mkfifo, p.file)), ("{file}", "{case}")),
    Fault("a link to nothing", lambda p: _replace(p, partial(p.file.symlink_to, "gone")), _LINK),
    Fault(
        "a link to itself",
        lambda p: _replace(p, partial(p.file.symlink_to, p.file.name)),
        ("{file}", "{case}"),
    ),
    Fault(
        "a link to an endless device",
        lambda p: _replace(p, partial(p.file.symlink_to, "/dev/zero")),
        ("{file}", "{case}"),
    ),
    Fault("a voxel NaN", _put(np.nan), _VALUES),
    Fault("a voxel infinite", _put(np.inf), _VALUES),
    Fault("all voxels NaN", _voxels(lambda a: a * np.nan), _VALUES),
    Fault("one value", _voxels(lambda a: a * 0 + 7), _CONSTANT, channels=(0, 1)),
    Fault("one value in a mask", _voxels(lambda a: a * 0 + 7), _CONSTANT, "told", (2,)),
    Fault(
        "zeros as voxels", _voxels(lambda a: a * 0), ("{file}", "{case}", "constant|zero|empty"),
        channels=(0, 1),
    ),
    Fault("a slice more", _image(_padded), _GRID),
    Fault("another spacing", _image(lambda i: i.SetSpacing([3.0, 3.0, 3.0])), _GRID),
    Fault("another origin", _image(lambda i: i.SetOrigin([30.0, 0.0, 0.0])), _GRID),
    Fault("turned by 17 degrees", _image(_turned), _GRID),
    Fault("two axes", _image(_flat), ("{file}", "{case}", "axes|3D|dimension")),
    Fault("four axes", _image(_series), ("{file}", "{case}", "axes|3D|dimension")),
    Fault("three colours", _image(_coloured), ("{file}", "{case}", "component|colour|RGB")),
    Fault("voxels of 0.001 mm in all channels", _scaled(1e-4), _SIZE, channels=(0,)),
    Fault("half a centimetre in all channels", _scaled(0.03), _SIZE, channels=(0,)),
    Fault("voxels of 120 mm in all channels", _scaled(10.0), _SIZE, channels=(0,)),
    Fault("four metres in all channels", _scaled(30.0), _SIZE, channels=(0,)),
    Fault("another patient's image", _neighbour, ("same image|same voxels", "C05|C10")),
    Fault(
        "another channel's image", _copied(0, None), ("{case}", "same voxels|same image"),
        "told", channels=(2,),
    ),
    Fault(
        "an MRI in the place of the dose", _copied(0, None), ("{case}", "{file}", "dose|MRI"),
        channels=(1,), unsaid="divide this map by 100",
    ),
    Fault(
        "cGy", _voxels(lambda a: a * 100), ("{file}", "{case}", "cGy|divide"), channels=(1,)
    ),
    Fault(
        "one fraction", _voxels(lambda a: a / 30), ("{file}", "{case}", "fraction"), "warned",
        channels=(1,),
    ),
    Fault(
        "a dose below 0", _voxels(lambda a: a - 5), ("{file}", "{case}", "negative|below 0"),
        "told", channels=(1,),
    ),
    Fault("a mask of 0 and 255", _loud, ("{file}|{case}", "255|mask"), "told", (2,)),
)  # fmt: skip
