"""Run directories made by hand for the page's tests: what a training writes, in a moment."""
import math

CONFIG = """algorithm: "{algorithm}"
preset: "paper"
seed: {seed}
env {{ id: "Hopper-v5" }}
policy {{ primitives: 2 hidden: 32 hidden: 32 }}
learner {{ batch_size: 100 gamma: {gamma} }}
replay {{ capacity: 1000000 }}
schedule {{ mode: "async" total_steps: {steps} steps_per_round: 50 }}
observe {{ price_per_hour: 2 target_return: 50 }}
"""
COLUMNS = ("env_steps", "updates", "wall_s", "eval_return_mean", "train_return_mean",
           "env_steps_per_s", "updates_per_s", "policy_lag", "sampled_lag", "sampled_lag_s",
           "replay_size", "critic_loss", "time_env_s", "time_policy_s", "time_write_s",
           "time_replay_s", "time_update_s", "time_blocked_s", "time_idle_s", "cpu_s", "gpu_s",
           "primitive_usage_0", "primitive_usage_1", "primitive_win_rate_0",
           "primitive_win_rate_1", "primitive_distance", "router_entropy")


def row_of(i, steps, wall_s, seconds):
    share = steps / 100_000
    fast = 3600 if i <= 2 else 700 + 20 * math.sin(i)  # a warm-up without updates
    values = {
        "env_steps": steps, "updates": max(0, steps - 1000), "wall_s": wall_s,
        "train_return_mean": 100 * share, "env_steps_per_s": fast, "updates_per_s": fast / 2,
        "policy_lag": 1, "sampled_lag": 3, "sampled_lag_s": 2.5, "replay_size": steps,
        "critic_loss": 10 + math.cos(i), "time_env_s": 0.5 * seconds,
        "time_policy_s": 0.1 * seconds, "time_write_s": 0.4 * seconds,
        "time_blocked_s": 0.3 * seconds, "time_idle_s": 0, "time_replay_s": 0.05 * seconds,
        "time_update_s": 0.9 * seconds, "cpu_s": 2 * seconds, "gpu_s": 0,
        "primitive_usage_0": 0.75, "primitive_usage_1": 0.25, "primitive_win_rate_0": 0.6,
        "primitive_win_rate_1": 0.4, "primitive_distance": 0.5, "router_entropy": 0.5}
    values["eval_return_mean"] = 100 * share if i % 5 == 0 else ""
    return ",".join(str(values[name]) for name in COLUMNS)


def make_run(folder, seed=1, algorithm="pmoe_sac", gamma=0.99, rows=100, every=1000,
             restart_at=None):
    """`rows` rows of 1 s each; from the row `restart_at` on of another process."""
    folder.mkdir(parents=True)
    folder.joinpath("config.textproto").write_text(
        CONFIG.format(algorithm=algorithm, seed=seed, gamma=gamma, steps=rows * every))
    folder.joinpath("manifest.json").write_text('{"commit": "0123456789ab", "host": "here"}')
    lines = [",".join(COLUMNS)]
    for i in range(1, rows + 1):
        seconds = i if restart_at is None or i < restart_at else i - restart_at + 0.5
        lines.append(row_of(i, i * every, seconds, seconds))
    folder.joinpath("metrics.csv").write_text("\n".join(lines) + "\n")
    folder.joinpath("log.txt").write_text(
        "2026-11-30 14:11:15 started\n"
        f"2026-11-30 14:11:20 actor 1 is gone at {rows * every // 4} env steps\n"
        f"2026-11-30 14:11:25 checkpoint at {rows * every // 2} env steps\n")
    return folder
