"""What a run took: hours, CPU hours, GPU hours and money, from its metrics.csv."""

from __future__ import annotations

import dataclasses
import math

HOUR_S = 3600.0


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
    """After each row. Where wall_s falls a new life began, which adds to those before; within a
    life nothing falls: a member that was lost had used what it had used. A life that says a column
    in none of its rows leaves the sum unknown."""
    sums = [_sums(columns, rows, name) for name in ("wall_s", "cpu_s", "gpu_s")]
    column, steps = columns.index("env_steps"), 0
    found = []
    for row, hours, cpu_hours, gpu_hours in zip(rows, *sums):
        steps = int(row[column]) if math.isfinite(row[column]) else steps
        money = hours * price_per_hour if price_per_hour > 0 else math.nan
        found.append(Cost(steps, hours, cpu_hours, gpu_hours, money))
    return found


def _sums(columns: list[str], rows: list[list[float]], name: str) -> list[float]:
    """Hours after each row."""
    if name not in columns or "wall_s" not in columns:
        return [math.nan] * len(rows)
    wall, at = columns.index("wall_s"), columns.index(name)
    age_s = before = now = 0.0
    said, found = False, []
    for row in rows:
        if row[wall] < age_s:
            before, now, said = (before + now if said else math.nan), 0.0, False
        age_s = age_s if math.isnan(row[wall]) else row[wall]
        if not math.isnan(row[at]):
            now, said = max(now, row[at]), True
        found.append((before + now) / HOUR_S if said else math.nan)
    return found
