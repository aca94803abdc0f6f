"""What a run took: hours, CPU hours, GPU hours and money, from its metrics.csv."""

from __future__ import annotations

import dataclasses
import math

HOUR_S = 3600.0
COLUMNS = ("wall_s", "cpu_s", "gpu_s")


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
    """After each row. Where wall_s falls a new life began, which adds to those before; within a
    life nothing falls: a member that was lost had used what it had used."""
    places = [columns.index(name) if name in columns else -1 for name in COLUMNS]
    before, now, found = [0.0] * len(COLUMNS), [0.0] * len(COLUMNS), []
    age_s = 0.0  # of the life, at the row before
    for row in rows:
        values = [row[at] if at >= 0 else math.nan for at in places]
        if values[0] < age_s:
            before, now = [sum(pair) for pair in zip(before, now)], [0.0] * len(COLUMNS)
        age_s = values[0]
        now = [_larger(old, new) for old, new in zip(now, values)]
        hours, cpu_hours, gpu_hours = (sum(pair) / HOUR_S for pair in zip(before, now))
        money = hours * price_per_hour if price_per_hour > 0 else math.nan
        found.append(Cost(int(row[columns.index("env_steps")]), hours, cpu_hours, gpu_hours, money))
    return found


def _larger(old: float, new: float) -> float:
    """NaN once there was one: a row that does not say it leaves the sum unknown."""
    return math.nan if math.isnan(old) or math.isnan(new) else max(old, new)
