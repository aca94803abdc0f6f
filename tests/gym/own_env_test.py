"""A class of one's own as `gym:MODULE:ID`: trained, resumed, evaluated, drawn, in a cluster; and
what becomes of a run whose environment fails. The class is tests/actor/env/gym/own_envs.py's.
"""
import pathlib
import signal
import time

import pytest
from conftest import PYTHON, SMALL, metrics, needs, pmoe, start, train, weights

pytestmark = needs("gymnasium")
PLACES = ("gym:", "gym-process:")
MINUTE = 60
LONGER = ("--env-arg", "max_episode_steps=70")  # so that a round ends within an episode


@pytest.mark.parametrize("place", PLACES)
def test_a_run_is_made_of_its_seed_alone_and_goes_on_bit_for_bit(place, tmp_path):
    env = place + "own_envs:SavedPoint-v0"
    train(env, *LONGER, "--steps", 300, cwd=tmp_path, out="whole")
    train(env, *LONGER, "--steps", 200, cwd=tmp_path, out="parts")
    assert "begin anew" not in pmoe("train", "--resume", "parts", "--steps", 300, cwd=tmp_path)
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
    whole, parts = metrics(tmp_path / "whole"), metrics(tmp_path / "parts")
    assert whole["train_success_rate"] == parts["train_success_rate"]
    assert whole["eval_success_rate"] == parts["eval_success_rate"][-1:]


def test_both_places_train_alike(tmp_path):
    for place in PLACES:
        train(place + "HalfCheetah-v5", "--steps", 300, cwd=tmp_path, out=place.strip(":"))
    train("HalfCheetah-v5", "--steps", 300, cwd=tmp_path, out="own")
    runs = [weights(tmp_path / name) for name in ("gym", "gym-process", "own")]
    assert runs[0] == runs[1] == runs[2]


def test_a_class_that_cannot_be_saved_begins_its_episodes_anew_and_says_so(tmp_path):
    train("gym:own_envs:Point-v0", *LONGER, "--steps", 200, cwd=tmp_path)
    said = pmoe("train", "--resume", "run", "--steps", 300, cwd=tmp_path)
    assert "gym:own_envs:Point-v0 cannot be saved: 1 of actor 0's episodes begin anew" in said
    assert metrics(tmp_path / "run")["env_steps"][-1] == 300


def test_info_that_the_settings_name_is_a_column(tmp_path):
    train("gym:own_envs:Point-v0", "--set", "observe.info=speed", "--steps", 300, cwd=tmp_path)
    found = metrics(tmp_path / "run")
    assert found["train_info_speed"] and found["eval_info_speed"]


def test_the_policy_is_evaluated_and_drawn_by_the_environment(tmp_path):
    train("gym:own_envs:Point-v0", "--steps", 150, cwd=tmp_path)
    assert "return" in pmoe("eval", "--run", "run", cwd=tmp_path)
    pmoe("play", "--run", "run", "--frames", 3, "--png", "frames", "--width", 120, "--height", 80,
         cwd=tmp_path)
    frames = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert frames == ["000001.png", "000002.png", "000003.png"]


def test_another_class_than_the_runs_is_refused(tmp_path):
    train("gym:own_envs:Point-v0", "--steps", 150, cwd=tmp_path)
    said = pmoe("eval", "--run", "run", "--env", "gym:own_envs:SavedPoint-v0", cwd=tmp_path,
                code=2)
    assert "the task is not the one that run was made with" in said


@pytest.mark.parametrize("place", PLACES)
def test_an_exception_ends_the_run_with_a_checkpoint(place, tmp_path):
    fault = ("--env-arg", "fault=step", "--env-arg", "at=130", "--env-arg", "push=0.01",
             "--env-arg", "max_episode_steps=200")
    said = train(place + "own_envs:Point-v0", *fault, "--steps", 1000, cwd=tmp_path, code=2)
    assert "ValueError: this step has had enough" in said and "own_envs.py" in said
    assert "env.on_error=end_episode" in said
    kept = metrics(tmp_path / "run")["env_steps"]
    assert kept[0] == 100 and list((tmp_path / "run" / "checkpoints").iterdir())
    said = pmoe("train", "--resume", "run", "--set", "env.on_error=end_episode", "--steps", 400,
                cwd=tmp_path)
    assert "environments have failed" in said
    assert metrics(tmp_path / "run")["env_steps"][:len(kept)] == kept


def test_a_run_outlives_processes_that_crash(tmp_path):
    fault = ("--env-arg", "fault=crash", "--env-arg", "at=40", "--env-arg", "push=0.01")
    said = train("gym-process:own_envs:Point-v0", *fault, "--steps", 200,
                 "--set", "env.on_error=end_episode", cwd=tmp_path)
    assert "signal 11" in said
    assert sum(metrics(tmp_path / "run")["train_diverged"]) >= 3


def test_resets_that_fail_are_tried_again_and_one_that_always_does_ends_the_run(tmp_path):
    on_error = ("--set", "env.on_error=end_episode")
    train("gym:own_envs:Point-v0", "--env-arg", "fault=odd reset", *on_error, "--steps", 200,
          cwd=tmp_path, out="odd")
    said = train("gym:own_envs:Point-v0", "--env-arg", "fault=reset", *on_error, "--steps", 200,
                 cwd=tmp_path, out="never", code=2)
    assert "reset failed" in said and "RuntimeError: the reset has had enough" in said


@pytest.mark.parametrize("words, told", [
    (("gym:own_envs:Nope-v0",), "Nope"),
    (("gym:no_module:X-v0",), "finds no module no_module"),
    (("gym:CartPole-v1",), "discrete actions are not for it"),
    (("gym:own_envs:Point-v0", "--env-arg", "fault=import"), "No module named 'no_such_package'"),
    (("gym:own_envs:Point-v0", "--env-arg", "nope=1"), "unexpected keyword argument 'nope'"),
])
def test_what_cannot_be_made_is_refused_before_anything_is_written(words, told, tmp_path):
    assert told in train(*words, cwd=tmp_path, code=2)
    assert not (tmp_path / "run").exists()


def test_another_mujoco_is_refused_in_the_actors_process_and_works_in_its_own(tmp_path):
    words = ("--env-arg", "fault=mujoco", "--steps", 120)
    said = train("gym:own_envs:Point-v0", *words, cwd=tmp_path, code=2)
    assert "mujoco in" in said and "gym-process:" in said
    train("gym-process:own_envs:Point-v0", *words, cwd=tmp_path)


def test_a_python_that_is_none_is_refused(tmp_path):
    said = pmoe("train", "--env", "gym:own_envs:Point-v0", "--python", "/nowhere/python3", "--out",
                "run", cwd=tmp_path, code=2)
    assert "/nowhere/python3 (--python) is no program" in said
    assert not (tmp_path / "run").exists()


def test_ctrl_c_ends_the_run_with_a_checkpoint(tmp_path):
    process = start("train", "--env", "gym:own_envs:SavedPoint-v0", "--python", PYTHON, "--out",
                    "run", *SMALL, "--steps", "1e7", cwd=tmp_path)
    for line in process.stdout:
        if "env steps" in line or "%" in line:
            break
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=MINUTE)[0]
    assert process.returncode == 0 and "stopped at" in said, said
    assert list((tmp_path / "run" / "checkpoints").iterdir())


def children_of(pid):
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(entry.parent)
    return found


def test_processes_end_with_the_run_that_is_killed(tmp_path):
    process = start("train", "--env", "gym-process:own_envs:Point-v0", "--python", PYTHON, "--out",
                    "run", *SMALL, "--steps", "1e7", cwd=tmp_path)
    for line in process.stdout:
        if "env steps" in line or "%" in line:
            break
    serving = children_of(process.pid)
    assert len(serving) >= 2  # an actor's and the evaluator's
    process.kill()
    process.communicate()
    deadline = time.monotonic() + MINUTE
    while any(place.exists() for place in serving) and time.monotonic() < deadline:
        time.sleep(0.05)  # tidy: allowed because nobody tells of their end
    assert not any(place.exists() for place in serving)


@pytest.mark.parametrize("place", PLACES)
def test_a_cluster_steps_it_in_each_actor(place, tmp_path):
    pmoe("up", "--env", place + "own_envs:Point-v0", "--python", PYTHON, "--out", "run", *SMALL,
         "--actors", 2, "--steps", 2000, cwd=tmp_path)
    found = metrics(tmp_path / "run")
    assert found["env_steps"][-1] >= 2000 and found["train_success_rate"]
