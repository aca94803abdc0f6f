"""Which runs belong to a row and a column of a table, which do not, and why. Runs are of one cell
if their whole configuration is, but for what settings.py says moves no curve."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import typing

from pmoe.errors import Error
from pmoe.paper.items import Edition, Item, Line
from pmoe.paper.library import Found, Library
from pmoe.paper.settings import TOTAL, differences, satisfies
from pmoe.paper.sweeps import Planned


@dataclasses.dataclass
class Cell:
    """One row and column. No plan: the edition does not train it."""

    row: Line
    column: Line
    plan: list[Planned]
    runs: list[Found] = dataclasses.field(default_factory=list)  # by seed
    left_out: list[tuple[Found, str]] = dataclasses.field(default_factory=list)

    @property
    def steps(self) -> float:
        return self.plan[0].steps

    @property
    def missing(self) -> list[Planned]:
        there = {run.seed for run in self.runs}
        return [planned for planned in self.plan if planned.seed not in there]

    @property
    def name(self) -> str:
        return " × ".join(part for part in (self.row.name, self.column.name) if part)


@dataclasses.dataclass
class Gathered:
    """What there is for an item; what its kind makes its numbers of."""

    item: Item
    edition: Edition
    cells: list[Cell]
    damaged: list[tuple[str, str]]
    work: pathlib.Path                # for what is asked of policies
    say: typing.Callable[[str], None]

    def of(self, row: Line, column: Line) -> Cell:
        return next(c for c in self.cells if c.row is row and c.column is column)

    @property
    def runs(self) -> list[Found]:
        """Each once: a run may be in several cells."""
        return list({run.place: run for cell in self.cells for run in cell.runs}.values())

    @property
    def left_out(self) -> list[tuple[str, str]]:
        told = {str(run.place): why for cell in self.cells for run, why in cell.left_out}
        for run in self.runs:  # left out of one cell, and in another
            told.pop(str(run.place), None)
        return sorted(told.items()) + self.damaged

    @property
    def missing(self) -> list[Planned]:
        return list({(one.sweep, one.index): one for cell in self.cells
                     for one in cell.missing}.values())


def gather(item: Item, edition: Edition, plan: list[Planned], library: Library,
           work: pathlib.Path, say: typing.Callable[[str], None]) -> Gathered:
    cells = [_cell(item, row, column, plan) for row in item.rows for column in item.columns]
    for cell in cells:
        if cell.plan:
            _fill(cell, item, library)
    _keep_one_version(cells)
    return Gathered(item, edition, cells, library.damaged, work, say)


def _cell(item: Item, row: Line, column: Line, plan: list[Planned]) -> Cell:
    wanted = item.wanted(row, column)
    by_seed: dict[str, Planned] = {}
    for planned in plan:
        if satisfies(planned.settings, wanted):
            first = next(iter(by_seed.values()), planned)
            mix = differences(planned.settings, first.settings, planned.defaults)
            if planned.steps != first.steps:
                mix.append(f"{TOTAL} is {planned.steps:,.0f} and not {first.steps:,.0f}")
            if mix:
                raise Error(f"{item.name}: {row.name} × {column.name} would mix runs: in sweep "
                            f"{planned.sweep} {'; '.join(mix)} (as in {first.sweep}): let the row "
                            "or the column name that setting")
            by_seed.setdefault(planned.seed, planned)
    return Cell(row, column, list(by_seed.values()))


def _fill(cell: Cell, item: Item, library: Library) -> None:
    planned = cell.plan[0]
    wanted = item.wanted(cell.row, cell.column)
    by_seed: dict[str, Found] = {}
    for run in sorted(library.runs, key=lambda run: (not run.has_policy, str(run.place))):
        if not satisfies({**planned.defaults, **run.settings}, wanted):
            continue
        why = "; ".join(differences(run.settings, planned.settings, planned.defaults))
        if not why and run.last_step < planned.steps:
            why = f"half finished: at {run.last_step:,} of {planned.steps:,.0f} env steps"
        elif not why and len(run.steps) < 2:
            why = "it has fewer than two evaluations"
        elif not why and run.seed in by_seed:
            why = f"seed {run.seed} is {by_seed[run.seed].place} already"
        if why:
            cell.left_out.append((run, why))
        else:
            by_seed[run.seed] = run
    cell.runs = [by_seed[seed] for seed in sorted(by_seed, key=lambda s: (len(s), s))]


def _keep_one_version(cells: list[Cell]) -> None:
    """Of several versions the one that made most of the runs; the others are left out."""
    count = collections.Counter(run.version for cell in cells for run in cell.runs)
    if len(count) < 2:
        return
    kept = max(count, key=lambda version: (count[version], version))
    for cell in cells:
        others = [run for run in cell.runs if run.version != kept]
        cell.runs = [run for run in cell.runs if run.version == kept]
        cell.left_out += [(run, f"of another version: {run.version}; most are of {kept}")
                          for run in others]
