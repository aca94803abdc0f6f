// Humanoid v5, v4 and v2: a 3D biped, rewarded for the forward speed of its centre of mass while
// upright. Oracle: Gymnasium's humanoid_v5.py and humanoid_v4.py.
#include <limits>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/body_terms.h"
#include "actor/env/tasks/humanoid_observation.h"
#include "actor/env/tasks/locomotion_reward.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

struct HumanoidOptions {
  LocomotionReward reward{
      .forward_reward_weight = 1.25, .ctrl_cost_weight = 0.1, .healthy_reward = 5.0};
  bool contact_cost = true;  // v4 pays none
  double contact_cost_weight = 5e-7;
  Range contact_cost_range{-std::numeric_limits<double>::infinity(), 10.0};
  Range healthy_z_range = kHumanoidHealthyZ;
  HumanoidObservation observation{};
};

void ReadOptions(const EnvRequest& request, EnvArgs* args, HumanoidOptions* options) {
  options->reward.Read(request, args);
  args->Interval("healthy_z_range", &options->healthy_z_range);
  options->observation.Read(request, args);
  options->contact_cost = request.version() != 4;
  if (!options->contact_cost) return;
  args->Float("contact_cost_weight", &options->contact_cost_weight);
  args->Interval("contact_cost_range", &options->contact_cost_range);
}

class Humanoid final : public MujocoEnv {
 public:
  Humanoid(MujocoSetup setup, const HumanoidOptions& options, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim), options_(options), mass_(TotalMass(model())) {}

  double Progress() const override { return CenterOfMass(model(), data(), mass_, /*axis=*/0); }
  void Observe(absl::Span<double> obs) const override {
    options_.observation.Write(model(), data(), obs);
  }
  // The control cost is of data.ctrl, which holds the action unclipped and in float64.
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override {
    const bool healthy = HumanoidIsHealthy(options_.healthy_z_range, qpos()[2]);
    const double contact_cost = options_.contact_cost
                                    ? ContactCost(model(), data(), options_.contact_cost_weight,
                                                  options_.contact_cost_range)
                                    : 0.0;
    const double ctrl_cost = options_.reward.ctrl_cost_weight * NumpySumOfSquares(action);
    return options_.reward.Pay(healthy, velocity, ctrl_cost, contact_cost);
  }

  HumanoidOptions options_;
  double mass_;  // kg, all bodies
};

}  // namespace

bool HumanoidIsHealthy(const Range& healthy_z, double z) {
  return healthy_z.low < z && z < healthy_z.high;
}

absl::StatusOr<std::unique_ptr<Env>> MakeHumanoid(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "humanoid.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 1e-2,
                     .nq_min = HumanoidObservation::kPositionsMin,
                     .nv_min = HumanoidObservation::kDofsMin,
                     .contact_forces = true};
  HumanoidOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  ReadOptions(request, &args, &options);
  if (request.version() < 4) base.contact_forces = ReadContactForcesOfV2(&args);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  const int obs_dim = options.observation.Size(*setup.model, *setup.data);
  return absl::WrapUnique(new Humanoid(std::move(setup), options, obs_dim));
}

}  // namespace pmoe
