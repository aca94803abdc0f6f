// InvertedDoublePendulum-v5: two poles on a cart, paid while the tip stays above 1 m. Oracle:
// Gymnasium's inverted_double_pendulum_v5.py.
#include <cmath>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kClip = 10.0;    // of velocities and of the constraint force
constexpr double kTipMin = 1.0;   // m
constexpr double kTipGoal = 2.0;  // m, below the full height

class InvertedDoublePendulum final : public MujocoEnv {
 public:
  InvertedDoublePendulum(MujocoSetup setup, double healthy_reward, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim), healthy_reward_(healthy_reward) {}

  void Observe(absl::Span<double> obs) const override {
    double* next = obs.data();
    const absl::Span<const double> angles = qpos().subspan(1);
    *next++ = qpos()[0];
    for (const double angle : angles) *next++ = std::sin(angle);
    for (const double angle : angles) *next++ = std::cos(angle);
    for (const double v : qvel()) *next++ = NumpyClip(v, -kClip, kClip);
    *next = NumpyClip(data().qfrc_constraint[0], -kClip, kClip);
  }
  Outcome Evaluate(double, absl::Span<const double>) const override {
    const double x = data().site_xpos[0];
    const double height = data().site_xpos[2];
    const bool fallen = height <= kTipMin;
    const double distance_penalty =
        0.01 * NumpyScalarSquare(x) + NumpyScalarSquare(height - kTipGoal);
    const double velocity_penalty =
        1e-3 * NumpyScalarSquare(qvel()[1]) + 5e-3 * NumpyScalarSquare(qvel()[2]);
    const double alive = fallen ? 0.0 : healthy_reward_;
    return {.reward = alive - distance_penalty - velocity_penalty, .terminated = fallen};
  }

  double healthy_reward_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeInvertedDoublePendulum(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "inverted_double_pendulum.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 0.1,
                     .normal_velocity_noise = true,
                     .nq_min = 3,
                     .nv_min = 3};
  double healthy_reward = 10.0;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  args.Float("healthy_reward", &healthy_reward);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  if (setup.model->nsite == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.id, ": ", base.xml_file, " has no site to mark the tip"));
  }
  const int angles = static_cast<int>(setup.model->nq) - 1;
  const int obs_dim = 1 + 2 * angles + static_cast<int>(setup.model->nv) + 1;
  return absl::WrapUnique(new InvertedDoublePendulum(std::move(setup), healthy_reward, obs_dim));
}

}  // namespace pmoe
