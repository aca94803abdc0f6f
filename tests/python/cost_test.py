"""pmoe.Run.cost(): the sums of metrics.csv over a run's lives."""

import math
import re

import pmoe
import pytest

HEAD = "env_steps,wall_s,eval_return_mean,cpu_s,gpu_s\n"


@pytest.fixture
def run(damaged):
    """A run whose rows are the given ones: run(rows, price) is it."""
    def make(rows, price=0):
        folder = damaged()
        (folder / "metrics.csv").write_text(HEAD + rows)
        file = folder / "config.textproto"
        text = re.sub(r"\n# crc32c.*\n", "\n", file.read_text())
        file.write_text(re.sub(r"price_per_hour: .*", f"price_per_hour: {price}", text))
        return pmoe.Run(folder)
    return make


def test_a_life_adds_to_the_ones_before(run):
    cost = run("1000,3600,,7200,0\n2000,7200,,14400,0\n3000,1800,,3600,0\n", price=2).cost()
    assert (cost.env_steps, cost.hours, cost.cpu_hours, cost.money) == (3000, 2.5, 5.0, 5.0)
    each = cost.per_million_steps()
    assert each.hours == pytest.approx(2.5e6 / 3000) and each.money == pytest.approx(5e6 / 3000)


def test_a_member_that_is_lost_had_used_what_it_had_used(run):
    cost = run("1000,3600,,7200,0\n2000,5400,,3600,0\n3000,7200,,10800,0\n").cost()
    assert (cost.hours, cost.cpu_hours) == (2.0, 3.0)


def test_to_a_return_it_ends_with_the_first_evaluation_that_has_it(run):
    made = run("1000,3600,10,7200,0\n2000,7200,50,14400,0\n3000,9000,80,18000,0\n")
    assert made.cost(target_return=50).env_steps == 2000
    assert made.cost(target_return=50, price_per_hour=3).money == 6
    assert made.cost(target_return=81) is None


def test_first_rows_may_not_know_it_yet(run):
    cost = run("1000,3600,,,\n2000,5400,,7200,0\n3000,1800,,3600,0\n").cost()
    assert cost.cpu_hours == 3


def test_what_a_life_does_not_say_is_not_known(run):
    cost = run("1000,3600,,,\n2000,1800,,3600,0\n").cost()
    assert cost.hours == 1.5 and math.isnan(cost.cpu_hours) and math.isnan(cost.money)


def test_a_cell_that_is_empty_is_no_fall_and_hides_none(run):
    cost = run("1000,3600,,3600,0\n,,,,\n1500,1800,,1800,0\n,,,,\n").cost()
    assert (cost.env_steps, cost.hours, cost.cpu_hours) == (1500, 1.5, 1.5)


def test_a_life_of_one_row_is_one_of_its_own(run):
    made = run("")
    (made.path / "metrics.csv").write_text("env_steps,wall_s,cpu_s,time_update_s\n"
                                           "1000,3600,3600,30\n2000,3700,3700,20\n")
    assert made.cost().hours == pytest.approx(7300 / 3600)


def test_steps_that_are_no_number_are_none(run):
    assert run("inf,3600,,,\n").cost().env_steps == 0


def test_columns_that_are_not_there_are_not_known(run):
    made = run("")
    (made.path / "metrics.csv").write_text("env_steps,cpu_s\n1000,3600\n")
    cost = made.cost()
    assert cost.env_steps == 1000 and math.isnan(cost.hours) and math.isnan(cost.cpu_hours)
    assert made.cost(target_return=1) is None


def test_a_run_without_a_row_took_nothing(run):
    cost = run("").cost()
    assert (cost.env_steps, cost.hours) == (0, 0) and math.isnan(cost.per_million_steps().hours)


@pytest.mark.parametrize("price", [-1, math.nan, math.inf])
def test_a_price_that_is_none_is_refused(run, price):
    with pytest.raises(pmoe.Error, match="price_per_hour is .*, must be 0 or more"):
        run("").cost(price_per_hour=price)


def test_a_real_run_took_the_time_that_its_last_row_says(short_runs):
    made = short_runs.of("sac")
    seconds = made.metrics["wall_s"].iloc[-1]
    assert made.cost().hours == pytest.approx(seconds / 3600)
    assert made.cost().cpu_hours > 0 and math.isnan(made.cost().money)
