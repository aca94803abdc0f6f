// Which primitive is best at a state, and so what PMOE-PPO's router is pulled towards (Eq. 11, 12;
// docs/algorithms/pmoe_ppo.md), derived by hand: scores by a Q-network that learns from the returns
// beside the policy, or the advantages alone. PpoUpdate does the same by autograd.
// Thread-compatible. B rows of a minibatch, K primitives, O obs_dim, A action_dim.
#pragma once

#include <optional>
#include <vector>

#include "common/base/rng.h"
#include "learner/ppo/fast_policy.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/ppo_state.h"

namespace pmoe {

// A minibatch, on memory that stays where it is.
template <typename T>
struct RankedRows {
  const T* obs = nullptr;          // [B, O]
  const T* action = nullptr;       // [B, A]
  const int* component = nullptr;  // [B] that acted; only RankBy::kActionQ does without
  const T* advantage = nullptr;    // [B]
  const T* returns = nullptr;      // [B]
};

template <typename T>
class PrimitiveRanking {
 public:
  // `policy` and `state` outlive it.
  PrimitiveRanking(const PpoOptions& options, const PolicySpec& spec, FastPolicy<T>* policy,
                   const RankedRows<T>& rows, PpoState* state);

  // After somebody else changed the Q-network.
  void Pack();
  // After policy's Forward of the rows' observations: the mean of the router's loss on them, whose
  // gradient is added to the policy's by_logits().
  double RouterLoss(Rng* noise);
  // [B] the primitive with the highest score; null where they have none.
  const int* best() const { return best_.empty() ? nullptr : best_.data(); }
  // After RouterLoss and the policy's step: the Q-network's. Returns its loss, 0 without one.
  double StepQnet(double lr_factor);

 private:
  void MakeQnet(const PolicySpec& spec, PpoState* state);
  void ScoreActions(Rng* noise);
  void ScoreArms();
  void FindBest();
  void SetTarget();

  const PpoOptions options_;
  const long batch_, primitives_, actions_;
  FastPolicy<T>* const policy_;
  const RankedRows<T> rows_;
  std::optional<TrainedNet<T>> qnet_;
  int qnet_node_ = 0;                     // of its output
  NetInput<T> qnet_input_;                // state, and action where it reads one
  std::vector<float> noise_;              // [B, K, A] normal
  AlignedVector<T> drawn_, first_part_;   // [B, K, A], [B, H] of the first layer, for the state
  AlignedVector<T> score_;                // [B, K]
  AlignedVector<T> target_, row_weight_;  // [B, K] that the router is pulled to, [B]
  std::vector<int> best_;                 // [B]
};

}  // namespace pmoe
