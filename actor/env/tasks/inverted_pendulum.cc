// InvertedPendulum-v5: a pole on a cart, one point for each step that it stays up. Oracle:
// Gymnasium's inverted_pendulum_v5.py.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/state_names.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kAngleMax = 0.2;  // rad

class InvertedPendulum final : public MujocoEnv {
 public:
  InvertedPendulum(MujocoSetup setup, int obs_dim) : MujocoEnv(std::move(setup), obs_dim) {}

  void Observe(absl::Span<double> obs) const override { WriteState(/*skipped=*/0, obs); }
  std::vector<std::string> ObservationNames() const override {
    return StateNames(model(), /*skipped=*/0);
  }
  Outcome Evaluate(double, absl::Span<const double>) const override {
    const bool fallen = InvertedPendulumHasFallen(qpos(), qvel());
    return {.reward = fallen ? 0.0 : 1.0, .terminated = fallen};
  }
};

}  // namespace

bool InvertedPendulumHasFallen(absl::Span<const double> qpos, absl::Span<const double> qvel) {
  const auto finite = [](double x) { return std::isfinite(x); };
  return !std::all_of(qpos.begin(), qpos.end(), finite) ||
         !std::all_of(qvel.begin(), qvel.end(), finite) || std::abs(qpos[1]) > kAngleMax;
}

absl::StatusOr<std::unique_ptr<Env>> MakeInvertedPendulum(const EnvRequest& request) {
  MujocoOptions base{
      .xml_file = "inverted_pendulum.xml", .frame_skip = 2, .reset_noise_scale = 0.01, .nq_min = 2};
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  const int obs_dim = setup.StateDim(/*skipped=*/0);
  return absl::WrapUnique(new InvertedPendulum(std::move(setup), obs_dim));
}

}  // namespace pmoe
