"""Table 5 and others: trained policies play on, each column in its own way: with noise on what they
see, or with another who acts."""

from __future__ import annotations

import hashlib
import json
import math
import os
import typing

from pmoe.paper import page, plot, statistics
from pmoe.paper.cells import Gathered
from pmoe.paper.items import Line
from pmoe.paper.library import Found
from pmoe.paper.page import Rows, grid, interval_text, number, ours_text
from pmoe.run import Run

COLUMNS = ("row", "column", "seeds", "iqm", "low", "high", "spread", "p", "p_low", "p_high")
WHAT = ("Each run's last policy plays {episodes} episodes of each column: {flags}. A run's score "
        "is its mean return. Ours: IQM over seeds, in brackets the 95 % percentile interval of a "
        "bootstrap over seeds (none for one seed), after ± the standard deviation of one seed's "
        "episodes (mean over seeds).")
BASE = "P is the probability that a run of the row scores above one of {base}."
PAPER = "The paper gives the mean and ± the standard deviation over 100 rounds."


def numbers(gathered: Gathered) -> Rows:
    item, edition = gathered.item, gathered.edition
    scores: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in item.rows:
        for column in item.columns:
            runs = [run for run in gathered.of(row, column).runs if run.has_policy]
            for number_of, run in enumerate(runs, start=1):
                gathered.say(f"{row.name}, {column.name}: {number_of} of {len(runs)} policies, "
                             f"{edition.episodes} episodes each")
                scores.setdefault((row.name, column.name), []).append(
                    _play(gathered, run, column))
    rows: Rows = []
    for (row_name, column_name), played in scores.items():
        means = [mean for mean, _ in played]
        below = [mean for mean, _ in scores.get((edition.base, column_name), [])]
        low, high = statistics.iqm_interval([means]) or (math.nan, math.nan)
        less, more = statistics.improvement_interval([means], [below]) or (math.nan, math.nan)
        rows.append({
            "row": row_name, "column": column_name, "seeds": len(means),
            "iqm": statistics.iqm(means), "low": low, "high": high,
            "spread": sum(std for _, std in played) / len(played),
            "p": statistics.improvement([means], [below]) if below else math.nan,
            "p_low": less, "p_high": more, "episodes": edition.episodes})
    return rows


def _play(gathered: Gathered, run: Found, column: Line) -> tuple[float, float]:
    """(mean, standard deviation); what was played is kept, so that a stopped call goes on."""
    policy = os.stat(run.place / "snapshots/latest.pmoe")
    key = (f"{run.place.resolve()} {policy.st_mtime_ns} {gathered.edition.episodes} "
           f"{column.primitives} {column.action} {column.noise}")
    file = gathered.work / f"played-{hashlib.sha256(key.encode()).hexdigest()[:20]}.json"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return float(kept["mean"]), float(kept["std"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not played yet, or a file that was cut off
    played = Run(run.place).evaluate(
        gathered.edition.episodes, primitive=column.primitives, action=column.action,
        obs_noise=column.noise, threads=os.cpu_count() or 1)
    file.parent.mkdir(parents=True, exist_ok=True)
    page.write_whole(file, json.dumps({"mean": played.return_mean, "std": played.return_std,
                                       "what": key}).encode())
    return played.return_mean, played.return_std


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    def text(line: Line, at: int, row: dict[str, typing.Any] | None) -> str:
        ours = _ours(gathered, line, row)
        if at < len(line.paper):
            return f"{ours}\npaper {number(line.paper[at])} ± {number(line.spread[at])}"
        return f"{ours}\nnot in the paper" if _of_the_paper(gathered) else ours
    return grid(gathered.item.rows, [column.name for column in gathered.item.columns], rows, text)


def _ours(gathered: Gathered, line: Line, row: dict[str, typing.Any] | None) -> str:
    if row is None:
        planned = any(gathered.of(line, column).plan for column in gathered.item.columns)
        return "no run" if planned else "–"
    text = f"{ours_text(row)}, ± {number(row['spread'])}"
    if not math.isnan(row["p"]) and line.name != gathered.edition.base:
        text += f", P {row['p']:.2f}{interval_text(row['p_low'], row['p_high'], '.2f')}"
    return text


def _of_the_paper(gathered: Gathered) -> bool:
    return any(line.paper for line in gathered.item.rows)


def notes(gathered: Gathered) -> list[str]:
    flags = "; ".join(f"{column.name}: `pmoe eval {_flags(column)}`"
                      for column in gathered.item.columns)
    said = [WHAT.format(episodes=gathered.edition.episodes, flags=flags)]
    said += [BASE.format(base=gathered.edition.base)] if gathered.edition.base else []
    return [" ".join(said + ([PAPER] if _of_the_paper(gathered) else []))]


def _flags(column: Line) -> str:
    return (f"--primitive {column.primitives} --action {column.action} "
            f"--obs-noise {column.noise:g}")


def draw(gathered: Gathered, rows: Rows) -> bytes:
    item = gathered.item
    figure, axes = plot.panels(len(item.columns), wide=3.8, high=1.2 + 0.36 * len(item.rows))
    places = {row.name: place for place, row in enumerate(item.rows)}
    for index, (column, axis) in enumerate(zip(item.columns, axes)):
        for row in (row for row in rows if row["column"] == column.name):
            place = places[row["row"]]
            if not math.isnan(row["low"]):
                axis.plot([row["low"], row["high"]], [place, place], color=f"C{place}",
                          linewidth=2.6, solid_capstyle="butt")
            axis.plot([row["iqm"]], [place], "o", color=f"C{place}")
        for line in item.rows:
            if index < len(line.paper):
                axis.errorbar([line.paper[index]], [places[line.name] + 0.22],
                              xerr=[line.spread[index]], fmt="D", color="0.35", fillstyle="none",
                              markersize=5, linewidth=0.8, capsize=2)
        axis.plot([], [], "o", color="0.2", label="ours: IQM, 95 % interval")
        if _of_the_paper(gathered):
            axis.plot([], [], "D", color="0.35", fillstyle="none", label="paper: mean ± deviation")
        axis.set_yticks(range(len(places)), list(places) if index == 0 else [""] * len(places))
        axis.set_ylim(len(places) - 0.5, -0.5)
        axis.set_title(column.name, fontsize=10)
        axis.grid(axis="x", alpha=0.25)
    figure.suptitle(item.title, fontsize=10)
    plot.legend(figure, axes)
    return plot.png(figure)
