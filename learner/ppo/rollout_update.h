// What an on-policy algorithm does with a rollout, by hand or by autograd. RolloutLearner prepares
// rollouts, keeps statistics and snapshots; implementations are PPO's two and DAC. Deterministic:
// randomness comes in as streams. Thread-compatible. N rows, S segments, O obs_dim, A action_dim, X
// extra_dim.
#pragma once

#include <string>
#include <vector>

#include "ATen/core/Tensor.h"
#include "common/base/bytes.h"
#include "common/base/rng.h"
#include "learner/nets/flat_parameters.h"
#include "replay/core/rollout.h"
#include "run/phase_clock.h"

namespace pmoe {

struct PreparedRollout {
  const Rollout* raw;
  at::Tensor obs;             // [1, N, O] as the policy sees it
  at::Tensor action;          // [1, N, A]
  at::Tensor extra;           // [1, N, X]
  at::Tensor bootstrap_obs;   // [1, S, O] as the policy sees it
  std::vector<float> reward;  // [N]
  double value_unit = 1.0;    // predicted values times this are in the rewards' unit
};

struct RolloutRngs {
  Rng* shuffle;  // order of rows
  Rng* noise;    // everything that a base algorithm does not draw, so that K = 1 draws what it does
};

struct LearnedRollout {
  std::vector<double> stats;   // in the order of StatNames
  std::vector<float> returns;  // [N] in the rewards' unit, before the first step
  int64_t updates = 0;
};

class RolloutUpdate {
 public:
  virtual ~RolloutUpdate() = default;
  // progress: share of the run that is done, for schedules.
  virtual LearnedRollout Learn(const PreparedRollout& rollout, double progress,
                               const RolloutRngs& rngs) = 0;
  virtual const std::vector<std::string>& StatNames() const = 0;
  virtual const FlatParameters& policy() const = 0;
  virtual const PhaseClock* phases() const { return nullptr; }
  virtual void SaveState(ByteWriter* out) const = 0;
  virtual absl::Status LoadState(ByteReader* in) = 0;

  // The first of the statistics must be finite: losses, and what tells of gradients and ratios that
  // are not numbers.
  static constexpr int kLossStats = 7;
};

}  // namespace pmoe
