#include "common/config/presets.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/algorithms.h"
#include "common/config/rules.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"

namespace pmoe {
namespace {

struct Preset {
  absl::string_view name;
  absl::string_view algorithm;
  absl::string_view textproto;
};

// The settings of the authors' public SAC code (docs/algorithms/pmoe_sac.md lists where they leave
// the paper). The 1,000 warm-up steps are driven by the policy. Uniform random actions last for
// start_steps and updates wait for update_after, each on its own, so a policy-driven warm-up is
// start_steps 0 with update_after 1000: one whole round. Alpha starts at 1 there because log alpha
// starts at 0.
constexpr absl::string_view kOfficial = R"pb(
  learner {
    batch_size: 256
    actor_lr: 3e-4
    critic_lr: 3e-4
    alpha: 1
    tune_alpha: true
    alpha_lr: 3e-4
    tau: 0.005
  }
  schedule { start_steps: 0 update_after: 1000 steps_per_round: 1000 updates_per_step: 1 }
)pb";

constexpr absl::string_view kOfficialRouter = R"pb(learner { freq_reduction: "mean" })pb";

// What every preset of PPO shares. A rollout is a round.
constexpr absl::string_view kPpo = R"pb(
  policy {
    router_input: "obs"
    std: "parameter"
    init: "orthogonal"
    action_map: "clip"
    normalize_obs: true
  }
  learner { batch_size: 64 actor_lr: 3e-4 critic_lr: 3e-4 }
  schedule { start_steps: 0 update_after: 0 steps_per_round: 2048 }
  observe { log_every_steps: 2048 eval_every_steps: 20000 }
)pb";

// Table 6(b) and Appendix C; what they leave open is from the code base that DAC's authors use:
// heads scaled by 1e-3, the log-std starts at log softplus(0).
constexpr absl::string_view kPpoPaper = R"pb(
  policy { mean_activation: "tanh" hidden_gain: 1 head_gain: 1e-3 log_std_init: -0.36651292 }
  learner {
    epochs: 20
    value_net: "trunk"
    value_coef: 1
    value_gain: 1e-3
    adam_epsilon: 1e-5
    advantage_norm: "rollout"
  }
)pb";

// The settings of Tianshou's MuJoCo benchmark. Its value loss is 0.25 (V - R)^2, ours at 0.5;
// advantages are not normalised there.
constexpr absl::string_view kPpoTianshou = R"pb(
  policy { activation: "tanh" head_gain: 0.014142136 log_std_init: -0.5 action_map: "rescale_clip" }
  learner {
    value_coef: 0.5
    value_gain: 1.4142136
    advantage_norm: "none"
    recompute_advantage: true
    lr_schedule: "linear"
    reward_norm: "return_std"
  }
  actor { envs: 64 }
)pb";

// The settings of CleanRL's continuous PPO.
constexpr absl::string_view kPpoCleanRl = R"pb(
  policy { activation: "tanh" head_gain: 0.01 }
  learner {
    adam_epsilon: 1e-5
    value_clip: true
    advantage_norm: "minibatch"
    lr_schedule: "linear"
    reward_norm: "discounted_std"
  }
)pb";

// Zhang & Whiteson 2019: their own networks, five epochs, an entropy bonus for the options.
constexpr absl::string_view kDac = R"pb(
  policy { hidden_gain: 1 head_gain: 1e-3 mean_activation: "tanh" log_std_init: 0 }
  learner {
    epochs: 5
    entropy_coef: 0.01
    adam_epsilon: 1e-5
    value_net: "separate"
    value_coef: 1
    value_gain: 1e-3
  }
)pb";

// Whose gradient is meant to pass through the router.
constexpr absl::string_view kTrunkRouter = R"pb(policy { router_input: "trunk" })pb";
constexpr absl::string_view kMarginal = R"pb(
  policy { router_input: "trunk" }
  learner { target: "expected" entropy: "mixture" }
)pb";
constexpr absl::string_view kJointRatio = R"pb(learner { ppo_ratio: "joint" })pb";
// Its gate and its std are networks.
constexpr absl::string_view kMcp = R"pb(policy { router_input: "obs" std: "state" })pb";

// Rows of one preset are merged in order. An empty name is any preset; "*sac" and "*ppo" are the
// families. "paper" is for SAC the schema's defaults: Table 6(a), published as Spinning Up's SAC.
constexpr Preset kPresets[] = {
    {"paper", "*sac", ""},
    {"official", "*sac", kOfficial},
    {"official", "pmoe_sac", kOfficialRouter},
    {"", "*ppo", kPpo},
    {"paper", "*ppo", kPpoPaper},
    {"tianshou", "*ppo", kPpoTianshou},
    {"cleanrl", "*ppo", kPpoCleanRl},
    {"", "dac", kDac},
    {"", "gating_sac", kTrunkRouter},
    {"", "pmoe_gumbel_sac", kTrunkRouter},
    {"", "pmoe_reinforce_sac", kTrunkRouter},
    {"", "gating_ppo", kTrunkRouter},
    {"", "pmoe_gumbel_ppo", kTrunkRouter},
    {"", "pmoe_reinforce_ppo", kTrunkRouter},
    {"", "pmoe_reinforce_ppo", kJointRatio},
    {"", "mrp_sac", kMarginal},
    {"", "mcp_sac", kMcp},
    {"", "mcp_ppo", kMcp},
};

bool Applies(const Preset& row, absl::string_view algorithm) {
  if (row.algorithm == "*sac") return !IsOnPolicy(algorithm);
  if (row.algorithm == "*ppo") return IsOnPolicy(algorithm);
  return row.algorithm == algorithm;
}

// The presets that have a row of this algorithm.
std::set<std::string> PresetsOf(absl::string_view algorithm) {
  std::set<std::string> names;
  for (const Preset& row : kPresets) {
    if (!row.name.empty() && Applies(row, algorithm)) names.emplace(row.name);
  }
  return names;
}

}  // namespace

absl::StatusOr<RunConfig> PresetConfig(absl::string_view preset, absl::string_view algorithm) {
  absl::Status status = CheckChoice(*FindSchemaField("preset"), preset);
  status.Update(CheckChoice(*FindSchemaField("algorithm"), algorithm));
  if (!status.ok()) return status;
  if (const std::set<std::string> known = PresetsOf(algorithm);
      !known.contains(std::string(preset))) {
    return absl::InvalidArgumentError(absl::StrCat("preset ", preset, " is not for algorithm ",
                                                   algorithm, ", which has ",
                                                   absl::StrJoin(known, ", ")));
  }
  RunConfig merged;
  for (const Preset& row : kPresets) {
    if ((!row.name.empty() && row.name != preset) || !Applies(row, algorithm)) continue;
    absl::StatusOr<RunConfig> part =
        ParseConfigText(row.textproto, absl::StrCat("preset ", preset));
    if (!part.ok()) return part.status();
    merged.MergeFrom(*part);
  }
  return merged;
}

}  // namespace pmoe
