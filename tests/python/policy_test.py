"""pmoe.Policy against `pmoe eval --trace`, of every algorithm, and against what cannot be used."""

import numpy as np
import pmoe
import pytest
from conftest import ALGORITHMS, read_trace
from philox import EVALUATOR, Rng
from pmoe.snapshot import read_snapshot

TOLERANCE = 2e-6
SEED = 5


def close(got, wanted, what):
    """Within the tolerance, relative where numbers are above 1."""
    error = np.abs(got - wanted) / np.maximum(np.abs(wanted), 1.0)
    at = np.unravel_index(error.argmax(), error.shape)
    assert error.max() <= TOLERANCE, f"{what}{list(map(int, at))}: {got[at]} against {wanted[at]}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_acts_as_the_actor_does(short_runs, tmp_path, algorithm):
    run = short_runs.of(algorithm)
    trace = tmp_path / "trace.csv"
    run.evaluate(3, primitive="argmax", trace=trace)
    steps = read_trace(trace)
    policy = run.policy()
    primitives = policy.primitives(steps["obs"])
    close(primitives.weights, steps["w"], "router weights")
    close(policy.squashed(primitives.means).reshape(len(steps["w"]), -1), steps["mean"], "means")
    if policy.spec.head != "option":
        close(policy.act(steps["obs"]), steps["action"], "actions of the whole batch")
    close(np.array([policy.act(obs, option=option) for obs, option in
                    zip(steps["obs"], options_before(policy, steps))]), steps["action"], "actions")


def options_before(policy, steps):
    """The option of the step before each, -1 at an episode's start; None without options."""
    if policy.spec.head != "option":
        return [None] * len(steps["step"])
    return [-1 if step == 1 else before
            for step, before in zip(steps["step"], [-1, *steps["primitive"][:-1]])]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_samples_what_the_actor_samples(short_runs, tmp_path, algorithm):
    """With the actor's random numbers: the same primitives, and the same draws from them."""
    run = short_runs.of(algorithm)
    trace = tmp_path / "trace.csv"
    run.evaluate(2, primitive="router", action="sample", seed=SEED, trace=trace)
    steps = read_trace(trace)
    policy = run.policy()
    rngs = [Rng(SEED, EVALUATOR, 0, 0, episode) for episode in range(2)]
    acted = [policy.choose(obs, "router", True, rngs[episode], option) for obs, episode, option in
             zip(steps["obs"], steps["episode"], options_before(policy, steps))]
    assert [int(one.primitive) for one in acted] == steps["primitive"].tolist()
    close(np.array([one.action for one in acted]), steps["action"], "sampled actions")


def test_an_exported_policy_is_the_same(short_runs, tmp_path):
    obs = np.random.default_rng(1).normal(size=(7, 11)).astype(np.float32)
    for algorithm in ("mcp_sac", "ppo", "dac"):
        run = short_runs.of(algorithm)
        exported = pmoe.Policy(run.export(tmp_path / f"{algorithm}.npz"))
        np.testing.assert_array_equal(exported.act(obs), run.policy().act(obs))
        assert exported.spec == run.policy().spec
        assert exported.env_steps == run.policy().env_steps == 256


def test_a_batch_of_any_shape_is_each_row_alone(short_runs):
    policy = short_runs.of("pmoe_sac").policy()
    obs = np.random.default_rng(2).normal(size=(2, 3, 11))
    whole = policy.choose(obs, "argmax")
    assert whole.action.shape == (2, 3, 3) and whole.primitive.shape == (2, 3)
    assert whole.primitives.weights.shape == (2, 3, 4)
    assert whole.primitives.stds.shape == (2, 3, 4, 3)
    np.testing.assert_allclose(whole.action[1, 2], policy.act(obs[1, 2]), rtol=1e-12)
    np.testing.assert_allclose(whole.primitives.weights.sum(-1), 1, rtol=1e-12)


def test_draws_follow_weights_and_gaussians(short_runs):
    policy = short_runs.of("pmoe_sac").policy()
    obs = np.zeros((20000, 11))
    acted = policy.choose(obs, "router", sample=True, rng=np.random.default_rng(3))
    said = policy.primitives(obs[0])
    shares = np.bincount(acted.primitive, minlength=4) / len(obs)
    assert np.abs(shares - said.weights).max() < 5 * np.sqrt(0.25 / len(obs))
    mine = acted.u[acted.primitive == 0]
    z = (mine.mean(0) - said.means[0]) / (said.stds[0] / np.sqrt(len(mine)))
    assert np.abs(z).max() < 5
    np.testing.assert_allclose(mine.std(0), said.stds[0], rtol=5 / np.sqrt(2 * len(mine)))


def test_one_primitive_always_acts_when_it_is_named(short_runs):
    policy = short_runs.of("pmoe_sac").policy()
    obs = np.ones((4, 11))
    acted = policy.choose(obs, [0, 1, 2, 3])
    means = policy.squashed(acted.primitives.means)
    np.testing.assert_allclose(acted.action, [means[k, k] for k in range(4)])  # bounds are [-1, 1]


@pytest.mark.parametrize("obs, words", [
    (np.zeros(10), "shape (10,), must be (11,)"),
    (0.0, "shape ()"),
    (["a"] * 11, "dtype <U1"),
    (np.zeros(11, complex), "dtype complex128"),
    ([[0.0] * 11, [0.0] * 4 + [np.nan] + [0.0] * 6], "obs[1, 4] is nan"),
    ([1e300] + [0.0] * 10, "obs[0] is 1e+300, which is not finite as a float32")])
def test_an_observation_that_cannot_be_is_named(short_runs, obs, words):
    with pytest.raises(pmoe.Error) as raised:
        short_runs.of("pmoe_sac").policy().act(obs)
    assert words in str(raised.value)


@pytest.mark.parametrize("arguments, words", [
    ({"primitive": 4}, "primitive is 4, must be from 0 to 3"),
    ({"primitive": "best"}, "primitive is 'best'"),
    ({"primitive": 1.5}, "primitive is 1.5"),
    ({"primitive": [0, 1]}, "primitive has shape (2,)"),
    ({"option": 0}, "a mixture policy has no options")])
def test_a_choice_that_cannot_be_is_named(short_runs, arguments, words):
    with pytest.raises(pmoe.Error) as raised:
        short_runs.of("pmoe_sac").policy().act(np.zeros(11), **arguments)
    assert words in str(raised.value)


def test_no_flipped_bit_of_a_snapshot_is_used(short_runs, tmp_path):
    data = (short_runs.of("ppo").path / "snapshots" / "latest.pmoe").read_bytes()
    file = tmp_path / "flipped.pmoe"
    places = np.random.default_rng(4).integers(len(data), size=40).tolist()
    for at in [0, 4, 8, 12, 20, 36, 41, 60, *places, len(data) - 1]:
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:])
        with pytest.raises(pmoe.Error, match="flipped.pmoe cannot be used"):
            pmoe.Policy(file)


def test_no_cut_snapshot_is_used(short_runs, tmp_path):
    data = (short_runs.of("pmoe_sac").path / "snapshots" / "latest.pmoe").read_bytes()
    for end in (0, 3, 39, 200, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.pmoe").write_bytes(data[:end])
        with pytest.raises(pmoe.Error, match="cut.pmoe cannot be used"):
            pmoe.Policy(tmp_path / "cut.pmoe")
    (tmp_path / "long.pmoe").write_bytes(data + b"x")
    with pytest.raises(pmoe.Error, match="bytes after its last section"):
        pmoe.Policy(tmp_path / "long.pmoe")


def test_no_damaged_archive_is_used(short_runs, tmp_path):
    file = short_runs.of("pmoe_sac").export(tmp_path / "good.npz")
    arrays = dict(np.load(file))

    def write(**changes):
        changed = {**arrays, **changes}
        np.savez(tmp_path / "bad.npz", **{name: array for name, array in changed.items()
                                          if array is not None})
        return tmp_path / "bad.npz"

    for changes, words in (
            ({"mean.weight": None}, "array mean.weight is missing"),
            ({"spec": None}, "no spec"),
            ({"spec": np.frombuffer(b"{}", np.uint8)}, "format None"),
            ({"spec": np.frombuffer(arrays["spec"].tobytes().replace(b'"version":', b'"version":"a'
                                                                     b'","x":'), np.uint8)},
             "version is 'a'"),
            ({"mean.bias": arrays["mean.bias"].astype(np.float64)}, "float64, must be float32"),
            ({"mean.weight": arrays["mean.weight"][1:]}, "shape (255, 12), must be (256, 12)"),
            ({"mean.weight": arrays["mean.weight"] * np.nan}, "not finite")):
        with pytest.raises(pmoe.Error) as raised:
            pmoe.Policy(write(**changes))
        assert words in str(raised.value), str(raised.value)
    data = file.read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[:len(data) // 2])
    with pytest.raises(pmoe.Error, match="cut.npz cannot be used"):
        pmoe.Policy(tmp_path / "cut.npz")


def test_a_flipped_bit_of_an_archive_is_named_or_harmless(short_runs, tmp_path):
    """Harmless are times and the like; every number is under a checksum."""
    data = short_runs.of("ppo").export(tmp_path / "good.npz").read_bytes()
    good = read_snapshot(tmp_path / "good.npz")
    file, named = tmp_path / "flipped.npz", 0
    for at in [*range(400), *range(len(data) - 200, len(data))]:
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:])
        try:
            found = read_snapshot(file)
        except pmoe.Error as error:
            assert "flipped.npz cannot be used" in str(error)
            named += 1
        else:
            assert found.spec == good.spec
            for name, weight in good.weights.items():
                np.testing.assert_array_equal(found.weights[name], weight)
    assert named > 300


def test_an_archive_of_something_else_is_named(tmp_path):
    import zipfile
    header = b"\x93NUMPY\x01\x00\x10\x00"
    for name, content in (("spec.npy", b"no array"), ("spec", b"x"),
                          ("spec.npy", header + b"{'descr': (((((\n"),
                          ("a.npy", header + b"{'descr: '<f4'}\n")):
        with zipfile.ZipFile(tmp_path / "foreign.npz", "w") as archive:
            archive.writestr(name, content)
        with pytest.raises(pmoe.Error, match="foreign.npz cannot be used"):
            pmoe.Policy(tmp_path / "foreign.npz")


def test_a_file_that_is_not_there_or_no_policy_is_named(short_runs, tmp_path):
    with pytest.raises(pmoe.Error, match="cannot read the policy .*nowhere.pmoe"):
        pmoe.Policy(tmp_path / "nowhere.pmoe")
    (tmp_path / "text.pmoe").write_text("hello")
    with pytest.raises(pmoe.Error, match="it is no .pmoe file"):
        pmoe.Policy(tmp_path / "text.pmoe")
    checkpoint = next(short_runs.of("sac").path.glob("checkpoints/*/state.pmoe"))
    with pytest.raises(pmoe.Error, match="it is a checkpoint, not a policy"):
        pmoe.Policy(checkpoint)
