#include "common/metrics/metric_list.h"

namespace pmoe {

// tidy: long because it is one table
const std::vector<MetricInfo>& MetricList() {
  constexpr MetricKind kCounter = MetricKind::kCounter;
  constexpr MetricKind kGauge = MetricKind::kGauge;
  constexpr MetricKind kHistogram = MetricKind::kHistogram;
  static const auto& list = *new std::vector<MetricInfo>{
      {"pmoe_actor_env_steps_total", kCounter, "actor", "", "env steps of this process"},
      {"pmoe_actor_diverged_episodes_total", kCounter, "actor", "",
       "episodes that ended because the simulation broke down"},
      {"pmoe_actor_episodes_total", kCounter, "actor", "", "episodes that ended"},
      {"pmoe_actor_episode_return", kGauge, "actor", "", "return of the last episode"},
      {"pmoe_actor_episode_length_steps", kGauge, "actor", "", "length of the last episode"},
      {"pmoe_actor_env_seconds_total", kCounter, "actor", "", "spent in environment steps"},
      {"pmoe_actor_policy_seconds_total", kCounter, "actor", "", "spent in the policy's forward"},
      {"pmoe_actor_write_seconds_total", kCounter, "actor", "",
       "spent in writing rows, waiting for room included"},
      {"pmoe_actor_write_blocked_seconds_total", kCounter, "actor", "",
       "waited for room in the window of unacknowledged chunks"},
      {"pmoe_actor_idle_seconds_total", kCounter, "actor", "",
       "waited for a directive (lockstep) or for a robot's tick"},
      {"pmoe_actor_insert_ack_seconds", kHistogram, "actor", "",
       "from a chunk's place in the window to its acknowledgement"},
      {"pmoe_actor_unacked_chunks", kGauge, "actor", "", "sent or waiting, not acknowledged"},
      {"pmoe_actor_reconnects_total", kCounter, "actor", "",
       "streams to the learner and to replay made again"},
      {"pmoe_actor_deadline_misses_total", kCounter, "actor", "",
       "periods of actor.real_time_hz without an action, because it came too late"},
      {"pmoe_actor_rows_left_out_total", kCounter, "actor", "",
       "rows of episodes cut with actor.real_time_hz because replay gave no room"},
      {"pmoe_actor_weights_version", kGauge, "actor", "", "policy snapshot in use"},

      {"pmoe_evaluator_return", kGauge, "evaluator", "", "mean return of the last evaluation"},
      {"pmoe_evaluator_seconds_total", kCounter, "evaluator", "", "spent in evaluations"},
      {"pmoe_evaluator_weights_version", kGauge, "evaluator", "", "snapshot evaluated last"},

      {"pmoe_replay_size_rows", kGauge, "replay", "", "transitions held"},
      {"pmoe_replay_table_rows", kGauge, "replay", "table",
       "transitions held by a table beside the run's own"},
      {"pmoe_replay_memory_bytes", kGauge, "replay", "", "memory of the pages held"},
      {"pmoe_replay_inserts_total", kCounter, "replay", "", "transitions inserted by actors"},
      {"pmoe_replay_samples_total", kCounter, "replay", "", "rows sampled"},
      {"pmoe_replay_samples_per_insert", kGauge, "replay", "", "the two before, divided"},
      {"pmoe_replay_loaded_rows_total", kCounter, "replay", "", "transitions loaded from files"},
      {"pmoe_replay_limiter_blocked_seconds_total", kCounter, "replay", "side",
       "in which an insert or a sample waited"},
      {"pmoe_replay_limiter_waiting_seconds", kGauge, "replay", "side",
       "age of the oldest insert or sample that waits now; 0: none does"},
      {"pmoe_replay_duplicates_total", kCounter, "replay", "", "chunks dropped: they came before"},
      {"pmoe_replay_priorities_gone_total", kCounter, "replay", "",
       "errors for rows that were gone when they came"},
      {"pmoe_replay_crc_errors_total", kCounter, "replay", "", "chunks refused for their checksum"},
      {"pmoe_replay_rows_lost_total", kCounter, "replay", "",
       "rows that were acknowledged and a restarted shard no longer has"},
      {"pmoe_replay_log_bytes_total", kCounter, "replay", "", "written to the log"},
      {"pmoe_replay_log_sync_seconds_total", kCounter, "replay", "",
       "spent in fdatasync of the log"},
      {"pmoe_replay_log_behind_seconds", kGauge, "replay", "",
       "age of the oldest change that is not on disk"},
      {"pmoe_replay_log_errors_total", kCounter, "replay", "", "writes of the log that failed"},
      {"pmoe_replay_writers", kGauge, "replay", "", "Insert streams open"},
      {"pmoe_replay_disk_free_bytes", kGauge, "replay", "", "room left on the volume of --dir"},
      {"pmoe_replay_disk_size_bytes", kGauge, "replay", "", "size of that volume"},

      {"pmoe_process_cpu_seconds_total", kCounter, "actor, evaluator, replay, learner", "",
       "of all threads"},
      {"pmoe_process_cores", kGauge, "actor, evaluator, replay, learner", "",
       "that the process may use: affinity and the control group's quota"},
      {"pmoe_process_memory_bytes", kGauge, "actor, evaluator, replay, learner", "", "resident"},
      {"pmoe_process_memory_limit_bytes", kGauge, "actor, evaluator, replay, learner", "",
       "that the process may have: its control group's limit, else the machine's memory"},
      {"pmoe_process_network_bytes_total", kCounter, "actor, evaluator, replay, learner",
       "direction",
       "of its network namespace but for loopback: a container's own, else all of the machine"},

      {"pmoe_rpc_refused_total", kCounter, "learner, replay", "caller",
       "calls that the caller's role may not make; unverified: failed TLS handshakes"},
      {"pmoe_connections_refused_total", kCounter, "learner, replay", "",
       "connections closed because the descriptors for them were used up"},
      {"pmoe_rejected_total", kCounter, "learner, replay", "door, reason",
       "messages and streams refused because they make no sense"},

      {"pmoe_learner_env_steps", kGauge, "learner", "", "env steps of the run, as replay counts"},
      {"pmoe_learner_updates_total", kCounter, "learner", "", "gradient updates"},
      {"pmoe_learner_update_seconds_total", kCounter, "learner", "", "spent in updates"},
      {"pmoe_learner_sample_wait_seconds_total", kCounter, "learner", "", "waited for minibatches"},
      {"pmoe_learner_publish_seconds_total", kCounter, "learner", "",
       "spent in making snapshots and handing them on"},
      {"pmoe_learner_evaluation_wait_seconds_total", kCounter, "learner", "",
       "waited for the evaluator"},
      {"pmoe_learner_checkpoint_seconds_total", kCounter, "learner", "", "spent in checkpoints"},
      {"pmoe_learner_idle_seconds_total", kCounter, "learner", "",
       "waited for the actors' round (lockstep)"},
      {"pmoe_learner_sample_seconds", kHistogram, "learner", "",
       "from the wish for a minibatch or rollout to its coming"},
      {"pmoe_learner_publish_to_use_seconds", kHistogram, "learner", "",
       "from a snapshot's publication to the first row or report of it or a newer one"},
      {"pmoe_learner_policy_lag_versions", kGauge, "learner", "",
       "snapshots between the one that an actor acts with and the newest, mean of the actors"},
      {"pmoe_learner_policy_lag_seconds", kGauge, "learner", "",
       "since the snapshot that an actor acts with was replaced, mean of the actors"},
      {"pmoe_learner_sampled_lag_versions", kGauge, "learner", "",
       "age of the sampled rows, in snapshots"},
      {"pmoe_learner_sampled_lag_seconds", kGauge, "learner", "", "age of the sampled rows"},
      {"pmoe_learner_samples_per_insert", kGauge, "learner", "",
       "rows sampled for each row inserted, lately"},
      {"pmoe_learner_weights_version", kGauge, "learner", "", "newest snapshot published"},
      {"pmoe_learner_eval_return", kGauge, "learner", "", "mean return of the last evaluation"},
      {"pmoe_learner_members", kGauge, "learner", "member", "processes that follow the learner"},
      {"pmoe_learner_run_info", kGauge, "learner", "label", "1; the run's name for people"},
      {"pmoe_learner_bottleneck", kGauge, "learner", "name",
       "1: this holds the run back; 0 for all: not known"},
      {"pmoe_learner_gpu_busy_ratio", kGauge, "learner", "gpu",
       "share of the time that a GPU of the learner's machine works, whoever uses it"},
      {"pmoe_learner_gpu_memory_bytes", kGauge, "learner", "gpu", "of these, in use"},
      {"pmoe_learner_gpu_memory_size_bytes", kGauge, "learner", "gpu", "memory of that GPU"},
      {"pmoe_learner_gpu_seconds_total", kCounter, "learner", "",
       "busy seconds of these GPUs, of a run that uses one"},
      {"pmoe_learner_disk_free_bytes", kGauge, "learner", "",
       "room left on the volume of the run directory"},
      {"pmoe_learner_disk_size_bytes", kGauge, "learner", "", "size of that volume"},
      {"pmoe_learner_stat", kGauge, "learner", "name",
       "a column of metrics.csv: losses, alpha, entropies"},
  };
  return list;
}

const MetricInfo* FindMetric(absl::string_view name) {
  for (const MetricInfo& info : MetricList()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

}  // namespace pmoe
