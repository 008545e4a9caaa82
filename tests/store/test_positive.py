"""The positive class of a model is that of its training, and a change since is told."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.store.paths import DATASET_JSON, ModelPaths
from ricenet_v2.store.positive import positive_of, positive_of_any

TRAINED = Dataset("D", (Channel("T1", "mri"),), ("a", "b"), positive_class="a")


@pytest.fixture
def model(tmp_path: Path) -> ModelPaths:
    made = ModelPaths(tmp_path / "auto__all")
    documents.write(made.dataset, TRAINED)
    return made


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ()),
        ({"positive_class": "b"}, ("has the positive class b now. Metrics are about a",)),
        ({"positive_class": None}, ("has the positive class b now. Metrics are about a",)),
        ({"classes": ("b", "a")}, ("the classes b, a now; auto__all was trained with a, b",)),
    ],
)
def test_it_is_that_of_the_training(model, tmp_path, caplog, change, told):
    raw = tmp_path / "raw"
    documents.write(raw / DATASET_JSON, dataclasses.replace(TRAINED, **change))
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        assert positive_of(model, raw) == "a"
    assert len(caplog.records) == len(told)
    assert all(words in caplog.text for words in told)


def test_the_raw_dataset_tells_it_where_no_model_does(model, tmp_path):
    raw = tmp_path / "raw"
    documents.write(raw / DATASET_JSON, dataclasses.replace(TRAINED, positive_class=None))
    assert positive_of(ModelPaths(tmp_path / "none"), raw) == "b"
    assert positive_of(ModelPaths(tmp_path / "none"), tmp_path / "gone") is None
    assert positive_of_any([ModelPaths(tmp_path / "none")], raw) == "b"
    assert positive_of_any([]) is None
    (raw / DATASET_JSON).write_text("{")
    assert positive_of(model, raw) == "a"


def test_of_several_models_the_first_decides(model, tmp_path, caplog):
    other = ModelPaths(tmp_path / "baseline__dose")
    documents.write(other.dataset, dataclasses.replace(TRAINED, positive_class="b"))
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        assert positive_of_any([model, other]) == "a"
        assert positive_of_any([other, model]) == "b"
    assert "baseline__dose was trained with the positive class b" in caplog.text
