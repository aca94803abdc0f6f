// Plays whole episodes with one snapshot and reports what came out. Its environments and random
// streams are its own: evaluating changes nothing in a run. The same (seed, stream, snapshot,
// options) gives the same bits, also when the episodes are shared among threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/policy_network.h"
#include "control/core/control.h"

namespace pmoe {

struct EvaluatorOptions {
  uint64_t seed = 1;
  int episodes = 10;
  int episode_steps_max = 10000;  // a longer episode is truncated there
  ActionChoice action{};
  double obs_noise = 0.0;  // standard deviation of N(0, s^2) added to all that the policy sees
  int lanes = 10;          // episodes side by side, at most
  // An environment that fails by itself ends its episode, which then counts for nothing, and not
  // all; a run's actors meet it, too.
  bool outlives_errors = false;
  // Of several evaluators that share the episodes: this one plays every parts-th batch of them.
  int part = 0;
  int parts = 1;
};

// One played episode.
struct Episode {
  int index = 0;
  double total_reward = 0.0;
  int length = 0;
  uint32_t reset_seed = 0;
  std::vector<int64_t> primitive_steps;  // [PolicySpec::components()] how often each acted
  std::map<std::string, double> info;    // what the environment said at its end (Env::Info)
};

// One step, while it is shown to an observer.
struct EvaluatedStep {
  int episode;
  uint32_t reset_seed;           // that the episode began with
  int step;                      // from 1
  absl::Span<const float> obs;   // [O] what the policy saw, before the step
  const PolicyNetwork& network;  // its outputs for that observation, in row `row`
  int row;
  int primitive;                    // that acted
  absl::Span<const double> action;  // [A] in the environment's units
  StepResult result;
  const Env& env;  // after the step
};
using StepObserver = std::function<void(const EvaluatedStep& step)>;

class Evaluator {
 public:
  using EnvFactory = std::function<absl::StatusOr<std::unique_ptr<Env>>()>;

  // Plays side by side, so that the policy's forward pass is a batch.
  static absl::StatusOr<std::unique_ptr<Evaluator>> Create(const EvaluatorOptions& options,
                                                           const PolicySpec& policy,
                                                           const EnvFactory& make_env);

  // Calls `observer` after every step, from the thread that plays.
  void Observe(StepObserver observer) { observer_ = std::move(observer); }

  // The episodes of its part, by index, without those whose environment failed. `stream` names the
  // random streams of this evaluation; a run uses its env_steps. Stops early with CancelledError
  // when `cancelled` says so.
  absl::StatusOr<std::vector<Episode>> Play(std::shared_ptr<const PolicySnapshot> snapshot,
                                            uint32_t stream,
                                            const std::function<bool()>& cancelled);

  // Play and Summarize.
  absl::StatusOr<Evaluation> Run(std::shared_ptr<const PolicySnapshot> snapshot, uint32_t stream,
                                 const std::function<bool()>& cancelled);

 private:
  Evaluator(const EvaluatorOptions& options, const PolicySpec& policy,
            std::vector<std::unique_ptr<Env>> envs);
  struct Lane {
    std::unique_ptr<Env> env;
    Episode episode;      // that it plays; with an index beyond the last one it idles
    bool failed = false;  // by the environment itself
    Rng noise;
  };
  bool Plays(const Lane& lane) const { return lane.episode.index < options_.episodes; }
  absl::Status Start(size_t lane, int episode, uint32_t stream);
  void See(size_t lane);
  void BeginSteps();
  std::function<void(const absl::Status&)> Failed() const;
  absl::Status OnBreakDown(Lane* lane, StepResult* result) const;
  absl::Status StepLane(size_t lane, uint32_t stream, std::vector<Episode>* played);

  EvaluatorOptions options_;
  PolicySpec policy_;
  PolicyNetwork network_;
  StepObserver observer_;
  std::vector<Lane> lanes_;
  std::vector<Rng> rngs_;
  std::vector<float> obs_;
  std::vector<float> actions_;
  std::vector<int> primitives_;
  std::vector<double> env_obs_;
  std::vector<double> env_action_;
};

// How many evaluators can share the work.
int EvaluatorPartsMax(const EvaluatorOptions& options);

// Means over all episodes, which come in the order of their indices; 0 and no returns of none.
Evaluation Summarize(absl::Span<const Episode> episodes, uint64_t env_steps, double seconds);

// Mean and population standard deviation.
void MeanAndStd(absl::Span<const double> values, double* mean, double* std);

}  // namespace pmoe
