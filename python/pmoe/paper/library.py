"""Runs that exist: run directories, and copies of their metrics.csv beside a runs.json, which holds
every setting of each. What cannot be read is told and left out."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import pathlib
import typing

from pmoe.config import read_config
from pmoe.errors import Error
from pmoe.metrics import RETURN, STEPS, evaluations, read_metrics, training_seconds
from pmoe.paper.settings import Settings, flatten, text

CONFIG, METRICS, COPIES = "config.textproto", "metrics.csv", "runs.json"
SUCCESS = "eval_success_rate"
FOLDERS_MAX = 20000
# What the primitives are like at an evaluation, and how a picture calls it. Empty where an
# algorithm has none.
DIAGNOSTICS = {"router_information": "I(S;K), nats", "router_entropy": "router's entropy, nats",
               "primitive_distance": "primitive distance", "dead_primitives": "dead primitives"}
KEPT = (STEPS, "updates", "wall_s", RETURN, "eval_return_std", SUCCESS, *DIAGNOSTICS)  # of a copy


@dataclasses.dataclass(frozen=True)
class Found:
    """One run. `place` is its directory, or the copy of its metrics.csv."""

    place: pathlib.Path
    settings: Settings
    made_by: dict[str, str]        # pmoe, commit, simulator
    steps: tuple[int, ...]         # of each evaluation
    returns: tuple[float, ...]
    success: tuple[float, ...]     # NaN where it was not told
    diagnostics: dict[str, tuple[float, ...]]
    last_step: int
    seconds: float

    def values(self, metric: str) -> tuple[float, ...]:
        """Of each evaluation. Raises Error: no metric that is kept."""
        if metric == RETURN:
            return self.returns
        if metric not in self.diagnostics:
            raise Error(f"metric: \"{metric}\" must be {RETURN} or {' or '.join(DIAGNOSTICS)}")
        return self.diagnostics[metric]

    @property
    def seed(self) -> str:
        return text(self.settings.get("seed", ""))

    @property
    def version(self) -> str:
        return f"pmoe {self.made_by.get('pmoe', '?')}, {self.made_by.get('simulator', '?')}"

    @property
    def has_policy(self) -> bool:
        return (self.place / "snapshots/latest.pmoe").is_file()


def label(metric: str) -> str:
    return DIAGNOSTICS.get(metric, "evaluation return")


class Library:
    """All runs below some folders.

    Attributes:
        damaged: (path, what is wrong) of what was left out.
    """

    def __init__(self, roots: list[pathlib.Path]) -> None:
        self.runs: list[Found] = []
        self.damaged: list[tuple[str, str]] = []
        seen: set[pathlib.Path] = set()
        for root in roots:
            for place in _places(root):
                real = place.resolve()
                if real in seen:
                    continue
                seen.add(real)
                self._read(place)

    def _read(self, place: pathlib.Path) -> None:
        try:
            if place.name == COPIES:
                self.runs += _read_copies(place, self.damaged)
            else:
                self.runs.append(_read_run(place))
        except Error as error:
            self.damaged.append((str(place), str(error)))


def _places(root: pathlib.Path) -> list[pathlib.Path]:
    """Run directories, links to them, and files runs.json, by path. A run holds no others."""
    found, left = [], FOLDERS_MAX
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if CONFIG in files:
            found.append(pathlib.Path(folder))
            folders.clear()
        links = [pathlib.Path(folder) / name for name in folders]
        found += [link for link in links if link.is_symlink() and (link / CONFIG).is_file()]
        if COPIES in files:
            found.append(pathlib.Path(folder) / COPIES)
        left -= 1
        if left == 0:
            raise Error(f"{root} has more than {FOLDERS_MAX} folders below it: name those that "
                        "hold runs by --from")
    return found


def _read_run(place: pathlib.Path) -> Found:
    settings = flatten(read_config(place / CONFIG))
    try:
        made_by = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Error(f"it has not begun, or was cut: its manifest.json, which says the version, "
                    f"cannot be read ({type(error).__name__})") from None
    return _found(place, place / METRICS, settings,
                  {key: str(made_by.get(key, "?")) for key in ("pmoe", "commit", "simulator")})


def _found(place: pathlib.Path, metrics: pathlib.Path, settings: Settings,
           made_by: dict[str, str]) -> Found:
    columns, rows = read_metrics(metrics)
    if RETURN not in columns or "wall_s" not in columns:
        raise Error(f"{metrics} has no column {RETURN} or wall_s: it is no metrics.csv of a run")
    steps, returns = evaluations(columns, rows)
    evaluated = [row for row in rows if not math.isnan(row[columns.index(RETURN)])]

    def told(name: str) -> tuple[float, ...]:
        at = columns.index(name) if name in columns else None
        return tuple(math.nan if at is None else row[at] for row in evaluated)
    last = int(rows[-1][columns.index(STEPS)]) if rows else 0
    return Found(place, settings, made_by, tuple(steps), tuple(returns), told(SUCCESS),
                 {name: told(name) for name in DIAGNOSTICS}, last,
                 training_seconds(columns, rows))


def _read_copies(file: pathlib.Path, damaged: list[tuple[str, str]]) -> list[Found]:
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        common, runs = dict(fields["common"]), list(fields["runs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Error(f"it is no list of runs ({error!r}); `pmoe paper NAME --save DIR` writes one"
                    ) from None
    found = []
    for run in runs:
        try:
            place = file.parent / pathlib.PurePath(run["file"]).name
            found.append(_found(place, place, {**common, **run["settings"]},
                                dict(run["made_by"])))
        except Error as error:
            damaged.append((str(file), str(error)))
        except (KeyError, TypeError, ValueError) as error:
            damaged.append((str(file), "a run there lacks its file, made_by or settings: "
                            f"{error!r}"))
    return found


def copy_name(run: Found, rows_set: typing.Collection[str]) -> str:
    """<env>-<algorithm>-…-s<seed>.csv, with what tells apart the runs of a table: all settings that
    its rows have, whatever runs there are by now, so that those of later ones get other names."""
    parts = [text(run.settings.get("env.id", "?")), text(run.settings.get("algorithm", "?"))]
    parts += [text(run.settings[path]) for path in sorted(run.settings)
              if path.startswith("env.arg.")]
    if run.settings.get("policy.primitives", 1) != 1:
        parts.append(f"K{text(run.settings['policy.primitives'])}")
    if text(run.settings["algorithm"]).endswith("sac"):
        parts.append(f"a{text(run.settings.get('learner.alpha', '?'))}")
        if run.settings.get("learner.primitive_backprop", "max") != "max":
            parts.append(text(run.settings["learner.primitive_backprop"]))
    parts += [f"{path.rpartition('.')[2]}={text(run.settings[path])}" for path in sorted(rows_set)
              if path in run.settings and not _in_every_name(path)]
    name = "-".join(parts) + f"-s{run.seed}.csv"
    return "".join(c if c.isalnum() or c in "._=-+," else "_" for c in name)


def _is_copy(copy: Found, run: Found) -> bool:
    return copy.seed == run.seed and {path: text(value) for path, value in copy.settings.items()} \
        == {path: text(value) for path, value in run.settings.items()}


def _in_every_name(path: str) -> bool:
    return path.startswith("env.") or path in (
        "algorithm", "policy.primitives", "learner.alpha", "learner.primitive_backprop")


def save(runs: list[Found], folder: pathlib.Path, rows_set: typing.Collection[str]
         ) -> list[pathlib.Path]:
    """Copies of the runs' evaluations with their settings, for Library to read; returns the files.
    rows_set: the settings that the rows of their tables have. Runs that the folder holds already
    are kept, those of the same name, or settings and seed, replaced.

    Raises:
        Error: two of the runs would have one name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    damaged: list[tuple[str, str]] = []
    before = _read_copies(folder / COPIES, damaged) if (folder / COPIES).exists() else []
    if damaged:
        raise Error(f"{damaged[0][0]}: {damaged[0][1]}; mend or remove it first")
    by_name = {run.place.name: run for run in before}
    written: dict[str, Found] = {}
    stale: set[str] = set()
    for run in runs:
        name = copy_name(run, rows_set)
        if name in written:
            raise Error(f"{written[name].place} and {run.place} would both be saved as {name}: "
                        "they differ in a setting that the name has not; save them apart")
        # Saved before, with the rows of other tables.
        for other in [known for known, copy in by_name.items() if _is_copy(copy, run)]:
            del by_name[other]
            stale.add(other)
        written[name] = by_name[name] = run
    for name, run in written.items():
        if run.place != folder / name:
            _write_copy(run, folder / name)
    for name in stale - set(by_name):
        (folder / name).unlink(missing_ok=True)
    common = dict(next(iter(by_name.values())).settings) if by_name else {}
    for run in by_name.values():
        common = {key: value for key, value in common.items()
                  if key in run.settings and run.settings[key] == value}
    lines = [json.dumps({"file": name, "made_by": run.made_by,
                         "settings": {key: value for key, value in run.settings.items()
                                      if key not in common}})
             for name, run in sorted(by_name.items())]
    (folder / COPIES).write_text(
        '{"common": ' + json.dumps(common) + ',\n "runs": [\n  ' + ",\n  ".join(lines) + "]}\n",
        encoding="utf-8")
    return [folder / name for name in sorted(written)]


def _write_copy(run: Found, file: pathlib.Path) -> None:
    """The rows that hold an evaluation, and of the columns those that a table needs."""
    metrics = run.place / METRICS if run.place.is_dir() else run.place
    with open(metrics, newline="", encoding="utf-8") as source:
        reader = csv.DictReader(source)
        kept = [name for name in KEPT if name in (reader.fieldnames or [])]
        rows: list[dict[str, typing.Any]] = list(reader)
    text_out = io.StringIO()
    writer = csv.DictWriter(text_out, kept, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if row.get(RETURN) or row is rows[-1])
    file.write_text(text_out.getvalue(), encoding="utf-8")
