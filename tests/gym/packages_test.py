"""Environments of packages on PyPI, each stepped and trained for some thousand steps."""
import subprocess

import pytest
from conftest import BINARIES, PYTHON, environment, has, metrics, train

STEPS = 2000
PACKAGES = [
    # package, environment, its parameters, whether it has goals to reach
    ("gymnasium_robotics", "gym:FetchReach-v4", (), True),
    ("gymnasium_robotics", "gym:AntMaze_UMaze-v5", (), True),
    ("panda_gym", "gym:PandaReach-v3", (), True),
    ("metaworld", "gym:Meta-World/MT1", ("--env-arg", "env_name=reach-v3"), True),
    ("shimmy", "gym:dm_control/cheetah-run-v0", (), False),
    ("gymnasium_robotics", "gym-process:FetchReach-v4", (), True),
]


@pytest.mark.parametrize("package, env, args, has_goals", PACKAGES)
def test_it_is_trained(package, env, args, has_goals, tmp_path):
    if not has(package):
        pytest.skip(f"{PYTHON} has no {package}; ./pmoe test installs it")
    train(env, *args, "--steps", STEPS, "--set", "schedule.updates_per_step=0.1",
          "--set", "observe.eval_episodes=1", cwd=tmp_path)
    found = metrics(tmp_path / "run")
    assert found["env_steps"][-1] == STEPS and sum(found["train_episodes"]) > 0
    assert bool(found["train_success_rate"]) == has_goals
    assert all(0 <= rate <= 1 for rate in found["train_success_rate"])


REPLAY = """
import sys, gymnasium, numpy as np
import gymnasium_robotics
env = gymnasium.make("FetchReach-v4")
flat = lambda obs: np.concatenate([obs[key].ravel() for key in env.observation_space.spaces])
def row(obs): print(",".join(repr(float(x)) for x in flat(obs)))
row(env.reset(seed=5)[0])
for action in np.loadtxt(sys.argv[1], delimiter=","):
    row(env.step(action)[0])
"""


@pytest.mark.skipif(not has("gymnasium_robotics"), reason="no gymnasium_robotics")
@pytest.mark.parametrize("place", ("gym:", "gym-process:"))
def test_robotics_fetch_reach_has_gymnasiums_own_bits(place, tmp_path):
    actions = tmp_path / "actions.csv"
    actions.write_text("".join(f"{0.1 * i % 1.0},{-0.3},{0.05 * i % 0.7},{0.2}\n"
                               for i in range(40)))
    script = tmp_path / "replay.py"
    script.write_text(REPLAY)
    wanted = subprocess.run([PYTHON, script, actions], env=environment(), check=True, text=True,
                            stdout=subprocess.PIPE).stdout.splitlines()
    said = subprocess.run(
        [BINARIES / "pmoe", "env", "trace", "--env", place + "FetchReach-v4", "--python", PYTHON,
         "--seed", "5", "--actions", actions], env=environment(), check=True, text=True,
        stdout=subprocess.PIPE).stdout.splitlines()
    got = [line.split(",", 5)[5] for line in said[1:]]
    assert [[float(x) for x in line.split(",")] for line in got] == \
        [[float(x) for x in line.split(",")] for line in wanted]
