"""Episodes of a run's policy, by `pmoe eval --trace`."""

from __future__ import annotations

import pathlib
import tempfile
import typing

from pmoe.errors import Error
from pmoe.paper.cells import Cell, Gathered
from pmoe.paper.library import Found
from pmoe.paper.settings import text
from pmoe.run import Run


class Trace(typing.NamedTuple):
    """N steps, whole episodes one after the other; float64, and ints."""

    episode: typing.Any    # [N]
    step: typing.Any       # [N] from 1
    reward: typing.Any     # [N]
    primitive: typing.Any  # [N] that acted
    obs: typing.Any        # [N, O] what the policy saw
    weights: typing.Any    # [N, K] of the router
    means: typing.Any      # [N, K, A] squashed, of every primitive


def policy_run(cell: Cell) -> Found | None:
    """That of the lowest seed which has its policy."""
    return next((run for run in cell.runs if run.has_policy), None)


def need_policy(gathered: Gathered, cell: Cell) -> Found:
    run = policy_run(cell)
    if run is None:
        raise Error(f"{gathered.item.name} plays the policy of {cell.name}, and no finished run of "
                    "it is here with its snapshots/latest.pmoe")
    return run


def trace(run: Found, episodes: int, primitive: str = "router", action: str = "mean") -> Trace:
    import numpy as np
    with tempfile.TemporaryDirectory(prefix="pmoe-paper-") as folder:
        file = pathlib.Path(folder) / "steps.csv"
        Run(run.place).evaluate(episodes, primitive=primitive, action=action, trace=file)
        with open(file, encoding="utf-8") as opened:
            names = opened.readline().rstrip("\n").split(",")
        rows = np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)

    def column(name: str) -> typing.Any:
        return rows[:, names.index(name)]

    def group(prefix: str) -> typing.Any:
        return rows[:, [at for at, name in enumerate(names) if name.startswith(prefix)]]
    weights = group("w_")
    primitives = weights.shape[1]
    return Trace(column("episode").astype(int), column("step").astype(int), column("reward"),
                 column("primitive").astype(int), group("obs_"), weights,
                 group("mean_").reshape(len(rows), primitives, -1))


def made_of(run: Found) -> str:
    """For the page: which policy it was."""
    return (f"{text(run.settings['env.id'])}, {text(run.settings['algorithm'])}, K = "
            f"{text(run.settings['policy.primitives'])}, seed {run.seed}, {run.last_step:,} env "
            "steps")
