"""Tables 1 to 4: areas under the evaluation curves, over those of one row.

A run's score is 100 times its area over the IQM of the base row's areas in the same column, over
the env steps that all runs of the column were evaluated at."""

from __future__ import annotations

import math
import typing

from pmoe.paper import plot, statistics
from pmoe.paper.cells import Cell, Gathered
from pmoe.paper.items import Item, Line
from pmoe.paper.page import Rows, grid, interval_text, number, ours_text

COLUMNS = ("row", "column", "seeds", "iqm", "low", "high", "p", "p_low", "p_high", "mean_return",
           "paper")
ALL = "all"
WHAT = ("A score is a run's area under its evaluation curve (trapezoid over env steps) over the "
        "IQM of {base}'s areas, in per cent. Ours: IQM over seeds, in brackets the 95 % percentile "
        "interval of a stratified bootstrap over seeds (5,000 draws; none for one seed), the "
        "number of seeds, and P, the probability that a run of the row scores above one of {base}; "
        "“all” is over the tasks that a row and {base} both have, drawn anew within each task.")


def numbers(gathered: Gathered) -> Rows:
    item, base = gathered.item, gathered.edition.base
    areas = {(cell.row.name, cell.column.name): scores
             for column in item.columns for cell, scores in _areas(gathered, column)}
    rows: Rows = []
    for row in item.rows:
        by_task: list[tuple[list[float], list[float]]] = []
        for column in item.columns:
            mine = areas.get((row.name, column.name), [])
            below = areas.get((base, column.name), [])
            if not mine:
                continue
            rows.append(_row(row, column, mine, below, item.paper(row, column, base)))
            middle = statistics.iqm(below) if below else 0.0
            if middle > 0:
                by_task.append(([100 * x / middle for x in mine],
                                [100 * x / middle for x in below]))
        if len(by_task) > 1:
            rows.append(_over_tasks(item, row, by_task, base))
    return rows


def _areas(gathered: Gathered, column: Line) -> typing.Iterator[tuple[Cell, list[float]]]:
    """Mean returns over the env steps that all runs of the column have."""
    cells = [cell for cell in gathered.cells if cell.column is column and cell.runs]
    runs = [run for cell in cells for run in cell.runs]
    if not runs:
        return
    first = max(run.steps[0] for run in runs)
    last = min(min(run.steps[-1] for run in runs), *(cell.steps for cell in cells))
    if first >= last:
        gathered.say(f"{column.name}: the runs have no two env steps in common at which they were "
                     "evaluated; left out")
        return
    for cell in cells:
        yield cell, [statistics.area(list(run.steps), list(run.returns), first, last) /
                     (last - first) for run in cell.runs]


def _row(row: Line, column: Line, mine: list[float], below: list[float], paper: float
         ) -> dict[str, typing.Any]:
    middle = statistics.iqm(below) if below else math.nan
    fields: dict[str, typing.Any] = {
        "row": row.name, "column": column.name, "seeds": len(mine),
        **dict.fromkeys(("iqm", "low", "high", "p", "p_low", "p_high"), math.nan)}
    if middle > 0:
        scores = [100 * x / middle for x in mine]
        fields.update(_stats([scores], [[100 * x / middle for x in below]]))
    fields["mean_return"] = statistics.iqm(mine)
    fields["paper"] = paper
    return fields


def _over_tasks(item: Item, row: Line, by_task: list[tuple[list[float], list[float]]], base: str
                ) -> dict[str, typing.Any]:
    papers = [item.paper(row, column, base) for column in item.columns]
    mean = sum(papers) / len(papers) if papers and len(by_task) == len(papers) else math.nan
    return {"row": row.name, "column": ALL, "seeds": sum(len(mine) for mine, _ in by_task),
            "tasks": len(by_task), "paper": mean,
            **_stats([mine for mine, _ in by_task], [below for _, below in by_task])}


def _stats(mine: list[list[float]], below: list[list[float]]) -> dict[str, typing.Any]:
    low, high = statistics.iqm_interval(mine) or (math.nan, math.nan)
    less, more = statistics.improvement_interval(mine, below) or (math.nan, math.nan)
    return {"iqm": statistics.iqm([score for scores in mine for score in scores]),
            "low": low, "high": high, "p": statistics.improvement(mine, below),
            "p_low": less, "p_high": more}


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    names = [column.name for column in gathered.item.columns]
    if any(row["column"] == ALL for row in rows):
        names.append(ALL)
    return grid(gathered.item.rows, names, rows,
                lambda line, at, row: _cell_text(gathered, line, names[at], row))


def _cell_text(gathered: Gathered, line: Line, name: str, row: dict[str, typing.Any] | None) -> str:
    item, base = gathered.item, gathered.edition.base
    column = next((column for column in item.columns if column.name == name), None)
    paper = item.paper(line, column, base) if column else (row or {}).get("paper", math.nan)
    said = "not in the paper" if column else ""
    if not math.isnan(paper):
        said = f"paper {number(paper)} %" if column else f"paper's mean {number(paper)} %"
    if row is None:
        planned = column is not None and bool(gathered.of(line, column).plan)
        return f"{'no run' if planned else '–'}\n{said}" if column else "–"
    if math.isnan(row["iqm"]):
        return (f"no ratio: {base} has no area above 0; mean return "
                f"{number(row['mean_return'])}, seeds: {row['seeds']:.0f}\n{said}")
    text = ours_text(row, " %")
    if not math.isnan(row["p"]) and line.name != base:
        text += f", P {row['p']:.2f}{interval_text(row['p_low'], row['p_high'], '.2f')}"
    return f"{text}\n{said}".rstrip()


def notes(gathered: Gathered) -> list[str]:
    return [WHAT.format(base=gathered.edition.base)]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    item = gathered.item
    shown = [row for row in rows if not math.isnan(row["iqm"])]
    names = list(dict.fromkeys(row["column"] for row in shown)) or [item.columns[0].name]
    high = 1.1 + 0.32 * len(item.rows)
    figure, axes = plot.panels(len(names), across=4, wide=3.4, high=high)
    places = {row.name: place for place, row in enumerate(item.rows)}
    for index, (name, axis) in enumerate(zip(names, axes)):
        for row in (row for row in shown if row["column"] == name):
            place = places[row["row"]]
            if not math.isnan(row["low"]):
                axis.plot([row["low"], row["high"]], [place, place], color=f"C{place}",
                          linewidth=2.6, solid_capstyle="butt")
            axis.plot([row["iqm"]], [place], "o", color=f"C{place}",
                      label="ours: IQM, 95 % interval" if place == 0 else None)
            if not math.isnan(row["paper"]):
                axis.plot([row["paper"]], [place], "D", color="0.25", fillstyle="none",
                          markersize=7, label="paper" if place == 0 else None)
        axis.axvline(100, color="0.6", linewidth=0.8)
        axis.set_yticks(range(len(places)), list(places) if index % 4 == 0 else [""] * len(places))
        axis.set_ylim(len(places) - 0.5, -0.5)
        axis.set_title(name if name != ALL else "all tasks", fontsize=10)
        axis.grid(axis="x", alpha=0.25)
    figure.suptitle(f"area under the curve, in % of that of {gathered.edition.base}", fontsize=10)
    plot.legend(figure, axes)
    return plot.png(figure)
