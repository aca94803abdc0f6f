"""What becomes of a run whose environment cannot be made, fails, crashes, or is interrupted. The
environment is tests/actor/env/gym/own_envs.py's.
"""
import pathlib
import re
import signal
import subprocess
import time

import pytest
from conftest import BINARIES, PYTHON, SMALL, environment, metrics, needs, pmoe, start, train

pytestmark = needs("gymnasium")
PLACES = ("gym:", "gym-process:")
MINUTE = 60


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


@pytest.mark.parametrize("mode", ("async", "lockstep"))
@pytest.mark.parametrize("on_error", ("end_run", "end_episode"))
def test_an_environment_that_fails_for_good_costs_no_step_before_it(mode, on_error, tmp_path):
    fault = ("--env-arg", "fault=late reset", "--env-arg", "at=3", "--env-arg", "push=0.01",
             "--env-arg", "max_episode_steps=100")
    said = train("gym:own_envs:Point-v0", *fault, "--steps", 5000, "--mode", mode,
                 "--set", f"env.on_error={on_error}", cwd=tmp_path, code=2)
    assert "RuntimeError: no further reset" in said
    kept = max(int(path.name) for path in (tmp_path / "run" / "checkpoints").iterdir()
               if path.name.isdigit())
    assert 250 <= kept <= 300, said  # three episodes; in lockstep whole rounds of them


def test_an_episode_whose_environment_fails_is_not_evaluated(tmp_path):
    """Resets with odd seeds fail at the first step: half of the evaluation's episodes are left."""
    fault = ("--env-arg", "fault=odd step", "--env-arg", "push=0.01",
             "--env-arg", "max_episode_steps=100")
    said = train("gym:own_envs:Point-v0", *fault, "--steps", 300, "--set",
                 "env.on_error=end_episode", "--set", "observe.eval_episodes=20", cwd=tmp_path)
    assert "does not count" in said
    assert metrics(tmp_path / "run")["eval_length_mean"] == [100.0]


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
        if re.search(r" [1-9][\d,]*/10,000,000 ", line):  # before it there is nothing to keep
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


# This machine without the libraries that Debian has in the package libpython3.
WITHOUT_LIBPYTHON = """
set -e
folder=/usr/lib/x86_64-linux-gnu
mount -t tmpfs none /mnt
mkdir /mnt/all /mnt/shown
mount --bind $folder /mnt/all
ln -s /mnt/all/* /mnt/shown/
rm /mnt/shown/libpython3*.so*
mount --bind /mnt/shown $folder
exec "$@"
"""
IN_NAMESPACE = ("unshare", "--mount", "sh", "-c", WITHOUT_LIBPYTHON, "sh")
DEBIANS_PYTHON = "/usr/bin/python3"  # which has its library within itself


def test_a_python_without_libpython_is_told_what_to_install_and_of_gym_process(tmp_path):
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("needs root, for a mount namespace")
    for how in (("--python", DEBIANS_PYTHON), ()):
        done = subprocess.run(
            [*IN_NAMESPACE, BINARIES / "pmoe", "train", "--env", "gym:Pendulum-v1", *how, "--out",
             tmp_path / "run"], env={**environment(), "PMOE_PYTHON": DEBIANS_PYTHON},
            capture_output=True, text=True)
        assert done.returncode == 2, done
        assert re.search(r"/usr/bin/python3 .* has no libpython3\.\d+\.so, .*: apt-get install "
                         r"libpython3\.\d+ .*, or .* gym-process: instead of gym:", done.stderr)
        assert not (tmp_path / "run").exists()
