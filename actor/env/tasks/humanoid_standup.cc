#include "actor/env/tasks/humanoid_standup.h"

#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/body_terms.h"
#include "common/base/status_macros.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<Env>> HumanoidStandup::Create(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "humanoidstandup.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 1e-2,
                     .nq_min = HumanoidObservation::kPositionsMin,
                     .nv_min = HumanoidObservation::kDofsMin,
                     .contact_forces = true};
  HumanoidStandupOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  args.Float("uph_cost_weight", &options.uph_cost_weight);
  args.Float("ctrl_cost_weight", &options.ctrl_cost_weight);
  args.Float("impact_cost_weight", &options.impact_cost_weight);
  args.Interval("impact_cost_range", &options.impact_cost_range);
  options.observation.Read(request, &args);
  if (request.version() < 4) base.contact_forces = ReadContactForcesOfV2(&args);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  const int obs_dim = options.observation.Size(*setup.model, *setup.data);
  return absl::WrapUnique(new HumanoidStandup(std::move(setup), options, obs_dim));
}

HumanoidStandup::HumanoidStandup(MujocoSetup setup, const HumanoidStandupOptions& options,
                                 int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

void HumanoidStandup::Observe(absl::Span<double> obs) const {
  options_.observation.Write(model(), data(), obs);
}

// Height over one simulator step, not over the whole env step: as Gymnasium pays it.
MujocoEnv::Outcome HumanoidStandup::Evaluate(double, absl::Span<const double> action) const {
  const double height_reward = qpos()[2] / model().opt.timestep;
  const double ctrl_cost = options_.ctrl_cost_weight * NumpySumOfSquares(action);
  const double impact_cost =
      ContactCost(model(), data(), options_.impact_cost_weight, options_.impact_cost_range);
  return {.reward = height_reward - ctrl_cost - impact_cost + 1.0, .terminated = false};
}

}  // namespace pmoe
