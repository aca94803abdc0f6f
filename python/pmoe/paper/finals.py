"""Last returns against a public band: whether our base algorithm is that of others."""

from __future__ import annotations

import math
import typing

from pmoe.paper import plot, statistics
from pmoe.paper.cells import Gathered
from pmoe.paper.items import Line
from pmoe.paper.page import Rows, grid, number, ours_text

COLUMNS = ("row", "column", "seeds", "iqm", "low", "high")
WHAT = ("Ours: IQM over seeds of the last evaluation's mean return, in brackets the 95 % interval "
        "(none for one seed). The band is that of public implementations with the same settings on "
        "versions 3 of the tasks (Spinning Up's curves, Tianshou's results); ours are versions 5.")


def numbers(gathered: Gathered) -> Rows:
    rows: Rows = []
    for cell in gathered.cells:
        last = [_at(run.steps, run.returns, cell.steps) for run in cell.runs] if cell.plan else []
        if last:
            low, high = statistics.iqm_interval([last]) or (math.nan, math.nan)
            rows.append({"row": cell.row.name, "column": cell.column.name, "seeds": len(last),
                         "env_steps": cell.steps, "iqm": statistics.iqm(last), "low": low,
                         "high": high, "least": min(last), "most": max(last),
                         "band_low": cell.column.low, "band_high": cell.column.high})
    return rows


def _at(steps: tuple[int, ...], returns: tuple[float, ...], at: float) -> float:
    """Of the last evaluation by then; a longer run is cut there."""
    by_then = [value for step, value in zip(steps, returns) if step <= at * 1.01]
    return by_then[-1] if by_then else returns[0]


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    item = gathered.item

    def text(_: Line, at: int, row: dict[str, typing.Any] | None) -> str:
        column, ours = item.columns[at], "no run"
        if row:
            inside = column.low <= row["iqm"] <= column.high
            place = "within" if inside else "below" if row["iqm"] < column.low else "above"
            ours = f"{ours_text(row)}: {place}"
        return f"{ours}\nband {number(column.low)} to {number(column.high)}"
    return grid(item.rows, [column.name for column in item.columns], rows, text)


def notes(_: Gathered) -> list[str]:
    return [WHAT]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    item = gathered.item
    figure, axes = plot.panels(len(item.columns), wide=3.2, high=3.4)
    for column, axis in zip(item.columns, axes):
        axis.axhspan(column.low, column.high, color="0.85", label="public band")
        for place, line in enumerate(item.rows):
            for row in rows:
                if (row["row"], row["column"]) != (line.name, column.name):
                    continue
                if not math.isnan(row["low"]):
                    axis.plot([place, place], [row["low"], row["high"]], color=f"C{place}",
                              linewidth=2.6)
                axis.plot([place], [row["iqm"]], "o", color=f"C{place}",
                          label="ours: IQM, 95 % interval" if place == 0 else None)
        axis.set_xticks(range(len(item.rows)), [line.name for line in item.rows])
        axis.set_xlim(-0.6, len(item.rows) - 0.4)
        axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
        axis.set_title(column.name, fontsize=10)
        axis.grid(axis="y", alpha=0.25)
    figure.supylabel("last evaluation return", fontsize=10)
    plot.legend(figure, axes)
    return plot.png(figure)
