#include "run/metric_columns.h"

#include "absl/strings/str_cat.h"
#include "run/info_columns.h"

namespace pmoe {

// tidy: long because it is one list.
std::vector<std::string> MetricColumns(int primitives, const std::vector<std::string>& info) {
  std::vector<std::string> columns = {"env_steps",
                                      "updates",
                                      "wall_s",
                                      "eval_return_mean",
                                      "eval_return_std",
                                      "eval_length_mean",
                                      "eval_s",
                                      "eval_success_rate",
                                      "train_return_mean",
                                      "train_length_mean",
                                      "train_episodes",
                                      "train_diverged",
                                      "train_success_rate",
                                      "env_steps_per_s",
                                      "updates_per_s",
                                      "policy_lag",
                                      "policy_lag_s",
                                      "sampled_lag",
                                      "sampled_lag_s",
                                      "samples_per_insert",
                                      "replay_size",
                                      "critic_loss",
                                      "actor_loss",
                                      "router_loss",
                                      "qnet_loss",
                                      "alpha",
                                      "entropy",
                                      "q_mean",
                                      "router_entropy",
                                      "router_information",
                                      "primitive_distance",
                                      "loser_std",
                                      "dead_primitives",
                                      "option_termination",
                                      "approx_kl",
                                      "clip_fraction",
                                      "explained_variance",
                                      "grad_norm",
                                      "learning_rate",
                                      "rows_dropped",
                                      "time_env_s",
                                      "time_policy_s",
                                      "time_write_s",
                                      "time_blocked_s",
                                      "time_idle_s",
                                      "time_replay_s",
                                      "time_update_s",
                                      "time_publish_s",
                                      "time_checkpoint_s",
                                      "time_eval_wait_s",
                                      "time_eval_s",
                                      "cpu_s",
                                      "gpu_s"};
  for (int k = 0; k < primitives; ++k) columns.push_back(absl::StrCat("primitive_usage_", k));
  for (int k = 0; k < primitives; ++k) columns.push_back(absl::StrCat("primitive_win_rate_", k));
  for (const std::string& name : info) {
    columns.insert(columns.end(), {InfoColumn("train", name), InfoColumn("eval", name)});
  }
  return columns;
}

}  // namespace pmoe
