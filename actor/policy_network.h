// The Torch-free interpreter of PolicySpec: evaluates any snapshot on a batch of observations with
// layers made for small batches. It knows layers and heads, no algorithms. One per actor thread. A
// row's result does not depend on the rows beside it. E environments, O obs_dim, A action_dim, K
// primitives, C spec.components(), X extra columns.
#pragma once

#include <memory>
#include <vector>

#include "Eigen/Core"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "actor/acting_density.h"
#include "actor/dense_layer.h"
#include "common/base/rng.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

// How an action comes out of the policy: which primitive k, and its mean, or with `sample` a draw
// from it.
struct ActionChoice {
  static constexpr int kRouter = -1;  // k ~ Cat(w)
  static constexpr int kArgmax = -2;  // k = argmax w

  int primitive = kRouter;  // or the index of the one that always acts
  bool sample = false;
};

class PolicyNetwork {
 public:
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr int kNoOption = -1;  // at an episode's start

  // batch: E, the rows of every call.
  PolicyNetwork(const PolicySpec& spec, int batch);

  // Keeps the snapshot and packs its weights. FailedPreconditionError when its
  // architecture differs.
  absl::Status Load(std::shared_ptr<const PolicySnapshot> snapshot);
  uint64_t version() const { return snapshot_ == nullptr ? 0 : snapshot_->version; }

  // obs: [E, O]; rngs: one per row, drawn from only where the choice needs it; action: [E, A], in
  // [-1, 1] where the policy squashes; primitive: [E]. Options go on from the step before.
  void Act(absl::Span<const float> obs, const ActionChoice& choice, absl::Span<Rng> rngs,
           absl::Span<float> action, absl::Span<int> primitive);
  // What the last Act has to say for the row's extra columns, [X], in the order of spec.columns.
  absl::Span<const float> columns(int row) const;

  // The row's next step begins an episode: no option goes on.
  void StartEpisode(int row) { options_[row] = kNoOption; }
  // [E] the option that acted last in each row: part of a checkpoint.
  absl::Span<int> options() { return absl::MakeSpan(options_); }
  absl::Span<const int> options() const { return options_; }

  // The heads for the last Forward or Act. mean, log_std: the Gaussians that may act, [E, C * A];
  // router weights [E, K]: softmax, or MCP's.
  void Forward(absl::Span<const float> obs);
  const Matrix& mean() const { return composed_ ? composed_mean_ : outputs_[mean_]; }
  const Matrix& log_std() const { return composed_ ? composed_log_std_ : log_std_clamped_; }
  const Matrix& router_weights() const { return router_weights_; }
  // After Act: the chances of the Gaussians that may act, [E, C]; an option that goes on has more.
  const Matrix& acting_weights() const { return acting_weights_; }
  // Of all K, also where gating or MCP make one of them. [E, K * A]
  const Matrix& primitive_means() const { return outputs_[mean_]; }

 private:
  int IndexOf(const std::string& layer) const;
  void ReadObservations(absl::Span<const float> obs);
  void Activate(int layer);
  void FillRouterWeights();
  void Compose();
  RowHeads Heads(int row) const;
  void FillActingWeights();
  int ChoosePrimitive(int row, int choice, Rng* rng) const;
  void FillColumns(int row, int primitive, absl::Span<const float> u);

  PolicySpec spec_;
  std::shared_ptr<const PolicySnapshot> snapshot_;
  std::vector<PackedLayer> layers_;  // of the snapshot
  std::vector<int> inputs_;  // per layer: index of the layer it reads, -1 for the observation
  Matrix obs_;
  std::vector<Matrix> outputs_;
  Matrix log_std_clamped_;
  const bool composed_;  // gating, MCP
  Matrix composed_mean_;
  Matrix composed_log_std_;
  // The chosen primitives' numbers for all actions in a row, with room to the end of a vector.
  Eigen::ArrayXf pre_tanh_;
  Eigen::ArrayXf chosen_std_;
  Eigen::ArrayXf softmax_;
  Eigen::ArrayXf activated_;  // of the widest layer
  Matrix router_weights_;
  Matrix acting_weights_;     // [E, K]: the router's, or what an option that goes on makes of them
  std::vector<int> options_;  // [E]
  Matrix columns_;            // [E, X]
  int mean_;
  int log_std_;
  int router_;  // -1 without one
  int beta_;    // -1 without options
};

// The policy's a to the environment's bounds, by spec.action_map. action, out: [A]
void ScaleAction(const PolicySpec& spec, absl::Span<const float> action, absl::Span<double> out);

}  // namespace pmoe
