"""`pmoe scale` itself: clusters of a tiny task, stopped and gone on with; an environment that waits
as its only work, so that the truth is known; what it refuses."""

import csv
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import pmoe
from conftest import environment
from pmoe.binaries import binary

matplotlib = pytest.importorskip("matplotlib")

SETTINGS = ("policy.hidden=16,16", "learner.critic_hidden=16,16", "learner.batch_size=32",
            "schedule.start_steps=200", "schedule.update_after=200", "replay.capacity=20000",
            "observe.eval_every_steps=1000", "observe.eval_episodes=1", "learner.threads=1")
TASK = ("--env", "InvertedPendulum-v5", "--algo", "sac")
WAITER = """
import select

import gymnasium as gym
import numpy as np


class Waiter(gym.Env):
    observation_space = gym.spaces.Box(-1.0, 1.0, (2,))
    action_space = gym.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2), {}

    def step(self, action):
        select.select([], [], [], 0.02)
        return np.zeros(2), 0.0, False, False, {}


gym.register("Waiter-v0", Waiter, max_episode_steps=50)
"""


def command(*words, task=TASK, sets=SETTINGS):
    return [binary("pmoe"), "scale", *words, *task, *(w for s in sets for w in ("--set", s))]


def start(words, **changes):
    return subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=environment(PMOE_PYTHON=sys.executable, **changes))


def run(words, **changes):
    process = start(words, **changes)
    said = process.communicate()[0]
    return process.returncode, said


def rows(out):
    with open(out / "scale.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """(folder, what was said) of two sizes; without a screen, and with a foreign way to write."""
    out = tmp_path_factory.mktemp("scale") / "out"
    changes = {"MPLBACKEND": "TkAgg", "DISPLAY": "", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    code, said = run(command("--actors", "1,2", "--seconds", "5", "--out", str(out)), **changes)
    assert code == 0, said
    return out, said


def test_each_size_has_a_row_with_rates_of_its_own_run(measured):
    out, said = measured
    table = rows(out)
    assert [row["actors"] for row in table] == ["1", "2"]
    for row in table:
        metrics = pmoe.Run(out / row["folder"]).metrics.set_index("wall_s")
        first, last = metrics.loc[float(row["begin_s"])], metrics.loc[float(row["end_s"])]
        seconds = float(row["end_s"]) - float(row["begin_s"])
        assert 5 <= seconds < 30 and first["env_steps"] >= 200 and first["updates"] > 0
        rate = (last["env_steps"] - first["env_steps"]) / seconds
        assert float(row["env_steps_per_s"]) == pytest.approx(rate, rel=1e-4)
        assert float(row["updates_per_s"]) > 0
        config = (out / row["folder"] / "config.textproto").read_text()
        assert int(re.search(r"actor \{\s*count: (\d+)", config)[1]) == int(row["actors"])
    assert float(table[0]["efficiency"]) == 1
    assert "Recommended: " in said and "Limit: " in said


def test_the_page_asks_for_nothing_and_has_the_picture(measured):
    out, said = measured
    page = (out / "scale.html").read_text()
    without, pictures = re.subn(r'src="data:image/png;base64,[A-Za-z0-9+/=]+"', "", page)
    assert pictures == 1 and not re.search(r"(src|href)=|url\(|@import|https?:", without)
    assert "InvertedPendulum-v5, sac, async" in page and "Recommended: " in page
    picture = (out / "scale.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    from PIL import Image
    with Image.open(out / "scale.png") as image:
        assert len(set(image.convert("RGB").resize((200, 140)).getdata())) > 20
    assert f"picture: {out}/scale.png" in said


def test_what_is_measured_is_not_run_again_and_sizes_may_be_added(measured):
    out, _ = measured
    before = rows(out)
    code, said = run(command("--actors", "1,2", "--seconds", "5", "--out", str(out)))
    assert code == 0 and "2 of 2 are measured already" in said, said
    assert rows(out) == before
    code, said = run(command("--actors", "1,2", "--seconds", "6", "--out", str(out)))
    assert code == 2 and "was measured with seconds 5.0, now 6.0" in said, said
    assert rows(out) == before


def test_without_matplotlib_table_and_page_come(measured, tmp_path):
    out, _ = measured
    (tmp_path / "matplotlib.py").write_text("raise ImportError('none')\n")
    (out / "scale.png").rename(tmp_path / "scale.png")
    words = command("--actors", "1,2", "--seconds", "5", "--out", str(out))
    code, said = run(words, PYTHONPATH=str(tmp_path))
    assert code == 0 and "has no matplotlib; pip install it" in said, said
    assert "<meter" in (out / "scale.html").read_text() and not (out / "scale.png").exists()


def test_ctrl_c_keeps_what_is_measured_and_the_rest_comes_later(tmp_path):
    out = tmp_path / "out"
    words = command("--actors", "1,2", "--seconds", "3", "--out", str(out))
    process = start(words)
    while not (out / "actors-2-run-1" / "metrics.csv").exists():  # lines come now and then alone
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)  # tidy: allowed because it waits for a file of another process
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 3, said
    assert [row["actors"] for row in rows(out)] == ["1"]
    assert not alive(out)
    code, said = run(words)
    assert code == 0 and "1 of 2 are measured already" in said, said
    assert [row["actors"] for row in rows(out)] == ["1", "2"]


def alive(out):
    """Processes that name the folder."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
        except OSError:
            continue
        if str(out).encode() in words and int(pid) != os.getpid():
            found.append(words)
    return found


def test_actors_that_wait_for_their_environment_scale_in_full(tmp_path):
    """An env step takes 20 ms, and an update is rare: two actors make twice the steps of one."""
    (tmp_path / "waiter.py").write_text(WAITER)
    task = ("--env", "gym:waiter:Waiter-v0", "--python", sys.executable, "--algo", "sac")
    sets = (*SETTINGS, "schedule.updates_per_step=0.1", "observe.log_every_steps=20",
            "observe.eval_every_steps=0", "observe.eval_episode_steps_max=50")
    code, said = run(command("--actors", "1,2,4", "--seconds", "8", "--out", str(tmp_path / "out"),
                             task=task, sets=sets), PYTHONPATH=str(tmp_path))
    assert code == 0, said
    rates = [float(row["env_steps_per_s"]) for row in rows(tmp_path / "out")]
    assert 35 < rates[0] <= 50  # 20 ms a step, and the rest
    assert [rate / rates[0] for rate in rates] == pytest.approx([1, 2, 4], rel=0.15)
    assert "Limit: " in said  # none within these sizes, if nothing else has the cores


def test_repeats_have_seeds_of_their_own_and_steps_end_a_training(tmp_path):
    out = tmp_path / "out"
    code, said = run(command("--actors", "1", "--steps", "15000", "--repeats", "2", "--seed", "5",
                             "--out", str(out)))
    assert code == 0, said
    assert [(row["repeat"], row["seed"]) for row in rows(out)] == [("1", "5"), ("2", "6")]
    for row in rows(out):
        run_of = pmoe.Run(out / row["folder"])
        assert run_of.config["seed"] == int(row["seed"])
        assert run_of.evaluations[0][-1] >= 15000
    assert any(row["return_at_equal_wall"] for row in rows(out))  # the shorter one's last
    assert "Medians of 2 runs" in (out / "scale.html").read_text()


@pytest.mark.parametrize("words, why", [
    (("--actors", "0"), "--actors 0: 0 is not from 1 to 1024"),
    (("--actors", "1,,2"), "'' is no number of actors"),
    (("--actors", "4,2"), "2 stands behind 4; sizes must grow"),
    ((), "--actors is missing"),
    (("--actors", "1,2", "--seconds", "nan"), "--seconds must be a number from 1 to"),
    (("--actors", "1,2", "--seconds", "1,5"), "must be a number from 1 to 1e+06, got 1,5"),
    (("--actors", "1,2", "--repeats", "0"), "--repeats must be a whole number from 1 to 100"),
    (("--actors", "1,2", "--seconds", "5", "--steps", "1e5"), "exclude one another"),
    (("--actors", "1,2", "--steps", "150"), "the first 200 env steps are the warm-up"),
    (("--actors", "1,2", "--with", "qsub"), "--with qsub is none of up, ray, slurm, compose"),
    (("--actors", "1,2", "--resume", "runs/x"), "--resume is for one run"),
    (("--actors", "1,2", "--set", "learner.alfa=1"), "unknown setting learner.alfa; did you mean"),
    (("--actors", "1,2", "--set", "actor.count=3"), "--set actor.count=3 is stronger than"),
    (("--actors", "1,2", "--set", "seed=3"), "give it as --seed"),
    (("--actors", "1,2", "--set", "observe.price_per_hour=-1"), "price_per_hour must be >= 0"),
    (("--actors", "1,2", "--set", "observe.target_return=inf"), "observe.target_return must be a"),
    (("--actors", "1,2", "--mode", "lockstep", "--set", "schedule.steps_per_round=25"),
     "must be a multiple of actor.count x actor.envs = 2"),
    (("--actors", "1,2", "--with", "compose"), "--with compose measures the cluster that runs")])
def test_what_cannot_be_is_refused_before_anything_begins(tmp_path, words, why):
    code, said = run(command("--out", str(tmp_path / "out"), *words))
    assert code == 2 and why in said and "Traceback" not in said, said
    assert not (tmp_path / "out").exists()


def test_a_task_that_is_none_ends_all_sizes_with_its_own_words(tmp_path):
    task = ("--env", "Hoper-v5", "--algo", "sac")
    code, said = run(command("--actors", "1,2", "--out", str(tmp_path / "out"), task=task))
    assert code == 2 and said.count("did you mean Hopper-v5") == 1, said
    code, said = run(command("--actors", "1", "--seconds", "3", "--out", str(tmp_path / "out")))
    assert code == 0, said  # nothing was measured there, so that the folder is free


def test_a_folder_of_others_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    code, said = run(command("--actors", "1", "--out", str(tmp_path)))
    assert code == 2 and "holds other files and no scale.json; nothing was changed" in said, said
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_one_folder_has_one_measurement(tmp_path):
    out = tmp_path / "out"
    words = command("--actors", "1", "--seconds", "60", "--out", str(out))
    first = start(words)
    next(first.stdout)
    code, said = run(words)
    assert code == 2 and f"another `pmoe scale` measures in {out}" in said, said
    first.send_signal(signal.SIGINT)
    assert first.wait() == 3
