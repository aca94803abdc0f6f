#include "actor/env/tasks/half_cheetah.h"

#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<Env>> HalfCheetah::Create(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "half_cheetah.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 0.1,
                     .normal_velocity_noise = true};
  HalfCheetahOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  args.Float("forward_reward_weight", &options.forward_reward_weight);
  args.Float("ctrl_cost_weight", &options.ctrl_cost_weight);
  args.Bool("exclude_current_positions_from_observation",
            &options.exclude_current_positions_from_observation);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  const int obs_dim = setup.StateDim(options.skipped());
  return absl::WrapUnique(new HalfCheetah(std::move(setup), options, obs_dim));
}

HalfCheetah::HalfCheetah(MujocoSetup setup, const HalfCheetahOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

double HalfCheetah::Progress() const { return qpos()[0]; }

void HalfCheetah::Observe(absl::Span<double> obs) const { WriteState(options_.skipped(), obs); }

MujocoEnv::Outcome HalfCheetah::Evaluate(double velocity, absl::Span<const double> action) const {
  const double forward_reward = options_.forward_reward_weight * velocity;
  const double ctrl_cost = ControlCost(options_.ctrl_cost_weight, action);
  return {.reward = forward_reward - ctrl_cost, .terminated = false};
}

}  // namespace pmoe
