"""Foreign weights answer here as they did at home: each against the network that they came from."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn
from torch.nn import functional

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.pretrained import load_pretrained
from ricenet_v2.records.plan import NetworkPlan
from ricenet_v2.records.weights import WeightsReport

NNUNET = NetworkPlan(
    architecture="residual_encoder",
    features=(4, 6, 8, 8),
    blocks=(1, 3, 2, 2),
    kernel_sizes=((1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2)),
    norm="instance",
    dropout=0.0,
    stem="",
    conv_bias=True,
    nonlinearity="leaky_relu",
)
RESNET = NetworkPlan(
    architecture="resnet18",
    features=(4, 6, 8, 10),
    blocks=(2, 2, 2, 2),
    kernel_sizes=((3, 3, 3),) * 4,
    strides=((2, 2, 2),) * 4,
    norm="batch",
    dropout=0.0,
    stem="",
)


def random_like(weights, seed=0):
    """Values that no initialisation would give; variances stay positive."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, value in weights.items():
        if not value.dtype.is_floating_point:
            made[name] = value + 7
        elif name.endswith("running_var"):
            made[name] = torch.rand(value.shape, generator=generator) + 0.5
        else:
            made[name] = torch.randn(value.shape, generator=generator) * 0.3
    return made


def nnunet(n_channels=1, seed=0, plan=NNUNET):
    """The very network that nnU-Net trains, small."""
    network = ResidualEncoderUNet(
        input_channels=n_channels,
        n_stages=len(plan.features),
        features_per_stage=plan.features,
        conv_op=nn.Conv3d,
        kernel_sizes=plan.kernel_sizes,
        strides=plan.strides,
        n_blocks_per_stage=plan.blocks,
        num_classes=2,
        n_conv_per_stage_decoder=[1] * (len(plan.features) - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
    )
    fresh = random_like(dict(network.named_parameters()), seed)
    network.load_state_dict(fresh, strict=False)
    return network.eval()


def nnunet_checkpoint(network, plan=NNUNET):
    """As nnUNetTrainer.save_checkpoint writes it, with its numpy scalars."""
    arguments = {
        "n_stages": len(plan.features),
        "strides": [list(stride) for stride in plan.strides],
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    plans = {"configurations": {"3d_fullres": {"architecture": {"arch_kwargs": arguments}}}}
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": torch.optim.SGD(network.parameters(), 0.1, momentum=0.9).state_dict(),
        "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [np.float64(0.5), np.float32(0.25)], "train_losses": [0.1]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 3,
        "init_args": {"plans": plans, "configuration": "3d_fullres", "fold": 0},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }


def resnet_weights(n_channels=1, blocks=(2, 2, 2, 2), *, shortcut="B", bias=False, seed=0):
    """Names and shapes as MedicalNet and MONAI write them, written down by hand."""
    shapes = {}

    def norm(name, features):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (features,)

    shapes["conv1.weight"] = (RESNET.features[0], n_channels, 7, 7, 7)
    norm("bn1", RESNET.features[0])
    inputs = RESNET.features[0]
    for layer, (features, count) in enumerate(zip(RESNET.features, blocks, strict=True), start=1):
        for block in range(count):
            name = f"layer{layer}.{block}"
            shapes[f"{name}.conv1.weight"] = (features, inputs, 3, 3, 3)
            norm(f"{name}.bn1", features)
            shapes[f"{name}.conv2.weight"] = (features, features, 3, 3, 3)
            norm(f"{name}.bn2", features)
            if layer > 1 and block == 0 and shortcut == "B":
                shapes[f"{name}.downsample.0.weight"] = (features, inputs, 1, 1, 1)
                if bias:
                    shapes[f"{name}.downsample.0.bias"] = (features,)
                norm(f"{name}.downsample.1", features)
            inputs = features
    return random_like({name: torch.empty(shape) for name, shape in shapes.items()}, seed)


def resnet_forward(weights, x):
    """He et al. (2016) in evaluation mode, from the raw state dict alone."""

    def norm(name, x):
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.batch_norm(x, mean, variance, scale, shift, training=False, eps=1e-5)

    x = functional.conv3d(x, weights["conv1.weight"], stride=2, padding=3)
    x = functional.max_pool3d(functional.relu(norm("bn1", x)), 3, stride=2, padding=1)
    layer, block = 1, 0
    while (name := f"layer{layer}.{block}") + ".conv1.weight" in weights:
        stride = 2 if layer > 1 and block == 0 else 1
        out = functional.conv3d(x, weights[f"{name}.conv1.weight"], stride=stride, padding=1)
        out = functional.relu(norm(f"{name}.bn1", out))
        out = norm(
            f"{name}.bn2", functional.conv3d(out, weights[f"{name}.conv2.weight"], padding=1)
        )
        if f"{name}.downsample.0.weight" in weights:
            projection = weights[f"{name}.downsample.0.weight"]
            bias = weights.get(f"{name}.downsample.0.bias")
            x = norm(f"{name}.downsample.1", functional.conv3d(x, projection, bias, stride=stride))
        elif stride == 2:
            x = functional.avg_pool3d(x, 1, stride=2)
            zeros = x.new_zeros(x.shape[0], out.shape[1] - x.shape[1], *x.shape[2:])
            x = torch.cat([x, zeros], dim=1)
        x = functional.relu(out + x)
        block += 1
        if f"layer{layer}.{block}.conv1.weight" not in weights:
            layer, block = layer + 1, 0
    return x


def images(n_channels, *size, seed=3):
    return torch.randn(2, n_channels, *size, generator=torch.Generator().manual_seed(seed))


def load(tmp_path, state, plan, n_channels=1, **options):
    """A network of this plan that took this state, and the report."""
    file = tmp_path / "weights.pth"
    torch.save(state, file)
    network = build_network(plan, n_channels, 3).eval()
    return network, load_pretrained(network, plan, file, **options)


def features(network, x):
    with torch.no_grad():
        return network.features(x)


def assert_close(found, expected):
    scale = expected.abs().max()
    assert scale > 0.1
    torch.testing.assert_close(found / scale, expected / scale, rtol=1e-4, atol=1e-5)


def test_the_encoder_of_an_nnunet_answers_as_in_nnunet(tmp_path):
    theirs = nnunet()
    network, report = load(tmp_path, nnunet_checkpoint(theirs), NNUNET)
    x = images(1, 8, 16, 24)
    with torch.no_grad():
        expected = theirs.encoder(x)[-1]
    assert_close(features(network, x), expected)
    assert report.format == "nnU-Net"
    assert sorted(report.loaded) == sorted(name for name, _ in network.encoder.named_parameters())
    assert (report.missing, report.wrong_shape, report.unused, report.notes) == ((), (), (), ())
    assert report.fresh_head == ("head.weight", "head.bias")


def test_what_was_not_taken_is_listed_by_reason(tmp_path):
    state = nnunet_checkpoint(nnunet())
    _, report = load(tmp_path, state, NNUNET)
    names = set(state["network_weights"])
    decoder = {name for name in names if name.startswith("decoder.")}
    twins = {name for name in names - decoder if ".all_modules." in name}
    assert set(report.ignored["decoder"]) == decoder
    assert set(report.ignored["second names of tensors"]) == twins
    assert len(report.loaded) + len(decoder) + len(twins) == len(names)
    assert report.source.not_used == len(decoder) + len(twins)


def test_the_report_names_the_file_and_is_a_document(tmp_path):
    _, report = load(tmp_path, nnunet_checkpoint(nnunet()), NNUNET)
    assert report.file == "weights.pth"
    content = (tmp_path / "weights.pth").read_bytes()
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    documents.write(tmp_path / "pretrained.json", report)
    assert documents.read(WeightsReport, tmp_path / "pretrained.json") == report


def test_nnssl_is_known_by_its_adaptation_plan(tmp_path):
    theirs = nnunet()
    told = {"key_to_encoder": "deep.down.encoder.stages", "key_to_stem": "deep.down.encoder.stem"}
    weights = {f"deep.down.{name}": v for name, v in theirs.state_dict().items()}
    weights["deep.down.mask_token"] = torch.zeros(1, 8, 1, 1, 1)
    state = {"network_weights": weights, "citations": [], "nnssl_adaptation_plan": told}
    network, report = load(tmp_path, state, NNUNET)
    x = images(1, 8, 16, 24)
    with torch.no_grad():
        assert_close(features(network, x), theirs.encoder(x)[-1])
    assert report.format == "nnssl"
    assert "deep.down.mask_token" in report.ignored["other parts"]
    assert not report.missing


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("blocks", [(1, 1, 1, 1), (2, 2, 2, 2), (3, 4, 6, 3)])
def test_a_resnet_of_medicalnet_answers_as_its_own_layers(tmp_path, shortcut, blocks):
    weights = resnet_weights(blocks=blocks, shortcut=shortcut)
    head = {"module.conv_seg.0.weight": torch.zeros(10, 32, 2, 2, 2)}
    state = {"state_dict": {**{f"module.{k}": v for k, v in weights.items()}, **head}, "epoch": 90}
    plan = dataclasses.replace(RESNET, blocks=blocks)
    network, report = load(tmp_path, state, plan)
    x = images(1, 40, 48, 36)
    assert_close(features(network, x), resnet_forward(weights, x))
    assert report.ignored == {"head": ("module.conv_seg.0.weight",)}
    assert (report.missing, report.wrong_shape, report.unused) == ((), (), ())
    assert len(report.adapted) == (15 if shortcut == "A" else 0)
    assert any("dilated" in note for note in report.notes)


def test_a_bias_of_monais_projections_goes_into_the_norm(tmp_path):
    weights = resnet_weights(bias=True)
    state = {**weights, "fc.weight": torch.zeros(400, 10), "fc.bias": torch.zeros(400)}
    network, report = load(tmp_path, state, RESNET)
    x = images(1, 40, 48, 36)
    assert_close(features(network, x), resnet_forward(weights, x))
    assert len(report.adapted) == 3
    assert report.ignored["head"] == ("fc.weight", "fc.bias")
    assert report.notes == ()


@pytest.mark.parametrize("plan", [NNUNET, RESNET], ids=["residual", "resnet"])
def test_our_own_checkpoint_starts_another_dataset(tmp_path, plan):
    own = build_network(plan, 2, 5)
    own.load_state_dict(random_like(own.state_dict()))
    own.eval()
    network, report = load(tmp_path, {"inference_weights": own.state_dict(), "fold": 0}, plan, 2)
    x = images(2, 32, 48, 64)
    assert_close(features(network, x), features(own, x))
    assert report.format == "ricenet_v2"
    assert sorted(report.ignored["head"]) == ["head.bias", "head.weight"]
    assert not report.adapted
    assert network.head.weight.shape == (3, plan.features[-1])


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "module._orig_mod.encoder.", "backbone.", "network."]
)
@pytest.mark.parametrize("kind", ["residual", "resnet"])
def test_prefixes_of_wrappers_are_taken_off(tmp_path, prefix, kind):
    plan = NNUNET if kind == "residual" else RESNET
    weights = nnunet().encoder.state_dict() if kind == "residual" else resnet_weights()
    _, expected = load(tmp_path, weights, plan)
    _, report = load(tmp_path, {prefix + name: v for name, v in weights.items()}, plan)
    assert report.loaded == expected.loaded
    assert not report.missing
    assert not report.unused


def test_second_names_alone_are_enough(tmp_path):
    weights = nnunet().encoder.state_dict()
    only = {name: v for name, v in weights.items() if ".all_modules." in name}
    network, report = load(tmp_path, only, NNUNET)
    assert not report.missing
    name = "stages.1.blocks.2.conv2.norm.weight"
    assert torch.equal(network.encoder.state_dict()[name], weights[name])


def test_a_stride_where_there_was_none_is_no_other_layer(tmp_path):
    """A pool before the projection shifts the projection's number in the state dict."""
    same = dataclasses.replace(NNUNET, strides=((1, 1, 1), (1, 1, 1), (2, 2, 2), (2, 2, 2)))
    network, report = load(tmp_path, nnunet_checkpoint(nnunet()), same)
    assert not report.missing
    assert not report.unused
    assert [note.split(":")[0] for note in report.notes] == ["strides"]
    assert "stages.1.blocks.0.skip.0.conv.weight" in report.loaded
    assert features(network, images(1, 8, 16, 24)).shape[2:] == (2, 4, 6)


def test_biases_without_effect_are_left_and_biases_that_lack_are_zero(tmp_path):
    theirs = nnunet()
    without = dataclasses.replace(NNUNET, conv_bias=False)
    network, report = load(tmp_path, nnunet_checkpoint(theirs), without)
    x = images(1, 8, 16, 24)
    with torch.no_grad():
        assert_close(features(network, x), theirs.encoder(x)[-1])
    biases = [n for n, _ in theirs.encoder.named_parameters() if n.endswith("conv.bias")]
    assert len(report.ignored["biases that a norm takes away"]) == len(biases)
    state = network.encoder.state_dict()
    again, report = load(tmp_path, state, NNUNET)
    assert sorted(report.adapted) == sorted(biases)
    assert_close(features(again, x), features(network, x))


def test_another_nonlinearity_and_norm_are_said(tmp_path):
    plan = dataclasses.replace(NNUNET, nonlinearity="relu")
    _, report = load(tmp_path, nnunet_checkpoint(nnunet()), plan)
    assert report.notes == ("nonlinearity: leaky_relu in the file's network, relu here",)
    plan = dataclasses.replace(RESNET, norm="instance")
    _, report = load(tmp_path, resnet_weights(), plan)
    assert report.notes == ("the file's network has batch norms, this one has instance norms",)
    assert len(report.ignored["statistics of batch norms"]) == 2 * (1 + 16 + 3)


@pytest.mark.parametrize("kind", ["residual", "resnet"])
@pytest.mark.parametrize(("there", "here"), [(1, 3), (2, 4), (2, 3), (3, 1), (3, 2), (4, 2)])
def test_other_channels_keep_the_answer_to_an_image_repeated(tmp_path, kind, there, here):
    x = images(1, 40, 48, 32)
    if kind == "residual":
        theirs = nnunet(there)
        network, report = load(tmp_path, nnunet_checkpoint(theirs), NNUNET, here)
        with torch.no_grad():
            expected = theirs.encoder(x.expand(-1, there, -1, -1, -1))[-1]
        stem = "stem.convs.0.conv.weight"
    else:
        weights = resnet_weights(there)
        network, report = load(tmp_path, weights, RESNET, here)
        expected = resnet_forward(weights, x.expand(-1, there, -1, -1, -1))
        stem = "stem.0.weight"
    assert_close(features(network, x.expand(-1, here, -1, -1, -1)), expected)
    assert list(report.adapted) == [stem]
    assert report.adapted[stem].startswith(f"{there} input channels to {here}")


def test_channels_are_repeated_in_turn_and_scaled_by_their_ratio(tmp_path):
    theirs = nnunet(2)
    network, _ = load(tmp_path, nnunet_checkpoint(theirs), NNUNET, 4)
    old, new = theirs.encoder.stem.convs[0].conv.weight, network.encoder.stem.convs[0].conv.weight
    for channel in range(4):
        torch.testing.assert_close(new[:, channel], old[:, channel % 2] * 2 / 4)


def refused(tmp_path, state, plan, match, **options):
    with pytest.raises(CheckpointError, match=match) as caught:
        load(tmp_path, state, plan, **options)
    return str(caught.value)


def test_differences_are_named_with_both_shapes_and_the_preset_that_fits(tmp_path):
    plan = dataclasses.replace(NNUNET, features=(4, 6, 8, 12), blocks=(1, 3, 2, 3))
    network = build_network(plan, 1, 3)
    text = refused(tmp_path, nnunet_checkpoint(nnunet()), plan, "do not fit the encoder")
    assert "stages.3.blocks.0.conv1.conv.weight: (12, 8, 3, 3, 3) here, (8, 8, 3, 3, 3) in" in text
    assert "more" in text
    assert "--preset resenc_l" in text
    assert "features to [4, 6, 8, 8] and blocks to [1, 3, 2, 2]" in text
    assert "--allow_missing_weights" in text
    before = {name: v.clone() for name, v in network.state_dict().items()}
    with pytest.raises(CheckpointError):
        load_pretrained(network, plan, tmp_path / "weights.pth")
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())


def test_what_does_not_fit_stays_fresh_when_allowed(tmp_path):
    plan = dataclasses.replace(NNUNET, features=(4, 6, 8, 12), blocks=(1, 3, 1, 3))
    theirs = nnunet()
    torch.save(nnunet_checkpoint(theirs), tmp_path / "weights.pth")
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


def test_a_file_deeper_than_the_plan_is_not_cut_in_silence(tmp_path):
    plan = dataclasses.replace(
        NNUNET,
        features=NNUNET.features[:3],
        blocks=NNUNET.blocks[:3],
        kernel_sizes=NNUNET.kernel_sizes[:3],
        strides=NNUNET.strides[:3],
    )
    text = refused(tmp_path, nnunet_checkpoint(nnunet()), plan, "do not fit the encoder")
    assert "encoder.stages.3.blocks.0.conv1.conv.weight: none here, (8, 8, 3, 3, 3) in" in text


def test_nothing_that_fits_is_refused_even_when_allowed(tmp_path):
    plan = dataclasses.replace(NNUNET, features=(5, 7, 9, 9))
    text = refused(tmp_path, nnunet_checkpoint(nnunet()), plan, "0 that fit", allow_missing=True)
    assert "--allow_missing_weights" not in text


@pytest.mark.parametrize(
    ("state", "plan", "words"),
    [
        (resnet_weights(), NNUNET, ["a residual_encoder, as planned", "--preset paper"]),
        (
            nnunet().encoder.state_dict(),
            RESNET,
            ["a resnet18, as planned", "--preset resenc_l", "features to"],
        ),
    ],
    ids=["resnet", "residual"],
)
def test_another_kind_of_network_is_refused_with_its_preset(tmp_path, state, plan, words):
    text = refused(tmp_path, state, plan, "another kind of network", allow_missing=True)
    assert all(word in text for word in words)


def test_a_plain_unet_is_refused(tmp_path):
    plain = PlainConvUNet(
        1, 2, (4, 8), nn.Conv3d, 3, (1, 2), 1, 2, 1, True, nn.InstanceNorm3d, {"affine": True}
    )
    state = {"network_weights": plain.state_dict()}
    assert "nnUNetResEncUNetLPlans" in refused(tmp_path, state, NNUNET, "plain convolutional")


def test_a_flat_network_is_refused(tmp_path):
    flat = {name: v[..., 0] if v.ndim == 5 else v for name, v in resnet_weights().items()}
    assert "conv1.weight of shape (4, 1, 7, 7)" in refused(tmp_path, flat, RESNET, "two-dimens")


def test_a_deep_resnet_is_refused(tmp_path):
    weights = {**resnet_weights(), "layer1.0.conv3.weight": torch.zeros(16, 4, 1, 1, 1)}
    refused(tmp_path, weights, RESNET, "bottleneck")


def test_two_encoders_are_refused(tmp_path):
    teacher, student = (nnunet(seed=seed).encoder.state_dict() for seed in (1, 2))
    both = {**{f"module.{k}": v for k, v in teacher.items()}, **student}
    refused(tmp_path, both, NNUNET, "two encoders")


def test_files_without_a_known_network_are_refused(tmp_path):
    refused(tmp_path, {"eva.blocks.0.attn.qkv.weight": torch.zeros(3, 3)}, NNUNET, "not known")
    refused(tmp_path, {"epoch": 3, "state_dict": {}}, NNUNET, "holds no weights")


def test_half_precision_becomes_single(tmp_path):
    weights = {name: v.half() for name, v in nnunet().encoder.state_dict().items()}
    network, _ = load(tmp_path, weights, NNUNET)
    for name, value in network.encoder.named_parameters():
        assert value.dtype == torch.float32
        assert torch.equal(value, weights[name].float())


def test_own_plan_in_the_checkpoint_tells_what_would_fit(tmp_path):
    plan = '{"preset": "auto", "input_size": [16, 16, 16], "network": {"strides": [[1, 1, 1]]}}'
    own = build_network(NNUNET, 1, 2)
    state = {"inference_weights": own.state_dict(), "plan": plan}
    text = refused(tmp_path, state, RESNET, "another kind")
    assert "the preset auto with an input of [16, 16, 16] voxels" in text
    _, report = load(tmp_path, state, NNUNET)
    assert [note.split(":")[0] for note in report.notes] == ["nonlinearity", "strides"]
