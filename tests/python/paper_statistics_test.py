"""What of `pmoe paper` needs no training: statistics against rliable and closed forms, what makes
two configurations one, and the files of experiments/paper. paper_test.py trains."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import ROOT
from pmoe.errors import Error
from pmoe.paper import arena, exploration, items, library, router, statistics
from pmoe.paper.settings import differences, flatten, same, satisfies

RANDOM = np.random.default_rng(7)
OURS = [list(RANDOM.normal(1.0, 0.5, 7)) for _ in range(4)]
THEIRS = [list(RANDOM.normal(0.7, 0.5, 7)) for _ in range(4)]


def test_a_line_has_the_area_of_its_trapezoid():
    # Integral of 2x + 3 from 15 to 30: x² + 3x.
    steps = [10, 20, 50]
    assert statistics.area(steps, [2 * x + 3 for x in steps], 15, 30) == pytest.approx(
        900 + 90 - 225 - 45)


def test_the_middle_half_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    for number in range(1, 14):
        scores = list(RANDOM.normal(size=number))
        assert statistics.iqm(scores) == pytest.approx(stats.trim_mean(scores, 0.25))


def test_points_are_rliables():
    metrics = pytest.importorskip("rliable.metrics", reason="rliable is not installed")
    matrix = np.array(OURS).T  # [seeds, tasks]
    assert statistics.iqm([s for task in OURS for s in task]) == pytest.approx(
        metrics.aggregate_iqm(matrix))
    assert statistics.improvement(OURS, THEIRS) == pytest.approx(
        metrics.probability_of_improvement(matrix, np.array(THEIRS).T))


def test_intervals_are_rliables():
    """Both draw: with so many draws the ends differ by some hundredths at most."""
    library = pytest.importorskip("rliable.library", reason="rliable is not installed")
    metrics = pytest.importorskip("rliable.metrics")
    matrix, other = np.array(OURS).T, np.array(THEIRS).T
    _, iqms = library.get_interval_estimates(
        {"ours": matrix}, lambda scores: np.array([metrics.aggregate_iqm(scores)]), reps=1000)
    assert statistics.iqm_interval(OURS) == pytest.approx(tuple(iqms["ours"][:, 0]), abs=0.04)
    _, wins = library.get_interval_estimates(
        {"ours": (matrix, other)},
        lambda x, y: np.array([metrics.probability_of_improvement(x, y)]), reps=500)
    assert statistics.improvement_interval(OURS, THEIRS) == pytest.approx(
        tuple(wins["ours"][:, 0]), abs=0.04)


def test_one_seed_has_no_interval():
    assert statistics.iqm_interval([[1.0]]) is None
    assert statistics.iqm_interval([[1.0, 2.0], [3.0]]) is None
    assert statistics.improvement_interval([[1.0, 2.0]], [[3.0]]) is None
    assert statistics.improvement([[1.0, 3.0]], [[1.0]]) == 0.75  # a tie counts half


def test_spellings_of_a_value_are_one():
    assert same(1e-3, "0.001") and same([256, 256], "256,256") and same(True, "true")
    assert not same("sac", "ppo") and not same(0.2, "0.21")
    assert satisfies({"learner.alpha": 0.2}, {"learner.alpha": "0.20"})


def test_what_moves_a_curve_keeps_runs_apart():
    plan = flatten({"seed": 1, "learner": {"alpha": 0.2, "threads": 1}, "schedule":
                    {"total_steps": 100}, "env": {"arg": [{"name": "variant", "value": "code"}]}})
    alike = {**plan, "seed": 2, "learner.threads": 4, "schedule.total_steps": 900}
    assert differences(alike, plan, {}) == []
    assert differences({**plan, "learner.alpha": 1}, plan, {}) == ["learner.alpha is 1 and not 0.2"]
    other = {**plan, "env.arg.variant": "paper"}
    assert differences(other, plan, {}) == ["env.arg.variant is paper and not code"]
    # A run of before a setting was there has its default, and no other value.
    newer = {**plan, "policy.tied": True}
    assert differences(plan, newer, {"policy.tied": True}) == []
    assert differences(plan, newer, {"policy.tied": False}) == [
        "policy.tied is false and not true"]


def test_a_longer_run_is_another_where_its_step_size_falls():
    plan = {"learner.lr_schedule": "linear", "schedule.total_steps": 1000}
    assert differences({**plan, "schedule.total_steps": 1010}, plan, {}) == []
    assert "to which the step size falls" in differences(
        {**plan, "schedule.total_steps": 3000}, plan, {})[0]


def test_every_table_and_figure_of_the_paper_has_a_file():
    names = items.names()
    assert names[:16] == [f"table{i}" for i in range(1, 6)] + [f"fig{i}" for i in range(1, 12)]
    for name in names:
        item = items.read(name)
        of_the_paper = name in names[:16] or name == "band"
        assert set(items.EDITIONS if of_the_paper else ["reduced"]) <= set(item.editions), name
        assert of_the_paper or "full" not in item.editions, name
        for edition in item.editions.values():
            for sweep in edition.sweeps:
                assert (items.folder() / edition.name / f"{sweep}.textproto").is_file(), sweep


def test_the_papers_numbers_are_over_the_row_that_is_the_base():
    table4 = items.read("table4")
    rows = {row.name: row for row in table4.rows}
    (column,) = table4.columns
    assert table4.paper(rows["K = 4, α = 1"], column) == 125.7
    assert table4.paper(rows["K = 4, α = 1"], column, "SAC, α = 1") == pytest.approx(
        100 * 125.7 / 121.7)
    assert math.isnan(items.read("table1").paper(items.read("table1").rows[-1],
                                                 items.read("table1").columns[0]))


def test_copies_of_rows_that_differ_in_any_setting_have_names_of_their_own():
    def name(heads):
        settings = {"env.id": "Hopper-v5", "algorithm": "pmoe_ppo", "policy.primitives": 4,
                    "policy.heads": heads}
        return library.copy_name(SimpleNamespace(settings=settings, seed="3"),
                                 {"algorithm", "policy.heads", "learner.rank_by"})
    assert name("tied") == "Hopper-v5-pmoe_ppo-K4-heads=tied-s3.csv"
    assert name("separate") != name("tied")


def test_a_run_that_is_saved_with_other_tables_is_there_once(tmp_path):
    heads = {"policy.heads", "learner.rank_by"}
    there = library.Library([ROOT / "docs/results/paper/ppo_options"]).runs
    first = library.save(there, tmp_path, heads)
    again = library.save(library.Library([tmp_path]).runs, tmp_path, heads | {"learner.clip"})
    assert len(first) == len(again) == len(there) and not set(first) & set(again)
    assert sorted(tmp_path.glob("*.csv")) == again
    assert len(library.Library([tmp_path]).runs) == len(there)


def test_a_name_that_is_none_is_told_what_there_is():
    with pytest.raises(Error, match="table9 is no table or figure; there are table1, table2"):
        items.read("table9")


def test_a_task_is_solved_from_where_it_stays_solved():
    def run(*success):
        return SimpleNamespace(steps=tuple(range(10, 10 * len(success) + 1, 10)), success=success)
    assert exploration.solved_at(run(0.0, 1.0, 0.5, 0.9, 1.0)) == 40
    assert exploration.solved_at(run(1.0, 1.0, 0.8)) is None
    assert exploration.solved_at(run(math.nan, math.nan)) is None


def test_a_gaits_period_is_found():
    steps = np.arange(100)
    assert router.period(0.5 + 0.3 * np.sin(2 * np.pi * steps / 12)) == 12
    assert router.period(np.full(100, 0.5)) == 0


def test_places_come_out_of_what_the_policy_sees():
    # At the start, the target at (3, 3) and one obstacle of radius 0.6 at (-2.5, -2.5).
    obs = np.array([-0.9, -0.9, 0, 0, 0, 0, 1.5, 1.5, 0.4, 0.4, 0.6])
    start, target, obstacle = arena.objects(obs)
    assert (start["x"], start["y"]) == (-4.5, -4.5)
    assert (target["x"], target["y"]) == pytest.approx((3, 3))
    assert (obstacle["x"], obstacle["y"], obstacle["radius"]) == pytest.approx((-2.5, -2.5, 0.6))
