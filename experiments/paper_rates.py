#!/usr/bin/env python3
"""Measures how fast one core trains each algorithm on each task, for the times that `pmoe paper`
gives: env steps per CPU second of short trainings with one thread, warm-up left out.

    python3 experiments/paper_rates.py > experiments/paper/rates.csv
"""
import math
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

from pmoe import command  # noqa: E402
from pmoe.metrics import read_metrics  # noqa: E402

TASKS = ("HalfCheetah-v5", "Humanoid-v5")  # pmoe/paper/rates.py takes the nearer one for others
SAC = ("sac", "gating_sac", "mcp_sac", "pmoe_reinforce_sac", "pmoe_gumbel_sac", "pmoe_sac",
       "mrp_sac")
PPO = ("ppo", "dac", "mcp_ppo", "pmoe_reinforce_ppo", "pmoe_gumbel_ppo", "pmoe_ppo")
WARM_UP, SAC_STEPS, PPO_STEPS, PPO_BEGIN = 500, 1500, 8192, 4096


def settings(algorithm):
    if algorithm in SAC:
        return ["--steps", str(SAC_STEPS), "--set", f"schedule.start_steps={WARM_UP}", "--set",
                f"schedule.update_after={WARM_UP}", "--set", "observe.log_every_steps=500"]
    preset = [] if algorithm == "dac" else ["--preset", "tianshou"]
    return [*preset, "--steps", str(PPO_STEPS)]


def rate(task, algorithm):
    with tempfile.TemporaryDirectory(prefix="pmoe-rates-") as folder:
        command.run(["pmoe", "train", "--env", task, "--algo", algorithm, "--out", folder + "/run",
                     "--set", "learner.threads=1", "--set", "observe.eval_every_steps=0", "--set",
                     "observe.video=false", "--set", "observe.eval_episodes=1", "--dashboard",
                     "none", *settings(algorithm)])
        columns, rows = read_metrics(pathlib.Path(folder) / "run/metrics.csv")
    steps, seconds = columns.index("env_steps"), columns.index("cpu_s")
    begin = WARM_UP if algorithm in SAC else PPO_BEGIN
    rows = [row for row in rows if row[steps] >= begin and not math.isnan(row[seconds])]
    return (rows[-1][steps] - rows[0][steps]) / (rows[-1][seconds] - rows[0][seconds])


def main():
    print("algorithm,env,steps_per_s", flush=True)
    for task in TASKS:
        for algorithm in PPO + SAC:
            print(f"{algorithm},{task},{rate(task, algorithm):.0f}", flush=True)


if __name__ == "__main__":
    main()
