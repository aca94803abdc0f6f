// HumanoidStandup v5, v4 and v2: the 3D biped lies on its back and is rewarded for the height of
// its torso; never ends early. Oracle: Gymnasium's humanoidstandup_v5.py and humanoidstandup_v4.py.
#include <limits>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/body_terms.h"
#include "actor/env/tasks/humanoid_observation.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

struct HumanoidStandupOptions {
  double uph_cost_weight = 1.0;  // read and without effect, as in Gymnasium
  double ctrl_cost_weight = 0.1;
  double impact_cost_weight = 0.5e-6;
  Range impact_cost_range{-std::numeric_limits<double>::infinity(), 10.0};
  HumanoidObservation observation{};
};

class HumanoidStandup final : public MujocoEnv {
 public:
  HumanoidStandup(MujocoSetup setup, const HumanoidStandupOptions& options, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

  void Observe(absl::Span<double> obs) const override {
    options_.observation.Write(model(), data(), obs);
  }
  // Height over one simulator step, not over the whole env step: as Gymnasium pays it.
  Outcome Evaluate(double, absl::Span<const double> action) const override {
    const double height_reward = qpos()[2] / model().opt.timestep;
    const double ctrl_cost = options_.ctrl_cost_weight * NumpySumOfSquares(action);
    const double impact_cost =
        ContactCost(model(), data(), options_.impact_cost_weight, options_.impact_cost_range);
    return {.reward = height_reward - ctrl_cost - impact_cost + 1.0, .terminated = false};
  }

  HumanoidStandupOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeHumanoidStandup(const EnvRequest& request) {
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

}  // namespace pmoe
