"""Plots as files that are equal byte by byte when what they show is equal: no display, no dates, no user's style."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#332288")
"""Colours that remain distinct for colour-blind readers (after Okabe and Ito)."""
_STYLE: dict[str, Any] = {
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "font.size": 9,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "savefig.dpi": 110,
}


@contextmanager
def drawn(
    folder: Path, name: str, width: float = 7.0, height: float = 4.2, rows: int = 1, columns: int = 1
) -> Iterator[Any]:
    """Axes (an array of them where `rows` or `columns` is above 1) whose picture is saved as `folder`/`name`.png.

    Width and height in inches at 110 dots each. Nothing is saved when the body raises: half a picture would pass for
    a whole one.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        matplotlib.rcParams["axes.prop_cycle"] = cycler(color=COLOURS)
        canvas = Canvas(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(canvas)
        yield canvas.subplots(rows, columns)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / (name if name.endswith(".png") else f"{name}.png")
        canvas.savefig(target, format="png", metadata={"Software": None})
