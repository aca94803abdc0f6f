// Reacher-v5: a two-link arm brings its fingertip to a random target. Never ends early. Oracle:
// Gymnasium's reacher_v5.py.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kLinks = 2;
constexpr size_t kTargetSize = 2;     // the target's coordinates are the last ones
constexpr double kTargetMax_m = 0.2;  // its greatest distance from the centre
constexpr double kAngleNoise = 0.1;   // rad
constexpr double kReacherVelocityNoise = 5e-3;

struct ReacherOptions {
  double reward_dist_weight = 1.0;
  double reward_control_weight = 1.0;
  int fingertip = 0;  // bodies
  int target = 0;
};

class Reacher final : public MujocoEnv {
 public:
  Reacher(MujocoSetup setup, const ReacherOptions& options, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

  void AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                     absl::Span<double> qvel) const override {
    AddUniformNoise(kAngleNoise, generator, qpos);
    std::array<double, kTargetSize> target;
    do {
      target = {};
      AddUniformNoise(kTargetMax_m, generator, absl::MakeSpan(target));
    } while (!(NumpyNorm(target) < kTargetMax_m));
    std::copy(target.begin(), target.end(), qpos.end() - kTargetSize);
    AddUniformNoise(kReacherVelocityNoise, generator, qvel);
    std::fill(qvel.end() - kTargetSize, qvel.end(), 0.0);
  }
  void Observe(absl::Span<double> obs) const override {
    const absl::Span<const double> angles = qpos().first(kLinks);
    double* next = obs.data();
    for (const double angle : angles) *next++ = std::cos(angle);
    for (const double angle : angles) *next++ = std::sin(angle);
    next = std::copy(qpos().begin() + kLinks, qpos().end(), next);
    next = std::copy(qvel().begin(), qvel().begin() + kLinks, next);
    const std::array<double, 3> offset = Offset(options_.fingertip, options_.target);
    std::copy(offset.begin(), offset.begin() + 2, next);
  }
  Outcome Evaluate(double, absl::Span<const double> action) const override {
    const double distance = NumpyNorm(Offset(options_.fingertip, options_.target));
    const double dist_reward = -distance * options_.reward_dist_weight;
    const double ctrl_reward = -ControlCost(options_.reward_control_weight, action);
    return {.reward = dist_reward + ctrl_reward, .terminated = false};
  }

  ReacherOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeReacher(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "reacher.xml",
                     .frame_skip = 2,
                     .max_episode_steps = 50,
                     .nq_min = static_cast<int>(kLinks + kTargetSize),
                     .nv_min = static_cast<int>(kLinks + kTargetSize)};
  ReacherOptions options;
  EnvArgs args(request.id, request.args);
  base.ReadWithoutNoise(&args);
  args.Float("reward_dist_weight", &options.reward_dist_weight);
  args.Float("reward_control_weight", &options.reward_control_weight);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  PMOE_ASSIGN_OR_RETURN(options.fingertip, setup.Body("fingertip"));
  PMOE_ASSIGN_OR_RETURN(options.target, setup.Body("target"));
  const int obs_dim = static_cast<int>(setup.model->nq + kLinks + kLinks + 2);
  return absl::WrapUnique(new Reacher(std::move(setup), options, obs_dim));
}

}  // namespace pmoe
