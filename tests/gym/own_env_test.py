"""A class of one's own as `gym:MODULE:ID`: trained, resumed, evaluated, drawn, in a cluster. The
class is tests/actor/env/gym/own_envs.py's.
"""
import pytest
from conftest import PYTHON, SMALL, metrics, needs, pmoe, train, weights

pytestmark = needs("gymnasium")
PLACES = ("gym:", "gym-process:")
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


@pytest.mark.parametrize("place", PLACES)
def test_an_environment_is_closed(place, tmp_path):
    file = tmp_path / "closed"
    train(place + "own_envs:Recorder-v0", "--env-arg", f"file={file}", "--steps", 200, cwd=tmp_path)
    assert "closed after True" in file.read_text()


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
def test_a_cluster_steps_it_in_each_actor(place, tmp_path):
    pmoe("up", "--env", place + "own_envs:Point-v0", "--python", PYTHON, "--out", "run", *SMALL,
         "--actors", 2, "--steps", 2000, cwd=tmp_path)
    found = metrics(tmp_path / "run")
    assert found["env_steps"][-1] >= 2000 and found["train_success_rate"]
