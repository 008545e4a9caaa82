"""The picture of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.files import replacing
from ricenet_v2.records.run import EpochRow

_INK, _BLUE, _ORANGE = "#333333", "#1f6fb4", "#d9730d"


def draw_progress(rows: Sequence[EpochRow], path: Path, title: str) -> None:
    """Loss, metric, learning rate, epoch time and share of waiting, one panel each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 11), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(5, 1, sharex=True)
    lines = (
        (0, "train_loss", "training", _BLUE),
        (0, "validation_loss", "validation", _ORANGE),
        (1, "validation_macro_f1", "macro F1", _BLUE),
        (1, "validation_macro_f1_ema", "moving average", _ORANGE),
        (2, "learning_rate", "learning rate", _INK),
        (3, "seconds", "seconds per epoch", _INK),
        (4, "waiting", "share of time waiting for data", _INK),
    )
    epochs = [row.epoch + 1 for row in rows]
    for panel, field, label, colour in lines:
        values = [getattr(row, field) for row in rows]
        marker = "." if len(rows) < 60 else ""
        panels[panel].plot(epochs, values, label=label, color=colour, marker=marker)
    for panel, name in zip(panels, ("loss", "macro F1", "rate", "seconds", "share"), strict=True):
        panel.set_ylabel(name)
        panel.grid(alpha=0.25)
        panel.legend(loc="best", frameon=False)
    panels[1].set_ylim(-0.02, 1.02)
    panels[4].set_ylim(-0.02, 1.02)
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100)
