"""A contact sheet of augmented samples, to be checked before a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ricenet_v2.core.files import replacing
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw_named
from ricenet_v2.training.reader import CaseReader

N_CASES, N_DRAWS = 3, 6


def draw_preview(
    reader: CaseReader, case_ids: Sequence[str], plan: Plan, seed: int, path: Path
) -> None:
    """A row per case and channel: the original and six draws, middle axial slice.

    All draws of a channel share the grey scale of their original. Channels that are missing or
    dropped are blank.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = list(case_ids)[:N_CASES]
    n_rows = len(chosen) * len(plan.channels)
    figure = Figure(figsize=(1.6 * (N_DRAWS + 1), 1.7 * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, N_DRAWS + 1, squeeze=False)
    for i, case in enumerate(chosen):
        original = torch.from_numpy(reader(case))
        changes = [draw_named(plan, seed, case, n) for n in range(N_DRAWS)]
        draws = [original, *(augment(original[None], [change], plan)[0] for change in changes)]
        middle = original.shape[1] // 2
        for c, channel in enumerate(plan.channels):
            is_missing = bool(original[c].isnan().any())
            low, high = (
                (0.0, 1.0) if is_missing else (float(original[c].min()), float(original[c].max()))
            )
            for n, images in enumerate(draws):
                panel = axes[i * len(plan.channels) + c][n]
                panel.imshow(images[c, middle].numpy(), cmap="gray", vmin=low, vmax=high)
                panel.set_xticks([])
                panel.set_yticks([])
                if n == 0:
                    panel.set_ylabel(f"{case}\n{channel.name}", fontsize=7)
                if i == 0 and c == 0:
                    panel.set_title("original" if n == 0 else f"draw {n}", fontsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100)
