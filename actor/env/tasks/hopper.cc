#include "actor/env/tasks/hopper.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kHopperVelocityClip = 10.0;

bool Inside(const Range& range, double x) { return range.low < x && x < range.high; }

}  // namespace

bool HopperIsHealthy(const HopperOptions& options, absl::Span<const double> qpos,
                     absl::Span<const double> qvel) {
  const auto inside = [&options](double x) { return Inside(options.healthy_state_range, x); };
  return std::all_of(qpos.begin() + 2, qpos.end(), inside) &&
         std::all_of(qvel.begin(), qvel.end(), inside) &&
         Inside(options.healthy_z_range, qpos[1]) && Inside(options.healthy_angle_range, qpos[2]);
}

absl::StatusOr<std::unique_ptr<Env>> Hopper::Create(const EnvRequest& request) {
  MujocoOptions base{
      .xml_file = "hopper.xml", .frame_skip = 4, .reset_noise_scale = 5e-3, .nq_min = 3};
  HopperOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  options.reward.Read(request, &args);
  args.Interval("healthy_state_range", &options.healthy_state_range);
  args.Interval("healthy_z_range", &options.healthy_z_range);
  args.Interval("healthy_angle_range", &options.healthy_angle_range);
  args.Bool("exclude_current_positions_from_observation",
            &options.exclude_current_positions_from_observation);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  const int obs_dim = setup.StateDim(options.skipped());
  return absl::WrapUnique(new Hopper(std::move(setup), options, obs_dim));
}

Hopper::Hopper(MujocoSetup setup, const HopperOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

double Hopper::Progress() const { return qpos()[0]; }

void Hopper::Observe(absl::Span<double> obs) const {
  std::transform(qvel().begin(), qvel().end(), WritePositions(options_.skipped(), obs),
                 [](double v) { return NumpyClip(v, -kHopperVelocityClip, kHopperVelocityClip); });
}

MujocoEnv::Outcome Hopper::Evaluate(double velocity, absl::Span<const double> action) const {
  const bool healthy = HopperIsHealthy(options_, qpos(), qvel());
  return options_.reward.Pay(healthy, velocity,
                             ControlCost(options_.reward.ctrl_cost_weight, action));
}

}  // namespace pmoe
