"""Fig 9: the router's weights over time, in a gait."""

from __future__ import annotations

import typing

from pmoe.paper import play, plot
from pmoe.paper.cells import Gathered
from pmoe.paper.page import Rows

COLUMNS = ("step", "w_0", "period", "made_of")
BEGIN, SHOWN = 200, 100  # env steps of an episode: past its start, some periods long


def gait(gathered: Gathered) -> tuple[play.Trace, int, str]:
    """(one episode, the first step that is shown, which policy it was)."""
    run = play.need_policy(gathered, gathered.cells[0])
    steps = play.trace(run, 1)
    begin = BEGIN if len(steps.step) >= BEGIN + SHOWN else max(0, len(steps.step) - SHOWN)
    return steps, begin, play.made_of(run)


def period(values: typing.Any) -> int:
    """Steps between likenesses of values [T]: the first peak of the autocorrelation; 0: none."""
    import numpy as np
    centred = values - values.mean()
    if not centred.any():
        return 0
    like = np.correlate(centred, centred, "full")[len(centred) - 1:] / (centred ** 2).sum()
    peaks = [lag for lag in range(2, len(like) // 2)
             if like[lag - 1] < like[lag] >= like[lag + 1] and like[lag] > 0.2]
    return peaks[0] if peaks else 0


def numbers(gathered: Gathered) -> Rows:
    steps, begin, made_of = gait(gathered)
    shown = slice(begin, begin + SHOWN)
    again = period(steps.weights[shown, 0])
    return [{"step": int(step), **{f"w_{k}": float(w) for k, w in enumerate(weights)},
             "period": again, "made_of": made_of}
            for step, weights in zip(steps.step[shown], steps.weights[shown])]


def weights_of(row: dict[str, typing.Any]) -> list[float]:
    return [row[f"w_{k}"] for k in range(sum(key.startswith("w_") for key in row))]


def table(_: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    again = rows[0]["period"]
    lines = []
    for k in range(len(weights_of(rows[0]))):
        mine = [row[f"w_{k}"] for row in rows]
        lines.append([f"w_{k}", f"{min(mine):.3f}", f"{sum(mine) / len(mine):.3f}",
                      f"{max(mine):.3f}", f"{again:.0f} steps" if again else "none found"])
    return ["", "least", "mean", "most", "period of w_0"], lines


def notes(gathered: Gathered) -> list[str]:
    return [f"One episode of the last policy of the lowest seed, {SHOWN} env steps from step "
            f"{BEGIN} on (of a shorter episode the last {SHOWN}). The period is the first peak of "
            "w_0's autocorrelation above 0.2."]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    figure, axes = plot.panels(1, wide=8.0, high=3.0)
    for k in range(len(weights_of(rows[0]))):
        axes[0].plot([row["step"] for row in rows], [row[f"w_{k}"] for row in rows], color=f"C{k}",
                     label=f"primitive {k}")
    axes[0].set(xlabel="step of the episode", ylabel="probability", ylim=(-0.03, 1.03))
    axes[0].set_title(str(rows[0]["made_of"]), fontsize=10)
    axes[0].grid(alpha=0.25)
    plot.legend(figure, axes)
    return plot.png(figure)
