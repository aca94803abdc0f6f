// Pusher-v5: a seven-joint arm pushes a cylinder to a goal. Never ends early. Oracle: Gymnasium's
// pusher_v5.py.
#include <algorithm>
#include <array>
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

constexpr size_t kJoints = 7;
constexpr size_t kObjectSize = 4;  // the last coordinates: x and y of the cylinder, then the goal's
constexpr double kPusherVelocityNoise = 5e-3;
constexpr double kDistanceMin_m = 0.17;  // of the cylinder from the goal at the start

struct PusherOptions {
  double reward_near_weight = 0.5;
  double reward_dist_weight = 1.0;
  double reward_control_weight = 0.1;
  int object = 0;  // bodies
  int fingertip = 0;
  int goal = 0;
};

class Pusher final : public MujocoEnv {
 public:
  Pusher(MujocoSetup setup, const PusherOptions& options, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

  void AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                     absl::Span<double> qvel) const override {
    std::array<double, 2> cylinder;
    do {
      cylinder[0] = generator->Uniform(-0.3, 0.0);
      cylinder[1] = generator->Uniform(-0.2, 0.2);
    } while (!(NumpyNorm(cylinder) > kDistanceMin_m));
    double* const object = qpos.end() - kObjectSize;
    std::copy(cylinder.begin(), cylinder.end(), object);
    std::fill(object + cylinder.size(), qpos.end(), 0.0);
    AddUniformNoise(kPusherVelocityNoise, generator, qvel);
    std::fill(qvel.end() - kObjectSize, qvel.end(), 0.0);
  }
  void Observe(absl::Span<double> obs) const override {
    double* next = std::copy_n(qpos().begin(), kJoints, obs.data());
    next = std::copy_n(qvel().begin(), kJoints, next);
    for (const int body : {options_.fingertip, options_.object, options_.goal}) {
      next = std::copy_n(data().xpos + 3 * body, 3, next);
    }
  }
  Outcome Evaluate(double, absl::Span<const double> action) const override {
    const double near = NumpyNorm(Offset(options_.object, options_.fingertip));
    const double distance = NumpyNorm(Offset(options_.object, options_.goal));
    const double near_reward = -near * options_.reward_near_weight;
    const double dist_reward = -distance * options_.reward_dist_weight;
    const double ctrl_reward = -ControlCost(options_.reward_control_weight, action);
    return {.reward = dist_reward + ctrl_reward + near_reward, .terminated = false};
  }

  PusherOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakePusher(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "pusher_v5.xml",
                     .frame_skip = 5,
                     .max_episode_steps = 100,
                     .nq_min = static_cast<int>(kJoints + kObjectSize),
                     .nv_min = static_cast<int>(kJoints + kObjectSize)};
  PusherOptions options;
  EnvArgs args(request.id, request.args);
  base.ReadWithoutNoise(&args);
  args.Float("reward_near_weight", &options.reward_near_weight);
  args.Float("reward_dist_weight", &options.reward_dist_weight);
  args.Float("reward_control_weight", &options.reward_control_weight);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  PMOE_ASSIGN_OR_RETURN(options.object, setup.Body("object"));
  PMOE_ASSIGN_OR_RETURN(options.fingertip, setup.Body("tips_arm"));
  PMOE_ASSIGN_OR_RETURN(options.goal, setup.Body("goal"));
  const int obs_dim = static_cast<int>(kJoints + kJoints) + 3 * 3;
  return absl::WrapUnique(new Pusher(std::move(setup), options, obs_dim));
}

}  // namespace pmoe
