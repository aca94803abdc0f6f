"""Fig 5: where a training goes in its first 10,000 steps, and how soon it solves the task."""

from __future__ import annotations

import math
import typing

from pmoe.errors import Error
from pmoe.paper import arena, plot, statistics
from pmoe.paper.cells import Cell, Gathered
from pmoe.paper.library import Found
from pmoe.paper.page import Rows, interval_text, number
from pmoe.table import read_table

COLUMNS = ("what", "row", "step", "iqm", "solved", "success")
FIRST = 10000
SOLVED = 0.9  # share of an evaluation's episodes that reach the target
EVERY = 5     # of the drawn steps
WHAT = (f"Left: the first {FIRST:,} env steps of each training of the lowest seed, from its replay "
        "table (every fifth step is drawn; there is no random warm-up, so the policy itself "
        "explores). A visit is a step within the target's circle. Right: evaluation returns, IQM "
        "over seeds and 95 % interval (none for one seed); grey: the steps drawn left. Solved at: "
        "the first evaluation from which on at least nine of ten episodes reach the target.")


def numbers(gathered: Gathered) -> Rows:
    rows: Rows = []
    for cell in gathered.cells:
        if not cell.runs:
            continue
        rows += list(_curve(cell))
        rows.append(_summary(gathered, cell))
        run = next((run for run in cell.runs if _table(run)), None)
        if run is None:
            gathered.say(f"{cell.row.name}: no run of it is here with its replay table; its first "
                         "steps are not drawn")
            continue
        rows += _steps(gathered, cell, run, rows)
    return rows


def _table(run: Found) -> typing.Any:
    """The oldest one, which is sure to hold the first rows where the replay is large."""
    tables = [file for file in (run.place / "replay").glob("**/*.table")]
    return min(tables, key=lambda file: file.stat().st_mtime) if tables else None


def _steps(gathered: Gathered, cell: Cell, run: Found, before: Rows) -> Rows:
    import numpy as np
    table = read_table(_table(run))
    order = np.lexsort((table.envs, table.steps))
    if table.steps.min() > 0:
        raise Error(f"{gathered.item.name}: {_table(run)} holds no first steps any more: the "
                    f"replay is smaller than the run; give it replay.capacity={run.last_step}")
    obs = table.observations[order].astype(float)[:FIRST]
    ends = (table.terminated | table.truncated)[order][:FIRST]
    places = arena.positions(gathered, run, obs)
    rows = [] if any(row.get("what") == "target" for row in before) else arena.objects(obs[0])
    target = arena.objects(obs[0])[1]
    near = np.hypot(places[:, 0] - target["x"], places[:, 1] - target["y"])
    rows.append({"what": "visits", "row": cell.row.name, "steps": len(obs),
                 "share": float((near <= target["radius"]).mean()),
                 "reached": int((ends & (table.rewards[order][:FIRST] > arena.REACHED)).sum()),
                 "seed": run.seed})
    episode = np.concatenate([[0], np.cumsum(ends)[:-1]])
    for at in range(0, len(obs), EVERY):
        rows.append({"what": "step", "row": cell.row.name, "step": at, "episode": int(episode[at]),
                     "x": round(float(places[at, 0]), 3),
                     "y": round(float(places[at, 1]), 3)})
    return rows


def _curve(cell: Cell) -> typing.Iterator[dict[str, typing.Any]]:
    by_run = [dict(zip(run.steps, run.returns)) for run in cell.runs]
    for at in sorted(set.intersection(*(set(points) for points in by_run))):
        values = [points[at] for points in by_run]
        low, high = statistics.iqm_interval([values]) or (math.nan, math.nan)
        yield {"what": "curve", "row": cell.row.name, "step": at, "iqm": statistics.iqm(values),
               "low": low, "high": high}


def _summary(gathered: Gathered, cell: Cell) -> dict[str, typing.Any]:
    last = [run.success[-1] for run in cell.runs if not math.isnan(run.success[-1])]
    solved = [solved_at(run) for run in cell.runs]
    known = [at for at in solved if at is not None]
    returns = [run.returns[-1] for run in cell.runs]
    low, high = statistics.iqm_interval([returns]) or (math.nan, math.nan)
    if not last:
        gathered.say(f"{cell.row.name}: its runs are of before evaluations told their successes")
    return {"what": "end", "row": cell.row.name, "seeds": len(cell.runs), "iqm":
            statistics.iqm(returns), "low": low, "high": high, "solved": len(known),
            "solved_at": statistics.iqm(known) if known else math.nan,
            "success": sum(last) / len(last) if last else math.nan}


def solved_at(run: Found) -> int | None:
    at = None
    for step, share in zip(run.steps, run.success):
        at = None if math.isnan(share) or share < SOLVED else step if at is None else at
    return at


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    by = {(row.get("what"), row.get("row")): row for row in rows
          if row.get("what") in ("end", "visits")}
    lines = []
    for line in gathered.item.rows:
        end, visits = by.get(("end", line.name)), by.get(("visits", line.name))
        if end is None:
            lines.append([line.name, "no run", "–", "–", "–", "–"])
            continue
        seen = f"{100 * visits['share']:.2f} % of {visits['steps']:.0f} steps" if visits else "–"
        reached = f"{visits['reached']:.0f}" if visits else "–"
        solved = f"{end['solved']:.0f} of {end['seeds']:.0f} seeds"
        if end["solved"]:
            solved += f", at {end['solved_at']:,.0f} env steps"
        success = "–" if math.isnan(end["success"]) else f"{100 * end['success']:.0f} %"
        lines.append([line.name, seen, reached, solved, success,
                      f"{number(end['iqm'])}{interval_text(end['low'], end['high'])}"])
    return ["", "within the target", "episodes that reached it", "solved", "success at the end",
            "last return"], lines


def notes(_: Gathered) -> list[str]:
    return [WHAT]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    from matplotlib import ticker
    named = [line.name for line in gathered.item.rows
             if any(r.get("what") == "step" and r["row"] == line.name for r in rows)]
    figure, axes = plot.panels(len(named) + 1, across=len(named) + 1, wide=3.7, high=3.5)
    colours = dict(zip((line.name for line in gathered.item.rows), ("C3", "C0", "C1", "C4")))
    for name, axis in zip(named, axes):
        arena.draw_objects(axis, rows)
        mine = [r for r in rows if r.get("what") == "step" and r["row"] == name]
        axis.scatter([r["x"] for r in mine], [r["y"] for r in mine], s=2.0, color=colours[name],
                     alpha=0.5, linewidths=0, zorder=2)
        axis.set_title(f"{name}, first {EVERY * len(mine):,} steps", fontsize=10)
    last = axes[-1]
    for line in gathered.item.rows:
        curve = [r for r in rows if r.get("what") == "curve" and r["row"] == line.name]
        if curve:
            steps = [r["step"] for r in curve]
            last.plot(steps, [r["iqm"] for r in curve], color=colours[line.name], label=line.name)
            last.fill_between(steps, [r["low"] for r in curve], [r["high"] for r in curve],
                              color=colours[line.name], alpha=0.18, linewidth=0)
    most = max([r["step"] for r in rows if r.get("what") == "curve"], default=FIRST)
    last.axvspan(0, min(FIRST, most), color="0.9", zorder=0)
    last.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    last.set(xlabel="env steps", ylabel="evaluation return")
    last.grid(alpha=0.25)
    last.legend(frameon=False, fontsize=9)
    return plot.png(figure)
