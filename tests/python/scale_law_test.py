"""What of `pmoe scale` needs no training: laws against curves whose law is known, lists of sizes,
rows of a metrics.csv, and the words of a result. scale_test.py trains."""

import csv
import dataclasses
import math
from types import SimpleNamespace

import pytest

import pmoe.scale.plan as plans
from pmoe.errors import Error
from pmoe.scale import report
from pmoe.scale.fit import fit_laws
from pmoe.scale.plan import Trial, parse_sizes
from pmoe.scale.study import Study
from pmoe.scale.trial import Measurement, Tail, Window

SIZES = (1, 2, 4, 8, 16, 32)
HEAD = b"env_steps,updates,wall_s,eval_return_mean,cpu_s,gpu_s\n"


def window(rate, seconds=10.0, cores=1.5, end_s=20.0):
    cpu = cores * seconds
    return Window(end_s - seconds, end_s, rate * seconds, rate * seconds / 2, 5.0, 5.0 + cpu, 0.0)


def study_of(folder, rates):
    study = Study(folder)
    for actors, rate in rates:
        study.add(Trial(actors, 1, 1), window(rate))
    return study


def plan_of(env):
    settings = {"env": {"id": env}, "algorithm": "sac", "schedule": {"mode": "async"}}
    return SimpleNamespace(how="up", settings=settings)


def test_a_line_with_a_ceiling_is_found():
    law = fit_laws([(n, min(130.0 * n, 700.0)) for n in SIZES])[0]
    assert law.name == "ceiling" and law.error < 1e-3
    assert law.one == pytest.approx(130, rel=1e-3) and law.limit == pytest.approx(700, rel=1e-3)
    assert [law.rate(n) for n in (2, 64)] == pytest.approx([260, 700], rel=1e-3)


@pytest.mark.parametrize("serial", [0.01, 0.1, 0.5])
def test_amdahls_law_is_found(serial):
    law, other = fit_laws([(n, 100.0 * n / (1 + serial * (n - 1))) for n in SIZES])
    assert law.name == "Amdahl" and law.error < 1e-3 < other.error
    assert law.number == pytest.approx(serial, rel=1e-2)
    assert law.limit == pytest.approx(100 / serial, rel=1e-2)


def test_a_line_has_no_limit():
    assert [law.limit for law in fit_laws([(n, 99.0 * n) for n in SIZES])] == [None, None]


def test_what_never_grows_is_at_its_limit():
    law = fit_laws([(1, 100), (2, 101), (4, 99)])[0]
    assert law.limit == pytest.approx(100, rel=1e-3) and law.number == 1


def test_repeats_count_alike_and_one_size_tells_nothing():
    law = fit_laws([(1, 99), (1, 101), (2, 202), (2, 198), (4, 200), (4, 200)])[0]
    assert law.limit == pytest.approx(200, rel=1e-2) and 0 < law.error < 0.02
    assert fit_laws([(4, 100), (4, 110)]) == []


def test_sizes_grow_and_are_numbers():
    assert parse_sizes("1,2, 16") == [1, 2, 16]


@pytest.mark.parametrize("text, why", [
    ("0", "0 is not from 1 to 1024"), ("1,,2", "'' is no number"), ("", "'' is no number"),
    ("4,2", "2 stands behind 4"), ("2,2", "2 stands behind 2"), ("100000", "100000 is not from"),
    ("-1", "'-1' is no number"), ("1.5", "'1.5' is no number"), ("1;2", "'1;2' is no number"),
    ("٢", "is no number"), ("1e1", "'1e1' is no number"), ("9" * 4000, "is no number")])
def test_a_bad_list_names_its_part(text, why):
    with pytest.raises(Error, match="--actors") as error:
        parse_sizes(text)
    assert why in str(error.value)


def test_what_a_file_says_is_not_overruled(tmp_path):
    file = tmp_path / "run.textproto"
    file.write_text('env { id: "Hopper-v5" }\nobserve { log_every_steps: 700 }\n')
    training = ("--config", str(file), "--algo", "sac")
    plan = plans.Plan(plans.Flags("1", "5", "", "", "", str(tmp_path / "out"), "up", training))
    try:
        words = plan.words(plan.trials[0])
    finally:
        plan.close()
    assert [word for word in words if word.startswith("observe.")] == ["observe.video=false"]


def test_a_file_that_grows_gives_each_row_once(tmp_path):
    file, tail = tmp_path / "metrics.csv", Tail()
    tail.read(file)
    file.write_bytes(HEAD + b"100,50,1,,2,\n200,1")
    tail.read(file)
    assert [row.env_steps for row in tail.rows] == [100]
    with open(file, "ab") as out:
        out.write(b"00,2,3.5,4,\n")
    tail.read(file)
    tail.read(file)
    assert [(row.env_steps, row.eval_return_mean) for row in tail.rows[1:]] == [(200, 3.5)]
    assert math.isnan(tail.rows[0].eval_return_mean) and math.isnan(tail.rows[0].gpu_s)


def test_an_older_file_does_not_say_cpu_seconds(tmp_path):
    file, tail = tmp_path / "metrics.csv", Tail()
    file.write_bytes(b"env_steps,updates,wall_s\n100,50,1\n")
    tail.read(file)
    assert math.isnan(tail.rows[0].cpu_s)


@pytest.mark.parametrize("text, why", [
    (HEAD + b"100,fifty,9,,2,\n", "line 2: damaged"), (HEAD + b"100\n", "line 2: damaged"),
    (b"steps,loss\n1,2\n", "no column env_steps"), (b"\xff\x00\n", "no column env_steps")])
def test_rows_that_are_none_are_told(tmp_path, text, why):
    file = tmp_path / "metrics.csv"
    file.write_bytes(text)
    with pytest.raises(Error, match=why):
        Tail().read(file)


def measurement(file, seconds=5.0, steps=0):
    found = Measurement(SimpleNamespace(warm_up_steps=100, seconds=seconds, steps=steps, how="up"))
    found.join()
    found.read(file)
    return found


def test_a_window_begins_behind_the_warm_up_and_ends_with_its_time(tmp_path):
    rows = [(50, 0, 1), (100, 0, 2), (150, 9, 3), (200, 19, 4), (300, 39, 6), (450, 69, 9),
            (999, 99, 20)]
    file = tmp_path / "metrics.csv"
    file.write_bytes(HEAD + "".join(f"{steps},{updates},{wall},,{2 * wall},\n"
                                    for steps, updates, wall in rows).encode())
    found = measurement(file)
    assert found.enough
    window = found.window()
    assert (window.begin_s, window.end_s, window.env_steps, window.updates) == (3, 9, 300, 60)
    assert window.steps_per_s == 50 and window.cores == 2


def test_a_training_that_is_cut_off_is_not_whole(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_bytes(HEAD + b"150,9,1,,2,\n200,19,2,,3,\n300,39,4,,7,\n")
    assert not measurement(file).whole and measurement(file, seconds=3).whole
    assert not measurement(file, steps=301).whole and measurement(file, steps=300).whole


def test_a_window_begins_where_cpu_seconds_are_known(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_bytes(HEAD + b"150,9,1,,,\n200,19,2,,3,\n300,39,4,,7,\n")
    assert measurement(file).window().cores == 2
    file.write_bytes(HEAD + b"150,9,4,,,\n200,19,6,,,\n300,39,9,,,\n")  # an older version
    window = measurement(file).window()
    assert window.begin_s == 6 and math.isnan(window.cores)


def test_a_learner_that_is_started_again_spoils_the_window(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_bytes(HEAD + b"150,9,5,,9,\n250,29,8,,9,\n200,19,1,,1,\n900,90,30,,9,\n")
    with pytest.raises(Error, match="started again while it was measured"):
        measurement(file).window()


def test_rows_that_are_gone_are_told(tmp_path):
    file, tail = tmp_path / "metrics.csv", Tail()
    file.write_bytes(HEAD + b"100,50,1,,2,\n")
    tail.read(file)
    file.write_bytes(HEAD)
    with pytest.raises(Error, match="has become shorter: its learner was started again"):
        tail.read(file)


def test_the_smallest_size_near_the_fastest_is_recommended(tmp_path):
    study = study_of(tmp_path, [(1, 100), (2, 190), (4, 300), (8, 310)])
    assert study.recommended.actors == 4
    assert [round(size.efficiency, 3) for size in study.sizes] == [1, 0.95, 0.75, 0.388]
    assert "Recommended: 4 actors" in report.advice_text(study)
    assert "more may help" not in report.advice_text(study)
    assert "a ceiling that 3.1 actors reach, 97.5 each" in report.limit_text(study)


def test_where_the_limit_is_not_in_sight_more_is_said_to_help(tmp_path):
    study = study_of(tmp_path, [(1, 100), (2, 200), (4, 400)])
    assert "Limit: none within these sizes; 100.0 env steps/s per actor" in report.limit_text(study)
    assert "more may help: by this law 8 would make 800.0" in report.advice_text(study)


def test_a_machine_that_others_use_is_told(tmp_path):
    study = Study(tmp_path)
    study.add(Trial(1, 1, 1), dataclasses.replace(window(100, cores=1.5), busy_cores=1.6))
    plan = plan_of("Hopper-v5")
    assert report.warning_text(plan, study) == ""
    study.add(Trial(2, 1, 1), dataclasses.replace(window(100, cores=0.5), busy_cores=1.9))
    assert "other processes had up to 1.4 cores" in report.warning_text(plan, study)
    assert report.warning_text(plan_of("gym-process:Hopper-v5"), study) == ""


@pytest.mark.parametrize("env, name", [
    ("plugin:/home/me/lib/sleep_env.so", "sleep_env.so"), ("mjcf:robots/ant.textproto",
    "ant.textproto"), ("gym:ALE/Pong-v5", "gym:ALE/Pong-v5"), ("Hopper-v5", "Hopper-v5")])
def test_a_title_names_the_file_and_no_folder(env, name):
    assert report.task_text(plan_of(env)) == f"{name}, sac, async"


def test_two_sizes_fit_any_law(tmp_path):
    assert "two sizes fit any law" in report.limit_text(study_of(tmp_path, [(1, 100), (2, 150)]))


def test_returns_are_those_that_all_could_have_by_then(tmp_path):
    """Equal wall time is 20 s, that of the shorter training; equal CPU time 20 CPU-s."""
    rows = {1: [(5, 10, 1.0), (19, 19, 2.0), (21, 21, 9.0)], 2: [(4, 8, 3.0), (18, 36, 4.0)]}
    for actors, evaluations in rows.items():
        folder = tmp_path / Trial(actors, 1, 1).name
        folder.mkdir()
        text = "".join(f"100,10,{wall},{value},{cpu},\n" for wall, cpu, value in evaluations)
        (folder / "metrics.csv").write_bytes(HEAD + text.encode())
    study = Study(tmp_path)
    study.add(Trial(1, 1, 1), window(100, end_s=30, cores=1.5))
    study.add(Trial(2, 1, 1), window(100, end_s=20, cores=4.0))
    assert (study.wall_budget_s, study.cpu_budget_s) == (20, 20)
    assert [size.return_by_wall for size in study.sizes] == [2.0, 4.0]
    assert [size.return_by_cpu for size in study.sizes] == [2.0, 3.0]
    again = Study(tmp_path)  # as the next call reads it
    assert again.sizes == study.sizes


def test_what_was_not_measured_is_no_zero(tmp_path):
    study = Study(tmp_path)
    nan = math.nan
    study.add(Trial(1, 1, 1), Window(1.0, 11.0, 100.0, 50.0, nan, nan, nan))
    with open(study.file, newline="") as file:
        row = next(csv.DictReader(file))
    assert row["cores"] == row["cpu_s"] == row["return_at_equal_wall"] == ""
    assert report.table_text(study).splitlines()[1].split()[-3:] == [report.UNKNOWN] * 3


@pytest.mark.parametrize("line", [
    "1,1,1,0,10", "one,1,1,0,10,100,50,1,2,0,0", "1,1,1,5,5,9,9,1,1,0,0",
    "1,1,1,0,inf,9,9,1,1,0,0", "1,1,1,0,9,inf,9,1,1,0,0", "1,1,1,0,9,9,nan,1,1,0,0",
    "1,1,1,0,9,9,9,1,inf,0,0", "0,1,1,0,9,9,9,1,1,0,0"])
def test_a_damaged_table_is_told(tmp_path, line):
    study = study_of(tmp_path, [(1, 100)])
    head = study.file.read_text().splitlines()[0]
    study.file.write_text(f"{head}\n{line}\n")
    with pytest.raises(Error, match="scale.csv, line 2 is damaged.*remove the line"):
        Study(tmp_path)


@pytest.mark.parametrize("damage", [b"1,1,\xff\n", b"1,1," + b"9" * 200000 + b"\n"])
def test_a_table_that_is_no_text_is_told(tmp_path, damage):
    study = study_of(tmp_path, [(1, 100)])
    study.file.write_bytes(study.file.read_bytes() + damage)
    with pytest.raises(Error, match="scale.csv is damaged .*put a copy of it back, or remove it"):
        Study(tmp_path)


def test_a_full_disk_loses_nothing(tmp_path):
    file = tmp_path / "scale.csv"
    plans.write_whole(file, b"old\n")
    (tmp_path / "scale.csv.new").symlink_to("/dev/full")
    with pytest.raises(Error, match="cannot write .*scale.csv: No space left on device; make room"):
        plans.write_whole(file, b"new\n")
    assert file.read_bytes() == b"old\n" and not (tmp_path / "scale.csv.new").exists()
