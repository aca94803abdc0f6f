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
        cpu_hours, gpu_hours: of all its processes. Not known where rows of an older version of
            pmoe do not say them.
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
    """After each row. A column that begins anew, in a new life, adds to what was before."""
    sums = {name: _sums(columns, rows, name) for name in ("wall_s", "cpu_s", "gpu_s")}
    at = columns.index("env_steps")
    found = []
    for number, row in enumerate(rows):
        wall, cpu, gpu = (sums[name][number] / HOUR_S for name in ("wall_s", "cpu_s", "gpu_s"))
        money = wall * price_per_hour if price_per_hour > 0 else math.nan
        found.append(Cost(int(row[at]), wall, cpu, gpu, money))
    return found


def _sums(columns: list[str], rows: list[list[float]], name: str) -> list[float]:
    if name not in columns:
        return [math.nan] * len(rows)
    at = columns.index(name)
    total = before = 0.0
    found = []
    for row in rows:
        total += row[at] - before if row[at] >= before else row[at]
        before = row[at]
        found.append(total)
    return found
