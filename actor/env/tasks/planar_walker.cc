// Hopper and Walker2d, v5, v4 and v2: planar walkers of one leg and of two, rewarded for forward
// speed while upright. Oracle: Gymnasium's hopper_v5.py, walker2d_v5.py and their v4.
#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/numpy_math.h"
#include "actor/env/state_names.h"
#include "actor/env/tasks/locomotion_reward.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kWalkerVelocityClip = 10.0;

bool Inside(const Range& range, double x) { return range.low < x && x < range.high; }

class PlanarWalker final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request, MujocoOptions base,
                                                     WalkerHealth health) {
    LocomotionReward reward;
    bool exclude = true;
    EnvArgs args(request.id, request.args);
    base.Read(&args);
    reward.Read(request, &args);
    if (health.state.has_value()) args.Interval("healthy_state_range", &*health.state);
    args.Interval("healthy_z_range", &health.z);
    args.Interval("healthy_angle_range", &health.angle);
    args.Bool("exclude_current_positions_from_observation", &exclude);
    PMOE_RETURN_IF_ERROR(args.Finish());
    PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
    const int skipped = exclude ? 1 : 0, obs_dim = setup.StateDim(skipped);
    return absl::WrapUnique(new PlanarWalker(std::move(setup), obs_dim, reward, health, skipped));
  }

 private:
  PlanarWalker(MujocoSetup setup, int obs_dim, const LocomotionReward& reward,
               const WalkerHealth& health, int skipped)
      : MujocoEnv(std::move(setup), obs_dim), reward_(reward), health_(health), skipped_(skipped) {}

  double Progress() const override { return qpos()[0]; }
  void Observe(absl::Span<double> obs) const override {
    std::transform(qvel().begin(), qvel().end(), WritePositions(skipped_, obs), [](double v) {
      return NumpyClip(v, -kWalkerVelocityClip, kWalkerVelocityClip);
    });
  }
  std::vector<std::string> ObservationNames() const override {
    return StateNames(model(), skipped_);
  }
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override {
    return reward_.Pay(WalkerIsHealthy(health_, qpos(), qvel()), velocity,
                       ControlCost(reward_.ctrl_cost_weight, action));
  }

  const LocomotionReward reward_;
  const WalkerHealth health_;
  const int skipped_;  // positions that are not observed: x
};

}  // namespace

bool WalkerIsHealthy(const WalkerHealth& health, absl::Span<const double> qpos,
                     absl::Span<const double> qvel) {
  const auto inside = [&health](double x) { return Inside(*health.state, x); };
  return (!health.state.has_value() || (std::all_of(qpos.begin() + 2, qpos.end(), inside) &&
                                        std::all_of(qvel.begin(), qvel.end(), inside))) &&
         Inside(health.z, qpos[1]) && Inside(health.angle, qpos[2]);
}

absl::StatusOr<std::unique_ptr<Env>> MakeHopper(const EnvRequest& request) {
  return PlanarWalker::Create(
      request, {.xml_file = "hopper.xml", .frame_skip = 4, .reset_noise_scale = 5e-3, .nq_min = 3},
      kHopperHealth);
}

absl::StatusOr<std::unique_ptr<Env>> MakeWalker2d(const EnvRequest& request) {
  // The older model's right foot has less friction.
  return PlanarWalker::Create(
      request,
      {.xml_file = request.version() <= 4 ? "walker2d.xml" : "walker2d_v5.xml",
       .frame_skip = 4,
       .reset_noise_scale = 5e-3,
       .nq_min = 3},
      kWalker2dHealth);
}

}  // namespace pmoe
