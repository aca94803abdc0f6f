"""`pmoe sweep FILE --study` with Optuna itself: short trainings, stopped and gone on with."""

import csv
import os
import re
import signal
import subprocess
import sys
import time

import pmoe
import pytest
from pmoe.binaries import binary

optuna = pytest.importorskip("optuna")

SETTINGS = ("env.id=InvertedPendulum-v5", "algorithm=sac", "schedule.start_steps=100",
            "schedule.update_after=100", "policy.hidden=16,16", "learner.critic_hidden=16,16",
            "observe.eval_every_steps=100", "observe.eval_episodes=2",
            "observe.log_every_steps=100", "checkpoint.every_steps=100")


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


class Study:
    def __init__(self, folder):
        self.out, self.file = folder / "out", folder / "study.textproto"

    def write(self, trials, steps, more=""):
        lines = [f'out: "{self.out}"', f"steps: {steps}", f"trials: {trials}",
                 'grid { field: "learner.tau" value: ["0.005", "0.01"] }',
                 'range { field: "learner.actor_lr" min: 1e-4 max: 1e-2 log: true }',
                 'range { field: "learner.batch_size" min: 16 max: 32 }', more]
        self.file.write_text("\n".join(lines + [f'set: "{text}"' for text in SETTINGS]))

    def start(self, python=sys.executable):
        return subprocess.Popen([binary("pmoe"), "sweep", str(self.file), "--study", "--jobs", "2"],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env={**os.environ, "PMOE_PYTHON": python})

    def wait_for_checkpoints(self, process):
        """Of both trials: on a busy machine the one begun last may be first."""
        while len({path.parts[-3] for path in self.out.glob("trial-000[01]/checkpoints/*")}) < 2:
            assert process.poll() is None
            time.sleep(0.05)  # tidy: allowed because it waits for files of other processes

    def run(self):
        process = self.start()
        said = process.communicate()[0]
        return process.returncode, said

    def rows(self):
        with open(self.out / "results.csv", newline="") as file:
            return list(csv.DictReader(file))


def test_trials_are_trainings_within_the_ranges(study):
    study.write(trials=2, steps=300)
    code, said = study.run()
    assert code == 0, said
    assert "study study: 2 of 2 finished" in said
    rows = study.rows()
    assert [row["state"] for row in rows] == ["complete"] * 2
    for row in rows:
        run = pmoe.Run(row["directory"])
        assert float(row["value"]) == max(run.evaluations[1])
        config = (run.path / "config.textproto").read_text()
        rate, batch = float(row["learner.actor_lr"]), int(row["learner.batch_size"])
        assert 1e-4 <= rate <= 1e-2 and 16 <= batch <= 32
        assert float(re.search(r"actor_lr: (\S+)", config)[1]) == rate
        assert int(re.search(r"batch_size: (\d+)", config)[1]) == batch
    assert rows[0]["learner.actor_lr"] != rows[1]["learner.actor_lr"]

    study.write(trials=3, steps=300)  # once more, and no trial twice
    code, said = study.run()
    assert code == 0 and re.findall(r"begun trial (\d+)", said) == ["2"], said
    assert study.rows()[:2] == rows
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(study.out / "study.log")))
    loaded = optuna.load_study(study_name="study", storage=storage)
    assert loaded.best_value == max(float(row["value"]) for row in study.rows())


def test_a_stopped_study_goes_on_with_its_trials(study):
    study.write(trials=2, steps=20000)
    process = study.start()
    for line in process.stdout:
        if "begun trial 1" in line:
            break
    study.wait_for_checkpoints(process)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 3, said
    assert [row["state"] for row in study.rows()] == ["running"] * 2
    before = study.rows()
    reached = [pmoe.Run(row["directory"]).metrics["env_steps"].max() for row in before]
    assert all(100 <= steps < 20000 for steps in reached)
    study.write(trials=2, steps=20000)
    process = study.start()
    said = "".join(next(process.stdout) for _ in range(2))
    assert re.findall(r"begun trial (\d+)", said) == ["0", "1"], said
    process.send_signal(signal.SIGINT)
    process.communicate()
    drawn = ("learner.tau", "learner.actor_lr", "learner.batch_size")
    assert [[row[name] for name in drawn] for row in study.rows()] == [
        [row[name] for name in drawn] for row in before]


def test_a_training_that_outlived_its_study_is_waited_for(study):
    study.write(trials=2, steps=6000)
    process = study.start()
    study.wait_for_checkpoints(process)
    process.kill()
    process.communicate()
    code, said = study.run()
    assert code == 0 and "still trains in" in said, said
    assert [row["state"] for row in study.rows()] == ["complete"] * 2


def test_stopped_trials_reach_a_later_end_and_a_file_with_other_values_is_refused(study):
    study.write(trials=2, steps=20000)
    process = study.start()
    study.wait_for_checkpoints(process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    runs = [pmoe.Run(study.out / f"trial-000{i}") for i in (0, 1)]
    steps = max(int(run.metrics["env_steps"].max()) for run in runs)
    study.write(trials=2, steps=steps + 500)
    code, said = study.run()
    assert code == 0 and [row["state"] for row in study.rows()] == ["complete"] * 2, said

    study.write(trials=3, steps=300)
    study.file.write_text(study.file.read_text().replace('"0.01"', '"0.02"'))
    code, said = study.run()
    assert code == 2 and "has other values or ranges" in said and "Traceback" not in said, said
    assert [row["state"] for row in study.rows()][:2] == ["complete"] * 2


def test_a_trial_that_fails_is_one_and_the_others_go_on(study):
    study.write(2, 300, 'grid { field: "env.arg.xml_file" value: ["/no/such.xml"] }')
    code, said = study.run()
    assert code == 1, said
    assert len(re.findall("failed trial [01]: .*/no/such.xml", said)) == 2, said
    assert [row["state"] for row in study.rows()] == ["fail"] * 2


def test_without_optuna_the_fix_is_named(study):
    study.write(trials=1, steps=300)
    process = study.start(python="/usr/bin/python3")
    said = process.communicate()[0]
    assert process.returncode == 2
    assert "/usr/bin/python3 -m pip install 'optuna>=4', or PMOE_PYTHON=" in said
