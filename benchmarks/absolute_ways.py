"""Ways to let a network read absolute values, compared on cohorts made for it.

    python -m benchmarks.absolute_ways --write documentation/benchmarks.md

The residual encoder of the preset `small` on 16 x 16 x 16 voxels, 150 updates of 4 fresh cases
each, then 100 new cases. The tasks: 60 against 40.05 Gy (dose alone, and beside two channels of
noise), 60 against 54 Gy, and a lesion that lies in the higher or in the lower of two plateaus.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import nn

from benchmarks import page
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.network.levels import Bands
from ricenet_v2.planning.networks import small_residual_encoder
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.plan_parts import Levels, Norm

SECTION, SIDE, BATCH, UPDATES, N_TEST = "absolute_ways", 16, 4, 150, 100
DIVISOR = 65.0
GROUP, FIXED_AFTER = 4, 16
ACCUMULATED = "batch norm, each batch in two steps"
PLAN = small_residual_encoder(topology((SIDE,) * 3, (10.0,) * 3, 6))
LEVELS = tuple(gy / DIVISOR for gy in (0, 10, 20, 30, 40, 50, 60))

Floats = NDArray[np.float64]
_PLACES = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), axis=-1)
_MIDDLE = (SIDE - 1) / 2


def _blob(centre: Floats, radius: float, edge: float) -> Floats:
    away = np.linalg.norm(_PLACES - centre, axis=-1)
    inside: Floats = 1 / (1 + np.exp((away - radius) / edge))
    return inside


def _noise(random: np.random.Generator) -> Floats:
    return random.normal(size=(SIDE,) * 3)


def _plateau(random: np.random.Generator, height: float) -> Floats:
    centre = _MIDDLE + random.uniform(-1.5, 1.5, 3)
    return height / DIVISOR * _blob(centre, random.uniform(2.5, 4), 0.8)


def _alone(random: np.random.Generator, label: int) -> list[Floats]:
    return [_plateau(random, 60 if label else 40.05)]


def _close(random: np.random.Generator, label: int) -> list[Floats]:
    return [_plateau(random, 60 if label else 54)]


def _beside(random: np.random.Generator, label: int) -> list[Floats]:
    return [_noise(random), _noise(random), *_alone(random, label)]


def _lesion(random: np.random.Generator, label: int) -> list[Floats]:
    away = np.array([0.0, 3.5, 3.5])
    places = [_MIDDLE + sign * away + random.uniform(-1, 1, 3) for sign in (-1, 1)]
    if random.random() < 0.5:
        places.reverse()
    high, low = places
    dose = np.maximum(60 * _blob(high, 3.2, 0.6), 45 * _blob(low, 3.2, 0.6)) / DIVISOR
    scan = _noise(random) + 2.5 * _blob(high if label else low, 1.6, 0.4)
    return [scan, _noise(random), dose]


Task = Callable[[np.random.Generator, int], list[Floats]]
TASKS: dict[str, tuple[Task, int]] = {
    "60 / 40.05 Gy, dose alone": (_alone, 1),
    "60 / 54 Gy, dose alone": (_close, 1),
    "60 / 40.05 Gy, two more channels": (_beside, 3),
    "lesion in 60 or 45 Gy": (_lesion, 3),
}


class Ramps(Bands):
    """Instead of bands the share of each step between two levels, which stays 1 above it."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, Z, Y, X) to (B, channels + levels, Z, Y, X)."""
        low, rise, _, _ = self.edges.view(4, -1, 1, 1, 1)
        rising = (images[:, self.source] - low) * rise
        return torch.cat([images, rising.clamp(0, 1)], dim=1)


class FirstStatistics(nn.BatchNorm3d):
    """Batch norm whose statistics are those of the first 16 batches, and then fixed."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        assert self.num_batches_tracked is not None
        if self.training and self.num_batches_tracked >= FIXED_AFTER:
            self.eval()
        return super().forward(images)

    def train(self, mode: bool = True) -> FirstStatistics:
        """Once fixed, always fixed."""
        assert self.num_batches_tracked is not None
        return super().train(mode and bool(self.num_batches_tracked < FIXED_AFTER))


class Volumes(nn.Module):
    """A network whose head also gets the mean of each ramp: the dose-volume histogram."""

    def __init__(self, network: Classifier, levels: Levels) -> None:
        """Widen the head."""
        super().__init__()
        self.network, self.ramps = network, Ramps(levels)
        n_features, n_classes = network.head.in_features, network.head.out_features
        self.head = nn.Linear(n_features + self.ramps.n_bands, n_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes)."""
        pooled = self.network.dropout(self.network.pooled(images))
        shares = self.ramps(images)[:, images.shape[1] :].mean(dim=(2, 3, 4))
        logits: torch.Tensor = self.head(torch.cat([pooled, 20 * shares], dim=1))
        return logits


Norms = Callable[[nn.InstanceNorm3d], nn.Module]


def _replaced(module: nn.Module, by: Norms) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.InstanceNorm3d):
            setattr(module, name, by(child))
        else:
            _replaced(child, by)


def _grouped(norm: nn.InstanceNorm3d) -> nn.Module:
    return nn.GroupNorm(GROUP, norm.num_features)


def _one_group(norm: nn.InstanceNorm3d) -> nn.Module:
    return nn.GroupNorm(1, norm.num_features)


def _fixed(norm: nn.InstanceNorm3d) -> nn.Module:
    return FirstStatistics(norm.num_features)


def _none(_norm: nn.InstanceNorm3d) -> nn.Module:
    return nn.Identity()


def _plain(
    n_channels: int, norm: Norm = "instance", levels: Levels = (), *, conv_bias: bool = False
) -> Classifier:
    plan = dataclasses.replace(PLAN, norm=norm, levels=levels, conv_bias=conv_bias)
    return build_network(plan, n_channels, 2, (SIDE,) * 3)


def _levels(n_channels: int) -> Levels:
    return (*((),) * (n_channels - 1), LEVELS)


def _ramps(n_channels: int) -> nn.Module:
    network = _plain(n_channels, levels=_levels(n_channels))
    network.bands = Ramps(_levels(n_channels))
    return network


def _changed(
    n_channels: int, norms: Norms | None, first: int, first_norm: Norms = _none
) -> nn.Module:
    """Other norms, and again others in the stem (1) or in stem and first stage (2)."""
    network = _plain(n_channels, conv_bias=True)
    encoder = network.encoder
    parts = [encoder.get_submodule("stem"), encoder.get_submodule("stages.0")]
    for part in parts[:first]:
        _replaced(part, first_norm)
    if norms is not None:
        _replaced(network, norms)
    return network


WAYS: dict[str, Callable[[int], nn.Module]] = {
    "instance norm": _plain,
    "batch norm": lambda n: _plain(n, norm="batch"),
    "instance norm, bands as channels (this project)": lambda n: _plain(n, levels=_levels(n)),
    "batch norm, bands as channels": lambda n: _plain(n, norm="batch", levels=_levels(n)),
    "instance norm, ramps as channels": _ramps,
    "instance norm, dose-volume histogram at the head": lambda n: Volumes(_plain(n), _levels(n)),
    ACCUMULATED: lambda n: _plain(n, norm="batch"),
    "instance norm, statistics of the first batches in the stem": lambda n: _changed(
        n, None, 1, _fixed
    ),
    "instance norm, none in the stem": lambda n: _changed(n, None, 1),
    "instance norm, none in stem and first stage": lambda n: _changed(n, None, 2),
    f"group norm ({GROUP} groups)": lambda n: _changed(n, _grouped, 0),
    f"group norm ({GROUP} groups), none in the stem": lambda n: _changed(n, _grouped, 1),
    "group norm (one group)": lambda n: _changed(n, _one_group, 0),
}


def auroc(way: str, task: str, seed: int) -> float:
    """AUROC of 100 new cases after 150 updates."""
    draw, n_channels = TASKS[task]
    random = np.random.default_rng(100 + seed)

    def batch(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = random.integers(0, 2, n)
        images = np.array([draw(random, int(label)) for label in labels])
        return torch.tensor(images, dtype=torch.float32), torch.tensor(labels)

    images, labels = batch(N_TEST)
    torch.manual_seed(seed)
    network = WAYS[way](n_channels)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    for update in range(UPDATES):
        rate = min(1, (update + 1) / 20) * 0.5 * (1 + math.cos(math.pi * update / UPDATES))
        optimiser.param_groups[0]["lr"] = 1e-3 * rate
        seen, truth = batch(BATCH)
        optimiser.zero_grad()
        parts = 2 if way == ACCUMULATED else 1
        network.train()
        for part, classes in zip(seen.chunk(parts), truth.chunk(parts), strict=True):
            loss = nn.functional.cross_entropy(network(part), classes, label_smoothing=0.05) / parts
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
    network.eval()
    with torch.inference_mode():
        scores = torch.cat([network(part).softmax(dim=1)[:, 1] for part in torch.split(images, 20)])
    return float(roc_auc_score(labels, scores))


def main() -> None:
    """Compare all ways on all tasks and, on request, write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now
        page.rewrite(chosen.write.read_text(encoding="utf-8"), SECTION, "")
    rows = []
    for way in WAYS:
        values = [[auroc(way, task, seed) for seed in chosen.seeds] for task in TASKS]
        cells = [f"{statistics.fmean(each):.3f} ({min(each):.3f})" for each in values]
        rows.append((way, *cells))
        print(*rows[-1], sep=" | ", flush=True)
    text = "\n".join(
        [
            f"AUROC, mean (least) of {len(chosen.seeds)} seeds; batches of {BATCH}, {UPDATES} "
            f"updates, {N_TEST} new cases; {page.machine('torch')}.",
            "",
            page.table(("network", *TASKS), rows),
        ]
    )
    print(text)
    if chosen.write:
        page.write(chosen.write, SECTION, text)


if __name__ == "__main__":
    main()
