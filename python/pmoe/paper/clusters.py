"""Figs 4 and 11: the states that a policy visits, clustered, and the actions of all primitives on
the states of one cluster, both by t-SNE. Needs scikit-learn."""

from __future__ import annotations

import math
import typing

from pmoe.paper import play, plot
from pmoe.paper.cells import Gathered
from pmoe.paper.items import Line
from pmoe.paper.library import Found
from pmoe.paper.page import Rows
from pmoe.policy import Policy

COLUMNS = ("column", "panel", "x", "y", "of", "silhouette", "made_of")
CLUSTERS = 4     # "Class 0" to "Class 3" of Fig 4
EPISODES = 10
ACTIONS = 4000   # drawn at most: states of the cluster times primitives
STATES = "states"
WHAT = ("States: of {episodes} episodes of the last row's policy, at most {states:,} of them, "
        "evenly chosen; each number divided by its standard deviation, then t-SNE (scikit-learn's "
        "defaults, seed 0), then k-means with four clusters on the picture's places. Actions: each "
        "primitive of a row's policy draws one action in every state of the largest cluster (at "
        "most {actions:,} actions), then t-SNE. Silhouette: how far the primitives' actions lie "
        "apart, before t-SNE: 1 apart, 0 alike, below 0 mixed (scikit-learn's silhouette_score).")


def numbers(gathered: Gathered) -> Rows:
    rows: Rows = []
    for column in gathered.item.columns:
        runs = {row.name: run for row in gathered.item.rows
                if (run := play.policy_run(gathered.of(row, column))) is not None}
        if not runs:
            gathered.say(f"{column.name}: no finished run of it is here with its policy")
            continue
        rows += _column(gathered, column, runs)
    return rows


def _column(gathered: Gathered, column: Line, runs: dict[str, Found]) -> Rows:
    import numpy as np
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits
    run = list(runs.values())[-1]
    states = play.trace(run, EPISODES).obs
    chosen = np.linspace(0, len(states) - 1, min(len(states), gathered.edition.states)).astype(int)
    states = states[chosen]
    gathered.say(f"{column.name}: t-SNE of {len(states):,} states")
    scale = states.std(axis=0)
    places = _tsne(states / np.where(scale > 0, scale, 1.0))
    with threadpool_limits(1):
        groups = KMeans(CLUSTERS, n_init=10, random_state=0).fit_predict(places)
    largest = int(np.bincount(groups).argmax())
    rows = _points(column, STATES, places, groups, math.nan, run)
    for name, each in runs.items():
        rows += _actions(column, name, each, states[groups == largest])
    return rows


def _actions(column: Line, name: str, run: Found, states: typing.Any) -> Rows:
    import numpy as np
    from sklearn.metrics import silhouette_score
    policy = Policy(run.place / "snapshots/latest.pmoe")
    primitives = policy.spec.primitives
    states = states[:: max(1, math.ceil(len(states) * primitives / ACTIONS))]
    said = policy.primitives(states)
    random = np.random.default_rng(0)
    drawn = policy.squashed(said.means + said.stds * random.standard_normal(said.means.shape))
    actions = drawn.reshape(-1, drawn.shape[-1])
    who = np.tile(np.arange(primitives), len(states))
    apart = silhouette_score(actions, who) if 1 < primitives < len(actions) else math.nan
    return _points(column, name, _tsne(actions), who, float(apart), run)


def _points(column: Line, panel: str, places: typing.Any, of: typing.Any, apart: float, run: Found
            ) -> Rows:
    """The first row of a panel also has what is true of all."""
    rows: Rows = [{"column": column.name, "panel": panel, "x": round(float(x), 2),
                   "y": round(float(y), 2), "of": int(k)} for (x, y), k in zip(places, of)]
    rows[0].update({"silhouette": apart, "made_of": play.made_of(run)})
    return rows


def _tsne(values: typing.Any) -> typing.Any:
    """[N, 2]. By one thread: several spin for minutes where others want the cores too."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits
    perplexity = min(30.0, (len(values) - 1) / 3)  # which must be below their number
    with threadpool_limits(1):
        return TSNE(perplexity=perplexity, random_state=0).fit_transform(values)


def _panels(gathered: Gathered, rows: Rows) -> list[tuple[str, str]]:
    order = [STATES, *(line.name for line in gathered.item.rows)]
    seen = dict.fromkeys((row["column"], row["panel"]) for row in rows)
    return [(column.name, panel) for column in gathered.item.columns for panel in order
            if (column.name, panel) in seen]


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    lines = []
    for column, panel in _panels(gathered, rows):
        mine = [row for row in rows if (row["column"], row["panel"]) == (column, panel)]
        lines.append([f"{column}, {panel if panel == STATES else 'actions of ' + panel}",
                      f"{len(mine):,}", f"{len({row['of'] for row in mine})}",
                      "–" if panel == STATES else f"{mine[0]['silhouette']:.2f}",
                      str(mine[0]["made_of"])])
    return ["", "points", "clusters or primitives", "silhouette", "policy"], lines


def notes(gathered: Gathered) -> list[str]:
    return [WHAT.format(episodes=EPISODES, states=gathered.edition.states, actions=ACTIONS)]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    shown = _panels(gathered, rows)
    across = 1 + len(gathered.item.rows)
    figure, axes = plot.panels(len(shown), across=across if across > 2 else 4, wide=3.5, high=3.4)
    for (column, panel), axis in zip(shown, axes):
        mine = [row for row in rows if (row["column"], row["panel"]) == (column, panel)]
        for k in sorted({row["of"] for row in mine}):
            points = [row for row in mine if row["of"] == k]
            name = "class" if panel == STATES else "primitive"
            axis.scatter([p["x"] for p in points], [p["y"] for p in points], s=5, linewidths=0,
                         alpha=0.7, color=plot.pyplot().get_cmap("tab10")(int(k) % 10),
                         label=f"{name} {k:.0f}")
        title = f"{column}: {panel if panel == STATES else 'actions, ' + panel}"
        apart = mine[0]["silhouette"]
        if not math.isnan(apart):
            title += f"\nsilhouette {apart:.2f}"
        axis.set_title(title, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        count = len({row["of"] for row in mine})
        axis.legend(fontsize=6, markerscale=2.5, loc="best", framealpha=0.7,
                    ncols=math.ceil(count / 5))
    return plot.png(figure)
