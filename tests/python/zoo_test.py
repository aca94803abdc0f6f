"""--zoo NAME: the policies that come along act, and experiments/make_zoo.py makes more of them."""

import json
import pathlib
import subprocess
import sys

import pmoe
import pytest
from conftest import ROOT, environment, short_settings
from pmoe.binaries import binary
from pmoe.command import value_text

NAMES = sorted(folder.parent.name for folder in ROOT.glob("zoo/*/config.textproto"))


def act(*words, zoo=None):
    env = environment() if zoo is None else {**environment(), "PMOE_ZOO": str(zoo)}
    return subprocess.run([binary("pmoe"), "eval", *map(str, words)], capture_output=True,
                          text=True, check=False, env=env)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_acts_and_fits_its_task(name):
    said = act("--zoo", name, "--episodes", 1, "--episode-steps-max", 50)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("best snapshot of ")
    entry = json.loads((ROOT / "zoo" / name / "zoo.json").read_text(encoding="utf-8"))
    assert f"`{entry['command']}`" in (ROOT / "zoo/README.md").read_text(encoding="utf-8")


def test_the_zoo_is_small_and_has_no_models_of_others():
    files = [file for file in (ROOT / "zoo").rglob("*") if file.is_file()]
    assert NAMES and sum(file.stat().st_size for file in files) < 40e6
    assert not [file for file in files if file.suffix in (".xml", ".stl", ".obj")]


@pytest.mark.parametrize("name", ["nobody", "../zoo/" + NAMES[0]])
def test_only_names_of_the_zoo_are_taken(name):
    said = act("--zoo", name)
    assert said.returncode == 2 and "got \"" + name + "\"" in said.stderr
    assert NAMES[0] in said.stderr  # which there are


def test_a_name_of_the_zoo_without_its_flag_is_known():
    said = act(NAMES[0])
    assert said.returncode == 2 and f"--zoo {NAMES[0]}?" in said.stderr


def test_somebody_must_act_and_nobody_twice(tmp_path):
    assert "--run is missing" in act().stderr and act().returncode == 2
    assert act("--zoo", NAMES[0], "--run", tmp_path).returncode == 2
    said = act("--zoo", "any", zoo=tmp_path)
    assert said.returncode == 2 and "PMOE_ZOO=FOLDER" in said.stderr


def test_the_zoo_has_the_best_snapshot_alone():
    said = act("--zoo", NAMES[0], "--snapshot", "latest")
    assert said.returncode == 2 and "best snapshot only" in said.stderr


def test_the_seed_in_the_middle_comes_into_the_zoo(tmp_path):
    settings = {**short_settings("sac"), "policy.hidden": [8], "learner.critic_hidden": [8]}
    for seed in (1, 2, 3):
        pmoe.train("InvertedPendulum-v5", algo="sac", steps=256, seed=seed, progress=False,
                   out=tmp_path / "group" / f"seed_{seed}", set=settings)
    zoo = tmp_path / "zoo"
    words = [sys.executable, str(ROOT / "experiments/make_zoo.py"), str(tmp_path / "group"),
             "--zoo", str(zoo), "--no-video"]

    def make(*more):
        return subprocess.run([*words, *more], capture_output=True, text=True, check=False,
                              env=environment())
    assert "name what was set by --set" in make().stderr  # the command would train another one
    assert not list(zoo.glob("[!.]*"))
    said = make(*[f"--set={name}={value_text(value)}" for name, value in settings.items()])
    assert said.returncode == 0, said.stderr
    entry = json.loads((zoo / "InvertedPendulum-v5-sac/zoo.json").read_text(encoding="utf-8"))
    returns = entry["returns"]
    assert returns[str(entry["seed"])] == sorted(returns.values())[1]
    assert "| InvertedPendulum-v5-sac | 256 | 3 |" in pathlib.Path(
        zoo / "README.md").read_text(encoding="utf-8")
    assert act("--zoo", "InvertedPendulum-v5-sac", "--episodes", 2, zoo=zoo).returncode == 0
