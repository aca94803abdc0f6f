"""What TensorBoard itself reads of a run: curves in groups, hyperparameters, the configuration."""

import math

import pmoe
import pytest
from conftest import short_settings

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from tensorboard.plugins.hparams import metadata  # noqa: E402
from tensorboard.util import tb_logging, tensor_util  # noqa: E402

tb_logging.get_logger().setLevel("ERROR")  # it warns of each resume
GROUPS = {"run", "eval", "train", "replay", "loss", "policy", "optimizer", "primitive", "time"}


def read(run):
    events = EventAccumulator(str(run.path))
    events.Reload()
    return events


def hparams(events):
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    said = metadata.parse_session_start_info_plugin_data(content).hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in said.items()}


def text(events):
    assert events.SummaryMetadata("config/text_summary").plugin_data.plugin_name == "text"
    last = events.Tensors("config/text_summary")[-1]
    return tensor_util.make_ndarray(last.tensor_proto).item().decode()


@pytest.mark.parametrize("algorithm", ["pmoe_sac", "pmoe_ppo", "dac"])
def test_every_column_is_a_curve_of_a_group(short_runs, algorithm):
    run = short_runs.of(algorithm)
    events, table = read(run), run.metrics
    tags = events.Tags()["scalars"]
    groups = {tag.split("/")[0] for tag in tags}
    assert groups == (GROUPS - {"optimizer"} if algorithm == "pmoe_sac" else GROUPS)
    measured = [column for column in table if table[column].notna().any()]
    assert len(tags) == len(measured)
    shown = [(scalar.step, scalar.value) for scalar in events.Scalars("eval/return")]
    wanted = table[["env_steps", "eval_return_mean"]].dropna()
    assert [step for step, _ in shown] == wanted["env_steps"].tolist()
    assert all(math.isclose(value, number, rel_tol=1e-6)
               for (_, value), number in zip(shown, wanted["eval_return_mean"]))
    assert "time/update_s" in tags and "primitive/usage_0" in tags and "loss/actor" in tags


def test_settings_are_hyperparameters_of_their_types(short_runs):
    run = short_runs.of("pmoe_sac")
    events = read(run)
    said = hparams(events)
    assert said["learner.batch_size"] == 32.0 and said["policy.primitives"] == 4.0
    assert said["algorithm"] == "pmoe_sac" and said["env.id"] == "Hopper-v5"
    assert said["policy.hidden"] == "256,256" and said["observe.video"] is False
    assert "learner.epochs" not in said  # not read by this algorithm
    config = (run.path / "config.textproto").read_text()
    assert text(events) == "```\n" + config[:config.index("# crc32c")] + "\n```\n"


def test_a_resumed_run_shows_its_new_configuration(tmp_path):
    settings = {**short_settings("sac"), "policy.hidden": [8], "learner.critic_hidden": [8]}
    run = pmoe.train("InvertedPendulum-v5", algo="sac", steps=128, out=tmp_path / "run",
                     set=settings, progress=False)
    pmoe.train(resume=run, steps=192, progress=False)
    events = read(run)
    assert hparams(events)["schedule.total_steps"] == 128.0  # TensorBoard keeps those it saw first
    assert "total_steps: 192" in text(events)
    assert [scalar.step for scalar in events.Scalars("run/updates")] == [64, 128, 192]
