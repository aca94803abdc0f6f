"""Figs 1, 2, 6 and 7, and others: evaluation return, or what a column names, over env steps; the
IQM over seeds and its interval."""

from __future__ import annotations

import math
import typing

from pmoe.metrics import RETURN
from pmoe.paper import plot, statistics
from pmoe.paper.cells import Cell, Gathered
from pmoe.paper.items import Line
from pmoe.paper.library import label
from pmoe.paper.page import Rows, grid, ours_text

COLUMNS = ("column", "row", "seeds", "env_steps", "iqm", "low", "high")
WHAT = ("Lines: IQM over seeds at the env steps that all seeds of a row were evaluated at; shaded: "
        "the 95 % percentile interval of a bootstrap over seeds (none for one seed). The table "
        "has the last of these evaluations.")
AREAS = "The paper prints no numbers here; its areas are in the table that belongs to this figure."


def numbers(gathered: Gathered) -> Rows:
    return [row for cell in gathered.cells if cell.runs for row in _points(cell)]


def _points(cell: Cell) -> typing.Iterator[dict[str, typing.Any]]:
    metric = cell.column.metric
    by_run = [{at: value for at, value in zip(run.steps, run.values(metric))
               if not math.isnan(value)} for run in cell.runs]
    common = sorted(set.intersection(*(set(points) for points in by_run)))
    for at in (at for at in common if at <= cell.steps * 1.02):
        values = [points[at] for points in by_run]
        low, high = statistics.iqm_interval([values]) or (math.nan, math.nan)
        yield {"column": cell.column.name, "row": cell.row.name, "seeds": len(values),
               "env_steps": at, "iqm": statistics.iqm(values), "low": low, "high": high}


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    item = gathered.item

    def text(line: Line, at: int, row: dict[str, typing.Any] | None) -> str:
        if row:
            return f"{ours_text(row)}, at {row['env_steps']:,.0f}"
        return "no run" if gathered.of(line, item.columns[at]).plan else "–"
    return grid(item.rows, [column.name for column in item.columns], rows, text,
                "return" if {column.metric for column in item.columns} == {RETURN} else "")


def notes(gathered: Gathered) -> list[str]:
    return [f"{WHAT} {AREAS}" if gathered.item.paper_text else WHAT]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    from matplotlib import ticker
    item = gathered.item
    names = list(dict.fromkeys(row["column"] for row in rows))
    colours = {row.name: f"C{index}" for index, row in enumerate(item.rows)}
    figure, axes = plot.panels(len(names))
    for name, axis in zip(names, axes):
        for row in item.rows:
            points = [p for p in rows if p["column"] == name and p["row"] == row.name]
            steps = [p["env_steps"] for p in points]
            axis.plot(steps, [p["iqm"] for p in points], color=colours[row.name], linewidth=1.8,
                      label=row.name if points else None)
            axis.fill_between(steps, [p["low"] for p in points], [p["high"] for p in points],
                              color=colours[row.name], alpha=0.18, linewidth=0)
        column = next(each for each in item.columns if each.name == name)
        axis.set(title=name, xlabel="env steps", ylabel=label(column.metric))
        axis.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
        axis.grid(alpha=0.25)
    plot.legend(figure, axes)
    return plot.png(figure)
