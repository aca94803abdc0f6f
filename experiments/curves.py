#!/usr/bin/env python3
"""Draws evaluation returns of runs and prints them as a table.

One panel per environment, one colour per algorithm: each seed a thin line, their mean a thick one,
the 95 % bootstrap interval of the mean shaded. What a run is: experiments/run_files.py.

    python3 -m venv .deps/experiments
    .deps/experiments/bin/pip install -r experiments/requirements.txt
    .deps/experiments/bin/python experiments/curves.py runs/* --out curves.png
    .deps/experiments/bin/python experiments/curves.py runs/sweeps/pendulum
    python3 experiments/curves.py runs/new --against runs/old --table-only
"""
import argparse
import math
import pathlib
import random
import statistics

from run_files import (CONFIDENCE, grouped, mean_curve, mean_interval, read_runs,
                       shared_evaluations)

RESAMPLES = 10000


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
            if len(runs) > 1:
                steps, rows = shared_evaluations(runs)
                panel.fill_between(steps, *mean_interval(rows), color=colours[algorithm],
                                   alpha=0.15, linewidth=0)
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


def difference(ours, theirs):
    """(difference of the means, low, high): 95 % percentile bootstrap, both drawn anew alone."""
    draws = random.Random(1)
    means = sorted(statistics.fmean(draws.choices(ours, k=len(ours))) -
                   statistics.fmean(draws.choices(theirs, k=len(theirs)))
                   for _ in range(RESAMPLES))
    cut = round((1 - CONFIDENCE) / 2 * RESAMPLES)
    return statistics.fmean(ours) - statistics.fmean(theirs), means[cut], means[-1 - cut]


def print_differences(groups, others, table_steps):
    print("\n| env | algorithm | measure | seeds | difference of means | 95 % interval |")
    print("|---|---|---|---|---:|---:|")
    measures = [(f"return at {steps // 1000}k", lambda run, steps=steps: run.return_at(steps))
                for steps in table_steps]
    measures.append(("mean of evaluations", lambda run: statistics.fmean(run.returns)))
    for env, algorithms in groups.items():
        for algorithm, runs in algorithms.items():
            against = others.get(env, {}).get(algorithm, [])
            for name, measure in measures if against else ():
                mean, low, high = difference(list(map(measure, runs)), list(map(measure, against)))
                print(f"| {env} | {algorithm} | {name} | {len(runs)} and {len(against)} | "
                      f"{mean:,.0f} | {low:,.0f} to {high:,.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path,
                        help="run directories, folders of those, or metrics.csv files")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("curves.png"),
                        help="the picture, PNG, SVG or PDF (default %(default)s)")
    parser.add_argument("--title", default="", help="above all panels")
    parser.add_argument("--at", default="50e3,100e3", metavar="STEPS",
                        help="the table's env steps (default %(default)s)")
    parser.add_argument("--table-only", action="store_true", help="draw nothing")
    parser.add_argument("--against", nargs="+", type=pathlib.Path, default=[], metavar="RUNS",
                        help="also print how far the means lie from those of these runs, with a "
                             "95 %% interval: 10,000 bootstrap resamples of each side's seeds")
    arguments = parser.parse_args()
    groups = grouped(read_runs(arguments.runs))
    if not arguments.table_only:
        draw(groups, arguments.out, arguments.title)
        print(f"drawn: {arguments.out}\n")
    table_steps = [int(float(steps)) for steps in arguments.at.split(",")]
    print_table(groups, table_steps)
    if arguments.against:
        print_differences(groups, grouped(read_runs(arguments.against)), table_steps)


if __name__ == "__main__":
    main()
