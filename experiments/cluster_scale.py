#!/usr/bin/env python3
"""Draws env steps per second against the number of actors, from `./pmoe bench cluster`'s points.

    ./pmoe bench cluster --only scale --csv scale.csv
    .deps/experiments/bin/python experiments/cluster_scale.py scale.csv --out cluster_scale.png
"""
import argparse
import csv
import pathlib
import sys


def read_points(path):
    """{column: numbers}, by actors."""
    with path.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["actors"]))
    if not rows:
        sys.exit(f"{path} has no point; ./pmoe bench cluster --only scale --csv {path} makes them")
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def draw(points, out):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, (rate, cost) = pyplot.subplots(1, 2, layout="constrained", figsize=(9.4, 3.6))
    actors = points["actors"]
    rate.plot(actors, points["ideal_env_steps_per_s"], "--", color="0.6",
              label="100 per second and actor")
    rate.plot(actors, points["env_steps_per_s"], "o-", color="C0", label="measured")
    rate.set(xlabel="actor processes", ylabel="env steps per second", yscale="log")
    rate.yaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    rate.legend(frameon=False)
    cost.plot(actors, points["cores"], "o-", color="C1")
    cost.set(xlabel="actor processes", ylabel="cores, all processes together", ylim=(0, None))
    for axis in (rate, cost):
        axis.set_xscale("log", base=2)
        axis.set_xticks(actors, [f"{number:.0f}" for number in actors])
        axis.grid(alpha=0.25)
    figure.savefig(out, dpi=130)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", type=pathlib.Path, help="the file of --csv")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("cluster_scale.png"),
                        help="the picture, PNG, SVG or PDF (default %(default)s)")
    arguments = parser.parse_args()
    draw(read_points(arguments.points), arguments.out)
    print(f"drawn: {arguments.out}")


if __name__ == "__main__":
    main()
