"""A row of the manifest and the scan -> the files of a case, and all that is known without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.ingest.dates import days_of
from ricenet_v2.ingest.plan_sources import PlanSource, plan_sources, refused_row
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.scan import Scan
from ricenet_v2.ingest.series import DicomSeries
from ricenet_v2.ingest.series_owners import owners
from ricenet_v2.records.dataset import ChannelKind, Split
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.manifest import ImageColumn, ManifestRow, same_patient
from ricenet_v2.records.scanned import ScannedSeries


@dataclass(frozen=True)
class ImageSource:
    """An image of a case.

    Attributes:
        channel: Name in the dataset.
        kind: Kind of the channel.
        series: Series of DICOM; None for a file of another format.
        file: File of another format.
    """

    channel: str
    kind: ChannelKind
    series: DicomSeries | None = field(default=None, repr=False)
    file: Path | None = field(default=None, repr=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read of it."""
        if self.series is not None:
            return tuple(header.file for header in self.series.headers)
        return () if self.file is None else (self.file,)


@dataclass(frozen=True)
class CaseInputs:
    """All that a case is converted from.

    Attributes:
        case_id: Pseudonym.
        patient_id: Pseudonym.
        line: Line of the manifest.
        label: Class.
        split: `train` or `test`.
        images: The first is the reference.
        missing: Names of the channels of the dataset that the case lacks, in their order.
        numbers: Numbers of the images and then of the dose in the dataset; their order if none is
            missing.
        plans: Plans with their doses; none if the case has no dose.
        planning_cts: Planning CTs of the patient.
        registrations: Files of spatial registrations of the patient.
        brain: Image that is a mask; None where there is none.
        structures: File of structures; None where no lesion is wanted.
        lesion: Image that is the mask of the lesion, where it is no region of structures.
        lesion_roi: Name of its region.
        dose_over: Channel in whose coordinates doses in other formats than DICOM lie.
        covariates: Known without reading a file.
        names: Names of files that may be shown, without patient or folder.
        is_compressed: Whether a file has voxels that a library of other languages has to decode.
    """

    case_id: str
    patient_id: str
    line: int
    label: str
    split: Split
    images: tuple[ImageSource, ...]
    plans: tuple[PlanSource, ...] = ()
    missing: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    planning_cts: tuple[ImageSource, ...] = ()
    registrations: tuple[Path, ...] = field(default=(), repr=False)
    brain: ImageSource | None = None
    structures: Path | None = field(default=None, repr=False)
    lesion: ImageSource | None = None
    lesion_roi: str = field(default="", repr=False)
    dose_over: str = ""
    covariates: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_compressed: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """All that its voxels may depend on."""
        masks = (mask for mask in (self.brain, self.lesion) if mask is not None)
        images = (*self.images, *self.planning_cts, *masks)
        files = [file for image in images for file in image.files]
        files += [file for plan in self.plans for dose in plan.doses for file in dose]
        files += [plan.file for plan in self.plans if plan.file is not None]
        files += [*self.registrations, *((self.structures,) if self.structures else ())]
        return tuple(dict.fromkeys(files))


class CaseSources:
    """Content of a scan for all patients, by key."""

    def __init__(
        self,
        scan: Scan,
        columns: Sequence[ImageColumn],
        pseudonyms: Pseudonyms,
        *,
        is_labelled: bool = True,
    ) -> None:
        """Sort the rows of the scan by patient; `is_labelled` refuses cases without a class."""
        self._is_labelled = is_labelled
        self._scan, self._columns, self._pseudonyms = scan, columns, pseudonyms
        self._rows = {row.key: row for row in scan.rows}
        self._owners = owners(scan.rows)
        self._by_patient: dict[str, list[ScannedSeries]] = {}
        for row in scan.rows:
            self._by_patient.setdefault(self._owners.get(row.key, ""), []).append(row)

    def case_id(self, row: ManifestRow) -> str:
        """Pseudonym of a case, also of one whose files are gone."""
        return self._pseudonyms.of("C", same_patient(row.patient), row.case)

    def inputs(self, row: ManifestRow, missing: Sequence[str] = ()) -> CaseInputs:
        """The files of a row.

        Args:
            row: The row.
            missing: Names of the channels that the case lacks.

        Raises:
            DatasetError: No label, a cell left open, a key that the scan does not have or that is
                of another kind or patient, or numbers for another number of plans.
        """
        if self._is_labelled and not row.label:
            raise refused_row("This case has no label.", "a class in the column label", "nothing")
        numbers = self._numbers(missing)
        columns = [self._columns[number] for number in numbers]
        images = tuple(
            self._image(row, column.title, column.kind, column.channel, row.images[column.title])
            for column in columns
        )
        series = [self._rows[row.images[column.title]] for column in columns]
        of_patient = self._of_patient(row, series)
        names = [column.channel for column in columns]
        brain = self._image(row, "brain", "mask", "brain", row.brain) if row.brain else None
        structures = None
        lesion = None
        if self._is_image(row.structures):
            lesion = self._lesion_mask(row)
        elif row.lesion_roi or row.structures:
            structures = self._structures(row)
        for key in row.dose:
            self._check_known("dose", key, ("dose", *(("volume",) if self._is_image(key) else ())))
            self._check_patient(row, "dose", key)
        plans = plan_sources(row, self._scan, of_patient)
        cts = [s for s in of_patient if s.modality == "CT" and s.verdict == "volume"]
        used = [s.key for s in (*series, *cts)] + [*row.dose, row.structures, row.brain]
        return CaseInputs(
            case_id=self.case_id(row),
            patient_id=self._pseudonyms.of("P", same_patient(row.patient)),
            line=row.line,
            label=row.label,
            split=row.split,
            images=images,
            missing=tuple(missing),
            numbers=(*numbers, len(self._columns)) if plans else numbers,
            plans=plans,
            planning_cts=tuple(
                ImageSource("planning CT", "ct", self._scan.series[s.key])
                for s in sorted(cts, key=lambda s: (-s.slices, s.key))
            ),
            registrations=tuple(
                self._scan.series[s.key].first.file
                for s in of_patient
                if s.verdict == "registration"
            ),
            brain=brain,
            structures=structures,
            lesion=lesion,
            dose_over=row.dose_over,
            lesion_roi=row.lesion_roi,
            covariates={
                **row.covariates,
                **days_of(dict(zip(names, series, strict=True)), of_patient, is_last=not missing),
            },
            names=self._names(used, of_patient),
            is_compressed=any(self._is_compressed(key) for key in used),
        )

    def _numbers(self, missing: Sequence[str]) -> tuple[int, ...]:
        """Channel numbers of the available images, the reference first.

        It is the first that shows the patient, where the first of all is missing.
        """
        there = [n for n, column in enumerate(self._columns) if column.channel not in missing]
        if there[:1] == [0]:
            return tuple(there)
        shown = [n for n in there if KINDS[self._columns[n].kind].is_anatomy]
        return tuple(dict.fromkeys((*shown[:1], *there)))

    def _is_compressed(self, key: str) -> bool:
        series = self._scan.series.get(key)
        return series is not None and any(header.is_compressed for header in series.headers)

    def _image(
        self, row: ManifestRow, column: str, kind: ChannelKind, channel: str, key: str
    ) -> ImageSource:
        if not key:
            got = row.named_for(column)
            raise refused_row(f"{column} is empty.", "a key of series.csv", got)
        self._check_known(column, key, ("volume",))
        self._check_patient(row, column, key)
        if key in self._scan.images:
            return ImageSource(channel, kind, file=self._scan.images[key])
        return ImageSource(channel, kind, series=self._scan.series[key])

    def _check_known(self, column: str, key: str, verdicts: Sequence[str]) -> None:
        if key not in self._rows:
            raise refused_row(
                f"{column} names a series that does not exist.", "a key of series.csv", key
            )
        if self._rows[key].verdict not in verdicts:
            raise refused_row(
                f"{column} names a series of another kind.",
                f"verdict {' or '.join(verdicts)}",
                f"{key}: {self._rows[key].verdict}",
            )

    def _check_patient(self, row: ManifestRow, column: str, key: str) -> None:
        owner = self._owners.get(key)
        is_other = owner is not None and same_patient(owner) != same_patient(row.patient)
        if is_other and not row.one_person:
            by = self._rows[key].patient_by
            raise refused_row(
                f"{column} names a series of another patient.",
                "the patient in the column patient",
                f"{key}, which is of another" + (f" by {by}" if by else ""),
            ).with_parts(
                remedy="Correct this row of the manifest. If you know that its files are of one "
                "person, whatever their headers say, write yes in the column one_person."
            )

    def _of_patient(self, row: ManifestRow, series: Sequence[ScannedSeries]) -> list[ScannedSeries]:
        """All series of the patient of a row; none where that is not known.

        Of several where a person says that they are one.
        """
        keys = (*(each.key for each in series), *row.dose)
        owners = dict.fromkeys(self._owners[key] for key in keys if key in self._owners)
        chosen = list(owners) if row.one_person else list(owners)[:1]
        return [each for owner in chosen for each in self._by_patient[owner]]

    def _is_image(self, key: str) -> bool:
        """Whether a key is of an image in another format than DICOM."""
        return key in self._scan.images

    def _lesion_mask(self, row: ManifestRow) -> ImageSource:
        if row.lesion_roi:
            raise refused_row(
                "structures names a mask, which has no regions.", "no lesion_roi", "a name"
            )
        return self._image(row, "structures", "mask", "lesion", row.structures)

    def _structures(self, row: ManifestRow) -> Path | None:
        if not row.lesion_roi:
            return None
        if not row.structures:
            raise refused_row(
                "lesion_roi is named without structures.", "a key in structures", "none"
            )
        self._check_known("structures", row.structures, ("structures",))
        self._check_patient(row, "structures", row.structures)
        return self._scan.series[row.structures].first.file

    def _names(self, keys: Sequence[str], of_patient: Sequence[ScannedSeries]) -> dict[str, str]:
        series = {*keys, *(s.key for s in of_patient if s.key in self._scan.series)}
        names = {
            str(header.file): f"{key} of series.csv"
            for key in series
            if key in self._scan.series
            for header in self._scan.series[key].headers
        }
        return names | {
            str(self._scan.images[key]): f"{key} of series.csv"
            for key in keys
            if key in self._scan.images
        }
