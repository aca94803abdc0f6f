// One minibatch of PPO or PMOE-PPO, derived by hand: no graph, no small operators, no allocation.
// PpoUpdate::Step is its oracle. Float in production, double for tests. Thread-compatible. N rows
// of a rollout, B of a minibatch, K primitives, O obs_dim, A action_dim.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/rng.h"
#include "learner/ppo/fast_policy.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/ppo_state.h"
#include "learner/ppo/primitive_ranking.h"

namespace pmoe {

// A rollout's columns; what a row lacks is null.
template <typename T>
struct PpoRows {
  const T* obs = nullptr;           // [N, O]
  const T* action = nullptr;        // [N, A]
  const int* component = nullptr;   // [N] that acted, where the policy writes it
  const T* old_log_prob = nullptr;  // [N]
  const T* old_value = nullptr;     // [N]
  const T* advantage = nullptr;     // [N]
  const T* returns = nullptr;       // [N]
};

struct PpoStepPlace {
  double progress = 0.0;    // share of the run that is done
  bool last_epoch = false;  // statistics of the mixture are wanted
  Rng* noise = nullptr;
  PhaseClock* phases = nullptr;  // optional
};

template <typename T>
class FastPpoStep {
 public:
  // `state` is of type T and outlives the step.
  FastPpoStep(const PpoOptions& options, const PolicySpec& policy, PpoState* state);
  FastPpoStep(const FastPpoStep&) = delete;  // parts of it point to others
  FastPpoStep& operator=(const FastPpoStep&) = delete;

  // After somebody else changed the parameters.
  void Pack();
  // V and the log-probability that the ratio is of, [N] each, without a step.
  void Values(const T* obs, long rows, T* value);
  void OldLogProbs(const PpoRows<T>& rows, long count, T* log_prob);
  // Learns from rows order[0 … B - 1]. Adds to `losses` [kPpoLosses], and in the last epoch to
  // `mixture`, entropy and MixtureStats.
  void Step(const PpoRows<T>& rows, const int64_t* order, const PpoStepPlace& place, double* losses,
            double* mixture);

 private:
  void Gather(const PpoRows<T>& rows, const int64_t* order);
  void ForwardValue(const T* obs, long rows);
  NetInput<T> ValueInput(const T* obs);
  // log-probabilities of the ratio [rows], from policy_'s densities.
  void LogProbs(RatioOf ratio, const int* component, long rows, T* log_prob);
  // From by_log_prob_ to policy_'s gradients.
  void SurrogateGradient();
  void RouterGradient(const PpoStepPlace& place, double* losses);
  double BackwardAndStep(double lr_factor, PhaseClock* phases);

  const PpoOptions options_;
  const long batch_, obs_dim_, action_dim_, primitives_;
  FastPolicy<T> policy_;
  bool value_on_trunk_;
  TrainedNet<T> value_;
  int value_node_ = 0;  // of its output
  // A minibatch.
  AlignedVector<T> obs_, action_;  // [B, O], [B, A]
  std::vector<int> component_;
  AlignedVector<T> old_log_prob_, old_value_, advantage_, returns_;
  AlignedVector<T> log_prob_, by_log_prob_, share_;  // [B], [B], [B, K]
  std::vector<float> noise_;                         // [B, K] uniform, of Gumbel draws
  std::optional<PrimitiveRanking<T>> ranking_;       // reads the minibatch
  double gumbel_tau_ = 1.0;
};

}  // namespace pmoe
