"""pmoe.Cluster and pmoe.ReplayClient against a real cluster, over a Unix socket and over TLS."""

import contextlib
import re
import subprocess

import numpy as np
import pmoe
import pytest
from conftest import ROOT, make_cluster
from pmoe.binaries import binary
from pmoe.cluster import TEXTS


def test_a_status_is_the_commands_with_numbers_as_numbers(unix_cluster):
    up, cluster = unix_cluster
    status = cluster.status()
    assert status["state"] == "running" and status["directory"] == str(up.directory)
    assert {member["role"] for member in status["members"]} == {
        "RUN_ROLE_ACTOR", "RUN_ROLE_EVALUATOR", "RUN_ROLE_REPLAY"}
    for number in (status["env_steps"], status["learner_epoch"],
                   status["members"][0]["process"]["pid"], status["usage"]["memory_bytes"]):
        assert isinstance(number, int)
    assert isinstance(status["run_id"], str)
    by_address = pmoe.Cluster((up.directory / "learner.address").read_text().strip())
    assert by_address.status()["run_id"] == status["run_id"] and by_address.answers()


def test_the_texts_are_those_of_the_protos():
    """TEXTS against every field of type string that a RunStatus can hold."""
    text = "".join((ROOT / "proto" / name).read_text() for name in ("run.proto", "replay.proto"))
    bodies = dict(re.findall(r"^message (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    strings, left, seen = {"role"}, ["RunStatus"], set()  # a role is an enum
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        for kind, field in re.findall(r"^  (?:repeated )?(\w+) (\w+) = ", bodies[name], re.M):
            strings |= {field} if kind == "string" else set()
            left += [kind] if kind in bodies else []
    assert strings == set(TEXTS)


def test_nobody_there_is_an_error_that_says_so(tmp_path):
    with pytest.raises(pmoe.CommandError) as raised:
        pmoe.Cluster(f"unix:{tmp_path}/no.sock").status()
    assert raised.value.code == 3 and "no learner answers at unix:" in str(raised.value)
    assert not pmoe.Cluster(f"unix:{tmp_path}/no.sock").answers()
    with pytest.raises(pmoe.CommandError, match="is not a run directory"):
        pmoe.Cluster(tmp_path).status()
    with pytest.raises(pmoe.RpcError) as raised:
        pmoe.ReplayClient(f"unix:{tmp_path}/no.sock", timeout_s=2).stats()
    assert raised.value.code == "UNAVAILABLE"
    assert f"nobody answers at unix:{tmp_path}" in str(raised.value)
    with pytest.raises(pmoe.Error, match="needs certificates"):
        pmoe.ReplayClient("127.0.0.1:7")
    with pytest.raises(pmoe.Error, match="insecure=True is for loopback only"):
        pmoe.ReplayClient("replay.example.org:7", insecure=True)
    with pytest.raises(pmoe.Error, match="must be unix:/path or host:port"):
        pmoe.ReplayClient("localhost")


def episodes(count, length):
    """Rows of `count` episodes whose observations say where they are: [episode, step, 0, 0]."""
    where = np.stack(np.meshgrid(np.arange(count), np.arange(length), indexing="ij"), -1)
    obs = np.concatenate([where.reshape(-1, 2) + 1000.0, np.zeros((count * length, 2))], -1)
    ends = np.tile(np.arange(length) == length - 1, count)
    rows = count * length
    return obs.astype(np.float32), np.full((rows, 1), 0.5), np.arange(rows), ends


def test_rows_that_python_inserts_are_in_the_table(unix_cluster):
    up, cluster = unix_cluster
    obs, actions, rewards, terminated = episodes(3, 100)
    with cluster.replay() as shard:
        before = shard.stats()["loaded"]
        loaded = shard.insert(obs, 3 * actions, rewards, terminated, action_range=(-3, 3))
        assert (loaded.rows, loaded.left_out) == (300, 0) and loaded.size >= 300
        assert shard.stats()["loaded"] == before + 300
        table = pmoe.read_table(up.directory / "replay" / f"{shard.checkpoint()}.table")
    mine = table.observations[:, 0] >= 1000
    assert mine.sum() == 300
    order = np.lexsort((table.observations[mine, 1], table.observations[mine, 0]))
    rows = {name: getattr(table, name)[mine][order] for name in
            ("observations", "actions", "rewards", "terminated", "next_observations", "actors")}
    np.testing.assert_array_equal(rows["observations"], obs)
    np.testing.assert_array_equal(rows["actions"], np.float32(actions))
    np.testing.assert_array_equal(rows["rewards"], np.float32(rewards))
    np.testing.assert_array_equal(rows["terminated"], terminated)
    goes_on = ~terminated
    np.testing.assert_array_equal(rows["next_observations"][goes_on], obs[1:][goes_on[:-1]])
    assert (rows["actors"] == 0xFFFFFFFF).all()
    actors = table.actors == 0
    assert actors.sum() > 64 and (table.observations[actors] < 1000).all()
    assert np.isfinite(table.sample(50, np.random.default_rng(1)).observations).all()


def test_rows_without_successor_are_left_out_and_counted(unix_cluster):
    _, cluster = unix_cluster
    obs, actions, rewards, _ = episodes(2, 10)
    ends = np.arange(20) % 10 == 9
    with cluster.replay() as shard:
        loaded = shard.insert(obs, actions, rewards, np.zeros(20), ends)
        assert (loaded.rows, loaded.left_out) == (18, 2)
        with_next = shard.insert(obs, actions, rewards, np.zeros(20), ends, obs + 1)
        assert (with_next.rows, with_next.left_out) == (20, 0)


def test_the_saved_table_goes_to_the_loading_command(unix_cluster, tmp_path):
    up, cluster = unix_cluster
    with cluster.replay() as shard:
        table = pmoe.read_table(up.directory / "replay" / f"{shard.checkpoint()}.table")
        table.save_npz(tmp_path / "rows.npz")
        said = subprocess.run([binary("pmoe-replay"), "load", tmp_path / "rows.npz", shard.address],
                              check=True, text=True, stdout=subprocess.PIPE).stdout
    assert said.startswith(f"loaded {len(table)} rows, in ")


@pytest.mark.parametrize("change, words", [
    ({"observations": [[np.nan] * 4] * 20}, "observations[0, 0] is nan"),
    ({"observations": np.zeros((20, 0))}, "observations has shape (20, 0)"),
    ({"actions": np.full((20, 1), 1.5)}, "actions[0, 0] is 1.5, outside [-1.0, 1.0]"),
    ({"rewards": np.zeros(19)}, "rewards has 19 rows, observations 20"),
    ({"rewards": np.array(["a"] * 20)}, "rewards has dtype <U1"),
    ({"terminated": np.full(20, 2)}, "terminated must be 0 or 1"),
    ({"truncated": np.zeros(3)}, "truncated has shape (3,), must be (20,)"),
    ({"next_observations": np.zeros((20, 3))}, "next_observations has shape (20, 3)"),
    ({"truncated": np.ones(20)}, "none has a successor"),
    ({"action_range": (1, -1)}, "action_range is (1, -1)")])
def test_rows_that_cannot_be_are_named_and_none_is_sent(unix_cluster, change, words):
    _, cluster = unix_cluster
    obs, actions, rewards, _ = episodes(2, 10)
    rows = {"observations": obs, "actions": actions, "rewards": rewards, "terminated": np.zeros(20)}
    with cluster.replay() as shard:
        before = shard.stats()["loaded"]
        with pytest.raises(pmoe.Error) as raised:
            shard.insert(**{**rows, **change})
        assert words in str(raised.value) and shard.stats()["loaded"] == before


def test_what_the_shard_refuses_is_said_in_its_words(unix_cluster):
    _, cluster = unix_cluster
    obs, actions, rewards, ends = episodes(1, 10)
    with cluster.replay() as shard, pytest.raises(pmoe.RpcError) as raised:
        shard.insert(obs[:, :3], actions, rewards, ends)
    assert raised.value.code == "FAILED_PRECONDITION"
    assert "the file has observations of 3" in str(raised.value)


def test_a_learner_samples_over_a_unix_socket(unix_cluster):
    _, cluster = unix_cluster
    learner = cluster.learner()
    with cluster.replay() as shard:
        before = shard.stats()["sampled"]
        batch = shard.sample(16, 4, 1, learner)
        assert shard.stats()["sampled"] >= before + 16
        assert batch.observations.shape == batch.next_observations.shape == (16, 4)
        assert batch.actions.shape == (16, 1) and (np.abs(batch.actions) <= 1).all()
        assert np.isfinite(batch.observations).all() and batch.weights is None
        assert set(np.unique(batch.discounts)) <= {np.float32(0), np.float32(0.99)}
        for bad, words in ((lambda: shard.sample(16, 5, 1, learner), "obs_dim 5"),
                           (lambda: shard.sample(0, 4, 1, learner), "rows is 0")):
            with pytest.raises(pmoe.Error) as raised:
                bad()
            assert words in str(raised.value)
        for other in (pmoe.Learner("another", learner.epoch), pmoe.Learner(learner.run_id, 0)):
            with pytest.raises(pmoe.RpcError) as refused:
                shard.sample(16, 4, 1, other)
            assert refused.value.code == "FAILED_PRECONDITION"


def test_priorities_go_back_with_the_keys(tmp_path_factory):
    with contextlib.contextmanager(make_cluster)(
            tmp_path_factory, "--set", "replay.selector=prioritized") as (_, cluster):
        learner = cluster.learner()
        with cluster.replay() as shard:
            batch = shard.sample(16, 4, 1, learner)
            assert batch.weights.shape == (16,)
            assert ((0 < batch.weights) & (batch.weights <= 1)).all()
            shard.update_priorities(batch.keys, np.linspace(-1, 1, 16), learner)
            with pytest.raises(pmoe.Error, match="errors has 3 numbers for 16 rows"):
                shard.update_priorities(batch.keys, [1, 2, 3], learner)
            with pytest.raises(pmoe.RpcError) as refused:
                shard.update_priorities(batch.keys, [np.nan] * 16, learner)
            assert refused.value.code == "INVALID_ARGUMENT"


def test_a_lockstep_runs_bits_are_left_alone(tmp_path_factory):
    with contextlib.contextmanager(make_cluster)(
            tmp_path_factory, "--set", "schedule.mode=lockstep") as (_, cluster):
        with cluster.replay() as shard:
            with pytest.raises(pmoe.Error, match="has no limiter: it is of a lockstep"):
                shard.sample(16, 4, 1, cluster.learner())
            obs, actions, rewards, ends = episodes(1, 10)
            with pytest.raises(pmoe.RpcError, match="must not be given others"):
                shard.insert(obs, actions, rewards, ends)


def test_over_tls_a_certificate_may_what_its_role_may(tls_cluster, tmp_path):
    up, cluster = tls_cluster
    learner = cluster.learner()
    admin = (up.directory / "up.security").read_text().split()[1]
    address = cluster.replay_addresses()[0]
    obs, actions, rewards, ends = episodes(1, 10)
    with pmoe.ReplayClient(address, tls=admin) as shard:
        assert shard.stats()["has_table"] and shard.insert(obs, actions, rewards, ends).rows == 10
        with pytest.raises(pmoe.RpcError) as refused:
            shard.sample(8, 4, 1, learner)
        assert refused.value.code == "PERMISSION_DENIED" and "admin" in str(refused.value)
    with pmoe.ReplayClient(address, tls=admin.replace("/admin", "/learner")) as shard:
        assert shard.sample(8, 4, 1, learner).rewards.shape == (8,)
    with pmoe.ReplayClient(address, tls=admin.replace("/admin", "/actor")) as shard:
        with pytest.raises(pmoe.RpcError) as refused:
            shard.insert(obs, actions, rewards, ends)
        assert refused.value.code == "PERMISSION_DENIED"
    with cluster.replay() as shard:  # `pmoe up` says where its certificates are
        assert shard.stats()["size"] > 0


def test_a_server_of_another_role_or_authority_is_refused(tls_cluster, tmp_path):
    up, cluster = tls_cluster
    admin = (up.directory / "up.security").read_text().split()[1]
    learner_address = (up.directory / "learner.address").read_text().strip()
    with pytest.raises(pmoe.RpcError, match="not the role replay; is the address right"):
        pmoe.ReplayClient(learner_address, tls=admin)
    subprocess.run([binary("pmoe"), "certs", "init", "--out", tmp_path / "certs"], check=True,
                   stdout=subprocess.DEVNULL)
    with pytest.raises(pmoe.RpcError) as raised:
        pmoe.ReplayClient(cluster.replay_addresses()[0], tls=tmp_path / "certs" / "admin")
    assert raised.value.code == "UNAUTHENTICATED"
    with pytest.raises(pmoe.Error, match="has no ca.pem"):
        pmoe.ReplayClient("127.0.0.1:7", tls=tmp_path)
    key = tmp_path / "certs" / "admin" / "key.pem"
    key.chmod(0o644)
    with pytest.raises(pmoe.Error, match="every user can read the key"):
        pmoe.ReplayClient("127.0.0.1:7", tls=key.parent)


def test_a_server_that_goes_away_is_an_error(tmp_path_factory):
    made = make_cluster(tmp_path_factory)
    up, cluster = next(made)
    shard = cluster.replay()
    assert shard.stats()["has_table"]
    up.stop()
    with pytest.raises(pmoe.RpcError) as raised:
        shard.stats()
    assert raised.value.code == "UNAVAILABLE"
    assert not cluster.answers()
    made.close()
