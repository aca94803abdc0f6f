"""What TensorBoard itself reads of a run: curves in groups, hyperparameters, the configuration."""

import math
import subprocess

import pmoe
import pytest
from conftest import short_settings
from pmoe.binaries import binary

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


def test_the_best_policys_video_is_an_animation_among_the_images(tmp_path):
    settings = {**short_settings("sac"), "policy.hidden": [8], "learner.critic_hidden": [8],
                "observe.video": True}
    run = pmoe.train("InvertedPendulum-v5", algo="sac", steps=256, out=tmp_path / "run",
                     set=settings, progress=False)
    events = read(run)
    shown, = events.Images("eval/video")
    assert shown.encoded_image_string == (run.path / "videos/best.gif").read_bytes()
    assert shown.encoded_image_string[:6] == b"GIF89a" and (shown.width, shown.height) == (240, 180)
    assert len(shown.encoded_image_string) < 8 << 20
    table = run.metrics.dropna(subset=["eval_return_mean"])
    assert shown.step == table.loc[table["eval_return_mean"].idxmax(), "env_steps"]
    assert [scalar.step for scalar in events.Scalars("eval/return")] == table["env_steps"].tolist()


def test_without_ffmpeg_one_line_says_why_there_is_no_video(tmp_path, monkeypatch):
    settings = {**short_settings("sac"), "policy.hidden": [8], "learner.critic_hidden": [8],
                "observe.video": True}
    monkeypatch.setenv("PATH", str(tmp_path))
    words = [arg for name, value in settings.items() for arg in (
        "--set", f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}")]
    said = subprocess.run(
        [binary("pmoe"), "train", "--env", "InvertedPendulum-v5", "--algo", "sac", "--steps", "128",
         "--out", str(tmp_path / "run"), *[w.replace("=True", "=true") for w in words]],
        capture_output=True, text=True, check=True)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if "video" in line]
    assert lines == ["no video: ffmpeg cannot be started; apt-get install ffmpeg"]
    assert read(pmoe.Run(tmp_path / "run")).Tags()["images"] == []


def test_a_resumed_run_shows_its_new_configuration(tmp_path):
    settings = {**short_settings("sac"), "policy.hidden": [8], "learner.critic_hidden": [8]}
    run = pmoe.train("InvertedPendulum-v5", algo="sac", steps=128, out=tmp_path / "run",
                     set=settings, progress=False)
    pmoe.train(resume=run, steps=192, progress=False)
    events = read(run)
    assert hparams(events)["schedule.total_steps"] == 128.0  # TensorBoard keeps those it saw first
    assert "total_steps: 192" in text(events)
    assert [scalar.step for scalar in events.Scalars("run/updates")] == [64, 128, 192]
