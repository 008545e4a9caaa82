"""Weights that do not fit: what is refused, in which words, and what may be allowed."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.pretrained import load_pretrained


def test_differences_are_named_with_both_shapes_and_the_preset_that_fits(foreign, tmp_path):
    plan = dataclasses.replace(foreign.NNUNET, features=(4, 6, 8, 12), blocks=(1, 3, 2, 3))
    network = build_network(plan, 1, 3)
    text = foreign.refused(
        foreign.nnunet_checkpoint(foreign.nnunet()), plan, "do not fit the encoder"
    )
    assert "stages.3.blocks.0.conv1.conv.weight: (12, 8, 3, 3, 3) here, (8, 8, 3, 3, 3) in" in text
    assert "more" in text
    assert "--preset resenc_l" in text
    assert "features to [4, 6, 8, 8] and blocks to [1, 3, 2, 2]" in text
    assert "--allow_missing_weights" in text
    before = {name: v.clone() for name, v in network.state_dict().items()}
    with pytest.raises(CheckpointError):
        load_pretrained(network, plan, tmp_path / "weights.pth")
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())


def test_what_does_not_fit_stays_fresh_when_allowed(foreign, tmp_path):
    plan = dataclasses.replace(foreign.NNUNET, features=(4, 6, 8, 12), blocks=(1, 3, 1, 3))
    theirs = foreign.nnunet()
    torch.save(foreign.nnunet_checkpoint(theirs), tmp_path / "weights.pth")
    network = build_network(plan, 1, 3)
    before = {name: v.clone() for name, v in network.encoder.state_dict().items()}
    report = load_pretrained(network, plan, tmp_path / "weights.pth", allow_missing=True)
    after, source = network.encoder.state_dict(), theirs.encoder.state_dict()
    fresh = {*report.missing, *(one.name for one in report.wrong_shape)}
    assert fresh == {
        name
        for name, _ in network.encoder.named_parameters()
        if name not in source or source[name].shape != before[name].shape
    }
    assert all(torch.equal(after[name], before[name]) for name in fresh)
    assert all(torch.equal(after[name], source[name]) for name in report.loaded)
    assert all(name.startswith("encoder.stages.2.blocks.1.") for name in report.unused)
    assert report.source.fresh == len(fresh) > 0


def test_a_file_deeper_than_the_plan_is_not_cut_in_silence(foreign):
    plan = dataclasses.replace(
        foreign.NNUNET,
        features=foreign.NNUNET.features[:3],
        blocks=foreign.NNUNET.blocks[:3],
        kernel_sizes=foreign.NNUNET.kernel_sizes[:3],
        strides=foreign.NNUNET.strides[:3],
    )
    text = foreign.refused(
        foreign.nnunet_checkpoint(foreign.nnunet()), plan, "do not fit the encoder"
    )
    assert "encoder.stages.3.blocks.0.conv1.conv.weight: none here, (8, 8, 3, 3, 3) in" in text


def test_nothing_that_fits_is_refused_even_when_allowed(foreign):
    plan = dataclasses.replace(foreign.NNUNET, features=(5, 7, 9, 9))
    text = foreign.refused(
        foreign.nnunet_checkpoint(foreign.nnunet()), plan, "0 that fit", allow_missing=True
    )
    assert "--allow_missing_weights" not in text


def test_another_kind_of_network_is_refused_with_its_preset(foreign):
    for state, plan, words in (
        (foreign.resnet_weights(), foreign.NNUNET, ["a residual_encoder, as", "--preset paper"]),
        (
            foreign.nnunet().encoder.state_dict(),
            foreign.RESNET,
            ["a resnet18, as", "--preset resenc_l", "features to [4, 6, 8, 8]"],
        ),
    ):
        text = foreign.refused(state, plan, "another kind of network", allow_missing=True)
        assert all(word in text for word in words)


def test_values_that_are_not_finite_are_refused(foreign):
    for value in (float("nan"), float("inf")):
        weights = foreign.resnet_weights()
        weights["layer2.1.bn1.bias"][1] = value
        text = foreign.refused(weights, foreign.RESNET, "not all finite", allow_missing=True)
        assert "layer2.1.bn1.bias" in text


def test_a_plain_unet_is_refused(foreign):
    plain = PlainConvUNet(
        1, 2, (4, 8), nn.Conv3d, 3, (1, 2), 1, 2, 1, True, nn.InstanceNorm3d, {"affine": True}
    )
    state = {"network_weights": plain.state_dict()}
    assert "nnUNetResEncUNetLPlans" in foreign.refused(state, foreign.NNUNET, "plain convolutional")


def test_a_flat_network_is_refused(foreign):
    flat = {name: v[..., 0] if v.ndim == 5 else v for name, v in foreign.resnet_weights().items()}
    assert "conv1.weight of shape (4, 1, 7, 7)" in foreign.refused(
        flat, foreign.RESNET, "two-dimens"
    )


def test_a_deep_resnet_is_refused(foreign):
    weights = {**foreign.resnet_weights(), "layer1.0.conv3.weight": torch.zeros(16, 4, 1, 1, 1)}
    foreign.refused(weights, foreign.RESNET, "bottleneck")


def test_two_encoders_are_refused(foreign):
    teacher, student = (foreign.nnunet(seed=seed).encoder.state_dict() for seed in (1, 2))
    both = {**{f"module.{k}": v for k, v in teacher.items()}, **student}
    foreign.refused(both, foreign.NNUNET, "two encoders")


def test_files_without_a_known_network_are_refused(foreign):
    foreign.refused(
        {"eva.blocks.0.attn.qkv.weight": torch.zeros(3, 3)}, foreign.NNUNET, "is unknown"
    )
    foreign.refused({"epoch": 3, "state_dict": {}}, foreign.NNUNET, "holds no weights")


def test_own_plan_in_the_checkpoint_tells_what_would_fit(foreign):
    plan = '{"preset": "auto", "input_size": [16, 16, 16], "network": {"strides": [[1, 1, 1]]}}'
    own = build_network(foreign.NNUNET, 1, 2)
    state = {"inference_weights": own.state_dict(), "plan": plan}
    text = foreign.refused(state, foreign.RESNET, "another kind")
    assert "the preset auto with an input of [16, 16, 16] voxels" in text
    _, report = foreign.load(state, foreign.NNUNET)
    assert [note.split(":")[0] for note in report.notes] == ["nonlinearity", "strides"]
    _, report = foreign.load({**state, "plan": "no JSON"}, foreign.NNUNET)
    assert report.notes == ()
