"""pmoe.train: the command `pmoe train` from Python."""

from __future__ import annotations

import os
import sys
import typing

from pmoe.command import Watched, value_text
from pmoe.errors import Error
from pmoe.run import Run

DIRECTORY = "run directory: "
Progress = typing.Union[bool, typing.Callable[[str], None]]


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a training in order: its checkpoint is written.

    Attributes:
        run: what is there; `pmoe.train(resume=run)` goes on with it.
    """

    def __init__(self, run: Run) -> None:
        super().__init__("training was interrupted; go on with "
                         f"pmoe.train(resume={str(run.path)!r})")
        self.run = run


def train(env: str | None = None, *, algo: str | None = None, steps: float | None = None,
          seed: int | None = None, preset: str | None = None,
          out: str | os.PathLike[str] | None = None,
          resume: Run | str | os.PathLike[str] | None = None,
          env_args: dict[str, typing.Any] | None = None, progress: Progress = True,
          set: dict[str, typing.Any] | None = None, **settings: typing.Any) -> Run:
    """Trains in a process of its own, `pmoe train`, and returns its run.

        run = pmoe.train("Hopper-v5", algo="sac", steps=3e5, learner={"batch_size": 256})

    Args:
        env: a task of `pmoe envs`, "mjcf:FILE", "plugin:FILE", or "gym:ID" of this interpreter.
        algo, steps, seed, preset, out: as the command's flags; None: its defaults.
        resume: goes on with this run, from its newest checkpoint; no env then.
        env_args: parameters of the task.
        progress: True: the command's lines on stderr; False: none; or called with each line.
        set: settings by path, {"learner.batch_size": 256}.
        settings: groups of settings, learner={"batch_size": 256}, policy={"hidden": [64, 64]};
            `pmoe config print --explain` lists all.

    Ctrl-C ends it in order, with a checkpoint, and raises TrainingInterrupted, a KeyboardInterrupt
    whose `.run` is there; a second one ends it at once.

    Raises:
        CommandError: it failed; the text is the command's own.
    """
    words = ["pmoe", "train", *_words(env, resume, env_args)]
    for flag, value in (("--algo", algo), ("--steps", steps), ("--seed", seed),
                        ("--preset", preset)):
        if value is not None:
            words += [flag, value_text(value)]
    if out is not None:
        words += ["--out", os.fspath(out)]
    for path, value in _paths(set or {}, settings).items():
        words += ["--set", f"{path}={value_text(value)}"]
    return _watch(words + ["--dashboard", "none", "--parent", str(os.getpid())], progress)


def _words(env: str | None, resume: Run | str | os.PathLike[str] | None,
           env_args: dict[str, typing.Any] | None) -> list[str]:
    if resume is not None:
        if env is not None:
            raise Error(f"env is {env!r} and resume is {str(resume)!r}: a resumed run has its own "
                        "task; give one of them")
        return ["--resume", str(resume.path) if isinstance(resume, Run) else os.fspath(resume)]
    if env is None:
        raise Error("env is missing: name a task, such as pmoe.train(\"HalfCheetah-v5\"), or give "
                    "resume=DIR")
    words = ["--env", env]
    if env.startswith(("gym:", "gym-process:")):
        words += ["--python", sys.executable]
    for name, value in (env_args or {}).items():
        words += ["--env-arg", f"{name}={value_text(value)}"]
    return words


def _paths(by_path: dict[str, typing.Any], groups: dict[str, typing.Any]) -> dict[str, typing.Any]:
    paths = dict(by_path)
    for group, fields in groups.items():
        if not isinstance(fields, dict):
            raise Error(f"{group} is {fields!r}: settings come in groups, such as "
                        "learner={'batch_size': 256}, or by path, "
                        "set={'learner.batch_size': 256}")
        for name, value in fields.items():
            paths[f"{group}.{name}"] = value
    return paths


def _watch(words: list[str], progress: Progress) -> Run:
    directory: list[str] = []

    def heard(line: str) -> None:
        if not directory and line.startswith(DIRECTORY):
            directory.append(line[len(DIRECTORY):])
        if callable(progress):
            progress(line)
        elif progress:
            print(line, file=sys.stderr, flush=True)

    watched = Watched(words, heard)
    said = watched.run()
    if not directory:
        if watched.interrupted:
            raise KeyboardInterrupt
        raise Error(f"`pmoe train` named no run directory; it said: {' | '.join(said)}")
    run = Run(directory[0])
    if watched.interrupted:
        raise TrainingInterrupted(run)
    return run
