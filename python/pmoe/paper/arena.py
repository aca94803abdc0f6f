"""The arena of TargetReaching-v0, drawn; positions out of what the policy sees."""

from __future__ import annotations

import typing

from pmoe.errors import Error
from pmoe.paper.cells import Gathered
from pmoe.paper.library import Found
from pmoe.paper.page import Rows

HALF_SIDE = 5.0
START = (-4.5, -4.5)
TARGET_RADIUS = 0.5
REACHED = 50.0  # a last reward above this is the target's


def positions(gathered: Gathered, run: Found, obs: typing.Any) -> typing.Any:
    """[N, 2] of the agent, from observations [N, O]: [pos/5, v, a, …]."""
    if run.settings.get("env.arg.observation", "code") != "code" or \
            run.settings.get("env.arg.variant") == "paper":
        raise Error(f"{gathered.item.name}: {run.place} sees no positions (observation=paper); its "
                    "trajectories cannot be drawn")
    return HALF_SIDE * obs[:, 0:2]


def objects(obs: typing.Any) -> Rows:
    """Target, obstacles and start, from one observation [O] of 8 + 3M numbers."""
    x, y = HALF_SIDE * obs[0], HALF_SIDE * obs[1]
    count = (len(obs) - 8) // 3
    rows: Rows = [{"what": "start", "x": START[0], "y": START[1], "radius": 0.15},
                  {"what": "target", "x": x + HALF_SIDE * obs[6], "y": y + HALF_SIDE * obs[7],
                   "radius": TARGET_RADIUS}]
    for i in range(count):
        rows.append({"what": "obstacle", "x": x + HALF_SIDE * obs[8 + 2 * i],
                     "y": y + HALF_SIDE * obs[9 + 2 * i], "radius": obs[8 + 2 * count + i]})
    return rows


COLOURS = {"start": "0.2", "target": "C2", "obstacle": "0.6"}


def draw_objects(axis: typing.Any, rows: Rows) -> None:
    from matplotlib.patches import Circle
    for row in rows:
        if row.get("what") in COLOURS:
            axis.add_patch(Circle((row["x"], row["y"]), row["radius"], zorder=1,
                                  color=COLOURS[row["what"]], alpha=0.8))
    axis.set(xlim=(-HALF_SIDE, HALF_SIDE), ylim=(-HALF_SIDE, HALF_SIDE), aspect="equal")
    axis.set_xticks([-5, 0, 5])
    axis.set_yticks([-5, 0, 5])
