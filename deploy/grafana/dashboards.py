"""What the dashboards show: one line per panel. make_dashboards.py turns this into JSON, and lets
each query see the chosen clusters and runs alone."""
from panels import Panel


def stat_of(*names):
    """Columns of metrics.csv, as the learner serves them; one curve each."""
    return (('pmoe_learner_stat{name=~"%s"}' % "|".join(names), "{{name}}"),)


def quantiles(histogram):
    """Of all processes that serve it together."""
    return tuple((f"histogram_quantile({q}, sum by (le) (rate({histogram}_bucket[1m])))", name)
                 for q, name in ((0.5, "median"), (0.9, "90 %"), (0.99, "99 %")))


def buckets(histogram):
    return ((f"sum by (le) (increase({histogram}_bucket[1m]))", "{{le}}"),)


THROUGHPUT = (
    Panel("run", "none", (("pmoe_learner_run_info", "{{label}}"),), "name"),
    Panel("env steps per second", "ops",
          (("sum by (run) (pmoe:actor_steps:rate)", "{{run}}"),), "stat"),
    Panel("bottleneck", "none", (("pmoe_learner_bottleneck == 1", "{{name}}"),), "name",
          "docs/verdict.md; the text and the expected gains: pmoe status --json."),
    Panel("members", "none", (("sum by (member) (pmoe_learner_members)", "{{member}}"),), "stat"),
    Panel("where the actors' time goes", "percentunit",
          (("avg by (phase) (pmoe:actor_time:ratio)", "{{phase}}"),), "stack",
          "Mean over the actors. blocked: waits for the learner or the network; idle: for the "
          "next round, or a robot's tick."),
    Panel("where the learner's time goes", "percentunit",
          (("avg by (phase) (pmoe:learner_time:ratio)", "{{phase}}"),), "stack",
          "Much sample wait: more actors help. Little of it: a faster learner does."),
    Panel("env steps per second: actors x time", "ops",
          (('pmoe:actor_steps:rate{index=~"$actor"}', "actor {{index}}"),), "rows",
          "Red rows are slow. Of hundreds choose some above, or look at how they spread below."),
    Panel("share of time blocked: actors x time", "percentunit",
          (('pmoe:actor_time:ratio{phase="blocked",index=~"$actor"}', "actor {{index}}"),),
          "hot rows"),
    Panel("age of weights in versions: actors x time", "short",
          (('pmoe:actor_weights_behind:versions{index=~"$actor"}', "actor {{index}}"),),
          "hot rows"),
    Panel("how the actors' steps per second spread", "ops",
          (("pmoe:actor_steps:rate", "actor {{index}}"),), "spread",
          "One dark band: all are alike. Cells below it are stragglers."),
    Panel("the slowest actors, against the median", "percentunit",
          (("bottomk(10, pmoe:actor_pace:ratio)", "actor {{index}}"),),
          help="Below 0.5 for 2 minutes: PmoeStraggler."),
    Panel("env steps per second, by run", "ops",
          (("sum by (run) (pmoe:actor_steps:rate)", "{{run}}"),)),
    Panel("updates per second, by run", "ops",
          (("sum by (run) (rate(pmoe_learner_updates_total[1m]))", "{{run}}"),)),
    Panel("env steps of the run", "short", (("pmoe_learner_env_steps", "{{run}}"),)),
    Panel("limiter: share of time that a side waits", "percentunit",
          (("pmoe:limiter_blocked:ratio", "replay {{index}} {{side}}"),),
          help="insert: actors wait for the learner; sample: the learner waits for rows."),
    Panel("actors wanted, as a multiple of today's", "none",
          (("pmoe:actors_wanted:ratio", "{{run}}"),),
          help="1 + share that samples wait - share that inserts wait."),
    Panel("evaluator at work", "percentunit",
          (("rate(pmoe_evaluator_seconds_total[1m])", "share of its time"),),
          help="Near 1: evaluations take longer than the time between two of them."),
    Panel("robots: missed deadlines and rows left out, per second", "ops",
          (("rate(pmoe_actor_deadline_misses_total[1m])", "actor {{index}} missed"),
           ("rate(pmoe_actor_rows_left_out_total[1m])", "actor {{index}} left out")),
          help="Of actors with actor.real_time_hz. Left out: replay gave no room for a minute."),
)

LATENCIES = (
    Panel("insert to acknowledgement", "s", quantiles("pmoe_actor_insert_ack_seconds")),
    Panel("insert to acknowledgement, how often", "short",
          buckets("pmoe_actor_insert_ack_seconds"), "heatmap"),
    Panel("the learner's wait for a minibatch", "s", quantiles("pmoe_learner_sample_seconds")),
    Panel("the learner's wait for a minibatch, how often", "short",
          buckets("pmoe_learner_sample_seconds"), "heatmap"),
    Panel("weights published to first used", "s",
          quantiles("pmoe_learner_publish_to_use_seconds")),
    Panel("weights published to first used, how often", "short",
          buckets("pmoe_learner_publish_to_use_seconds"), "heatmap"),
    Panel("age of the weights that actors use", "s",
          (("pmoe_learner_policy_lag_seconds", "mean of the actors"),)),
    Panel("age of the weights that actors use, in versions", "short",
          (("pmoe_learner_policy_lag_versions", "mean of the actors"),
           ("max(pmoe:actor_weights_behind:versions)", "the oldest"))),
    Panel("age of the sampled rows", "s", (("pmoe_learner_sampled_lag_seconds", "{{run}}"),)),
    Panel("age of the sampled rows, in versions", "short",
          (("pmoe_learner_sampled_lag_versions", "{{run}}"),)),
)

WHO = "{{role}} {{index}}"

MACHINES = (
    Panel("CPU cores in use", "none", (("sum by (role) (pmoe:process_cpu:cores)", "{{role}}"),),
          "stat"),
    Panel("memory", "bytes", (("sum by (role) (pmoe_process_memory_bytes)", "{{role}}"),), "stat"),
    Panel("busiest network", "Bps",
          (("max by (direction) (rate(pmoe_process_network_bytes_total[1m]))", "{{direction}}"),),
          "stat",
          "Of one process's network namespace: a container's own, else all of the machine."),
    Panel("GPU", "percentunit", (("max(pmoe_learner_gpu_busy_ratio)", "busiest"),), "stat"),
    Panel("CPU, in cores", "none", (("pmoe:process_cpu:cores", WHO),)),
    Panel("cores that a process may use", "none", (("pmoe_process_cores", WHO),),
          help="By affinity and its container's quota."),
    Panel("memory of each process", "bytes", (("pmoe_process_memory_bytes", WHO),)),
    Panel("memory, as a share of what it may have", "percentunit",
          (("pmoe:memory_used:ratio", WHO),),
          help="Of its container's limit, else of the machine. Above 0.9: PmoeMemoryNearLimit."),
    Panel("memory limits", "bytes", (("pmoe_process_memory_limit_bytes", WHO),)),
    Panel("network, per second", "Bps",
          (("rate(pmoe_process_network_bytes_total[1m])", f"{WHO} {{{{direction}}}}"),),
          help="Of the process's network namespace: a container's own, else all of the machine."),
    Panel("GPUs of the learner's machine, share of time busy", "percentunit",
          (("pmoe_learner_gpu_busy_ratio", "GPU {{gpu}}"),
           ("rate(pmoe_learner_gpu_seconds_total[1m])", "all, of the run"))),
    Panel("GPU memory", "bytes",
          (("pmoe_learner_gpu_memory_bytes", "GPU {{gpu}} in use"),
           ("pmoe_learner_gpu_memory_size_bytes", "GPU {{gpu}} size"))),
    Panel("free disk", "percentunit", (("pmoe:disk_free:ratio", WHO),)),
    Panel("free disk, bytes", "bytes",
          (("pmoe_learner_disk_free_bytes", "learner, free"),
           ("pmoe_learner_disk_size_bytes", "learner, size"),
           ("pmoe_replay_disk_free_bytes", "replay {{index}}, free"),
           ("pmoe_replay_disk_size_bytes", "replay {{index}}, size"))),
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
    Panel("what the router knows of the state", "short", stat_of("router_information"),
          help="I(S;K), nats: 0, it does not look; log K, the state alone decides."),
    Panel("distance between primitives", "short", stat_of("primitive_distance")),
    Panel("deviation of the primitives that lose", "short", stat_of("loser_std")),
    Panel("DAC: termination of options", "percentunit", stat_of("option_termination")),
)

DATA_PLANE = (
    Panel("rows held", "short", (("sum(pmoe_replay_size_rows)", "rows"),), "stat"),
    Panel("samples per insert, lately", "short",
          (("pmoe_learner_samples_per_insert", "{{run}}"),), "stat"),
    Panel("memory of replay", "bytes", (("sum(pmoe_replay_memory_bytes)", "bytes"),), "stat"),
    Panel("writers", "short", (("sum(pmoe_replay_writers)", "writers"),), "stat"),
    Panel("rows per second", "ops",
          (("sum(rate(pmoe_replay_inserts_total[1m]))", "inserted"),
           ("sum(rate(pmoe_replay_loaded_rows_total[1m]))", "loaded from files"),
           ("sum(rate(pmoe_replay_samples_total[1m]))", "sampled"))),
    Panel("samples per insert", "short",
          (("pmoe_learner_samples_per_insert", "lately"),
           ("pmoe_replay_samples_per_insert", "replay {{index}}, since it began"))),
    Panel("oldest wait at the limiter", "s",
          (("pmoe_replay_limiter_waiting_seconds", "replay {{index}} {{side}}"),)),
    Panel("rows of other tables", "short",
          (("sum by (table) (pmoe_replay_table_rows)", "{{table}}"),),
          help="Tables of a shard beside the run's own, as demos."),
    Panel("seconds waited at the limiter", "percentunit",
          (("rate(pmoe_replay_limiter_blocked_seconds_total[1m])", "replay {{index}} {{side}}"),)),
    Panel("chunks on their way", "short", (("pmoe_actor_unacked_chunks", WHO),)),
    Panel("what went wrong, per minute", "short",
          (("sum(increase(pmoe_actor_reconnects_total[1m]))", "reconnects"),
           ("sum(increase(pmoe_replay_duplicates_total[1m]))", "chunks sent twice"),
           ("sum(increase(pmoe_replay_crc_errors_total[1m]))", "damaged chunks"),
           ("sum(increase(pmoe_replay_priorities_gone_total[1m]))", "errors of gone rows"),
           ("sum(increase(pmoe_replay_log_errors_total[1m]))", "failed writes of the log"),
           ("sum(increase(pmoe_replay_rows_lost_total[1m]))", "rows lost"))),
    Panel("age of changes that are not on disk", "s",
          (("pmoe_replay_log_behind_seconds", WHO),),
          help="replay.durability async: below a second while the disk can be written."),
    Panel("written to the log, per second", "Bps",
          (("rate(pmoe_replay_log_bytes_total[1m])", WHO),)),
    Panel("share of time that the log waits for the disk", "percentunit",
          (("rate(pmoe_replay_log_sync_seconds_total[1m])", WHO),)),
    Panel("refused calls, by the caller's role", "short",
          (("sum by (caller) (increase(pmoe_rpc_refused_total[1m]))", "{{caller}}"),),
          help="unverified: its certificate did not hold, or it had none."),
    Panel("refused messages, by what was wrong", "short",
          (("sum by (door, reason) (increase(pmoe_rejected_total[1m]))", "{{door}}: {{reason}}"),),
          help="Values without sense, seats that nobody gave out, streams that say nothing."),
    Panel("connections closed for want of descriptors", "short",
          (("increase(pmoe_connections_refused_total[1m])", WHO),),
          help="More clients than `ulimit -n` leaves room for."),
    Panel("weights version", "short",
          (("pmoe_learner_weights_version", "published"),
           ("pmoe_actor_weights_version", WHO),
           ("pmoe_evaluator_weights_version", "evaluated"))),
)

DASHBOARDS = (
    ("throughput", "pmoe: throughput", THROUGHPUT),
    ("latencies", "pmoe: latencies", LATENCIES),
    ("machines", "pmoe: machines", MACHINES),
    ("learning", "pmoe: learning", LEARNING),
    ("router", "pmoe: router", ROUTER),
    ("data_plane", "pmoe: data plane", DATA_PLANE),
)
