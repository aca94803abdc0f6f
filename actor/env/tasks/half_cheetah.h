// HalfCheetah v5, v4 and v2, which are the same: a planar runner, rewarded for forward speed. Never
// terminates. Oracle: Gymnasium's half_cheetah_v5.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

struct HalfCheetahOptions {
  double forward_reward_weight = 1.0;
  double ctrl_cost_weight = 0.1;
  bool exclude_current_positions_from_observation = true;  // leaves x out

  int skipped() const { return exclude_current_positions_from_observation ? 1 : 0; }
};

class HalfCheetah final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  HalfCheetah(MujocoSetup setup, const HalfCheetahOptions& options, int obs_dim);

  double Progress() const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  HalfCheetahOptions options_;
};

}  // namespace pmoe
