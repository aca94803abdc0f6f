// Reacher-v5: a two-link arm brings its fingertip to a random target. Never ends early. Oracle:
// Gymnasium's reacher_v5.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

struct ReacherOptions {
  double reward_dist_weight = 1.0;
  double reward_control_weight = 1.0;
  int fingertip = 0;  // bodies
  int target = 0;
};

class Reacher final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Reacher(MujocoSetup setup, const ReacherOptions& options, int obs_dim);

  void AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                     absl::Span<double> qvel) const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  ReacherOptions options_;
};

}  // namespace pmoe
