"""Folds whose checkpoints are not what they should be, through the command and by name."""

from __future__ import annotations

import pytest
import torch

from ricenet_v2.cli import predict
from ricenet_v2.core.errors import CheckpointError, DocumentError
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.inference.feature_reference import Reference, read_reference, write_reference
from ricenet_v2.store import checkpoints


def first(state):
    """A tensor of the weights, its name before it."""
    return next((name, v) for name, v in state["inference_weights"].items() if v.ndim > 1)


def with_nan(state):
    first(state)[1].view(-1)[0] = torch.nan
    return state


def with_nan_everywhere(state):
    for value in state["inference_weights"].values():
        value.fill_(torch.nan)
    return state


def nnunet(state):
    return {
        "network_weights": state["inference_weights"],
        "trainer_name": "nnUNetTrainer",
        "init_args": {},
    }


def without_plan(state):
    return {name: value for name, value in state.items() if name != "plan"}


def without_a_tensor(state):
    del state["inference_weights"][first(state)[0]]
    return state


def of_another_shape(state):
    state["inference_weights"]["head.weight"] = torch.zeros(3, 4)
    return state


SPOILT = {
    "NaN": (with_nan, ["not all finite", "infinite or undefined values in"]),
    "nnU-Net": (nnunet, ["a checkpoint of nnU-Net ('nnUNetTrainer')", "--pretrained_weights"]),
    "bare": (lambda state: state["inference_weights"], ["a bare state dict", "--pretrained"]),
    "no plan": (without_plan, ["a dictionary of inference_weights, dataset, fold"]),
    "no weights": (lambda state: {**state, "inference_weights": {}}, ["cannot predict"]),
    "text": (lambda state: {**state, "inference_weights": "x"}, ["cannot predict"]),
    "missing": (without_a_tensor, ["those of the network in its plan", ": none instead of"]),
    "shape": (of_another_shape, ["head.weight: (3, 4) instead of (2, 4)"]),
    "empty": (lambda _: {}, ["a dictionary of nothing"]),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_the_fold_is_named_with_what_it_is_and_what_to_do(model, tmp_path, capsys, kind):
    spoil, said = SPOILT[kind]
    path = model.fold(1).final
    checkpoints.save(path, spoil(checkpoints.load(path)))
    (tmp_path / "images").mkdir()
    words = ["-i", str(tmp_path / "images"), "-o", str(tmp_path / "out"), "-m", str(model.folder)]
    assert predict.main([*words, "--device", "cpu"]) == 2
    told = capsys.readouterr().err
    assert "fold 1" in told
    assert str(path) in told
    assert "-f" in told
    assert "Traceback" not in told
    for words in said:
        assert words in told
    assert list(load_ensemble(model.folder, [0], device="cpu").members) == [0]


def test_the_first_four_of_many_weights_are_named(model):
    path = model.fold(1).final
    state = with_nan_everywhere(checkpoints.load(path))
    checkpoints.save(path, state)
    with pytest.raises(CheckpointError) as caught:
        load_ensemble(model.folder, [1], device="cpu")
    names = list(state["inference_weights"])
    assert str(caught.value.got).endswith(f"in {'; '.join(names[:4])}; and {len(names) - 4} more")


def test_a_plan_that_cannot_be_read_is_named_with_its_fold(model):
    path = model.fold(1).final
    checkpoints.save(path, {**checkpoints.load(path), "plan": '{"name": "auto"}'})
    with pytest.raises(DocumentError) as caught:
        load_ensemble(model.folder, device="cpu")
    assert caught.value.file == path.parent


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0])
def test_a_prior_that_cannot_be_is_refused(model, value):
    path = model.fold(1).final
    state = {**checkpoints.load(path), "prior": {"trained": [value, 0.5], "counts": [1, 1]}}
    checkpoints.save(path, state)
    with pytest.raises(CheckpointError, match="prior"):
        load_ensemble(model.folder, device="cpu")


def reference(width: int, value: float = 1.0) -> Reference:
    ones = torch.ones(width).double().numpy()
    return Reference(value * ones, torch.eye(width).double().numpy(), ones, {"mri0": (0.0, 1.0)})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda path: write_reference(path, reference(3)), "expected 4 features"),
        (lambda path: write_reference(path, reference(4, float("nan"))), "not finite"),
        (lambda path: checkpoints.save(path, {"a": torch.ones(1)}), "a bare state dict of 1"),
    ],
)
def test_training_features_of_another_network_are_refused(model, content, said):
    path = model.fold(1).reference
    write_reference(path, reference(4))
    assert set(load_ensemble(model.folder, device="cpu").references) == {1}
    content(path)
    with pytest.raises(CheckpointError, match="what to do") as caught:
        load_ensemble(model.folder, device="cpu")
    assert said in str(caught.value)
    assert caught.value.file == path


def test_references_of_older_versions_are_read(tmp_path):
    write_reference(tmp_path / "new.pth", reference(4))
    state = checkpoints.load(tmp_path / "new.pth")
    del state["directions"]
    checkpoints.save(tmp_path / "old.pth", state)
    assert read_reference(tmp_path / "old.pth", 4).directions.shape == (0, 9)
