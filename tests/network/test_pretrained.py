"""Foreign weights answer here as they did at home: each against the network that they came from."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
import torch
from pydantic import TypeAdapter

from ricenet_v2.core import documents
from ricenet_v2.network.build import build_network
from ricenet_v2.records.plan_parts import NetworkPlan
from ricenet_v2.records.weights import WeightsReport


def test_the_encoder_of_an_nnunet_answers_as_in_nnunet(foreign):
    theirs = foreign.nnunet()
    network, report = foreign.load(foreign.nnunet_checkpoint(theirs), foreign.NNUNET)
    x = foreign.images(1, 8, 16, 24)
    with torch.no_grad():
        expected = theirs.encoder(x)[-1]
    foreign.assert_close(foreign.features(network, x), expected)
    assert report.format == "nnU-Net"
    assert sorted(report.loaded) == sorted(name for name, _ in network.encoder.named_parameters())
    assert (report.missing, report.wrong_shape, report.unused, report.notes) == ((), (), (), ())
    assert report.fresh_head == ("head.weight", "head.bias")


def test_what_was_not_taken_is_listed_by_reason(foreign):
    state = foreign.nnunet_checkpoint(foreign.nnunet())
    _, report = foreign.load(state, foreign.NNUNET)
    names = set(state["network_weights"])
    decoder = {name for name in names if name.startswith("decoder.")}
    twins = {name for name in names - decoder if ".all_modules." in name}
    assert set(report.ignored["decoder"]) == decoder
    assert set(report.ignored["second names of tensors"]) == twins
    assert len(report.loaded) + len(decoder) + len(twins) == len(names)
    assert report.source.not_used == len(decoder) + len(twins)


def test_the_report_names_the_file_and_is_a_document(foreign, tmp_path):
    _, report = foreign.load(foreign.nnunet_checkpoint(foreign.nnunet()), foreign.NNUNET)
    assert report.file == "weights.pth"
    content = (tmp_path / "weights.pth").read_bytes()
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    documents.write(tmp_path / "pretrained.json", report)
    assert documents.read(WeightsReport, tmp_path / "pretrained.json") == report


def test_nnssl_is_known_by_its_adaptation_plan(foreign):
    theirs = foreign.nnunet()
    told = {"key_to_encoder": "deep.down.encoder.stages", "key_to_stem": "deep.down.encoder.stem"}
    weights = {f"deep.down.{name}": v for name, v in theirs.state_dict().items()}
    weights["deep.down.mask_token"] = torch.zeros(1, 8, 1, 1, 1)
    state = {"network_weights": weights, "citations": [], "nnssl_adaptation_plan": told}
    network, report = foreign.load(state, foreign.NNUNET)
    x = foreign.images(1, 8, 16, 24)
    with torch.no_grad():
        foreign.assert_close(foreign.features(network, x), theirs.encoder(x)[-1])
    assert report.format == "nnssl"
    assert "deep.down.mask_token" in report.ignored["other parts"]
    assert not report.missing


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("blocks", [(1, 1, 1, 1), (2, 2, 2, 2), (3, 4, 6, 3)])
def test_a_resnet_of_medicalnet_answers_as_its_own_layers(foreign, shortcut, blocks):
    weights = foreign.resnet_weights(blocks=blocks, shortcut=shortcut)
    head = {"module.conv_seg.0.weight": torch.zeros(10, 32, 2, 2, 2)}
    state = {"state_dict": {**{f"module.{k}": v for k, v in weights.items()}, **head}, "epoch": 90}
    plan = dataclasses.replace(foreign.RESNET, blocks=blocks)
    network, report = foreign.load(state, plan)
    x = foreign.images(1, 40, 48, 36)
    foreign.assert_close(foreign.features(network, x), foreign.resnet_forward(weights, x))
    assert report.ignored == {"head": ("module.conv_seg.0.weight",)}
    assert (report.missing, report.wrong_shape, report.unused) == ((), (), ())
    assert len(report.adapted) == (15 if shortcut == "A" else 0)
    assert any("dilated" in note for note in report.notes)


def test_a_bias_of_monais_projections_goes_into_the_norm(foreign):
    weights = foreign.resnet_weights(bias=True)
    state = {**weights, "fc.weight": torch.zeros(400, 10), "fc.bias": torch.zeros(400)}
    network, report = foreign.load(state, foreign.RESNET)
    x = foreign.images(1, 40, 48, 36)
    foreign.assert_close(foreign.features(network, x), foreign.resnet_forward(weights, x))
    assert len(report.adapted) == 3
    assert report.ignored["head"] == ("fc.weight", "fc.bias")
    assert report.notes == ()


@pytest.mark.parametrize("kind", ["NNUNET", "RESNET"])
def test_our_own_checkpoint_starts_another_dataset(foreign, kind):
    plan = getattr(foreign, kind)
    own = build_network(plan, 2, 5)
    own.load_state_dict(foreign.random_like(own.state_dict()))
    own.eval()
    network, report = foreign.load({"inference_weights": own.state_dict(), "fold": 0}, plan, 2)
    x = foreign.images(2, 32, 48, 64)
    foreign.assert_close(foreign.features(network, x), foreign.features(own, x))
    assert report.format == "ricenet_v2"
    assert sorted(report.ignored["head"]) == ["head.bias", "head.weight"]
    assert not report.adapted
    assert network.head.weight.shape == (3, plan.features[-1])


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "module._orig_mod.encoder.", "backbone.", "network."]
)
@pytest.mark.parametrize("kind", ["residual", "resnet"])
def test_prefixes_of_wrappers_are_taken_off(foreign, prefix, kind):
    plan = foreign.NNUNET if kind == "residual" else foreign.RESNET
    weights = (
        foreign.nnunet().encoder.state_dict() if kind == "residual" else foreign.resnet_weights()
    )
    _, expected = foreign.load(weights, plan)
    _, report = foreign.load({prefix + name: v for name, v in weights.items()}, plan)
    assert report.loaded == expected.loaded
    assert not report.missing
    assert not report.unused


def test_second_names_alone_are_enough(foreign):
    weights = foreign.nnunet().encoder.state_dict()
    only = {name: v for name, v in weights.items() if ".all_modules." in name}
    network, report = foreign.load(only, foreign.NNUNET)
    assert not report.missing
    name = "stages.1.blocks.2.conv2.norm.weight"
    assert torch.equal(network.encoder.state_dict()[name], weights[name])


def test_a_stride_where_there_was_none_is_no_other_layer(foreign):
    """A pool before the projection shifts the projection's number in the state dict."""
    same = dataclasses.replace(foreign.NNUNET, strides=((1, 1, 1), (1, 1, 1), (2, 2, 2), (2, 2, 2)))
    network, report = foreign.load(foreign.nnunet_checkpoint(foreign.nnunet()), same)
    assert not report.missing
    assert not report.unused
    assert [note.split(":")[0] for note in report.notes] == ["strides"]
    assert "stages.1.blocks.0.skip.0.conv.weight" in report.loaded
    assert foreign.features(network, foreign.images(1, 8, 16, 24)).shape[2:] == (2, 4, 6)


def test_biases_without_effect_are_left_and_biases_that_lack_are_zero(foreign):
    theirs = foreign.nnunet()
    without = dataclasses.replace(foreign.NNUNET, conv_bias=False)
    network, report = foreign.load(foreign.nnunet_checkpoint(theirs), without)
    x = foreign.images(1, 8, 16, 24)
    with torch.no_grad():
        foreign.assert_close(foreign.features(network, x), theirs.encoder(x)[-1])
    biases = [n for n, _ in theirs.encoder.named_parameters() if n.endswith("conv.bias")]
    assert len(report.ignored["biases that a norm takes away"]) == len(biases)
    state = network.encoder.state_dict()
    again, report = foreign.load(state, foreign.NNUNET)
    assert sorted(report.adapted) == sorted(biases)
    foreign.assert_close(foreign.features(again, x), foreign.features(network, x))


def test_another_nonlinearity_and_norm_are_said(foreign):
    plan = dataclasses.replace(foreign.NNUNET, nonlinearity="relu")
    _, report = foreign.load(foreign.nnunet_checkpoint(foreign.nnunet()), plan)
    assert report.notes == ("nonlinearity: leaky_relu in the file's network, relu here",)
    plan = dataclasses.replace(foreign.RESNET, norm="instance")
    _, report = foreign.load(foreign.resnet_weights(), plan)
    assert report.notes == ("the file's network has batch norms, this one has instance norms",)
    assert len(report.ignored["statistics of batch norms"]) == 2 * (1 + 16 + 3)


@pytest.mark.parametrize("kind", ["residual", "resnet"])
@pytest.mark.parametrize(("there", "here"), [(1, 3), (2, 4), (2, 3), (3, 1), (3, 2), (4, 2)])
def test_other_channels_keep_the_answer_to_an_image_repeated(foreign, kind, there, here):
    x = foreign.images(1, 40, 48, 32)
    if kind == "residual":
        theirs = foreign.nnunet(there)
        network, report = foreign.load(foreign.nnunet_checkpoint(theirs), foreign.NNUNET, here)
        with torch.no_grad():
            expected = theirs.encoder(x.expand(-1, there, -1, -1, -1))[-1]
        stem = "stem.convs.0.conv.weight"
    else:
        weights = foreign.resnet_weights(there)
        network, report = foreign.load(weights, foreign.RESNET, here)
        expected = foreign.resnet_forward(weights, x.expand(-1, there, -1, -1, -1))
        stem = "stem.0.weight"
    foreign.assert_close(foreign.features(network, x.expand(-1, here, -1, -1, -1)), expected)
    assert list(report.adapted) == [stem]
    assert report.adapted[stem].startswith(f"{there} input channels to {here}")


def test_channels_are_repeated_in_turn_and_scaled_by_their_ratio(foreign):
    theirs = foreign.nnunet(2)
    network, _ = foreign.load(foreign.nnunet_checkpoint(theirs), foreign.NNUNET, 4)
    old, new = theirs.encoder.stem.convs[0].conv.weight, network.encoder.stem.convs[0].conv.weight
    for channel in range(4):
        torch.testing.assert_close(new[:, channel], old[:, channel % 2] * 2 / 4)


def test_bands_begin_at_zero_so_that_the_answer_stays(foreign):
    """Weights of images fit no band; those of a network with other bands are left out."""
    theirs, x = foreign.nnunet(1), foreign.images(1, 40, 48, 32)
    plan = dataclasses.replace(foreign.NNUNET, levels=((0.0, 0.2, 0.4),))
    network, report = foreign.load(foreign.nnunet_checkpoint(theirs), plan)
    with torch.no_grad():
        foreign.assert_close(foreign.features(network, x), theirs.encoder(x)[-1])
    assert report.adapted == {"stem.convs.0.conv.weight": "the weights of 2 bands begin at zero"}
    own = {"inference_weights": network.state_dict(), "plan": _plan_text(plan)}
    again, report = foreign.load(own, plan)
    assert not report.adapted
    assert torch.equal(foreign.features(again, x), foreign.features(network, x))
    other = dataclasses.replace(plan, levels=((0.0, 0.3, 0.6),))  # as many, around other values
    elsewhere, report = foreign.load(own, other)
    assert "the weights of 2 bands begin at zero" in report.adapted["stem.convs.0.conv.weight"]
    assert not elsewhere.encoder.stem.convs[0].conv.weight[:, 1:].any()
    without, report = foreign.load(own, foreign.NNUNET)
    foreign.assert_close(foreign.features(without, x), foreign.features(network, x))
    assert report.adapted == {"stem.convs.0.conv.weight": "without the weights of 2 bands"}
    # As many maps, but one of them a band here and none there: no weight is taken for another.
    two = dataclasses.replace(plan, levels=((0.0, 0.2), ()))
    moved, report = foreign.load(own, two, 2)
    new = moved.encoder.stem.convs[0].conv.weight
    assert not new[:, 2].any()
    torch.testing.assert_close(new[:, 0], theirs.encoder.stem.convs[0].conv.weight[:, 0] / 2)
    assert "1 input channels to 2" in report.adapted["stem.convs.0.conv.weight"]


def _plan_text(network):
    return json.dumps({"network": TypeAdapter(NetworkPlan).dump_python(network, mode="json")})


def test_half_precision_becomes_single(foreign):
    weights = {name: v.half() for name, v in foreign.nnunet().encoder.state_dict().items()}
    network, _ = foreign.load(weights, foreign.NNUNET)
    for name, value in network.encoder.named_parameters():
        assert value.dtype == torch.float32
        assert torch.equal(value, weights[name].float())
