"""pmoe.train: the command runs, speaks, fails and ends on Ctrl-C as it does by itself."""

import os
import pathlib
import signal
import subprocess
import sys

import pmoe
import pytest
from conftest import environment, short_settings

INTERRUPTED = """
import pmoe, sys
try:
    pmoe.train("InvertedPendulum-v5", algo="sac", steps=1e7, out=sys.argv[1],
               set={"observe.video": False, "learner.batch_size": 8, "policy.hidden": [8],
                    "learner.critic_hidden": [8]})
except pmoe.TrainingInterrupted as stopped:
    run = stopped.run
    print("stopped", run.path, run.evaluations[0][:1], stopped)
"""


def test_settings_reach_the_run_and_its_lines_the_caller(tmp_path):
    lines = []
    run = pmoe.train("InvertedPendulum-v5", algo="pmoe_sac", steps=100, seed=2,
                     out=tmp_path / "run", progress=lines.append,
                     env_args={"reset_noise_scale": 0.02},
                     learner={"batch_size": 16, "actor_lr": 3e-4}, policy={"hidden": [8, 4]},
                     set={**short_settings("pmoe_sac"), "learner.batch_size": 32})
    assert run.path == tmp_path / "run"
    config = run.config
    assert config["policy"]["hidden"] == [8, 4] and config["learner"]["actor_lr"] == 3e-4
    assert config["learner"]["batch_size"] == 16  # a group's word is the last
    assert config["env"]["arg"] == [{"name": "reset_noise_scale", "value": "0.02"}]
    assert (config["seed"], config["schedule"]["total_steps"]) == (2, 100)
    assert any(line.startswith("training InvertedPendulum-v5: pmoe_sac, seed 2") for line in lines)
    longer = pmoe.train(resume=run, steps=192, progress=False)
    assert longer.metrics["env_steps"].max() == 192


@pytest.mark.parametrize("arguments, words", [
    ({"env": "Hoper-v5"}, "Hoper-v5"),
    ({"env": "Hopper-v5", "algo": "sacc"}, "did you mean sac?"),
    ({"env": "Hopper-v5", "learner": {"batchsize": 3}}, "learner.batchsize"),
    ({"env": "Hopper-v5", "steps": -3}, "schedule.total_steps")])
def test_an_error_is_the_commands_own(tmp_path, arguments, words):
    with pytest.raises(pmoe.CommandError) as raised:
        pmoe.train(**arguments, out=tmp_path / "run", progress=False)
    assert words in str(raised.value) and raised.value.code == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments, words", [
    ({}, "env is missing"),
    ({"env": "Hopper-v5", "resume": "runs/a"}, "give one of them"),
    ({"env": "Hopper-v5", "batch_size": 3}, "settings come in groups"),
    ({"env": "Hopper-v5", "set": {"seed": None}}, "None is no value of a setting")])
def test_arguments_that_cannot_be_are_named(arguments, words):
    with pytest.raises(pmoe.Error) as raised:
        pmoe.train(**arguments)
    assert words in str(raised.value)


def start_training(folder):
    """A training that goes on until it is told to end; returns once it has shown progress."""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(folder)], text=True,
                               env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stderr:
        if "/10,000,000" in line:
            return process
    pytest.fail("the training ended before it made progress")


def test_ctrl_c_ends_a_training_in_order(tmp_path):
    process = start_training(tmp_path / "run")
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert said.startswith(f"stopped {tmp_path / 'run'}") and "pmoe.train(resume=" in said, errors
    assert "finishing the round and writing a checkpoint" in errors
    assert list((tmp_path / "run" / "checkpoints").glob("*/state.pmoe"))
    assert pmoe.Run(tmp_path / "run").verify()["sound"]


def test_a_killed_caller_leaves_no_training_behind(tmp_path):
    process = start_training(tmp_path / "run")
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1
    waited = os.pidfd_open(int(children[0]))
    process.kill()
    process.communicate(timeout=60)
    import select
    assert select.select([waited], [], [], 30)[0], "the training goes on"
    os.close(waited)
