"""All trainings of one `pmoe scale` together: scale.csv, and what it says of each size, of the
limit and of the size to take."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import pathlib
import statistics

from pmoe.errors import Error
from pmoe.scale.fit import Law, fit_laws
from pmoe.scale.plan import TABLE, Trial, write_whole
from pmoe.scale.trial import Row, Tail, Window

DISTURBED = 0.25  # cores for others, from which on rates are not to be trusted
ENOUGH = 0.9  # of the fastest size: what the recommended one has at least
BASE = ("actors", "repeat", "seed", "begin_s", "end_s", "env_steps", "updates", "cpu_begin_s",
        "cpu_end_s", "gpu_s", "busy_cores")
DERIVED = ("seconds", "cpu_s", "env_steps_per_s", "updates_per_s", "efficiency", "cores",
           "return_at_equal_wall", "return_at_equal_cpu", "folder")


@dataclasses.dataclass(frozen=True)
class Measured:
    """One training's window; its evaluations up to the window's end."""

    trial: Trial
    window: Window
    evaluations: tuple[Row, ...]

    def return_by(self, column: str, budget: float) -> float:
        """Of the last evaluation that was made of what so much had bought; NaN: none."""
        known = [row for row in self.evaluations if getattr(row, column) <= budget]
        return known[-1].eval_return_mean if known else math.nan


@dataclasses.dataclass(frozen=True)
class Size:
    """What is said of one number of actors: medians over its repeats; NaN: not known."""

    actors: int
    runs: int
    steps_per_s: float
    least: float  # of its repeats, env steps per second
    most: float
    updates_per_s: float
    efficiency: float
    cores: float
    cpu_ms_per_step: float
    return_by_wall: float
    return_by_cpu: float


class Study:
    """Rows are added as trainings end; the file has each at once.

    Raises:
        Error: the table of an earlier call is damaged.
    """

    def __init__(self, out: pathlib.Path) -> None:
        self.out = out
        self.file = out / TABLE
        self.measured: list[Measured] = _read(self.file)

    def has(self, trial: Trial) -> bool:
        return any((one.trial.actors, one.trial.repeat) == (trial.actors, trial.repeat)
                   for one in self.measured)

    def add(self, trial: Trial, window: Window) -> None:
        self.measured.append(Measured(trial, window, _evaluations(self.out, trial, window)))
        self.measured.sort(key=lambda one: (one.trial.actors, one.trial.repeat))
        self.write()

    @property
    def wall_budget_s(self) -> float:
        """What every training has had, from its start on."""
        return min(one.window.end_s for one in self.measured)

    @property
    def cpu_budget_s(self) -> float:
        """Likewise; NaN: not known of all."""
        spent = [one.window.cpu_end_s for one in self.measured]
        return math.nan if any(map(math.isnan, spent)) else min(spent)

    @property
    def sizes(self) -> list[Size]:
        numbers = sorted({one.trial.actors for one in self.measured})
        return [self._size(actors) for actors in numbers]

    @property
    def laws(self) -> list[Law]:
        return fit_laws([(one.trial.actors, one.window.steps_per_s) for one in self.measured
                         if one.window.steps_per_s > 0])

    @property
    def other_cores(self) -> float:
        """Of this machine, for others than the training, the most of all windows; NaN: unknown."""
        known = [one.window.other_cores for one in self.measured
                 if not math.isnan(one.window.other_cores)]
        return max(known, default=math.nan)

    @property
    def recommended(self) -> Size:
        sizes = self.sizes
        fastest = max(size.steps_per_s for size in sizes)
        return next(size for size in sizes if size.steps_per_s >= ENOUGH * fastest)

    def write(self) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow([*BASE, *DERIVED])
        for one in self.measured:
            trial, window = one.trial, one.window
            table.writerow(map(_cell, (
                trial.actors, trial.repeat, trial.seed, window.begin_s, window.end_s,
                window.env_steps, window.updates, window.cpu_begin_s, window.cpu_end_s,
                window.gpu_s, window.busy_cores, window.seconds, window.cpu_s, window.steps_per_s,
                window.updates_per_s, self._efficiency(one), window.cores,
                one.return_by("wall_s", self.wall_budget_s),
                one.return_by("cpu_s", self.cpu_budget_s), trial.name)))
        write_whole(self.file, text.getvalue().encode())

    def _efficiency(self, one: Measured) -> float:
        """Steps per actor over those of the smallest size."""
        least = min(other.trial.actors for other in self.measured)
        base = statistics.median(other.window.steps_per_s for other in self.measured
                                 if other.trial.actors == least)
        per_actor = one.window.steps_per_s / one.trial.actors
        return per_actor * least / base if base > 0 else math.nan

    def _size(self, actors: int) -> Size:
        runs = [one for one in self.measured if one.trial.actors == actors]
        rates = [one.window.steps_per_s for one in runs]
        return Size(
            actors, len(runs), statistics.median(rates), min(rates), max(rates),
            updates_per_s=statistics.median(one.window.updates_per_s for one in runs),
            efficiency=statistics.median(self._efficiency(one) for one in runs),
            cores=_median([one.window.cores for one in runs]),
            cpu_ms_per_step=_median([1000 * one.window.cpu_s / one.window.env_steps
                                     for one in runs if one.window.env_steps > 0]),
            return_by_wall=_mean([one.return_by("wall_s", self.wall_budget_s) for one in runs]),
            return_by_cpu=_mean([one.return_by("cpu_s", self.cpu_budget_s) for one in runs]))


def _evaluations(out: pathlib.Path, trial: Trial, window: Window) -> tuple[Row, ...]:
    """() where its folder is gone, or where one run goes on through all sizes."""
    tail = Tail()
    try:
        tail.read(out / trial.name / "metrics.csv")
    except (Error, OSError):
        return ()
    return tuple(row for row in tail.rows
                 if row.wall_s <= window.end_s and not math.isnan(row.eval_return_mean))


def _read(file: pathlib.Path) -> list[Measured]:
    try:
        with open(file, newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Error(f"cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Error(f"{file} is damaged ({error}); put a copy of it back, or remove it, and all "
                    "sizes are measured again") from None
    return [_measured(file, number, row) for number, row in enumerate(rows, start=2)]


def _measured(file: pathlib.Path, number: int, row: dict[str, str]) -> Measured:
    try:
        actors, repeat, seed = (int(row[name]) for name in BASE[:3])
        values = [float(row[name]) if row[name] else math.nan for name in BASE[3:]]
    except (KeyError, TypeError, ValueError):
        raise Error(f"{file}, line {number} is damaged; remove the line, and its size is measured "
                    "again") from None
    trial, window = Trial(actors, repeat, seed), Window(*values)
    counted = window.env_steps >= 0 and window.updates >= 0 and not any(map(math.isinf, values))
    if not counted or not window.seconds > 0 or actors < 1:
        raise Error(f"{file}, line {number} is damaged: {window.env_steps:g} env steps and "
                    f"{window.updates:g} updates in {window.seconds:g} s with {actors} actors; "
                    "remove the line, and its size is measured again")
    return Measured(trial, window, _evaluations(file.parent, trial, window))


def _cell(value: float | int | str) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return str(value)


def _median(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def _mean(values: list[float]) -> float:
    """NaN where one of them is not known: it would be the mean of other seeds."""
    return statistics.fmean(values) if values else math.nan
