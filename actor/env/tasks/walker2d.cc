#include "actor/env/tasks/walker2d.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kWalkerVelocityClip = 10.0;

}  // namespace

bool Walker2dIsHealthy(const Walker2dOptions& options, double z, double angle) {
  return options.healthy_z_range.low < z && z < options.healthy_z_range.high &&
         options.healthy_angle_range.low < angle && angle < options.healthy_angle_range.high;
}

absl::StatusOr<std::unique_ptr<Env>> Walker2d::Create(const EnvRequest& request) {
  // The older model's right foot has less friction.
  MujocoOptions base{.xml_file = request.version() <= 4 ? "walker2d.xml" : "walker2d_v5.xml",
                     .frame_skip = 4,
                     .reset_noise_scale = 5e-3,
                     .nq_min = 3};
  Walker2dOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  options.reward.Read(request, &args);
  args.Interval("healthy_z_range", &options.healthy_z_range);
  args.Interval("healthy_angle_range", &options.healthy_angle_range);
  args.Bool("exclude_current_positions_from_observation",
            &options.exclude_current_positions_from_observation);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  const int obs_dim = setup.StateDim(options.skipped());
  return absl::WrapUnique(new Walker2d(std::move(setup), options, obs_dim));
}

Walker2d::Walker2d(MujocoSetup setup, const Walker2dOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

double Walker2d::Progress() const { return qpos()[0]; }

void Walker2d::Observe(absl::Span<double> obs) const {
  std::transform(qvel().begin(), qvel().end(), WritePositions(options_.skipped(), obs),
                 [](double v) { return NumpyClip(v, -kWalkerVelocityClip, kWalkerVelocityClip); });
}

MujocoEnv::Outcome Walker2d::Evaluate(double velocity, absl::Span<const double> action) const {
  const bool healthy = Walker2dIsHealthy(options_, qpos()[1], qpos()[2]);
  return options_.reward.Pay(healthy, velocity,
                             ControlCost(options_.reward.ctrl_cost_weight, action));
}

}  // namespace pmoe
