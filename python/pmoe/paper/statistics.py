"""Areas under curves, and rliable's statistics (Agarwal et al. 2021, arXiv 2108.13264): the mean of
the middle half, the probability of improvement, and percentile intervals of a bootstrap that draws
seeds anew within each task. tests/python/paper_statistics_test.py holds them against the package.

A score is a number of one run, such as its area. Needs NumPy."""

from __future__ import annotations

import typing

CONFIDENCE = 0.95
RESAMPLES = 5000
Interval = typing.Optional[typing.Tuple[float, float]]


def value_at(steps: list[int], returns: list[float], at: float) -> float:
    """Linear between evaluations. Raises ValueError outside of them."""
    for left in range(len(steps) - 1):
        if steps[left] <= at <= steps[left + 1]:
            share = (at - steps[left]) / (steps[left + 1] - steps[left])
            return returns[left] + share * (returns[left + 1] - returns[left])
    raise ValueError(f"{at} is not within {steps[0]} to {steps[-1]}")


def area(steps: list[int], returns: list[float], first: float, last: float) -> float:
    """Trapezoid of return over env steps from first to last, which lie within the evaluations."""
    inner = [(x, y) for x, y in zip(steps, returns) if first < x < last]
    points = [(first, value_at(steps, returns, first)), *inner,
              (last, value_at(steps, returns, last))]
    return sum((right[0] - left[0]) * (left[1] + right[1]) / 2
               for left, right in zip(points, points[1:]))


def iqm(scores: typing.Any, axis: int | None = None) -> typing.Any:
    """The mean without the lowest and the highest quarter, as scipy.stats.trim_mean cuts it: of
    three scores or less, the mean."""
    import numpy as np
    values = np.sort(np.asarray(scores, dtype=float), axis=axis)
    if axis is None:
        values = values.ravel()
        axis = 0
    cut = values.shape[axis] // 4
    kept = np.take(values, range(cut, values.shape[axis] - cut), axis=axis)
    return kept.mean(axis=axis)


def iqm_interval(by_task: list[list[float]]) -> Interval:
    """Of the IQM over all scores of all tasks; None where a task has one score alone."""
    import numpy as np
    if not by_task or any(len(scores) < 2 for scores in by_task):
        return None
    random = np.random.default_rng(0)
    drawn = np.concatenate([random.choice(np.asarray(scores, float), (RESAMPLES, len(scores)))
                            for scores in by_task], axis=1)
    return _percentiles(iqm(drawn, axis=1))


def improvement(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """P(a run of ours scores above one of theirs), ties count half; the mean over tasks."""
    return float(_wins([_array(x)[None] for x in ours], [_array(y)[None] for y in theirs])[0])


def improvement_interval(ours: list[list[float]], theirs: list[list[float]]) -> Interval:
    """None where a task has one score alone on either side."""
    import numpy as np
    if not ours or any(len(scores) < 2 for scores in [*ours, *theirs]):
        return None
    random = np.random.default_rng(0)

    def draw(scores: list[float]) -> typing.Any:
        return random.choice(_array(scores), (RESAMPLES, len(scores)))
    return _percentiles(_wins([draw(x) for x in ours], [draw(y) for y in theirs]))


def _array(scores: list[float]) -> typing.Any:
    import numpy as np
    return np.asarray(scores, dtype=float)


def _wins(ours: list[typing.Any], theirs: list[typing.Any]) -> typing.Any:
    """[R] of [R, N] and [R, M] for each task."""
    import numpy as np
    shares = []
    for x, y in zip(ours, theirs):
        above = x[:, :, None] > y[:, None, :]
        equal = x[:, :, None] == y[:, None, :]
        shares.append((above + 0.5 * equal).mean(axis=(1, 2)))
    return np.mean(shares, axis=0)


def _percentiles(values: typing.Any) -> tuple[float, float]:
    import numpy as np
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
