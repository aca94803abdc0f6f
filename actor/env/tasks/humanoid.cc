#include "actor/env/tasks/humanoid.h"

#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/body_terms.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

void ReadOptions(const EnvRequest& request, EnvArgs* args, HumanoidOptions* options) {
  options->reward.Read(request, args);
  args->Interval("healthy_z_range", &options->healthy_z_range);
  options->observation.Read(request, args);
  options->contact_cost = request.version() != 4;
  if (!options->contact_cost) return;
  args->Float("contact_cost_weight", &options->contact_cost_weight);
  args->Interval("contact_cost_range", &options->contact_cost_range);
}

}  // namespace

bool HumanoidIsHealthy(const HumanoidOptions& options, double z) {
  return options.healthy_z_range.low < z && z < options.healthy_z_range.high;
}

absl::StatusOr<std::unique_ptr<Env>> Humanoid::Create(const EnvRequest& request) {
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

Humanoid::Humanoid(MujocoSetup setup, const HumanoidOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim), options_(options), mass_(TotalMass(model())) {}

double Humanoid::Progress() const { return CenterOfMass(model(), data(), mass_, /*axis=*/0); }

void Humanoid::Observe(absl::Span<double> obs) const {
  options_.observation.Write(model(), data(), obs);
}

// The control cost is of data.ctrl, which holds the action unclipped and in float64.
MujocoEnv::Outcome Humanoid::Evaluate(double velocity, absl::Span<const double> action) const {
  const bool healthy = HumanoidIsHealthy(options_, qpos()[2]);
  const double contact_cost =
      options_.contact_cost
          ? ContactCost(model(), data(), options_.contact_cost_weight, options_.contact_cost_range)
          : 0.0;
  const double ctrl_cost = options_.reward.ctrl_cost_weight * NumpySumOfSquares(action);
  return options_.reward.Pay(healthy, velocity, ctrl_cost, contact_cost);
}

}  // namespace pmoe
