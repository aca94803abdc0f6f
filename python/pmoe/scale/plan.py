"""What `pmoe scale` is to run: trainings of each size, and in which folder. Looks at files and asks
`pmoe config print`; starts nothing."""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import json
import os
import pathlib
import re
import shutil
import time
import typing

from pmoe import command, textproto
from pmoe.config import REPEATED
from pmoe.errors import CommandError, Error
from pmoe.ray_cluster.command import parser as ray_parser

PLAN = "scale.json"
TABLE = "scale.csv"
ACTORS_MAX = 1024   # of proto/config.proto
REPEATS_MAX = 100
SECONDS_MAX = 1e6
STEPS_WITHOUT_END = "100000000000"  # of a training that is ended after some seconds
# Of a training that is measured, unless it says otherwise: rows often enough, and no video.
DEFAULTS = {"observe.log_every_steps": "200", "observe.video": "false"}


@dataclasses.dataclass(frozen=True)
class Flags:
    """What was typed."""

    actors: str
    seconds: str
    steps: str
    repeats: str
    seed: str
    out: str
    how: str                    # --with: up, ray, slurm, compose
    training: tuple[str, ...]   # all others, as `pmoe up` takes them


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training: so many actors, the n-th of that size, from 1 on."""

    actors: int
    repeat: int
    seed: int

    @property
    def name(self) -> str:
        return f"actors-{self.actors}-run-{self.repeat}"


class Plan:
    """The trainings and their folder, which is locked until close().

    Raises:
        Error: what was typed cannot be run, or the folder is not this plan's; nothing was changed.
    """

    def __init__(self, flags: Flags) -> None:
        self.how, self.training = flags.how, flags.training
        self.sizes = parse_sizes(flags.actors)
        self.repeats = int(_number("--repeats", flags.repeats or "1", 1, REPEATS_MAX))
        self.steps = int(_number("--steps", flags.steps, 1, 1e12)) if flags.steps else 0
        if self.steps and flags.seconds:
            raise Error(f"--seconds {flags.seconds} and --steps {flags.steps} exclude one another: "
                        "a training is ended by one of them; leave the other away")
        self.seconds = _number("--seconds", flags.seconds or "60", 1, SECONDS_MAX)
        self.settings: dict[str, typing.Any] = {}
        self._file: dict[str, typing.Any] = {}  # what --config sets
        if self.how == "compose":
            self._check_compose(flags)
            self.seed = 0
        else:
            self._check_settings(flags)
        self.out = pathlib.Path(flags.out or self._default_out()).absolute()
        self._lock = self._take()

    def close(self) -> None:
        self._lock.close()

    @property
    def trials(self) -> list[Trial]:
        """In their order: all sizes once, then once more, so that a machine that changes meanwhile
        changes for all of them."""
        return [Trial(actors, repeat, self.seed + repeat - 1)
                for repeat in range(1, self.repeats + 1) for actors in self.sizes]

    def folder(self, trial: Trial) -> pathlib.Path:
        return self.out / trial.name

    def words(self, trial: Trial) -> list[str]:
        """Of the training's command, without where it runs and where its files go."""
        steps = str(self.steps) if self.steps else STEPS_WITHOUT_END
        words = [*self.training, "--actors", str(trial.actors), "--seed", str(trial.seed),
                 "--steps", steps]
        for path, value in DEFAULTS.items():
            typed = any(word.startswith((path + "=", f"--set={path}=")) for word in words)
            if not typed and not _sets(self._file, path.split(".")):
                words += ["--set", f"{path}={value}"]
        return words

    @property
    def warm_up_steps(self) -> int:
        """Env steps that are not measured: uniform actions, and the wait for the first update."""
        schedule = self.settings.get("schedule", {})
        return max(int(schedule.get("start_steps", 0)), int(schedule.get("update_after", 0)))

    def clear(self, trial: Trial) -> None:
        """Away with what a training left that was ended before it was measured."""
        shutil.rmtree(self.folder(trial), ignore_errors=True)
        if self.folder(trial).exists():
            raise Error(f"cannot remove {self.folder(trial)}, which an interrupted call left; "
                        "remove it by hand")

    def _check_settings(self, flags: Flags) -> None:
        """Every size's, before the first begins."""
        if _names(self.training, "--resume"):
            raise Error("--resume is for one run: `pmoe scale` begins each size anew, and goes on "
                        "with what it has measured by the same --out")
        given = [word for word in self.training if word.removeprefix("--set=").startswith("seed=")]
        if given:
            raise Error(f"--set {given[0].removeprefix('--set=')}: give it as --seed, because each "
                        "of --repeats has a seed of its own")
        words = _config_words(self.how, self.training)
        if not (_names(words, "--mode") or any("schedule.mode=" in word for word in words)):
            words += ["--mode", "async"]
        for actors in self.sizes:
            seed = ["--seed", flags.seed] if flags.seed else []
            steps = ["--steps", flags.steps] if flags.steps else []
            text = _print_config([*words, "--actors", str(actors), *seed, *steps])
            self.settings = textproto.parse(text, "pmoe config print", REPEATED)
            got = self.settings["actor"]["count"]
            if got != actors:
                raise Error(f"--set actor.count={got} is stronger than --actors: leave it away; "
                            f"--actors {flags.actors} are the sizes to measure")
        self.seed = int(self.settings["seed"])
        self._file = _config_file(self.training)
        if 0 < self.steps <= self.warm_up_steps:
            raise Error(f"--steps {self.steps}: the first {self.warm_up_steps} env steps are the "
                        "warm-up, which is not measured; give more, or less of it by "
                        "--set schedule.start_steps=N --set schedule.update_after=N")

    def _check_compose(self, flags: Flags) -> None:
        given = [*self.training, *(word for word in (flags.seed, flags.steps) if word)]
        if given:
            raise Error(f"--with compose measures the cluster that runs, and {given[0]} is a flag "
                        "of training: set it in deploy/.env, and measure by --seconds")
        if self.repeats != 1:
            raise Error(f"--repeats {self.repeats} with --with compose: one run goes on through "
                        "all sizes; call again with another --out")

    def _default_out(self) -> str:
        begin = time.strftime("%Y%m%d-%H%M%S")
        if self.how == "compose":
            return f"runs/scale-compose-{begin}"
        task = self.settings["env"]["id"]
        if ":" in task:  # "mjcf:robots/ant.textproto" is "ant"
            task = pathlib.PurePath(task.replace(":", "/")).stem
        return f"runs/scale-{task}-{self.settings['algorithm']}-{begin}"

    def _take(self) -> typing.IO[str]:
        """The folder's lock, if it is new or of a plan whose trainings can be compared."""
        file = self.out / PLAN
        if self.out.exists() and not self.out.is_dir():
            raise Error(f"--out {self.out} is a file; give a folder")
        foreign = self.out.is_dir() and not file.exists() and any(self.out.iterdir())
        if foreign:
            raise Error(f"--out {self.out} holds other files and no {PLAN}; nothing was changed. "
                        "Give a new folder")
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            lock = open(file, "a+", encoding="utf-8")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._agree(lock, file)
        except BlockingIOError:
            raise Error(f"another `pmoe scale` measures in {self.out}; wait for it, or give "
                        "another --out") from None
        except OSError as error:
            raise Error(f"cannot write {file}: {error.strerror}; give another --out") from None
        return lock

    def _agree(self, lock: typing.IO[str], file: pathlib.Path) -> None:
        mine = {"with": self.how, "training": list(self.training), "seed": self.seed,
                "seconds": None if self.steps else self.seconds, "steps": self.steps or None}
        lock.seek(0)
        text = lock.read()
        if not text or not (self.out / TABLE).exists():  # nothing is measured yet
            lock.truncate(0)
            lock.write(json.dumps(mine, indent=1) + "\n")
            lock.flush()
            return
        try:
            theirs = json.loads(text)
            different = [key for key in mine if theirs[key] != mine[key]]
        except (ValueError, KeyError, TypeError):
            raise Error(f"{file} is damaged; remove {self.out}, or give another --out") from None
        if different:
            said = "; ".join(f"{key} {json.dumps(theirs[key])}, now {json.dumps(mine[key])}"
                             for key in different)
            raise Error(f"{self.out} was measured with {said}: such sizes cannot be compared; give "
                        "the same flags to go on, or another --out")


def parse_sizes(text: str) -> list[int]:
    """Of --actors 1,2,4."""
    sizes: list[int] = []
    for part in text.split(","):
        if not re.fullmatch(r"[0-9]{1,9}", part.strip()) or not part.isascii():
            raise Error(f"--actors {text}: {part.strip()!r} is no number of actors; write them "
                        "with commas between, like 1,2,4,8")
        size = int(part)
        if not 1 <= size <= ACTORS_MAX:
            raise Error(f"--actors {text}: {size} is not from 1 to {ACTORS_MAX}")
        if sizes and size <= sizes[-1]:
            raise Error(f"--actors {text}: {size} stands behind {sizes[-1]}; sizes must grow, each "
                        "named once")
        sizes.append(size)
    return sizes


def _number(flag: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text) if text.isascii() else float("nan")
    except ValueError:
        value = float("nan")
    whole = flag != "--seconds"
    if not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise Error(f"{flag} must be {kind} from {low:g} to {high:g}, got {text}")
    return value


def _config_words(how: str, training: typing.Iterable[str]) -> list[str]:
    """Those of a training's flags that are settings."""
    if how == "ray":
        flags = ray_parser()
    else:
        flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        for name in ("--dashboard", "--dashboard-token"):
            flags.add_argument(name)
        for name in ("--tcp", "--insecure", "--audit") if how == "up" else ():
            flags.add_argument(name, action="store_true")
    return flags.parse_known_args(list(training))[1]


def _config_file(training: typing.Iterable[str]) -> dict[str, typing.Any]:
    """What the file of --config sets; {} without one. `pmoe config print` has read it before."""
    flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    flags.add_argument("--config")
    name = flags.parse_known_args(list(training))[0].config
    if name is None:
        return {}
    try:
        text = pathlib.Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"--config {name} cannot be read: {error}") from None
    return textproto.parse(text, name, REPEATED)


def _sets(fields: object, path: list[str]) -> bool:
    """Whether the field at `path` is there."""
    for name in path:
        if not isinstance(fields, dict) or name not in fields:
            return False
        fields = fields[name]
    return True


def _print_config(words: list[str]) -> str:
    try:
        return command.run(["pmoe", "config", "print", *words])
    except CommandError as error:
        text = str(error).replace("pmoe config print --help", "pmoe scale --help")
        raise CommandError(error.command, error.code, error.output, text) from None


def _names(words: typing.Iterable[str], flag: str) -> bool:
    return any(word == flag or word.startswith(flag + "=") for word in words)


def write_whole(file: pathlib.Path, data: bytes) -> None:
    """The file is the old one or the new one, whatever happens.

    Raises:
        Error: it cannot be written; names it and says why.
    """
    new = file.with_name(file.name + ".new")
    try:
        with open(new, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(new, file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Error(f"cannot write {file}: {error.strerror}; make room, then type the same command "
                    "again: what is measured stays") from None
