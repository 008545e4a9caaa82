"""Test cases predicted by the networks of subsets, each of its own channels."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.ablation import test_predictions
from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.subsets import every_subset
from ricenet_v2.core import documents
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.store.cases import read_array, read_record
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.tables import read_rows
from ricenet_v2.training.settings import with_channels


class Sum(nn.Module):
    """Its logit is the sum of the channels' means, each weighed by its place; it counts calls."""

    def __init__(self):
        super().__init__()
        self.n_channels = []

    def forward(self, batch):
        self.n_channels.append(batch.shape[1])
        means = batch.mean(dim=(2, 3, 4))
        total = (means * torch.arange(1, batch.shape[1] + 1)).sum(dim=1)
        return torch.stack([torch.zeros_like(total), total], dim=1)


@pytest.fixture
def setup(tmp_path, make_plan, write_cases, monkeypatch):
    """Paths, plan, subsets, test cases and the network of each model."""
    plan = make_plan(("mri", "mri", "dose"), mirror_axes=())
    paths = DatasetPaths("D", tmp_path / "raw", tmp_path / "preprocessed", tmp_path / "results")
    cases = sorted(write_cases(paths.cases(plan.name), plan, 3))
    channels = tuple(Channel(one.name, one.kind) for one in plan.channels)
    names = [channel.name for channel in channels]
    subsets = every_subset(groups_of(channels, "channel"), names, plan.name)
    networks = {subset.model: Sum().eval() for subset in subsets}
    own = {subset.model: with_channels(plan, subset.channels) for subset in subsets}
    hashes = dict.fromkeys(networks, "first")
    dataset = Dataset("Dataset904_HeldOut", channels, plan.classes)

    def load(folder, device=None):
        model, where = folder.name, torch.device(device)
        return Ensemble(own[model], dataset, {0: networks[model]}, where, {"0": hashes[model]})

    monkeypatch.setattr(test_predictions, "load_ensemble", load)
    records = [read_record(paths.cases(plan.name), case) for case in cases]
    return paths, plan, subsets, records, networks, hashes


def test_each_subset_sees_its_own_channels(setup):
    paths, plan, subsets, records, networks, _ = setup
    files = test_predictions.predict_test(paths, plan, subsets, records, "cpu")
    assert set(files) == {subset.name for subset in subsets}
    places = {"mri0": 0, "mri1": 1, "dose2": 2}
    for subset in subsets:
        rows = read_rows(files[subset.name])
        assert [row["case_id"] for row in rows] == [record.case_id for record in records]
        for row in rows:
            voxels = read_array(paths.cases(plan.name), row["case_id"]).astype(np.float64)
            chosen = [voxels[places[name]].mean() for name in subset.channels]
            total = sum((n + 1) * mean for n, mean in enumerate(chosen))
            wanted = 1 / (1 + np.exp(-total))
            assert float(row["prob_second"]) == pytest.approx(wanted, rel=1e-5)
        assert networks[subset.model].n_channels == [len(subset.channels)] * len(records)


def test_what_the_same_networks_predicted_of_the_same_cases_is_kept(setup):
    paths, plan, subsets, records, networks, hashes = setup
    one = subsets[1]

    def calls(cases=records):
        before = len(networks[one.model].n_channels)
        test_predictions.predict_test(paths, plan, [one], cases, "cpu")
        return len(networks[one.model].n_channels) - before

    assert (calls(), calls()) == (3, 0)
    hashes[one.model] = "trained anew"
    assert (calls(), calls()) == (3, 0)
    other = [dataclasses.replace(records[0], inputs_hash="other images"), *records[1:]]
    documents.write(paths.cases(plan.name) / f"{other[0].case_id}.json", other[0])
    assert (calls(other), calls(other[:2])) == (3, 2)


def test_what_was_damaged_or_edited_is_not_kept(setup, caplog):
    paths, plan, subsets, records, networks, _ = setup
    one = subsets[1]

    def calls():
        before = len(networks[one.model].n_channels)
        table = test_predictions.predict_test(paths, plan, [one], records, "cpu")[one.name]
        return len(networks[one.model].n_channels) - before, table.read_text()

    n_cases, whole = calls()
    table = paths.model(one.model).test / "predictions.csv"
    table.write_text(whole.replace("second", "first"))
    assert calls() == (0, whole)
    file = table.with_name("predictions.json")
    text = file.read_text()
    for content in (text.replace('"second"', '"first"'), text[:500], _other_class(text)):
        file.write_text(content)
        caplog.clear()
        assert calls() == (n_cases, whole)
        assert "The test cases are predicted again: " in caplog.text


def _other_class(text):
    """As an earlier version wrote it: without a checksum."""
    fields = json.loads(text)
    del fields["seal"]
    case = fields["cases"][0]
    case["predicted"] = "first" if case["predicted"] == "second" else "second"
    return json.dumps(fields)
