// Swimmer-v5: a planar three-link swimmer, rewarded for forward speed; never ends early. Oracle:
// Gymnasium's swimmer_v5.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

struct SwimmerOptions {
  double forward_reward_weight = 1.0;
  double ctrl_cost_weight = 1e-4;
  bool exclude_current_positions_from_observation = true;  // leaves x and y out

  int skipped() const { return exclude_current_positions_from_observation ? 2 : 0; }
};

class Swimmer final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Swimmer(MujocoSetup setup, const SwimmerOptions& options, int obs_dim);

  double Progress() const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  SwimmerOptions options_;
};

}  // namespace pmoe
