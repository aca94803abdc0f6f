"""Evaluations of runs as the scripts of this folder read them, and their means over seeds.

A run is a run directory of `pmoe train`, or a copy of its metrics.csv; a folder of runs, like that
of `pmoe sweep`, stands for all of them. A run's environment, algorithm and seed are read from the
config.textproto beside it, else from the name of the folder or file: <env>-<algorithm>-s<seed>…

Runs are of one group if their whole configuration is, but for the seed and what moves no curve
(python/pmoe/paper/settings.py). Groups that differ in a setting are named by it: "pmoe_sac,
policy.primitives=2". Of a copy alone nothing but its name is known: beside runs of the same name
that differ it is refused, and so are two runs with one seed in a group.
"""
import collections
import dataclasses
import math
import pathlib
import re
import statistics
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

from pmoe.config import read_config  # noqa: E402
from pmoe.errors import Error  # noqa: E402
from pmoe.metrics import evaluations, read_metrics, training_seconds  # noqa: E402
from pmoe.paper.settings import counts, flatten, text  # noqa: E402

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
    place: str = ""
    settings: typing.Optional[dict] = None  # of its config.textproto; None: there is none

    def return_at(self, env_steps):
        """The first evaluation at or after env_steps; nan beyond the run's end."""
        for steps, value in zip(self.steps, self.returns):
            if steps >= env_steps:
                return value
        return math.nan


def describe(metrics):
    """(env, algorithm, seed, settings or None) of a metrics.csv."""
    config = metrics.parent / "config.textproto"
    if metrics.name == "metrics.csv" and config.exists():
        try:
            said = flatten(read_config(config))
            return said["env.id"], said["algorithm"], str(said["seed"]), said
        except (Error, KeyError) as error:
            sys.exit(f"{config} does not say what its run is: {error}")
    name = metrics.parent.name if metrics.name == "metrics.csv" else metrics.stem
    match = NAME.match(name)
    if not match:
        sys.exit(f"{metrics} has no config.textproto beside it, and {name!r} is not "
                 "<env>-<algorithm>-s<seed>: rename it")
    return match["env"], match["algorithm"], match["seed"], None


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
    env, algorithm, seed, settings = describe(metrics)
    return Run(env, algorithm, seed, steps, returns, training_seconds(columns, rows),
               str(metrics), settings)


def read_runs(paths):
    """Every run that `paths` stand for; ends the program if there is none."""
    files = [metrics for path in paths for metrics in metrics_files(path)]
    runs = [run for run in map(read_run, files) if run is not None]
    if not runs:
        sys.exit("none of the runs has an evaluation yet")
    return runs


def grouped(runs):
    """{env: {algorithm, and what it differs in: [runs by seed]}}, names sorted. Ends the program
    where a group would be a mix."""
    alike = collections.defaultdict(list)
    for run in sorted(runs, key=lambda r: (r.env, r.algorithm, int(r.seed))):
        alike[run.env, run.algorithm].append(run)
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for (env, algorithm), mine in alike.items():
        varies = differing(mine)
        for run in mine:
            if varies and run.settings is None:
                sys.exit(f"{run.place} has no config.textproto beside it, and others of {env} and "
                         f"{algorithm} differ in {', '.join(varies)}: leave it away, or give its "
                         "run directory")
            told = [f"{path}={text((run.settings or {}).get(path, 'unset'))}" for path in varies]
            group = groups[env][", ".join([algorithm, *told])]
            if group and group[-1].seed == run.seed:
                sys.exit(f"{group[-1].place} and {run.place} are both seed {run.seed} of {env}, "
                         f"{algorithm}: leave one away")
            group.append(run)
    return groups


def differing(runs):
    """Settings that move curves and in which runs differ that have a configuration."""
    known = [run.settings for run in runs if run.settings is not None]
    paths = sorted({path for settings in known for path in settings if counts(path)})
    return [path for path in paths if len({text(each.get(path, "unset")) for each in known}) > 1]


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
