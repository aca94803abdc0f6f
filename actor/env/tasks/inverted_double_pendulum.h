// InvertedDoublePendulum-v5: two poles on a cart, paid while the tip stays above 1 m. Oracle:
// Gymnasium's inverted_double_pendulum_v5.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

class InvertedDoublePendulum final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  InvertedDoublePendulum(MujocoSetup setup, double healthy_reward, int obs_dim);

  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  double healthy_reward_;
};

}  // namespace pmoe
