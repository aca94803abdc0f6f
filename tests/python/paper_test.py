"""`pmoe paper` itself, with tiny real trainings: a table and figures from the first run to the
page; stopped and gone on with; what it leaves out, and what it refuses."""

import csv
import math
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import environment
from pmoe.binaries import binary
from pmoe.paper import items

matplotlib = pytest.importorskip("matplotlib")

TABLE = ("table3", "--edition", "smoke")  # six runs of HumanoidStandup


def start(*words):
    return subprocess.Popen([binary("pmoe"), "paper", *words], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            env=environment(PMOE_PYTHON=sys.executable, MPLBACKEND="TkAgg",
                                            DISPLAY="", LC_ALL="C"))


def run(*words):
    process = start(*map(str, words))
    said = process.communicate()[0]
    return process.returncode, said


def rows(out, name="table3"):
    with open(out / name / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, what was said): Table 3 trained and made."""
    out = tmp_path_factory.mktemp("paper") / "out"
    code, said = run(*TABLE, "--out", out)
    assert code == 0, said
    return out, said


@pytest.fixture
def copy(made, tmp_path):
    """A copy of the folder, to break."""
    return shutil.copytree(made[0], tmp_path / "copy")


def one_run(out, name="policy.primitives=2-s1"):
    return out / "smoke" / "standup_k" / name


def test_a_table_stands_beside_the_papers(made):
    out, said = made
    table = {row["row"]: row for row in rows(out)}
    assert list(table) == ["K = 2", "K = 4", "K = 10"]  # those of the edition
    assert [row["seeds"] for row in table.values()] == ["2"] * 3
    assert float(table["K = 2"]["iqm"]) == pytest.approx(100) and table["K = 4"]["paper"] == "107.1"
    assert float(table["K = 4"]["low"]) <= float(table["K = 4"]["iqm"]) <= float(
        table["K = 4"]["high"])
    assert "107.1 %" in said and "table3.html" in said


def test_the_page_asks_for_nothing_and_has_the_picture(made):
    out, _ = made
    page = (out / "table3" / "table3.html").read_text()
    without, pictures = re.subn(r'src="data:image/png;base64,[A-Za-z0-9+/=]+"', "", page)
    assert pictures == 1 and not re.search(r"(src|href)=|url\(|@import|https?:", without)
    assert "paper 111.7 %" in page and "6 runs of pmoe" in page
    assert (out / "table3" / "table3.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_trained_is_never_trained_again(copy):
    before = {file: file.stat().st_mtime_ns for file in copy.rglob("metrics.csv")}
    assert len(before) == 6
    code, said = run("fig6", *TABLE, "--out", copy)  # its rows are Table 3's, and SAC
    assert code == 0 and "sweep standup_k (1 of 2): all of its runs are there" in said, said
    assert "sweep standup_sac (2 of 2): 2 of 6 runs to train" in said, said
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert {row["row"] for row in rows(copy, "fig6")} == {"SAC", "K = 2", "K = 4", "K = 10"}


def test_ctrl_c_keeps_what_is_trained_and_the_same_command_goes_on(tmp_path):
    words = ("table3", "--edition", "smoke", "--steps", "8000", "--seeds", "1", "--jobs", "1",
             "--out", str(tmp_path / "out"))
    process = start(*words)
    for line in process.stdout:
        if line.startswith("running policy.primitives=2"):
            break
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 3 and "the same command goes on: pmoe paper table3" in said, said
    code, said = run(*words, "--steps", "400")  # finished ones are cut there
    assert code == 0 and len(rows(tmp_path / "out")) == 3, said


def test_copies_without_any_run_make_the_same_table(made, tmp_path):
    out, _ = made
    code, said = run(*TABLE, "--collect", "--out", out, "--save", tmp_path / "copies")
    assert code == 0 and "saved: 6 runs" in said, said
    files = sorted(os.listdir(tmp_path / "copies"))
    assert len(files) == 7 and "HumanoidStandup-v5-pmoe_sac-K10-a0.2-s1.csv" in files
    code, said = run(*TABLE, "--collect", "--from", tmp_path / "copies", "--out", tmp_path / "new")
    assert code == 0, said
    assert rows(tmp_path / "new") == rows(out)


def test_runs_that_do_not_belong_are_named_left_out_and_counted(copy):
    """Half finished, of another configuration, of another version, damaged, and away."""
    metrics = one_run(copy) / "metrics.csv"
    metrics.write_text("".join(metrics.read_text().splitlines(keepends=True)[:3]))
    config = one_run(copy, "policy.primitives=2-s2") / "config.textproto"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("# crc32c")]
    config.write_text("\n".join(lines).replace("gamma: 0.99", "gamma: 0.9") + "\n")
    manifest = one_run(copy, "policy.primitives=4-s1") / "manifest.json"
    manifest.write_text(re.sub(r'"pmoe": "[^"]+"', '"pmoe": "0.0.1"', manifest.read_text()))
    (one_run(copy, "policy.primitives=10-s1") / "config.textproto").write_text("algorithm: \"sac")
    shutil.rmtree(one_run(copy, "policy.primitives=10-s2"))
    code, said = run(*TABLE, "--collect", "--out", copy)
    assert code == 0, said
    for why in (r"half finished: at \d+ of 200 env steps", "learner.gamma is 0.9 and not 0.99",
                r"of another version: pmoe 0\.0\.1", "5 runs are missing"):
        assert re.search(why, said), said
    page = (copy / "table3" / "table3.html").read_text()
    assert "Left out (4)" in page and "Missing (5)" in page
    assert [row["row"] for row in rows(copy)] == ["K = 4"]
    assert rows(copy)[0]["iqm"] == ""  # its base is away: a mean return, and no ratio


def test_one_seed_has_no_interval(made, tmp_path):
    (tmp_path / "runs").mkdir()
    for run_of in (made[0] / "smoke" / "standup_k").glob("*-s1"):
        (tmp_path / "runs" / run_of.name).symlink_to(run_of)
    code, said = run(*TABLE, "--collect", "--from", tmp_path / "runs", "--out", tmp_path / "out")
    assert code == 0 and "100.0 %, 1 seed " in said, said
    assert {(row["seeds"], row["low"], row["p_low"]) for row in rows(tmp_path / "out")} == {
        ("1", "", "")}


def test_a_figure_of_policies_and_its_numbers_elsewhere(tmp_path):
    out = tmp_path / "out"
    code, said = run("fig3", "fig5", "--edition", "smoke", "--seeds", "1", "--out", out)
    assert code == 0, said
    drawn = {row["row"] for row in rows(out, "fig3") if row["row"]}
    assert drawn == {"SAC", "Gating", "PMOE, all", "PMOE, max", "PMOE, max, each alone"}
    first = next(row for row in rows(out, "fig5") if row["what"] == "step")
    assert float(first["x"]) == float(first["y"]) == -4.5  # where every episode starts
    code, said = run("fig3", "--edition", "smoke", "--collect", "--out", out, "--save",
                     tmp_path / "kept")
    assert code == 0 and "saved: 4 runs" in said, said
    code, said = run("fig3", "--edition", "smoke", "--collect", "--from", tmp_path / "kept",
                     "--out", tmp_path / "new")
    assert code == 0 and rows(tmp_path / "new", "fig3") == rows(out, "fig3"), said


def test_a_column_may_have_another_metric_or_another_who_acts(tmp_path):
    words = ("--edition", "smoke", "--tasks", "Hopper", "--seeds", "1", "--out", tmp_path)
    code, said = run("separation", "acting", *words)
    assert code == 0, said
    apart = rows(tmp_path, "separation")
    assert {row["column"] for row in apart} == {"Hopper: I(S;K)", "Hopper: distance"}
    for row in apart:
        most = math.log(4) if row["column"] == "Hopper: I(S;K)" else math.inf  # K = 4
        assert 0 <= float(row["iqm"]) <= most, row
    acted = {row["column"]: row for row in rows(tmp_path, "acting")}
    assert set(acted) == {"drawn by the router", "the most likely", "drawn, and its action too"}
    assert {row["row"] for row in acted.values()} == {"PMOE-SAC, Hopper"}
    assert len({row["iqm"] for row in acted.values()}) == 3, "each column plays in its own way"
    code, said = run("separation", *words, "--collect", "--save", tmp_path / "kept")
    assert code == 0, said
    code, said = run("separation", *words[:-1], tmp_path / "new", "--collect", "--from",
                     tmp_path / "kept")
    assert code == 0 and rows(tmp_path / "new", "separation") == apart, said


def test_a_run_whose_step_size_fell_is_not_made_longer(tmp_path):
    words = ("table2", "--edition", "smoke", "--tasks", "Hopper", "--seeds", "1", "--out",
             tmp_path)
    code, said = run(*words)
    assert code == 0 and len(rows(tmp_path, "table2")) == 6, said
    code, said = run(*words, "--steps", "512")
    assert code == 2 and "was trained to 256 env steps, where its step size falls" in said, said
    code, said = run(*words)
    assert code == 0 and "all of its runs are there" in said, said


def test_a_csv_of_others_is_refused(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "fig3.csv").write_text("x;y\n1;2\n")
    code, said = run("fig3", "--collect", "--from", tmp_path / "kept", "--out", tmp_path / "out")
    assert code == 2 and "it is no fig3.csv of this version" in said, said
    assert "Traceback" not in said and not (tmp_path / "out").exists()


def test_a_table_without_its_runs_says_what_to_run_and_how_long(tmp_path):
    code, said = run("table2", "--collect", "--out", tmp_path / "none")
    assert code == 2 and "table2 has none of the 180 runs that it needs" in said, said
    assert re.search(r"`pmoe paper table2 --edition reduced .*` trains them, about [\d,.]+ hours",
                     said), said


def test_the_list_and_the_plan_train_nothing(made):
    out, _ = made
    code, said = run("--out", out)
    assert code == 0 and all(f"\n{name} " in said for name in items.names()), said
    code, said = run(*TABLE, "--plan", "--seeds", "1,2,3", "--out", out)
    assert code == 0 and "sweep standup_k: 9 runs, 6 finished" in said, said
    assert "policy.primitives=2-s3: 200 env steps, not begun" in said, said


@pytest.mark.parametrize("words, why", [
    (("table9",), "table9 is no table or figure; there are table1"),
    (("table1", "--jobs", "0"), "--jobs must be a whole number from 1 to 1024, got 0"),
    (("table1", "--steps", "1.5"), "--steps must be a whole number"),
    (("table1", "--seeds", "1,1"), "'1' is no seed, or is there twice"),
    (("table1", "--tasks", "Hoper"), "--tasks Hoper leaves nothing of table1"),
    (("table1", "--from", "/nowhere"), "--from /nowhere is no folder"),
    (("table1", "--edition", "big"), "invalid choice: 'big'")])
def test_what_cannot_be_is_refused_before_anything_begins(tmp_path, words, why):
    code, said = run(*words, "--out", tmp_path / "out")
    assert code == 2 and why in said and "Traceback" not in said, said
    assert not (tmp_path / "out").exists()


def test_states_and_actions_are_clustered(tmp_path):
    pytest.importorskip("sklearn")
    code, said = run("fig4", "--edition", "smoke", "--seeds", "1", "--out", tmp_path)
    assert code == 0, said
    panels = {row["panel"]: row for row in rows(tmp_path, "fig4")}
    assert set(panels) == {"states", "Gating", "PMOE-SAC"}
    assert {row["of"] for row in rows(tmp_path, "fig4") if row["panel"] == "PMOE-SAC"} == {
        "0", "1", "2", "3"}  # K = 4
