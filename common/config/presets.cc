#include "common/config/presets.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/config/rules.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"

namespace pmoe {
namespace {

struct Preset {
  absl::string_view name;
  Family family;
  absl::string_view textproto;
};

constexpr char kPaper[] = "paper";
constexpr char kOfficial[] = "official";
constexpr char kModern[] = "modern";
constexpr char kPublished[] = "published";

// The settings of the authors' public SAC code (docs/algorithms/pmoe_sac.md lists where they leave
// the paper). The 1,000 warm-up steps are driven by the policy. Uniform random actions last for
// start_steps and updates wait for update_after, each on its own, so a policy-driven warm-up is
// start_steps 0 with update_after 1000: one whole round. Alpha starts at 1 there because log alpha
// starts at 0.
constexpr absl::string_view kOfficialSac = R"pb(
  learner { tau: 0.005 }
  schedule { start_steps: 0 update_after: 1000 steps_per_round: 1000 updates_per_step: 1 }
)pb";

// The step sizes and the tuned temperature of both presets that are not the paper's.
constexpr absl::string_view kTunedSac = R"pb(
  learner {
    batch_size: 256
    actor_lr: 3e-4
    critic_lr: 3e-4
    alpha: 1
    tune_alpha: true
    alpha_lr: 3e-4
  }
)pb";

// The schema's schedule with truncated quantile critics (arXiv 2005.04269) as small as its public
// implementations have them: docs/algorithms/modern_critics.md.
constexpr absl::string_view kModernSac = R"pb(
  learner { critic_quantiles: 25 dropped_quantiles: 2 quantile_critics: 2 }
)pb";

// What every preset of PPO shares. A rollout is a round.
constexpr absl::string_view kPpoShared = R"pb(
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

// Rows of one preset are merged in order, below the algorithm's own settings. An empty name is any
// preset. "paper" is for SAC the schema's defaults: Table 6(a), published as Spinning Up's SAC.
constexpr Preset kPresets[] = {
    {kPaper, Family::kSac, ""},
    {kOfficial, Family::kSac, kTunedSac},
    {kOfficial, Family::kSac, kOfficialSac},
    {kModern, Family::kSac, kTunedSac},
    {kModern, Family::kSac, kModernSac},
    {"", Family::kPpo, kPpoShared},
    {kPaper, Family::kPpo, kPpoPaper},
    {kPublished, Family::kPpo, kPpoPaper},
    {"tianshou", Family::kPpo, kPpoTianshou},
    {"cleanrl", Family::kPpo, kPpoCleanRl},
};

std::set<std::string> PresetsOf(const Algorithm& algorithm) {
  std::set<std::string> names;
  for (const Preset& row : kPresets) {
    if (!row.name.empty() && row.family == algorithm.family) names.emplace(row.name);
  }
  if (algorithm.published.empty()) names.erase(kPublished);
  return names;
}

}  // namespace

absl::StatusOr<RunConfig> PresetConfig(absl::string_view preset, const Algorithm& algorithm) {
  PMOE_RETURN_IF_ERROR(CheckChoice(*FindSchemaField("preset"), preset));
  if (const std::set<std::string> known = PresetsOf(algorithm);
      !known.contains(std::string(preset))) {
    return absl::InvalidArgumentError(absl::StrCat("preset ", preset, " is not for algorithm ",
                                                   algorithm.name, ", which has ",
                                                   absl::StrJoin(known, ", ")));
  }
  std::vector<absl::string_view> texts;
  for (const Preset& row : kPresets) {
    const bool applies = row.name.empty() || row.name == preset;
    if (applies && row.family == algorithm.family) texts.push_back(row.textproto);
  }
  texts.push_back(algorithm.settings);
  if (preset == kOfficial || preset == kModern) texts.push_back(algorithm.official);
  if (preset == kPublished) texts.push_back(algorithm.published);
  RunConfig merged;
  for (const absl::string_view text : texts) {
    PMOE_ASSIGN_OR_RETURN(const RunConfig part,
                          ParseConfigText(text, absl::StrCat("preset ", preset)));
    merged.MergeFrom(part);
  }
  return merged;
}

}  // namespace pmoe
