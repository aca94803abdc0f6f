#include "common/metrics/tensorboard_tags.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace pmoe {
namespace {

using Tags = std::map<absl::string_view, absl::string_view, std::less<>>;

const Tags& OfColumns() {
  static const Tags& tags = *new Tags{{"env_steps", "run/env_steps"},
                                      {"updates", "run/updates"},
                                      {"wall_s", "run/wall_s"},
                                      {"env_steps_per_s", "run/env_steps_per_s"},
                                      {"updates_per_s", "run/updates_per_s"},
                                      {"cpu_s", "run/cpu_s"},
                                      {"gpu_s", "run/gpu_s"},
                                      {"eval_return_mean", "eval/return"},
                                      {"eval_return_std", "eval/return_std"},
                                      {"eval_length_mean", "eval/length"},
                                      {"eval_s", "eval/seconds"},
                                      {"eval_success_rate", "eval/success_rate"},
                                      {"train_return_mean", "train/return"},
                                      {"train_length_mean", "train/length"},
                                      {"train_episodes", "train/episodes"},
                                      {"train_diverged", "train/diverged"},
                                      {"train_success_rate", "train/success_rate"},
                                      {"policy_lag", "replay/policy_lag"},
                                      {"policy_lag_s", "replay/policy_lag_s"},
                                      {"sampled_lag", "replay/sampled_lag"},
                                      {"sampled_lag_s", "replay/sampled_lag_s"},
                                      {"samples_per_insert", "replay/samples_per_insert"},
                                      {"replay_size", "replay/size"},
                                      {"rows_dropped", "replay/rows_dropped"},
                                      {"critic_loss", "loss/critic"},
                                      {"actor_loss", "loss/actor"},
                                      {"router_loss", "loss/router"},
                                      {"qnet_loss", "loss/qnet"},
                                      {"q_mean", "loss/q_mean"},
                                      {"explained_variance", "loss/explained_variance"},
                                      {"alpha", "policy/alpha"},
                                      {"entropy", "policy/entropy"},
                                      {"approx_kl", "policy/approx_kl"},
                                      {"clip_fraction", "policy/clip_fraction"},
                                      {"option_termination", "policy/option_termination"},
                                      {"grad_norm", "optimizer/grad_norm"},
                                      {"learning_rate", "optimizer/learning_rate"},
                                      {"router_entropy", "primitive/router_entropy"},
                                      {"router_information", "primitive/router_information"},
                                      {"primitive_distance", "primitive/distance"},
                                      {"loser_std", "primitive/loser_std"},
                                      {"dead_primitives", "primitive/dead"}};
  return tags;
}

}  // namespace

std::string TensorBoardTag(absl::string_view column) {
  const auto found = OfColumns().find(column);
  if (found != OfColumns().end()) return std::string(found->second);
  absl::string_view rest = column;
  for (const char* who : {"train", "eval"}) {
    if (absl::ConsumePrefix(&rest, absl::StrCat(who, "_info_")))
      return absl::StrCat(who, "/", rest);
  }
  if (absl::ConsumePrefix(&rest, "time_")) return absl::StrCat("time/", rest);
  if (absl::ConsumePrefix(&rest, "primitive_")) return absl::StrCat("primitive/", rest);
  return absl::StrCat("other/", column);
}

}  // namespace pmoe
