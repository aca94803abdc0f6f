"""What the five dashboards show: one line per panel. make_dashboards.py turns this into JSON."""
from typing import NamedTuple


class Panel(NamedTuple):
    title: str
    unit: str  # Grafana's name: short, s, bytes, percentunit, ops (per second), none
    queries: tuple  # of (PromQL, legend); {{x}} in a legend is the value of label x
    kind: str = "timeseries"  # or "stat": one large number
    help: str = ""


def stat_of(*names):
    """Columns of metrics.csv, as the learner serves them; one curve each."""
    return (('pmoe_learner_stat{name=~"%s"}' % "|".join(names), "{{name}}"),)


def seconds_per_second(names, role):
    return tuple((f"avg(rate(pmoe_{role}_{name}_seconds_total[1m]))", name) for name in names)


def quantile(share, histogram, legend):
    return (f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[1m])))", legend)


THROUGHPUT = (
    Panel("env steps per second", "ops", (("sum(rate(pmoe_actor_env_steps_total[1m]))", "all"),),
          "stat"),
    Panel("updates per second", "ops", (("sum(rate(pmoe_learner_updates_total[1m]))", "all"),),
          "stat"),
    Panel("members", "none", (("sum by (member) (pmoe_learner_members)", "{{member}}"),), "stat"),
    Panel("env steps of the run", "short", (("max(pmoe_learner_env_steps)", "env steps"),), "stat"),
    Panel("env steps per second, by actor", "ops",
          (("rate(pmoe_actor_env_steps_total[1m])", "{{instance}}"),)),
    Panel("updates per second", "ops", (("rate(pmoe_learner_updates_total[1m])", "{{instance}}"),)),
    Panel("where an actor's time goes", "percentunit",
          seconds_per_second(("env", "policy", "write", "write_blocked", "idle"), "actor"),
          help="Mean over the actors. write holds write_blocked: the wait for acknowledgements."),
    Panel("robots: missed deadlines and rows left out, per second", "ops",
          (("rate(pmoe_actor_deadline_misses_total[1m])", "{{instance}} missed"),
           ("rate(pmoe_actor_rows_left_out_total[1m])", "{{instance}} left out")),
          help="Of actors with actor.real_time_hz. Left out: replay gave no room for a minute."),
    Panel("where the learner's time goes", "percentunit",
          seconds_per_second(("update", "sample_wait", "publish", "evaluation_wait", "checkpoint",
                              "idle"), "learner"),
          help="Much sample_wait: more actors help. Little of it: a faster learner does."),
    Panel("what holds the run back", "none",
          (("pmoe_learner_bottleneck == 1", "{{name}}"),),
          help="docs/verdict.md; the text and the expected gains: pmoe status --json."),
    Panel("limiter: share of time that a side waits", "percentunit",
          (("pmoe:limiter_blocked:ratio", "{{instance}} {{side}}"),),
          help="insert: actors wait for the learner; sample: the learner waits for rows."),
    Panel("actors wanted, as a multiple of today's", "none",
          (("pmoe:actors_wanted:ratio", "wanted"),),
          help="1 + share that samples wait - share that inserts wait."),
    Panel("free disk", "percentunit", (("pmoe:disk_free:ratio", "{{instance}}"),)),
    Panel("free disk, bytes", "bytes",
          (("pmoe_learner_disk_free_bytes", "learner, free"),
           ("pmoe_learner_disk_size_bytes", "learner, size"),
           ("pmoe_replay_disk_free_bytes", "{{instance}}, free"),
           ("pmoe_replay_disk_size_bytes", "{{instance}}, size"))),
)

LEARNING = (
    Panel("return of the last evaluation", "short", (("max(pmoe_learner_eval_return)", "mean"),),
          "stat"),
    Panel("return of the last episodes", "short", (("avg(pmoe_actor_episode_return)", "mean"),),
          "stat"),
    Panel("updates", "short", (("max(pmoe_learner_updates_total)", "updates"),), "stat"),
    Panel("episodes that broke down", "short",
          (("sum(pmoe_actor_diverged_episodes_total)", "episodes"),), "stat"),
    Panel("return", "short",
          (("pmoe_learner_eval_return", "evaluation"),
           ("pmoe_evaluator_return", "evaluator's newest"),
           ("avg(pmoe_actor_episode_return)", "training, mean of actors"))),
    Panel("episodes", "short",
          (("avg(pmoe_actor_episode_length_steps)", "steps, mean of actors"),
           ("sum(rate(pmoe_actor_episodes_total[1m])) * 60", "episodes per minute"))),
    Panel("losses", "short", stat_of("critic_loss", "actor_loss", "qnet_loss")),
    Panel("entropy and temperature", "short", stat_of("entropy", "alpha")),
    Panel("value", "short", stat_of("q_mean", "explained_variance")),
    Panel("PPO's step", "short", stat_of("approx_kl", "clip_fraction", "grad_norm")),
    Panel("learning rate", "short", stat_of("learning_rate")),
    Panel("evaluator at work", "percentunit",
          (("rate(pmoe_evaluator_seconds_total[1m])", "share of its time"),),
          help="Near 1: evaluations take longer than the time between two of them."),
)

USAGE = 'pmoe_learner_stat{name=~"primitive_usage_[0-9]+"}'

ROUTER = (
    Panel("router's entropy", "short", stat_of("router_entropy"), "stat",
          "nats; log K is uniform, 0 is one primitive for all states."),
    Panel("dead primitives", "short", stat_of("dead_primitives"), "stat",
          "mean weight below .01"),
    Panel("primitives in use", "short",
          (("sum(%s) ^ 2 / sum(%s ^ 2)" % (USAGE, USAGE), "effective"),), "stat",
          "(sum of usage)² / sum of usage²: K when all are used alike, 1 when one does all."),
    Panel("usage: mean weight of each primitive", "percentunit",
          stat_of("primitive_usage_[0-9]+")),
    Panel("win rate: how often each primitive was best", "percentunit",
          stat_of("primitive_win_rate_[0-9]+")),
    Panel("router's loss", "short", stat_of("router_loss")),
    Panel("router's entropy", "short", stat_of("router_entropy")),
    Panel("distance between primitives", "short", stat_of("primitive_distance")),
    Panel("deviation of the primitives that lose", "short", stat_of("loser_std")),
    Panel("DAC: termination of options", "percentunit", stat_of("option_termination")),
)

DATA_PLANE = (
    Panel("rows held", "short", (("sum(pmoe_replay_size_rows)", "rows"),), "stat"),
    Panel("samples per insert", "short", (("avg(pmoe_replay_samples_per_insert)", "ratio"),),
          "stat"),
    Panel("memory of replay", "bytes", (("sum(pmoe_replay_memory_bytes)", "bytes"),), "stat"),
    Panel("writers", "short", (("sum(pmoe_replay_writers)", "writers"),), "stat"),
    Panel("rows per second", "ops",
          (("sum(rate(pmoe_replay_inserts_total[1m]))", "inserted"),
           ("sum(rate(pmoe_replay_loaded_rows_total[1m]))", "loaded from files"),
           ("sum(rate(pmoe_replay_samples_total[1m]))", "sampled"))),
    Panel("oldest wait at the limiter", "s",
          (("pmoe_replay_limiter_waiting_seconds", "{{instance}} {{side}}"),)),
    Panel("rows of other tables", "short",
          (("sum by (table) (pmoe_replay_table_rows)", "{{table}}"),),
          help="Tables of a shard beside the run's own, as demos."),
    Panel("seconds waited at the limiter", "percentunit",
          (("rate(pmoe_replay_limiter_blocked_seconds_total[1m])", "{{instance}} {{side}}"),)),
    Panel("chunks on their way", "short", (("pmoe_actor_unacked_chunks", "{{instance}}"),)),
    Panel("what went wrong, per minute", "short",
          (("sum(increase(pmoe_actor_reconnects_total[1m]))", "reconnects"),
           ("sum(increase(pmoe_replay_duplicates_total[1m]))", "chunks sent twice"),
           ("sum(increase(pmoe_replay_crc_errors_total[1m]))", "damaged chunks"),
           ("sum(increase(pmoe_replay_priorities_gone_total[1m]))", "errors of gone rows"),
           ("sum(increase(pmoe_replay_log_errors_total[1m]))", "failed writes of the log"),
           ("sum(increase(pmoe_replay_rows_lost_total[1m]))", "rows lost"))),
    Panel("age of changes that are not on disk", "s",
          (("pmoe_replay_log_behind_seconds", "{{instance}}"),),
          help="replay.durability async: below a second while the disk can be written."),
    Panel("written to the log, per second", "Bps",
          (("rate(pmoe_replay_log_bytes_total[1m])", "{{instance}}"),)),
    Panel("share of time that the log waits for the disk", "percentunit",
          (("rate(pmoe_replay_log_sync_seconds_total[1m])", "{{instance}}"),)),
    Panel("refused calls, by the caller's role", "short",
          (("sum by (caller) (increase(pmoe_rpc_refused_total[1m]))", "{{caller}}"),),
          help="unverified: its certificate did not hold, or it had none."),
    Panel("refused messages, by what was wrong", "short",
          (("sum by (door, reason) (increase(pmoe_rejected_total[1m]))", "{{door}}: {{reason}}"),),
          help="Values without sense, seats that nobody gave out, streams that say nothing."),
    Panel("connections closed for want of descriptors", "short",
          (("increase(pmoe_connections_refused_total[1m])", "{{instance}}"),),
          help="More clients than `ulimit -n` leaves room for."),
    Panel("weights version", "short",
          (("pmoe_learner_weights_version", "published"),
           ("pmoe_actor_weights_version", "{{instance}}"),
           ("pmoe_evaluator_weights_version", "evaluated"))),
    Panel("age of the weights that actors use", "s",
          (("pmoe:policy_lag:seconds", "newest"),
           ("pmoe_learner_policy_lag_seconds", "mean"))),
    Panel("age of the weights that actors use, in versions", "short",
          (("pmoe_learner_policy_lag_versions", "mean"),)),
    Panel("age of the sampled rows", "s", (("pmoe_learner_sampled_lag_seconds", "seconds"),)),
    Panel("age of the sampled rows, in versions", "short",
          (("pmoe_learner_sampled_lag_versions", "versions"),)),
    Panel("samples per insert, lately", "short",
          (("pmoe_learner_samples_per_insert", "{{run}}"),)),
    Panel("latencies, 99th percentile", "s",
          (quantile("0.99", "pmoe_actor_insert_ack_seconds", "insert to acknowledgement"),
           quantile("0.99", "pmoe_learner_sample_seconds", "sample"),
           quantile("0.99", "pmoe_learner_publish_to_use_seconds", "publication to first use"))),
    Panel("latencies, median", "s",
          (quantile("0.5", "pmoe_actor_insert_ack_seconds", "insert to acknowledgement"),
           quantile("0.5", "pmoe_learner_sample_seconds", "sample"),
           quantile("0.5", "pmoe_learner_publish_to_use_seconds", "publication to first use"))),
)

PROCESSES = (
    Panel("runs", "none", (("pmoe_learner_run_info", "{{label}}"),), "stat"),
    Panel("CPU: cores in use", "none",
          (("rate(pmoe_process_cpu_seconds_total[1m])", "{{role}} {{index}}"),)),
    Panel("cores that a process may use", "none",
          (("pmoe_process_cores", "{{role}} {{index}}"),)),
    Panel("memory", "bytes", (("pmoe_process_memory_bytes", "{{role}} {{index}}"),)),
    Panel("network, per second", "Bps",
          (("rate(pmoe_process_network_bytes_total[1m])", "{{role}} {{index}} {{direction}}"),),
          help="Of the process's network namespace: a container's own, else all of the machine."),
    Panel("GPU: share of the time at work", "percentunit",
          (("pmoe_learner_gpu_busy_ratio", "GPU {{gpu}}"),
           ("rate(pmoe_learner_gpu_seconds_total[1m])", "of the run"))),
    Panel("GPU memory", "bytes",
          (("pmoe_learner_gpu_memory_bytes", "GPU {{gpu}}, in use"),
           ("pmoe_learner_gpu_memory_size_bytes", "GPU {{gpu}}, size"))),
)

DASHBOARDS = (
    ("throughput", "pmoe: throughput", THROUGHPUT),
    ("learning", "pmoe: learning", LEARNING),
    ("router", "pmoe: router", ROUTER),
    ("data_plane", "pmoe: data plane", DATA_PLANE),
    ("processes", "pmoe: processes", PROCESSES),
)
