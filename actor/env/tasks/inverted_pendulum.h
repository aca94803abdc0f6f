// InvertedPendulum-v5: a pole on a cart, one point for each step that it stays up. Oracle:
// Gymnasium's inverted_pendulum_v5.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

// qpos: [nq], qvel: [nv]. Fallen: |pole angle| > 0.2 rad, or any value that is not finite.
bool InvertedPendulumHasFallen(absl::Span<const double> qpos, absl::Span<const double> qvel);

class InvertedPendulum final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  InvertedPendulum(MujocoSetup setup, int obs_dim);

  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;
};

}  // namespace pmoe
