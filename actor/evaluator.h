// Plays whole episodes with one snapshot and reports what came out. Its environments and random
// streams are its own: evaluating changes nothing in a run. The same (seed, stream, snapshot,
// options) gives the same bits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/policy_network.h"
#include "common/run/control.h"

namespace pmoe {

struct EvaluatorOptions {
  uint64_t seed = 1;
  int episodes = 10;
  ActionMode action_mode = ActionMode::kRouterMean;
};

class Evaluator {
 public:
  using EnvFactory = std::function<absl::StatusOr<std::unique_ptr<Env>>()>;

  // Up to 10 episodes side by side, so that the policy's forward pass is a batch.
  static absl::StatusOr<std::unique_ptr<Evaluator>> Create(const EvaluatorOptions& options,
                                                           const PolicySpec& policy,
                                                           const EnvFactory& make_env);

  // `stream` names the random streams of this evaluation; a run uses its env_steps. Stops early
  // with CancelledError when `cancelled` says so.
  absl::StatusOr<Evaluation> Run(std::shared_ptr<const PolicySnapshot> snapshot, uint32_t stream,
                                 const std::function<bool()>& cancelled);

 private:
  Evaluator(const EvaluatorOptions& options, const PolicySpec& policy,
            std::vector<std::unique_ptr<Env>> envs);
  struct Lane {
    std::unique_ptr<Env> env;
    int episode = -1;  // the episode it plays; beyond the last one it idles
    double episode_return = 0.0;
    int length = 0;
  };
  void StartEpisode(size_t lane, int episode, uint32_t stream);
  void StepLane(size_t lane, uint32_t stream, std::vector<int>* lengths, Evaluation* result);

  EvaluatorOptions options_;
  PolicySpec policy_;
  PolicyNetwork network_;
  std::vector<Lane> lanes_;
  std::vector<Rng> rngs_;
  std::vector<float> obs_;
  std::vector<float> actions_;
  std::vector<int> primitives_;
  std::vector<double> env_obs_;
  std::vector<double> env_action_;
};

// Mean and population standard deviation.
void MeanAndStd(absl::Span<const double> values, double* mean, double* std);

}  // namespace pmoe
