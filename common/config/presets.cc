#include "common/config/presets.h"

#include "absl/strings/str_cat.h"
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

// "paper" is the schema's defaults: Table 6(a), published as Spinning Up's SAC. Rows of one preset
// are merged in order.
constexpr Preset kPresets[] = {
    {"paper", "sac", ""},
    {"paper", "pmoe_sac", ""},
    {"official", "sac", kOfficial},
    {"official", "pmoe_sac", kOfficial},
    {"official", "pmoe_sac", kOfficialRouter},
};

}  // namespace

absl::StatusOr<RunConfig> PresetConfig(absl::string_view preset, absl::string_view algorithm) {
  absl::Status status = CheckChoice(*FindSchemaField("preset"), preset);
  status.Update(CheckChoice(*FindSchemaField("algorithm"), algorithm));
  if (!status.ok()) return status;
  RunConfig merged;
  for (const Preset& row : kPresets) {
    if (row.name != preset || row.algorithm != algorithm) continue;
    absl::StatusOr<RunConfig> part =
        ParseConfigText(row.textproto, absl::StrCat("preset ", preset));
    if (!part.ok()) return part.status();
    merged.MergeFrom(*part);
  }
  return merged;
}

}  // namespace pmoe
