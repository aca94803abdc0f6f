// The policy's net and heads in the hand-derived step: densities of a minibatch, and gradients back
// through them. What MixtureHeads is to the graph. Thread-compatible. B rows, K primitives, S
// Gaussians to act with (K, or 1 of gating's and MCP's K), A action_dim.
#pragma once

#include <optional>

#include "common/policy/policy_spec.h"
#include "learner/kernels/compose_rows.h"
#include "learner/kernels/mixture_rows.h"
#include "learner/kernels/mixture_stat_rows.h"
#include "learner/ppo/trained_net.h"

namespace pmoe {

struct FastPolicyOptions {
  bool router_detached = false;
  bool trunk_seeded = false;  // the caller adds a gradient of its own to the trunk's
};

template <typename T>
class FastPolicy {
 public:
  // At most `rows` rows at a time.
  FastPolicy(const PolicySpec& spec, const FastPolicyOptions& options, long rows,
             FlatParameters* parameters, Optimizer* optimizer);

  // Net and heads of obs [rows, O].
  void Forward(const T* obs, long rows);
  // Then log_n() of actions, [rows, A].
  void Densities(const T* action);

  long primitives() const { return all_.gaussians; }
  bool chooses() const { return chooses_; }         // a router draws the primitive that acts
  const T* log_n() const { return log_n_.data(); }  // [B, S] log N_k(a)
  // [B, S]; ones and zeros where nothing chooses.
  const T* w() const { return w_.data(); }
  const T* log_w() const { return log_w_.data(); }
  const T* GaussianEntropies();  // [B, S] H(N_k)
  // [B, K * A] of the K as they stand in the net, and their stds.
  Matrix<const T> mean() const;
  Matrix<const T> std() const { return {std_.data(), std_row_}; }
  // The trunk's output; its gradient, which the caller adds to. Null without a trunk.
  T* trunk() { return TrunkIn(&net_.activations()); }
  T* trunk_gradient() { return TrunkIn(&net_.gradients()); }
  long trunk_width() const;

  // A loss's gradients, for the caller to fill: by_log_n() whole, by_logits() from zeros on.
  T* by_log_n() { return by_log_n_.data(); }    // [B, S]
  T* by_logits() { return by_logits_.data(); }  // [B, K]
  void ClearGradients();
  // Their way to the parameters' gradient, entropy_scale times that of the mean over the rows of
  // sum_k w_k H(N_k), w as a constant, included.
  void Backward(const T* obs, double entropy_scale);
  TrainedNet<T>& net() { return net_; }

  // Adds MixtureStats of these rows; best: [B] or null.
  void AddStats(const int* best, double* sums);

 private:
  T* TrunkIn(NetRows<T>* rows) const;
  Matrix<T> Columns(NetRows<T>* rows, const NodeColumns& at) const {
    return {rows->At(at.node, 0) + at.column, rows->width(at.node)};
  }
  Matrix<const T> RawLogStd();
  ComposedRows<T> Composed();
  GaussianRows<T> Acting();
  void ReadLogStd();

  GaussianShape all_;     // the K
  GaussianShape acting_;  // the S
  bool chooses_;
  std::optional<Composition> composition_;
  NodeColumns mean_at_, log_std_at_, router_at_, trunk_at_;
  TrainedNet<T> net_;
  long obs_dim_;
  long std_row_;                              // 0: a parameter, one row for all
  AlignedVector<T> log_std_, std_, inv_std_;  // [B or 1, K * A]
  AlignedVector<T> one_mean_, one_raw_, one_log_std_, one_std_, one_inv_std_;  // [B, A] composed
  AlignedVector<T> by_one_mean_, by_one_log_std_;                              // [B, A]
  AlignedVector<T> w_, log_w_, gate_;                                          // [B, S], [B, K]
  AlignedVector<T> action_, z_;                                                // [B, S * A]
  AlignedVector<T> log_n_, by_log_n_, entropy_, share_;                        // [B, S]
  AlignedVector<T> by_logits_;                                                 // [B, K]
  AlignedVector<T> scratch_;                                                   // [K * A]
};

}  // namespace pmoe
