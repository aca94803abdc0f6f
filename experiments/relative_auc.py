#!/usr/bin/env python3
"""Areas under evaluation curves, relative to a base algorithm's, as a Markdown table and a picture.

The area is the trapezoid of evaluation return over env steps. A ratio is one seed's area over that
of the base algorithm's run with the same seed, both over the env steps that both were evaluated
at. A row gives the mean over seeds with its 95 % percentile bootstrap interval; "all" is the mean
over environments, for which seeds are drawn anew within each environment.

    .deps/experiments/bin/python experiments/relative_auc.py runs/sweeps/pendulum --base sac
    .deps/experiments/bin/python experiments/relative_auc.py docs/results/*sac*.csv --base sac
"""
import argparse
import pathlib
import statistics
import sys

from run_files import CONFIDENCE, grouped, mean_interval, read_runs

from pmoe.paper.statistics import area

ALL = "all"
RESAMPLES = 5000


def ratio(run, base):
    """Area over the base's; None where it says nothing: no common steps, or a base area <= 0."""
    first = max(run.steps[0], base.steps[0])
    last = min(run.steps[-1], base.steps[-1])
    if first >= last:
        return None
    below = area(base.steps, base.returns, first, last)
    return area(run.steps, run.returns, first, last) / below if below > 0 else None


def relative_areas(groups, base):
    """{env: {algorithm: {seed: ratio}}} for every run whose seed the base algorithm has too."""
    table = {}
    for env, algorithms in groups.items():
        bases = {run.seed: run for run in algorithms.get(base, [])}
        for algorithm, runs in algorithms.items():
            ratios = {run.seed: ratio(run, bases[run.seed]) for run in runs if run.seed in bases}
            ratios = {seed: value for seed, value in ratios.items() if value is not None}
            if ratios:
                table.setdefault(env, {})[algorithm] = ratios
    return table


def over_environments(by_env):
    """(mean, low, high) of the mean over environments of the mean over seeds."""
    import numpy
    random = numpy.random.default_rng(0)
    means = [numpy.mean([numpy.mean(random.choice(ratios, len(ratios))) for ratios in by_env])
             for _ in range(RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    low, high = numpy.quantile(means, [tail, 1 - tail])
    return statistics.fmean(statistics.fmean(ratios) for ratios in by_env), low, high


def rows_of(table):
    """[(env, algorithm, seeds, mean, low, high)]; low and high None with one seed."""
    rows, by_algorithm = [], {}
    for env, algorithms in table.items():
        for algorithm, ratios in algorithms.items():
            values = list(ratios.values())
            by_algorithm.setdefault(algorithm, []).append(values)
            low, high = mean_interval(values) if len(values) > 1 else (None, None)
            rows.append((env, algorithm, len(values), statistics.fmean(values), low, high))
    if len(table) > 1:
        for algorithm, by_env in sorted(by_algorithm.items()):
            if len(by_env) == len(table):
                seeds = sum(len(values) for values in by_env)
                rows.append((ALL, algorithm, seeds, *over_environments(by_env)))
    return rows


def print_markdown(rows, base):
    print(f"| env | algorithm | seeds | area over {base}'s | 95 % interval |")
    print("|---|---|---:|---:|---|")
    for env, algorithm, seeds, mean, low, high in rows:
        interval = "-" if low is None else f"{100 * low:.1f} to {100 * high:.1f} %"
        print(f"| {env} | {algorithm} | {seeds} | {100 * mean:.1f} % | {interval} |")


def draw(rows, base, out):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(layout="constrained", figsize=(7, 0.9 + 0.36 * len(rows)))
    names = sorted({row[1] for row in rows})
    for place, (env, algorithm, seeds, mean, low, high) in enumerate(rows):
        colour = f"C{names.index(algorithm)}"
        axis.plot([mean], [place], "o", color=colour)
        if low is not None:
            axis.plot([low, high], [place, place], color=colour, linewidth=2.4)
    axis.set_yticks(range(len(rows)), [f"{row[0]}, {row[1]} ({row[2]})" for row in rows])
    axis.axvline(1, color="0.5", linewidth=0.8)
    axis.set_xlabel(f"area under the evaluation curve over {base}'s (seeds in brackets)")
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.25)
    figure.savefig(out, dpi=130)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path,
                        help="run directories, folders of those, or metrics.csv files")
    parser.add_argument("--base", default="sac", help="algorithm of 100 %% (default %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="a picture, PNG, SVG or PDF")
    arguments = parser.parse_args()
    table = relative_areas(grouped(read_runs(arguments.runs)), arguments.base)
    if not table:
        sys.exit(f"no run has a run of {arguments.base} with the same environment and seed and two "
                 "common evaluations; name another one by --base")
    rows = rows_of(table)
    if arguments.out is not None:
        draw(rows, arguments.base, arguments.out)
    print_markdown(rows, arguments.base)


if __name__ == "__main__":
    main()
