"""`pmoe scale`: its flags, and a study from its start to the exit code."""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import time

from pmoe.errors import CommandError, Error
from pmoe.interrupts import Interrupts
from pmoe.scale import report
from pmoe.scale.clusters import WAYS, Cluster
from pmoe.scale.draw import draw
from pmoe.scale.plan import Flags, Plan, Trial, write_whole
from pmoe.scale.study import Study
from pmoe.scale.trial import Stopped, measure

FINISHED, SOME_FAILED, WRONG, STOPPED = 0, 1, 2, 3  # exit codes, of `pmoe sweep` too
SAY_EVERY_S = 10.0  # where no terminal shows each second
USAGE = "pmoe scale --actors 1,2,4,8 [FLAGS] [TRAINING FLAGS]"
ABOUT = """\
Measure how a training scales: the same training with each number of actors, one after the other,
their env steps and updates per second, the limit, and the number of actors that is worth it."""
MORE = """\
Flags of training (--env, --algo, --set, --shards, …) are those of `pmoe up`, or of `pmoe ray` with
--with ray; `pmoe config print --help` lists them.

A size is measured once all its actors take part and the warm-up is over: schedule.start_steps and
schedule.update_after, which you may shorten by --set. DIR then holds scale.csv, a row per training;
scale.html, a page for any browser; with matplotlib scale.png; and each training's run directory,
for `pmoe dashboard DIR`. One Ctrl-C ends the training at work and keeps what is measured; the same
command goes on, with further sizes too. Leave the machine alone meanwhile.

Exit codes: 0 all sizes measured, 1 some failed, 2 for what you can mend, 3 stopped before the end.

Examples:
  pmoe scale --actors 1,2,4,8 --env HalfCheetah-v5
  pmoe scale --actors 1,2,4 --seconds 120 --repeats 3 --env Hopper-v5 --algo sac --out scale-hopper
  pmoe scale --actors 1,2,4 --steps 50000 --env Hopper-v5 --set observe.eval_every_steps=10000
  pmoe scale --actors 8,16,32 --with ray --address 10.0.0.5:6379 --env Hopper-v5
  pmoe scale --actors 8,16,32 --with slurm --env Hopper-v5 --out /shared/scale-hopper
  pmoe scale --actors 1,2,4,8 --with compose --seconds 120     the cluster that runs, scaled
PMOE_PYTHON=/path/to/python3 names a Python that has matplotlib."""


class Progress:
    """One line that is rewritten on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._said_at = float("-inf")
        self._open = False

    def show(self, text: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{text[:os.get_terminal_size().columns - 1]}", end="", flush=True)
            self._open = True
        elif time.monotonic() - self._said_at >= SAY_EVERY_S:
            self._said_at = time.monotonic()
            print(text, flush=True)

    def say(self, text: str) -> None:
        if self._open:
            print("\r\x1b[K", end="")
            self._open = False
        print(text, flush=True)


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="pmoe scale", usage=USAGE, description=ABOUT, epilog=MORE, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = flags.add_argument
    add("--actors", metavar="LIST", help="the sizes, growing, with commas between")
    add("--seconds", metavar="S", default="", help="how long each is measured (default: 60)")
    add("--steps", metavar="N", default="",
        help="or: env steps of each training, from its start, warm-up included")
    add("--repeats", metavar="N", default="",
        help="trainings of each size, with seeds of their own (default: 1)")
    add("--seed", metavar="N", default="", help="of the first of them (default: 1)")
    add("--out", metavar="DIR", default="",
        help="where all of it goes; an earlier call's is gone on with (default: "
             "runs/scale-<env>-<algo>-<time>)")
    add("--with", metavar="WAY", dest="how", default="up",
        help="up: clusters on this machine; ray, slurm: there; compose: the cluster that runs, "
             "whose actors are scaled (default: up)")
    return flags


def read_flags(words: list[str]) -> Flags:
    given, training = parser().parse_known_args(words)
    if given.actors is None:
        raise Error("--actors is missing: the numbers of actors to measure, like --actors 1,2,4,8")
    if given.how not in WAYS:
        raise Error(f"--with {given.how} is none of {', '.join(WAYS)}")
    return Flags(actors=given.actors, seconds=given.seconds, steps=given.steps,
                 repeats=given.repeats, seed=given.seed, out=given.out, how=given.how,
                 training=tuple(training))


class Call:
    """One call of the command."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.study = plan, Study(plan.out)
        self.cluster: Cluster | None = None
        self.progress, self.interrupts = Progress(), Interrupts(self._on_interrupt)
        self.logs = plan.out / "logs"
        self.logs.mkdir(exist_ok=True)
        self.failed = 0

    def _on_interrupt(self, count: int) -> None:
        """The second one hurries the training's end."""
        if count == 2 and self.cluster is not None:
            self.cluster.hurry()

    def run(self) -> int:
        left = [trial for trial in self.plan.trials if not self.study.has(trial)]
        done = len(self.plan.trials) - len(left)
        if done:
            self.progress.say(f"{done} of {len(self.plan.trials)} are measured already")
        stopped = False
        for number, trial in enumerate(left, start=done + 1):
            try:
                self._measure(trial, number)
            except Stopped:
                stopped = True
                break
        self._report()
        return STOPPED if stopped else SOME_FAILED if self.failed else FINISHED

    def _measure(self, trial: Trial, number: int) -> None:
        name = f"{trial.name} ({number} of {len(self.plan.trials)})"
        if self.interrupts.count:
            raise Stopped
        self.plan.clear(trial)
        cluster = WAYS[self.plan.how](self.plan, trial, self.logs / f"{trial.name}.log")
        self.cluster = cluster
        try:
            window = measure(self.plan, trial, cluster, lambda: self.interrupts.count,
                             lambda text: self.progress.show(f"{name}: {text}"))
        except Error as error:
            if isinstance(error, CommandError) and error.code == WRONG:
                raise  # so would be all others
            self.failed += 1
            log = self.logs / f"{trial.name}.log"
            said = f"; its log: {log}" if log.exists() else ""
            self.progress.say(f"{name}: failed: {error}{said}")
            return
        finally:
            self.cluster = None
        self.study.add(trial, window)
        self.progress.say(f"{name}: {window.steps_per_s:,.1f} env steps/s, "
                          f"{window.updates_per_s:,.1f} updates/s in {window.seconds:.0f} s")

    def _report(self) -> None:
        if not self.study.measured:
            return
        study, plan, say = self.study, self.plan, self.progress.say
        picture = draw(study, report.task_text(plan))
        if picture is not None:
            write_whole(plan.out / report.PICTURE, picture)
        report.write_page(plan, study, picture)
        study.write()
        say(f"\n{report.table_text(study)}\n\n{report.limit_text(study)}\n"
            f"{report.advice_text(study)}\n{report.warning_text(plan, study)}".rstrip())
        say(f"table: {study.file}")
        say(f"page: {plan.out / report.PAGE}")
        say(f"picture: {plan.out / report.PICTURE}" if picture is not None else
            f"picture: none, {sys.executable} has no matplotlib; pip install it, or name a Python "
            "that has it by PMOE_PYTHON, and type the same command again")


def main(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # whatever the terminal's letters are
    try:
        plan = Plan(read_flags(words))
        try:
            return Call(plan).run()
        finally:
            plan.close()
    except (Error, OSError) as error:
        print(f"pmoe: {error}", file=sys.stderr, flush=True)
        return _code(error)


def _code(error: Exception) -> int:
    if isinstance(error, CommandError):
        return error.code if error.code > 0 else SOME_FAILED
    return WRONG if isinstance(error, Error) else SOME_FAILED
