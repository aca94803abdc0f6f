"""Evaluations of runs as the scripts of this folder read them, and their means over seeds.

A run is a run directory of `pmoe train`, or a copy of its metrics.csv; a folder of runs, like that
of `pmoe sweep`, stands for all of them. A run's environment, algorithm and seed are read from the
config.textproto beside it, else from the name of the folder or file: <env>-<algorithm>-s<seed>…
"""
import collections
import dataclasses
import math
import pathlib
import re
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

from pmoe import textproto  # noqa: E402
from pmoe.config import REPEATED  # noqa: E402
from pmoe.errors import Error  # noqa: E402
from pmoe.metrics import evaluations, read_metrics, training_seconds  # noqa: E402

NAME = re.compile(r"(?P<env>.+)-(?P<algorithm>[a-z_]+)-s(?P<seed>\d+)")
CONFIDENCE = 0.95


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
        try:
            said = textproto.parse(config.read_text(), str(config), REPEATED)
            return said["env"]["id"], said["algorithm"], str(said["seed"])
        except (Error, KeyError, TypeError):
            pass  # the name may say it
    name = metrics.parent.name if metrics.name == "metrics.csv" else metrics.stem
    match = NAME.match(name)
    if not match:
        sys.exit(f"{metrics} has no config.textproto beside it, and {name!r} is not "
                 "<env>-<algorithm>-s<seed>: rename it")
    return match["env"], match["algorithm"], match["seed"]


def metrics_files(path):
    """The metrics.csv that a word of the command line stands for: one, or those of a folder."""
    if not path.is_dir():
        found = [path]
    elif (path / "metrics.csv").exists():
        found = [path / "metrics.csv"]
    else:
        found = sorted(path.glob("*/metrics.csv"))
    if not found or not found[0].exists():
        sys.exit(f"{path} is neither a metrics.csv, nor a run directory, nor a folder of those")
    return found


def read_run(metrics):
    """A Run, or None where nothing was evaluated yet."""
    try:
        columns, rows = read_metrics(metrics)
    except Error as error:
        sys.exit(str(error))
    steps, returns = evaluations(columns, rows)
    if not steps:
        print(f"{metrics} has no evaluation yet, left out", file=sys.stderr)
        return None
    return Run(*describe(metrics), steps, returns, training_seconds(columns, rows))


def read_runs(paths):
    """Every run that `paths` stand for; ends the program if there is none."""
    files = [metrics for path in paths for metrics in metrics_files(path)]
    runs = [run for run in map(read_run, files) if run is not None]
    if not runs:
        sys.exit("none of the runs has an evaluation yet")
    return runs


def grouped(runs):
    """{env: {algorithm: [runs by seed]}}, names sorted."""
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in sorted(runs, key=lambda r: (r.env, r.algorithm, int(r.seed))):
        groups[run.env][run.algorithm].append(run)
    return groups


def shared_evaluations(runs):
    """(steps, rows): the env steps that all runs evaluated, and each run's returns there."""
    by_run = [dict(zip(run.steps, run.returns)) for run in runs]
    steps = sorted(set.intersection(*(set(values) for values in by_run)))
    return steps, [[values[at] for at in steps] for values in by_run]


def mean_curve(runs):
    """Mean over the runs at every number of env steps that all of them evaluated."""
    steps, rows = shared_evaluations(runs)
    return steps, [statistics.fmean(column) for column in zip(*rows)]


def mean_interval(rows):
    """(low, high) of the mean over rows, for each column: a percentile bootstrap over the rows.

    Needs two rows at least. Its random numbers are seeded: the same runs give the same interval.
    """
    import numpy  # here, so that tables without intervals need no package
    from scipy import stats
    result = stats.bootstrap((numpy.asarray(rows, dtype=float),), numpy.mean, axis=0,
                             confidence_level=CONFIDENCE, n_resamples=5000, method="percentile",
                             rng=numpy.random.default_rng(0))
    return result.confidence_interval.low, result.confidence_interval.high
