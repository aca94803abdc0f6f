"""The kinds of tables and figures, by the name that an item's file gives. Each has

    COLUMNS                of the CSV: those that table and draw need
    numbers(gathered)      rows of the CSV; all that the rest is made of
    table(gathered, rows)  (head, lines): ours, and after a line end the paper's
    notes(gathered)        what the numbers mean
    draw(gathered, rows)   a PNG"""

from __future__ import annotations

import types

from pmoe.errors import Error
from pmoe.paper import (areas, bars, clusters, curves, exploration, finals, layout, played, router,
                        trajectories)
from pmoe.paper.cells import Gathered
from pmoe.paper.items import Item

KINDS = {"areas": areas, "curves": curves, "finals": finals, "played": played,
         "trajectories": trajectories, "exploration": exploration, "layout": layout,
         "clusters": clusters, "router": router, "bars": bars}
WITHOUT_POLICIES = ("areas", "curves", "finals")


def of(item: Item) -> types.ModuleType:
    if item.kind not in KINDS:
        raise Error(f"{item.name}: kind {item.kind} is none of {', '.join(KINDS)}")
    return KINDS[item.kind]


def has_what_it_needs(item: Item, gathered: Gathered) -> bool:
    if item.kind in WITHOUT_POLICIES:
        return bool(gathered.runs)
    return any(run.has_policy for run in gathered.runs)
