"""Channels of a patient that are read, of all that were given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.given_images import GivenPatient
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.region import RegionPlan


def crop_error(
    case_id: str, needed: Sequence[str], region: RegionPlan | None, got: str
) -> DatasetError:
    """The error for a case whose crop cannot be determined as for the training cases."""
    is_earlier = region is None
    return DatasetError(
        f"Cannot determine the crop of this patient: {'without a brain mask ' * is_earlier}it "
        "follows all channels that show anatomy, as in training, also those that the networks do "
        "not see.",
        case=case_id,
        expected=f"{'a brain mask, or ' * is_earlier}the channels {', '.join(needed)}",
        got=got,
        remedy="Give all channels of the dataset"
        + (", or a brain mask (CASE_brain in a folder of --masks)." if is_earlier else "."),
    )


@dataclass(frozen=True)
class ChannelChoice:
    """Channels that a prediction needs.

    Attributes:
        dataset: All channels, in order.
        seen: Names of those that the networks see.
        needed: Indices of those that a prediction needs.
        region: Region that decides the crop.
    """

    dataset: tuple[Channel, ...]
    seen: tuple[str, ...]
    needed: Sequence[int]
    region: RegionPlan | None

    def of(self, given: GivenPatient) -> tuple[tuple[Channel, ...], Sequence[int]]:
        """The channels that are read, and which entries of a patient they are.

        Raises:
            DatasetError: Images are missing or too many, or a name is that of no channel.
        """
        channels = tuple(self.dataset[index] for index in self.needed)
        number = len(given.entries)
        if given.names is not None:
            return channels, self._named(given.names, given.case_id)
        if number == len(self.dataset):
            return channels, self.needed
        if number == len(self.seen):
            self._check_crop(given.case_id, ", ".join(self.seen))
            by_name = {channel.name: channel for channel in self.dataset}
            return tuple(by_name[name] for name in self.seen), range(number)
        raise DatasetError(
            "The number of images differs from that of the channels.",
            case=given.case_id,
            expected=f"{len(self.dataset)}: {', '.join(each.name for each in self.dataset)}",
            got=f"{number}",
        )

    def _named(self, names: Sequence[str], case_id: str) -> Sequence[int]:
        known = [channel.name for channel in self.dataset]
        wanted = [known[index] for index in self.needed]
        if not set(wanted) <= set(names) and set(self.seen) <= set(names):
            self._check_crop(case_id, ", ".join(names))
        if not set(wanted) <= set(names) <= set(known):
            raise DatasetError(
                "The images are not those of the channels.",
                case=case_id,
                expected=f"{', '.join(wanted)}, of the channels {', '.join(known)}",
                got=", ".join(names),
                remedy="Specify each of them; a channel that the patient lacks is None, where the "
                "networks were trained for that.",
            )
        return [names.index(name) for name in wanted]

    def _check_crop(self, case_id: str, given: str) -> None:
        if len(self.needed) > len(self.seen):
            names = [self.dataset[index].name for index in self.needed]
            raise crop_error(case_id, names, self.region, got=f"only {given}")
