"""How a rate depends on the number of actors N, by two laws with two numbers each:

    Amdahl   r(N) = a N / (1 + s (N - 1))   s: the share of the work that is not done in parallel
    ceiling  r(N) = a min(N, b)             a line until what the actors wait for is busy all the
                                            time: the learner, the limiter, or the cores

a is the rate of one actor. Both are fitted by least squares of log r, so that an error is a share
of the rate. Pure functions.
"""

from __future__ import annotations

import dataclasses
import math
import typing

Shape = typing.Callable[[float, float], float]  # of N and the law's second number

STEPS = 400
UNSEEN = 0.02  # a law that bends the curve by less than this within the sizes has no limit


def amdahl(actors: float, serial: float) -> float:
    return actors / (1 + serial * (actors - 1))


def ceiling(actors: float, bend: float) -> float:
    return min(actors, bend)


@dataclasses.dataclass(frozen=True)
class Law:
    """One law, fitted.

    Attributes:
        name: "Amdahl" or "ceiling".
        one: the rate of one actor.
        number: s of Amdahl's, b of the ceiling; infinite where there is none.
        limit: the rate that no number of actors exceeds; None: the sizes show none.
        error: root mean square of log(fitted / measured): 0.05 is 5 %.
    """

    name: str
    one: float
    number: float
    limit: float | None
    error: float

    def rate(self, actors: float) -> float:
        shape = amdahl if self.name == "Amdahl" else ceiling
        return self.one * shape(actors, self.number)


def fit_laws(points: list[tuple[int, float]]) -> list[Law]:
    """Both laws for (actors, rate > 0), the one that fits better first; of two that fit alike the
    ceiling. [] for fewer than two sizes."""
    sizes = sorted({actors for actors, _ in points})
    if len(sizes) < 2:
        return []
    least, most = float(sizes[0]), float(sizes[-1])
    one, serial, error = _best(points, amdahl, lambda share: share ** 4, 0.0, 1.0)
    seen = serial * (most - 1) > UNSEEN
    by_amdahl = Law("Amdahl", one, serial, one / serial if seen else None, error)
    low, high = math.log(least), math.log(most)
    one, bend, error = _best(points, ceiling, math.exp, low, high)
    seen = math.log(most / bend) > UNSEEN
    by_ceiling = (Law("ceiling", one, bend, one * bend, error) if seen else
                  Law("ceiling", one, math.inf, None, error))
    if by_amdahl.error < by_ceiling.error - 1e-3:
        return [by_amdahl, by_ceiling]
    return [by_ceiling, by_amdahl]


def _best(points: list[tuple[int, float]], shape: Shape, scale: typing.Callable[[float], float],
          low: float, high: float) -> tuple[float, float, float]:
    """(a, second number, error) of the least error; that number is scale(x), x in [low, high].
    A fine look at all of them, then a finer one around the best."""
    for _ in range(3):
        places = [low + (high - low) * i / STEPS for i in range(STEPS + 1)]
        found = [_one(points, shape, scale(x)) for x in places]
        at = min(range(len(places)), key=lambda i: found[i][1])
        low, high = places[max(at - 1, 0)], places[min(at + 1, STEPS)]
    one, error = found[at]
    return one, scale(places[at]), error


def _one(points: list[tuple[int, float]], shape: Shape, number: float) -> tuple[float, float]:
    """(a, error) where the second number is given: a is a mean of logarithms."""
    left = [math.log(rate / shape(actors, number)) for actors, rate in points]
    mean = sum(left) / len(left)
    square = sum((value - mean) ** 2 for value in left) / len(left)
    return math.exp(mean), math.sqrt(square)
