"""What a run took: hours, CPU hours, GPU hours and money, from its metrics.csv."""

from __future__ import annotations

import dataclasses
import math

HOUR_S = 3600.0
# Seconds that begin anew in each life and grow within it. A life of one row may begin with a later
# wall_s than the one before it ended with.
GROW = ("wall_s", "time_env_s", "time_replay_s", "time_update_s")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a run took, in all its lives, to its last row; NaN: not known.

    Attributes:
        env_steps: of the run by then.
        hours: of wall time, in which it trained.
        cpu_hours, gpu_hours: of all its processes. Not known where an older version of pmoe, which
            does not say them, ran it for a while.
        money: the hours at the price of all machines together; NaN without a price.
    """

    env_steps: int
    hours: float
    cpu_hours: float
    gpu_hours: float
    money: float

    def per_million_steps(self) -> Cost:
        """All but env_steps as if these had been a million; NaN for a run without any."""
        share = 1e6 / self.env_steps if self.env_steps else math.nan
        return Cost(self.env_steps, self.hours * share, self.cpu_hours * share,
                    self.gpu_hours * share, self.money * share)


def costs(columns: list[str], rows: list[list[float]], price_per_hour: float) -> list[Cost]:
    """After each row. Where a column of GROW falls a new life began, which adds to those before;
    within a life cpu_s does not fall: a member that was lost had used what it had used. A life that
    says a column in none of its rows leaves the sum unknown. As common/metrics/run_totals.h."""
    begins = _begins(columns, rows)
    sums = [_sums(columns, rows, name, begins) for name in ("wall_s", "cpu_s", "gpu_s")]
    column, steps = columns.index("env_steps"), 0
    found = []
    for row, hours, cpu_hours, gpu_hours in zip(rows, *sums):
        steps = int(row[column]) if math.isfinite(row[column]) else steps
        money = hours * price_per_hour if price_per_hour > 0 else math.nan
        found.append(Cost(steps, hours, cpu_hours, gpu_hours, money))
    return found


def _begins(columns: list[str], rows: list[list[float]]) -> list[bool]:
    """Of each row, whether a life begins with it."""
    grow = [columns.index(name) for name in GROW if name in columns]
    last, found = [0.0] * len(columns), []
    for row in rows:
        found.append(any(row[at] < last[at] for at in grow))
        for at in grow:
            last[at] = last[at] if math.isnan(row[at]) else row[at]
    return found


def _sums(columns: list[str], rows: list[list[float]], name: str,
          begins: list[bool]) -> list[float]:
    """Hours after each row."""
    if name not in columns or "wall_s" not in columns:
        return [math.nan] * len(rows)
    at = columns.index(name)
    before = now = 0.0
    said, found = False, []
    for row, begin in zip(rows, begins):
        if begin:
            before, now, said = (before + now if said else math.nan), 0.0, False
        if not math.isnan(row[at]):
            now, said = max(now, row[at]), True
        found.append((before + now) / HOUR_S if said else math.nan)
    return found
