"""Foreign networks and files for the tests of pretrained weights."""

from __future__ import annotations

import dataclasses
import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from torch import nn
from torch.nn import functional

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.pretrained import load_pretrained
from ricenet_v2.records.plan_parts import NetworkPlan
from tests.network.plans import PAPER

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
RESNET = dataclasses.replace(PAPER, features=(4, 6, 8, 10))


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


def load(folder, state, plan, n_channels=1, **options):
    """A network of this plan that took this state, and the report."""
    file = folder / "weights.pth"
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


def refused(folder, state, plan, match, **options):
    with pytest.raises(CheckpointError, match=match) as caught:
        load(folder, state, plan, **options)
    return str(caught.value)


@pytest.fixture
def foreign(tmp_path):
    """The makers above; `load` and `refused` write their file to the test's own folder."""
    return SimpleNamespace(
        NNUNET=NNUNET,
        RESNET=RESNET,
        random_like=random_like,
        nnunet=nnunet,
        nnunet_checkpoint=nnunet_checkpoint,
        resnet_weights=resnet_weights,
        resnet_forward=resnet_forward,
        images=images,
        features=features,
        assert_close=assert_close,
        load=functools.partial(load, tmp_path),
        refused=functools.partial(refused, tmp_path),
    )
