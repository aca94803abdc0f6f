"""pmoe.Run and pmoe.runs on real run directories, whole and damaged."""

import math
import subprocess

import pandas
import pmoe
import pytest
from conftest import environment
from pmoe.binaries import binary
from pmoe.metrics import read_metrics


def test_metrics_are_those_of_the_file(short_runs):
    run = short_runs.of("pmoe_sac")
    wanted = pandas.read_csv(run.path / "metrics.csv", float_precision="round_trip")
    pandas.testing.assert_frame_equal(run.metrics, wanted, check_dtype=False, check_exact=True)
    assert run.metrics["env_steps"].dtype == "int64"
    steps, returns = run.evaluations
    assert steps == [128, 256] and returns == wanted["eval_return_mean"].dropna().tolist()


def test_the_configuration_is_resolved_and_typed(short_runs):
    config = short_runs.of("pmoe_sac").config
    assert config["env"]["id"] == "Hopper-v5"
    assert config["algorithm"] == "pmoe_sac" and config["seed"] == 3
    assert config["policy"]["primitives"] == 4 and config["policy"]["hidden"] == [256, 256]
    assert config["learner"]["gamma"] == 0.99 and config["observe"]["video"] is False
    assert config["schedule"]["total_steps"] == 256
    assert short_runs.of("sac").manifest["simulator"].startswith("MuJoCo")


def test_an_evaluation_is_that_of_the_command(short_runs, tmp_path):
    run = short_runs.of("pmoe_sac")
    found = run.evaluate(4, primitive="argmax", seed=7, trace=tmp_path / "trace.csv")
    said = subprocess.run([binary("pmoe"), "eval", "--run", run.path, "--episodes", "4",
                           "--primitive", "argmax", "--seed", "7"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert found.text == said
    assert f"return  {found.return_mean:.2f} ± {found.return_std:.2f}" in said
    assert len(found.returns) == len(found.lengths) == 4
    assert sum(found.returns) / 4 == pytest.approx(found.return_mean, abs=0.006)
    assert sum(found.lengths) / 4 == pytest.approx(found.length_mean, abs=0.06)
    assert sum(found.primitive_usage) == pytest.approx(1, abs=0.003)


def test_a_commands_error_is_its_own_text(short_runs):
    with pytest.raises(pmoe.CommandError) as raised:
        short_runs.of("pmoe_sac").evaluate(primitive=9)
    assert str(raised.value) == ("--primitive must be router, argmax or an index from 0 to 3, "
                                 "got \"9\"")
    assert raised.value.code == 2 and raised.value.command[1] == "eval"
    with pytest.raises(pmoe.Error, match="snapshot is 'newest', must be one of latest, best"):
        short_runs.of("pmoe_sac").policy("newest")


def test_a_video_is_drawn(short_runs, tmp_path):
    file = short_runs.of("sac").video(tmp_path / "run.mp4", frames=3, width=64, height=48)
    assert file.read_bytes()[4:8] == b"ftyp"


def test_a_run_is_verified(short_runs, damaged):
    assert short_runs.of("pmoe_sac").verify()["sound"] is True
    folder = damaged()
    snapshot = folder / "snapshots" / "best.pmoe"
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    said = pmoe.Run(folder).verify()
    assert said["sound"] is False and any("best.pmoe" in damage for damage in said["damages"])


def test_a_folder_that_is_no_run_says_what_it_is(short_runs, tmp_path):
    with pytest.raises(pmoe.Error, match="nowhere is not there"):
        pmoe.Run(tmp_path / "nowhere")
    with pytest.raises(pmoe.Error, match="has no config.textproto"):
        pmoe.Run(tmp_path)
    for seed in (2, 10):
        (tmp_path / f"seed_{seed}").mkdir()
        (tmp_path / f"seed_{seed}" / "config.textproto").touch()
    with pytest.raises(pmoe.Error, match=r"seeds 2, 10: name one of them, like .*seed_2"):
        pmoe.Run(tmp_path)


def test_a_line_that_is_being_written_is_left_out(damaged):
    file = damaged() / "metrics.csv"
    whole = read_metrics(file)
    file.write_text(file.read_text()[:-5])
    assert read_metrics(file) == (whole[0], whole[1][:-1]) or math.isnan(whole[1][0][3])
    assert len(read_metrics(file)[1]) == len(whole[1]) - 1


@pytest.mark.parametrize("change, words", [
    (lambda text: "", "has no whole line"),
    (lambda text: text[:20], "has no whole line"),
    (lambda text: text.split("\n", 1)[1], "where the header with env_steps must be"),
    (lambda text: text.replace("\n64,", "\n64,,", 1), "line 2: "),
    (lambda text: text.replace("\n128,", "\n128,x", 1), "line 3: updates is 'x")])
def test_damaged_metrics_name_file_and_line(damaged, change, words):
    run = pmoe.Run(damaged())
    file = run.path / "metrics.csv"
    file.write_text(change(file.read_text()))
    with pytest.raises(pmoe.Error) as raised:
        print(run.metrics)
    assert words in str(raised.value) and str(file) in str(raised.value)


@pytest.mark.parametrize("change, words", [
    (lambda text: text.replace("batch_size: 32", "batch_size: 33"), "not as the run wrote it"),
    (lambda text: text[:text.index("replay {") + 10], "a } is missing"),
    (lambda text: text[:text.index("primitives:") + 8], "a colon or a brace must follow"),
    (lambda text: "", "it has no env { … }"),
    (lambda text: "\x00\x01", "cannot be read")])
def test_a_damaged_configuration_is_named(damaged, change, words):
    run = pmoe.Run(damaged())
    file = run.path / "config.textproto"
    file.write_text(change(file.read_text()))
    with pytest.raises(pmoe.Error) as raised:
        print(run.config)
    assert words in str(raised.value) and str(file) in str(raised.value)


def test_runs_are_a_table_in_which_damage_is_named(short_runs, damaged, tmp_path):
    damaged("a-whole")
    (damaged("b-cut") / "metrics.csv").write_text("")
    (damaged("c-config") / "config.textproto").write_text("seed: ")
    (tmp_path / "d-no-run").mkdir()
    (damaged("group") / "seed_1").mkdir()
    table = pmoe.runs(tmp_path).set_index("name")
    assert list(table.index) == ["a-whole", "b-cut", "c-config", "group"]
    whole = table.loc["a-whole"]
    assert (whole.env, whole.algorithm, whole.seed) == ("Hopper-v5", "pmoe_sac", 3)
    assert (whole["mode"], whole.damage) == ("lockstep", "")
    assert whole.env_steps == whole.total_steps == whole.eval_steps == 256
    assert whole.eval_return == pmoe.Run(tmp_path / "a-whole").evaluations[1][-1]
    assert "metrics.csv has no whole line" in table.loc["b-cut"].damage
    assert table.loc["b-cut"].algorithm == "pmoe_sac" and math.isnan(table.loc["b-cut"].eval_return)
    assert "config.textproto" in table.loc["c-config"].damage
    assert table.loc["c-config"].env_steps == 256
    with pytest.raises(pmoe.Error, match="nowhere is not there"):
        pmoe.runs(tmp_path / "nowhere")


def test_a_configuration_that_cannot_be_read_is_a_damaged_row(damaged, tmp_path):
    (tmp_path / "runs").mkdir()
    for name, break_it in (("a-folder", lambda file: file.mkdir()),
                           ("b-link", lambda file: file.symlink_to("nowhere"))):
        file = damaged(f"runs/{name}") / "config.textproto"
        file.unlink()
        break_it(file)
    infinite = damaged("runs/c-steps") / "metrics.csv"
    infinite.write_text(infinite.read_text().replace("\n256,", "\ninf,"))
    table = pmoe.runs(tmp_path / "runs").set_index("name")
    assert list(table.index) == ["a-folder", "b-link", "c-steps"]
    assert "config.textproto: Is a directory" in table.loc["a-folder"].damage
    assert "config.textproto: No such file" in table.loc["b-link"].damage
    assert table.loc["a-folder"].env_steps == 256
    assert "infinity" in table.loc["c-steps"].damage


def test_what_commands_say_is_utf8_in_any_locale(short_runs):
    """An evaluation's lines hold a ±."""
    import sys
    script = "import pmoe, sys; print(pmoe.Run(sys.argv[1]).evaluate(1).length_std)"
    said = subprocess.run([sys.executable, "-c", script, str(short_runs.of("sac").path)], text=True,
                          env=environment(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"),
                          capture_output=True, check=False)
    assert (said.returncode, said.stdout) == (0, "0.0\n"), said.stderr


def test_a_missing_program_says_where_it_was_looked_for(short_runs, monkeypatch, tmp_path):
    monkeypatch.setenv("PMOE_BIN_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("pmoe.binaries.checkout", lambda: None)
    with pytest.raises(pmoe.Error) as raised:
        short_runs.of("sac").evaluate()
    assert "the program pmoe is neither in" in str(raised.value)
    assert str(tmp_path) in str(raised.value) and "PMOE_BIN_DIR" in str(raised.value)


def test_what_is_missing_is_named_where_it_is_needed(short_runs, tmp_path):
    """Without pandas and NumPy in sight, runs are read all the same."""
    import sys
    for package in ("pandas", "numpy"):
        (tmp_path / f"{package}.py").write_text(f"raise ImportError('none', name='{package}')")
    script = ("import sys, pmoe; run = pmoe.Run(sys.argv[1]); print(run.config['seed'],\n"
              "      run.evaluations[0])\n"
              "for use in (lambda: run.metrics, lambda: run.policy(), lambda: pmoe.Policy):\n"
              "    try: use()\n"
              "    except (pmoe.Error, ImportError) as error: print(error)\n")
    paths = f"{tmp_path}:{environment()['PYTHONPATH']}"
    said = subprocess.run([sys.executable, "-c", script, str(short_runs.of("sac").path)], text=True,
                          env=environment(PYTHONPATH=paths), capture_output=True, check=True)
    assert said.stdout.splitlines()[0] == "3 [128, 256]"
    assert "run.metrics needs pandas: pip install pandas" in said.stdout
    assert "pip install numpy" in said.stdout
