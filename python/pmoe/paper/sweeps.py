"""The trainings of an edition: sweep files of experiments/paper, as `pmoe sweep` plans and runs
them. What was trained elsewhere already is skipped."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import typing

from pmoe import command, textproto
from pmoe.binaries import binary, environment
from pmoe.config import REPEATED
from pmoe.errors import Error
from pmoe.paper import items
from pmoe.paper.settings import TOTAL, Settings, flatten, text

SWEEP_LISTS = frozenset({"set", "grid", "value", "variant"})
HEAD = re.compile(r"# (\d+) (.+): \S+$")
PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class Overrides:
    """In place of what the files say; empty: as they say."""

    seeds: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    steps: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.seeds or self.tasks or self.steps)


@dataclasses.dataclass(frozen=True)
class Planned:
    """One training that a sweep asks for. Settings hold no seed."""

    sweep: str
    index: int
    name: str
    seed: str
    settings: Settings
    defaults: Settings  # the schema's, which are what a run of before a setting was

    @property
    def steps(self) -> float:
        return float(self.settings[TOTAL])


class Sweep:
    """One sweep file of an edition, with its runs in OUT/<edition>/<name>/."""

    def __init__(self, edition: str, name: str, out: pathlib.Path, overrides: Overrides) -> None:
        file = items.folder() / edition / f"{name}.textproto"
        if not file.is_file():
            raise Error(f"edition {edition} names the sweep {name}, and there is no {file}")
        self.name, self.folder = name, (out / edition / name).absolute()
        self._file = self.folder.with_suffix(".textproto")
        self._fields = textproto.parse(file.read_text(encoding="utf-8"), str(file), SWEEP_LISTS)
        self._fields["out"] = str(self.folder)
        self.is_empty = not _override(self._fields, overrides)

    def plan(self) -> list[Planned]:
        """Every run of it; writes nothing outside a temporary folder."""
        if self.is_empty:
            return []
        with tempfile.TemporaryDirectory(prefix="pmoe-paper-") as folder:
            file = pathlib.Path(folder) / self._file.name
            file.write_text(_emit(self._fields), encoding="utf-8")
            lines = command.run(["pmoe", "sweep", str(file), "--dry-run"]).splitlines()
        return [self._planned(head, words) for head, words in zip(lines[::2], lines[1::2])]

    def _planned(self, head: str, line: str) -> Planned:
        match = HEAD.match(head)
        words = shlex.split(line)
        if match is None or words[:2] != ["pmoe", "train"] or words[-2] != "--out":
            raise Error(f"`pmoe sweep --dry-run` printed {head!r} and {line!r}; are package and "
                        "program of one version?")
        words = words[2:-2]
        seed = next((word[5:] for word in words if word.startswith("seed=")), "1")
        at = words.index(f"seed={seed}") if f"seed={seed}" in words else None
        if at is not None:
            del words[at - 1:at + 1]
        settings = resolved(tuple(words))
        # SAC's preset "paper" is the schema's defaults and nothing else.
        plain = ("--set", f"env.id={settings['env.id']}", "--set", "algorithm=sac", "--preset",
                 "paper")
        return Planned(self.name, int(match[1]), match[2], seed, settings, resolved(plain))

    def train(self, skip: list[int], jobs: int) -> int:
        """`pmoe sweep`'s exit code. A terminal's Ctrl-C ends it in order."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(_emit(self._fields), encoding="utf-8")
        words = [binary("pmoe"), "sweep", str(self._file), "--retry"]
        words += ["--jobs", str(jobs)] if jobs else []
        words += ["--skip", ",".join(map(str, skip))] if skip else []
        # A session of its own: a terminal's Ctrl-C is for the one who passes it on once.
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment(),
                                   start_new_session=True, preexec_fn=_end_with_parent)
        with _passed_on(process):
            return process.wait()


@functools.lru_cache(maxsize=None)
def resolved(words: tuple[str, ...]) -> Settings:
    """Every setting of a training with these words, but the seed."""
    said = command.run(["pmoe", "config", "print", *words])
    settings = flatten(textproto.parse(said, "`pmoe config print`", REPEATED))
    settings.pop("seed", None)
    return settings


def _override(fields: dict[str, typing.Any], overrides: Overrides) -> bool:
    """False: no run is left."""
    if overrides.steps:
        fields["steps"] = overrides.steps
    for axis in fields["grid"]:
        if axis["field"] == "seed" and overrides.seeds:
            axis["value"] = list(overrides.seeds)
        if axis["field"] == "env.id" and overrides.tasks:
            axis["value"] = [value for value in axis["value"] if _is_task(value, overrides)]
    fixed = [word[7:] for word in fields.get("set", []) if word.startswith("env.id=")]
    if overrides.tasks and not all(_is_task(value, overrides) for value in fixed):
        return False
    return all(axis["value"] for axis in fields["grid"])


def _is_task(env_id: str, overrides: Overrides) -> bool:
    return any(task in (env_id, env_id.partition("-v")[0]) for task in overrides.tasks)


def _emit(fields: dict[str, typing.Any]) -> str:
    lines = []
    for key, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                lines.append(f"{key} {{ {' '.join(_emit(each).split(chr(10)))}}}")
            elif isinstance(each, str):
                quoted = each.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'{key}: "{quoted}"')
            else:
                lines.append(f"{key}: {text(each)}")
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> typing.Iterator[None]:
    """Signals that shall end us end the training, as often as they come."""
    def pass_on(number: int, _: object) -> None:
        if process.poll() is None:
            process.send_signal(number)
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, pass_on) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


def _end_with_parent() -> None:
    """No training outlives whoever is killed while it waits for it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
