"""The channels of a folder of images: their files' names, and the kind of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.names import number
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.core.spelling import without_signs
from ricenet_v2.ingest.labelled_images import LabelledCase
from ricenet_v2.records.dataset import CHANNEL_KINDS, Channel, ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.store.nnunet_channels import kind_of_name
from ricenet_v2.store.paths import DATASET_JSON


def channels_of_files(
    folder: Path, cases: Mapping[str, LabelledCase], named: Sequence[str]
) -> dict[str, Channel]:
    """Channels by what their files are called, in their order.

    Names are those of the files, of nnU-Net's numbered files those of `channel_names` in
    dataset.json. Kinds follow from names that mean one without doubt.

    Args:
        folder: Folder of the images.
        cases: Files of each case.
        named: Pairs `NAME=KIND`, in the order of the numbers where files are numbered.

    Raises:
        DatasetError: A pair is none, or of no file; or the kind of a channel is not known.
    """
    counts = Counter(name for images in cases.values() for name in images.channels)
    pairs = dict(_pair(text) for text in named)
    numbered = sorted(counts) if all(name.isdigit() for name in counts) else []
    if numbered and pairs:
        _check_number(numbered, pairs, folder)
        return {
            file: _channel(name, kind)
            for file, (name, kind) in zip(numbered, pairs.items(), strict=True)
        }
    if numbered:
        titles = _names_of_nnunet(folder)
        names = {file: titles.get(int(file), file) for file in numbered}
    else:
        names = {file: file for file in sorted(counts)}
    if pairs:
        files = {without_signs(file): file for file in counts}
        unknown = [name for name in pairs if without_signs(name) not in files]
        if unknown:
            raise DatasetError(
                "There are no images of a named channel.",
                file=folder,
                expected=_listed(counts),
                got=", ".join(unknown),
                remedy="Name channels as the files are called behind the id of the case.",
            )
        return {files[without_signs(name)]: _channel(name, kind) for name, kind in pairs.items()}
    kinds = {file: kind_of_name(name) for file, name in names.items()}
    if not all(kinds.values()):
        line = " ".join(f"{names[file]}={kind or 'KIND'}" for file, kind in kinds.items())
        raise DatasetError(
            "The kind of a channel is unknown.",
            file=folder,
            expected=f"a kind for each: {', '.join(CHANNEL_KINDS)}",
            got=_listed(counts),
            remedy=f"Add --channels {line}, with one of these for each KIND. Files of channels "
            "that are not named so are left out.",
        )
    return {file: _channel(names[file], kind) for file, kind in kinds.items() if kind}


def _pair(text: str) -> tuple[str, ChannelKind]:
    name, _, kind = text.rpartition("=")
    kinds: dict[str, ChannelKind] = {each: each for each in CHANNEL_KINDS}
    if not name or kind.lower() not in kinds:
        raise DatasetError(
            "This is not a channel with its kind.",
            expected=f"NAME=KIND, with one of {', '.join(CHANNEL_KINDS)}",
            got=text,
        )
    return name, kinds[kind.lower()]


def _channel(name: str, kind: ChannelKind) -> Channel:
    return Channel(name, kind, unit=KINDS[kind].unit or None)


def _check_number(numbered: Sequence[str], pairs: Mapping[str, ChannelKind], folder: Path) -> None:
    if len(numbered) != len(pairs):
        raise DatasetError(
            "The number of channels differs between the files and --channels.",
            file=folder,
            expected=f"{len(numbered)} channels: {', '.join(numbered)}",
            got=f"{len(pairs)}: {', '.join(pairs)}",
            remedy="Specify one channel for each number, in their order.",
        )


def _names_of_nnunet(folder: Path) -> dict[int, str]:
    """Names in nnU-Net's dataset.json; none where there is no such file."""
    path = folder / DATASET_JSON
    try:
        fields: dict[str, Any] = documents.parsed_object(read_bytes(path), path)
    except (OSError, DocumentError):
        return {}
    names = fields.get("channel_names") or fields.get("modality")
    if not isinstance(names, dict):
        return {}
    return {
        place: str(name) for key, name in names.items() if (place := number(str(key))) is not None
    }


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({n} cases)" for name, n in sorted(counts.items()))
