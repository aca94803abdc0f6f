"""`pmoe sweep FILE --study`: Optuna asks for settings, trainings tell what they reached.

cli/sweep/study.cc checks the file and starts this with one argument, a line of JSON. The study lies
in OUT/study.log, Optuna's journal, which a stopped one goes on with; a trial's training in
OUT/trial-0007. Exit codes are those of `pmoe sweep`.
"""
import csv
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

FINISHED, SOME_FAILED, WRONG, STOPPED = 0, 1, 2, 3
TICK_S = 0.2
GRACE_S = 60  # for the checkpoints, once stopped


def wrong(text):
    print(f"pmoe: {text}", file=sys.stderr)
    sys.exit(WRONG)


def say(text):
    print(text, flush=True)


try:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
except ImportError as error:
    wrong(f"--study needs Optuna 4 or newer, which {sys.executable} has not ({error}): "
          f"{sys.executable} -m pip install 'optuna>=4', or PMOE_PYTHON=/path/to/a/python3 that "
          "has it")
from optuna.trial import TrialState  # noqa: E402


def column(directory, name):
    """A run's numbers of that name, in their order."""
    try:
        with open(directory / "metrics.csv", newline="") as file:
            return [float(row[name]) for row in csv.DictReader(file) if row[name]]
    except OSError:
        return []


OBJECTIVES = {"last": lambda returns: returns[-1], "best": max,
              "mean": lambda returns: sum(returns) / len(returns)}


def suggest(trial, plan):
    """Settings by path, as --set takes them."""
    values = {axis["field"]: trial.suggest_categorical(axis["field"], axis["values"])
              for axis in plan["grid"]}
    for axis in plan["ranges"]:
        draw = trial.suggest_int if axis["integer"] else trial.suggest_float
        value = draw(axis["field"], axis["min"], axis["max"], log=axis["log"])
        values[axis["field"]] = repr(value)
    return values


def is_held(lock):
    """Whether a training holds its directory, by the lock of common/base/file_lock.h."""
    try:
        with open(lock) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # a look, which shuts nobody out
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


class Training:
    """One trial's process, begun or gone on with from its checkpoint; none if it had finished, and
    none yet while one that outlived a killed study still trains in its directory."""

    def __init__(self, plan, number, settings):
        self.plan, self.settings = plan, settings
        self.number, self.began = number, time.monotonic()
        self.steps = float(settings.get("schedule.total_steps", plan["steps"]))
        out = pathlib.Path(plan["out"])
        self.directory = out / f"trial-{number:04d}"
        self.log = out / "logs" / f"trial-{number:04d}.log"
        self.process = None
        self.waits = is_held(self.directory / "lock")
        if self.waits:
            say(f"trial {number} still trains in {self.directory}; waiting for its end")
        else:
            self.start(out)

    def start(self, out):
        if self.has_finished():  # while nobody looked
            return
        if (self.directory / "checkpoints").is_dir() and any(
                (self.directory / "checkpoints").iterdir()):
            words = ["--resume", str(self.directory), "--steps", f"{self.steps:.0f}"]
        else:
            sets = [word for field, value in self.settings.items()
                    for word in ("--set", f"{field}={value}")]
            words = [*self.plan["words"], *sets, "--out", str(self.directory)]
            if self.directory.exists():  # ended before its first checkpoint
                self.directory.rename(out / "logs" / f"{self.directory.name}.{time.time_ns()}")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.plan["train"], *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"OMP_WAIT_POLICY": "passive", **os.environ}, start_new_session=True)

    def has_finished(self):
        """Ctrl-C is no error to a training."""
        return max(column(self.directory, "env_steps"), default=0) >= self.steps

    def ended(self):
        if self.waits and not is_held(self.directory / "lock"):
            self.waits = False
            self.start(pathlib.Path(self.plan["out"]))
        return not self.waits and (self.process is None or self.process.poll() is not None)

    def whole(self):
        return (self.process is None or self.process.returncode == 0) and self.has_finished()

    def send(self, number):
        self.waits = False  # the one that trains there is not ours to stop
        if self.process is not None:
            self.process.send_signal(number)

    def last_line(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.process.returncode}"


class Study:
    def __init__(self, plan):
        self.plan, self.out = plan, pathlib.Path(plan["out"])
        (self.out / "logs").mkdir(parents=True, exist_ok=True)
        self.lock = open(self.out / "lock", "a")  # `pmoe sweep`'s own, until this process ends
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wrong(f"another `pmoe sweep` trains in {self.out}; wait for it, or give the file "
                  "another out")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            study_name=plan["name"], direction="maximize", load_if_exists=True,
            storage=JournalStorage(JournalFileBackend(str(self.out / "study.log"))))
        # A study that goes on draws on, and does not draw the same again.
        self.study.sampler = optuna.samplers.TPESampler(
            seed=len(self.study.trials), constant_liar=plan["jobs"] > 1)
        self.running, self.stopping, self.refusal = {}, False, None
        # Those that were stopped: first of all they go on.
        self.left = [trial for trial in self.study.trials if trial.state == TrialState.RUNNING]

    def begin(self):
        """Starts the next trial; False if there is none."""
        if self.left:
            frozen = self.left.pop(0)
            number, settings = frozen.number, frozen.user_attrs.get("settings", {})
            if not settings:  # killed between two words
                self.study.tell(number, state=TrialState.FAIL)
                return True
        elif len(self.study.trials) < self.plan["trials"]:
            trial = self.study.ask()
            try:
                number, settings = trial.number, suggest(trial, self.plan)
            except ValueError as error:  # the file's values are not those that it began with
                self.study.tell(trial, state=TrialState.FAIL)
                self.refusal = (f"the study in {self.out} has other values or ranges: {error}; "
                                "give the file another out, or its old values")
                self.stop()
                return False
            trial.set_user_attr("settings", settings)
        else:
            return False
        training = Training(self.plan, number, settings)
        self.running[number] = training
        say(f"begun trial {number}: " + ", ".join(f"{f}={v}" for f, v in settings.items()))
        return True

    def end(self, training):
        number, whole = training.number, training.whole()
        if self.stopping and not whole:
            return  # its trial goes on with the next command
        returns = column(training.directory, "eval_return_mean")
        if not whole or not returns:
            why = training.last_line() if not whole else "it has no evaluation"
            self.study.tell(number, state=TrialState.FAIL)
            say(f"failed trial {number}: {why}; its log: {training.log}")
            return
        value = OBJECTIVES[self.plan["objective"]](returns)
        self.study.tell(number, value)
        say(f"finished trial {number}: {value:.1f}, {time.monotonic() - training.began:.0f} s; "
            f"best: {self.study.best_value:.1f} of trial {self.study.best_trial.number}")

    def look(self):
        for number, training in list(self.running.items()):
            if training.ended():
                del self.running[number]
                self.end(training)

    def stop(self, *_):
        if self.stopping:  # once more
            for training in self.running.values():
                training.send(signal.SIGKILL)
            return
        self.stopping = True
        say("the trainings write their checkpoints and end; once more ends them now")
        for training in self.running.values():
            training.send(signal.SIGINT)

    def run(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        deadline = None
        while True:
            while not self.stopping and len(self.running) < self.plan["jobs"] and self.begin():
                pass
            if not self.running:
                return
            time.sleep(TICK_S)
            self.look()
            if self.stopping and deadline is None:
                deadline = time.monotonic() + GRACE_S
            if deadline is not None and time.monotonic() > deadline:
                self.stop()

    def write_results(self):
        fields = [axis["field"] for axis in self.plan["grid"] + self.plan["ranges"]]
        with open(self.out / "results.csv.new", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["trial", "state", "value", *fields, "directory"])
            for trial in self.study.trials:
                settings = trial.user_attrs.get("settings", {})
                table.writerow([trial.number, trial.state.name.lower(),
                                "" if trial.value is None else trial.value,
                                *[settings.get(field, "") for field in fields],
                                self.out / f"trial-{trial.number:04d}"])
        os.replace(self.out / "results.csv.new", self.out / "results.csv")

    def summary(self):
        states = [trial.state for trial in self.study.trials]
        done, failed = states.count(TrialState.COMPLETE), states.count(TrialState.FAIL)
        say(f"study {self.plan['name']}: {done} of {self.plan['trials']} finished"
            + (f", {failed} failed" if failed else ""))
        if done:
            best = self.study.best_trial
            say(f"best: trial {best.number}, {best.value:.1f}: "
                + " ".join(f"--set {f}={v}" for f, v in best.user_attrs["settings"].items()))
        say(f"results: {self.out}/results.csv")
        if self.stopping and done + failed < self.plan["trials"]:
            return STOPPED
        return SOME_FAILED if failed else FINISHED


def main():
    study = Study(json.loads(sys.argv[1]))
    study.run()
    study.write_results()
    if study.refusal is not None:
        wrong(study.refusal)
    return study.summary()


if __name__ == "__main__":
    sys.exit(main())
