"""Fig 10: what each primitive would do at five steps of one period of the gait."""

from __future__ import annotations

from pmoe.paper import plot, router
from pmoe.paper.cells import Gathered
from pmoe.paper.page import Rows

COLUMNS = ("time", "step", "primitive", "weight", "action", "mean", "made_of")
STEPS = (1, 3, 5, 6, 7)  # of the paper's period


def numbers(gathered: Gathered) -> Rows:
    steps, begin, made_of = router.gait(gathered)
    weights = steps.weights[begin:begin + router.SHOWN, 0]
    again = router.period(weights)
    first = begin + (int(weights[:again].argmax()) if again else 0)
    rows: Rows = []
    for number in STEPS:
        at = min(first + number - 1, len(steps.step) - 1)
        for k in range(steps.means.shape[1]):
            for j, value in enumerate(steps.means[at, k]):
                rows.append({"time": number, "step": int(steps.step[at]), "primitive": k,
                             "weight": float(steps.weights[at, k]), "action": j,
                             "mean": float(value), "period": again, "made_of": made_of})
    return rows


def table(_: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    lines = []
    for time in dict.fromkeys(row["time"] for row in rows):
        mine = [row for row in rows if row["time"] == time]
        weights = {row["primitive"]: row["weight"] for row in mine}
        by_action: dict[float, list[float]] = {}
        for row in mine:
            by_action.setdefault(row["action"], []).append(row["mean"])
        apart = sum(max(v) - min(v) for v in by_action.values()) / len(by_action)
        lines.append([f"time step {time:.0f}", f"{mine[0]['step']:.0f}",
                      ", ".join(f"{w:.2f}" for w in weights.values()), f"{apart:.2f}"])
    return ["", "step of the episode", "router's weights", "mean range over primitives"], lines


def notes(_: Gathered) -> list[str]:
    return ["Bars: each primitive's mean action, squashed to [-1, 1], one bar per actuator. Time "
            "step 1 is where w_0 is highest in the first period of Fig 9; the five steps are the "
            "paper's."]


def draw(_: Gathered, rows: Rows) -> bytes:
    times = list(dict.fromkeys(row["time"] for row in rows))
    figure, axes = plot.panels(len(times), across=5, wide=2.7, high=2.8)
    primitives = sorted({row["primitive"] for row in rows})
    wide = 0.8 / len(primitives)
    for index, (time, axis) in enumerate(zip(times, axes)):
        for k in primitives:
            mine = [row for row in rows if row["time"] == time and row["primitive"] == k]
            axis.bar([row["action"] + (k - (len(primitives) - 1) / 2) * wide for row in mine],
                     [row["mean"] for row in mine], wide, color=f"C{int(k)}",
                     label=f"primitive {k:.0f}")
        axis.axhline(0, color="0.4", linewidth=0.8)
        axis.set(ylim=(-1.05, 1.05), xlabel="actuator")
        axis.set_xticks(sorted({int(row["action"]) for row in rows}))
        if index:
            axis.set_yticklabels([])
        axis.set_title(f"time step {time:.0f}", fontsize=10)
    axes[0].set_ylabel("mean action")
    plot.legend(figure, axes)
    return plot.png(figure)
