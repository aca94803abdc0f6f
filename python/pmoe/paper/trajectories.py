"""Fig 3: episodes of trained policies in the fixed arena, and those of each primitive alone."""

from __future__ import annotations

from pmoe.paper import arena, play, plot
from pmoe.paper.cells import Gathered
from pmoe.paper.page import Rows

COLUMNS = ("row", "primitive", "episode", "x", "y", "reached", "made_of")


def numbers(gathered: Gathered) -> Rows:
    item, rows = gathered.item, []
    for row in item.rows:
        cell = gathered.of(row, item.columns[0])
        run = play.policy_run(cell)
        if run is None:
            gathered.say(f"{row.name}: no finished run of it is here with its policy")
            continue
        alone = row.primitives == "each"
        who = [str(k) for k in range(int(run.settings["policy.primitives"]))] if alone else [
            "router"]
        for primitive in who:
            steps = play.trace(run, gathered.edition.episodes, primitive, action="sample")
            places = arena.positions(gathered, run, steps.obs)
            if not any(each.get("what") for each in rows):
                rows += arena.objects(steps.obs[0])
            last = {episode: reward for episode, reward in zip(steps.episode, steps.reward)}
            for at in range(len(places)):
                episode = int(steps.episode[at])
                rows.append({"row": row.name, "primitive": primitive, "episode": episode,
                             "step": int(steps.step[at]), "x": round(float(places[at][0]), 3),
                             "y": round(float(places[at][1]), 3),
                             "reached": int(last[episode] > arena.REACHED),
                             "made_of": play.made_of(run) if at == 0 else ""})
    return rows


def _paths(rows: Rows, name: str) -> dict[tuple[str, float], Rows]:
    """By who acted and the episode's number."""
    paths: dict[tuple[str, float], Rows] = {}
    for row in rows:
        if row.get("row") == name:
            who = row["primitive"] if isinstance(row["primitive"], str) else str(
                int(row["primitive"]))
            paths.setdefault((who, row["episode"]), []).append(row)
    return paths


def table(gathered: Gathered, rows: Rows) -> tuple[list[str], list[list[str]]]:
    lines = []
    for line in gathered.item.rows:
        paths = _paths(rows, line.name)
        for who in dict.fromkeys(who for who, _ in paths):
            mine = [path for (each, _), path in paths.items() if each == who]
            left = sum(_side(path) > 0 for path in mine)
            lines.append([line.name if who == "router" else f"{line.name}: {who}",
                          f"{sum(path[0]['reached'] > 0 for path in mine)} of {len(mine)}",
                          f"{left} and {len(mine) - left}",
                          f"{sum(map(len, mine)) / len(mine):.0f}", str(mine[0][0]["made_of"])])
        if not paths:
            lines.append([line.name, "no run", "–", "–", "–"])
    return ["", "reached the target", "above and below the diagonal", "steps", "policy"], lines


def _side(path: Rows) -> float:
    """Above 0: more of it lies above the diagonal from start to target."""
    return sum(row["y"] - row["x"] for row in path)


def notes(gathered: Gathered) -> list[str]:
    return [f"{gathered.edition.episodes} episodes each, actions drawn from the policy (`pmoe eval "
            "--action sample`); of a primitive alone `--primitive K`. The policy is that of the "
            "lowest seed, its last snapshot."]


def draw(gathered: Gathered, rows: Rows) -> bytes:
    named = [line.name for line in gathered.item.rows if _paths(rows, line.name)]
    figure, axes = plot.panels(len(named), wide=3.4, high=3.4)
    for name, axis in zip(named, axes):
        arena.draw_objects(axis, rows)
        paths = _paths(rows, name)
        each = list(dict.fromkeys(who for who, _ in paths))
        told = set()
        for (who, _), path in paths.items():
            label = None if who == "router" or who in told else f"primitive {who}"
            told.add(who)
            axis.plot([row["x"] for row in path], [row["y"] for row in path], linewidth=1.1,
                      alpha=0.8, color="C3" if who == "router" else ("C3", "C0", "C1", "C4")[
                          each.index(who) % 4], label=label, zorder=2)
        axis.set_title(name, fontsize=10)
    plot.legend(figure, axes)
    return plot.png(figure)
