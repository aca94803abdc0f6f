// The environments that MakeEnv knows, as plain data: a command can list or check ids without
// linking MuJoCo.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// A task with its default arguments.
struct EnvInfo {
  std::string id;
  int obs_dim = 0;
  int action_dim = 0;
  double action_limit = 0.0;  // every action lies in [-action_limit, action_limit]
  int max_episode_steps = 0;
  std::string description;  // one line
};

// What begins ids of Gymnasium's own: in this process, and in one each.
inline constexpr absl::string_view kGymPrefix = "gym:";
inline constexpr absl::string_view kGymProcessPrefix = "gym-process:";

std::vector<EnvInfo> ListEnvs();
// Names of task files ("mjcf:…") and plugins ("plugin:…") and Gymnasium's ("gym:…") pass: only
// MakeEnv reads them.
// InvalidArgumentError with the near names and the whole list, if `id` is in none.
absl::Status CheckEnvId(absl::string_view id);

}  // namespace pmoe
