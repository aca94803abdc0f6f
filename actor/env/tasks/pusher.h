// Pusher-v5: a seven-joint arm pushes a cylinder to a goal. Never ends early. Oracle: Gymnasium's
// pusher_v5.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

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
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Pusher(MujocoSetup setup, const PusherOptions& options, int obs_dim);

  void AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                     absl::Span<double> qvel) const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  PusherOptions options_;
};

}  // namespace pmoe
