"""Planning and preprocessing of one dataset, step by step."""

from __future__ import annotations

from ricenet_v2.api import fold_assignment, plan_choice
from ricenet_v2.api.fold_assignment import FoldAssignment
from ricenet_v2.api.planning_steps import (
    IntegrityError,
    Observer,
    PlanCost,
    PlanNotes,
    PlanOptions,
    UnlistedCases,
)
from ricenet_v2.api.region_choice import region_for
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, PlanError
from ricenet_v2.fingerprinting.confounders import INTENSITY, VOLUME, confounders, measured_traits
from ricenet_v2.fingerprinting.fingerprint import measure
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.network.mixed import MixedPrecision
from ricenet_v2.network.stages import stage_costs
from ricenet_v2.planning.region import AUTO, RegionChoice
from ricenet_v2.preprocessing.cohort import CohortResult, preprocess_dataset
from ricenet_v2.records.described import other_than_planned
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.reporting.plan.alternatives import alternatives_of
from ricenet_v2.reporting.plan.page import write_plan_page
from ricenet_v2.store.cases import delete_case, leftovers
from ricenet_v2.store.existing import not_planned
from ricenet_v2.store.ingest_settings import carry_settings, drop_other_settings
from ricenet_v2.store.paths import INGEST_JSON, DatasetPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset
from ricenet_v2.training.fold_scheme import RequestedFolds


class DatasetPlanning:
    """The steps for one dataset, each of which is passed to an observer."""

    def __init__(
        self,
        paths: DatasetPaths,
        options: PlanOptions,
        overwrite: bool,
        num_workers: int,
        seconds: float | None,
        observer: Observer | None,
    ) -> None:
        """Read the tables of the dataset; see `ricenet_v2.api.planning` for the arguments."""
        self._paths, self._options, self._overwrite = paths, options, overwrite
        self._workers, self._seconds = num_workers, seconds
        self._observe = observer or (lambda _step: None)
        self._raw: RawDataset = load_raw_dataset(paths.raw)
        self._stored = None if overwrite else plan_choice.stored(paths.plan(options.preset))
        is_straight = self._stored is not None and self._stored.straighten
        self._straightens = options.straighten or is_straight
        is_allowed = self._stored is not None and self._stored.allows_missing
        self._allows_missing = options.allow_missing_channels or is_allowed

    def check(self) -> Integrity:
        """Check every table and image, and write the findings."""
        are_lesions = any(case.image_id for case in self._raw.cases)
        is_lesion = self._options.region == "lesion" or (
            self._options.region == AUTO and are_lesions
        )
        region = RegionPlan("lesion") if is_lesion else None
        if self._stored is not None:
            region = self._stored.region
        integrity = check(
            self._raw,
            self._workers,
            straighten=self._straightens,
            seconds=self._seconds,
            region=region,
            allow_missing=self._allows_missing,
        )
        documents.write(self._paths.integrity, integrity)
        self._observe(integrity)
        return integrity

    def check_region(self) -> None:
        """Refuse a requested region where cases lack its mask."""
        if self._stored is None and self._options.region != AUTO:
            region_for(self._raw, self._options, self._seconds)

    def assign_folds(self) -> FoldAssignment:
        """The folds that are there where they fit, else new ones."""
        folds = fold_assignment.chosen_folds(
            self._raw.cases,
            self._paths,
            self._options.folds(),
            overwrite=self._overwrite,
        )
        self._observe(folds)
        return folds

    def check_folds(self) -> None:
        """Observe the folds, or the warning that planning will refuse to make them.

        Raises:
            DatasetError: The cases do not allow the requested folds.
        """
        try:
            self.assign_folds()
        except DatasetError as error:
            if self._options.folds() != RequestedFolds():
                raise
            self._observe(PlanNotes((f"Warning: planning will refuse this dataset. {error}",)))

    def plan(self) -> Plan:
        """Do all steps up to the plan and the folds, and write them; see `planning.plan`."""
        integrity = self.check()
        if integrity.errors:
            raise IntegrityError.of(integrity, self._paths.integrity)
        folds, paths, preset = self.assign_folds(), self._paths, self._options.preset
        with fold_assignment.replacing(folds, paths, preset):  # refused before all is measured
            pass
        region, measured_in = None, None if self._stored is None else self._stored.region
        if self._stored is None:
            region = region_for(self._raw, self._options, self._seconds)
            measured_in = region.region
        fingerprint = measure(
            self._raw,
            self._workers,
            paths.measurements,
            straighten=self._straightens,
            seconds=self._seconds,
            region=measured_in,
            allow_missing=self._allows_missing,
        )
        self._observe(fingerprint)
        traits = measured_traits(fingerprint.cases, self._raw.dataset.channels)
        others = confounders(traits, fingerprint.labels, fingerprint.patients)
        said = [finding.found for finding in integrity.findings]
        scales = [
            f"Warning: classes imaged differently: {each.text}"
            for each in others
            if each.name.startswith((INTENSITY, VOLUME)) and not any(map(each.is_said_by, said))
        ]
        if scales:
            self._observe(PlanNotes(tuple(scales)))
        plan = self._chosen_plan(fingerprint, folds, region)
        self._observe(plan)
        self._cost(plan, fingerprint)
        documents.write(paths.fingerprint, fingerprint)
        with fold_assignment.replacing(folds, paths, preset):
            documents.write(paths.splits, folds.splits)
        return plan

    def _chosen_plan(
        self, fingerprint: Fingerprint, folds: FoldAssignment, region: RegionChoice | None
    ) -> Plan:
        paths, preset = self._paths, self._options.preset
        then, damage = plan_choice.previous_fingerprint(paths.fingerprint)
        if damage:  # also where the plan is refused
            self._observe(PlanNotes(damage))
        measured = plan_choice.FingerprintChange(fingerprint, then)
        plan, notes = plan_choice.plan_for(
            self._raw,
            measured,
            paths.plan(preset),
            preset,
            self._options.fixed(),
            folds.splits,
            overwrite=self._overwrite,
            device=self._options.device,
            region=region,
        )
        if notes:
            self._observe(PlanNotes(tuple(notes)))
        return plan

    def _cost(self, plan: Plan, fingerprint: Fingerprint) -> None:
        casts = None if plan.memory.precision == "float32" else MixedPrecision("cuda")
        n_channels, n_classes = len(plan.channels), len(plan.classes)
        batch = plan.training.batch_size
        parts = stage_costs(plan.network, n_channels, n_classes, plan.input_size, batch, casts)
        page = self._paths.page(plan.name)
        write_plan_page(page, fingerprint, plan, parts, alternatives_of(plan))
        self._observe(PlanCost(plan, tuple(parts)))

    def stored_plan(self) -> Plan:
        """The plan of the dataset as it stands.

        Raises:
            TrainingError: There is none.
            PlanError: It was made for another dataset.json.
        """
        path = self._paths.plan(self._options.preset)
        if not path.is_file():
            raise not_planned(self._paths, self._options.preset, self._paths.name)
        plan = documents.read(Plan, path)
        if differences := other_than_planned(plan, self._raw.dataset):
            raise PlanError(
                "The plan was made for another dataset.json.",
                file=path,
                expected="classes and channels of the plan",
                got="; ".join(differences),
                remedy="Restore dataset.json, or plan again with --overwrite.",
            )
        return plan

    def preprocess(self, plan: Plan) -> CohortResult:
        """Preprocess all cases, and name those that cases.csv does not list."""
        raw, folder = self._raw, self._paths.cases(plan.name)
        ingest = raw.folder / INGEST_JSON, self._paths.ingest(plan.name)
        drop_other_settings(*ingest)  # else a kill would leave them beside cases of others
        result = preprocess_dataset(
            raw, plan, folder, self._workers, overwrite=self._overwrite, seconds=self._seconds
        )
        carry_settings(*ingest)
        self._observe(result)
        listed = {case.case_id for case in raw.cases}
        for place, ids in leftovers(self._paths.preprocessed, listed).items():
            is_replaced = self._overwrite and place == folder
            for case_id in ids if is_replaced else ():
                delete_case(place, case_id)
            self._observe(UnlistedCases(place, tuple(ids), is_replaced))
        return result
