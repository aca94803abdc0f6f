// HumanoidStandup v5, v4 and v2: the 3D biped lies on its back and is rewarded for the height of
// its torso; never ends early. Oracle: Gymnasium's humanoidstandup_v5.py and humanoidstandup_v4.py.
#pragma once

#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/tasks/humanoid_observation.h"

namespace pmoe {

struct HumanoidStandupOptions {
  double uph_cost_weight = 1.0;  // read and without effect, as in Gymnasium
  double ctrl_cost_weight = 0.1;
  double impact_cost_weight = 0.5e-6;
  Range impact_cost_range{-std::numeric_limits<double>::infinity(), 10.0};
  HumanoidObservation observation{};
};

class HumanoidStandup final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  HumanoidStandup(MujocoSetup setup, const HumanoidStandupOptions& options, int obs_dim);

  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  HumanoidStandupOptions options_;
};

}  // namespace pmoe
