"""Hours of one core that trainings take, from experiments/paper/rates.csv, which
experiments/paper_rates.py measures."""

from __future__ import annotations

import csv

from pmoe.paper import items
from pmoe.paper.sweeps import Planned

SMALL, LARGE = "HalfCheetah-v5", "Humanoid-v5"  # the tasks that are measured
LIKE_LARGE = ("Humanoid", "Ant")


class Rates:
    def __init__(self) -> None:
        with open(items.folder() / "rates.csv", newline="", encoding="utf-8") as file:
            self._rates = {(row["algorithm"], row["env"]): float(row["steps_per_s"])
                           for row in csv.DictReader(file)}

    def hours(self, plan: list[Planned]) -> float:
        return sum(planned.steps / self._rate(planned) for planned in plan) / 3600

    def _rate(self, planned: Planned) -> float:
        """Of the algorithm on the nearer task; else on the other; else the slowest of all."""
        algorithm = planned.settings["algorithm"]
        near = LARGE if planned.settings["env.id"].startswith(LIKE_LARGE) else SMALL
        own = [rate for (name, _), rate in self._rates.items() if name == algorithm]
        return self._rates.get((algorithm, near)) or min(own or self._rates.values())
