#!/usr/bin/env python3
"""Draws evaluation returns of runs and prints them as a table.

One panel per environment, one colour per algorithm: each seed a thin line, their mean a thick one.
A run is a run directory of `pmoe train`, or a copy of its metrics.csv. Its environment, algorithm
and seed are read from the config.textproto beside it, else from the name of the folder or file:
<env>-<algorithm>-s<seed>…

    python3 -m venv .deps/experiments
    .deps/experiments/bin/pip install -r experiments/requirements.txt
    .deps/experiments/bin/python experiments/curves.py runs/* --out curves.png
"""
import argparse
import collections
import csv
import dataclasses
import math
import pathlib
import re
import statistics
import sys

NAME = re.compile(r"(?P<env>.+)-(?P<algorithm>[a-z_]+)-s(?P<seed>\d+)")


@dataclasses.dataclass
class Run:
    env: str
    algorithm: str
    seed: str
    steps: list    # env steps of each evaluation
    returns: list  # its mean return
    seconds: float

    def return_at(self, env_steps):
        """The first evaluation at or after env_steps; nan beyond the run's end."""
        for steps, value in zip(self.steps, self.returns):
            if steps >= env_steps:
                return value
        return math.nan


def describe(metrics):
    """(env, algorithm, seed) of a metrics.csv."""
    config = metrics.parent / "config.textproto"
    if metrics.name == "metrics.csv" and config.exists():
        text = config.read_text()
        env = re.search(r'\benv\s*\{[^}]*?\bid:\s*"([^"]+)"', text)
        algorithm = re.search(r'^algorithm:\s*"([^"]+)"', text, re.MULTILINE)
        seed = re.search(r"^seed:\s*(\d+)", text, re.MULTILINE)
        if env and algorithm and seed:
            return env[1], algorithm[1], seed[1]
    name = metrics.parent.name if metrics.name == "metrics.csv" else metrics.stem
    match = NAME.match(name)
    if not match:
        sys.exit(f"curves.py: {metrics} has no config.textproto beside it, and {name!r} is not "
                 "<env>-<algorithm>-s<seed>: rename it")
    return match["env"], match["algorithm"], match["seed"]


def read_run(path):
    """A Run, or None where nothing was evaluated yet."""
    metrics = path / "metrics.csv" if path.is_dir() else path
    if not metrics.exists():
        sys.exit(f"curves.py: {metrics} does not exist; give run directories or metrics.csv files")
    steps, returns, seconds, before = [], [], 0.0, 0.0
    with metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            wall_s = float(row["wall_s"])  # starts anew where the run was resumed
            seconds += wall_s - before if wall_s >= before else wall_s
            before = wall_s
            if row["eval_return_mean"]:
                steps.append(int(float(row["env_steps"])))
                returns.append(float(row["eval_return_mean"]))
    if not steps:
        print(f"curves.py: {metrics} has no evaluation yet, left out", file=sys.stderr)
        return None
    return Run(*describe(metrics), steps, returns, seconds)


def grouped(runs):
    """{env: {algorithm: [runs by seed]}}, names sorted."""
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in sorted(runs, key=lambda r: (r.env, r.algorithm, int(r.seed))):
        groups[run.env][run.algorithm].append(run)
    return groups


def mean_curve(runs):
    """Mean over the runs at every number of env steps that all of them evaluated."""
    by_steps = collections.defaultdict(list)
    for run in runs:
        for steps, value in zip(run.steps, run.returns):
            by_steps[steps].append(value)
    shared = sorted(steps for steps, values in by_steps.items() if len(values) == len(runs))
    return shared, [statistics.fmean(by_steps[steps]) for steps in shared]


def draw(groups, out, title):
    import matplotlib  # here, so that --help and the table need no environment
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    columns = min(3, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure, axes = pyplot.subplots(rows, columns, squeeze=False, layout="constrained",
                                   figsize=(5.2 * columns, 3.6 * rows))
    names = sorted({algorithm for algorithms in groups.values() for algorithm in algorithms})
    colours = {name: f"C{index}" for index, name in enumerate(names)}
    panels = list(axes.flat)
    for panel, (env, algorithms) in zip(panels, groups.items()):
        for algorithm, runs in algorithms.items():
            for run in runs:
                panel.plot(run.steps, run.returns, color=colours[algorithm], linewidth=0.8,
                           alpha=0.45)
            seeds = f"{len(runs)} seed" + ("s" if len(runs) > 1 else "")
            panel.plot(*mean_curve(runs), color=colours[algorithm], linewidth=2.4,
                       label=f"{algorithm}, {seeds}")
        panel.set(title=env, xlabel="env steps", ylabel="evaluation return")
        panel.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))  # 50k, 1M
        panel.grid(alpha=0.25)
        panel.legend(frameon=False, loc="best")
    for panel in panels[len(groups):]:
        panel.set_axis_off()
    if title:
        figure.suptitle(title)
    figure.savefig(out, dpi=130)
    pyplot.close(figure)


def print_table(groups, table_steps):
    """One markdown row per run, and one of means per algorithm with several seeds."""
    heads = [f"return at {steps // 1000}k" for steps in table_steps]
    print("| env | algorithm | seed | " + " | ".join(heads) + " | mean of evaluations | seconds |")
    print("|---|---|---|" + "---:|" * (len(heads) + 2))
    for env, algorithms in groups.items():
        for algorithm, runs in algorithms.items():
            rows = [[*(run.return_at(steps) for steps in table_steps),
                     statistics.fmean(run.returns), run.seconds] for run in runs]
            for run, row in zip(runs, rows):
                print_row(env, algorithm, run.seed, row)
            if len(runs) > 1:
                print_row(env, algorithm, "mean", [statistics.fmean(c) for c in zip(*rows)])


def print_row(env, algorithm, seed, numbers):
    cells = ["-" if math.isnan(number) else f"{number:,.0f}" for number in numbers]
    print("| " + " | ".join([env, algorithm, seed, *cells]) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path,
                        help="run directories or metrics.csv files")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("curves.png"),
                        help="the picture, PNG, SVG or PDF (default %(default)s)")
    parser.add_argument("--title", default="", help="above all panels")
    parser.add_argument("--at", default="50e3,100e3", metavar="STEPS",
                        help="the table's env steps (default %(default)s)")
    parser.add_argument("--table-only", action="store_true", help="draw nothing")
    arguments = parser.parse_args()
    runs = [run for run in map(read_run, arguments.runs) if run is not None]
    if not runs:
        sys.exit("curves.py: none of the runs has an evaluation yet")
    groups = grouped(runs)
    if not arguments.table_only:
        draw(groups, arguments.out, arguments.title)
        print(f"drawn: {arguments.out}\n")
    print_table(groups, [int(float(steps)) for steps in arguments.at.split(",")])


if __name__ == "__main__":
    main()
