"""One training of `pmoe scale`: waits for its actors and its warm-up, then for the end of what is
to be measured, and reads rates from its metrics.csv. What that says is the learner's own account,
on the learner's clock."""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
import time
import typing

from pmoe.errors import Error
from pmoe.scale.clusters import Cluster
from pmoe.scale.plan import Plan, Trial

POLL_S = 1.0
ROWS_MIN = 3  # of the window, however slow the training is
CPU_KNOWN_S = 5.0  # a training's first rows may not know cpu_s yet; later ones never will


class Stopped(Exception):
    """Somebody asked for the end; the training is not measured."""


@dataclasses.dataclass(frozen=True)
class Row:
    """What is needed of a row of metrics.csv; NaN: not measured."""

    env_steps: float
    updates: float
    wall_s: float
    cpu_s: float
    gpu_s: float
    eval_return_mean: float


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))
NEEDED = COLUMNS[:3]


class Tail:
    """The rows of a metrics.csv that grows: each is read once, when its line is whole."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._at, self._rest = 0, b""
        self._places: list[int] = []

    def read(self, file: pathlib.Path) -> None:
        """Takes what is new; no file is no news.

        Raises:
            Error: rows are gone, or are none: the learner was started again, or it is damaged.
        """
        try:
            with open(file, "rb") as opened:
                if opened.seek(0, 2) < self._at:
                    raise Error(f"{file} has become shorter: its learner was started again")
                opened.seek(self._at)
                new = opened.read()
        except FileNotFoundError:
            return
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            self._take(file, line.decode(errors="replace").split(","))

    def _take(self, file: pathlib.Path, cells: list[str]) -> None:
        if not self._places:
            lacking = [name for name in NEEDED if name not in cells]
            if lacking:
                raise Error(f"{file} has no column {lacking[0]}: it is damaged, or of another "
                            "version of pmoe")
            self._places = [cells.index(name) if name in cells else -1 for name in COLUMNS]
            return
        try:
            row = Row(*(float(cells[at]) if at >= 0 and cells[at] else math.nan
                        for at in self._places))
        except (IndexError, ValueError):
            raise Error(f"{file}, line {len(self.rows) + 2}: damaged; measure this size again"
                        ) from None
        self.rows.append(row)


@dataclasses.dataclass(frozen=True)
class Window:
    """What was measured of one training, between two rows.

    Attributes:
        begin_s, end_s: on the clock of the column wall_s.
        cpu_begin_s, cpu_end_s: what all its processes had used by then; NaN: it does not say.
        busy_cores: cores of this machine that were at work meanwhile, for whomever; NaN: the
            training is elsewhere.
    """

    begin_s: float
    end_s: float
    env_steps: float
    updates: float
    cpu_begin_s: float
    cpu_end_s: float
    gpu_s: float
    busy_cores: float = math.nan

    @property
    def cpu_s(self) -> float:
        return self.cpu_end_s - self.cpu_begin_s

    @property
    def seconds(self) -> float:
        return self.end_s - self.begin_s

    @property
    def steps_per_s(self) -> float:
        return self.env_steps / self.seconds

    @property
    def updates_per_s(self) -> float:
        return self.updates / self.seconds

    @property
    def cores(self) -> float:
        return self.cpu_s / self.seconds

    @property
    def other_cores(self) -> float:
        return self.busy_cores - self.cores


class Machine:
    """How many of this machine's cores are at work between two moments, as /proc/stat has it."""

    def __init__(self) -> None:
        self._begin = self._end = (math.nan, 0.0)

    def begin(self) -> None:
        self._begin = self._look()

    def end(self) -> None:
        self._end = self._look()

    @property
    def busy_cores(self) -> float:
        seconds = self._end[1] - self._begin[1]
        return (self._end[0] - self._begin[0]) / seconds if seconds > 0 else math.nan

    @staticmethod
    def _look() -> tuple[float, float]:
        """(CPU seconds of all since the machine's start, now); NaN where there is no /proc."""
        try:
            words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
        except OSError:
            return math.nan, time.monotonic()
        user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
        ticks = user + nice + system + irq + softirq + steal
        return ticks / os.sysconf("SC_CLK_TCK"), time.monotonic()


class Measurement:
    """Rows become a window, which begins once all actors take part and the warm-up is over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.tail = Tail()
        self._after: int | None = None  # rows that there were when all actors took part
        self.begin: int | None = None   # the window's first row
        self._deadline = math.inf       # on our clock
        self._machine = Machine()

    @property
    def joined(self) -> bool:
        return self._after is not None

    def end(self) -> None:
        """Before the training is ended."""
        self._machine.end()

    def join(self) -> None:
        self._after = len(self.tail.rows)

    def read(self, file: pathlib.Path) -> None:
        self.tail.read(file)
        if self.begin is not None or self._after is None:
            return
        for at in range(self._after, len(self.tail.rows)):
            row = self.tail.rows[at]
            warm = row.env_steps >= self._plan.warm_up_steps and row.updates > 0
            if warm and (row.wall_s > CPU_KNOWN_S or not math.isnan(row.cpu_s)):
                self.begin = at
                self._deadline = time.monotonic() + self._plan.seconds
                self._machine.begin()
                return

    @property
    def measured_s(self) -> float:
        return 0.0 if self.begin is None else self.tail.rows[-1].wall_s - self._first.wall_s

    @property
    def enough(self) -> bool:
        """An evaluation holds rows back: what the time holds by our clock is there in the end."""
        if self._plan.steps or self.rows_measured < ROWS_MIN:
            return False
        return self.measured_s >= self._plan.seconds or time.monotonic() >= self._deadline

    @property
    def whole(self) -> bool:
        """Once it has ended: it was not cut off before what was asked for."""
        if self._plan.steps:
            return bool(self.tail.rows) and self.tail.rows[-1].env_steps >= self._plan.steps
        return self.enough

    @property
    def rows_measured(self) -> int:
        return 0 if self.begin is None else len(self.tail.rows) - self.begin

    @property
    def _first(self) -> Row:
        return self.tail.rows[self.begin or 0]

    def window(self) -> Window:
        """Raises: Error: it ended before there was one."""
        if not self.joined:
            raise Error("it ended before all its actors took part; give it more --steps")
        measured = self.tail.rows[self.begin:] if self.begin is not None else []
        if any(after.wall_s < row.wall_s for row, after in zip(measured, measured[1:])):
            raise Error("its learner was started again while it was measured")
        if self.rows_measured < 2 or self.measured_s <= 0:
            reached = self.tail.rows[-1].env_steps if self.tail.rows else 0
            raise Error(f"it ended at {reached:.0f} env steps, before there was anything to "
                        f"measure; the warm-up takes {self._plan.warm_up_steps}")
        first, last = self._first, self.tail.rows[-1]
        if not self._plan.steps:  # a row beyond the end of the time counts if it must
            last = next((row for row in measured[ROWS_MIN - 1:]
                         if row.wall_s - first.wall_s >= self._plan.seconds), last)
        return Window(first.wall_s, last.wall_s, last.env_steps - first.env_steps,
                      last.updates - first.updates, first.cpu_s, last.cpu_s,
                      last.gpu_s - first.gpu_s,
                      self._machine.busy_cores if self._plan.how == "up" else math.nan)


def measure(plan: Plan, trial: Trial, cluster: Cluster, stopped: typing.Callable[[], int],
            tell: typing.Callable[[str], None]) -> Window:
    """From the training's start to its end.

    Args:
        stopped: how often the user has asked for the end.
        tell: gets how far it is, about once a second.

    Raises:
        Stopped: by the user.
        Error: it could not be started, failed, or ended too early.
    """
    found = Measurement(plan)
    try:
        cluster.start()
        _watch(trial, cluster, found, stopped, tell)
    finally:
        found.end()
        tell("ends")
        cluster.stop()
    found.read(cluster.metrics())
    if not found.whole:
        reached = found.tail.rows[-1].env_steps if found.tail.rows else 0
        raise Error(f"it ended at {reached:.0f} env steps, before it was measured, and not for "
                    f"`pmoe scale`: cancelled, or failed. It said last: {cluster.failure()}")
    return found.window()


def _watch(trial: Trial, cluster: Cluster, found: Measurement, stopped: typing.Callable[[], int],
           tell: typing.Callable[[str], None]) -> None:
    while not found.enough:
        code = cluster.exit_code()
        if stopped():  # first: what has ended may have ended for that
            raise Stopped
        if code is not None:
            if code != 0:
                raise cluster.failure()
            return  # with --steps, in order; else it was ended by others
        found.read(cluster.metrics())
        if not found.joined and cluster.actors() == trial.actors:
            # A run that is older than this size has rows of other sizes, up to this moment.
            found.read(cluster.metrics())
            found.join()
        tell(_progress(trial, found))
        _nap(stopped)


def _progress(trial: Trial, found: Measurement) -> str:
    rows = found.tail.rows
    steps = f"{rows[-1].env_steps:,.0f} env steps" if rows else "no env steps yet"
    if not found.joined:
        return f"waits for {trial.actors} actor{'s' if trial.actors > 1 else ''}; {steps}"
    if found.begin is None:
        return f"warm-up; {steps}"
    if found.measured_s <= 0:
        return f"measures; {steps}"
    rate = found.window().steps_per_s
    return f"measured {found.measured_s:.0f} s; {steps}, {rate:,.1f} per s"


def _nap(stopped: typing.Callable[[], int]) -> None:
    until = time.monotonic() + POLL_S
    while not stopped() and time.monotonic() < until:
        time.sleep(0.05)

