"""What all pictures share. Needs matplotlib; no screen."""

from __future__ import annotations

import io
import math
import sys
import typing

from pmoe.errors import Error

DPI = 120
INCHES_A_LABEL = 1.8  # in a legend


def need(module: str, package: str, why: str) -> None:
    """Raises Error: this Python lacks it."""
    try:
        __import__(module)
    except ImportError:
        raise Error(f"{why} needs {package}, which {sys.executable} has not: {sys.executable} -m "
                    "pip install numpy matplotlib scikit-learn, or PMOE_PYTHON=/path/to/a/python3 "
                    "that has them") from None


def pyplot() -> typing.Any:
    import matplotlib
    matplotlib.use("Agg")  # before pyplot, which would look for a screen
    from matplotlib import pyplot as module
    module.rcParams["axes.formatter.use_locale"] = False
    return module


def panels(number: int, across: int = 3, wide: float = 4.2, high: float = 3.4) -> typing.Any:
    """(figure, [axes]): so many, in rows; what is left of the last row is empty."""
    columns = min(across, max(number, 1))
    wide = max(wide, 6.4 / columns)  # room for the legend
    rows = math.ceil(max(number, 1) / columns)
    figure, axes = pyplot().subplots(rows, columns, squeeze=False, layout="constrained",
                                     figsize=(wide * columns, high * rows + 0.4))
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    flat = list(axes.flat)
    for axis in flat[number:]:
        axis.set_axis_off()
    return figure, flat[:number]


def legend(figure: typing.Any, axes: typing.Any, columns: int = 6) -> None:
    """One for all panels, below them."""
    handles = {label: handle for axis in axes
               for handle, label in zip(*axis.get_legend_handles_labels())}
    columns = min(columns, int(figure.get_figwidth() / INCHES_A_LABEL))
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside lower center",
                      ncols=min(columns, len(handles)), frameon=False, fontsize=9)


def png(figure: typing.Any) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    pyplot().close(figure)
    return data.getvalue()
