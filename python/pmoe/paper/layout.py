"""Fig 8: the arena of the target-reaching task."""

from __future__ import annotations

from pmoe.paper import arena, play, plot
from pmoe.paper.cells import Gathered
from pmoe.paper.page import Rows

COLUMNS = ("what", "x", "y", "radius")


def numbers(gathered: Gathered) -> Rows:
    run = play.need_policy(gathered, gathered.cells[0])
    steps = play.trace(run, 1)
    arena.positions(gathered, run, steps.obs)  # or an error
    return arena.objects(steps.obs[0])


def table(_: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    return (["", "x", "y", "radius"],
            [[row["what"], f"{row['x']:.2f}", f"{row['y']:.2f}", f"{row['radius']:.2f}"]
             for row in rows])


def notes(_: Gathered) -> list[str]:
    return ["Black: where the agent starts; grey: obstacles; green: the target. The layout is that "
            "of the variant “fixed” (docs/target_reaching.md), as the first observation of an "
            "episode tells it; in the other variants target and obstacles are drawn anew."]


def draw(_: Gathered, rows: Rows) -> bytes:
    figure, axes = plot.panels(1, wide=4.6, high=4.4)
    arena.draw_objects(axes[0], rows)
    for row in rows:
        axes[0].annotate(row["what"], (row["x"], row["y"] + row["radius"]), ha="center",
                         va="bottom", fontsize=9, xytext=(0, 2), textcoords="offset points")
    return plot.png(figure)
