"""A run directory: pmoe.Run, and the table of a folder of runs: pmoe.runs."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import re
import typing

from pmoe import command
from pmoe.config import read_config
from pmoe.cost import Cost, costs
from pmoe.errors import Error
from pmoe.evaluation import Evaluation, parse_evaluation
from pmoe.metrics import RETURN, evaluations, read_metrics

if typing.TYPE_CHECKING:
    import pandas

    from pmoe.policy import Policy

CONFIG = "config.textproto"
SNAPSHOTS = ("latest", "best")
FOLDERS_MAX = 10000  # that runs() looks into


class Run:
    """A directory that `pmoe train` or `pmoe up` wrote, finished or not. Reads, and writes nothing.

        run = pmoe.Run("runs/my-run")
        run.metrics.plot("env_steps", "eval_return_mean")
        run.config["learner"]["batch_size"]
        run.policy("best").act(obs)

    Raises:
        pmoe.Error: the folder is no run directory; a folder of several seeds names them.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        if not (self.path / CONFIG).is_file():
            raise Error(_no_run(self.path))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def config(self) -> dict[str, typing.Any]:
        """Every setting as the run used it: `run.config["policy"]["primitives"]`."""
        return read_config(self.path / CONFIG)

    @property
    def manifest(self) -> dict[str, typing.Any]:
        """What produced the numbers: versions, CPU, threads, start time."""
        file = self.path / "manifest.json"
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Error(f"{file} cannot be read ({error}); it is written when a run starts"
                        ) from None

    @property
    def metrics(self) -> pandas.DataFrame:
        """metrics.csv, a row per log interval or evaluation; docs/metrics.md explains columns.

        What was not measured in a row is NaN. Needs pandas.
        """
        pandas = import_pandas("run.metrics")
        columns, rows = read_metrics(self.path / "metrics.csv")
        return pandas.DataFrame(rows, columns=columns, dtype=float).astype(
            {name: "int64" for name in ("env_steps", "updates") if name in columns})

    @property
    def evaluations(self) -> tuple[list[int], list[float]]:
        """(env steps, mean returns) of all evaluations; needs no pandas."""
        return evaluations(*read_metrics(self.path / "metrics.csv"))

    def cost(self, target_return: float | None = None,
             price_per_hour: float | None = None) -> Cost | None:
        """Hours, CPU hours, GPU hours and money so far, from metrics.csv.

            run.cost().per_million_steps().cpu_hours
            run.cost(target_return=3000)

        Args:
            target_return: only to the first evaluation with this return; None if there is none.
            price_per_hour: of all machines together; default: the run's observe.price_per_hour.
        """
        price = self._price() if price_per_hour is None else price_per_hour
        if not 0 <= price < math.inf:
            raise Error(f"price_per_hour is {price}, must be 0 or more; 0: no price")
        columns, rows = read_metrics(self.path / "metrics.csv")
        after = costs(columns, rows, price)
        if target_return is None:
            return after[-1] if after else Cost(0, 0.0, 0.0, 0.0, math.nan)
        if RETURN not in columns:
            return None
        returns = [row[columns.index(RETURN)] for row in rows]
        return next((cost for cost, value in zip(after, returns) if value >= target_return), None)

    def _price(self) -> float:
        return float(self.config["observe"].get("price_per_hour", 0.0))

    def policy(self, snapshot: str = "latest") -> Policy:
        """The newest policy, or with "best" that of the best evaluation; acts on NumPy arrays."""
        from pmoe.policy import Policy  # here, so that what reads numbers alone loads no more
        return Policy(self.path / "snapshots" / f"{_snapshot(snapshot)}.pmoe")

    def evaluate(self, episodes: int = 10, *, snapshot: str = "latest",
                 primitive: str | int = "router", action: str = "mean", obs_noise: float = 0.0,
                 seed: int | None = None, threads: int = 1,
                 trace: str | os.PathLike[str] | None = None) -> Evaluation:
        """Plays episodes with `pmoe eval`.

        Args:
            primitive: who acts: "router", drawn by its weights; "argmax"; or an index.
            action: "mean" of the primitive's Gaussian, or a "sample".
            obs_noise: standard deviation of noise on what the policy sees.
            seed: of starts, draws and noise; default: the command's.
            trace: also writes every step to this CSV file; then `.returns` has each episode's.
        """
        words = ["pmoe", "eval", *self._policy_words(snapshot), "--episodes", str(episodes),
                 "--primitive", str(primitive), "--action", action, "--obs-noise", repr(obs_noise),
                 "--threads", str(threads)]
        if seed is not None:
            words += ["--seed", str(seed)]
        if trace is not None:
            words += ["--trace", os.fspath(trace)]
        return parse_evaluation(command.run(words), trace)

    def video(self, file: str | os.PathLike[str], *, snapshot: str = "latest", episodes: int = 1,
              frames: int | None = None, camera: str | None = None, width: int | None = None,
              height: int | None = None, primitive: str | int = "router",
              action: str = "mean") -> pathlib.Path:
        """The policy at work as .mp4 or .webm, with `pmoe play`; needs no screen."""
        words = ["pmoe", "play", *self._policy_words(snapshot), "--video", os.fspath(file),
                 "--episodes", str(episodes), "--primitive", str(primitive), "--action", action]
        for flag, value in (("--frames", frames), ("--camera", camera), ("--width", width),
                            ("--height", height)):
            if value is not None:
                words += [flag, str(value)]
        command.run(words)
        return pathlib.Path(file)

    def export(self, file: str | os.PathLike[str], snapshot: str = "latest") -> pathlib.Path:
        """The policy for other programs, with `pmoe export`: .onnx, .h (C), or .npz (NumPy), which
        pmoe.Policy reads."""
        command.run(["pmoe", "export", *self._policy_words(snapshot), "--out", os.fspath(file)])
        return pathlib.Path(file)

    def verify(self) -> dict[str, typing.Any]:
        """What the directory holds and what is damaged: `pmoe run verify --json`."""
        try:
            return json.loads(command.run(["pmoe", "run", "verify", str(self.path), "--json"]))
        except command.CommandError as error:
            if error.code == 1 and error.stdout:  # damaged, and said
                return json.loads(error.stdout)
            raise

    def _policy_words(self, snapshot: str) -> list[str]:
        return ["--run", str(self.path), "--snapshot", _snapshot(snapshot)]


def runs(folder: str | os.PathLike[str]) -> pandas.DataFrame:
    """Every run below a folder, one a row. Damaged ones are rows too: `damage` says what is wrong.

    Columns: name (its path below the folder), env, algorithm, seed, mode, env_steps, total_steps,
    eval_return and eval_steps (of the last evaluation), best_return, damage ("" if none).
    Needs pandas.

    Raises:
        Error: no such folder.
    """
    pandas = import_pandas("pmoe.runs")
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise Error(f"folder {folder} is not there; give one that holds run directories")
    rows = [_row(root, path) for path in _run_folders(root)]
    return pandas.DataFrame([dataclasses.asdict(row) for row in rows],
                            columns=[field.name for field in dataclasses.fields(_Row)])


@dataclasses.dataclass
class _Row:
    name: str
    env: str = ""
    algorithm: str = ""
    seed: int = -1
    mode: str = ""
    env_steps: int = 0
    total_steps: int = 0
    eval_return: float = float("nan")
    eval_steps: int = 0
    best_return: float = float("nan")
    damage: str = ""


def _row(root: pathlib.Path, path: pathlib.Path) -> _Row:
    row = _Row(path.relative_to(root).as_posix() if path != root else root.resolve().name)
    damages = []
    try:
        config = read_config(path / CONFIG)
        row.env, row.algorithm = config["env"]["id"], config["algorithm"]
        row.seed, row.mode = config["seed"], config["schedule"]["mode"]
        row.total_steps = config["schedule"]["total_steps"]
    except Error as error:
        damages.append(str(error))
    except (KeyError, TypeError) as error:
        damages.append(f"{path / CONFIG} has no {error}")
    try:
        columns, rows = read_metrics(path / "metrics.csv")
        steps, returns = evaluations(columns, rows)
        row.env_steps = int(rows[-1][columns.index("env_steps")]) if rows else 0
        if returns:
            row.eval_steps, row.eval_return, row.best_return = steps[-1], returns[-1], max(returns)
    except (Error, ValueError, OverflowError) as error:
        damages.append(str(error))
    row.damage = "; ".join(damages)
    return row


def _run_folders(root: pathlib.Path) -> list[pathlib.Path]:
    """Run directories below root, by path. A run holds no others; links are not followed."""
    found, left = [], FOLDERS_MAX
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if CONFIG in files or CONFIG in folders:  # as a folder it is damaged, and said to be
            found.append(pathlib.Path(folder))
            folders.clear()
        left -= 1
        if left == 0:
            raise Error(f"folder {root} has more than {FOLDERS_MAX} folders below it; give one "
                        "that holds run directories")
    return found


def _no_run(path: pathlib.Path) -> str:
    if not path.is_dir():
        return f"{path} is not there; give the directory of a run, such as one below runs/"
    seeds = sorted((int(match[1]), folder) for folder in path.glob("seed_*")
                   if (match := re.fullmatch(r"seed_(\d+)", folder.name)) and
                   (folder / CONFIG).is_file())
    if seeds:
        return (f"{path} holds the runs of seeds {', '.join(str(seed) for seed, _ in seeds)}: name "
                f"one of them, like {seeds[0][1]}, or see all with pmoe.runs({str(path)!r})")
    return (f"{path} is not a run directory: it has no {CONFIG}; pmoe.runs() lists those below a "
            "folder")


def _snapshot(name: str) -> str:
    if name not in SNAPSHOTS:
        raise Error(f"snapshot is {name!r}, must be one of {', '.join(SNAPSHOTS)}")
    return name


def import_pandas(who: str) -> typing.Any:
    """pandas, or an Error that says who needs it."""
    try:
        import pandas
    except ImportError:
        raise Error(f"{who} needs pandas: pip install pandas") from None
    return pandas
