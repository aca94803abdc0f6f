// One thread's share of a fast update: the passes over rows, for some rows at a time, small enough
// that what one layer writes the next one finds in cache. Owns its scratch. Used by one thread.
#pragma once

#include <optional>
#include <vector>

#include "learner/sac/gumbel_draw.h"
#include "learner/sac/policy_terms.h"
#include "learner/sac/quantile_targets.h"
#include "learner/sac/row_stats.h"
#include "learner/sac/sac_passes.h"

namespace pmoe {

template <typename T>
class SacWorker {
 public:
  explicit SacWorker(SacPasses<T>* passes);

  // Targets y, both critics on (s, a), and the gradients of everything they compute, for rows
  // [begin, end) of a member.
  void CriticRows(int member, Share rows);
  // The policy on s, all its actions ranked by the critics, and the gradients of what the policy
  // computes; the statistics.
  void PolicyRows(int member, Share rows);

 private:
  void CriticTile(int member, long row, long n);
  T Value(const NetRows<T>& rows, long row) const;
  void Combine(int critic, T value, size_t at);
  void WeighErrors(int member, int critic, long row, long n);
  void PolicyTile(int member, long row, long n);
  ComposedRows<T> Composed(long n) const;
  void ReadHeads(const NetRows<T>& net, long row, long n);
  void WriteHeads(const NetRows<T>& net, long row, long n, NetRows<T>* gradients);
  void TargetActions(int member, long row, long n);
  void TargetValues(int member, long row, long n);
  void LogProbs(const Draws<T>& draws, long n, T* log_prob, T* share);
  void Rank(int member, long row, long n, const T* actions, int count);
  void GumbelTerms(int member, long row, long n);
  void BackThroughCritics(int member, long row, long n, const T* dqs, int primitives);
  void AddToHeads(int member, long count);

  SacPasses<T>& p_;
  long tile_;  // most rows at a time
  NetRows<T> target_policy_rows_, target_critic_rows_;
  AlignedVector<T> composed_log_std_;  // [tile, A] of the one Gaussian, before its clamp
  HeadRows<T> own_heads_, heads_;      // the same, but where the policy is composed
  Draws<T> target_draws_, draws_;      // of the target: K where all count, else 1
  PolicyTerms<T> terms_;
  HeadGradients<T> own_gradients_, head_gradients_;
  RowStats<T> row_stats_;
  AlignedVector<T> y_;           // [tile]
  AlignedVector<T> first_part_;  // [tile, H] of the critics' first layer
  AlignedVector<T> q_;           // [tile, K] the smaller critic's, or the mean over quantiles
  AlignedVector<T> log_prob_;    // [tile, K]
  AlignedVector<T> share_;       // [tile, K, K] of each mixture density, EntropyOf::kMixture
  AlignedVector<T> d_action_;    // [L * tile, A]
  AlignedVector<T> d_critic_;    // the same of one critic
  std::optional<GumbelDraw<T>> gumbel_;          // kGumbel
  std::optional<QuantileTargets<T>> quantiles_;  // of critics with quantiles
  std::vector<int> smaller_;                     // [tile, K] which critic
  std::vector<int> index_;                       // [tile] of the target's primitive
  std::vector<int> ranked_row_;  // [L * tile] rows of one critic that have a gradient
  std::vector<int> tile_row_;    // the same as row * K + k of the tile
};

}  // namespace pmoe
